#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <latch>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "storage/in_list.h"
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

TYPED_TEST_P(StateContract, ListsOfAnyLengthAreAskedAbout) {
  ASSERT_TRUE(this->state_->write([&](Session& session) -> Result<void> {
    for (std::int64_t i = 0; i < 700; ++i) {
      ZHIYIN_TRY_VOID(session.execute("INSERT INTO thing(name, count) VALUES(?1, ?2)",
                                      {fmt::format("n{:03}", i), i % 2}));
    }
    return {};
  }));
  for (const std::size_t length : {0, 1, 2, 31, 32, 33, 64, 129, 512, 513, 700, 1400}) {
    std::vector<Value> names;
    for (std::size_t i = 0; i < length; ++i) names.emplace_back(fmt::format("n{:03}", i));
    std::set<std::string> found;
    ASSERT_TRUE(this->state_->read([&](Session& session) {
      found.clear();
      const Value odd[] = {std::int64_t{1}};
      return query_in_lists(session, "SELECT name FROM thing WHERE count = ?1 AND name IN ({})",
                            odd, names, [&](const Row& row) { found.emplace(as_text(row[0])); });
    })) << length;
    EXPECT_EQ(found.size(), std::min<std::size_t>(length, 700) / 2) << length;
  }
}

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
    return fail(ErrorCode::kInvalidArgument, "test: give up");
  });
  EXPECT_FALSE(outcome);
  for (const char* sql : {"SELECT ?1", "SELECT * FROM nothing", "SELECT 1; SELECT 2", "SELECT '"}) {
    EXPECT_FALSE(this->state_->query(sql)) << sql;
  }
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

TYPED_TEST_P(StateContract, NothingFollowsAnErrorInItsTransaction) {
  ASSERT_TRUE(this->put("a", 1));
  const auto outcome = this->state_->write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("UPDATE thing SET count = 2"));
    EXPECT_FALSE(session.execute("INSERT INTO thing(name) VALUES('a')"));
    const auto later = session.query("SELECT COUNT(*) FROM thing");
    EXPECT_FALSE(later);
    return {};  // as somebody who overlooked the error
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kConflict);
  EXPECT_EQ(this->number("SELECT count FROM thing"), 1);
  EXPECT_TRUE(this->put("b", 1));
}

TYPED_TEST_P(StateContract, TextIsUtf8WithoutZeroBytes) {
  for (const std::string& text :
       {std::string("a\0b", 3), std::string("\xff"), std::string("\xed\xa0\x80")}) {
    const auto outcome = this->put(text, 1);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::kInvalidArgument);
  }
  ASSERT_TRUE(this->put("", 1));
  EXPECT_EQ(this->state_->query("SELECT name FROM thing")->rows.at(0).at(0), Value(std::string()));
}

TYPED_TEST_P(StateContract, KeepsTheLargestAndTheSmallest) {
  using Limits = std::numeric_limits<std::int64_t>;
  using Reals = std::numeric_limits<double>;
  const std::vector<Row> rows{
      {std::string("big"), Limits::max(), Reals::max(), Blob{std::string(3 << 20, '\0')}},
      {std::string("small"), Limits::min(), Reals::denorm_min(), Blob{}},
      {std::string("tenth"), std::int64_t{0}, 0.1, Blob{"\xff\xfe"}}};
  for (const Row& row : rows) {
    ASSERT_TRUE(this->state_->write([&](Session& session) -> Result<void> {
      ZHIYIN_TRY_VOID(
          session.execute("INSERT INTO thing(name, count, weight, bytes) "
                          "VALUES(?1, ?2, ?3, ?4)",
                          std::span<const Value>(row)));
      return {};
    }));
  }
  const auto found =
      this->state_->query("SELECT name, count, weight, bytes FROM thing ORDER BY name");
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->rows == rows);
}

TYPED_TEST_P(StateContract, OrdersTextByItsBytes) {
  for (const char* name : {"b", "B", "a", "A1", "_", "é", "知", "音", "z", "a b", "ab", "-"}) {
    ASSERT_TRUE(this->put(name, 1));
  }
  const auto rows = this->state_->query("SELECT name FROM thing ORDER BY name");
  ASSERT_TRUE(rows);
  std::vector<std::string> names;
  for (const Row& row : rows->rows) names.emplace_back(as_text(row[0]));
  EXPECT_TRUE(std::ranges::is_sorted(names)) << testing::PrintToString(names);
  EXPECT_EQ(this->state_->query("SELECT COUNT(*) FROM thing WHERE name > ?1", {std::string("Z")})
                ->rows[0][0],
            Value(std::int64_t{9}));
  EXPECT_EQ(as_text(this->state_->query("SELECT MAX(name) FROM thing")->rows[0][0]), "音");
}

