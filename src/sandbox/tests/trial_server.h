#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "http/client.h"
#include "http/server.h"
#include "sandbox/callback.h"
#include "sandbox/wx_crypto.h"

namespace zhiyin::sandbox {

/// Takes events and callbacks, remembers what it saw, and on request sends one mass message when
/// its clock passes a moment.
class TrialServer {
 public:
  explicit TrialServer(const SandboxAccount& account)
      : account_(account), client_(http::Client::create({})), pool_(6, 1000) {
    http::Router router;
    router.add_blocking("POST", "/v1/clock", pool_,
                        [this](http::Request& r) { return move_clock(r); });
    router.add_blocking(
        "POST", "/v1/events", pool_, [this](http::Request& r) { return take_events(r); }, 8 << 20);
    router.add_blocking("GET", "/wechat/shop", pool_, [](http::Request& r) {
      return http::Response::text(std::string(r.query_or("echostr", "")));
    });
    router.add_blocking("POST", "/wechat/shop", pool_,
                        [this](http::Request& r) { return take_callback(r); });
    router.add_blocking("POST", "/wechat/corp", pool_, [this](http::Request&) {
      MutexLock lock(mutex_);
      ++seen_.company_callbacks;
      return http::Response::text("success");
    });
    router.add_blocking("POST", "/wechat/mini", pool_, [this](http::Request& r) {
      MutexLock lock(mutex_);
      if (parse_json(r.body)) ++seen_.json_callbacks;
      return http::Response::text("success");
    });
    router.add_blocking("GET", "/l/{code}", pool_, [this](http::Request&) { return redirect(); });
    server_ = std::move(*http::Server::start({}, std::move(router), {}, metrics_, null_logger()));
  }
  [[nodiscard]] std::string url() const {
    return fmt::format("http://127.0.0.1:{}", server_->port());
  }

  /// At the first clock beyond `at`, a message goes to all followers but every fourth.
  void plan_mass(Instant at, std::string platform_url) {
    MutexLock lock(mutex_);
    mass_at_ = at;
    platform_url_ = std::move(platform_url);
  }
  void fail_events(int times) { failures_ = times; }

  struct Seen {
    std::vector<Json> events;
    std::set<std::string> event_ids;
    std::size_t from_the_future = 0;
    std::size_t callbacks = 0;
    std::size_t bad_callbacks = 0;
    std::size_t company_callbacks = 0;
    std::size_t json_callbacks = 0;  ///< of the mini-program
    std::map<std::string, std::size_t> callback_events;
    std::size_t links = 0;
    std::string mass_report;
    std::set<std::string> targets;
  };
  Seen seen() {
    MutexLock lock(mutex_);
    return seen_;
  }

 private:
  http::Response move_clock(http::Request& request) {
    const Json body = *parse_json(request.body);
    const Instant to = *parse_time(body["to"].string_or(""), TimeZone::shanghai());
    bool send = false;
    {
      MutexLock lock(mutex_);
      if (request.headers.empty() ||
          http::header(request.headers, "Authorization") != "Bearer admin") {
        return http::Response::problem({ErrorCode::kPermissionDenied, "no", {}});
      }
      if (to < now_)
        return http::Response::problem(
            {ErrorCode::kInvalidArgument, "clock: cannot move back", {}});
      now_ = to;
      send = mass_at_.us > 0 && to >= mass_at_;
      if (send) mass_at_ = {};
    }
    if (send) send_mass();
    return http::Response::json(Json::object());
  }

  Json platform(const std::string& method, const std::string& path, const std::string& body) {
    http::ClientRequest request;
    request.method = method;
    request.url = platform_url_ + path;
    request.body = body;
    const auto response = client_->send_and_wait(std::move(request));
    return response ? *parse_json(response->body) : Json();
  }

