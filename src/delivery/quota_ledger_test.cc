#include "delivery/quota_ledger.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <map>
#include <thread>

#include "base/random.h"
#include "delivery/test_state.h"

namespace zhiyin::delivery {
namespace {

using storage::Session;
using testing::at;
using testing::TestState;

const Instant kNow = at("2026-03-10T12:00:00");
const QuotaKey kDay =
    QuotaLedger::today(AccountId("shop"), ChannelKind::kTemplate, kNow, TimeZone::shanghai());

/// Chunks of ten, by a clock of the test.
struct Holders {
  Instant time = kNow;
  QuotaHolder holder(int process, std::int64_t chunk = 10) {
    return {"p" + std::to_string(process), chunk, std::chrono::minutes(10),
            [this](Session&) -> Result<Instant> { return time; }};
  }
};

std::int64_t number(TestState& db, const std::string& sql) {
  const auto rows = db.state->query(sql);
  EXPECT_TRUE(rows) << rows.error().text();
  const storage::Value& cell = rows->rows.at(0).at(0);
  return storage::is_null(cell) ? 0 : storage::as_int(cell);
}
std::int64_t common(TestState& db, const std::string& column) {
  return number(db, "SELECT CAST(sum(" + column + ") AS BIGINT) FROM quota_use");
}

TEST(QuotaLease, ManySendsTouchTheCommonRowOnce) {
  TestState db;
  Holders of;
  const QuotaHolder one = of.holder(1);
  db.write([&](Session& s) -> Result<void> {
    for (int i = 0; i < 10; ++i) {
      ZHIYIN_TRY_VOID(QuotaLedger::reserve(s, kDay, 1, 1000, one));
      ZHIYIN_TRY_VOID(QuotaLedger::commit(s, kDay, 1, one));
    }
    EXPECT_EQ(*QuotaLedger::left(s, kDay, 1000), 990);
    return {};
  });
  EXPECT_EQ(common(db, "leased"), 10);
  EXPECT_EQ(common(db, "used"), 0) << "the sends are in the row of the process";
  EXPECT_EQ(common(db, "reserved"), 0);
}

TEST(QuotaLease, WhatOthersHoldIsThereForWhoNeedsIt) {
  TestState db;
  Holders of;
  const QuotaHolder one = of.holder(1);
  const QuotaHolder two = of.holder(2);
  db.write([&](Session& s) -> Result<void> {
    ZHIYIN_TRY_VOID(QuotaLedger::reserve(s, kDay, 1, 40, one));
    ZHIYIN_TRY_VOID(QuotaLedger::reserve(s, kDay, 39, 40, two));
    EXPECT_EQ(*QuotaLedger::left(s, kDay, 40), 0);
    for (const QuotaHolder& any : {one, two, QuotaHolder()}) {
      const auto over = QuotaLedger::reserve(s, kDay, 1, 40, any);
      EXPECT_FALSE(over);
      EXPECT_EQ(over.error().code, ErrorCode::kLimitReached);
    }
    ZHIYIN_TRY_VOID(QuotaLedger::release(s, kDay, 1, two));
    return QuotaLedger::reserve(s, kDay, 1, 40);  // also without a chunk of one's own
  });
}

TEST(QuotaLease, AnyProcessSettlesWhatADeadOneReserved) {
  TestState db;
  Holders of;
  const QuotaHolder dead = of.holder(1);
  const QuotaHolder other = of.holder(2);
  db.write([&](Session& s) -> Result<void> {
    for (int i = 0; i < 3; ++i) ZHIYIN_TRY_VOID(QuotaLedger::reserve(s, kDay, 1, 100, dead));
    ZHIYIN_TRY_VOID(QuotaLedger::commit(s, kDay, 1, other));
    ZHIYIN_TRY_VOID(QuotaLedger::release(s, kDay, 1));
    ZHIYIN_TRY_VOID(QuotaLedger::commit(s, kDay, 1));
    EXPECT_FALSE(QuotaLedger::commit(s, kDay, 1, other)) << "there were three";
    EXPECT_EQ(*QuotaLedger::left(s, kDay, 100), 98);
    ZHIYIN_TRY_VOID(QuotaLedger::give_back(s, kDay, 2));
    EXPECT_FALSE(QuotaLedger::give_back(s, kDay, 1));
    EXPECT_EQ(*QuotaLedger::left(s, kDay, 100), 100);
    return {};
  });
}

TEST(QuotaLease, AnExpiredChunkReturnsToTheCommonRow) {
  TestState db;
  Holders of;
  const QuotaHolder one = of.holder(1);
  db.write([&](Session& s) { return QuotaLedger::reserve(s, kDay, 1, 1000, one); });
  const auto tidy = [&](Instant time) {
    db.write([&](Session& s) { return QuotaLedger::tidy(s, kNow, time); });
  };
  tidy(kNow + std::chrono::minutes(10) - Duration(1));
  EXPECT_EQ(common(db, "leased"), 10);
  tidy(kNow + std::chrono::minutes(10));
  EXPECT_EQ(common(db, "leased"), 0);
  EXPECT_EQ(common(db, "reserved"), 1) << "what was reserved stays so";
  EXPECT_EQ(number(db, "SELECT count(*) FROM quota_lease"), 0);
  db.write([&](Session& s) -> Result<void> {
    ZHIYIN_TRY_VOID(QuotaLedger::commit(s, kDay, 1, one));
    return QuotaLedger::reserve(s, kDay, 1, 1000, one);  // it was not dead: a new chunk
  });
  EXPECT_EQ(common(db, "leased"), 10);
}

TEST(QuotaLease, ALowerLimitCountsAtOnceAlsoForChunksOfTheHigherOne) {
  TestState db;
  Holders of;
  const QuotaHolder one = of.holder(1, 100);
  db.write([&](Session& s) -> Result<void> {
    ZHIYIN_TRY_VOID(QuotaLedger::reserve(s, kDay, 5, 1000, one));
    EXPECT_FALSE(QuotaLedger::reserve(s, kDay, 6, 10, one));
    ZHIYIN_TRY_VOID(QuotaLedger::reserve(s, kDay, 5, 10, one));
    EXPECT_FALSE(QuotaLedger::reserve(s, kDay, 1, 10, one));
    EXPECT_FALSE(QuotaLedger::reserve(s, kDay, 1, 10));
    return {};
  });
}

TEST(QuotaLease, ThePlatformsWordEndsAllChunks) {
  TestState db;
  Holders of;
  const QuotaHolder one = of.holder(1);
  const QuotaHolder two = of.holder(2);
  db.write([&](Session& s) -> Result<void> {
    ZHIYIN_TRY_VOID(QuotaLedger::reserve(s, kDay, 1, 1000, one));
    ZHIYIN_TRY_VOID(QuotaLedger::exhaust(s, kDay, 1000));
    EXPECT_EQ(*QuotaLedger::left(s, kDay, 1000), 0);
    EXPECT_FALSE(QuotaLedger::reserve(s, kDay, 1, 1000, one));
    EXPECT_FALSE(QuotaLedger::reserve(s, kDay, 1, 1000, two));
    ZHIYIN_TRY_VOID(QuotaLedger::release(s, kDay, 1, one));
    return QuotaLedger::reserve(s, kDay, 1, 1000, two);
  });
}

TEST(QuotaLedger, AClockMinuteHasItsOwnCount) {
  TestState db;
  const AccountId shop("shop");
  const auto minute = [&](Instant now) {
    return QuotaLedger::this_minute(shop, ChannelKind::kMass, now);
  };
  db.write([&](Session& s) -> Result<void> {
    for (const bool expected : {true, true, false}) {
      ZHIYIN_TRY(const bool entered, QuotaLedger::enter_minute(s, minute(kNow), 2));
      EXPECT_EQ(entered, expected);
    }
    const Instant next = QuotaLedger::minute_end(kNow);
    EXPECT_EQ(next, kNow + std::chrono::minutes(1));
    EXPECT_TRUE(*QuotaLedger::enter_minute(s, minute(next), 2));
    EXPECT_TRUE(*QuotaLedger::enter_minute(s, minute(next), 0)) << "no number is known";
    ZHIYIN_TRY_VOID(QuotaLedger::reserve(s, kDay, 1, 10));
    return QuotaLedger::tidy(s, kNow + std::chrono::hours(2), kNow);
  });
  EXPECT_EQ(number(db, "SELECT count(*) FROM quota_use"), 1) << "minutes go, the day stays";
}

/// Three processes at random, against the plainest model: a number used and a number reserved.
/// A transaction is lost with what was in it, as by kill -9; a process forgets what it had
/// reserved, and another one settles that, as after a kill. At every moment: never above the limit,
/// nothing lost, and nobody is refused while a call is left anywhere.
class Interleaving {
 public:
  explicit Interleaving(std::uint64_t seed) : random_(seed) {}

