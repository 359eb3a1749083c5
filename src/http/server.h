#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "http/message.h"
#include "http/task.h"

namespace zhiyin::http {

using Handler = std::function<Task<Response>(Request&)>;
/// Puts a refusal (Response::problem) into the form that the clients of a path read.
using ProblemForm = std::function<void(Response&)>;
/// Which handler answers which method and path. Patterns have `{name}` parts (one segment) and may
/// end in `{name...}` (the rest). Built before the server starts, read-only afterwards.
class Router {
 public:
  using Quick = std::function<std::optional<Response>(Request&)>;
  /// `body_max` bounds the request body in bytes, after gunzip.
  void add(std::string_view method, std::string_view pattern, Handler handler,
           std::size_t body_max = 1 << 20);
  /// A handler that may block (state, warehouse): runs on `pool`; 503 when the pool is full.
  /// `quick`, when given, is tried first, on the connection's own thread: the answer where that
  /// needs no waiting and well below a millisecond, else nothing, and the pool does it.
  void add_blocking(std::string_view method, std::string_view pattern, ThreadPool& pool,
                    std::function<Response(Request&)> handler, std::size_t body_max = 1 << 20,
                    Quick quick = {});

  /// Whatever a request to this path (without parameters) is refused with, whatever its method and
  /// whoever refuses (no such method, a body too large, the admission, the handler), goes through
  /// `form`.
  void form_problems(std::string_view path, ProblemForm form);
  /// Of that path; null where problems stay as they are.
  [[nodiscard]] const ProblemForm* problem_form(std::string_view path) const;

  struct Route {
    std::string method;
    std::string pattern;
    std::vector<std::string> parts;
    Handler handler;
    std::size_t body_max;
    Quick quick = {};  ///< tried before `handler`; empty: none
  };
  /// The route, with `request.path_parameters` filled; else 404, or 405 with the methods that
  /// exist.
  [[nodiscard]] std::expected<const Route*, Response> find(Request& request) const;
  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
  std::map<std::string, ProblemForm, std::less<>> problem_forms_;  // by path
  /// Numbers of the routes that begin with these two parts, ascending; under "" those that begin
  /// with a parameter or have fewer parts.
  std::map<std::string, std::vector<std::size_t>, std::less<>> by_head_;
};

/// Decides on a request whose header is there and whose body is not: an answer ends it there, so
/// that whoever may not send a body need not be listened to. Runs on a thread of the network:
/// brief.
using Admission = std::function<std::optional<Response>(const Request&, const Router::Route&)>;

struct ServerSettings {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any free port
  int threads = 2;
  std::size_t header_bytes_max = 16 << 10;
  /// Open at once, as far as the process may have so many files. When nearly so many are open,
  /// those go that have waited longest for a request, or for the rest of one; when that is not
  /// enough, new ones are answered 503.
  std::size_t connections_max = 20'000;
  std::chrono::milliseconds shed_after{
      1000};  ///< a connection that has waited less is not closed to make room
  std::size_t bodies_bytes_max = std::size_t{1}
                                 << 30;  ///< of bodies above 1 MiB that are held at once; more: 503
  std::chrono::milliseconds idle_timeout{60'000};
  std::chrono::milliseconds request_timeout{
      30'000};                       ///< to receive one request, and to send one answer
  std::string tls_certificate_file;  ///< PEM; empty: no TLS
  std::string tls_key_file;
};

/// HTTP/1.1 with keep-alive. Bodies with Content-Encoding: gzip are unpacked within the route's
/// limit. Thread-safe after construction.
class Server {
 public:
  /// Fails with kUnavailable when the address cannot be bound, kInvalidArgument on bad TLS files.
  static Result<std::unique_ptr<Server>> start(ServerSettings settings, Router router,
                                               Admission admission, MetricsRegistry& metrics,
                                               Logger& logger);
  virtual ~Server() = default;  ///< drains for a second, then closes
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  /// No new connections; answers what is under way, closes idle ones; returns after at most
  /// `limit`.
  virtual void drain(std::chrono::milliseconds limit) = 0;
};

}  // namespace zhiyin::http
