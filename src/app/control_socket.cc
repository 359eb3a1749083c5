#include "app/control_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <list>
#include <thread>

#include "base/mutex.h"

namespace zhiyin::app {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kLineMax = 64 << 20;
constexpr int kPollMs = 200;

/// A file descriptor that closes itself.
struct Descriptor {
  int fd = -1;
  explicit Descriptor(int f) : fd(f) {}
  Descriptor(Descriptor&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

/// The address of the socket by way of its folder's descriptor: paths of sockets are limited to 107
/// bytes.
sockaddr_un address_in(int folder_fd) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  fmt::format_to_n(address.sun_path, sizeof address.sun_path - 1, "/proc/self/fd/{}/control.sock",
                   folder_fd);
  return address;
}

bool send_line(int fd, const Json& line) {
  const std::string text = line.dump() + "\n";
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t n = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

/// Lines from a socket.
class LineReader {
 public:
  explicit LineReader(int fd) : fd_(fd) {}
  /// Empty at the end of the stream, on an error, above kLineMax, or when `stop` becomes true.
  std::optional<std::string> next(const std::atomic<bool>& stop) {
    for (;;) {
      const std::size_t end = buffer_.find('\n');
      if (end != std::string::npos) {
        std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        return line;
      }
      if (buffer_.size() > kLineMax || stop.load()) return std::nullopt;
      pollfd p{fd_, POLLIN, 0};
      if (::poll(&p, 1, kPollMs) == 0) continue;
      char chunk[1 << 14];
      const ssize_t n = ::recv(fd_, chunk, sizeof chunk, 0);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return std::nullopt;
      buffer_.append(chunk, static_cast<std::size_t>(n));
    }
  }

 private:
  int fd_;
  std::string buffer_;
};

Json error_json(const Error& error) {
  return Json().set("error", Json()
                                 .set("code", static_cast<int>(error.code))
                                 .set("message", error.message)
                                 .set("field", error.field));
}

class SocketServer final : public ControlServer {
 public:
  SocketServer(Descriptor folder, Descriptor listener, CommandRunner runner, Logger& logger)
      : folder_(std::move(folder)),
        listener_(std::move(listener)),
        runner_(std::move(runner)),
        logger_(logger) {
    thread_ = std::thread([this] { accept_all(); });
  }
  ~SocketServer() override {
    stop_ = true;
    thread_.join();
    for (std::thread& t : connections_) t.join();
    ::unlinkat(folder_.fd, "control.sock", 0);
  }

 private:
  void accept_all() {
    while (!stop_) {
      pollfd p{listener_.fd, POLLIN, 0};
      if (::poll(&p, 1, kPollMs) <= 0) continue;
      Descriptor connection(::accept4(listener_.fd, nullptr, nullptr, SOCK_CLOEXEC));
      if (connection.fd < 0) continue;
      if (open_.load() >= kConnectionsMax) {
        send_line(
            connection.fd,
            error_json({ErrorCode::kLimitReached, "too many commands run beside the server", {}}));
        continue;
      }
      ++open_;
      connections_.emplace_back([this, c = std::move(connection)] {
        serve(c.fd);
        --open_;
      });
      if (connections_.size() > 64) {  // finished threads are joined in bulk
        if (open_.load() == 0) {
          for (std::thread& t : connections_) t.join();
          connections_.clear();
        }
      }
    }
  }

  void serve(int fd) {
    LineReader reader(fd);
    while (const auto line = reader.next(stop_)) {
      const auto request = parse_json(*line, kLineMax);
      if (!request) {
        send_line(fd, error_json(request.error()));
        return;
      }
      const std::string command((*request)["command"].string_or(""));
      logger_.info("app", "command", {{"command", command}});
      bool connected = true;
      const ProgressSink progress = [&](std::optional<double> share, const std::string& detail) {
        connected =
            connected &&
            send_line(fd,
                      Json().set("progress", share ? Json(*share) : Json()).set("detail", detail));
        return connected && !stop_.load();  // a caller that went away cancels
      };
      const auto result = runner_(command, (*request)["args"], progress);
      if (!send_line(fd, result ? Json().set("result", *result) : error_json(result.error())))
        return;
    }
  }

  Descriptor folder_;
  Descriptor listener_;
  CommandRunner runner_;
  Logger& logger_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> open_ = 0;
  std::list<std::thread>
      connections_;  // of the accepting thread, and of the destructor after it ended
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::start(const fs::path& data_dir,
                                                            CommandRunner runner, Logger& logger) {
  Descriptor folder(::open(data_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.fd < 0)
    return fail(ErrorCode::kUnavailable, "{}: {}", data_dir.string(), std::strerror(errno));
  ::unlinkat(folder.fd, "control.sock",
             0);  // of a process that was killed; the lock says that we are alone
  Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_in(folder.fd);
  const mode_t before = ::umask(0177);
  const bool bound =
      ::bind(listener.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::umask(before);
  if (!bound || ::listen(listener.fd, 8) != 0) {
    return fail(ErrorCode::kUnavailable, "{}/control.sock: {}", data_dir.string(),
                std::strerror(errno));
  }
  return std::make_unique<SocketServer>(std::move(folder), std::move(listener), std::move(runner),
                                        logger);
}

Result<Json> call_server(const fs::path& data_dir, const std::string& command, const Json& args,
                         const ProgressSink& progress) {
  const Descriptor folder(::open(data_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const Descriptor connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_in(folder.fd);
  if (folder.fd < 0 ||
      ::connect(connection.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail(ErrorCode::kUnavailable,
                "{}: another process holds this folder, but it takes no commands",
                data_dir.string());
  }
  if (!send_line(connection.fd, Json().set("command", command).set("args", args))) {
    return fail(ErrorCode::kUnavailable, "the server closed the connection");
  }
  const std::atomic<bool> never = false;
  LineReader reader(connection.fd);
  while (const auto text = reader.next(never)) {
    ZHIYIN_TRY(const Json line, parse_json(*text, kLineMax));
    if (const Json* result = line.find("result")) return *result;
    if (const Json* error = line.find("error")) {
      return std::unexpected(Error{static_cast<ErrorCode>((*error)["code"].int_or(10)),
                                   std::string((*error)["message"].string_or("")),
                                   std::string((*error)["field"].string_or(""))});
    }
    const Json& share = line["progress"];
    if (!progress(share.is_number() ? std::optional(share.number_or(0)) : std::nullopt,
                  std::string(line["detail"].string_or("")))) {
      return fail(ErrorCode::kConflict, "cancelled");
    }
  }
  return fail(ErrorCode::kUnavailable, "the server stopped before it answered");
}

}  // namespace zhiyin::app
