#include "delivery/quota_page.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/random.h"
#include "delivery/test_state.h"
#include "storage/grouped_writes.h"

namespace zhiyin::delivery {
namespace {

using storage::Session;
using testing::at;
using testing::TestState;

const Instant kNow = at("2026-03-10T12:00:00");
const QuotaKey kDay =
    QuotaLedger::today(AccountId("shop"), ChannelKind::kTemplate, kNow, TimeZone::shanghai());

QuotaLedger::Sum stored(TestState& db, const QuotaKey& key = kDay) {
  QuotaLedger::Sum sum;
  db.write([&](Session& s) -> Result<void> {
    ZHIYIN_TRY(sum, QuotaLedger::sum(s, key));
    return {};
  });
  return sum;
}

QuotaHolder holder(int process) {
  return {"p" + std::to_string(process), 10, std::chrono::minutes(10),
          [](Session&) -> Result<Instant> { return kNow; }};
}

TEST(QuotaPage, WritesEachBudgetOnceAtTheEndOfItsTransaction) {
  TestState db;
  db.write([&](Session& plain) {
    return QuotaPage::around(plain, [&](Session& s) -> Result<void> {
      for (int i = 0; i < 5; ++i) {
        ZHIYIN_TRY_VOID(QuotaLedger::reserve(s, kDay, 1, 6));
        ZHIYIN_TRY_VOID(QuotaLedger::commit(s, kDay, 1));
      }
      ZHIYIN_TRY_VOID(QuotaLedger::reserve(s, kDay, 1, 6));
      EXPECT_EQ(QuotaLedger::sum(plain, kDay)->used, 0) << "not written yet";
      EXPECT_EQ(*QuotaLedger::left(s, kDay, 6), 0);
      EXPECT_EQ(QuotaLedger::reserve(s, kDay, 1, 6).error().code, ErrorCode::kLimitReached);
      return {};
    });
  });
  EXPECT_EQ(stored(db).used, 5);
  EXPECT_EQ(stored(db).reserved, 1);
}

TEST(QuotaPage, ATransactionThatFailsLeavesNothing) {
  TestState db;
  EXPECT_FALSE(db.state->write([&](Session& plain) {
    return QuotaPage::around(plain, [&](Session& s) -> Result<void> {
      ZHIYIN_TRY_VOID(QuotaLedger::reserve(s, kDay, 1, 6));
      return fail(ErrorCode::kInternal, "no");
    });
  }));
  EXPECT_EQ(stored(db).reserved, 0);
}

/// One random operation; what came of it as text.
std::string act(Session& s, std::uint64_t seed) {
  Random random(seed);
  const QuotaHolder holders[] = {QuotaHolder(), holder(1), holder(2)};
  const QuotaHolder& who = holders[random.below(3)];
  QuotaKey key = kDay;
  key.channel = random.below(4) == 0 ? ChannelKind::kMass : ChannelKind::kTemplate;
  const auto n = static_cast<std::int64_t>(1 + random.below(3));
  constexpr std::int64_t kLimit = 40;
  const auto word = [](const auto& done) {
    return done ? std::string("done") : done.error().text();
  };
  const std::uint64_t what = random.below(90);
  if (what < 30) return "reserve " + word(QuotaLedger::reserve(s, key, n, kLimit, who));
  if (what < 50) return "commit " + word(QuotaLedger::commit(s, key, 1, who));
  if (what < 60) return "release " + word(QuotaLedger::release(s, key, 1, who));
  if (what < 68) return "back " + word(QuotaLedger::give_back(s, key, 1));
  if (what < 78) return fmt::format("left {}", *QuotaLedger::left(s, key, kLimit));
  if (what < 80) return "exhaust " + word(QuotaLedger::exhaust(s, key, kLimit));
  if (what < 82) return "tidy " + word(QuotaLedger::tidy(s, kNow, kNow + std::chrono::hours(1)));
  const QuotaKey minute = QuotaLedger::this_minute(key.account, key.channel, kNow);
  return fmt::format("minute {}", *QuotaLedger::enter_minute(s, minute, 20));
}

TEST(QuotaPage, DoesWhatTheRowsWouldDo) {
  for (std::uint64_t round = 0; round < 30; ++round) {
    SCOPED_TRACE(fmt::format("seed {}", round));
    TestState plain;
    TestState paged;
    Random random(round);
    for (int transaction = 0; transaction < 4; ++transaction) {
      const std::uint64_t first = round * 10'000 + static_cast<std::uint64_t>(transaction) * 1'000;
      const std::uint64_t n = 1 + random.below(40);
      std::vector<std::string> expected, got;
      const auto all = [&](Session& s, std::vector<std::string>& out) -> Result<void> {
        out.clear();
        for (std::uint64_t i = 0; i < n; ++i) out.push_back(act(s, first + i));
        return {};
      };
      plain.write([&](Session& s) { return all(s, expected); });
      paged.write([&](Session& s) {
        return QuotaPage::around(s, [&](Session& page) { return all(page, got); });
      });
      ASSERT_EQ(got, expected);
    }
    for (const char* table : {"quota_use", "quota_lease"}) {
      const auto rows = [&](TestState& db) {
        std::string out;
        const auto found =
            db.state->query(fmt::format("SELECT * FROM {} ORDER BY 1, 2, 3, 4", table));
        for (const storage::Row& row : found->rows) {
          for (const storage::Value& cell : row) {
            const auto* number = std::get_if<std::int64_t>(&cell);
            out += (number != nullptr ? std::to_string(*number)
                                      : std::string(storage::as_text(cell))) +
                   " ";
          }
          out += "\n";
        }
        return out;
      };
      EXPECT_EQ(rows(paged), rows(plain)) << table;
    }
  }
}

TEST(QuotaPage, ManyThreadsUseABudgetUpToTheLastCallAndNoFurther) {
  constexpr int kThreads = 24;
  constexpr std::int64_t kLimit = 100;
  TestState db;
  storage::GroupedWrites writes(*db.state, QuotaPage::around);
  std::atomic<std::int64_t> reserved{0}, used{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        for (int turn = 0; turn < 10; ++turn) {
          const bool has_one =
              writes.write([](Session& s) { return QuotaLedger::reserve(s, kDay, 1, kLimit); })
                  .has_value();
          if (!has_one) continue;
          const bool stays = (i + turn) % 3 == 0;  // its outcome is not known yet
          const bool counts = (i + turn) % 3 == 1;
          reserved += stays ? 1 : 0;
          used += counts ? 1 : 0;
          if (stays) continue;
          EXPECT_TRUE(writes.write([&](Session& s) {
            return counts ? QuotaLedger::commit(s, kDay, 1) : QuotaLedger::release(s, kDay, 1);
          }));
        }
      });
    }
  }
  db.open();  // as after the end of the process
  EXPECT_EQ(stored(db).used, used);
  EXPECT_EQ(stored(db).reserved, reserved);
  EXPECT_LE(used + reserved, kLimit);
  EXPECT_GT(used, 0);
}

}  // namespace
}  // namespace zhiyin::delivery
