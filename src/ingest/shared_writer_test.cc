#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "ingest/detail/test_store.h"
#include "ingest/projection.h"
#include "ingest/warehouse_writer.h"
#include "storage/membership.h"

namespace zhiyin::ingest {
namespace {

using storage::Stream;

/// A warehouse that knows its batches, as both adapters do; `during` runs while a batch is on its
/// way.
class Warehouse final : public storage::NoWarehouse {
 public:
  std::multiset<std::string> ids;
  std::set<std::string> batches;
  std::function<void()> during = [] {};
  Result<void> insert(const storage::Table&, std::span<const storage::Row> rows,
                      std::string_view id) override {
    const auto hook = std::exchange(during, [] {});
    hook();
    if (!batches.emplace(id).second) return {};
    for (const storage::Row& row : rows) ids.emplace(storage::as_text(row[2]));
    return {};
  }
};

/// One process with its pipeline and its writer.
struct Process {
  Process(TestStore& store, Warehouse& warehouse, const std::string& name, std::int64_t& now_us,
          std::int64_t& asleep_us)
      : membership(*storage::Membership::join(
            *store.state, null_logger(),
            {.place = name,
             .name = name,
             .stores = "same",
             .lease = std::chrono::seconds(10),
             .now = [&now_us](storage::Session&) { return Result<Instant>(Instant{now_us}); },
             .steady_now =
                 [&] {
                   return storage::Membership::SteadyTime(
                       std::chrono::microseconds(now_us - asleep_us));
                 }})),
        runner(
            *store.log, *store.state, pipeline, null_logger(),
            storage::ProjectionRunner::Settings{.batch_max = 20, .membership = membership.get()}),
        writer(*store.log, *store.state, warehouse, runner, null_logger(),
               {.rows_min = 1,
                .wait_max = std::chrono::milliseconds(1),
                .rows_max = 50,
                .membership = membership.get()}) {}
  EventPipeline pipeline{std::chrono::hours(24)};
  std::unique_ptr<storage::Membership> membership;
  storage::ProjectionRunner runner;
  WarehouseWriter writer;
};

class SharedWriterTest : public testing::Test {
 protected:
  void append(int first, int count) {
    std::vector<storage::NewRecord> records;
    for (int i = first; i < first + count; ++i) {
      Event e;
      e.event_id = std::to_string(i);
      e.account = "shop";
      e.identities = {IdentityHash{7}};
      e.kind = "read";
      e.occurred_at = e.received_at = TestStore::kNow;
      e.source = "api";
      records.push_back({i % 64, encode_event(e)});
      if (i % 10 == 0) records.push_back({i % 64, encode_event(e)});  // sent twice
    }
    ASSERT_TRUE(store.log->append_and_wait(Stream::kEvents, std::move(records)));
  }
  void expect_each_once(int count) {
    EXPECT_EQ(warehouse.ids.size(), static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) EXPECT_EQ(warehouse.ids.count(std::to_string(i)), 1U) << i;
    for (const char* table : {"warehouse_plan", "duplicate_offset"}) {
      const auto left = store.state->query(fmt::format("SELECT COUNT(*) FROM {}", table));
      EXPECT_EQ(storage::as_int(left->rows[0][0]), 0) << table;
    }
  }
  std::unique_ptr<Process> process(const std::string& name) {
    ++now_us;
    return std::make_unique<Process>(store, warehouse, name, now_us, asleep_us);
  }
  void share(Process& a, Process& b) {
    ASSERT_TRUE(a.membership->beat());
    ASSERT_TRUE(b.membership->beat());
    ASSERT_EQ(a.membership->duties().partitions.count(), 32U);
    ASSERT_EQ(b.membership->duties().partitions.count(), 32U);
  }

  TestStore store;
  Warehouse warehouse;
  std::int64_t now_us = 1'700'000'000'000'000;
  std::int64_t asleep_us = 1'690'000'000'000'000;
};

TEST_F(SharedWriterTest, EachWritesItsPartitions) {
  const auto a = process("a");
  const auto b = process("b");
  share(*a, *b);
  append(0, 300);
  b->runner.start();
  ASSERT_TRUE(a->runner.catch_up());
  ASSERT_TRUE(b->writer.start());
  ASSERT_TRUE(a->writer.catch_up());  // waits for the other's part
  EXPECT_EQ(a->writer.lag(), 0);
  b->writer.stop();
  b->runner.stop();
  expect_each_once(300);
}

TEST_F(SharedWriterTest, WhoeverComesCarriesOutTheBatchOfTheDead) {
  auto a = process("a");
  append(0, 40);
  ASSERT_TRUE(a->runner.catch_up());
  auto b = std::unique_ptr<Process>();
  warehouse.during = [&] {
    now_us += 11'000'000;
    b = process("b");
    ASSERT_TRUE(b->membership->duties().partitions.all());
    append(40, 40);
    ASSERT_TRUE(b->runner.catch_up());
    ASSERT_TRUE(b->writer.catch_up());
  };
  // While the batch of `a` is on its way, `b` takes over, carries out the same one and goes on;
  // then that of `a` arrives.
  (void)a->writer.catch_up();
  ASSERT_TRUE(b);
  ASSERT_TRUE(b->writer.catch_up());
  expect_each_once(80);
}

TEST_F(SharedWriterTest, ABatchOverPartitionsOfTwoIsFinishedByEither) {
  const auto a = process("a");
  append(0, 40);
  ASSERT_TRUE(a->runner.catch_up());
  std::unique_ptr<Process> b;
  warehouse.during = [&] {  // the batch covers all partitions; then half of them go to b
    b = process("b");
    share(*a, *b);
    ASSERT_TRUE(b->writer.start());  // finishes it
    b->writer.stop();
  };
  ASSERT_TRUE(a->writer.catch_up());
  ASSERT_TRUE(b);
  append(40, 100);
  b->runner.start();
  ASSERT_TRUE(a->runner.catch_up());
  ASSERT_TRUE(b->writer.start());
  ASSERT_TRUE(a->writer.catch_up());
  b->writer.stop();
  b->runner.stop();
  expect_each_once(140);
}

TEST_F(SharedWriterTest, TwoThatBothThinkTheyOwnEverythingWriteItOnce) {
  const auto a = process("a");
  now_us += 11'000'000;
  const auto b = process("b");
  asleep_us += 11'000'000;  // a has not noticed
  ASSERT_TRUE(a->membership->duties().partitions.all());
  ASSERT_TRUE(b->membership->duties().partitions.all());
  for (int round = 0; round < 5; ++round) {
    append(round * 100, 100);
    ASSERT_TRUE(a->runner.catch_up());
    warehouse.during = [&] { ASSERT_TRUE(b->writer.catch_up()); };
    ASSERT_TRUE(a->writer.catch_up());
  }
  expect_each_once(500);
}

}  // namespace
}  // namespace zhiyin::ingest
