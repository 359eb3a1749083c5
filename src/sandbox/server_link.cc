#include "sandbox/server_link.h"

#include <thread>

namespace zhiyin::sandbox {
namespace {

constexpr int kTries = 3;
constexpr std::chrono::milliseconds kTryPause{300};
// Moving the clock may send a campaign and catch up with a day of events.
constexpr std::chrono::milliseconds kClockTimeout{600'000};

http::ClientRequest json_post(std::string url, std::string_view key, std::string body) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = std::move(url);
  request.headers = {{"Content-Type", "application/json"},
                     {"Authorization", fmt::format("Bearer {}", key)}};
  request.body = std::move(body);
  return request;
}

std::unexpected<Error> refused(std::string_view what, const http::ClientResponse& response) {
  return fail(response.status == 401 || response.status == 403 ? ErrorCode::kPermissionDenied
                                                               : ErrorCode::kUnavailable,
              "server: {} answered {}: {}", what, response.status, response.body.substr(0, 300));
}

std::string first_reason(const Json& answer) {
  const Json::Array* events = answer["events"].if_array();
  if (events == nullptr) return {};
  for (const Json& event : *events) {
    if (event["status"].string_or("") == "quarantined")
      return std::string(event["reason"].string_or(""));
  }
  return {};
}

}  // namespace

EventCounts& EventCounts::operator+=(const EventCounts& other) {
  sent += other.sent;
  accepted += other.accepted;
  duplicate += other.duplicate;
  quarantined += other.quarantined;
  if (first_reason.empty()) first_reason = other.first_reason;
  return *this;
}

std::string ServerLink::callback_url() const { return callback_url(connection_.account); }

std::string ServerLink::callback_url(std::string_view account) const {
  return fmt::format("{}/wechat/{}", connection_.url, account);
}

Result<void> ServerLink::move_clock(Instant to) {
  Json body = Json::object();
  body.set("to", format_utc(to));
  http::ClientRequest request =
      json_post(connection_.url + "/v1/clock", connection_.admin_key, body.dump());
  request.timeout = kClockTimeout;
  auto response = client_.send_and_wait(std::move(request));
  if (!response) return std::unexpected(std::move(response.error().error));
  if (response->status != 200) return refused("POST /v1/clock", *response);
  return {};
}

Result<EventCounts> ServerLink::send_events(const std::vector<std::string>& events) {
  std::string body = "[";
  for (const std::string& event : events) {
    if (body.size() > 1) body += ",\n";
    body += event;
  }
  body += "]";
  for (int attempt = 1;; ++attempt) {
    http::ClientRequest request =
        json_post(connection_.url + "/v1/events", connection_.ingest_key, body);
    request.timeout = std::chrono::seconds(60);
    auto response = client_.send_and_wait(std::move(request));
    const bool again = !response || response->status == 503;
    if (again && attempt < kTries) {
      std::this_thread::sleep_for(kTryPause * attempt);
      continue;
    }
    if (!response) return std::unexpected(std::move(response.error().error));
    if (response->status != 200) return refused("POST /v1/events", *response);
    ZHIYIN_TRY(const Json answer, parse_json(response->body));
    EventCounts counts;
    counts.sent = static_cast<std::int64_t>(events.size());
    counts.accepted = answer["accepted"].int_or(0);
    counts.duplicate = answer["duplicate"].int_or(0);
    counts.quarantined = answer["quarantined"].int_or(0);
    if (counts.quarantined > 0) counts.first_reason = first_reason(answer);
    return counts;
  }
}

std::optional<HttpReply> ServerLink::post_callback(const SignedCallback& callback) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = callback.url;
  request.headers = {{"Content-Type", "text/xml"}};
  request.body = callback.body;
  request.timeout = kCallbackTimeout;
  auto response = client_.send_and_wait(std::move(request));
  if (!response) return std::nullopt;
  return HttpReply{response->status, std::move(response->body)};
}

Result<HttpReply> ServerLink::get(const std::string& url) {
  http::ClientRequest request;
  request.url = url;
  request.timeout = kCallbackTimeout;
  auto response = client_.send_and_wait(std::move(request));
  if (!response) return std::unexpected(std::move(response.error().error));
  return HttpReply{response->status, std::move(response->body)};
}

Result<std::string> ServerLink::open_link(const std::string& url) {
  http::ClientRequest request;
  request.url = url;
  request.headers = {{"User-Agent", "Mozilla/5.0 (iPhone) MicroMessenger/8.0.50"}};
  auto response = client_.send_and_wait(std::move(request));
  if (!response) return std::unexpected(std::move(response.error().error));
  if (response->status < 301 || response->status > 308) return refused("a tracked link", *response);
  return std::string(http::header(response->headers, "Location"));
}

}  // namespace zhiyin::sandbox
