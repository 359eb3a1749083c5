#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "storage/state.h"

/// What every state promises. An adapter's test brings a `Harness` with `std::unique_ptr<State>
/// open()`, which opens the same store again after it was closed, and runs
/// `INSTANTIATE_TYPED_TEST_SUITE_P(Name, StateContract, Harness)`.
namespace zhiyin::storage {

template <class Harness>
class StateContract : public ::testing::Test {
 protected:
  static constexpr Migration kThing{
      "test-001-thing",
      "CREATE TABLE thing(name TEXT PRIMARY KEY, count BIGINT, weight DOUBLE PRECISION, "
      "bytes BYTEA); CREATE INDEX thing_count ON thing(count)"};

  StateContract() : state_(harness_.open()) {
    const auto outcome = migrate({kThing});
    EXPECT_TRUE(outcome) << outcome.error().text();
  }
  void reopen() {
    state_.reset();
    state_ = harness_.open();
  }
  Result<void> migrate(std::vector<Migration> list) { return state_->migrate(list); }
  Result<void> put(const std::string& name, std::int64_t count) {
    return state_->write([&](Session& session) -> Result<void> {
      ZHIYIN_TRY_VOID(
          session.execute("INSERT INTO thing(name, count) VALUES(?1, ?2)", {name, count}));
      return {};
    });
  }
  std::int64_t number(const std::string& sql) {
    const auto rows = state_->query(sql);
    EXPECT_TRUE(rows) << rows.error().text();
    return rows && !rows->rows.empty() ? as_int(rows->rows[0][0], -1) : -1;
  }

  Harness harness_;
  std::unique_ptr<State> state_;
};
TYPED_TEST_SUITE_P(StateContract);

TYPED_TEST_P(StateContract, KeepsValuesOfEveryType) {
  const std::string odd("\0\xff'\n", 4);
  ASSERT_TRUE(this->state_->write([&](Session& session) -> Result<void> {
    const auto changed = session.execute(
        "INSERT INTO thing(name, count, weight, bytes) VALUES(?1, ?2, ?3, ?4)",
        {std::string("知音 'x'"), std::int64_t{-9'007'199'254'740'993}, 0.1, Blob{odd}});
    EXPECT_EQ(changed.value_or(-1), 1);
    return {};
  }));
  ASSERT_TRUE(this->put("nulls", 0));
  const auto rows = this->state_->query(
      "SELECT name, count, weight, bytes FROM thing WHERE name = ?1", {std::string("知音 'x'")});
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->columns, (std::vector<std::string>{"name", "count", "weight", "bytes"}));
  ASSERT_EQ(rows->rows.size(), 1U);
  EXPECT_EQ(rows->rows[0],
            (Row{std::string("知音 'x'"), std::int64_t{-9'007'199'254'740'993}, 0.1, Blob{odd}}));
  const auto nulls = this->state_->query("SELECT weight, bytes FROM thing WHERE name = ?1",
                                         {std::string("nulls")});
  EXPECT_EQ(nulls->rows[0], (Row{std::monostate(), std::monostate()}));
}

TYPED_TEST_P(StateContract, KeepsWhatWasCommittedWhenReopened) {
  ASSERT_TRUE(this->put("a", 1));
  this->reopen();
  EXPECT_EQ(this->number("SELECT count FROM thing WHERE name = 'a'"), 1);
}

TYPED_TEST_P(StateContract, RollsBackWhenTheWorkFails) {
  const auto outcome = this->state_->write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("INSERT INTO thing(name) VALUES(?1)", {std::string("a")}));
    return fail(ErrorCode::kLimitReached, "test: no more");
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kLimitReached);
  EXPECT_EQ(this->number("SELECT COUNT(*) FROM thing"), 0);
}

TYPED_TEST_P(StateContract, ATransactionSeesItsOwnChanges) {
  ASSERT_TRUE(this->state_->write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("INSERT INTO thing(name) VALUES(?1)", {std::string("a")}));
    ZHIYIN_TRY(const Rows rows, session.query("SELECT name FROM thing"));
    EXPECT_EQ(rows.rows.size(), 1U);
    return {};
  }));
}

TYPED_TEST_P(StateContract, AReadKeepsItsSnapshot) {
  ASSERT_TRUE(this->put("a", 1));
  ASSERT_TRUE(this->state_->read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const Rows before, session.query("SELECT name FROM thing"));
    EXPECT_TRUE(this->put("b", 2));
    ZHIYIN_TRY(const Rows after, session.query("SELECT name FROM thing"));
    EXPECT_EQ(before.rows.size(), 1U);
    EXPECT_EQ(after.rows.size(), 1U);
    return {};
  }));
  EXPECT_EQ(this->number("SELECT COUNT(*) FROM thing"), 2);
}

TYPED_TEST_P(StateContract, AReadCannotWrite) {
  const auto outcome = this->state_->read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("INSERT INTO thing(name) VALUES(?1)", {std::string("a")}));
    return {};
  });
  EXPECT_FALSE(outcome);
  EXPECT_EQ(this->number("SELECT COUNT(*) FROM thing"), 0);
}

