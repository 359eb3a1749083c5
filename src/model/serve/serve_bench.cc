// The batching server under load: open-loop Poisson arrivals at a share of the peak.
//   serve_bench ENCODER [TOKENS=16] [THREADS=1] [SECONDS=10] [SHARE=0.7] [BATCH_TOKENS=512]
// Whoever would wait for more than four times what a text alone takes is refused and counted. With
// several threads, which help with a long text alone and under load have texts of their own, the
// same once more for four times what a text takes on one of them.
// Latency counts from when a text should have come, so a late generator hides nothing.
#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>

#include "base/random.h"
#include "model/serve/batch_server.h"

namespace {

using namespace zhiyin;
using namespace zhiyin::model;
using Clock = std::chrono::steady_clock;

/// Times of a single text that somebody waits.
constexpr double kPatience = 4;

struct Plan {
  std::size_t tokens = 16;
  std::size_t threads = 1;
  double seconds = 10;
  double share = 0.7;
  std::size_t batch_tokens = 512;
};

EncodeRequest text_of(std::size_t tokens, Random& random, const Encoder& encoder) {
  EncodeRequest out{
      .caller = "bench", .ids = {}, .row_tokens = {static_cast<std::uint32_t>(tokens)}};
  for (std::size_t i = 0; i < tokens; ++i)
    out.ids.push_back(static_cast<std::int32_t>(random.below(encoder.shape().vocabulary)));
  return out;
}

double seconds_since(Moment t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

double at(std::vector<double>& sorted, double share) {
  return sorted[std::min(sorted.size() - 1,
                         static_cast<std::size_t>(share * static_cast<double>(sorted.size())))];
}

/// Median time of one text at a time.
double single(BatchServer& server, const Plan& plan, const Encoder& encoder) {
  Random random(1);
  std::vector<double> times;
  const Moment begin = Clock::now();
  while (seconds_since(begin) < plan.seconds / 4) {
    auto request = text_of(plan.tokens, random, encoder);
    const Moment t = Clock::now();
    if (!server.encode(std::move(request))) std::abort();
    times.push_back(seconds_since(t));
  }
  std::ranges::sort(times);
  return at(times, 0.5);
}

/// Texts a second when enough wait always.
double peak(BatchServer& server, const Plan& plan, const Encoder& encoder) {
  Random random(2);
  constexpr std::size_t kWaiting = 512;
  std::atomic<std::size_t> done = 0;
  std::size_t sent = 0;
  const Moment begin = Clock::now();
  while (seconds_since(begin) < plan.seconds / 4) {
    if (sent - done.load() >= kWaiting) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      continue;
    }
    server.submit(text_of(plan.tokens, random, encoder),
                  [&done](const Result<std::vector<float>>&) { ++done; });
    ++sent;
  }
  const double rate = static_cast<double>(done.load()) / seconds_since(begin);
  while (done.load() < sent) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return rate;
}

void poisson(BatchServer& server, const Plan& plan, const Encoder& encoder, double rate,
             double one_text) {
  const double patience = kPatience * one_text;
  Random random(3);
  const auto count = static_cast<std::size_t>(rate * plan.seconds);
  std::vector<double> times(count, -1);
  std::atomic<std::size_t> done = 0;
  double when = 0;
  const Moment begin = Clock::now();
  for (std::size_t i = 0; i < count; ++i) {
    when -= std::log(1 - random.uniform()) / rate;
    const Moment due =
        begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(when));
    auto request = text_of(plan.tokens, random, encoder);
    request.deadline =
        due + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(patience));
    std::this_thread::sleep_until(due);
    server.submit(std::move(request),
                  [&times, &done, i, due](const Result<std::vector<float>>& vectors) {
                    if (vectors) times[i] = seconds_since(due);
                    ++done;
                  });
  }
  while (done.load() < count) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const auto refused = std::erase(times, -1);
  std::ranges::sort(times);
  fmt::print(
      "poisson, waited for {:.1f} ms: {:.0f}/s ({} texts), p50 {:.2f} ms, p99 {:.2f} ms = {:.2f} x "
      "one text, "
      "refused {} ({:.1f} %)\n",
      patience * 1e3, rate, count, at(times, 0.5) * 1e3, at(times, 0.99) * 1e3,
      at(times, 0.99) / one_text, refused,
      100.0 * static_cast<double>(refused) / static_cast<double>(count));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: serve_bench ENCODER [TOKENS] [THREADS] [SECONDS] [SHARE] [BATCH]\n");
    return 2;
  }
  const auto number = [&](int i, double fallback) {
    return argc > i ? std::strtod(argv[i], nullptr) : fallback;
  };
  const Plan plan{.tokens = static_cast<std::size_t>(number(2, 16)),
                  .threads = static_cast<std::size_t>(number(3, 1)),
                  .seconds = number(4, 10),
                  .share = number(5, 0.7),
                  .batch_tokens = static_cast<std::size_t>(number(6, 512))};
  const auto encoder = Encoder::open(argv[1]);
  if (!encoder) {
    fmt::print(stderr, "{}\n", encoder.error().text());
    return 1;
  }
  const auto serve = [&](std::size_t threads) {
    return BatchSettings{
        .width = (*encoder)->shape().width, .threads = threads, .batch_tokens = plan.batch_tokens};
  };
  const auto workspace = [&] {
    return std::make_unique<PackedRowEncoder>(**encoder, plan.batch_tokens, plan.threads - 1);
  };
  double one_thread = 0;
  if (plan.threads > 1) {
    BatchServer lone(serve(1), workspace);
    one_thread = single(lone, plan, **encoder);
  }
  BatchServer server(serve(plan.threads), workspace);
  const double one_text = single(server, plan, **encoder);
  const double most = peak(server, plan, **encoder);
  fmt::print("{} tokens, {} threads, {}: one text {:.2f} ms, peak {:.0f}/s\n", plan.tokens,
             plan.threads, (*encoder)->kernels(), one_text * 1e3, most);
  poisson(server, plan, **encoder, most * plan.share, one_text);
  if (one_thread == 0) return 0;
  fmt::print("one text on one thread {:.2f} ms\n", one_thread * 1e3);
  poisson(server, plan, **encoder, most * plan.share, one_thread);
  return 0;
}
