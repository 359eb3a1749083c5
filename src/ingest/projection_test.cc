#include "ingest/projection.h"

#include <gmock/gmock.h>

#include <future>
#include <set>

#include "base/crypto.h"
#include "base/random.h"
#include "ingest/detail/recent_ids.h"
#include "ingest/detail/test_store.h"
#include "ingest/event_view.h"
#include "ingest/quarantine.h"
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

  void append(std::vector<std::string> ids, Instant received = TestStore::kNow,
              std::string account = "shop") {
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
    return storage::as_int(
        store.state->query(fmt::format("SELECT COUNT(*) FROM {}", table))->rows[0][0]);
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

TEST(EventKey, OwnIdsKeepTheirOrderAndAllOthersAreScattered) {
  const auto bytes = [](const std::string& id) {
    const auto key = detail::event_key("zhiyin", id);
    return std::string(reinterpret_cast<const char*>(key.data()), sizeof key);
  };
  std::string last;
  for (const std::int64_t number : {1, 2, 255, 256, 65'536, 1 << 30}) {
    const std::string key = bytes(own_event_id(number, "s.p.entered"));
    EXPECT_LT(last, key) << number;
    last = key;
  }
  EXPECT_NE(bytes(own_event_id(7, "a")), bytes(own_event_id(7, "b")));
  EXPECT_NE(detail::event_key("x", own_event_id(7, "a")),
            detail::event_key("y", own_event_id(7, "a")));
  for (const char* other : {"own.", "own.1.a", "own.00000000000000zz.a", "own.0000000000000001"})
    EXPECT_NE(bytes(other).substr(0, 7), std::string(7, '\0')) << other;
}

TEST(EventKey, UuidsOfVersion7KeepTheirOrder) {
  const auto bytes = [](const std::string& id) {
    const auto key = detail::event_key("zhiyin", id);
    return std::string(reinterpret_cast<const char*>(key.data()), sizeof key);
  };
  std::string last;
  for (const std::int64_t ms : {0, 1, 255, 256, 1'767'225'600, 2'000'000'000}) {
    const std::string key = bytes(uuid_v7(Instant{ms * 1'000'000}));
    EXPECT_LT(last, key) << ms;
    last = key;
  }
  const std::string id = "019b76da-a800-7abc-8def-0123456789ab";
  EXPECT_EQ(bytes(id).substr(0, 6), std::string("\x01\x9b\x76\xda\xa8\x00", 6));
  EXPECT_EQ(bytes(id + "-3").substr(0, 6), bytes(id).substr(0, 6));
  EXPECT_NE(bytes(id + "-3"), bytes(id));
  EXPECT_NE(detail::event_key("x", id), detail::event_key("y", id));
  // Of another version, or only nearly one.
  for (const char* other :
       {"019b76da-a800-4abc-8def-0123456789ab", "019b76da-a800-7abc-8def-0123456789a",
        "019b76dx-a800-7abc-8def-0123456789ab", "019b76da_a800-7abc-8def-0123456789ab"})
    EXPECT_NE(bytes(other).substr(0, 4), bytes(id).substr(0, 4)) << other;
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

/// With a quarantine for what fails, and an intake to send it again.
class PoisonTest : public PipelineTest {
 protected:
  PoisonTest() {
    pipeline.add(breaking);
    auto opened = storage::open_warehouse("duckdb:" + (store.folder.path() / "w.duckdb").string(),
                                          64, null_logger());
    warehouse = std::move(*opened);
    writer.emplace(*store.log, *store.state, *warehouse, runner, null_logger(),
                   WarehouseWriter::Settings{.refused = &refused});
  }
  class Breaking final : public EventProjection {
   public:
    std::set<std::string> bad;
    Result<void> apply(storage::Session& session, std::span<const LoggedEvent> events) override {
      for (const LoggedEvent& e : events) {
        ids.push_back(e.event.event_id);
        if (!bad.contains(e.event.event_id)) continue;
        ZHIYIN_TRY_VOID(session.execute("INSERT INTO duplicate_offset(part, off) VALUES(1, NULL)"));
      }
      return {};
    }
    std::vector<std::string> ids;
  };
  std::int64_t in_warehouse(std::string_view id) {
    EXPECT_TRUE(writer->catch_up());
    return storage::as_int(
        warehouse->query("SELECT COUNT(*) FROM events WHERE event_id = ?", {std::string(id)})
            ->rows[0][0]);
  }

  RecordQuarantine refused{*store.vault, store.clock, store.metrics};
  Breaking breaking;
  EventPipeline pipeline{std::chrono::hours(24), &refused};
  storage::ProjectionRunner runner{*store.log, *store.state, pipeline, null_logger(), {}};
  std::unique_ptr<storage::Warehouse> warehouse;
  std::optional<WarehouseWriter> writer;
  Intake intake{*store.log, *store.state, *store.vault, store.clock, store.metrics, {}};
  Quarantine quarantine{*store.state, *store.vault};
};

constexpr std::string_view kThree =
    R"([{"event_id":"a","account":"shop","identities":[{"kind":"openid","value":"o1"}],"kind":"read","value":3},
        {"event_id":"b","account":"shop","identities":[{"kind":"openid","value":"o2"}],"kind":"read","value":4,
         "item":{"kind":"article","id":"x"},"properties":{"city":"上海","personal":{"text":"秘密"}}},
        {"event_id":"c","account":"shop","identities":[{"kind":"openid","value":"o1"}],"kind":"read"}])";

TEST_F(PoisonTest, AnEventThatBreaksAProjectionWaitsInTheQuarantineUntilItIsSentAgain) {
  std::promise<void> synced;
  intake.accept_body(std::string(kThree), "api", {}, [&](auto answers) {
    EXPECT_TRUE(answers);
    synced.set_value();
  });
  synced.get_future().wait();
  breaking.bad = {"b"};
  ASSERT_TRUE(runner.catch_up());
  EXPECT_EQ(runner.lag(), 0);
  const auto entries = quarantine.list("", 0, 10);
  ASSERT_EQ(entries->size(), 1u);
  const QuarantinedEvent& entry = entries->front();
  EXPECT_EQ(entry.source, "api");
  EXPECT_THAT(entry.reason, testing::HasSubstr("duplicate_offset"));
  EXPECT_EQ(entry.event["event_id"].string_or(""), "b");
  EXPECT_EQ(entry.event["identities"].if_array()->at(0)["value"].string_or(""), "o2");
  EXPECT_EQ(entry.event["properties"]["personal"]["text"].string_or(""), "秘密");
  EXPECT_EQ(entry.event["record"]["consumer"].string_or(""), "events");
  EXPECT_EQ(in_warehouse("a"), 1);
  EXPECT_EQ(in_warehouse("b"), 0);
  EXPECT_EQ(count("seen_event"), 2);

  // The program was mended. The intake remembers the id, and yet it is no duplicate.
  breaking.bad.clear();
  const auto again = quarantine.resubmit(intake, entry.id, std::nullopt);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->verdict, Verdict::kAccepted);
  ASSERT_TRUE(runner.catch_up());
  EXPECT_EQ(*quarantine.count(), 0);
  EXPECT_EQ(in_warehouse("b"), 1);
  EXPECT_EQ(count("seen_event"), 3);
}

