#include "http/client.h"

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <deque>
#include <fstream>
#include <map>
#include <thread>
#include <tuple>
#include <vector>

#include "base/mutex.h"

namespace zhiyin::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::ip::tcp;
using Outcome = std::expected<ClientResponse, ClientError>;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::size_t kFilePieceBytes = 64 << 10;
constexpr std::size_t kReadPieceBytes = 16 << 10;

struct Url {
  bool tls = false;
  std::string host;
  std::string port;
  std::string target;
  [[nodiscard]] std::string origin() const {
    return (tls ? "https://" : "http://") + host + ":" + port;
  }
};

Result<Url> parse_url(std::string_view text) {
  Url url;
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    url.tls = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return fail(ErrorCode::kInvalidArgument, "url: '{}' begins with neither http:// nor https://",
                text.substr(0, 100));
  }
  const std::size_t slash = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, slash);
  url.target = rest.substr(slash);
  if (url.target.empty() || url.target[0] != '/') url.target.insert(0, "/");
  const std::size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && authority.back() != ']') {
    url.port = authority.substr(colon + 1);
    authority = authority.substr(0, colon);
  } else {
    url.port = url.tls ? "443" : "80";
  }
  url.host = authority;
  const bool clean =
      std::none_of(text.begin(), text.end(), [](unsigned char c) { return c <= ' ' || c == 127; });
  if (url.host.empty() || url.port.empty() || !clean) {
    return fail(ErrorCode::kInvalidArgument, "url: '{}' has no host", text.substr(0, 100));
  }
  return url;
}

/// One connection, with or without TLS.
struct Link {
  explicit Link(asio::io_context& context) : plain(context) {}
  beast::tcp_stream plain;
  std::unique_ptr<asio::ssl::stream<beast::tcp_stream&>> tls;
  SteadyTime idle_since;
};

/// While it lives, a requested stop ends what its link is doing; on the link's thread, since others
/// may not touch it.
class Interruption {
 public:
  Interruption(const std::stop_token& stop, const std::shared_ptr<Link>& link)
      : on_stop_(stop, Cancel{link, active_}) {}
  ~Interruption() { *active_ = false; }
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

 private:
  struct Cancel {
    std::weak_ptr<Link> link;
    std::shared_ptr<bool> active;  // both sides are on the link's thread
    void operator()() const {
      const auto held = link.lock();
      if (!held) return;
      asio::post(held->plain.get_executor(), [held, a = active] {
        if (*a) held->plain.cancel();
      });
    }
  };
  std::shared_ptr<bool> active_ = std::make_shared<bool>(true);
  std::stop_callback<Cancel> on_stop_;
};

ClientError failed(ErrorCode code, SendProgress progress, const Url& url, std::string_view what) {
  return {{code, fmt::format("{}: {}", url.origin(), what), {}}, progress};
}

class AsioClient final : public Client {
 public:
  explicit AsioClient(Settings settings)
      : settings_(std::move(settings)), tls_(asio::ssl::context::tls_client) {
    boost::system::error_code ignored;
    if (settings_.ca_file.empty()) {
      tls_.set_default_verify_paths(ignored);
    } else {
      tls_.load_verify_file(settings_.ca_file, ignored);
    }
    tls_.set_verify_mode(asio::ssl::verify_peer);
    for (int i = 0; i < settings_.threads; ++i) threads_.emplace_back([this] { context_.run(); });
  }

  ~AsioClient() override {
    context_.stop();
    for (std::thread& thread : threads_) thread.join();
  }

  Task<Outcome> send(ClientRequest request) override {
    co_return co_await asio::co_spawn(context_, exchange(std::move(request)), asio::use_awaitable);
  }

  void send_and_tell(ClientRequest request, Done done) override {
    asio::co_spawn(
        context_, exchange(std::move(request)),
        [d = std::move(done)](std::exception_ptr failed, Outcome outcome) mutable {
          if (failed) {
            outcome = std::unexpected(ClientError{{ErrorCode::kInternal, "request: failed", {}},
                                                  SendProgress::kOutcomeUnknown});
          }
          d(std::move(outcome));
        });
  }

