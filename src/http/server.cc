#include "http/server.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <list>
#include <thread>

#include "base/check.h"
#include "base/mutex.h"
#include "http/await.h"
#include "http/body_stream.h"
#include "http/gzip.h"

namespace zhiyin::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::ip::tcp;
using SteadyTime = std::chrono::steady_clock::time_point;
using TlsStream = asio::ssl::stream<tcp::socket>;

constexpr auto kSweepEvery = std::chrono::milliseconds(500);
constexpr auto kAcceptPause = std::chrono::milliseconds(50);  // after EMFILE and the like
constexpr std::size_t kFilesKept = 256;                       // for stores, clients and the like
constexpr std::string_view kTooMany =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: "
    "close\r\n\r\n";

/// As many files as the system lets this process have; how many that are.
std::size_t raise_files_limit(std::size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  if (limit.rlim_cur < wanted && limit.rlim_cur < limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = std::min<rlim_t>(limit.rlim_max, wanted);
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return limit.rlim_cur;
}

std::string_view reason_of(int status) {
  return bhttp::obsolete_reason(static_cast<bhttp::status>(status));
}

Request to_request(const bhttp::request<bhttp::string_body>& in, std::string remote) {
  Request out;
  out.method = std::string(in.method_string());
  out.target = std::string(in.target());
  const std::string_view target = out.target;
  const std::size_t mark = target.find('?');
  out.path = percent_decode(target.substr(0, mark), false);
  if (mark != std::string_view::npos) {
    std::string_view rest = target.substr(mark + 1);
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('&'), rest.size());
      const std::string_view pair = rest.substr(0, end);
      const std::size_t eq = std::min(pair.find('='), pair.size());
      const std::string_view value = eq < pair.size() ? pair.substr(eq + 1) : std::string_view();
      out.query.emplace(percent_decode(pair.substr(0, eq), true), percent_decode(value, true));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  for (const auto& field : in) {
    out.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  out.remote = std::move(remote);
  return out;
}

std::string render_head(const Response& response, bool keep_alive) {
  std::string head;
  head.reserve(256);
  const auto add_line = [&](std::string_view name, std::string_view value) {
    head.append(name).append(": ").append(value).append("\r\n");
  };
  head.append("HTTP/1.1 ").append(fmt::format_int(response.status).c_str());
  head.append(" ").append(reason_of(response.status)).append("\r\n");
  if (!response.stream) {
    add_line("Content-Length", fmt::format_int(response.body.size()).c_str());
  } else if (keep_alive) {  // else the end of the connection is the end of the body
    head += "Transfer-Encoding: chunked\r\n";
  }
  if (!response.content_type.empty()) add_line("Content-Type", response.content_type);
  for (const auto& [name, value] : response.headers) add_line(name, value);
  head += keep_alive ? "\r\n" : "Connection: close\r\n\r\n";
  return head;
}

/// A share of what all large bodies may hold, from construction to destruction. Small ones are not
/// counted.
class LargeBody {
 public:
  LargeBody(std::atomic<std::size_t>& held, std::size_t bytes, std::size_t bytes_max)
      : held_(held), bytes_(bytes > kSmall ? bytes : 0) {
    // One alone always fits: its route allows it.
    const std::size_t before = held_.fetch_add(bytes_);
    fits_ = before == 0 || before + bytes_ <= bytes_max;
  }
  ~LargeBody() { held_.fetch_sub(bytes_); }
  LargeBody(const LargeBody&) = delete;
  LargeBody& operator=(const LargeBody&) = delete;
  [[nodiscard]] bool fits() const { return bytes_ == 0 || fits_; }

 private:
  static constexpr std::size_t kSmall = std::size_t{32} << 10;
  std::atomic<std::size_t>& held_;
  const std::size_t bytes_;
  bool fits_ = false;
};

/// Tells the maker of a streamed body that nobody takes it any more, whichever way its connection
/// ends.
class StreamEnd {
 public:
  explicit StreamEnd(std::shared_ptr<BodyStream> stream) : stream_(std::move(stream)) {}
  ~StreamEnd() {
    if (stream_) stream_->close();
  }
  StreamEnd(const StreamEnd&) = delete;
  StreamEnd& operator=(const StreamEnd&) = delete;

 private:
  const std::shared_ptr<BodyStream> stream_;
};

/// What the sweeper and the drain see of a connection. Lives on its loop's thread only.
struct Connection {
  SteadyTime deadline;
  SteadyTime since;        // of the present state
  bool busy = false;       // between the first byte of a request and the last of its answer
  bool answering = false;  // the request is there as a whole
  std::function<void()> close;
};

/// One thread with its own event loop; a connection stays on the loop that it was given.
struct Loop {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
  std::list<Connection> connections;
  std::size_t held = 0;  ///< answers that wait for others to go out with
  std::thread thread;
};

class AsioServer final : public Server {
 public:
  AsioServer(ServerSettings settings, Router router, Admission admission, MetricsRegistry& metrics,
             Logger& logger)
      : settings_(std::move(settings)),
        router_(std::move(router)),
        admission_(std::move(admission)),
        logger_(logger),
        connections_max_(connections_for(settings_.connections_max)),
        seconds_(metrics.latency("zhiyin_http_request_seconds",
                                 "Time from a request's last byte to its answer.")),
        shed_(metrics.counter("zhiyin_http_connections_shed_total",
                              "Connections closed or refused because too many were open.")) {
    if (connections_max_ < settings_.connections_max) {
      logger_.info("http", "connections_limited",
                   {{"wanted", settings_.connections_max}, {"possible", connections_max_}});
    }
    for (int i = 0; i < settings_.threads; ++i) loops_.push_back(std::make_unique<Loop>());
    for (const Router::Route& route : router_.routes()) {
      auto& of_route = counters_.emplace_back();
      for (const int group : {2, 3, 4, 5}) {
        of_route[static_cast<std::size_t>(group)] =
            &metrics.counter("zhiyin_http_requests_total", "Requests by route and class of status.",
                             fmt::format("method=\"{}\",route=\"{}\",code=\"{}xx\"", route.method,
                                         route.pattern, group));
      }
    }
  }

  ~AsioServer() override {
    drain(std::chrono::seconds(1));
    for (auto& loop : loops_) loop->context.stop();
    for (auto& loop : loops_) {
      if (loop->thread.joinable()) loop->thread.join();
    }
    acceptor_.reset();
    for (auto& loop : loops_) loop->connections.clear();
  }

  Result<void> listen() {
    if (settings_.tls_certificate_file.empty() != settings_.tls_key_file.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  "TLS: server.tls_certificate and server.tls_key belong together; {} is missing",
                  settings_.tls_key_file.empty() ? "server.tls_key" : "server.tls_certificate");
    }
    if (!settings_.tls_certificate_file.empty()) {
      tls_ = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
      tls_->set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
      boost::system::error_code ec;
      tls_->use_certificate_chain_file(settings_.tls_certificate_file, ec);
      if (ec) {
        return fail(ErrorCode::kInvalidArgument, "TLS certificate {}: {}",
                    settings_.tls_certificate_file, ec.message());
      }
      tls_->use_private_key_file(settings_.tls_key_file, asio::ssl::context::pem, ec);
      if (ec)
        return fail(ErrorCode::kInvalidArgument, "TLS key {}: {}", settings_.tls_key_file,
                    ec.message());
    }
    boost::system::error_code ec;
    const auto address = asio::ip::make_address(settings_.address, ec);
    if (ec)
      return fail(ErrorCode::kInvalidArgument, "server: '{}' is no IP address", settings_.address);
    acceptor_.emplace(loops_[0]->context);
    const tcp::endpoint endpoint(address, settings_.port);
    acceptor_->open(endpoint.protocol(), ec);
    if (!ec) acceptor_->set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec) acceptor_->bind(endpoint, ec);
    if (!ec) acceptor_->listen(asio::socket_base::max_listen_connections, ec);
    if (ec) {
      return fail(ErrorCode::kUnavailable, "server: cannot listen on {}:{}: {}", settings_.address,
                  settings_.port, ec.message());
    }
    port_ = acceptor_->local_endpoint().port();
    asio::co_spawn(loops_[0]->context, accept(), asio::detached);
    for (auto& loop : loops_) {
      asio::co_spawn(loop->context, sweep(*loop), asio::detached);
      loop->thread = std::thread([raw = loop.get()] { raw->context.run(); });
    }
    return {};
  }

  [[nodiscard]] std::uint16_t port() const override { return port_; }

  void drain(std::chrono::milliseconds limit) override {
    draining_ = true;
    asio::post(loops_[0]->context, [this] {
      boost::system::error_code ignored;
      if (acceptor_) acceptor_->close(ignored);
    });
    for (auto& loop : loops_) {
      asio::post(loop->context, [raw = loop.get()] {
        for (Connection& connection : raw->connections) {
          if (!connection.busy) connection.close();
        }
      });
    }
    const SteadyTime end = std::chrono::steady_clock::now() + limit;
    MutexLock lock(mutex_);
    while (open_ > 0) {
      const auto left = end - std::chrono::steady_clock::now();
      if (left <= left.zero() || !closed_.wait_for(mutex_, left)) break;
    }
  }

 private:
  Task<void> accept() {
    std::size_t next = 0;
    while (!draining_) {
      Loop& loop = *loops_[next++ % loops_.size()];
      tcp::socket socket(loop.context);
      const auto [ec] =
          co_await acceptor_->async_accept(socket, asio::as_tuple(asio::use_awaitable));
      if (ec) {
        if (draining_ || ec == asio::error::operation_aborted) co_return;
        logger_.warning("http", "accept_failed", {{"reason", ec.message()}});
        asio::steady_timer pause(loops_[0]->context, kAcceptPause);
        co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
        continue;
      }
      boost::system::error_code ignored;
      if (!take_place()) {
        shed_.add();
        socket.non_blocking(true, ignored);
        socket.write_some(asio::buffer(kTooMany), ignored);
        continue;
      }
      socket.set_option(tcp::no_delay(true), ignored);
      asio::co_spawn(loop.context, serve_socket(loop, std::move(socket)), asio::detached);
    }
  }

  static std::size_t connections_for(std::size_t wanted) {
    const std::size_t files = raise_files_limit(wanted + kFilesKept);
    return std::max<std::size_t>(
        1, std::min(wanted, files > 2 * kFilesKept ? files - kFilesKept : files / 2));
  }

  /// A place for a new connection; makes room before the last ones are gone.
  bool take_place() {
    std::size_t open = 0;
    {
      MutexLock lock(mutex_);
      if (open_ < connections_max_) open = ++open_;
    }
    const std::size_t spare = std::max<std::size_t>(1, connections_max_ / 20);
    const bool full = open == 0;
    if ((full || open + spare > connections_max_) && !shedding_.exchange(true)) {
      logger_.warning("http", "connections_shed", {{"open", full ? connections_max_ : open}});
      shedders_ = loops_.size();
      for (auto& loop : loops_) {
        asio::post(loop->context, [this, raw = loop.get(), many = spare / loops_.size() + 1] {
          shed(*raw, many);
          if (--shedders_ == 0) shedding_ = false;
        });
      }
    }
    return !full;
  }

  /// Closes those that have waited longest; whoever is being answered stays.
  void shed(Loop& loop, std::size_t many) {
    const SteadyTime latest = std::chrono::steady_clock::now() - settings_.shed_after;
    std::vector<Connection*> waiting;
    for (Connection& connection : loop.connections) {
      if (!connection.answering && connection.since < latest) waiting.push_back(&connection);
    }
    many = std::min(many, waiting.size());
    std::ranges::nth_element(waiting, waiting.begin() + static_cast<std::ptrdiff_t>(many), {},
                             &Connection::since);
    for (std::size_t i = 0; i < many; ++i) waiting[i]->close();
    shed_.add(static_cast<std::int64_t>(many));
  }

  Task<void> sweep(Loop& loop) {
    asio::steady_timer timer(loop.context);
    for (;;) {
      timer.expires_after(kSweepEvery);
      co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
      const SteadyTime now = std::chrono::steady_clock::now();
      for (Connection& connection : loop.connections) {
        if (connection.deadline < now) connection.close();
      }
    }
  }

  Task<void> serve_socket(Loop& loop, tcp::socket socket) {
    const auto at = loop.connections.emplace(loop.connections.end());
    boost::system::error_code ec;
    const auto remote_endpoint = socket.remote_endpoint(ec);
    const std::string remote = ec ? std::string() : remote_endpoint.address().to_string();
    at->since = std::chrono::steady_clock::now();
    at->deadline = at->since + settings_.request_timeout;
    at->close = [] {};
    try {
      if (tls_) {
        TlsStream stream(std::move(socket), *tls_);
        at->close = [&stream] {
          boost::system::error_code e;
          stream.lowest_layer().close(e);
        };
        const auto [failed] = co_await stream.async_handshake(asio::ssl::stream_base::server,
                                                              asio::as_tuple(asio::use_awaitable));
        if (!failed) co_await serve(loop, stream, *at, remote);
        at->close = [] {};
      } else {
        at->close = [&socket] {
          boost::system::error_code e;
          socket.close(e);
        };
        co_await serve(loop, socket, *at, remote);
        at->close = [] {};
        boost::system::error_code ignored;
        socket.shutdown(tcp::socket::shutdown_both, ignored);
      }
    } catch (const std::exception& e) {
      logger_.error("http", "connection_failed", {{"reason", e.what()}});
    }
    loop.connections.erase(at);
    MutexLock lock(mutex_);
    --open_;
    closed_.notify_all();
  }

  template <class Stream>
  Task<void> serve(Loop& loop, Stream& stream, Connection& connection, const std::string& remote) {
    beast::flat_buffer buffer;
    while (!draining_) {
      connection.busy = connection.answering = false;
      connection.since = std::chrono::steady_clock::now();
      connection.deadline = connection.since + settings_.idle_timeout;
      bhttp::request_parser<bhttp::string_body> parser;
      parser.header_limit(static_cast<std::uint32_t>(settings_.header_bytes_max));
      parser.body_limit(boost::none);
      if (buffer.size() == 0) {  // nothing of the next request yet: wait for its first byte
        buffer.shrink_to_fit();
        const auto [wait_error, n] = co_await stream.async_read_some(
            buffer.prepare(kFirstBytes), asio::as_tuple(asio::use_awaitable));
        if (wait_error) co_return;
        buffer.commit(n);
      }
      connection.busy = true;
      connection.since = std::chrono::steady_clock::now();
      connection.deadline = connection.since + settings_.request_timeout;
      // Mostly all of it is there already, and nothing has to be waited for.
      boost::system::error_code header_error;
      buffer.consume(parser.put(buffer.data(), header_error));
      if (header_error == bhttp::error::need_more) header_error = {};
      if (!header_error && !parser.is_header_done()) {
        const auto [error, bytes] = co_await bhttp::async_read_header(
            stream, buffer, parser, asio::as_tuple(asio::use_awaitable));
        header_error = error;
      }
      if (header_error) {
        co_await refuse(stream, header_error, {});
        co_return;
      }
      Request request = to_request(parser.get(), remote);
      const auto route = router_.find(request);
      const std::size_t body_max = route ? (*route)->body_max : std::size_t{1} << 20;
      if (const auto length = parser.content_length(); length && *length > body_max) {
        co_await refuse_size(stream, body_max, request.path);
        co_return;
      }
      parser.body_limit(body_max);
      if (route && admission_) {
        if (auto refused = admission_(request, **route)) {
          co_await send_last(stream, formed(std::move(*refused), request.path));
          co_return;
        }
      }
      const LargeBody held(held_bytes_, parser.content_length().value_or(body_max),
                           settings_.bodies_bytes_max);
      if (!held.fits()) {
        Response busy =
            Response::problem({ErrorCode::kUnavailable,
                               "server: too many large bodies are being read; try again",
                               {}});
        co_await send_last(stream, formed(std::move(busy), request.path));
        co_return;
      }
      if (bhttp::token_list(parser.get()[bhttp::field::expect]).exists("100-continue")) {
        constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
        co_await asio::async_write(stream, asio::buffer(kContinue),
                                   asio::as_tuple(asio::use_awaitable));
      }
      if (!parser.is_done() && parser.content_length().value_or(kReadBytes) > buffer.size())
        buffer.reserve(kReadBytes);
      boost::system::error_code body_error;
      if (!parser.is_done()) {
        const auto [error, bytes] =
            co_await bhttp::async_read(stream, buffer, parser, asio::as_tuple(asio::use_awaitable));
        body_error = error;
      }
      if (body_error == bhttp::error::body_limit) {
        co_await refuse_size(stream, body_max, request.path);
        co_return;
      }
      if (body_error) {
        co_await refuse(stream, body_error, request.path);
        co_return;
      }
      const bool keep_alive = parser.get().keep_alive();
      request.body = std::move(parser.get().body());
      connection.answering = true;
      const SteadyTime start = std::chrono::steady_clock::now();
      connection.deadline = start + settings_.request_timeout * 4;
      Response response;  // no ?: around co_await: g++ 12 destroys its temporaries twice
      if (!route) {
        response = route.error();
      } else if (!answer_quickly(**route, request, response)) {
        response = co_await answer(**route, request);
      }
      form(response, request.path);
      const SteadyTime answered = std::chrono::steady_clock::now();
      seconds_.observe(std::chrono::duration<double>(answered - start).count());
      if (response.status == 0) co_return;  // Response::hang_up
      if (route) count(**route, response.status);
      connection.deadline = answered + settings_.request_timeout;
      const StreamEnd stream_end(response.stream);
      const bool stays = keep_alive && !draining_ && !response.cut_short;
      const std::string head = render_head(response, stays);
      if (response.cut_short) response.body.resize(response.body.size() / 2);
      if (request.method == "HEAD") response.body.clear();
      if (response.stream) {
        const bool complete = co_await send_stream(stream, connection, head, response, stays);
        if (!complete || !stays) co_return;
        continue;
      }
      // What is answered one after the other goes out together, behind the requests that are there
      // already: waking a client, on this machine or another, costs more than the answer's bytes.
      if (loop.held < kHeldMax) {
        ++loop.held;
        co_await asio::post(loop.context, asio::use_awaitable);
        --loop.held;
      }
      const std::array<asio::const_buffer, 2> parts = {asio::buffer(head),
                                                       asio::buffer(response.body)};
      const auto [write_error, written] =
          co_await asio::async_write(stream, parts, asio::as_tuple(asio::use_awaitable));
      if (write_error || !stays) co_return;
    }
  }

  /// Head, body and what its stream brings; false when it did not go out as a whole.
  template <class Stream>
  Task<bool> send_stream(Stream& stream, Connection& connection, const std::string& head,
                         Response& response, bool chunked) {
    std::string out = head;
    if (!response.body.empty()) append_chunk(out, response.body, chunked);
    for (;;) {
      connection.deadline = std::chrono::steady_clock::now() + settings_.request_timeout;
      const auto [error, n] = co_await asio::async_write(stream, asio::buffer(out),
                                                         asio::as_tuple(asio::use_awaitable));
      if (error) co_return false;
      out.clear();
      // Whoever makes the body has so long for each piece.
      connection.deadline = std::chrono::steady_clock::now() + settings_.request_timeout * 4;
      std::move_only_function<void(BodyStream::Taken)> start =
          [&response](BodyStream::Taken taken) { response.stream->take(std::move(taken)); };
      BodyStream::Next next = co_await from_callback<BodyStream::Next>(std::move(start));
      if (next.kind == BodyStream::Kind::kCut) co_return false;
      if (next.kind == BodyStream::Kind::kEnd) break;
      append_chunk(out, next.piece, chunked);
    }
    if (!chunked) co_return true;
    constexpr std::string_view kLast = "0\r\n\r\n";
    const auto [error, n] = co_await asio::async_write(stream, asio::buffer(kLast),
                                                       asio::as_tuple(asio::use_awaitable));
    co_return !error;
  }

  static void append_chunk(std::string& out, std::string_view piece, bool chunked) {
    if (chunked) fmt::format_to(std::back_inserter(out), "{:x}\r\n", piece.size());
    out += piece;
    if (chunked) out += "\r\n";
  }

  /// True where the route answered at once.
  bool answer_quickly(const Router::Route& route, Request& request, Response& response) {
    if (!route.quick || !request.body.empty()) return false;
    std::string failure;
    try {
      auto quick = route.quick(request);
      if (quick) response = std::move(*quick);
      return quick.has_value();
    } catch (const std::exception& e) {
      failure = e.what();
    }
    response = failed(route, failure);
    return true;
  }

  Response failed(const Router::Route& route, const std::string& reason) {
    logger_.error("http", "handler_failed", {{"route", route.pattern}, {"reason", reason}});
    return Response::problem(
        {ErrorCode::kInternal, "the server made a mistake; it is in its log", {}});
  }

  Task<Response> answer(const Router::Route& route, Request& request) {
    std::string failure;
    try {
      if (header(request.headers, "Content-Encoding") == "gzip") {
        auto plain = gunzip(request.body, route.body_max);
        if (!plain) {
          const int status = plain.error().code == ErrorCode::kLimitReached ? 413 : 400;
          co_return Response::problem(plain.error(), status);
        }
        request.body = std::move(*plain);
      }
      co_return co_await route.handler(request);
    } catch (const std::exception& e) {
      failure = e.what();
    }
    co_return failed(route, failure);
  }

  template <class Stream>
  Task<void> send_last(Stream& stream, Response response) {
    const std::string text = render_head(response, false) + response.body;
    co_await asio::async_write(stream, asio::buffer(text), asio::as_tuple(asio::use_awaitable));
    // Reads what the peer still sends, so that closing does not reset away our answer; the sweeper
    // bounds the time.
    std::vector<char> sink(kDrainBytesEach);
    for (std::size_t left = kDrainBytesMax; left > 0;) {
      const auto [ec, n] =
          co_await stream.async_read_some(asio::buffer(sink), asio::as_tuple(asio::use_awaitable));
      if (ec) break;
      left -= std::min(left, n);
    }
  }

  /// As the clients of that path read it.
  void form(Response& response, std::string_view path) const {
    constexpr std::string_view kProblem = "application/problem+json";
    if (response.content_type != kProblem) return;
    if (const ProblemForm* form = router_.problem_form(path)) (*form)(response);
  }
  Response formed(Response response, std::string_view path) const {
    form(response, path);
    return response;
  }

  template <class Stream>
  Task<void> refuse(Stream& stream, boost::system::error_code ec, std::string_view path) {
    if (ec == bhttp::error::end_of_stream || ec == asio::error::operation_aborted ||
        ec == asio::error::connection_reset || ec == asio::error::eof) {
      co_return;
    }
    Response response = Response::problem(
        {ErrorCode::kInvalidArgument, fmt::format("request: {}", ec.message()), {}},
        ec == bhttp::error::header_limit ? 431 : 400);
    co_await send_last(stream, formed(std::move(response), path));
  }

  template <class Stream>
  Task<void> refuse_size(Stream& stream, std::size_t body_max, std::string_view path) {
    Response response = Response::problem(
        {ErrorCode::kLimitReached, fmt::format("body: more than {} bytes", body_max), {}}, 413);
    co_await send_last(stream, formed(std::move(response), path));
  }

  void count(const Router::Route& route, int status) {
    const auto number = static_cast<std::size_t>(&route - router_.routes().data());
    Counter* counter = counters_[number][static_cast<std::size_t>(status / 100)];
    if (counter != nullptr) counter->add();
  }

  static constexpr std::size_t kFirstBytes =
      1 << 10;  // ten thousand connections may wait for their next request
  static constexpr std::size_t kHeldMax = 16;
  static constexpr std::size_t kReadBytes = 16 << 10;
  static constexpr std::size_t kDrainBytesEach = 64 << 10;
  static constexpr std::size_t kDrainBytesMax = 64 << 20;

  const ServerSettings settings_;
  const Router router_;
  const Admission admission_;
  std::atomic<std::size_t> held_bytes_ = 0;  // of large bodies
  Logger& logger_;
  const std::size_t connections_max_;
  Histogram& seconds_;
  Counter& shed_;
  std::atomic<bool> shedding_ = false;
  std::atomic<std::size_t> shedders_ = 0;
  std::vector<std::array<Counter*, 6>> counters_;  ///< by the route's number and class of status
  std::unique_ptr<asio::ssl::context> tls_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::optional<tcp::acceptor> acceptor_;
  std::uint16_t port_ = 0;
  std::atomic<bool> draining_ = false;
  Mutex mutex_;
  CondVar closed_;
  std::size_t open_ ZHIYIN_GUARDED_BY(mutex_) = 0;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(ServerSettings settings, Router router,
                                              Admission admission, MetricsRegistry& metrics,
                                              Logger& logger) {
  ZHIYIN_CHECK(settings.threads >= 1);
  auto server = std::make_unique<AsioServer>(std::move(settings), std::move(router),
                                             std::move(admission), metrics, logger);
  ZHIYIN_TRY_VOID(server->listen());
  return server;
}

}  // namespace zhiyin::http
