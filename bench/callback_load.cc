// WeChat as a load: encrypted callbacks, each a message of its own, and a look at every answer.
//
//   callback_load crypto                           signature check and decryption of a message of 1
//   KB callback_load load PORT RATE SECONDS CONNECTIONS [PEOPLE]   RATE a second, by the clock; 0:
//   as many as are answered callback_load park PORT MESSAGES               that many at once, until
//   each has its answer
//
// The account is `bench`, in secure mode, with the settings below and the rule 营业时间
// (bench/callbacks.py makes it).
#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
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
#include <string>
#include <vector>

#include "base/crypto.h"
#include "base/json.h"
#include "wechat/callback.h"
#include "wechat/crypto.h"
#include "wechat/xml.h"

namespace asio = boost::asio;
using namespace zhiyin;
using Steady = std::chrono::steady_clock;

namespace {

constexpr std::string_view kToken = "benchtoken";
constexpr std::string_view kKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
constexpr std::string_view kApp = "wxbbbbbbbbbbbbbbbb";
constexpr std::string_view kRule = "营业时间";
constexpr std::string_view kAnswer = "9:00-21:00";

std::int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

struct Account {
  Secret key = wechat::decode_aes_key(kKey).value();
  std::string random = crypto::random_bytes(wechat::kCryptRandomBytes);
};

std::string message(std::int64_t n, std::int64_t people, std::string_view text) {
  return fmt::format(
      "<xml><ToUserName><![CDATA[gh_bench]]></"
      "ToUserName><FromUserName><![CDATA[oBenchPerson{:09}]]>"
      "</FromUserName><CreateTime>{}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content>"
      "<![CDATA[{}]]></Content><MsgId>{}</MsgId></xml>",
      n % people, unix_seconds(), text, n);
}

/// An HTTP request with the message, encrypted and signed.
std::string request(const Account& account, std::int64_t n, std::int64_t people,
                    std::string_view text) {
  const std::string cipher =
      wechat::encrypt_message(account.key, message(n, people, text), kApp, account.random).value();
  const std::string timestamp = std::to_string(unix_seconds());
  const std::string nonce = std::to_string(n);
  const std::string signature = wechat::sorted_signature({kToken, timestamp, nonce, cipher});
  const std::string body = fmt::format("<xml><ToUserName><![CDATA[gh_bench]]></ToUserName>{}</xml>",
                                       wechat::xml_text("Encrypt", cipher));
  return fmt::format(
      "POST /wechat/bench?timestamp={}&nonce={}&encrypt_type=aes&msg_signature={} HTTP/1.1\r\n"
      "Host: 127.0.0.1\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n{}",
      timestamp, nonce, signature, body.size(), body);
}

struct Totals {
  std::vector<double> latencies_ms;
  std::int64_t wrong = 0, failed = 0, acknowledged = 0, not_yet = 0;
};

/// Reads one answer; its status and body.
asio::awaitable<std::pair<int, std::string>> read_answer(asio::ip::tcp::socket& socket,
                                                         std::string& buffer) {
  const std::size_t head = co_await asio::async_read_until(socket, asio::dynamic_buffer(buffer),
                                                           "\r\n\r\n", asio::use_awaitable);
  std::string lower = buffer.substr(0, head);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const std::size_t at = lower.find("content-length: ");
  std::size_t length = 0;
  std::from_chars(lower.data() + at + 16, lower.data() + lower.size(), length);
  if (buffer.size() < head + length) {
    const std::size_t missing = head + length - buffer.size();
    co_await asio::async_read(socket, asio::dynamic_buffer(buffer), asio::transfer_exactly(missing),
                              asio::use_awaitable);
  }
  std::pair<int, std::string> out{std::atoi(buffer.c_str() + 9), buffer.substr(head, length)};
  buffer.erase(0, head + length);
  co_return out;
}

void judge(const Account& account, const std::pair<int, std::string>& answer, bool looks_inside,
           Totals& totals) {
  if (answer.first == 503) {
    ++totals.not_yet;
  } else if (answer.first != 200) {
    ++totals.failed;
  } else if (answer.second == "success") {
    ++totals.acknowledged;
  } else if (answer.second.find("<Encrypt>") == std::string::npos) {
    ++totals.wrong;
  } else if (looks_inside) {
    const auto root = wechat::parse_xml(answer.second);
    const auto plain = wechat::decrypt_message_for(account.key, root->find("Encrypt")->text, kApp);
    if (!plain || plain->find(kAnswer) == std::string::npos) ++totals.wrong;
  }
}

struct Load {
  std::uint16_t port = 0;
  double rate = 0;
  double seconds = 0;
  int connections = 16;
  std::int64_t people = 2'000;
  std::int64_t first = 0;
};

/// One connection: every `connections`-th message, at its time, or as soon as the one before is
/// answered. Latency counts from the time at which it should have been sent.
asio::awaitable<void> talk(const Load& load, int number, Steady::time_point began, Totals& totals) {
  constexpr std::int64_t kLookEvery = 64;
  const Account account;
  auto executor = co_await asio::this_coro::executor;
  asio::ip::tcp::socket socket(executor);
  co_await socket.async_connect({asio::ip::address_v4::loopback(), load.port}, asio::use_awaitable);
  socket.set_option(asio::ip::tcp::no_delay(true));
  asio::steady_timer timer(executor);
  std::string buffer;
  for (std::int64_t i = number;; i += load.connections) {
    auto due = Steady::now();
    if (load.rate > 0) {
      due = began + std::chrono::duration_cast<Steady::duration>(
                        std::chrono::duration<double>(static_cast<double>(i) / load.rate));
    }
    if (due - began > std::chrono::duration<double>(load.seconds)) break;
    timer.expires_at(due);
    if (due > Steady::now()) co_await timer.async_wait(asio::use_awaitable);
    const std::string bytes = request(account, load.first + i, load.people, kRule);
    co_await asio::async_write(socket, asio::buffer(bytes), asio::use_awaitable);
    const auto answer = co_await read_answer(socket, buffer);
    totals.latencies_ms.push_back(
        std::chrono::duration<double, std::milli>(Steady::now() - due).count());
    judge(account, answer, i % kLookEvery == 0, totals);
  }
}

double quantile(const std::vector<double>& sorted, double q) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
}

