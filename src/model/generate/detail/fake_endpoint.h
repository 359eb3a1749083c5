#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/json.h"
#include "base/mutex.h"

namespace zhiyin::model {

/// A peer on loopback for tests that answers as it is told, also such that no honest server would:
/// one connection for each request, which ends with the answer.
class FakeEndpoint {
 public:
  /// The open connection of one request.
  class Exchange {
   public:
    Exchange(int fd, std::string body, std::atomic<bool>& stopping)
        : fd_(fd), body_(std::move(body)), stopping_(stopping) {}
    [[nodiscard]] const std::string& body() const { return body_; }
    void send(std::string_view bytes) {
      (void)::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    void answer(int status, std::string_view type, std::string_view body,
                std::string_view headers = {}) {
      send("HTTP/1.1 " + std::to_string(status) + " X\r\nConnection: close\r\nContent-Type: " +
           std::string(type) + "\r\n" + std::string(headers) + "\r\n" + std::string(body));
    }
    void begin_stream() { answer(200, "text/event-stream", {}); }
    void say(std::string_view text) {
      Json delta = Json().set("content", text);
      send("data: " + chunk(std::move(delta), nullptr).dump() + "\n\n");
    }
    void end_stream(std::string_view reason = "stop") {
      send("data: " + chunk(Json::object(), Json(reason)).dump() + "\n\n");
      send(R"(data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5}})"
           "\n\ndata: [DONE]\n\n");
    }
    /// Until the client closes, or the test ends.
    void stall() {
      while (!stopping_) {
        pollfd waiting{fd_, POLLIN, 0};
        char byte = 0;
        if (::poll(&waiting, 1, 10) > 0 && ::recv(fd_, &byte, 1, MSG_DONTWAIT) <= 0) return;
      }
    }

   private:
    static Json chunk(Json delta, Json finish) {
      Json choice = Json()
                        .set("index", 0)
                        .set("delta", std::move(delta))
                        .set("finish_reason", std::move(finish));
      return Json()
          .set("model", "fake-1")
          .set("system_fingerprint", "fp")
          .set("choices", Json::Array{std::move(choice)});
    }
    int fd_;
    std::string body_;
    std::atomic<bool>& stopping_;
  };
  using Behaviour = std::function<void(Exchange&, int number)>;

  /// `behaviour` is called for every request, numbered from 0, on threads of its own.
  explicit FakeEndpoint(Behaviour behaviour) : behaviour_(std::move(behaviour)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener_, 64);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept(); });
  }
  ~FakeEndpoint() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& thread : threads_) thread.join();
    ::close(listener_);
  }
  FakeEndpoint(const FakeEndpoint&) = delete;
  FakeEndpoint& operator=(const FakeEndpoint&) = delete;

  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/v1";
  }
  [[nodiscard]] int requests() const { return requests_; }

 private:
  void accept() {
    while (!stopping_) {
      const int fd = ::accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  }
  void serve(int fd) {
    std::string text;
    char buffer[4096];
    std::size_t wanted = std::string::npos;
    while (text.size() < wanted) {
      const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
      if (n <= 0) break;
      text.append(buffer, static_cast<std::size_t>(n));
      const std::size_t head = text.find("\r\n\r\n");
      const std::size_t at = text.find("Content-Length: ");
      if (head != std::string::npos && at != std::string::npos) {
        wanted = head + 4 + static_cast<std::size_t>(std::atoi(text.c_str() + at + 16));
      }
    }
    Exchange exchange(fd, text.substr(std::min(text.size(), text.find("\r\n\r\n") + 4)), stopping_);
    behaviour_(exchange, requests_++);
    ::shutdown(fd, SHUT_WR);
    while (!stopping_ && ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT) != 0 && errno == EAGAIN) {
      pollfd waiting{fd, POLLIN, 0};
      ::poll(&waiting, 1, 10);
    }
    ::close(fd);
  }

  const Behaviour behaviour_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> requests_ = 0;
  std::thread acceptor_;
  std::vector<std::thread> threads_;  // of the acceptor's
};

}  // namespace zhiyin::model
