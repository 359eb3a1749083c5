#include "storage/duckdb_warehouse.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <limits>

#include "base/file.h"
#include "base/random.h"
#include "storage/open.h"
#include "storage/warehouse_contract.h"

namespace zhiyin::storage {
namespace {

std::unique_ptr<Warehouse> open_small(const std::filesystem::path& path,
                                      std::uintmax_t checkpoint_bytes = 1 << 20) {
  return open_duckdb_warehouse(path, null_logger(), {64, checkpoint_bytes}).value();
}

struct DuckdbHarness {
  TempFolder folder;
  std::unique_ptr<Warehouse> open() {
    return open_warehouse("duckdb:" + (folder.path() / "data/warehouse.duckdb").string(), 64,
                          null_logger())
        .value();
  }
  static const char* long_query() {
    return "SELECT COUNT(*) FROM range(1000000) a, range(1000000) b "
           "WHERE (a.range * b.range) % 7 = 3";
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Duckdb, WarehouseContract, DuckdbHarness);

class DuckdbWarehouseTest : public ::testing::Test {
 protected:
  DuckdbWarehouseTest() : warehouse_(open_small(path())) {}
  [[nodiscard]] std::filesystem::path path() const { return folder_.path() / "w.duckdb"; }
  Value cell(std::string_view sql) {
    const auto rows = warehouse_->query(sql);
    EXPECT_TRUE(rows) << rows.error().text();
    return rows ? rows->rows.at(0).at(0) : Value();
  }
  TempFolder folder_;
  std::unique_ptr<Warehouse> warehouse_;
};

TEST_F(DuckdbWarehouseTest, ConvertsEveryNumberOfTheSubset) {
  EXPECT_EQ(cell("SELECT 1"), integer(1));
  EXPECT_EQ(cell("SELECT TRUE"), integer(1));
  EXPECT_EQ(cell("SELECT 1.25"), Value(1.25));
  EXPECT_EQ(cell("SELECT CAST(-3 AS DECIMAL(30, 0))"), integer(-3));
  EXPECT_EQ(cell("SELECT CAST(-3.5 AS DECIMAL(30, 2))"), Value(-3.5));
  EXPECT_EQ(cell("SELECT CAST(-1 AS HUGEINT)"), integer(-1));
  EXPECT_EQ(cell("SELECT CAST(9223372036854775807 AS HUGEINT)"),
            integer(std::numeric_limits<std::int64_t>::max()));
  EXPECT_EQ(cell("SELECT CAST('-9223372036854775808' AS HUGEINT)"),
            integer(std::numeric_limits<std::int64_t>::min()));
  EXPECT_EQ(cell("SELECT CAST('9223372036854775808' AS HUGEINT)"), Value(9223372036854775808.0));
  EXPECT_EQ(cell("SELECT CAST('18446744073709551615' AS UBIGINT)"), Value(18446744073709551615.0));
  EXPECT_EQ(cell("SELECT CAST(2.5 AS FLOAT)"), Value(2.5));
  EXPECT_EQ(cell("SELECT NULL"), Value());
  const auto date = warehouse_->query("SELECT DATE '2026-11-25'");
  ASSERT_FALSE(date);
  EXPECT_EQ(date.error().code, ErrorCode::kUnsupported);
}

TEST_F(DuckdbWarehouseTest, AQueryReachesNoFilesAndNoSettings) {
  const auto file = folder_.path() / "secret.csv";
  std::ofstream(file) << "a,b\n1,2\n";
  EXPECT_FALSE(warehouse_->query(fmt::format("SELECT * FROM read_csv('{}')", file.string())));
  EXPECT_FALSE(warehouse_->query(fmt::format("SELECT * FROM '{}'", file.string())));
  EXPECT_FALSE(warehouse_->query("SET memory_limit = '10GB'"));
  EXPECT_FALSE(warehouse_->query("COPY (SELECT 1) TO '/dev/null'"));
}

TEST_F(DuckdbWarehouseTest, KeepsToItsMemoryLimit) {
  // Half a million distinct groups are about what 64 MB hold: the rest goes to a file, or it is
  // refused.
  const auto rows = warehouse_->query(
      "SELECT COUNT(*) FROM (SELECT range % 500003 AS k, COUNT(*) FROM range(1000000) GROUP BY k)");
  if (rows) {
    EXPECT_EQ(rows->rows.at(0).at(0), integer(500'003));
  } else {
    EXPECT_EQ(rows.error().code, ErrorCode::kLimitReached) << rows.error().text();
  }
  EXPECT_EQ(cell("SELECT 1"), integer(1));
}

TEST_F(DuckdbWarehouseTest, WhatIsNoWarehouseIsReported) {
  const auto other = folder_.path() / "other.duckdb";
  std::ofstream(other) << std::string(20'000, 'z');
  const auto outcome = open_duckdb_warehouse(other, null_logger());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kDataLoss) << outcome.error().text();
  EXPECT_EQ(open_duckdb_warehouse(path(), null_logger(), {1}).error().code,
            ErrorCode::kInvalidArgument);
}

TEST(DuckdbKill, EveryInsertThatReturnedIsThereAfterwardsAndCanBeRepeated) {
  const TempFolder folder;
  const auto path = folder.path() / "w.duckdb";
  const Table table{"t", {{"n", ColumnType::kInt}, {"filler", ColumnType::kText}}};
  const auto rows_of = [](int n) {
    return std::vector<Row>(50, Row{integer(n), text(std::string(200, 'f'))});
  };
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto warehouse = open_small(path);
    if (!warehouse->create(table)) _exit(1);
    for (int n = 0;; ++n) {
      if (!warehouse->insert(table, rows_of(n), std::to_string(n))) _exit(1);
      if (write(ends[1], &n, sizeof(n)) != sizeof(n)) _exit(1);
    }
  }
  close(ends[1]);
  int last = -1;
  while (last < 12 && read(ends[0], &last, sizeof(last)) == sizeof(last)) {
  }
  ASSERT_EQ(kill(child, SIGKILL), 0);
  while (read(ends[0], &last, sizeof(last)) == sizeof(last)) {
  }
  close(ends[0]);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);

  auto warehouse = open_small(path);
  ASSERT_TRUE(warehouse->create(table));
  // As the writer does after a crash: the last batches once more.
  for (int n = last; n <= last + 2; ++n) {
    const auto rows = rows_of(n);
    ASSERT_TRUE(warehouse->insert(table, rows, std::to_string(n)));
  }
  const auto rows = warehouse->query("SELECT COUNT(*), COUNT(DISTINCT n), MAX(n) FROM t");
  ASSERT_TRUE(rows) << rows.error().text();
  EXPECT_EQ(rows->rows[0], (Row{integer((last + 3) * 50), integer(last + 3), integer(last + 2)}));
}

/// Rows that hardly compress.
std::vector<Row> random_rows(int batch) {
  Random random(static_cast<std::uint64_t>(batch) + 1);
  std::vector<Row> rows;
  for (int i = 0; i < 1000; ++i) {
    std::string filler;
    for (int word = 0; word < 6; ++word) filler += fmt::format("{:016x}", random.next());
    rows.push_back({integer(batch), text(filler)});
  }
  return rows;
}

/// In a process whose files cannot grow beyond `bytes_max`: inserts until that fails, then with
/// space again. Exit status 0 when every batch is there exactly as answered, now and after
/// reopening.
void fill_disk(const std::filesystem::path& path, rlim_t bytes_max,
               std::uintmax_t checkpoint_bytes) {
  const Table table{"t", {{"n", ColumnType::kInt}, {"filler", ColumnType::kText}}};
  std::signal(SIGXFSZ, SIG_IGN);
  auto warehouse = open_small(path, checkpoint_bytes);
  if (!warehouse->create(table)) _exit(2);
  rlimit limit{bytes_max, RLIM_INFINITY};
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(3);
  const auto count = [&](Warehouse& from) {
    const auto rows = from.query("SELECT COUNT(*) FROM t");
    return rows ? as_int(rows->rows.at(0).at(0)) : -1;
  };
  std::int64_t inserted = 0;
  int failures = 0;
  int batch = 0;
  for (; batch < 60 && failures < 3; ++batch) {
    const auto outcome = warehouse->insert(table, random_rows(batch), std::to_string(batch));
    inserted += outcome ? 1000 : 0;
    if (outcome) continue;
    ++failures;
    if (outcome.error().code != ErrorCode::kUnavailable) _exit(4);
  }
  if (failures == 0) _exit(5);
  if (count(*warehouse) != inserted) _exit(6);
  warehouse.reset();  // closed with the disk still full
  warehouse = open_small(path, checkpoint_bytes);
  if (count(*warehouse) != inserted) _exit(7);
  limit.rlim_cur = RLIM_INFINITY;
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(8);
  for (int more = 0; more < 5; ++more) {
    if (!warehouse->insert(table, random_rows(batch + more), fmt::format("more {}", more)))
      _exit(9);
    inserted += 1000;
  }
  if (count(*warehouse) != inserted) _exit(10);
  warehouse.reset();
  if (count(*open_small(path)) != inserted) _exit(11);
}

int status_of_child(const std::function<void()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    work();
    _exit(0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(DuckdbDiskFull, InTheWriteAheadLogLosesNothing) {
  const TempFolder folder;
  EXPECT_EQ(status_of_child([&] { fill_disk(folder.path() / "w.duckdb", 400 << 10, 1 << 30); }), 0);
}

TEST(DuckdbDiskFull, InACheckpointLosesNothing) {
  const TempFolder folder;
  EXPECT_EQ(status_of_child([&] { fill_disk(folder.path() / "w.duckdb", 1 << 20, 700'000); }), 0);
}

}  // namespace
}  // namespace zhiyin::storage