void print(Totals& totals, double seconds) {
  std::ranges::sort(totals.latencies_ms);
  const auto n = static_cast<double>(totals.latencies_ms.size());
  Json out;
  out.set("answered", static_cast<std::int64_t>(n)).set("per_second", n / seconds);
  out.set("p50_ms", quantile(totals.latencies_ms, 0.5));
  out.set("p99_ms", quantile(totals.latencies_ms, 0.99));
  out.set("max_ms", quantile(totals.latencies_ms, 1));
  out.set("wrong", totals.wrong).set("failed", totals.failed);
  out.set("acknowledged", totals.acknowledged).set("not_yet", totals.not_yet);
  std::puts(out.dump().c_str());
}

int run_load(const Load& load) {
  asio::io_context context;
  Totals totals;
  const auto began = Steady::now();
  for (int i = 0; i < load.connections; ++i)
    asio::co_spawn(context, talk(load, i, began, totals), asio::detached);
  context.run();
  print(totals, std::chrono::duration<double>(Steady::now() - began).count());
  return totals.wrong + totals.failed == 0 ? 0 : 1;
}

/// Sends a message that no rule answers and waits for whatever comes.
asio::awaitable<void> park(const Load& load, int number, Totals& totals) {
  const Account account;
  asio::ip::tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect({asio::ip::address_v4::loopback(), load.port}, asio::use_awaitable);
  const auto began = Steady::now();
  const std::string bytes =
      request(account, load.first + number, load.people, fmt::format("第{}个问题", number));
  co_await asio::async_write(socket, asio::buffer(bytes), asio::use_awaitable);
  std::string buffer;
  const auto answer = co_await read_answer(socket, buffer);
  totals.latencies_ms.push_back(
      std::chrono::duration<double, std::milli>(Steady::now() - began).count());
  judge(account, answer, false, totals);
}

int run_park(const Load& load, int messages) {
  asio::io_context context;
  Totals totals;
  const auto began = Steady::now();
  for (int i = 0; i < messages; ++i) asio::co_spawn(context, park(load, i, totals), asio::detached);
  context.run();
  print(totals, std::chrono::duration<double>(Steady::now() - began).count());
  return totals.wrong + totals.failed == 0 ? 0 : 1;
}

int run_crypto() {
  constexpr int kRounds = 20'000;
  constexpr std::size_t kMessageBytes = 1'024;
  const Account account;
  std::string plain = message(1, 1, "");
  plain.insert(plain.find("]]></Content>"), std::string(kMessageBytes - plain.size(), 'x'));
  const std::string cipher =
      wechat::encrypt_message(account.key, plain, kApp, account.random).value();
  const std::string signature = wechat::sorted_signature({kToken, "1", "2", cipher});
  std::size_t good = 0;
  const auto began = Steady::now();
  for (int i = 0; i < kRounds; ++i) {
    good += wechat::signature_matches(signature, {kToken, "1", "2", cipher}) &&
            wechat::decrypt_message_for(account.key, cipher, kApp).has_value();
  }
  const double us =
      std::chrono::duration<double, std::micro>(Steady::now() - began).count() / kRounds;
  std::puts(Json().set("bytes", plain.size()).set("us", us).dump().c_str());
  return good == kRounds ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  if (words == std::vector<std::string>{"crypto"}) return run_crypto();
  Load load;
  load.first = unix_seconds() * 1'000'000;
  if (words.size() >= 2) load.port = static_cast<std::uint16_t>(std::stoi(words[1]));
  if (words.size() >= 5 && words[0] == "load") {
    load.rate = std::stod(words[2]);
    load.seconds = std::stod(words[3]);
    load.connections = std::stoi(words[4]);
    if (words.size() > 5) load.people = std::stoll(words[5]);
    return run_load(load);
  }
  if (words.size() == 3 && words[0] == "park") {
    load.people = 1'000'000;
    return run_park(load, std::stoi(words[2]));
  }
  std::fputs(
      "usage: callback_load crypto | load PORT RATE SECONDS CONNECTIONS [PEOPLE] | park PORT "
      "MESSAGES\n",
      stderr);
  return 2;
}
