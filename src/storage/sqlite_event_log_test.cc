#include "storage/sqlite_event_log.h"

#include <gtest/gtest.h>

#include <fstream>
#include <future>

#include "base/crypto.h"
#include "base/file.h"
#include "storage/detail/chunk.h"
#include "storage/detail/faulty_disk.h"
#include "storage/detail/sqlite.h"
#include "storage/event_log_contract.h"
#include "storage/open.h"

namespace zhiyin::storage {
namespace {

struct SqliteLogHarness {
  TempFolder folder;
  std::unique_ptr<EventLog> open() {
    return open_event_log("sqlite:" + (folder.path() / "data/log.db").string(), null_logger())
        .value();
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, EventLogContract, SqliteLogHarness);

/// The same promises when each record has a chunk of its own, and the log is copied all the time.
struct SmallChunksHarness {
  TempFolder folder;
  detail::FaultyDisk disk;  // does not really sync, so the many commits take no time
  std::unique_ptr<EventLog> open() {
    SqliteEventLogSettings settings;
    settings.chunk_bytes_max = 1;
    settings.checkpoint_pages = 1;
    settings.vfs = disk.name();
    return open_sqlite_event_log(folder.path() / "log.db", null_logger(), settings).value();
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(SqliteSmallChunks, EventLogContract, SmallChunksHarness);

class SqliteEventLogTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path path() const { return folder_.path() / "log.db"; }
  std::unique_ptr<EventLog> open(SqliteEventLogSettings settings = {}) {
    return open_sqlite_event_log(path(), null_logger(), settings).value();
  }
  /// Runs SQL on the closed file, as damage would.
  void change(const char* sql) {
    auto db = detail::Database::open(path(), {});
    ASSERT_TRUE(db);
    const auto outcome = db->run(sql);
    ASSERT_TRUE(outcome) << outcome.error().text();
  }
  TempFolder folder_;
};

TEST(PartitionOf, IsTheHashOfTheKeyIdentity) {
  const std::string key("shop\0openid\0oABC", 16);
  EXPECT_EQ(partition_of("shop", "openid", "oABC"), static_cast<int>(crypto::xxh64(key) % 64));
  // Fixed when an installation is created: these must never change.
  EXPECT_EQ(partition_of("", "", ""), 1);
  EXPECT_EQ(partition_of("shop", "openid", "oABC"), 43);
}

TEST_F(SqliteEventLogTest, RefusesWhenTooManyBytesWait) {
  SqliteEventLogSettings settings;
  settings.queue_bytes_max = 1000;
  auto log = open(settings);
  std::promise<void> entered;
  std::promise<void> go_on;
  log->append(Stream::kEvents, {record(0, "first")}, [&](Result<void>) {
    entered.set_value();
    go_on.get_future().wait();  // the writer cannot take more
  });
  entered.get_future().wait();
  std::vector<Result<void>> outcomes(3);
  std::promise<void> all_done;
  const std::string half(600, 'x');
  for (std::size_t i = 0; i < 3; ++i) {
    log->append(Stream::kEvents, {record(0, i == 2 ? "small" : half)}, [&, i](Result<void> done) {
      outcomes[i] = std::move(done);
      if (i == 2) all_done.set_value();
    });
  }
  go_on.set_value();
  all_done.get_future().wait();
  EXPECT_TRUE(outcomes[0]);
  ASSERT_FALSE(outcomes[1]);
  EXPECT_EQ(outcomes[1].error().code, ErrorCode::kLimitReached);
  EXPECT_TRUE(outcomes[2]);
  EXPECT_EQ(texts(read_all(*log, Stream::kEvents)),
            (std::vector<std::string>{"first", half, "small"}));
}

TEST_F(SqliteEventLogTest, AnswersWhatWaitsBeforeItCloses) {
  std::atomic<int> answered = 0;
  auto log = open();
  for (int i = 0; i < 100; ++i) {
    log->append(Stream::kEvents, {record(0, "x")}, [&](Result<void> r) { answered += r ? 1 : 0; });
  }
  log.reset();
  EXPECT_EQ(answered, 100);
  EXPECT_EQ(read_all(*open(), Stream::kEvents).size(), 100U);
}

TEST_F(SqliteEventLogTest, AReadIsBoundedInBytes) {
  SqliteEventLogSettings settings;
  settings.read_bytes_max = 8 << 20;
  auto log = open(settings);
  for (int round = 0; round < 4; ++round) {
    std::vector<NewRecord> records(64, record(1, std::string(60'000, 'x')));
    ASSERT_TRUE(log->append_and_wait(Stream::kEvents, records));
  }
  const auto batch = log->read(Stream::kEvents, {}, 1'000'000);
  ASSERT_TRUE(batch);
  EXPECT_LT(batch->size(), 200U);
  EXPECT_GT(batch->size(), 100U);
  EXPECT_EQ(read_all(*log, Stream::kEvents, {}, 1'000'000).size(), 256U);
}

TEST_F(SqliteEventLogTest, AQuietPartitionDoesNotMakeReadersStartFarBack) {
  auto log = open();
  ASSERT_TRUE(log->append_and_wait(Stream::kEvents, {record(5, "early")}));
  std::vector<NewRecord> many(1000, record(6, "x"));
  ASSERT_TRUE(log->append_and_wait(Stream::kEvents, many));
  const auto batch = log->read(Stream::kEvents, {}, 900);
  const Positions after = log->advance({}, *batch);
  EXPECT_EQ(after[5], batch->back().offset);
  ASSERT_TRUE(log->append_and_wait(Stream::kEvents, {record(5, "late")}));
  EXPECT_EQ(*log->behind(Stream::kEvents, after), 102);
  EXPECT_EQ(texts(read_all(*log, Stream::kEvents, after), 5), std::vector<std::string>{"late"});
}

TEST_F(SqliteEventLogTest, ReportsADamagedChunkAfterWhatLiesBeforeIt) {
  SqliteEventLogSettings settings;
  settings.chunk_bytes_max = 1;
  open(settings)->append_and_wait(Stream::kEvents, {record(0, "good"), record(0, "bad")}).value();
  change(
      "UPDATE chunk_1 SET bytes = CAST(replace(hex(bytes), '626164', '626163') AS BLOB) "
      "WHERE first = 2");
  auto log = open();
  const auto good = log->read(Stream::kEvents, {}, 10);
  ASSERT_TRUE(good);
  EXPECT_EQ(texts(*good), std::vector<std::string>{"good"});
  const auto bad = log->read(Stream::kEvents, log->advance({}, *good), 10);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::kDataLoss);
  EXPECT_THAT(bad.error().message, testing::HasSubstr("offset 2"));
}

TEST_F(SqliteEventLogTest, NoticesChunksInEachOthersPlace) {
  SqliteEventLogSettings settings;
  settings.chunk_bytes_max = 1;
  open(settings)->append_and_wait(Stream::kEvents, {record(0, "a"), record(0, "b")}).value();
  change("UPDATE chunk_1 SET bytes = (SELECT bytes FROM chunk_1 WHERE first = 2)");
  const auto batch = open()->read(Stream::kEvents, {}, 10);
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code, ErrorCode::kDataLoss);
}

TEST_F(SqliteEventLogTest, RefusesAnotherProgramsDatabase) {
  change("CREATE TABLE song(title TEXT)");
  const auto log = open_sqlite_event_log(path(), null_logger());
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, ErrorCode::kUnsupported);
}

TEST_F(SqliteEventLogTest, RefusesAFileOfANewerVersion) {
  open();
  change("PRAGMA user_version = 2");
  const auto log = open_sqlite_event_log(path(), null_logger());
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, ErrorCode::kUnsupported);
}

TEST_F(SqliteEventLogTest, ReportsAFileThatIsNoDatabase) {
  std::ofstream(path()) << std::string(8192, 'z');
  const auto log = open_sqlite_event_log(path(), null_logger());
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, ErrorCode::kDataLoss);
}

// A chunk as version 1 wrote it, byte by byte as in docs/formats/event-log.md: it must stay
// readable.
TEST(Chunk, ReadsTheDocumentedBytesOfVersionOne) {
  const std::string chunk = crypto::unhex(
                                "01"                // version
                                "ad6ff4a4a6bc0dea"  // checksum
                                "0700000000000000"  // first
                                "02000000"          // count
                                "0503000000616263"  // partition 5, 3 bytes, abc
                                "3f00000000")       // partition 63, empty
                                .value();
  std::vector<std::string> seen;
  ASSERT_TRUE(detail::read_chunk(chunk, 7, 2, [&](std::int64_t offset, const auto& r) {
    seen.push_back(fmt::format("{} {} {}", offset, r.partition, r.bytes));
    return true;
  }));
  EXPECT_EQ(seen, (std::vector<std::string>{"7 5 abc", "8 63 "}));
  detail::ChunkBuilder builder(7);
  builder.add(5, "abc");
  builder.add(63, "");
  EXPECT_EQ(crypto::hex(std::move(builder).finish()), crypto::hex(chunk));
}

TEST(Chunk, AnyFlippedBitIsDataLoss) {
  detail::ChunkBuilder builder(1);
  builder.add(5, "abc");
  builder.add(9, "defgh");
  const std::string good = std::move(builder).finish();
  const auto visit = [](std::int64_t, const detail::EncodedRecord&) { return true; };
  ASSERT_TRUE(detail::read_chunk(good, 1, 2, visit));
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    const auto outcome = detail::read_chunk(bad, 1, 2, visit);
    ASSERT_FALSE(outcome) << "bit " << bit;
    EXPECT_EQ(outcome.error().code, ErrorCode::kDataLoss);
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(detail::read_chunk(good.substr(0, size), 1, 2, visit)) << size;
  }
}

}  // namespace
}  // namespace zhiyin::storage