TEST_F(PoisonTest, ForeignBytesAreShownAndCanBeReplacedByAnEvent) {
  append({"a"});
  append_raw("\xff\xfe foreign");
  append({"c"});
  ASSERT_TRUE(runner.catch_up());
  EXPECT_EQ(count("seen_event"), 2);
  const auto entries = quarantine.list("log", 0, 10);
  ASSERT_EQ(entries->size(), 1u);
  EXPECT_EQ(*crypto::unbase64(entries->front().event["record"]["bytes"].string_or("")),
            "\xff\xfe foreign");
  EXPECT_EQ(quarantine.resubmit(intake, entries->front().id, std::nullopt).error().code,
            ErrorCode::kInvalidArgument);
  const auto event = parse_json(
      R"({"account":"shop","identities":[{"kind":"openid","value":"o1"}],"kind":"read"})", 1000);
  ASSERT_TRUE(quarantine.resubmit(intake, entries->front().id, *event));
  ASSERT_TRUE(runner.catch_up());
  EXPECT_EQ(count("seen_event"), 3);
  EXPECT_EQ(*quarantine.count(), 0);
  EXPECT_THAT(store.metrics.text(),
              testing::HasSubstr("zhiyin_records_refused_total{consumer=\"events\"} "));
}

TEST_F(PoisonTest, AnEventWhoseTextsAreNoTextsIsForNeitherStateNorWarehouse) {
  Event e;
  e.event_id = "bad";
  e.account = "shop";
  e.identities = {IdentityHash{7}};
  e.kind = "read\xff";
  e.occurred_at = e.received_at = TestStore::kNow;
  e.source = "api";
  append_raw(encode_event(e));
  append({"c"});
  ASSERT_TRUE(runner.catch_up());
  EXPECT_EQ(*quarantine.count(), 1);
  EXPECT_EQ(in_warehouse("bad"), 0);
  EXPECT_EQ(in_warehouse("c"), 1);
}