  Outcome send_and_wait(ClientRequest request) override {
    return asio::co_spawn(context_, exchange(std::move(request)), asio::use_future).get();
  }

 private:
  std::shared_ptr<Link> take_idle(const std::string& origin) {
    MutexLock lock(mutex_);
    auto& idle = idle_[origin];
    const SteadyTime now = std::chrono::steady_clock::now();
    while (!idle.empty()) {
      std::shared_ptr<Link> link = std::move(idle.back());
      idle.pop_back();
      if (now - link->idle_since < settings_.idle_timeout) return link;
    }
    return nullptr;
  }

  void give_back(const std::string& origin, std::shared_ptr<Link> link) {
    link->idle_since = std::chrono::steady_clock::now();
    MutexLock lock(mutex_);
    auto& idle = idle_[origin];
    if (idle.size() < settings_.idle_per_host) idle.push_back(std::move(link));
  }

  Task<std::expected<std::shared_ptr<Link>, ClientError>> connect(const Url& url,
                                                                  SteadyTime deadline) {
    auto link = std::make_shared<Link>(context_);
    link->plain.expires_at(deadline);
    tcp::resolver resolver(context_);
    const auto [resolve_error, endpoints] =
        co_await resolver.async_resolve(url.host, url.port, asio::as_tuple(asio::use_awaitable));
    if (resolve_error) {
      co_return std::unexpected(failed(ErrorCode::kUnavailable, SendProgress::kNothingSent, url,
                                       resolve_error.message()));
    }
    const auto [connect_error, endpoint] =
        co_await link->plain.async_connect(endpoints, asio::as_tuple(asio::use_awaitable));
    if (connect_error) {
      const auto code =
          connect_error == beast::error::timeout ? ErrorCode::kDeadline : ErrorCode::kUnavailable;
      co_return std::unexpected(
          failed(code, SendProgress::kNothingSent, url, connect_error.message()));
    }
    boost::system::error_code ignored;
    link->plain.socket().set_option(tcp::no_delay(true), ignored);
    if (url.tls) {
      link->tls = std::make_unique<asio::ssl::stream<beast::tcp_stream&>>(link->plain, tls_);
      SSL_set_tlsext_host_name(link->tls->native_handle(), url.host.c_str());
      link->tls->set_verify_callback(asio::ssl::host_name_verification(url.host));
      const auto [handshake_error] = co_await link->tls->async_handshake(
          asio::ssl::stream_base::client, asio::as_tuple(asio::use_awaitable));
      if (handshake_error) {
        co_return std::unexpected(failed(ErrorCode::kUnavailable, SendProgress::kNothingSent, url,
                                         handshake_error.message()));
      }
    }
    co_return std::move(link);
  }

