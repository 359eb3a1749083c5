#include "storage/membership.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <map>
#include <set>

#include "base/file.h"
#include "storage/gate.h"
#include "storage/migrations.h"
#include "storage/move_mark.h"
#include "storage/projection.h"
#include "storage/sqlite_event_log.h"
#include "storage/testing.h"

namespace zhiyin::storage {
namespace {

using std::chrono::seconds;

/// Notes who dealt with which record, in state.
class Noting final : public Projection {
 public:
  explicit Noting(std::string who) : who_(std::move(who)) {}
  std::function<void()> before_commit = [] {};
  [[nodiscard]] std::string_view name() const override { return "noting"; }
  Result<void> apply(Session& session, std::span<const StoredRecord> batch) override {
    for (const StoredRecord& r : batch) {
      ZHIYIN_TRY_VOID(
          session.execute("INSERT INTO seen(part, off, bytes, who, turn) VALUES(?1, ?2, ?3, ?4, "
                          "(SELECT COUNT(*) FROM seen WHERE part = ?1))",
                          {std::int64_t{r.partition}, r.offset, std::string(r.bytes), who_}));
    }
    before_commit();
    return {};
  }

 private:
  const std::string who_;
};

/// Time is stepped by hand, for the database and for the processes alike.
class MembershipTest : public ::testing::Test {
 protected:
  MembershipTest()
      : state_(open_test_state(folder_.path() / "state.db")),
        log_(std::move(*open_sqlite_event_log(folder_.path() / "log.db", null_logger()))) {
    auto all = migrations();
    all.push_back({"test-001",
                   "CREATE TABLE seen(part BIGINT NOT NULL, off BIGINT NOT NULL, bytes TEXT NOT "
                   "NULL, who TEXT NOT NULL, turn BIGINT NOT NULL, PRIMARY KEY(part, off))"});
    const auto outcome = state_->migrate(all);
    EXPECT_TRUE(outcome) << outcome.error().text();
  }
  Membership::Settings settings(const std::string& place, bool works = true) {
    Membership::Settings s;
    s.place = place;
    s.name = place;
    s.stores = "log and warehouse";
    s.works = works;
    s.lease = seconds(10);
    s.now = [this](Session&) { return Result<Instant>(Instant{now_us_}); };
    s.steady_now = [this] {
      return Membership::SteadyTime(std::chrono::microseconds(now_us_ - offset_us_));
    };
    return s;
  }
  std::unique_ptr<Membership> join(const std::string& place, bool works = true) {
    step(seconds(0), 1);  // nobody starts at the same moment
    auto joined = Membership::join(*state_, null_logger(), settings(place, works));
    EXPECT_TRUE(joined) << joined.error().text();
    return std::move(*joined);
  }
  void step(Duration d, std::int64_t more_us = 0) { now_us_ += d.count() + more_us; }

  void append(int count, int partitions = kPartitions) {
    std::vector<NewRecord> records;
    for (int i = 0; i < count; ++i) records.push_back({i % partitions, std::to_string(n_++)});
    ASSERT_TRUE(log_->append_and_wait(Stream::kEvents, std::move(records)));
  }
  std::unique_ptr<ProjectionRunner> runner(Projection& projection, const Membership& membership) {
    return std::make_unique<ProjectionRunner>(
        *log_, *state_, projection, null_logger(),
        ProjectionRunner::Settings{Stream::kEvents, 10, &membership});
  }
  /// Every record once, in the order of its partition.
  void expect_all_seen_once() {
    const auto rows = state_->query("SELECT part, off, bytes FROM seen ORDER BY part, turn");
    ASSERT_TRUE(rows) << rows.error().text();
    EXPECT_EQ(rows->rows.size(), static_cast<std::size_t>(n_));
    std::map<std::int64_t, std::int64_t> last;
    std::set<std::string> different;
    for (const Row& row : rows->rows) {
      EXPECT_GT(as_int(row[1]), last[as_int(row[0])]) << "out of order in " << as_int(row[0]);
      last[as_int(row[0])] = as_int(row[1]);
      different.emplace(as_text(row[2]));
    }
    EXPECT_EQ(different.size(), static_cast<std::size_t>(n_));
  }