TYPED_TEST_P(StateContract, SumsAndCountsAreIntegers) {
  ASSERT_TRUE(this->put("a", 4'000'000'000'000'000'000));
  ASSERT_TRUE(this->put("b", 5'000'000'000'000'000'000));
  ASSERT_TRUE(this->put("c", -7));
  const auto rows = this->state_->query(
      "SELECT SUM(count), COUNT(*), MIN(count), LENGTH('知音'), SUM(CASE WHEN count < 0 THEN 1 "
      "ELSE 0 END), "
      "count / 2 * 0 + 7 / 2 FROM thing GROUP BY count / 2 * 0");
  ASSERT_TRUE(rows) << rows.error().text();
  EXPECT_EQ(rows->rows.at(0),
            (Row{std::int64_t{8'999'999'999'999'999'993}, std::int64_t{3}, std::int64_t{-7},
                 std::int64_t{2}, std::int64_t{1}, std::int64_t{3}}));
  ASSERT_TRUE(this->put("d", 4'000'000'000'000'000'000));
  EXPECT_FALSE(this->state_->query("SELECT SUM(count) FROM thing"));  // beyond 64 bits
  EXPECT_TRUE(is_null(
      this->state_->query("SELECT SUM(count) FROM thing WHERE count = 1")->rows.at(0).at(0)));
  EXPECT_NEAR(
      as_real(
          this->state_->query("SELECT AVG(count) FROM thing WHERE count < 0")->rows.at(0).at(0)),
      -7, 1e-12);
}

TYPED_TEST_P(StateContract, CountsOnlyWhatChanged) {
  ASSERT_TRUE(this->put("a", 1));
  ASSERT_TRUE(this->state_->write([&](Session& session) -> Result<void> {
    const std::string ignore = "INSERT INTO thing(name) VALUES(?1) ON CONFLICT(name) DO NOTHING";
    EXPECT_EQ(session.execute(ignore, {std::string("b")}).value_or(-1), 1);
    EXPECT_EQ(session.execute(ignore, {std::string("a")}).value_or(-1), 0);
    const std::string guarded =
        "INSERT INTO thing(name, count) VALUES('a', ?1) ON CONFLICT(name) DO UPDATE SET count = "
        "excluded.count WHERE thing.count < excluded.count";
    EXPECT_EQ(session.execute(guarded, {std::int64_t{1}}).value_or(-1), 0);
    EXPECT_EQ(session.execute(guarded, {std::int64_t{2}}).value_or(-1), 1);
    EXPECT_EQ(session.execute("UPDATE thing SET count = 9 WHERE name = 'none'").value_or(-1), 0);
    EXPECT_EQ(session.execute("DELETE FROM thing").value_or(-1), 2);
    return {};
  }));
}

TYPED_TEST_P(StateContract, TheSameStatementTakesNullsAndValues) {
  ASSERT_TRUE(this->state_->write([&](Session& session) -> Result<void> {
    const std::string sql = "INSERT INTO thing(name, count, weight, bytes) VALUES(?1, ?2, ?3, ?4)";
    const Value null;
    ZHIYIN_TRY_VOID(session.execute(sql, {std::string("a"), null, null, null}));
    ZHIYIN_TRY_VOID(session.execute(sql, {std::string("b"), std::int64_t{1}, null, Blob{"x"}}));
    ZHIYIN_TRY_VOID(session.execute(sql, {std::string("c"), null, 0.5, null}));
    // A whole number is a real where the column says so.
    ZHIYIN_TRY_VOID(session.execute(sql, {std::string("d"), null, std::int64_t{3}, null}));
    ZHIYIN_TRY(const Rows found,
               session.query("SELECT COUNT(*) FROM thing WHERE count = COALESCE(?1, 1)", {null}));
    EXPECT_EQ(as_int(found.rows.at(0).at(0)), 1);
    return {};
  }));
  const auto rows = this->state_->query("SELECT count, weight FROM thing ORDER BY name");
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->rows,
            (std::vector<Row>{
                {Value(), Value()}, {std::int64_t{1}, Value()}, {Value(), 0.5}, {Value(), 3.0}}));
}

TYPED_TEST_P(StateContract, QuestionMarksAndCommentsInTextsAreLeftAlone) {
  const auto rows = this->state_->query(
      "SELECT '?1 -- /* \"' AS \"a?1\", CAST(?1 AS TEXT) /* ?7 ' */ -- ?8 \"\n, CAST(?2 AS BIGINT)",
      {std::string("x"), std::int64_t{5}});
  ASSERT_TRUE(rows) << rows.error().text();
  EXPECT_EQ(rows->rows.at(0), (Row{std::string("?1 -- /* \""), std::string("x"), std::int64_t{5}}));
  EXPECT_EQ(rows->columns.at(0), "a?1");
}

