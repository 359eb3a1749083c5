#include "ingest/projection.h"

#include <gmock/gmock.h>

#include "ingest/detail/test_store.h"
#include "ingest/event_view.h"
#include "ingest/warehouse_writer.h"

namespace zhiyin::ingest {
namespace {

using storage::Stream;
using testing::ElementsAre;

class Collector final : public EventProjection {
 public:
  std::vector<std::string> ids;
  Result<void> apply(storage::Session& session, std::span<const LoggedEvent> events) override {
    if (failing > 0) {
      --failing;
      return fail(ErrorCode::kUnavailable, "collector: not now");
    }
    ZHIYIN_TRY_VOID(session.query("SELECT 1"));
    for (const LoggedEvent& e : events) ids.push_back(e.event.event_id);
    return {};
  }
  int failing = 0;
};

class PipelineTest : public testing::Test {
 protected:
  PipelineTest() { pipeline.add(collector); }

  void append(std::vector<std::string> ids, Instant received = TestStore::kNow, std::string account = "shop") {
    std::vector<storage::NewRecord> records;
    for (const std::string& id : ids) {
      Event e;
      e.event_id = id;
      e.account = account;
      e.identities = {IdentityHash{7}};
      e.kind = "read";
      e.item = ItemRef{"article", "a" + id};
      e.value = 3;
      e.properties = R"({"p":1})";
      e.occurred_at = e.received_at = received;
      e.source = "api";
      records.push_back({5, encode_event(e)});
    }
    ASSERT_TRUE(store.log->append_and_wait(Stream::kEvents, std::move(records)));
  }
  void append_raw(std::string bytes) {
    ASSERT_TRUE(store.log->append_and_wait(Stream::kEvents, {{5, std::move(bytes)}}));
  }
  std::int64_t count(std::string_view table) {
    return storage::as_int(store.state->query(fmt::format("SELECT COUNT(*) FROM {}", table))->rows[0][0]);
  }

