#include <gtest/gtest.h>

#include "audience/warehouse_people.h"
#include "base/file.h"
#include "ingest/warehouse_writer.h"
#include "recommend/recommend_model.h"
#include "storage/open.h"

namespace zhiyin::recommend {
namespace {

using storage::Row;
using storage::Value;

class WarehouseRows : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = storage::open_warehouse("duckdb:" + (folder_.path() / "w.duckdb").string(), 200,
                                          null_logger());
    ASSERT_TRUE(opened) << opened.error().text();
    warehouse_ = std::move(*opened);
    ASSERT_TRUE(warehouse_->create(ingest::events_table()));
    ASSERT_TRUE(warehouse_->create(audience::identity_person_table()));
  }

  /// A row of `events` by the names of its columns; others are null.
  static Row event(std::map<std::string_view, Value> cells) {
    Row out;
    for (const auto& column : ingest::events_table().columns) {
      const auto found = cells.find(column.name);
      out.push_back(found == cells.end() ? Value() : found->second);
    }
    return out;
  }
  static Row read(std::int64_t part, std::int64_t off, std::string identity, std::string item,
                  std::int64_t at = 100, std::string kind = "read") {
    return event({{"part", Value(part)},
                  {"off", Value(off)},
                  {"event_id", Value(std::to_string(part) + "/" + std::to_string(off))},
                  {"account", Value(std::string("shop"))},
                  {"identity", Value(std::move(identity))},
                  {"kind", Value(std::move(kind))},
                  {"item_kind", Value(std::string("article"))},
                  {"item_id", item.empty() ? Value() : Value(std::move(item))},
                  {"occurred_at", Value(at)},
                  {"received_at", Value(at)}});
  }
  void insert_people(std::vector<Row> rows) {
    ASSERT_TRUE(warehouse_->insert(audience::identity_person_table(), rows, "people"));
  }

  /// "person kind item" of every row that comes.
  std::vector<std::string> rows(std::vector<std::string> kinds, Instant as_of) {
    std::vector<std::string> out;
    const auto done =
        warehouse_rows(*warehouse_, std::move(kinds), as_of)([&](const InteractionRow& r) {
          out.push_back(std::string(r.person) + " " + std::string(r.kind) + " " + r.item.id);
        });
    EXPECT_TRUE(done) << done.error().text();
    return out;
  }

  TempFolder folder_;
  std::unique_ptr<storage::Warehouse> warehouse_;
};

TEST_F(WarehouseRows, JoinsIdentitiesToPeopleAndKeepsToTheKindsAndTheMoment) {
  insert_people({{Value(std::string("i1")), Value(std::string("p1")), Value(std::int64_t{0})},
                 {Value(std::string("i2")), Value(std::string("p1")), Value(std::int64_t{0})},
                 {Value(std::string("gone")), Value(std::string("")), Value(std::int64_t{9})},
                 {Value(std::string("back")), Value(std::string("p2")), Value(std::int64_t{5})}});
  const std::vector<Row> events = {
      read(3, 1, "i1", "a"),         read(7, 1, "i2", "b"),   read(3, 2, "i1", "c", 100, "show"),
      read(3, 3, "i1", "late", 201), read(3, 4, "i1", ""),    read(5, 1, "gone", "erased"),
      read(5, 4, "back", "before"),  read(5, 6, "back", "d"), read(6, 1, "stranger", "x"),
  };
  ASSERT_TRUE(warehouse_->insert(ingest::events_table(), events, "events"));
  ASSERT_TRUE(warehouse_->flush());
  EXPECT_EQ(rows({"read", "like"}, {200}),
            (std::vector<std::string>{"p1 read a", "p2 read d", "p1 read b"}));
  EXPECT_TRUE(rows({}, {200}).empty());
}

TEST_F(WarehouseRows, FeedTraining) {
  std::vector<Row> people;
  std::vector<Row> events;
  for (int i = 0; i < 8; ++i) {
    const std::string id = "i" + std::to_string(i);
    people.push_back({Value(id), Value("p" + id), Value(std::int64_t{0})});
    events.push_back(read(i, 1, id, "a"));
    events.push_back(read(i, 2, id, i < 6 ? "b" : "c"));
  }
  insert_people(people);
  ASSERT_TRUE(warehouse_->insert(ingest::events_table(), events, "events"));
  ASSERT_TRUE(warehouse_->flush());
  TrainParams params;
  params.as_of = {1000};
  const auto model = train_recommend(warehouse_rows(*warehouse_, {"read"}, {1000}), params);
  ASSERT_TRUE(model) << model.error().text();
  EXPECT_EQ(model->people(), 8U);
  EXPECT_EQ(model->items(), 3U);
  EXPECT_EQ(model->interactions(), 16U);
  EXPECT_EQ(model->weights().row(*model->find({"article", "a"})).size(), 2U);
}

}  // namespace
}  // namespace zhiyin::recommend
