#include "delivery/send_hold.h"

#include "delivery/test_state.h"

namespace zhiyin::delivery {
namespace {

using storage::Session;
using testing::at;
using testing::TestState;

const AccountId kShop("shop");
const AccountId kOther("other");
const Instant kNoon = at("2026-03-10T12:00:00");
constexpr std::int64_t kBanned = 48004;

std::optional<SendHold> hold_of(TestState& db, const AccountId& account) {
  std::optional<SendHold> out;
  db.write([&](Session& s) -> Result<void> {
    ZHIYIN_TRY(out, SendHolds::find(s, account));
    return {};
  });
  return out;
}

void note(TestState& db, std::int64_t errcode, Instant now) {
  db.write([&](Session& s) { return SendHolds::note(s, kShop, errcode, "封禁", now); });
}

bool release(TestState& db, Instant now) {
  bool out = false;
  db.write([&](Session& s) -> Result<void> {
    ZHIYIN_TRY(out, SendHolds::release(s, kShop, "user:anna", now));
    return {};
  });
  return out;
}

std::vector<SendHold> all(TestState& db, std::size_t limit, Instant before) {
  std::vector<SendHold> out;
  db.write([&](Session& s) -> Result<void> {
    ZHIYIN_TRY(out, SendHolds::list(s, kShop, limit, before));
    return {};
  });
  return out;
}

TEST(SendHolds, ABanHoldsItsAccountUntilItIsReleased) {
  TestState db;
  EXPECT_FALSE(hold_of(db, kShop));
  note(db, kBanned, kNoon);
  db.open();  // as after a restart
  const auto hold = hold_of(db, kShop);
  ASSERT_TRUE(hold);
  EXPECT_EQ(hold->since, kNoon);
  EXPECT_EQ(hold->errcode, kBanned);
  EXPECT_EQ(hold->error, "封禁");
  EXPECT_FALSE(hold->released_at);
  EXPECT_FALSE(hold_of(db, kOther));
  EXPECT_TRUE(release(db, kNoon + std::chrono::hours(1)));
  EXPECT_FALSE(hold_of(db, kShop));
  EXPECT_FALSE(release(db, kNoon + std::chrono::hours(2))) << "there is none any more";
}

TEST(SendHolds, OnlyWhatStopsTheAccountBeginsOneAndTheFirstStays) {
  TestState db;
  for (const std::int64_t errcode : {0, -1, 45009, 48001, 48002}) note(db, errcode, kNoon);
  EXPECT_FALSE(hold_of(db, kShop));
  note(db, kBanned, kNoon);
  note(db, 50007, kNoon + std::chrono::minutes(1));
  EXPECT_EQ(hold_of(db, kShop)->errcode, kBanned);
  EXPECT_EQ(all(db, 10, kNoon + kDay).size(), 1U);
}

TEST(SendHolds, EarlierOnesAreListedNewestFirstAndForgottenInTheEnd) {
  TestState db;
  for (int i = 0; i < 3; ++i) {
    note(db, kBanned, kNoon + i * kDay);
    ASSERT_TRUE(release(db, kNoon + i * kDay + std::chrono::hours(1)));
  }
  const auto newest = all(db, 2, kNoon + 10 * kDay);
  ASSERT_EQ(newest.size(), 2U);
  EXPECT_EQ(newest[0].since, kNoon + 2 * kDay);
  EXPECT_EQ(newest[0].released_by, "user:anna");
  EXPECT_EQ(newest[0].released_at, kNoon + 2 * kDay + std::chrono::hours(1));
  EXPECT_EQ(all(db, 2, newest[1].since).at(0).since, kNoon);
  const Instant later = kNoon + SendHolds::kKeep + kDay + std::chrono::hours(2);
  note(db, kBanned, later);
  const auto kept = all(db, 10, later + kDay);
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(kept[1].since, kNoon + 2 * kDay);
}

TEST(SendHolds, ABanInTheMomentOfTheReleaseCountsAgain) {
  TestState db;
  note(db, kBanned, kNoon);
  ASSERT_TRUE(release(db, kNoon));
  note(db, kBanned, kNoon);
  EXPECT_TRUE(hold_of(db, kShop));
}

}  // namespace
}  // namespace zhiyin::delivery
