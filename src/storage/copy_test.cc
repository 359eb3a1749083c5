#include "storage/copy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/file.h"
#include "storage/gate.h"
#include "storage/migrations.h"
#include "storage/move_mark.h"
#include "storage/offset_base.h"
#include "storage/testing.h"

namespace zhiyin::storage {
namespace {

const CopyProgress kGoOn = [](std::int64_t) { return true; };

class CopyTest : public ::testing::Test {
 protected:
  std::unique_ptr<EventLog> log(const std::string& name) {
    return std::move(*open_event_log("sqlite:" + (folder_.path() / name).string(), null_logger()));
  }
  static void append(EventLog& log, int first, int count) {
    std::vector<NewRecord> records;
    for (int i = first; i < first + count; ++i)
      records.push_back({i * 7 % kPartitions, "record " + std::to_string(i)});
    ASSERT_TRUE(log.append_and_wait(Stream::kEvents, std::move(records)));
  }
  static std::vector<std::string> of_partition(EventLog& log, int partition) {
    std::vector<std::string> out;
    Positions at{};
    for (;;) {
      const auto records = log.read(Stream::kEvents, at, 100);
      if (!records || records->empty()) return out;
      for (const StoredRecord& r : *records) {
        if (r.partition == partition) out.push_back(r.bytes);
      }
      at = log.advance(at, *records);
    }
  }
  TempFolder folder_;
};

TEST_F(CopyTest, ALogIsCopiedInItsOrderAndWhatComesLaterFollows) {
  const auto from = log("from.db");
  const auto to = log("to.db");
  append(*from, 0, 12'000);
  LogCopy copy(*from, *to, Stream::kEvents);
  EXPECT_EQ(copy.copy(kGoOn).value(), 12'000);
  append(*from, 12'000, 300);
  EXPECT_EQ(copy.copy(kGoOn).value(), 300);
  EXPECT_EQ(copy.copy(kGoOn).value(), 0);
  const auto digests = copy.verify(kGoOn);
  ASSERT_TRUE(digests) << digests.error().text();
  EXPECT_EQ(digests->size(), static_cast<std::size_t>(kPartitions));
  for (const int p : {0, 7, 63}) EXPECT_EQ(of_partition(*to, p), of_partition(*from, p));
}

TEST_F(CopyTest, ACopyOfALogThatWasCutOffGoesOnWhereItStopped) {
  const auto from = log("from.db");
  const auto to = log("to.db");
  append(*from, 0, 20'000);
  {
    LogCopy cut_off(*from, *to, Stream::kEvents);
    int parts = 0;
    const auto outcome = cut_off.copy([&](std::int64_t) { return ++parts < 2; });
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::kDeadline);
  }
  append(*from, 20'000, 100);
  LogCopy again(*from, *to, Stream::kEvents);
  const auto appended = again.copy(kGoOn);
  ASSERT_TRUE(appended) << appended.error().text();
  EXPECT_LT(*appended, 20'100);
  EXPECT_GT(*appended, 0);
  ASSERT_TRUE(again.verify(kGoOn));
  EXPECT_EQ(of_partition(*to, 14), of_partition(*from, 14));
}

TEST_F(CopyTest, ALogThatHoldsSomethingElseIsNotAddedTo) {
  const auto from = log("from.db");
  const auto to = log("to.db");
  append(*to, 1000, 100);
  append(*from, 0, 500);
  LogCopy copy(*from, *to, Stream::kEvents);
  EXPECT_EQ(copy.copy(kGoOn).error().code, ErrorCode::kDataLoss);
}

TEST_F(CopyTest, ARecordThatIsMissingInTheTargetIsNoticed) {
  const auto from = log("from.db");
  const auto to = log("to.db");
  append(*from, 0, 200);
  LogCopy copy(*from, *to, Stream::kEvents);
  ASSERT_TRUE(copy.copy(kGoOn));
  append(*to, 0, 1);
  EXPECT_EQ(copy.verify(kGoOn).error().code, ErrorCode::kDataLoss);
}

TEST_F(CopyTest, OffsetsOfALogThatTookOverLieBehindThoseOfTheOldOne) {
  auto raised = with_offset_bases(log("to.db"), {{Stream::kEvents, 1000}});
  append(*raised, 0, 10);
  Positions at{};
  at.fill(1000);  // where the old one ended
  const auto first = raised->read(Stream::kEvents, at, 4);
  ASSERT_TRUE(first);
  ASSERT_EQ(first->size(), 4u);
  EXPECT_GT(first->front().offset, 1000);
  at = raised->advance(at, *first);
  EXPECT_EQ(raised->behind(Stream::kEvents, at).value(), 6);
  const auto rest = raised->read(Stream::kEvents, at, 100);
  EXPECT_EQ(rest->size(), 6u);
  at = raised->advance(at, *rest);
  EXPECT_EQ(raised->behind(Stream::kEvents, at).value(), 0);
  EXPECT_EQ(raised->read(Stream::kEvents, {}, 100)->size(), 10u);
  Positions unwanted = {};
  unwanted.fill(kNotWanted);
  EXPECT_TRUE(raised->read(Stream::kEvents, unwanted, 100)->empty());
  EXPECT_EQ(std::ranges::max(*raised->end(Stream::kEvents)), 1010);
}

class CopyTableTest : public CopyTest {
 protected:
  CopyTableTest() : from_(open("from.db")), to_(open("to.db")) {}
  std::unique_ptr<State> open(const std::string& name) {
    // One of them on the server of the tests, where there is one.
    auto state =
        name == "to.db"
            ? open_test_state(folder_.path() / name)
            : std::move(*open_state("sqlite:" + (folder_.path() / name).string(), null_logger()));
    auto all = migrations();
    all.push_back({"test-001",
                   "CREATE TABLE thing(name TEXT NOT NULL, number BIGINT NOT NULL, share DOUBLE "
                   "PRECISION, bytes BYTEA, "
                   "PRIMARY KEY(name, number)); CREATE TABLE keyless(a BIGINT)"});
    EXPECT_TRUE(state->migrate(all));
    return state;
  }
  StateTable table(const std::string& name) {
    const auto tables = from_->tables();
    EXPECT_TRUE(tables);
    for (const StateTable& t : *tables) {
      if (t.name == name) return t;
    }
    ADD_FAILURE() << "no table " << name;
    return {};
  }
  static void put(State& state, int first, int count, int salt) {
    ASSERT_TRUE(state.write([&](Session& session) -> Result<void> {
      for (int i = first; i < first + count; ++i) {
        const Value share = i % 3 == 0 ? Value() : Value(i / 7.0);
        ZHIYIN_TRY_VOID(
            session.execute("INSERT INTO thing(name, number, share, bytes) VALUES(?1, ?2, CAST(?3 "
                            "AS DOUBLE PRECISION), ?4) "
                            "ON CONFLICT(name, number) DO UPDATE SET bytes = excluded.bytes",
                            {fmt::format("名{}", i % 50), i, share,
                             Blob{std::string("\0b", 2) + std::to_string(i + salt)}}));
      }
      return {};
    }));
  }
  static std::vector<Row> all(State& state) {
    return state.query("SELECT name, number, share, bytes FROM thing ORDER BY name, number")->rows;
  }
  std::unique_ptr<State> from_;
  std::unique_ptr<State> to_;
};

TEST_F(CopyTableTest, TablesAreToldWithTheirKeys) {
  const StateTable thing = table("thing");
  EXPECT_THAT(thing.columns, ::testing::ElementsAre("name", "number", "share", "bytes"));
  EXPECT_THAT(thing.key, ::testing::ElementsAre("name", "number"));
  const auto of_from = from_->tables();
  const auto of_to = to_->tables();
  ASSERT_TRUE(of_to) << of_to.error().text();
  ASSERT_EQ(of_from->size(), of_to->size());
  for (std::size_t i = 0; i < of_from->size(); ++i) {
    EXPECT_EQ((*of_from)[i].name, (*of_to)[i].name);
    EXPECT_EQ((*of_from)[i].columns, (*of_to)[i].columns);
    EXPECT_EQ((*of_from)[i].key, (*of_to)[i].key);
  }
}

TEST_F(CopyTableTest, RowsAreCopiedAndARepetitionCarriesOverWhatChanged) {
  put(*from_, 0, 5000, 0);
  const auto first = copy_table(*from_, *to_, table("thing"), kGoOn);
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_EQ(first->count, 5000);
  EXPECT_EQ(first->written, 5000);
  EXPECT_EQ(all(*to_), all(*from_));

  put(*from_, 4990, 20, 3);  // changed and new ones
  ASSERT_TRUE(from_->write([](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("DELETE FROM thing WHERE number < 10"));
    return {};
  }));
  const auto second = copy_table(*from_, *to_, table("thing"), kGoOn);
  ASSERT_TRUE(second) << second.error().text();
  EXPECT_EQ(second->count, 5000);
  EXPECT_NE(second->digest, first->digest);
  EXPECT_EQ(all(*to_), all(*from_));
  const auto third = copy_table(*from_, *to_, table("thing"), kGoOn);
  EXPECT_EQ(third->written, 0);
  EXPECT_EQ(third->digest, second->digest);
}

TEST_F(CopyTableTest, RowsThatOnlyTheTargetHasGo) {
  put(*to_, 0, 30, 0);
  put(*from_, 10, 5, 0);
  ASSERT_TRUE(copy_table(*from_, *to_, table("thing"), kGoOn));
  EXPECT_EQ(all(*to_), all(*from_));
  ASSERT_TRUE(from_->write([](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("DELETE FROM thing"));
    return {};
  }));
  EXPECT_EQ(copy_table(*from_, *to_, table("thing"), kGoOn)->count, 0);
  EXPECT_TRUE(all(*to_).empty());
}

TEST_F(CopyTableTest, ATableWithoutAKeyIsRefused) {
  EXPECT_EQ(copy_table(*from_, *to_, table("keyless"), kGoOn).error().code,
            ErrorCode::kUnsupported);
}

TEST_F(CopyTest, WarehousesAreMadeEqual) {
  const Table table{"rows",
                    {{"part", ColumnType::kInt},
                     {"off", ColumnType::kInt},
                     {"text", ColumnType::kText},
                     {"real", ColumnType::kReal}}};
  const auto open = [&](const std::string& name) {
    auto warehouse =
        std::move(*open_warehouse("duckdb:" + (folder_.path() / name).string(), 64, null_logger()));
    EXPECT_TRUE(warehouse->create(table));
    return warehouse;
  };
  const auto from = open("a.duckdb");
  const auto to = open("b.duckdb");
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < 30'000; ++i)
    rows.push_back({i % 5, i, i % 4 == 0 ? Value() : Value(std::to_string(i)), i / 3.0});
  ASSERT_TRUE(from->insert(table, rows, "one"));
  static constexpr std::string_view kPlace[] = {"part", "off"};
  const auto first = copy_table(*from, *to, table, kPlace, {}, "pass-1", kGoOn);
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_EQ(first->written, 30'000);
  ASSERT_TRUE(from->remove(table, "off = 17", {}));
  ASSERT_TRUE(from->insert(
      table, std::vector<Row>{{std::int64_t{2}, std::int64_t{99'999}, std::string("late"), 1.0}},
      "two"));
  ASSERT_TRUE(copy_table(*from, *to, table, kPlace, "part = 2", "pass-2", kGoOn));
  const auto all = [](Warehouse& w) {
    return w.query("SELECT part, off, text, real FROM rows ORDER BY part, off")->rows;
  };
  EXPECT_EQ(all(*from), all(*to));
  EXPECT_EQ(copy_table(*from, *to, table, kPlace, {}, "pass-3", kGoOn)->written, 0);
}

TEST_F(CopyTest, AClosedGateRefusesWritersButNotWhoeverClosedIt) {
  Gate gate;
  const auto state = gated(
      std::move(*open_state("sqlite:" + (folder_.path() / "s.db").string(), null_logger())), gate);
  const auto events = gated(log("l.db"), gate);
  ASSERT_TRUE(state->migrate(migrations()));
  const auto write = [&] {
    return state->write([](Session& session) -> Result<void> {
      ZHIYIN_TRY_VOID(session.execute("DELETE FROM move_mark"));
      return {};
    });
  };
  EXPECT_TRUE(write());
  gate.close_log();
  EXPECT_EQ(events->append_and_wait(Stream::kEvents, {{1, "x"}}).error().code,
            ErrorCode::kUnavailable);
  EXPECT_TRUE(write());
  gate.close_state();
  EXPECT_EQ(write().error().code, ErrorCode::kUnavailable);
  {
    const Gate::Pass pass;
    EXPECT_TRUE(write());
    EXPECT_TRUE(events->append_and_wait(Stream::kEvents, {{1, "x"}}));
  }
  EXPECT_TRUE(state->query("SELECT COUNT(*) FROM move_mark"));
  EXPECT_FALSE(write());
  gate.open();
  EXPECT_TRUE(write());
}

TEST_F(CopyTest, AStateWithAMarkIsNotUsed) {
  const auto state =
      std::move(*open_state("sqlite:" + (folder_.path() / "s.db").string(), null_logger()));
  ASSERT_TRUE(state->migrate(migrations()));
  EXPECT_TRUE(check_in_use(*state));
  const auto mark = [&](std::optional<MoveMark> m) {
    ASSERT_TRUE(state->write([&](Session& session) { return set_move_mark(session, m); }));
  };
  mark(MoveMark{MoveRole::kFilling, "other", "somewhere", {1}});
  EXPECT_EQ(check_in_use(*state).error().code, ErrorCode::kUnsupported);
  mark(MoveMark{MoveRole::kMoved, "other", "somewhere", {1}});
  EXPECT_THAT(check_in_use(*state).error().message, ::testing::HasSubstr("somewhere"));
  EXPECT_EQ(move_mark(*state).value()->role, MoveRole::kMoved);
  mark(std::nullopt);
  EXPECT_TRUE(check_in_use(*state));
}

}  // namespace
}  // namespace zhiyin::storage
