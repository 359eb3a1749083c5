#include "storage/sqlite_state.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>
#include <thread>
#include <vector>

#include "base/file.h"
#include "storage/detail/sqlite.h"
#include "storage/open.h"
#include "storage/patience.h"
#include "storage/projection.h"
#include "storage/state_contract.h"

namespace zhiyin::storage {
namespace {

struct SqliteStateHarness {
  TempFolder folder;
  std::unique_ptr<State> open() {
    return open_state("sqlite:" + (folder.path() / "data/state.db").string(), null_logger())
        .value();
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, StateContract, SqliteStateHarness);

class SqliteStateTest : public ::testing::Test {
 protected:
  SqliteStateTest() {
    SqliteStateSettings settings;
    settings.rows_max = 10;
    state_ = open_sqlite_state(folder_.path() / "state.db", settings).value();
    const Migration migration{"test-001", "CREATE TABLE t(x BIGINT PRIMARY KEY)"};
    EXPECT_TRUE(state_->migrate({&migration, 1}));
  }
  TempFolder folder_;
  std::unique_ptr<State> state_;
};

TEST_F(SqliteStateTest, AWriteInsideAWriteIsRefused) {
  const auto outcome = state_->write(
      [&](Session&) { return state_->write([](Session&) { return Result<void>(); }); });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kInternal);
  EXPECT_TRUE(state_->write([](Session&) { return Result<void>(); }));
}

TEST_F(SqliteStateTest, ReadsInsideReadsNeedNoSecondConnection) {
  // More threads than connections, each reading inside a read: none may wait for another.
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        EXPECT_TRUE(state_->read([&](Session&) -> Result<void> {
          ZHIYIN_TRY_VOID(state_->query("SELECT COUNT(*) FROM t"));
          return {};
        }));
      }
    });
  }
}

TEST_F(SqliteStateTest, WhoHasPatienceAsksNobodyToHurry) {
  const std::uint64_t before = state_->waits().value();
  std::vector<std::thread> writers;
  const auto write = [this](std::int64_t x) {
    EXPECT_TRUE(state_->write([&](Session& session) -> Result<void> {
      ZHIYIN_TRY_VOID(session.execute("INSERT INTO t(x) VALUES(?1)", {x}));
      return {};
    }));
  };
  EXPECT_TRUE(state_->write([&](Session&) -> Result<void> {
    for (std::int64_t x = 1; x <= 4; ++x) {
      writers.emplace_back([&write, x] {
        const Patience patience;
        write(x);
      });
    }
    writers.emplace_back([&write] { write(5); });
    while (state_->waits().value() == before) std::this_thread::yield();
    return {};
  }));
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(state_->waits().value(), before + 1);
  EXPECT_EQ(as_int(state_->query("SELECT COUNT(*) FROM t")->rows[0][0]), 5);
}

TEST(SqliteState, AWriterWithoutPausesKeepsItsLogShort) {
  constexpr int kPages = 50;
  const TempFolder folder;
  const auto state =
      open_sqlite_state(folder.path() / "state.db", {.checkpoint_pages = kPages}).value();
  const Migration table{"test-001", "CREATE TABLE t(id BIGINT PRIMARY KEY, filler BYTEA)"};
  ASSERT_TRUE(state->migrate(std::span(&table, 1)));
  constexpr std::int64_t kRows = 25;  // of a transaction, a page each
  for (std::int64_t i = 0; i < 200; ++i) {
    ASSERT_TRUE(state->write([&](Session& session) -> Result<void> {
      for (std::int64_t row = 0; row < kRows; ++row) {
        ZHIYIN_TRY_VOID(session.execute("INSERT INTO t VALUES(?1, ?2)",
                                        {i * kRows + row, Blob{std::string(3900, 'x')}}));
      }
      return {};
    }));
  }
  // It waits at eight times the beginning; what a transaction adds comes on top.
  EXPECT_LT(std::filesystem::file_size(folder.path() / "state.db-wal"),
            (8 * kPages + 3 * kRows) * 4120u);
}

