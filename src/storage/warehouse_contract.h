#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "storage/copy.h"
#include "storage/projection.h"
#include "storage/warehouse.h"

/// What every warehouse promises. An adapter's test brings a `Harness` with
/// `std::unique_ptr<Warehouse> open()`, which opens the same store again after it was closed, and
/// `static const char* long_query()`, a SELECT that runs for minutes, and runs
/// `INSTANTIATE_TYPED_TEST_SUITE_P(Name, WarehouseContract, Harness)`.
namespace zhiyin::storage {

inline Value text(std::string_view t) { return std::string(t); }
inline Value integer(std::int64_t i) { return i; }

template <class Harness>
class WarehouseContract : public ::testing::Test {
 protected:
  void SetUp() override {
    if constexpr (requires { Harness::unavailable(); }) {
      if (const std::string reason = Harness::unavailable(); !reason.empty())
        GTEST_SKIP() << reason;
    }
    warehouse_ = harness_.open();
    for (const Table& table : {reads(), titles()}) {
      const auto outcome = warehouse_->create(table);
      EXPECT_TRUE(outcome) << outcome.error().text();
    }
  }
  static Table reads() {
    return {"reads",
            {{"person", ColumnType::kText},
             {"seconds", ColumnType::kInt},
             {"score", ColumnType::kReal}}};
  }
  static Table titles() {
    return {"titles",
            {{"kind", ColumnType::kText}, {"id", ColumnType::kInt}, {"title", ColumnType::kText}},
            {"kind", "id"}};
  }
  void reopen() {
    warehouse_.reset();
    warehouse_ = harness_.open();
  }
  Result<void> insert(const Table& table, std::vector<Row> rows, std::string_view batch) {
    return warehouse_->insert(table, rows, batch);
  }
  Value cell(std::string_view sql, std::initializer_list<Value> parameters = {}) {
    const auto rows = warehouse_->query(sql, parameters);
    EXPECT_TRUE(rows) << rows.error().text();
    return rows && !rows->rows.empty() ? rows->rows[0][0] : Value();
  }