TYPED_TEST_P(StateContract, ABrokenUniquenessRuleIsAConflict) {
  ASSERT_TRUE(this->put("a", 1));
  const auto outcome = this->put("a", 2);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kConflict);
  EXPECT_EQ(this->number("SELECT count FROM thing WHERE name = 'a'"), 1);
}

TYPED_TEST_P(StateContract, KnowsUpsertAndReturning) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(this->state_->write([&](Session& session) -> Result<void> {
      ZHIYIN_TRY_VOID(session.execute(
          "INSERT INTO thing(name, count) VALUES(?1, 1) ON CONFLICT(name) DO UPDATE SET count = "
          "thing.count + excluded.count",
          {std::string("a")}));
      ZHIYIN_TRY(const Rows rows,
                 session.query("UPDATE thing SET weight = count WHERE name = ?1 RETURNING weight",
                               {std::string("a")}));
      EXPECT_EQ(as_real(rows.rows.at(0).at(0)), i + 1.0);
      return {};
    }));
  }
}

TYPED_TEST_P(StateContract, WrongStatementsAreErrorsNotCrashes) {
  const auto outcome = this->state_->write([&](Session& session) -> Result<void> {
    EXPECT_FALSE(session.query("SELEC 1"));
    EXPECT_FALSE(session.query("SELECT ?1"));
    EXPECT_FALSE(session.execute("INSERT INTO nothing VALUES(1)"));
    EXPECT_FALSE(session.query("SELECT 1; SELECT 2"));
    return fail(ErrorCode::kInvalidArgument, "test: give up");
  });
  EXPECT_FALSE(outcome);
  EXPECT_TRUE(this->put("a", 1));
}

TYPED_TEST_P(StateContract, ConcurrentTransactionsLoseNoUpdate) {
  constexpr int kThreads = 4;
  constexpr int kEach = 10;
  ASSERT_TRUE(this->put("a", 0));
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < kEach; ++i) {
          const auto outcome = this->state_->write([&](Session& session) -> Result<void> {
            ZHIYIN_TRY(const Rows rows, session.query("SELECT count FROM thing"));
            ZHIYIN_TRY_VOID(session.execute("UPDATE thing SET count = ?1",
                                            {as_int(rows.rows.at(0).at(0)) + 1}));
            return {};
          });
          EXPECT_TRUE(outcome) << outcome.error().text();
          EXPECT_GE(this->number("SELECT count FROM thing"), 1);
        }
      });
    }
  }
  EXPECT_EQ(this->number("SELECT count FROM thing"), kThreads * kEach);
}

TYPED_TEST_P(StateContract, AppliesEachMigrationOnce) {
  ASSERT_TRUE(this->put("a", 1));
  this->reopen();
  const Migration more{"test-002-more",
                       "ALTER TABLE thing ADD COLUMN more BIGINT;"
                       "UPDATE thing SET more = count + 1"};
  ASSERT_TRUE(this->migrate({this->kThing, more}));
  ASSERT_TRUE(this->migrate({this->kThing, more}));
  EXPECT_EQ(this->number("SELECT more FROM thing"), 2);
  EXPECT_EQ(this->number("SELECT COUNT(*) FROM schema_migration"), 2);
}

TYPED_TEST_P(StateContract, RefusesASchemaFromANewerProgram) {
  ASSERT_TRUE(this->migrate({this->kThing, {"test-002-later", "CREATE TABLE later(x BIGINT)"}}));
  this->reopen();
  const auto outcome = this->migrate({this->kThing});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(outcome.error().message, testing::HasSubstr("test-002-later"));
}

TYPED_TEST_P(StateContract, NoticesAMigrationThatWasChanged) {
  const auto outcome = this->migrate({{"test-001-thing", "CREATE TABLE thing(x BIGINT)"}});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kDataLoss);
}

TYPED_TEST_P(StateContract, AFailedMigrationLeavesNothing) {
  const Migration bad{"test-002-bad", "CREATE TABLE half(x BIGINT); INSERT INTO nowhere VALUES(1)"};
  ASSERT_FALSE(this->migrate({this->kThing, bad}));
  EXPECT_FALSE(this->state_->query("SELECT x FROM half"));
  EXPECT_EQ(this->number("SELECT COUNT(*) FROM schema_migration"), 1);
}

REGISTER_TYPED_TEST_SUITE_P(StateContract, KeepsValuesOfEveryType,
                            KeepsWhatWasCommittedWhenReopened, RollsBackWhenTheWorkFails,
                            ATransactionSeesItsOwnChanges, AReadKeepsItsSnapshot, AReadCannotWrite,
                            ABrokenUniquenessRuleIsAConflict, KnowsUpsertAndReturning,
                            WrongStatementsAreErrorsNotCrashes, ConcurrentTransactionsLoseNoUpdate,
                            AppliesEachMigrationOnce, RefusesASchemaFromANewerProgram,
                            NoticesAMigrationThatWasChanged, AFailedMigrationLeavesNothing);

}  // namespace zhiyin::storage