TEST_F(SqliteStateTest, AQueryIsBoundedInRows) {
  const auto rows = state_->query(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 11) "
      "SELECT i FROM n");
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, ErrorCode::kLimitReached);
}

TEST_F(SqliteStateTest, MoreStatementsThanStayPreparedStillWork) {
  ASSERT_TRUE(state_->write([&](Session& session) -> Result<void> {
    for (int round = 0; round < 2; ++round) {
      for (int i = 0; i < 300; ++i) {
        ZHIYIN_TRY(const Rows rows, session.query(fmt::format("SELECT {}", i)));
        EXPECT_EQ(as_int(rows.rows.at(0).at(0)), i);
      }
    }
    return {};
  }));
}

TEST_F(SqliteStateTest, ErrorsNameTheStatementNotItsValues) {
  const auto outcome = state_->write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(
        session.execute("INSERT INTO nothing VALUES(?1)", {std::string("13800138000")}));
    return {};
  });
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message, testing::HasSubstr("nothing"));
  EXPECT_THAT(outcome.error().message, testing::Not(testing::HasSubstr("13800138000")));
}

TEST(SqliteState, ReportsAFileThatIsNoDatabase) {
  const TempFolder folder;
  std::ofstream(folder.path() / "state.db") << std::string(8192, 'z');
  const auto state = open_sqlite_state(folder.path() / "state.db");
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, ErrorCode::kDataLoss);
}

TEST(Open, NamesWhatIsSupported) {
  for (const char* url : {"mysql://localhost/x", "state.db", ""}) {
    const auto state = open_state(url, null_logger());
    ASSERT_FALSE(state);
    EXPECT_EQ(state.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(state.error().message, testing::HasSubstr("sqlite:PATH"));
  }
  EXPECT_EQ(open_event_log("kafka:x", null_logger()).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(open_warehouse("sqlite:x", 64, null_logger()).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(open_state("sqlite:", null_logger()).error().code, ErrorCode::kInvalidArgument);
}

TEST(Value, ConvertsWithoutOverflow) {
  EXPECT_EQ(as_int(Value(2.9)), 2);
  EXPECT_EQ(as_int(Value(1e300), -7), -7);
  EXPECT_EQ(as_int(Value(std::string("5")), -7), -7);
  EXPECT_EQ(as_real(Value(std::int64_t{3})), 3.0);
  EXPECT_EQ(as_text(Value(Blob{"b"})), "b");
  EXPECT_EQ(as_text(Value(std::int64_t{3})), "");
}

TEST(SqliteErrors, OnlyWhatSpeaksOfValuesIsARecordsFault) {
  const auto blames = [](int rc, std::string_view message) {
    return lies_in_record({detail::sqlite_error_code(rc, message), ""});
  };
  EXPECT_TRUE(blames(SQLITE_CONSTRAINT_UNIQUE, "UNIQUE constraint failed"));
  EXPECT_TRUE(blames(SQLITE_CONSTRAINT_NOTNULL, "NOT NULL constraint failed"));
  EXPECT_TRUE(blames(SQLITE_MISMATCH, "datatype mismatch"));
  EXPECT_TRUE(blames(SQLITE_TOOBIG, "string or blob too big"));
  EXPECT_TRUE(blames(SQLITE_ERROR, "integer overflow"));
  for (const int rc : {SQLITE_ERROR, SQLITE_FULL, SQLITE_IOERR_FSYNC, SQLITE_BUSY, SQLITE_CORRUPT,
                       SQLITE_NOTADB, SQLITE_READONLY, SQLITE_SCHEMA, SQLITE_MISUSE, SQLITE_NOLFS})
    EXPECT_FALSE(blames(rc, "no such table: x")) << rc;
}

}  // namespace
}  // namespace zhiyin::storage