/// Two transactions that each look at what the other changes: one after the other gives 1, side by
/// side on snapshots would give 2.
TYPED_TEST_P(StateContract, NoTwoTransactionsDecideOnTheSameFacts) {
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(this->state_->write([&](Session& session) -> Result<void> {
      ZHIYIN_TRY_VOID(session.execute("DELETE FROM thing"));
      return {};
    }));
    std::latch both(2);
    const auto take_the_last = [&](const std::string& name) {
      both.arrive_and_wait();
      return this->state_->write([&](Session& session) -> Result<void> {
        ZHIYIN_TRY(const Rows taken, session.query("SELECT COUNT(*) FROM thing"));
        if (as_int(taken.rows.at(0).at(0)) > 0)
          return fail(ErrorCode::kLimitReached, "test: taken");
        ZHIYIN_TRY_VOID(session.execute("INSERT INTO thing(name) VALUES(?1)", {name}));
        return {};
      });
    };
    Result<void> one;
    std::jthread other([&] { one = take_the_last("one"); });
    const Result<void> two = take_the_last("two");
    other.join();
    EXPECT_EQ(int{one.has_value()} + int{two.has_value()}, 1);
    for (const auto* outcome : std::initializer_list<const Result<void>*>{&one, &two}) {
      if (!*outcome) {
        EXPECT_EQ(outcome->error().code, ErrorCode::kLimitReached);
      }
    }
    EXPECT_EQ(this->number("SELECT COUNT(*) FROM thing"), 1);
  }
}

/// Everybody takes the next number: nobody fails, none is given twice.
TYPED_TEST_P(StateContract, WritersOfTheSameKeyAllComeThrough) {
  constexpr int kThreads = 6;
  constexpr int kEach = 5;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          const auto outcome = this->state_->write([&](Session& session) -> Result<void> {
            ZHIYIN_TRY_VOID(
                session.execute("INSERT INTO thing(name, count) VALUES(?1, (SELECT "
                                "COALESCE(MAX(count), 0) + 1 FROM thing))",
                                {fmt::format("{}-{}", t, i)}));
            return {};
          });
          EXPECT_TRUE(outcome) << outcome.error().text();
        }
      });
    }
  }
  EXPECT_EQ(this->number("SELECT COUNT(DISTINCT count) FROM thing"), kThreads * kEach);
  EXPECT_EQ(this->number("SELECT MAX(count) FROM thing"), kThreads * kEach);
}

TYPED_TEST_P(StateContract, AReadInsideAReadSeesTheSameSnapshotAndAWriteInsideAWriteIsRefused) {
  EXPECT_TRUE(this->state_->read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.query("SELECT name FROM thing"));
    EXPECT_TRUE(this->put("a", 1));
    EXPECT_EQ(this->number("SELECT COUNT(*) FROM thing"), 0);
    return {};
  }));
  const auto outcome = this->state_->write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("UPDATE thing SET count = 5"));
    EXPECT_EQ(this->number("SELECT count FROM thing"), 1);  // a read is beside the transaction
    return this->put("b", 1);
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kInternal);
  EXPECT_EQ(this->number("SELECT SUM(count) FROM thing"), 1);
}

TYPED_TEST_P(StateContract, HasAnIdentityOfItsOwnForEver) {
  const auto first = this->state_->identity();
  ASSERT_TRUE(first);
  EXPECT_GE(first->size(), 20U);
  this->reopen();
  EXPECT_EQ(this->state_->identity().value_or(""), *first);
  ASSERT_TRUE(this->migrate({this->kThing}));
  EXPECT_EQ(this->state_->identity().value_or(""), *first);
  TypeParam another;
  EXPECT_EQ(another.open()->identity().value_or("?"), "");
}

TYPED_TEST_P(StateContract, TwoMayMigrateAtOnce) {
  const Migration more{"test-002-more", "ALTER TABLE thing ADD COLUMN more BIGINT"};
  auto second = this->harness_.open();
  Result<void> other;
  std::jthread thread([&] {
    const std::vector<Migration> list{this->kThing, more};
    other = second->migrate(list);
  });
  const auto own = this->migrate({this->kThing, more});
  thread.join();
  EXPECT_TRUE(own) << own.error().text();
  EXPECT_TRUE(other) << other.error().text();
  EXPECT_EQ(this->number("SELECT COUNT(more) FROM thing"), 0);
}

REGISTER_TYPED_TEST_SUITE_P(
    StateContract, ListsOfAnyLengthAreAskedAbout, KeepsValuesOfEveryType,
    KeepsWhatWasCommittedWhenReopened, RollsBackWhenTheWorkFails, ATransactionSeesItsOwnChanges,
    AReadKeepsItsSnapshot, AReadCannotWrite, ABrokenUniquenessRuleIsAConflict,
    KnowsUpsertAndReturning, WrongStatementsAreErrorsNotCrashes, ConcurrentTransactionsLoseNoUpdate,
    AppliesEachMigrationOnce, RefusesASchemaFromANewerProgram, NoticesAMigrationThatWasChanged,
    AFailedMigrationLeavesNothing, NothingFollowsAnErrorInItsTransaction,
    TextIsUtf8WithoutZeroBytes, KeepsTheLargestAndTheSmallest, OrdersTextByItsBytes,
    SumsAndCountsAreIntegers, CountsOnlyWhatChanged, TheSameStatementTakesNullsAndValues,
    QuestionMarksAndCommentsInTextsAreLeftAlone, NoTwoTransactionsDecideOnTheSameFacts,
    WritersOfTheSameKeyAllComeThrough,
    AReadInsideAReadSeesTheSameSnapshotAndAWriteInsideAWriteIsRefused, HasAnIdentityOfItsOwnForEver,
    TwoMayMigrateAtOnce);

}  // namespace zhiyin::storage