  Harness harness_;
  std::unique_ptr<Warehouse> warehouse_;
};
TYPED_TEST_SUITE_P(WarehouseContract);

TYPED_TEST_P(WarehouseContract, KeepsRowsAndNulls) {
  ASSERT_TRUE(this->insert(this->reads(),
                           {{text("甲"), integer(-5), Value(0.25)},
                            {text("b"), Value(), Value()},
                            {Value(), integer(1), integer(2)}},
                           "1"));
  ASSERT_TRUE(this->warehouse_->flush());
  this->reopen();
  const auto rows =
      this->warehouse_->query("SELECT person, seconds, score FROM reads ORDER BY seconds, person");
  ASSERT_TRUE(rows) << rows.error().text();
  EXPECT_EQ(rows->columns, (std::vector<std::string>{"person", "seconds", "score"}));
  EXPECT_THAT(rows->rows, testing::UnorderedElementsAre(Row{text("甲"), integer(-5), Value(0.25)},
                                                        Row{text("b"), Value(), Value()},
                                                        Row{Value(), integer(1), Value(2.0)}));
}

TYPED_TEST_P(WarehouseContract, ABatchIsWrittenOnce) {
  const std::vector<Row> rows{{text("a"), integer(1), Value()}};
  ASSERT_TRUE(this->insert(this->reads(), rows, "batch 1"));
  ASSERT_TRUE(this->insert(this->reads(), rows, "batch 1"));
  this->reopen();
  ASSERT_TRUE(this->insert(this->reads(), rows, "batch 1"));
  EXPECT_EQ(this->cell("SELECT COUNT(*) FROM reads"), integer(1));
  ASSERT_TRUE(this->insert(this->reads(), rows, "batch 2"));
  EXPECT_EQ(this->cell("SELECT COUNT(*) FROM reads"), integer(2));
  // The same name counts per table.
  ASSERT_TRUE(this->insert(this->titles(), {{text("a"), integer(1), text("t")}}, "batch 1"));
  EXPECT_EQ(this->cell("SELECT COUNT(*) FROM titles"), integer(1));
}

TYPED_TEST_P(WarehouseContract, ABatchWithAWrongRowLeavesNothingAndCanBeRepeated) {
  const Row good{text("a"), integer(1), Value()};
  for (const Row& bad :
       {Row{text("a"), text("1"), Value()}, Row{text("a"), integer(1)},
        Row{integer(1), integer(1), Value()}, Row{text("\xff"), integer(1), Value()}}) {
    const auto outcome = this->insert(this->reads(), {good, bad}, "batch");
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(this->cell("SELECT COUNT(*) FROM reads"), integer(0));
  ASSERT_TRUE(this->insert(this->reads(), {good}, "batch"));
  EXPECT_EQ(this->cell("SELECT COUNT(*) FROM reads"), integer(1));
}

TYPED_TEST_P(WarehouseContract, ALaterRowReplacesTheOneWithItsKey) {
  ASSERT_TRUE(this->insert(this->titles(),
                           {{text("article"), integer(1), text("old")},
                            {text("article"), integer(2), text("two")},
                            {text("page"), integer(1), text("page")}},
                           "1"));
  ASSERT_TRUE(this->insert(this->titles(),
                           {{text("article"), integer(1), text("newer")},
                            {text("article"), integer(3), text("three")},
                            {text("article"), integer(1), text("newest")}},
                           "2"));
  const auto rows = this->warehouse_->query("SELECT title FROM titles ORDER BY kind, id");
  ASSERT_TRUE(rows) << rows.error().text();
  EXPECT_EQ(rows->rows,
            (std::vector<Row>{{text("newest")}, {text("two")}, {text("three")}, {text("page")}}));
  EXPECT_FALSE(this->insert(this->titles(), {{Value(), integer(1), text("x")}}, "3"));
}

TYPED_TEST_P(WarehouseContract, BindsParametersOfEachType) {
  ASSERT_TRUE(this->insert(this->reads(), {{text("a'b"), integer(7), Value(1.5)}}, "1"));
  EXPECT_EQ(this->cell("SELECT COUNT(*) FROM reads WHERE person = ? AND seconds = ? AND score > ?",
                       {text("a'b"), integer(7), Value(1.0)}),
            integer(1));
  const auto missing = this->warehouse_->query("SELECT ? + 1");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kInvalidArgument);
}

TYPED_TEST_P(WarehouseContract, AggregatesComeAsIntegersAndReals) {
  ASSERT_TRUE(this->insert(this->reads(),
                           {{text("a"), integer(10), Value(0.5)},
                            {text("a"), integer(5), Value(1.0)},
                            {text("b"), integer(-4'000'000'000'000), Value()}},
                           "1"));
  EXPECT_EQ(this->cell("SELECT SUM(seconds) FROM reads WHERE person = 'a'"), integer(15));
  EXPECT_EQ(this->cell("SELECT SUM(seconds) FROM reads WHERE person = 'b'"),
            integer(-4'000'000'000'000));
  EXPECT_EQ(this->cell("SELECT SUM(CASE WHEN seconds > 5 THEN 1 ELSE 0 END) FROM reads"),
            integer(1));
  EXPECT_EQ(this->cell("SELECT COUNT(DISTINCT person) FROM reads"), integer(2));
  EXPECT_EQ(this->cell("SELECT SUM(score) FROM reads"), Value(1.5));
  EXPECT_EQ(this->cell("SELECT AVG(seconds) FROM reads WHERE person = 'a'"), Value(7.5));
  EXPECT_EQ(this->cell("SELECT SUM(seconds) FROM reads WHERE person = 'nobody'"), Value());
  EXPECT_EQ(this->cell("SELECT MAX(person) FROM reads"), text("b"));
}

TYPED_TEST_P(WarehouseContract, AQueryIsBoundedInRows) {
  std::vector<Row> rows(5000, Row{text("a"), integer(1), Value()});
  ASSERT_TRUE(this->insert(this->reads(), rows, "1"));
  QueryLimits limits;
  limits.rows_max = 4999;
  const auto outcome = this->warehouse_->query("SELECT person FROM reads", {}, limits);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kLimitReached);
  limits.rows_max = 5000;
  const auto all = this->warehouse_->query("SELECT person FROM reads", {}, limits);
  ASSERT_TRUE(all) << all.error().text();
  EXPECT_EQ(all->rows.size(), 5000U);
}

TYPED_TEST_P(WarehouseContract, ALongQueryIsInterruptedAndTheNextOneWorks) {
  QueryLimits limits;
  limits.timeout = std::chrono::milliseconds(50);
  const auto begin = std::chrono::steady_clock::now();
  const auto outcome = this->warehouse_->query(TypeParam::long_query(), {}, limits);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kDeadline) << outcome.error().text();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(this->cell("SELECT COUNT(*) FROM reads"), integer(0));
}

TYPED_TEST_P(WarehouseContract, AQueryCannotChangeAnything) {
  for (const char* sql : {"DROP TABLE reads", "INSERT INTO reads VALUES('a', 1, 1)",
                          "DELETE FROM reads", "SELEC 1", "SELECT 1; DROP TABLE reads"}) {
    const auto outcome = this->warehouse_->query(sql);
    ASSERT_FALSE(outcome) << sql;
    EXPECT_EQ(outcome.error().code, ErrorCode::kInvalidArgument) << outcome.error().text();
  }
  EXPECT_EQ(this->cell("SELECT COUNT(*) FROM reads"), integer(0));
}