TEST_F(PoisonTest, AnOwnEventIsSentAgainAsItWas) {
  Event e;
  e.event_id = "touch-1";
  e.account = "shop";
  e.identities = {IdentityHash{7}};
  e.kind = "touch.sent";
  e.occurred_at = e.received_at = TestStore::kNow;
  e.source = "own";
  append_raw(encode_event(e));
  breaking.bad = {"touch-1"};
  ASSERT_TRUE(runner.catch_up());
  const auto entries = quarantine.list("", 0, 10);
  ASSERT_EQ(entries->size(), 1u);
  breaking.bad.clear();
  const auto again = quarantine.resubmit(intake, entries->front().id, std::nullopt);
  ASSERT_TRUE(again) << again.error().text();
  ASSERT_TRUE(runner.catch_up());
  EXPECT_EQ(count("seen_event"), 1);
  EXPECT_EQ(store.logged().back().kind, "touch.sent");
}

TEST_F(PoisonTest, FloodsOfForeignBytesDoNotPushOutWhatTheIntakeRefused) {
  ASSERT_TRUE(intake.quarantine({{"broke a rule", "kind", "{}"}}, "api"));
  std::vector<storage::NewRecord> records;
  for (int i = 0; i < 100; ++i)
    records.push_back({i % storage::kPartitions, fmt::format("junk {}", i)});
  ASSERT_TRUE(store.log->append_and_wait(Stream::kEvents, std::move(records)));
  ASSERT_TRUE(store.state->write([](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("UPDATE quarantine_counter SET last_id = last_id + ?1",
                                    {kForeignRecordsMax * 2}));
    return {};
  }));
  ASSERT_TRUE(store.state->write([](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(
        session.execute("INSERT INTO quarantine (id, received_at, source, reason, field, event) "
                        "VALUES (2, 0, 'log', '', '', ?1)",
                        {storage::Blob{"x"}}));
    return {};
  }));
  ASSERT_TRUE(runner.catch_up());
  EXPECT_EQ(*quarantine.count("log"), 100) << "the oldest made room";
  EXPECT_EQ(*quarantine.count("api"), 1);
}

/// Refuses rows with a given event id.
class PickyWarehouse final : public storage::Warehouse {
 public:
  explicit PickyWarehouse(storage::Warehouse& inner) : inner_(inner) {}
  Result<void> create(const storage::Table& table) override { return inner_.create(table); }
  Result<void> insert(const storage::Table& table, std::span<const storage::Row> rows,
                      std::string_view batch_id) override {
    ++inserts;
    for (const storage::Row& row : rows) {
      if (storage::as_text(row[2]) == "b")
        return fail(ErrorCode::kInvalidArgument, "warehouse: not b");
    }
    return inner_.insert(table, rows, batch_id);
  }
  Result<storage::Rows> query(std::string_view sql, std::span<const storage::Value> parameters,
                              storage::QueryLimits limits) override {
    return inner_.query(sql, parameters, limits);
  }
  Result<void> flush() override { return inner_.flush(); }
  Result<std::int64_t> remove(const storage::Table& table, std::string_view condition,
                              std::span<const storage::Value> parameters) override {
    return inner_.remove(table, condition, parameters);
  }
  int inserts = 0;

 private:
  storage::Warehouse& inner_;
};