  TempFolder folder_;
  std::unique_ptr<State> state_;
  std::unique_ptr<EventLog> log_;
  std::int64_t now_us_ = 1'700'000'000'000'000;
  std::int64_t offset_us_ = 1'690'000'000'000'000;
  int n_ = 0;
};

TEST_F(MembershipTest, OneProcessHasEverything) {
  const auto a = join("a");
  EXPECT_TRUE(a->duties().partitions.all());
  EXPECT_TRUE(a->duties().leads);
}

TEST_F(MembershipTest, PartitionsAreSharedEvenlyOnceEachHasBeaten) {
  const auto a = join("a");
  const auto b = join("b");
  EXPECT_EQ(b->duties().partitions.count(), 0U);  // all of them are still at work
  ASSERT_TRUE(a->beat());
  EXPECT_EQ(a->duties().partitions.count(), 32U);
  ASSERT_TRUE(b->beat());
  EXPECT_EQ(b->duties().partitions.count(), 32U);
  EXPECT_TRUE((a->duties().partitions ^ b->duties().partitions).all());
  EXPECT_TRUE(a->duties().leads);
  EXPECT_FALSE(b->duties().leads);

  const auto c = join("c");
  for (const auto* m : {&a, &b, &c}) ASSERT_TRUE((*m)->beat());
  std::bitset<kPartitions> all;
  for (const auto* m : {&a, &b, &c}) {
    const auto mine = (*m)->duties().partitions;
    EXPECT_GE(mine.count(), 21U);
    EXPECT_LE(mine.count(), 22U);
    EXPECT_TRUE((all & mine).none());
    all |= mine;
  }
  EXPECT_TRUE(all.all());
}

TEST_F(MembershipTest, WhatALivingProcessHasStaysWhereItIs) {
  const auto a = join("a");
  const auto b = join("b");
  ASSERT_TRUE(a->beat());
  ASSERT_TRUE(b->beat());
  const auto before = a->duties();
  for (int i = 0; i < 5; ++i) {
    step(seconds(5));
    ASSERT_TRUE(a->beat());
    ASSERT_TRUE(b->beat());
  }
  EXPECT_EQ(a->duties().generation, before.generation);
  EXPECT_EQ(a->duties().partitions, before.partitions);
}

TEST_F(MembershipTest, TheDutiesOfTheDeadAreTakenOverWhenTheirLeaseEnds) {
  auto a = join("a");
  const auto b = join("b");
  ASSERT_TRUE(a->beat());
  ASSERT_TRUE(b->beat());
  step(seconds(9));
  ASSERT_TRUE(b->beat());
  EXPECT_EQ(b->duties().partitions.count(), 32U);  // a may still live
  step(seconds(2));
  ASSERT_TRUE(b->beat());
  EXPECT_TRUE(b->duties().partitions.all());
  EXPECT_TRUE(b->duties().leads);
  EXPECT_TRUE(a->duties().partitions.none()) << "it knows by its own clock that its lease is over";
  const auto checked = state_->write([&](Session& session) { return a->check_leads(session); });
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(state_->write([&](Session& session) { return b->check_leads(session); }));

  // Whoever was only away comes back as somebody new.
  const std::string before = a->id();
  ASSERT_TRUE(a->beat());
  EXPECT_NE(a->id(), before);
  ASSERT_TRUE(b->beat());
  ASSERT_TRUE(a->beat());
  EXPECT_EQ(a->duties().partitions.count(), 32U);
  EXPECT_FALSE(a->duties().leads);
}

TEST_F(MembershipTest, LeavingHandsEverythingOverAtOnce) {
  auto a = join("a");
  const auto b = join("b");
  a.reset();
  ASSERT_TRUE(b->beat());
  EXPECT_TRUE(b->duties().partitions.all());
  EXPECT_TRUE(b->duties().leads);
}

TEST_F(MembershipTest, ARestartedProcessDoesNotWaitForItsOwnLease) {
  auto a = join("a");
  // As after kill -9: nothing was handed over.
  const auto again = join("a");
  EXPECT_TRUE(again->duties().partitions.all());
  EXPECT_TRUE(again->duties().leads);
}

TEST_F(MembershipTest, WhoDoesNotWorkHasNoDuties) {
  const auto a = join("a");
  const auto b = join("b", false);
  ASSERT_TRUE(a->beat());
  ASSERT_TRUE(b->beat());
  EXPECT_TRUE(a->duties().partitions.all());
  EXPECT_TRUE(b->duties().partitions.none());
  EXPECT_FALSE(b->duties().leads);
  const auto list = a->list();
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 2U);
  EXPECT_EQ((*list)[0].name, "a");
  EXPECT_EQ((*list)[0].partitions, 64);
  EXPECT_TRUE((*list)[0].leads);
  EXPECT_FALSE((*list)[1].works);
}

TEST_F(MembershipTest, NobodyWorksBesideAProcessWithStoresOfItsOwn) {
  auto own = settings("own");
  own.shares = false;
  {
    const auto first = join("a");
    const auto refused = Membership::join(*state_, null_logger(), own);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  }
  const auto alone = Membership::join(*state_, null_logger(), own);
  ASSERT_TRUE(alone) << alone.error().text();
  const auto second = Membership::join(*state_, null_logger(), settings("b"));
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, ::testing::HasSubstr("own"));
}

