#include "storage/clickhouse_warehouse.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>

#include "base/file.h"
#include "storage/detail/clickhouse_sql.h"
#include "storage/examine.h"
#include "storage/open.h"
#include "storage/warehouse_contract.h"

namespace zhiyin::storage {
namespace {

namespace fs = std::filesystem;

/// The engine behind its HTTP interface, in a process of its own; killed and started again at will.
class Shim {
 public:
  Shim() { start(); }
  ~Shim() { kill(); }
  Shim(const Shim&) = delete;
  Shim& operator=(const Shim&) = delete;

  static const std::string& missing() {
    static const std::string reason = [] {
      const fs::path python = fs::path(ZHIYIN_SOURCE_DIR) / "build/venv/bin/python";
      std::error_code error;
      if (!fs::exists(python, error))
        return std::string("build/venv is not there: ./dev test makes it");
      const std::string command = python.string() + " -c 'import chdb' >/dev/null 2>&1";
      return std::system(command.c_str()) == 0 ? std::string()
                                               : std::string("chdb is not installed in build/venv");
    }();
    return reason;
  }

  void start() {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(pipe[1], STDOUT_FILENO);
      ::close(pipe[0]);
      const std::string python = std::string(ZHIYIN_SOURCE_DIR) + "/build/venv/bin/python";
      const std::string script =
          std::string(ZHIYIN_SOURCE_DIR) + "/tests/servers/clickhouse_shim.py";
      const std::string folder = (folder_.path() / "data").string();
      const std::string port = std::to_string(port_);
      ::execl(python.c_str(), python.c_str(), script.c_str(), folder.c_str(), port.c_str(),
              nullptr);
      ::_exit(127);
    }
    ::close(pipe[1]);
    std::FILE* out = ::fdopen(pipe[0], "r");
    int port = 0;
    ASSERT_EQ(std::fscanf(out, "ready %d", &port), 1) << "the shim did not start";
    port_ = port;
    out_ = out;
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
    std::fclose(out_);
  }
  [[nodiscard]] std::string url(std::string_view database) const {
    return fmt::format("clickhouse://127.0.0.1:{}/{}", port_, database);
  }

 private:
  TempFolder folder_;
  int port_ = 0;
  pid_t pid_ = 0;
  std::FILE* out_ = nullptr;
};

/// One for all tests: starting it takes half a second.
Shim& shared_shim() {
  static Shim shim;
  return shim;
}

std::string fresh_database() {
  static int number = 0;
  return "t" + std::to_string(++number);
}

struct ClickhouseHarness {
  static std::string unavailable() { return Shim::missing(); }
  std::string database = fresh_database();
  std::unique_ptr<Warehouse> open() {
    return open_warehouse(shared_shim().url(database), 64, null_logger()).value();
  }
  static const char* long_query() {
    return "SELECT COUNT(*) FROM numbers(1000000000000) WHERE (number * number) % 7 = 3";
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Clickhouse, WarehouseContract, ClickhouseHarness);

class ClickhouseTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!Shim::missing().empty()) GTEST_SKIP() << Shim::missing();
  }
  static Table reads() {
    return {"reads", {{"person", ColumnType::kText}, {"n", ColumnType::kInt}}};
  }
  static Value cell(Warehouse& warehouse, std::string_view sql,
                    std::initializer_list<Value> parameters = {}) {
    const auto rows = warehouse.query(sql, parameters);
    EXPECT_TRUE(rows) << rows.error().text();
    return rows ? rows->rows.at(0).at(0) : Value();
  }
};

TEST_F(ClickhouseTest, TellsItsVersionClockDiskAndDurability) {
  const std::string url = shared_shim().url(fresh_database());
  const auto warehouse = open_clickhouse_warehouse(url).value();
  const auto findings = examine_warehouse(url, *warehouse);
  ASSERT_EQ(findings.size(), 4U);
  for (const Finding& finding : findings)
    EXPECT_TRUE(finding.ok) << finding.name << ": " << finding.detail;
  EXPECT_TRUE(findings[0].detail.starts_with("ClickHouse 2")) << findings[0].detail;
  EXPECT_TRUE(examine_warehouse("duckdb:x", *warehouse).empty());
}

TEST_F(ClickhouseTest, HostileTextStaysText) {
  const auto warehouse = open_clickhouse_warehouse(shared_shim().url(fresh_database())).value();
  ASSERT_TRUE(warehouse->create(reads()));
  std::string every;
  for (int c = 0; c < 128; ++c) every += static_cast<char>(c);
  const std::vector<std::string> texts = {every,        "'; DROP TABLE reads; --",
                                          "\\",         "\\'",
                                          "'",          "''",
                                          "\\\\'",      "?",
                                          "{p1:Int64}", "知音\n\t\"`",
                                          "--x",        "/* x",
                                          "$$x$$",      std::string("\0a\0", 3),
                                          "\\N",        "\\x41",
                                          "%41&a=b"};
  std::int64_t n = 0;
  for (const std::string& text : texts) {
    ASSERT_TRUE(warehouse->insert(reads(), std::vector<Row>{{text, n}}, std::to_string(n)));
    ++n;
  }
  n = 0;
  for (const std::string& text : texts) {
    EXPECT_EQ(cell(*warehouse, "SELECT n FROM reads WHERE person = ?", {text}), Value(n)) << text;
    EXPECT_EQ(cell(*warehouse, "SELECT person FROM reads WHERE n = ?", {n++}), Value(text));
    EXPECT_EQ(cell(*warehouse, "SELECT ?", {text}), Value(text));
  }
  EXPECT_EQ(cell(*warehouse, "SELECT COUNT(*) FROM reads WHERE person = 'it''s \\'"),
            Value(std::int64_t{0}));
}

