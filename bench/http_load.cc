// Plain GETs over connections that are kept, and a look at every answer.
//
//   http_load PORT PATHS RATE SECONDS CONNECTIONS [BEARER]   RATE a second, by the clock; 0: as
//   many as are answered
//
// PATHS is a file with a path a line; they are asked for in turn, again and again. At a rate the
// time of an answer counts from when it should have been asked for, so that a server that lags
// cannot hide it.
#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <fstream>
#include <string>
#include <vector>

namespace asio = boost::asio;
using Steady = std::chrono::steady_clock;

namespace {

struct Load {
  std::uint16_t port = 0;
  double rate = 0;
  double seconds = 0;
  std::size_t connections = 16;
  std::vector<std::string> requests;
};

struct Totals {
  std::vector<double> latencies_ms;
  std::size_t failed = 0;
  std::size_t bytes = 0;  ///< of answers' bodies
};

/// Reads one answer: its status, and the bytes of its body.
asio::awaitable<std::pair<int, std::size_t>> read_answer(asio::ip::tcp::socket& socket,
                                                         std::string& buffer) {
  const std::size_t head = co_await asio::async_read_until(socket, asio::dynamic_buffer(buffer),
                                                           "\r\n\r\n", asio::use_awaitable);
  std::string lower = buffer.substr(0, head);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  constexpr std::string_view kLength = "content-length: ";
  const std::size_t at = lower.find(kLength);
  std::size_t length = 0;
  if (at != std::string::npos)
    std::from_chars(lower.data() + at + kLength.size(), lower.data() + lower.size(), length);
  if (buffer.size() < head + length) {
    const std::size_t missing = head + length - buffer.size();
    co_await asio::async_read(socket, asio::dynamic_buffer(buffer), asio::transfer_exactly(missing),
                              asio::use_awaitable);
  }
  constexpr std::size_t kStatusAt = 9;  // HTTP/1.1 200
  const std::pair<int, std::size_t> out{std::atoi(buffer.c_str() + kStatusAt), length};
  buffer.erase(0, head + length);
  co_return out;
}

/// One connection: every `connections`-th request, at its time, or as soon as the one before is
/// answered.
asio::awaitable<void> talk(const Load& load, std::size_t number, Steady::time_point began,
                           Totals& totals) {
  auto executor = co_await asio::this_coro::executor;
  asio::ip::tcp::socket socket(executor);
  co_await socket.async_connect({asio::ip::address_v4::loopback(), load.port}, asio::use_awaitable);
  socket.set_option(asio::ip::tcp::no_delay(true));
  asio::steady_timer timer(executor);
  std::string buffer;
  for (std::size_t i = number;; i += load.connections) {
    auto due = Steady::now();
    if (load.rate > 0) {
      due = began + std::chrono::duration_cast<Steady::duration>(
                        std::chrono::duration<double>(static_cast<double>(i) / load.rate));
    }
    if (due - began > std::chrono::duration<double>(load.seconds)) break;
    timer.expires_at(due);
    if (due > Steady::now()) co_await timer.async_wait(asio::use_awaitable);
    const std::string& bytes = load.requests[i % load.requests.size()];
    co_await asio::async_write(socket, asio::buffer(bytes), asio::use_awaitable);
    const auto [status, length] = co_await read_answer(socket, buffer);
    totals.latencies_ms.push_back(
        std::chrono::duration<double, std::milli>(Steady::now() - due).count());
    totals.bytes += length;
    if (status != 200) ++totals.failed;
  }
}

double quantile(const std::vector<double>& sorted, double q) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
}

std::vector<std::string> requests_of(const char* file, const char* bearer) {
  std::vector<std::string> out;
  std::ifstream in(file);
  for (std::string path; std::getline(in, path);) {
    std::string one = "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
    if (bearer != nullptr) one += "Authorization: Bearer " + std::string(bearer) + "\r\n";
    out.push_back(one + "\r\n");
  }
  return out;
}

}  // namespace

int main(int count, char** words) {
  constexpr int kWords = 6;
  if (count < kWords) {
    std::fputs("usage: http_load PORT PATHS RATE SECONDS CONNECTIONS [BEARER]\n", stderr);
    return 2;
  }
  Load load;
  load.port = static_cast<std::uint16_t>(std::atoi(words[1]));
  load.requests = requests_of(words[2], count > kWords ? words[kWords] : nullptr);
  load.rate = std::atof(words[3]);
  load.seconds = std::atof(words[4]);
  load.connections = static_cast<std::size_t>(std::max(1, std::atoi(words[5])));
  if (load.requests.empty()) {
    std::fprintf(stderr, "http_load: %s: no paths\n", words[2]);
    return 2;
  }
  asio::io_context context;
  Totals totals;
  const auto began = Steady::now();
  for (std::size_t i = 0; i < load.connections; ++i) {
    asio::co_spawn(context, talk(load, i, began, totals), [](const std::exception_ptr& error) {
      if (!error) return;
      std::fputs("http_load: a connection broke\n", stderr);
      std::exit(1);
    });
  }
  context.run();
  const double seconds = std::chrono::duration<double>(Steady::now() - began).count();
  std::ranges::sort(totals.latencies_ms);
  std::printf(
      "{\"answered\":%zu,\"per_second\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.1f,"
      "\"failed\":%zu,\"body_bytes\":%.0f,\"cpu_seconds\":%.2f}\n",
      totals.latencies_ms.size(), static_cast<double>(totals.latencies_ms.size()) / seconds,
      quantile(totals.latencies_ms, 0.5), quantile(totals.latencies_ms, 0.99),
      quantile(totals.latencies_ms, 1), totals.failed,
      static_cast<double>(totals.bytes) /
          std::max(1.0, static_cast<double>(totals.latencies_ms.size())),
      static_cast<double>(std::clock()) / CLOCKS_PER_SEC);
  return totals.failed == 0 ? 0 : 1;
}
