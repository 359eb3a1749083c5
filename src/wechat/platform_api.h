#pragma once

#include <filesystem>
#include <string>

#include "http/message.h"
#include "http/task.h"
#include "wechat/call.h"
#include "wechat/endpoint.h"

namespace zhiyin::wechat {

/// One call, ready but for the credentials.
struct ApiCall {
  const Endpoint* endpoint = nullptr;
  std::string query = {};  ///< further parameters, encoded: `&a=b`
  std::string body = {};
  std::string content_type = "application/json; charset=utf-8";
  /// A file between `body` and `body_end`, read while it is sent. Empty: none.
  std::filesystem::path body_file = {};
  std::string body_end = {};

  [[nodiscard]] bool may_be_repeated() const { return endpoint->repeat != Repeat::kNever; }
};

/// What the platform answered: JSON, or bytes where it answers with a picture or file.
struct ApiAnswer {
  Json json;
  std::string bytes;
  std::string content_type;  ///< of the bytes
  http::Headers headers;
};

/// Any call of any endpoint, with its credentials, pace, repetitions and metrics. Interface so that
/// what is built on it can be tested without a platform. An error in `call` (input out of bounds)
/// is answered without anything being sent. Thread-safe.
class PlatformApi {
 public:
  virtual ~PlatformApi() = default;
  /// For coroutines. Runs on the executor of the caller.
  virtual http::Task<Outcome<ApiAnswer>> perform(ApiAccount account, Result<ApiCall> call) = 0;
  /// The same, blocking the calling thread; not from a thread of the HTTP client or server.
  virtual Outcome<ApiAnswer> perform_and_wait(const ApiAccount& account, Result<ApiCall> call) = 0;
};

}  // namespace zhiyin::wechat
