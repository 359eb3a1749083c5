#include "ingest/intake_quality.h"

#include <gmock/gmock.h>

#include "ingest/detail/test_store.h"
#include "ingest/warehouse_writer.h"

namespace zhiyin::ingest {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class IntakeQualityTest : public testing::Test {
 protected:
  IntakeQualityTest() { EXPECT_TRUE(warehouse->create(events_table())); }

  void add(std::string_view source, std::string_view kind, Duration received_ago,
           Duration occurred_before = Duration{0}) {
    const Instant received = TestStore::kNow - received_ago;
    storage::Row row(events_table().columns.size());
    row[0] = std::int64_t{0};
    row[1] = ++offset;
    row[2] = std::to_string(offset);
    row[3] = std::string("shop");
    row[4] = std::string("identity");
    row[5] = std::string(kind);
    row[9] = (received - occurred_before).us;
    row[10] = received.us;
    row[11] = std::string(source);
    ASSERT_TRUE(warehouse->insert(events_table(), {&row, 1}, std::to_string(offset)));
  }
  void refuse(std::string_view source, std::string_view reason) {
    ASSERT_TRUE(store.state->write([&](storage::Session& db) -> Result<void> {
      ZHIYIN_TRY_VOID(
          db.execute("INSERT INTO quarantine (id, received_at, source, reason, field, event) "
                     "VALUES (?1, ?2, ?3, ?4, 'kind', ?5)",
                     {++offset, TestStore::kNow.us, std::string(source), std::string(reason),
                      storage::Blob{}}));
      return {};
    }));
  }

  TestStore store;
  std::unique_ptr<storage::Warehouse> warehouse =
      storage::open_warehouse("duckdb:" + (store.folder.path() / "w.duckdb").string(), 64,
                              null_logger())
          .value();
  std::int64_t offset = 0;
};

TEST_F(IntakeQualityTest, SaysByWayWhatCameInAndHowGoodItWas) {
  add("api", "read", std::chrono::hours(1));
  add("import:r_1", "read", std::chrono::hours(2), 2 * kDay);
  add("import:r_2", "like", std::chrono::hours(3), kLate);
  add("import:r_2", "bot.read", std::chrono::hours(3), 9 * kDay);
  add("api", "read", 9 * kDay);
  refuse("import:r_1", "kind: has no value");
  refuse("import:r_2", "kind: has no value");
  refuse("tracking", "type: expected one of six");
  const auto found = intake_quality(*warehouse, *store.state, TestStore::kNow - 7 * kDay);
  ASSERT_TRUE(found) << found.error().text();
  ASSERT_EQ(found->ways.size(), 3U);
  const WayQuality& imports = found->ways[0];
  EXPECT_EQ(imports.way, "import");
  EXPECT_EQ(imports.events, 2);
  EXPECT_EQ(imports.bots, 1);
  EXPECT_EQ(imports.late, 1) << "a day exactly is not late";
  EXPECT_EQ(imports.quarantined, 2);
  EXPECT_EQ(imports.last_received_at, TestStore::kNow - std::chrono::hours(2));
  EXPECT_EQ(found->ways[1].events, 1) << "what came in before does not count";
  EXPECT_EQ(found->ways[2].quarantined, 1) << "a way of which everything was refused shows, too";
  ASSERT_EQ(found->reasons.size(), 2U);
  EXPECT_EQ(found->reasons[0].count, 2);
  EXPECT_EQ(found->reasons[0].way, "import");
  EXPECT_EQ(found->reasons[0].field, "kind");
}

TEST_F(IntakeQualityTest, TheRateIsByMinuteAndWay) {
  const auto from = TestStore::kNow - std::chrono::minutes(10);
  EXPECT_THAT(intake_rate(*warehouse, from, TestStore::kNow).value(), IsEmpty());
  add("import:a", "read", std::chrono::minutes(5));
  add("import:b", "read", std::chrono::minutes(5));
  add("api", "read", std::chrono::minutes(5));
  add("api", "read", std::chrono::minutes(2));
  add("api", "read", std::chrono::minutes(10));
  const auto rate = intake_rate(*warehouse, from, TestStore::kNow).value();
  ASSERT_EQ(rate.size(), 3U);
  EXPECT_EQ(rate[0].way, "api");
  EXPECT_EQ(rate[1].way, "import");
  EXPECT_EQ(rate[1].count, 2);
  EXPECT_EQ(rate[2].at.us % 60'000'000, 0);
}

}  // namespace
}  // namespace zhiyin::ingest
