#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/error.h"
#include "http/message.h"
#include "http/task.h"

namespace zhiyin::http {

struct ClientResponse;
/// A piece of an answer's body as it comes; `head` has status and headers. Called on a thread of
/// the client, which it must not keep. False ends the exchange: kUnavailable.
using OnPiece = std::function<bool(const ClientResponse& head, std::string_view piece)>;

struct ClientRequest {
  std::string method = "GET";
  std::string url;  ///< http:// or https://, absolute
  Headers headers;
  std::string body;
  /// A file that follows `body` and is followed by `body_end`, read while it is sent. Empty: none.
  std::filesystem::path body_file = {};
  std::string body_end = {};
  std::chrono::milliseconds timeout{10'000};  ///< for the whole exchange
  std::size_t response_bytes_max = 16 << 20;
  /// When set, takes the body of a 2xx answer piece by piece (the answer's own stays empty); other
  /// answers come whole.
  OnPiece on_piece = {};
  /// With `on_piece`: the longest wait for the head and for each piece; 0: only `timeout`.
  std::chrono::milliseconds piece_timeout{0};
  /// Ends the exchange from outside: kUnavailable. While it connects, at the next step.
  std::stop_token stop = {};
};

/// How far an exchange came before it failed: decides whether it may be repeated.
enum class SendProgress {
  kNothingSent,     ///< no byte left: repeating is safe
  kOutcomeUnknown,  ///< sent (in part or whole), no complete answer
};

struct ClientError {
  Error error;  ///< kUnavailable, kDeadline, kLimitReached, kInvalidArgument
  SendProgress progress = SendProgress::kNothingSent;
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

/// HTTP/1.1 client with a bounded pool of kept-alive connections per host. A request on a kept
/// connection that the peer had closed is repeated on a new one only if no byte of an answer came
/// and the method is GET, or nothing was sent. Thread-safe.
class Client {
 public:
  struct Settings {
    int threads = 1;
    std::size_t idle_per_host = 16;
    std::chrono::milliseconds idle_timeout{30'000};
    std::string ca_file;  ///< empty: the system's
  };
  static std::unique_ptr<Client> create(Settings settings);
  virtual ~Client() = default;

  virtual Task<std::expected<ClientResponse, ClientError>> send(ClientRequest request) = 0;
  /// Blocks the calling thread; not from a thread of the client or server.
  virtual std::expected<ClientResponse, ClientError> send_and_wait(ClientRequest request) = 0;

  using Done = std::move_only_function<void(std::expected<ClientResponse, ClientError>)>;
  /// Returns at once; `done` is called exactly once, on a thread of the client, which it must not
  /// keep. No thread waits meanwhile.
  virtual void send_and_tell(ClientRequest request, Done done) {
    done(send_and_wait(std::move(request)));
  }
};

}  // namespace zhiyin::http