TEST_F(ClickhouseTest, NumbersComeBackExactly) {
  const auto warehouse = open_clickhouse_warehouse(shared_shim().url(fresh_database())).value();
  for (const std::int64_t n :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{9007199254740993},
        std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min() + 1}) {
    EXPECT_EQ(cell(*warehouse, "SELECT ?", {n}), Value(n));
  }
  for (const double x : {0.5, -1e300, 1e-300, 3.3333333333333332e19})
    EXPECT_EQ(cell(*warehouse, "SELECT ?", {x}), Value(x));
  EXPECT_EQ(warehouse->query("SELECT ?", {std::numeric_limits<double>::quiet_NaN()}).error().code,
            ErrorCode::kInvalidArgument);
}

TEST_F(ClickhouseTest, AServerThatWasKilledIsMissedAndThenUsedAgain) {
  Shim shim;
  const auto warehouse = open_clickhouse_warehouse(shim.url("kill")).value();
  ASSERT_TRUE(warehouse->create(reads()));
  const std::vector<Row> rows(1000, Row{text("a"), integer(1)});
  ASSERT_TRUE(warehouse->insert(reads(), rows, "1"));
  shim.kill();
  EXPECT_EQ(warehouse->insert(reads(), rows, "2").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(warehouse->query("SELECT 1").error().code, ErrorCode::kUnavailable);
  shim.start();
  ASSERT_TRUE(warehouse->insert(reads(), rows, "2"));
  ASSERT_TRUE(warehouse->insert(reads(), rows, "1")) << "repeated";
  EXPECT_EQ(cell(*warehouse, "SELECT COUNT(*) FROM reads"), integer(2000));
}

TEST_F(ClickhouseTest, ABatchWhoseNoteWasLostIsNotWrittenTwice) {
  const auto warehouse = open_clickhouse_warehouse(shared_shim().url(fresh_database())).value();
  ASSERT_TRUE(warehouse->create(reads()));
  const std::vector<Row> rows(10, Row{text("a"), integer(1)});
  ASSERT_TRUE(warehouse->insert(reads(), rows, "1"));
  const Table notes{"zhiyin_batch",
                    {{"table_name", ColumnType::kText}, {"batch_id", ColumnType::kText}},
                    {"table_name", "batch_id"}};
  ASSERT_EQ(warehouse->remove(notes, "batch_id = ?", {text("1")}),
            1);  // as a crash between rows and note leaves it
  ASSERT_TRUE(warehouse->insert(reads(), rows, "1"));
  EXPECT_EQ(cell(*warehouse, "SELECT COUNT(*) FROM reads"), integer(10));
}

TEST(ClickhouseUrl, SaysWhatIsWrong) {
  for (const char* url : {"clickhouse://", "clickhouse://host", "clickhouse:///db",
                          "clickhouse://host/Db", "clickhouse://host/db?ssl=1"}) {
    EXPECT_EQ(open_clickhouse_warehouse(url).error().code, ErrorCode::kInvalidArgument) << url;
  }
  EXPECT_EQ(open_clickhouse_warehouse("clickhouse://127.0.0.1:1/db").error().code,
            ErrorCode::kUnavailable);
}

TEST(ClickhouseSql, OnlyPlainParametersAreReplaced) {
  const std::vector<Value> one{integer(5)};
  EXPECT_EQ(*detail::clickhouse_query("SELECT '?', \"?\" -- ?\n, ? /* ? */ ", one),
            "SELECT '?', \"?\" \n, toInt64(5)   ");
  EXPECT_EQ(*detail::clickhouse_query("SELECT 'it''s \\'", {}), "SELECT 'it\\'s \\\\'");
  for (const char* sql : {"SELECT ?, ?", "SELECT 1", "DROP TABLE x", "SELECT '?", "SELECT ? /*",
                          "SELECT ?; SELECT 1", "SELECTED ?", ""}) {
    EXPECT_FALSE(detail::clickhouse_query(sql, one)) << sql;
  }
}

TEST(ClickhouseErrors, OnlyWhatSpeaksOfValuesIsARowsFault) {
  for (const int code : {27, 53, 70, 72, 117, 349, 407})
    EXPECT_TRUE(lies_in_record({detail::clickhouse_error_code(code), ""})) << code;
  // Unknown table, no such setting, stack overflow, disk full, read-only, corrupted, unheard of.
  for (const int code : {0, 60, 81, 115, 306, 243, 242, 246, 40, 1000, 1001, 99999})
    EXPECT_FALSE(lies_in_record({detail::clickhouse_error_code(code), ""})) << code;
}

}  // namespace
}  // namespace zhiyin::storage