  void run() {
    for (int i = 0; i < 400; ++i) {
      step();
      check();
    }
  }

 private:
  static constexpr std::int64_t kLimit = 60;

  QuotaHolder any() { return of_.holder(static_cast<int>(random_.uniform() * 3), 8); }
  bool chance(double p) { return random_.uniform() < p; }

  void step() {
    const QuotaHolder holder = chance(0.1) ? QuotaHolder() : any();
    const bool is_lost = chance(0.15);
    const double what = random_.uniform();
    std::int64_t used = 0;
    std::int64_t reserved = 0;
    const auto work = [&](Session& s) -> Result<void> {
      used = reserved = 0;
      if (what < 0.5) {
        const std::int64_t n = n_;
        const bool fits = used_ + reserved_ + n <= kLimit;
        const auto done = QuotaLedger::reserve(s, kDay, n, kLimit, holder);
        EXPECT_EQ(done.has_value(), fits) << used_ << " " << reserved_ << " " << n;
        if (done) reserved = n;
      } else if (what < 0.8 && reserved_ > 0) {
        ZHIYIN_TRY_VOID(QuotaLedger::commit(s, kDay, 1, holder));
        used = 1;
        reserved = -1;
      } else if (what < 0.95 && reserved_ > 0) {
        ZHIYIN_TRY_VOID(QuotaLedger::release(s, kDay, 1, holder));
        reserved = -1;
      } else if (used_ > 0) {
        ZHIYIN_TRY_VOID(QuotaLedger::give_back(s, kDay, 1));
        used = -1;
      }
      return is_lost ? fail(ErrorCode::kInternal, "killed") : Result<void>();
    };
    n_ = 1 + static_cast<std::int64_t>(random_.uniform() * 4);
    const auto done = db_.state->write(work);
    ASSERT_EQ(done.has_value(), !is_lost) << done.error().text();
    if (done) {
      used_ += used;
      reserved_ += reserved;
    }
    if (chance(0.05)) {
      of_.time = of_.time + std::chrono::minutes(6);
      db_.write([&](Session& s) { return QuotaLedger::tidy(s, kNow, of_.time); });
    }
  }