TEST_F(MembershipTest, OtherStoresAreRefused) {
  const auto a = join("a");
  auto other = settings("b");
  other.stores = "another log";
  const auto refused = Membership::join(*state_, null_logger(), other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
}

TEST_F(MembershipTest, AHoldIsFollowedByAll) {
  const auto a = join("a");
  const auto b = join("b");
  EXPECT_FALSE(b->held());
  ASSERT_TRUE(a->set_held(true));
  EXPECT_TRUE(a->held());
  const auto waited = a->wait_until_followed(std::chrono::milliseconds(0));
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, ErrorCode::kDeadline);
  for (int i = 0; i < 2; ++i) {  // hears of it, and says so
    ASSERT_TRUE(b->beat());
    ASSERT_TRUE(a->beat());
  }
  EXPECT_TRUE(b->held());
  EXPECT_TRUE(a->wait_until_followed(std::chrono::milliseconds(0)));
  ASSERT_TRUE(b->set_held(false));
  ASSERT_TRUE(a->beat());
  EXPECT_FALSE(a->held());
}

TEST_F(MembershipTest, EachDealsWithItsPartitionsAndSeesTheOthersPositions) {
  const auto a = join("a");
  const auto b = join("b");
  ASSERT_TRUE(a->beat());
  ASSERT_TRUE(b->beat());
  append(200);
  Noting of_a("a");
  Noting of_b("b");
  const auto runs_a = runner(of_a, *a);
  const auto runs_b = runner(of_b, *b);
  runs_b->start();
  ASSERT_TRUE(runs_a->catch_up());  // waits for b's part, too
  EXPECT_EQ(runs_a->lag(), 0);
  runs_b->stop();
  expect_all_seen_once();
  const auto rows = state_->query("SELECT DISTINCT part, who FROM seen ORDER BY part");
  ASSERT_EQ(rows->rows.size(), 64U);
  for (const Row& row : rows->rows) {
    const auto part = static_cast<std::size_t>(as_int(row[0]));
    EXPECT_EQ(as_text(row[1]), a->duties().partitions[part] ? "a" : "b");
  }
}

TEST_F(MembershipTest, AStaleOwnerCommitsNothing) {
  auto a = join("a");
  const auto b = join("b");
  append(64 * 5, 1);
  Noting of_a("a");
  Noting of_b("b");
  const auto runs_a = runner(of_a, *a);
  const auto runs_b = runner(of_b, *b);
  ASSERT_TRUE(runs_a->catch_up());  // partition 0 is a's
  append(30, 1);
  step(seconds(11));
  ASSERT_TRUE(b->beat());
  ASSERT_TRUE(runs_b->catch_up());
  expect_all_seen_once();

  // As if a had not noticed: its clock stands still, and it still thinks that it owns everything.
  offset_us_ += Duration(seconds(11)).count();
  ASSERT_TRUE(a->duties().partitions.all());
  append(30, 1);
  ASSERT_TRUE(runs_b->catch_up());
  ASSERT_TRUE(runs_a->catch_up());
  expect_all_seen_once();
}

TEST_F(MembershipTest, TwoThatBothThinkTheyOwnAPartitionDoEverythingOnce) {
  const auto a = join("a");
  auto s = settings("b");
  step(seconds(11));
  auto b = Membership::join(*state_, null_logger(), s);
  ASSERT_TRUE(b);
  offset_us_ += Duration(seconds(11)).count();
  ASSERT_TRUE(a->duties().partitions.all());
  ASSERT_TRUE((*b)->duties().partitions.all());
  Noting of_a("a");
  Noting of_b("b");
  const auto runs_a = runner(of_a, *a);
  const auto runs_b = runner(of_b, **b);
  runs_a->start();
  runs_b->start();
  for (int i = 0; i < 20; ++i) {
    append(50, 3);
    runs_a->wake();
    runs_b->wake();
  }
  ASSERT_TRUE(runs_a->catch_up());
  runs_a->stop();
  runs_b->stop();
  expect_all_seen_once();
}