  template <class Stream>
  Task<Outcome> talk(Stream& stream, Link& link, const Url& url, const ClientRequest& request,
                     SteadyTime deadline, bool& keep_alive, bool& peer_had_closed) {
    const auto verb = bhttp::string_to_verb(request.method);
    bhttp::request<bhttp::string_body> out(verb, url.target, 11);
    if (verb == bhttp::verb::unknown) out.method_string(request.method);
    const bool standard_port = url.port == (url.tls ? "443" : "80");
    out.set(bhttp::field::host, standard_port ? url.host : url.host + ":" + url.port);
    out.set(bhttp::field::user_agent, "zhiyin/" ZHIYIN_VERSION);
    for (const auto& [name, value] : request.headers) out.set(name, value);
    boost::system::error_code write_error;
    std::size_t written = 0;
    if (request.body_file.empty()) {
      out.body() = request.body;
      out.prepare_payload();
      std::tie(write_error, written) =
          co_await bhttp::async_write(stream, out, asio::as_tuple(asio::use_awaitable));
    } else {
      std::error_code file_error;
      const auto size = std::filesystem::file_size(request.body_file, file_error);
      std::ifstream file(request.body_file, std::ios::binary);
      if (file_error || !file) {
        co_return std::unexpected(ClientError{
            Error{ErrorCode::kNotFound,
                  fmt::format("{}: cannot be read", request.body_file.filename().string()),
                  {}},
            SendProgress::kNothingSent});
      }
      out.content_length(request.body.size() + size + request.body_end.size());
      std::tie(write_error, written) = co_await write_with_file(stream, out, request, file, size);
    }
    if (write_error) {
      const auto code =
          write_error == beast::error::timeout ? ErrorCode::kDeadline : ErrorCode::kUnavailable;
      co_return std::unexpected(
          failed(code, written == 0 ? SendProgress::kNothingSent : SendProgress::kOutcomeUnknown,
                 url, write_error.message()));
    }
    if (request.on_piece) {
      co_return co_await read_pieces(stream, link, url, request, deadline, keep_alive,
                                     peer_had_closed);
    }
    beast::flat_buffer buffer;
    bhttp::response_parser<bhttp::string_body> parser;
    parser.body_limit(request.response_bytes_max);
    if (verb == bhttp::verb::head) parser.skip(true);
    const auto [read_error, read] =
        co_await bhttp::async_read(stream, buffer, parser, asio::as_tuple(asio::use_awaitable));
    if (read_error) {
      peer_had_closed = !parser.got_some() && closed_by_peer(read_error);
      co_return std::unexpected(read_failure(url, read_error));
    }
    keep_alive = parser.get().keep_alive();
    ClientResponse in = head_of(parser.get());
    in.body = std::move(parser.get().body());
    co_return in;
  }

  static bool closed_by_peer(const boost::system::error_code& error) {
    return error == bhttp::error::end_of_stream || error == asio::error::connection_reset;
  }

  static ClientError read_failure(const Url& url, const boost::system::error_code& error) {
    ErrorCode code = ErrorCode::kUnavailable;
    if (error == beast::error::timeout) code = ErrorCode::kDeadline;
    if (error == bhttp::error::body_limit) code = ErrorCode::kLimitReached;
    return failed(code, SendProgress::kOutcomeUnknown, url, error.message());
  }

  template <class Message>
  static ClientResponse head_of(const Message& message) {
    ClientResponse head;
    head.status = static_cast<int>(message.result_int());
    for (const auto& field : message) {
      head.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    }
    return head;
  }

  /// The answer of a request with `on_piece`.
  template <class Stream>
  Task<Outcome> read_pieces(Stream& stream, Link& link, const Url& url,
                            const ClientRequest& request, SteadyTime deadline, bool& keep_alive,
                            bool& peer_had_closed) {
    const auto set_wait = [&] {
      const SteadyTime pause = std::chrono::steady_clock::now() + request.piece_timeout;
      link.plain.expires_at(request.piece_timeout.count() > 0 ? std::min(pause, deadline)
                                                              : deadline);
    };
    beast::flat_buffer buffer;
    bhttp::response_parser<bhttp::buffer_body> parser;
    parser.body_limit(request.response_bytes_max);
    set_wait();
    const auto [head_error, head_bytes] = co_await bhttp::async_read_header(
        stream, buffer, parser, asio::as_tuple(asio::use_awaitable));
    if (head_error) {
      peer_had_closed = !parser.got_some() && closed_by_peer(head_error);
      co_return std::unexpected(read_failure(url, head_error));
    }
    ClientResponse in = head_of(parser.get());
    const bool good = in.status >= 200 && in.status < 300;
    std::vector<char> piece(kReadPieceBytes);
    while (!parser.is_done()) {
      auto& body = parser.get().body();
      body.data = piece.data();
      body.size = piece.size();
      set_wait();
      auto [error, n] = co_await bhttp::async_read_some(stream, buffer, parser,
                                                        asio::as_tuple(asio::use_awaitable));
      if (error == bhttp::error::need_buffer) error = {};
      const std::string_view got(piece.data(), piece.size() - parser.get().body().size);
      if (good && !got.empty() && !request.on_piece(in, got)) {
        co_return std::unexpected(failed(ErrorCode::kUnavailable, SendProgress::kOutcomeUnknown,
                                         url, "stopped by the caller"));
      }
      if (!good) in.body += got;
      if (error) co_return std::unexpected(read_failure(url, error));
    }
    keep_alive = parser.get().keep_alive();
    co_return in;
  }