  void check() {
    ASSERT_LE(used_ + reserved_, kLimit);
    db_.write([&](Session& s) -> Result<void> {
      ZHIYIN_TRY(const QuotaLedger::Sum sum, QuotaLedger::sum(s, kDay));
      EXPECT_EQ(sum.used, used_);
      EXPECT_EQ(sum.reserved, reserved_);
      EXPECT_LE(sum.used + sum.reserved + sum.leased, kLimit);
      return {};
    });
    EXPECT_EQ(number(db_, "SELECT count(*) FROM quota_lease WHERE used + reserved > granted"), 0);
    EXPECT_EQ(common(db_, "leased"),
              number(db_, "SELECT CAST(sum(granted) AS BIGINT) FROM quota_lease"));
  }

  Random random_;
  TestState db_;
  Holders of_;
  std::int64_t n_ = 1;
  std::int64_t used_ = 0;
  std::int64_t reserved_ = 0;
};

TEST(QuotaLease, RandomInterleavingsWithKillsAgreeWithAPlainCount) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    Interleaving(seed).run();
  }
}

TEST(QuotaLease, ProcessesAtOnceUseABudgetUpToTheLastCall) {
  TestState db;
  constexpr std::int64_t kLimit = 100;
  const auto second = storage::open_test_state(db.folder.path() / "state.db");
  std::atomic<std::int64_t> sent{0};
  const auto send = [&](storage::State& state, const QuotaHolder& holder) {
    for (;;) {
      const auto reserved =
          state.write([&](Session& s) { return QuotaLedger::reserve(s, kDay, 1, kLimit, holder); });
      if (!reserved) {
        EXPECT_EQ(reserved.error().code, ErrorCode::kLimitReached) << reserved.error().text();
        return;
      }
      ++sent;
      const auto settled =
          state.write([&](Session& s) { return QuotaLedger::commit(s, kDay, 1, holder); });
      EXPECT_TRUE(settled) << settled.error().text();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      storage::State& state = i % 2 ? *second : *db.state;
      threads.emplace_back([&send, &state, i] {
        send(state, {"p" + std::to_string(i % 2), 16, std::chrono::minutes(10), {}});
      });
    }
  }
  EXPECT_EQ(sent, kLimit);
  db.write([&](Session& s) -> Result<void> {
    ZHIYIN_TRY(const QuotaLedger::Sum sum, QuotaLedger::sum(s, kDay));
    EXPECT_EQ(sum.used, kLimit);
    EXPECT_EQ(sum.reserved, 0);
    return {};
  });
}

}  // namespace
}  // namespace zhiyin::delivery