TEST_F(PoisonTest, ARowThatTheWarehouseRefusesDoesNotKeepTheOthersFromIt) {
  PickyWarehouse picky(*warehouse);
  WarehouseWriter picky_writer(*store.log, *store.state, picky, runner, null_logger(),
                               WarehouseWriter::Settings{.refused = &refused});
  append({"a", "b", "c", "d", "e"});
  ASSERT_TRUE(runner.catch_up());
  ASSERT_TRUE(picky_writer.catch_up());
  EXPECT_EQ(storage::as_int(warehouse->query("SELECT COUNT(*) FROM events")->rows[0][0]), 4);
  EXPECT_EQ(picky_writer.lag(), 0);
  const auto entries = quarantine.list("", 0, 10);
  ASSERT_EQ(entries->size(), 1u);
  EXPECT_THAT(entries->front().reason, testing::HasSubstr("warehouse: not b"));
  EXPECT_EQ(quarantine.resubmit(intake, entries->front().id, std::nullopt).error().code,
            ErrorCode::kInvalidArgument);
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

// A warehouse in memory that can fail after it has written, as a crash between insert and commit
// would look.
class FakeWarehouse final : public storage::NoWarehouse {
 public:
  std::vector<storage::Row> rows;
  std::vector<std::string> batches;
  bool fail_after_insert = false;
  int fail_insert = 0;  // the n-th from now on fails, also after it has written
  Result<void> create(const storage::Table& table) override {
    EXPECT_EQ(table.name, "events");
    return {};
  }
  Result<void> insert(const storage::Table& table, std::span<const storage::Row> batch,
                      std::string_view id) override {
    for (const storage::Row& row : batch) EXPECT_EQ(row.size(), table.columns.size());
    if (std::ranges::find(batches, id) == batches.end()) {
      rows.insert(rows.end(), batch.begin(), batch.end());
      batches.emplace_back(id);
    }
    if (fail_after_insert || (fail_insert > 0 && --fail_insert == 0))
      return fail(ErrorCode::kUnavailable, "warehouse: gone");
    return {};
  }
};

class WarehouseWriterTest : public PipelineTest {
 protected:
  std::vector<std::string> written() {
    std::vector<std::string> ids;
    for (const storage::Row& row : warehouse.rows) ids.emplace_back(storage::as_text(row[2]));
    return ids;
  }
  WarehouseWriter make(std::size_t rows_max = 50'000) {
    return WarehouseWriter(
        *store.log, *store.state, warehouse, runner, null_logger(),
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

TEST_F(WarehouseWriterTest, ABatchPlannedWithTheEndOfTheOneBeforeIsRepeatedAsItWas) {
  std::vector<std::string> ids;
  for (int i = 0; i < 25; ++i) ids.push_back(std::to_string(i));
  append(ids);
  ASSERT_TRUE(runner.catch_up());
  {
    WarehouseWriter writer = make(10);
    warehouse.fail_insert = 2;
    EXPECT_FALSE(writer.catch_up());
  }
  EXPECT_EQ(warehouse.rows.size(), 20u);
  EXPECT_EQ(count("(SELECT DISTINCT number FROM warehouse_plan) AS plans"),
            1);  // the second batch's, and not the rest's
  append({"late"});
  ASSERT_TRUE(runner.catch_up());
  WarehouseWriter restarted = make(10);
  ASSERT_TRUE(restarted.catch_up());
  ids.emplace_back("late");
  EXPECT_EQ(written(), ids);
  EXPECT_EQ(warehouse.batches.size(), 3u);
  EXPECT_EQ(count("warehouse_plan"), 0);
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
  auto real = storage::open_warehouse(
      "duckdb:" + (store.folder.path() / "warehouse.duckdb").string(), 128, null_logger());
  ASSERT_TRUE(real) << real.error().text();
  append({"a", "b", "a"});
  ASSERT_TRUE(runner.catch_up());
  WarehouseWriter writer(*store.log, *store.state, **real, runner, null_logger(), {});
  ASSERT_TRUE(writer.catch_up());
  const auto rows =
      (*real)->query("SELECT event_id, item_id, value, occurred_at FROM events ORDER BY off", {});
  ASSERT_TRUE(rows) << rows.error().text();
  ASSERT_EQ(rows->rows.size(), 2u);
  EXPECT_EQ(storage::as_text(rows->rows[1][0]), "b");
  EXPECT_EQ(storage::as_int(rows->rows[1][3]), TestStore::kNow.us);
}

}  // namespace
}  // namespace zhiyin::ingest
