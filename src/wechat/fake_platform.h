#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "http/await.h"
#include "http/client.h"
#include "wechat/call.h"

namespace zhiyin::wechat {

using PlatformAnswer = std::expected<http::ClientResponse, http::ClientError>;

inline PlatformAnswer answer_json(std::string body, int status = 200) {
  return http::ClientResponse{status, {}, std::move(body)};
}
inline PlatformAnswer answer_silence(http::SendProgress progress,
                                     ErrorCode code = ErrorCode::kUnavailable) {
  return std::unexpected(http::ClientError{Error{code, "peer: went away", {}}, progress});
}
inline PlatformAnswer answer_token(std::string_view token, int life = 7200) {
  return answer_json(fmt::format(R"({{"access_token":"{}","expires_in":{}}})", token, life));
}

/// A platform without a network. Token requests and others are answered by two functions; every
/// request is kept. `hold` makes coroutines wait until `release`. Thread-safe as far as its
/// functions are. For tests.
class FakePlatform final : public http::Client {
 public:
  using Answer = std::function<PlatformAnswer(const http::ClientRequest&)>;

  Answer token = [](const http::ClientRequest&) { return answer_token("AT"); };
  Answer other = [](const http::ClientRequest&) {
    return answer_json(R"({"errcode":0,"errmsg":"ok"})");
  };
  bool hold = false;

  http::Task<PlatformAnswer> send(http::ClientRequest request) override {
    PlatformAnswer answer = answer_to(request);
    if (hold) {
      const int released = co_await http::from_callback<int>(
          [this](std::move_only_function<void(int)> done) { held_.push_back(std::move(done)); });
      static_cast<void>(released);
    }
    co_return answer;
  }
  PlatformAnswer send_and_wait(http::ClientRequest request) override { return answer_to(request); }

  /// Lets those who wait go on, or drops them as a closed connection pool would.
  void release() {
    for (auto& done : std::exchange(held_, {})) done(0);
  }
  void drop() { held_.clear(); }
  [[nodiscard]] std::size_t held() const { return held_.size(); }

  /// Requests whose address contains `part`.
  std::vector<http::ClientRequest> sent(std::string_view part) {
    MutexLock lock(mutex_);
    std::vector<http::ClientRequest> out;
    for (const http::ClientRequest& r : requests_) {
      if (r.url.find(part) != std::string::npos) out.push_back(r);
    }
    return out;
  }
  std::size_t count(std::string_view part) { return sent(part).size(); }

 private:
  PlatformAnswer answer_to(const http::ClientRequest& request) {
    {
      MutexLock lock(mutex_);
      requests_.push_back(request);
    }
    const bool is_token = request.url.find("/cgi-bin/stable_token") != std::string::npos ||
                          request.url.find("/cgi-bin/token") != std::string::npos ||
                          request.url.find("/cgi-bin/gettoken") != std::string::npos ||
                          request.url.find("/oauth/token") != std::string::npos;
    return is_token ? token(request) : other(request);
  }

  Mutex mutex_;
  std::vector<http::ClientRequest> requests_ ZHIYIN_GUARDED_BY(mutex_);
  std::vector<std::move_only_function<void(int)>> held_;
};

inline ApiAccount test_account() {
  ApiAccount a;
  a.id = AccountId("shop");
  a.app_id = "wx0123456789abcdef";
  a.app_secret = Secret("the-secret");
  return a;
}

}  // namespace zhiyin::wechat