  /// Head, body, file and end, a piece at a time. A file that is shorter than it was ends the
  /// connection, since what was announced cannot be sent.
  template <class Stream, class Head>
  static Task<std::tuple<boost::system::error_code, std::size_t>> write_with_file(
      Stream& stream, Head& head, const ClientRequest& request, std::ifstream& file,
      std::uintmax_t size) {
    bhttp::request_serializer<bhttp::string_body> serializer(head);
    auto [error, written] =
        co_await bhttp::async_write_header(stream, serializer, asio::as_tuple(asio::use_awaitable));
    std::vector<char> piece(kFilePieceBytes);
    std::string_view text = request.body;
    while (!error && (size > 0 || !text.empty())) {
      asio::const_buffer next(text.data(), text.size());
      if (text.empty()) {
        file.read(piece.data(),
                  static_cast<std::streamsize>(std::min<std::uintmax_t>(piece.size(), size)));
        const auto got = static_cast<std::size_t>(file.gcount());
        if (got == 0) co_return std::tuple(asio::error::make_error_code(asio::error::eof), written);
        size -= got;
        next = asio::const_buffer(piece.data(), got);
      }
      text = {};
      const auto [piece_error, n] =
          co_await asio::async_write(stream, next, asio::as_tuple(asio::use_awaitable));
      error = piece_error;
      written += n;
    }
    if (!error) {
      const auto [end_error, n] = co_await asio::async_write(stream, asio::buffer(request.body_end),
                                                             asio::as_tuple(asio::use_awaitable));
      error = end_error;
      written += n;
    }
    co_return std::tuple(error, written);
  }

  Task<Outcome> exchange(ClientRequest request) {
    const auto url = parse_url(request.url);
    if (!url) co_return std::unexpected(ClientError{url.error(), SendProgress::kNothingSent});
    const SteadyTime deadline = std::chrono::steady_clock::now() + request.timeout;
    const std::string origin = url->origin();
    for (;;) {
      std::shared_ptr<Link> link = take_idle(origin);
      const bool reused = link != nullptr;
      if (!reused) {
        auto fresh = co_await connect(*url, deadline);
        if (!fresh) co_return std::unexpected(fresh.error());
        link = std::move(*fresh);
      }
      if (request.stop.stop_requested()) {
        co_return std::unexpected(failed(ErrorCode::kUnavailable, SendProgress::kNothingSent, *url,
                                         "stopped by the caller"));
      }
      link->plain.expires_at(deadline);
      bool keep_alive = false;
      bool peer_had_closed = false;
      Outcome outcome;
      {
        const Interruption interruption(request.stop, link);
        if (link->tls) {
          outcome = co_await talk(*link->tls, *link, *url, request, deadline, keep_alive,
                                  peer_had_closed);
        } else {
          outcome = co_await talk(link->plain, *link, *url, request, deadline, keep_alive,
                                  peer_had_closed);
        }
      }
      if (outcome && keep_alive) {
        link->plain.expires_never();
        give_back(origin, std::move(link));
      }
      if (outcome || !reused) co_return outcome;
      const bool harmless = outcome.error().progress == SendProgress::kNothingSent ||
                            (peer_had_closed && request.method == "GET");
      if (!harmless || std::chrono::steady_clock::now() >= deadline) co_return outcome;
    }
  }

  const Settings settings_;
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> guard_{context_.get_executor()};
  asio::ssl::context tls_;
  Mutex mutex_;
  std::map<std::string, std::deque<std::shared_ptr<Link>>> idle_ ZHIYIN_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<Client> Client::create(Settings settings) {
  return std::make_unique<AsioClient>(std::move(settings));
}

}  // namespace zhiyin::http