  void send_mass() {
    const std::string token(
        platform("GET",
                 fmt::format("/cgi-bin/token?grant_type=client_credential&appid={}&secret={}",
                             account_.app_id, account_.app_secret),
                 "")["access_token"]
            .string_or(""));
    const Json list = platform("GET", "/cgi-bin/user/get?access_token=" + token, "");
    Json targets = Json::array();
    std::size_t i = 0;
    for (const Json& openid : *list["data"]["openid"].if_array()) {
      if (++i % 4 == 0) continue;
      targets.push(openid);
      MutexLock lock(mutex_);
      seen_.targets.emplace(openid.string_or(""));
    }
    Json body = Json::object();
    body.set("touser", std::move(targets));
    body.set("msgtype", "text");
    body.set("text", Json(Json::Object{{"content", fmt::format("春季上新 {}/l/abc", url())}}));
    body.set("clientmsgid", "spring-0");
    platform("POST", "/cgi-bin/message/mass/send?access_token=" + token, body.dump());
  }

  http::Response take_events(http::Request& request) {
    if (failures_ > 0) {
      --failures_;
      return http::Response::problem({ErrorCode::kInternal, "broken", {}});
    }
    const Json body = *parse_json(request.body);
    MutexLock lock(mutex_);
    for (const Json& event : *body.if_array()) {
      const Instant at = *parse_time(event["occurred_at"].string_or(""), TimeZone::shanghai());
      if (at > now_) ++seen_.from_the_future;
      if (seen_.event_ids.emplace(event["event_id"].string_or("")).second)
        seen_.events.push_back(event);
    }
    Json answer = Json::object();
    answer.set("accepted", body.if_array()->size());
    return http::Response::json(answer);
  }

  http::Response take_callback(http::Request& request) {
    const std::string encrypted = xml_text(request.body, "Encrypt");
    const std::string timestamp(request.query_or("timestamp", "")),
        nonce(request.query_or("nonce", ""));
    const auto plain =
        MessageCipher::create(account_.encoding_aes_key, account_.app_id)->decrypt(encrypted);
    MutexLock lock(mutex_);
    ++seen_.callbacks;
    const bool signed_well = message_signature(account_.token, timestamp, nonce, encrypted) ==
                             request.query_or("msg_signature", "");
    const auto age = now_.us / 1'000'000 - std::stoll(timestamp);
    if (!plain || !signed_well || age != 0) {
      ++seen_.bad_callbacks;
      return http::Response::text("success");
    }
    const std::string event = xml_text(*plain, "Event");
    ++seen_.callback_events[event.empty() ? xml_text(*plain, "MsgType") : event];
    if (event == "MASSSENDJOBFINISH") seen_.mass_report = *plain;
    if (event != "subscribe") return http::Response::text("success");
    const std::string reply = fmt::format(
        "<xml><ToUserName>{}</ToUserName><FromUserName>{}</FromUserName><CreateTime>{}</CreateTime>"
        "<MsgType>text</MsgType><Content>欢迎来到知音小店</Content></xml>",
        xml_text(*plain, "FromUserName"), account_.original_id, timestamp);
    const std::string sealed = MessageCipher::create(account_.encoding_aes_key, account_.app_id)
                                   ->encrypt(reply, "0123456789abcdef");
    return http::Response::text(fmt::format(
        "<xml><Encrypt>{}</Encrypt><MsgSignature>{}</MsgSignature><TimeStamp>{}</"
        "TimeStamp><Nonce>{}</Nonce></xml>",
        sealed, message_signature(account_.token, timestamp, nonce, sealed), timestamp, nonce));
  }

  http::Response redirect() {
    MutexLock lock(mutex_);
    ++seen_.links;
    http::Response response;
    response.status = 302;
    response.headers.emplace_back("Location",
                                  "http://127.0.0.1:8090/page/p003?zy_c=spring&zy_t=t_1");
    return response;
  }

  const SandboxAccount account_;
  MetricsRegistry metrics_;
  std::unique_ptr<http::Client> client_;
  ThreadPool pool_;
  std::unique_ptr<http::Server> server_;
  std::atomic<int> failures_ = 0;
  Mutex mutex_;
  Instant now_;
  Instant mass_at_;
  std::string platform_url_;
  Seen seen_;
};

}  // namespace zhiyin::sandbox
