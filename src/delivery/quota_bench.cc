// How many reserve/commit pairs a second the quota ledger takes on a file (bench/run ledger). Each
// line is one way to come with them; the first, a synced transaction for each half of a pair, is
// what the others are compared with.
#include <fmt/core.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

#include "base/file.h"
#include "delivery/quota_page.h"
#include "delivery/touch.h"
#include "storage/grouped_writes.h"
#include "storage/migrations.h"
#include "storage/sqlite_state.h"

namespace zhiyin::delivery {
namespace {

using storage::Session;

constexpr std::int64_t kLimit = 1'000'000'000;
const QuotaKey kDay{AccountId("shop"), ChannelKind::kCustomerService, 20'000};

[[noreturn]] void stop(const Error& error) {
  fmt::print(stderr, "{}\n", error.text());
  std::exit(1);
}

template <class T>
void check(const Result<T>& result) {
  if (!result) stop(result.error());
}

double seconds_per_run() {
  const char* given = std::getenv("BENCH_SECONDS");
  return given != nullptr ? std::atof(given) : 3.0;
}

/// Runs `pairs_at_once` on `threads` threads until the time is up; pairs a second.
double measure(int threads, const std::function<std::int64_t()>& pairs_at_once) {
  using SteadyClock = std::chrono::steady_clock;
  std::atomic<std::int64_t> done{0};
  const auto begin = SteadyClock::now();
  const auto end = begin + std::chrono::duration_cast<SteadyClock::duration>(
                               std::chrono::duration<double>(seconds_per_run()));
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < threads; ++i) {
      workers.emplace_back([&] {
        while (SteadyClock::now() < end) done += pairs_at_once();
      });
    }
  }
  const std::chrono::duration<double> took = SteadyClock::now() - begin;
  return static_cast<double>(done.load()) / took.count();
}

/// `n` pairs in two transactions: as a page of sends writes its intents, and then their outcomes.
std::int64_t page(storage::State& state, std::int64_t n, const QuotaHolder& holder) {
  check(state.write([&](Session& s) -> Result<void> {
    for (std::int64_t i = 0; i < n; ++i)
      ZHIYIN_TRY_VOID(QuotaLedger::reserve(s, kDay, 1, kLimit, holder));
    return {};
  }));
  check(state.write([&](Session& s) -> Result<void> {
    for (std::int64_t i = 0; i < n; ++i) ZHIYIN_TRY_VOID(QuotaLedger::commit(s, kDay, 1, holder));
    return {};
  }));
  return n;
}

std::int64_t grouped(storage::GroupedWrites& writes, const QuotaHolder& holder) {
  check(writes.write([&](Session& s) { return QuotaLedger::reserve(s, kDay, 1, kLimit, holder); }));
  check(writes.write([&](Session& s) { return QuotaLedger::commit(s, kDay, 1, holder); }));
  return 1;
}

void report(std::string_view what, double pairs, double baseline) {
  fmt::print("{:<66} {:>9.0f} pairs/s  x{:.1f}\n", what, pairs, pairs / baseline);
  std::fflush(stdout);
}

int run() {
  const TempFolder folder;
  auto state = storage::open_sqlite_state(folder.path() / "state.db");
  check(state);
  std::vector<storage::Migration> all = storage::migrations();
  all.insert(all.end(), migrations().begin(), migrations().end());
  check((*state)->migrate(all));
  storage::GroupedWrites plain(**state);
  storage::GroupedWrites sums(**state, QuotaPage::around);
  const QuotaHolder common;
  const QuotaHolder chunks{"one", 200, std::chrono::minutes(10), {}};

  const double baseline = measure(1, [&] { return page(**state, 1, common); });
  report("one pair, a synced transaction for each half", baseline, baseline);
  for (const std::int64_t n : {100, 1000}) {
    report(fmt::format("pages of {} pairs, common row", n),
           measure(1, [&] { return page(**state, n, common); }), baseline);
    report(fmt::format("pages of {} pairs, chunks of 200", n),
           measure(1, [&] { return page(**state, n, chunks); }), baseline);
  }
  for (const int threads : {16, 256, 1000}) {
    for (storage::GroupedWrites* writes : {&plain, &sums}) {
      const std::uint64_t before = writes->groups();
      const double pairs = measure(threads, [&] { return grouped(*writes, common); });
      const double groups =
          static_cast<double>(writes->groups() - before) / std::max(0.001, seconds_per_run());
      report(fmt::format("{} threads with single sends, {} ({:.0f} syncs/s)", threads,
                         writes == &plain ? "statements each" : "sums in memory", groups),
             pairs, baseline);
    }
  }
  return 0;
}

}  // namespace
}  // namespace zhiyin::delivery

int main() { return zhiyin::delivery::run(); }