  TestStore store;
  Collector collector;
  EventPipeline pipeline{std::chrono::hours(24)};
  storage::ProjectionRunner runner{*store.log, *store.state, pipeline, null_logger(), {}};
};

TEST_F(PipelineTest, EveryDistinctEventIsHandedOnOnceInOrder) {
  append({"a", "b", "a", "c"});
  append({"b", "d"});
  ASSERT_TRUE(runner.catch_up());
  EXPECT_THAT(collector.ids, ElementsAre("a", "b", "c", "d"));
  EXPECT_EQ(count("duplicate_offset"), 2);
  EXPECT_EQ(count("seen_event"), 4);
}

TEST_F(PipelineTest, TheSameIdInTwoAccountsIsTwoEvents) {
  append({"a"});
  append({"a"}, TestStore::kNow, "other");
  ASSERT_TRUE(runner.catch_up());
  EXPECT_THAT(collector.ids, ElementsAre("a", "a"));
}

TEST_F(PipelineTest, AnIdIsForgottenExactlyAfterTheWindow) {
  const Duration window = std::chrono::hours(24);
  append({"a", "b"});
  append({"a"}, TestStore::kNow + window);
  append({"b"}, TestStore::kNow + window + Duration(1));
  ASSERT_TRUE(runner.catch_up());
  EXPECT_THAT(collector.ids, ElementsAre("a", "b", "b"));
  // The second b opened a window of its own.
  append({"b"}, TestStore::kNow + window * 2);
  ASSERT_TRUE(runner.catch_up());
  EXPECT_EQ(collector.ids.size(), 3u);
}

TEST_F(PipelineTest, WindowsHoldAcrossBatchesToo) {
  const Duration window = std::chrono::hours(24);
  append({"a"});
  ASSERT_TRUE(runner.catch_up());
  append({"a"}, TestStore::kNow + window + Duration(1));
  ASSERT_TRUE(runner.catch_up());
  append({"a"}, TestStore::kNow + window + window);
  ASSERT_TRUE(runner.catch_up());
  EXPECT_THAT(collector.ids, ElementsAre("a", "a"));
}

TEST_F(PipelineTest, OldIdsDoNotPileUp) {
  append({"a", "b"});
  ASSERT_TRUE(runner.catch_up());
  append({"c"}, TestStore::kNow + std::chrono::hours(48));
  ASSERT_TRUE(runner.catch_up());
  EXPECT_EQ(count("seen_event"), 1);
}

TEST_F(PipelineTest, ADamagedRecordIsNotedAndTheRestGoesOn) {
  append({"a"});
  append_raw("garbage that is no record");
  append({"b"});
  ASSERT_TRUE(runner.catch_up());
  EXPECT_THAT(collector.ids, ElementsAre("a", "b"));
  const auto noted = store.state->query("SELECT reason FROM damaged_record");
  ASSERT_EQ(noted->rows.size(), 1u);
  EXPECT_EQ(storage::as_text(noted->rows[0][0]), "event record: unknown version");
}

TEST_F(PipelineTest, ARecordThatStateCannotKeepIsNotedAndTheRestGoesOn) {
  append({"a"});
  Event e = *decode_event(store.log->read(Stream::kEvents, {}, 1)->at(0).bytes);
  e.event_id = "b";
  e.properties = R"({"city":"x\u0000y"})";
  append_raw(encode_event(e));
  append({"c"});
  ASSERT_TRUE(runner.catch_up());
  EXPECT_THAT(collector.ids, ElementsAre("a", "c"));
  EXPECT_EQ(count("damaged_record"), 1);
}

TEST(ZeroCharacter, IsFoundAsAnEscapeOnly) {
  EXPECT_TRUE(has_zero_character(R"({"a":"\u0000"})"));
  EXPECT_TRUE(has_zero_character(R"({"a":"\\\u0000"})"));
  EXPECT_FALSE(has_zero_character(R"({"a":"\\u0000"})"));
  EXPECT_FALSE(has_zero_character(R"({"a":"\u0001"})"));
  EXPECT_FALSE(has_zero_character(""));
}

TEST_F(PipelineTest, AFailureLeavesNothingBehindSoTheBatchCanBeRepeated) {
  append({"a", "a"});
  collector.failing = 1;
  const auto first = runner.catch_up();
  if (!first) {
    EXPECT_EQ(count("seen_event"), 0);
    EXPECT_EQ(count("duplicate_offset"), 0);
    ASSERT_TRUE(runner.catch_up());
  }
  EXPECT_THAT(collector.ids, ElementsAre("a"));
}

TEST_F(PipelineTest, MoreThanOneStatementOfIds) {
  std::vector<std::string> ids;
  for (int i = 0; i < 350; ++i) ids.push_back(std::to_string(i));
  append(ids);
  ASSERT_TRUE(runner.catch_up());
  ids.push_back("new");
  append(ids);
  ASSERT_TRUE(runner.catch_up());
  EXPECT_EQ(collector.ids.size(), 351u);
  EXPECT_EQ(collector.ids.back(), "new");
  EXPECT_EQ(count("duplicate_offset"), 350);
}

// A warehouse in memory that can fail after it has written, as a crash between insert and commit would look.
class FakeWarehouse final : public storage::Warehouse {
 public:
  std::vector<storage::Row> rows;
  std::vector<std::string> batches;
  bool fail_after_insert = false;
  Result<void> create(const storage::Table& table) override {
    EXPECT_EQ(table.name, "events");
    return {};
  }
  Result<void> insert(const storage::Table& table, std::span<const storage::Row> batch, std::string_view id) override {
    for (const storage::Row& row : batch) EXPECT_EQ(row.size(), table.columns.size());
    if (std::ranges::find(batches, id) == batches.end()) {
      rows.insert(rows.end(), batch.begin(), batch.end());
      batches.emplace_back(id);
    }
    if (fail_after_insert) return fail(ErrorCode::kUnavailable, "warehouse: gone");
    return {};
  }
  Result<storage::Rows> query(std::string_view, std::span<const storage::Value>, storage::QueryLimits) override { return storage::Rows(); }
  Result<void> flush() override { return {}; }
  Result<std::int64_t> remove(const storage::Table&, std::string_view, std::span<const storage::Value>) override { return 0; }
};

class WarehouseWriterTest : public PipelineTest {
 protected:
  std::vector<std::string> written() {
    std::vector<std::string> ids;
    for (const storage::Row& row : warehouse.rows) ids.emplace_back(storage::as_text(row[2]));
    return ids;
  }
  WarehouseWriter make(std::size_t rows_max = 50'000) {
    return WarehouseWriter(*store.log, *store.state, warehouse, runner, null_logger(),
                           {.rows_min = 10, .wait_max = std::chrono::milliseconds(5), .rows_max = rows_max});
  }
  FakeWarehouse warehouse;
};

TEST_F(WarehouseWriterTest, WritesDistinctEventsAndCleansUpBehindItself) {
  append({"a", "b", "a"});
  ASSERT_TRUE(runner.catch_up());
  WarehouseWriter writer = make();
  ASSERT_TRUE(writer.catch_up());
  EXPECT_THAT(written(), ElementsAre("a", "b"));
  EXPECT_EQ(count("duplicate_offset"), 0);
  EXPECT_EQ(writer.lag(), 0);
  const storage::Row& row = warehouse.rows[0];
  EXPECT_EQ(storage::as_int(row[0]), 5);
  EXPECT_EQ(storage::as_text(row[4]), storage::to_hex(IdentityHash{7}));
  EXPECT_EQ(storage::as_text(row[7]), "aa");
  EXPECT_EQ(storage::as_int(row[8]), 3);
  EXPECT_EQ(storage::as_text(row[12]), R"({"p":1})");
}

TEST_F(WarehouseWriterTest, NeverRunsAheadOfThePipeline) {
  append({"a"});
  ASSERT_TRUE(runner.catch_up());
  append({"b"});
  WarehouseWriter writer = make();
  ASSERT_TRUE(writer.catch_up());
  EXPECT_THAT(written(), ElementsAre("a"));
  ASSERT_TRUE(runner.catch_up());
  ASSERT_TRUE(writer.catch_up());
  EXPECT_THAT(written(), ElementsAre("a", "b"));
}

TEST_F(WarehouseWriterTest, ABatchCutShortIsRepeatedExactlyThoughTheLogHasGrown) {
  append({"a", "b", "b"});
  ASSERT_TRUE(runner.catch_up());
  {
    WarehouseWriter writer = make();
    warehouse.fail_after_insert = true;
    EXPECT_FALSE(writer.catch_up());
  }
  append({"c"});
  ASSERT_TRUE(runner.catch_up());
  warehouse.fail_after_insert = false;
  WarehouseWriter restarted = make();
  ASSERT_TRUE(restarted.catch_up());
  EXPECT_THAT(written(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(warehouse.batches.size(), 2u);
}

TEST_F(WarehouseWriterTest, AFailedBatchIsRepeatedByTheSameWriter) {
  append({"a"});
  ASSERT_TRUE(runner.catch_up());
  WarehouseWriter writer = make();
  warehouse.fail_after_insert = true;
  EXPECT_FALSE(writer.catch_up());
  append({"b"});
  ASSERT_TRUE(runner.catch_up());
  warehouse.fail_after_insert = false;
  ASSERT_TRUE(writer.catch_up());
  EXPECT_THAT(written(), ElementsAre("a", "b"));
}

TEST_F(WarehouseWriterTest, BatchesHaveAnUpperSize) {
  std::vector<std::string> ids;
  for (int i = 0; i < 25; ++i) ids.push_back(std::to_string(i));
  append(ids);
  ASSERT_TRUE(runner.catch_up());
  WarehouseWriter writer = make(10);
  ASSERT_TRUE(writer.catch_up());
  EXPECT_EQ(written(), ids);
}

TEST_F(WarehouseWriterTest, ItsThreadFollowsThePipelineByItself) {
  WarehouseWriter writer = make();
  ASSERT_TRUE(writer.start());
  append({"a", "b"});
  writer.wake();  // wakes before the pipeline has moved, as the log does
  ASSERT_TRUE(runner.catch_up());
  while (writer.lag() != 0) std::this_thread::yield();
  writer.stop();
  EXPECT_THAT(written(), ElementsAre("a", "b"));
}

TEST_F(WarehouseWriterTest, TheRealWarehouseTakesTheRows) {
  auto real = storage::open_warehouse("duckdb:" + (store.folder.path() / "warehouse.duckdb").string(), 128, null_logger());
  ASSERT_TRUE(real) << real.error().text();
  append({"a", "b", "a"});
  ASSERT_TRUE(runner.catch_up());
  WarehouseWriter writer(*store.log, *store.state, **real, runner, null_logger(), {});
  ASSERT_TRUE(writer.catch_up());
  const auto rows = (*real)->query("SELECT event_id, item_id, value, occurred_at FROM events ORDER BY off", {});
  ASSERT_TRUE(rows) << rows.error().text();
  ASSERT_EQ(rows->rows.size(), 2u);
  EXPECT_EQ(storage::as_text(rows->rows[1][0]), "b");
  EXPECT_EQ(storage::as_int(rows->rows[1][3]), TestStore::kNow.us);
}

}  // namespace
}  // namespace zhiyin::ingest
