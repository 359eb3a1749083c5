#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <thread>

namespace zhiyin::storage::detail {

/// For tests of faults on the wire: stands between a client and a server on loopback, each
/// connection with a thread of its own.
class TcpProxy {
 public:
  enum class Verdict {
    kForward,
    kForwardAndCut,  ///< the bytes reach the server, whose answer reaches nobody
    kDropAndCut,     ///< the bytes reach nobody; the server learns that the client is gone
    kDropAndHold,    ///< as before, but to the server the client seems to be there
  };

  explicit TcpProxy(int server_port) : server_port_(server_port), listener_(listen_socket()) {
    thread_ = std::jthread([this](const std::stop_token& stop) { accept_all(stop); });
  }
  ~TcpProxy() {
    thread_.request_stop();
    for (auto& c : connections_) c.request_stop();
    if (thread_.joinable()) thread_.join();
    connections_.clear();
    ::close(listener_);
  }
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  [[nodiscard]] int port() const { return port_of(listener_); }
  /// Nothing is forwarded any more, in either direction; connections stand.
  void stall(bool stalled) { stalled_ = stalled; }
  /// Connections made from here on get no answer.
  void stall_new() { stalled_new_ = true; }
  /// What happens to the first bytes from a client that hold `text`; once.
  void when_client_says(std::string text, Verdict verdict) {
    text_ = std::move(text);
    verdict_ = verdict;
    armed_ = true;
  }
  /// Lets what was held back go on to the server after all.
  void release_held() { released_ = true; }

 private:
  static constexpr int kStepMs = 5;

  static int port_of(int socket) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }
  static sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  static int listen_socket() {
    const int made = ::socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = loopback(0);
    ::bind(made, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::listen(made, 64);
    return made;
  }

  void accept_all(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd ready{listener_, POLLIN, 0};
      if (::poll(&ready, 1, kStepMs) <= 0) continue;
      const int client = ::accept(listener_, nullptr, nullptr);
      const int server = ::socket(AF_INET, SOCK_STREAM, 0);
      const sockaddr_in address = loopback(server_port_);
      if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        ::close(server);
        ::close(client);
        continue;
      }
      connections_.emplace_back(
          [this, client, server](const std::stop_token& s) { serve(s, client, server); });
    }
  }

  void serve(const std::stop_token& stop, int client, int server) {
    const bool silent = stalled_new_;
    std::string held;
    bool cut = false;  // the client's side
    while (!stop.stop_requested()) {
      if (released_ && !held.empty()) {
        (void)::send(server, held.data(), held.size(), MSG_NOSIGNAL);
        held.clear();
      }
      std::array<pollfd, 2> ready{pollfd{cut ? -1 : client, POLLIN, 0}, pollfd{server, POLLIN, 0}};
      const bool stalled = stalled_ || silent;
      if (stalled || ::poll(ready.data(), 2, kStepMs) <= 0) {
        if (stalled) std::this_thread::sleep_for(std::chrono::milliseconds(kStepMs));
        continue;
      }
      if (ready[0].revents != 0) {
        std::string bytes = received(client);
        if (bytes.empty()) break;
        const Verdict verdict = judge(bytes);
        if (verdict == Verdict::kForward || verdict == Verdict::kForwardAndCut) {
          (void)::send(server, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        }
        if (verdict == Verdict::kDropAndCut) break;
        if (verdict != Verdict::kForward) {
          cut = true;
          ::shutdown(client, SHUT_RDWR);
        }
        if (verdict == Verdict::kDropAndHold) held = std::move(bytes);
      }
      if (ready[1].revents != 0) {
        const std::string bytes = received(server);
        if (bytes.empty()) break;
        if (!cut) (void)::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      }
    }
    ::close(client);
    ::close(server);
  }

  Verdict judge(std::string_view bytes) {
    if (!armed_ || bytes.find(text_) == std::string_view::npos || !armed_.exchange(false)) {
      return Verdict::kForward;
    }
    return verdict_;
  }

  static std::string received(int socket) {
    std::array<char, 1 << 16> buffer{};
    const auto n = ::recv(socket, buffer.data(), buffer.size(), 0);
    return n > 0 ? std::string(buffer.data(), static_cast<std::size_t>(n)) : std::string();
  }

  const int server_port_;
  const int listener_;
  std::atomic<bool> stalled_ = false;
  std::atomic<bool> stalled_new_ = false;
  std::atomic<bool> released_ = false;
  std::atomic<bool> armed_ = false;
  std::string text_;
  Verdict verdict_ = Verdict::kForward;
  std::list<std::jthread> connections_;  // by the accepting thread until it has ended
  std::jthread thread_;
};

}  // namespace zhiyin::storage::detail