TEST_F(MembershipTest, PartitionsThatComeOverAreReadFromWhereTheOtherStopped) {
  const auto a = join("a");
  Noting of_a("a");
  const auto runs_a = runner(of_a, *a);
  append(130);
  ASSERT_TRUE(runs_a->catch_up());
  auto b = join("b");
  Noting of_b("b");
  const auto runs_b = runner(of_b, *b);
  ASSERT_TRUE(a->beat());
  ASSERT_TRUE(b->beat());
  append(130);
  runs_a->start();
  ASSERT_TRUE(runs_b->catch_up());
  runs_a->stop();
  b.reset();
  ASSERT_TRUE(a->beat());
  append(130);
  ASSERT_TRUE(runs_a->catch_up());
  expect_all_seen_once();
}

class MoveTest : public MembershipTest {
 protected:
  void mark(MoveRole role, const std::string& owner) {
    ASSERT_TRUE(state_->write_alone([&](Session& session) {
      return set_move_mark(session, MoveMark{role, "target", "elsewhere", {1}, owner});
    }));
  }
  bool marked() { return move_mark(*state_).value().has_value(); }
};

TEST_F(MoveTest, WhileOneMovesTheInstallationNobodyElseCanJoinOrComeBack) {
  const auto away = join("away");
  step(seconds(11));
  const auto mover = join("mover");
  mark(MoveRole::kMoving, mover->id());

  const auto late = Membership::join(*state_, null_logger(), settings("late"));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(late.error().message, ::testing::HasSubstr("elsewhere"));
  EXPECT_EQ(away->beat().error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(away->lives());
  const auto may_write = [&](const Membership& m) {
    return state_->write([&](Session& session) { return m.check_not_moved(session); });
  };
  EXPECT_FALSE(may_write(*away));
  EXPECT_TRUE(may_write(*mover));
  step(seconds(5));
  EXPECT_TRUE(mover->beat());

  ASSERT_TRUE(give_up_move(*state_, "somebody else"));
  EXPECT_TRUE(marked());
  ASSERT_TRUE(give_up_move(*state_, mover->id()));
  EXPECT_TRUE(away->beat());
  EXPECT_TRUE(away->lives());
  EXPECT_TRUE(may_write(*away));

  mark(MoveRole::kMoved, mover->id());
  EXPECT_EQ(away->beat().error().code, ErrorCode::kUnsupported);
  EXPECT_FALSE(may_write(*away));
}

TEST_F(MoveTest, TheMoveOfADeadProcessIsGivenUp) {
  auto mover = join("mover");
  mark(MoveRole::kMoving, mover->id());
  EXPECT_FALSE(Membership::join(*state_, null_logger(), settings("b")));
  step(seconds(11));
  const auto b = join("b");
  EXPECT_FALSE(marked());

  // Of the same folder only one can live, so there is nothing to wait for.
  mark(MoveRole::kMoving, b->id());
  const auto again = join("b");
  EXPECT_FALSE(marked());
}

TEST_F(MoveTest, WhoIsNotCountedOnAcknowledgesNothing) {
  const auto a = join("a");
  Gate gate;
  gate.set_guard(
      {[&] { return a->lives(); }, [&](Session& session) { return a->check_not_moved(session); }});
  const auto state = gated(open_test_state(folder_.path() / "state.db"), gate);
  auto inner = open_sqlite_event_log(folder_.path() / "gated.db", null_logger());
  const auto log = gated(std::move(*inner), gate);
  EXPECT_TRUE(log->append_and_wait(Stream::kEvents, {{1, "x"}}));

  // Suspended between the append and its answer.
  std::promise<Result<void>> answered;
  gate.set_guard({[&, asked = 0]() mutable {
                    if (asked++ > 0) step(seconds(11));
                    return a->lives();
                  },
                  [&](Session& session) { return a->check_not_moved(session); }});
  log->append(Stream::kEvents, {{1, "y"}},
              [&](Result<void> outcome) { answered.set_value(std::move(outcome)); });
  EXPECT_EQ(answered.get_future().get().error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(log->append_and_wait(Stream::kEvents, {{1, "z"}}).error().code,
            ErrorCode::kUnavailable);

  const auto write = [&] {
    return state->write([](Session& session) -> Result<void> {
      ZHIYIN_TRY_VOID(session.execute("DELETE FROM outbox"));
      return {};
    });
  };
  EXPECT_TRUE(write());
  mark(MoveRole::kMoving, "another");
  EXPECT_EQ(write().error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace zhiyin::storage