TYPED_TEST_P(WarehouseContract, QueriesRunBesideInserts) {
  std::atomic<bool> done = false;
  std::jthread writer([&] {
    for (int i = 0; i < 10; ++i) {
      const std::vector<Row> rows(100, Row{text("a"), integer(i), Value()});
      EXPECT_TRUE(this->insert(this->reads(), rows, std::to_string(i)));
    }
    done = true;
  });
  std::vector<std::jthread> readers;
  for (int r = 0; r < 4; ++r) {
    readers.emplace_back([&] {
      for (bool last = false; !last;) {
        last = done;
        EXPECT_EQ(as_int(this->cell("SELECT COUNT(*) FROM reads")) % 100, 0) << "half a batch seen";
      }
    });
  }
  readers.clear();
  EXPECT_EQ(this->cell("SELECT COUNT(*) FROM reads"), integer(1000));
}

TYPED_TEST_P(WarehouseContract, RefusesATableThatExistsWithOtherColumns) {
  Table other = this->reads();
  other.columns.pop_back();
  const auto outcome = this->warehouse_->create(other);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kUnsupported);
  EXPECT_TRUE(this->warehouse_->create(this->reads()));
  EXPECT_FALSE(this->warehouse_->create({"x\"y", {{"a", ColumnType::kInt}}}));
  EXPECT_FALSE(this->warehouse_->create({"x", {{"a b", ColumnType::kInt}}}));
  EXPECT_FALSE(this->warehouse_->create({"x", {{"a", ColumnType::kInt}}, {"b"}}));
}

TYPED_TEST_P(WarehouseContract, RemovesWhatAConditionNames) {
  const std::vector<Row> rows{{text("a"), integer(1), Value()},
                              {text("a"), integer(2), Value()},
                              {text("b"), integer(3), Value()}};
  ASSERT_TRUE(this->insert(this->reads(), rows, "r1"));
  const std::string column(this->reads().columns[0].name);
  EXPECT_EQ(this->warehouse_->remove(this->reads(), column + " = ?", {text("a")}), 2);
  EXPECT_EQ(this->warehouse_->remove(this->reads(), column + " = ?", {text("a")}), 0);
  EXPECT_EQ(this->cell("SELECT COUNT(*) FROM reads"), integer(1));
  ASSERT_TRUE(this->insert(this->reads(), rows, "r1"));
  EXPECT_EQ(this->cell("SELECT COUNT(*) FROM reads"), integer(1))
      << "a batch that was written stays written";
  EXPECT_FALSE(this->warehouse_->remove(this->reads(), "nothing = ?", {text("a")}));
}

TYPED_TEST_P(WarehouseContract, ChecksumsOfEqualRowsAreEqualOnEveryDatabase) {
  const Table table = this->titles();
  ASSERT_TRUE(this->insert(
      table, {{text("article"), integer(7), text("知音")}, {text("article"), integer(8), Value()}},
      "1"));
  const std::string sum =
      fmt::format("SELECT SUM({}) FROM titles", row_checksum(table, this->warehouse_->dialect()));
  // MD5 of the cells, each but numbers behind a '+', the missing one a '-', with 0x1f between.
  EXPECT_EQ(this->cell(sum), integer(3222808958));
  ASSERT_TRUE(this->insert(table, {{text("article"), integer(8), text("")}}, "2"));
  EXPECT_NE(this->cell(sum), integer(3222808958));
}

TYPED_TEST_P(WarehouseContract, ATableThatIsGoneIsNoRowsFault) {
  const Table never{"never_made", {{"n", ColumnType::kInt}}};
  const auto outcome = this->insert(never, {{integer(1)}}, "1");
  ASSERT_FALSE(outcome);
  EXPECT_FALSE(lies_in_record(outcome.error())) << outcome.error().text();
  EXPECT_FALSE(this->warehouse_->query("SELECT * FROM never_made"));
}

REGISTER_TYPED_TEST_SUITE_P(WarehouseContract, RemovesWhatAConditionNames,
                            ATableThatIsGoneIsNoRowsFault,
                            ChecksumsOfEqualRowsAreEqualOnEveryDatabase, KeepsRowsAndNulls,
                            ABatchIsWrittenOnce, ABatchWithAWrongRowLeavesNothingAndCanBeRepeated,
                            ALaterRowReplacesTheOneWithItsKey, BindsParametersOfEachType,
                            AggregatesComeAsIntegersAndReals, AQueryIsBoundedInRows,
                            ALongQueryIsInterruptedAndTheNextOneWorks, AQueryCannotChangeAnything,
                            QueriesRunBesideInserts, RefusesATableThatExistsWithOtherColumns);

}  // namespace zhiyin::storage
