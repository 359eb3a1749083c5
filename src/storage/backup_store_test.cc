#include "storage/backup_store.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/random.h"
#include "storage/duckdb_warehouse.h"
#include "storage/open.h"

namespace zhiyin::storage {
namespace {

namespace fs = std::filesystem;

constexpr Instant kNow{1'767'571'200'000'000};

std::string noise(std::size_t bytes, std::uint64_t seed) {
  Random random(seed);
  std::string out(bytes, '\0');
  for (char& c : out) c = static_cast<char>(random.next());
  return out;
}

class BackupStoreTest : public testing::Test {
 protected:
  fs::path file(std::string_view name, std::string_view bytes) {
    const fs::path path = folder_.path() / name;
    EXPECT_TRUE(write_file(path, bytes));
    return path;
  }
  std::size_t stored_blocks() {
    std::size_t n = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path() / "b/blocks"))
      n += entry.is_regular_file() ? 1 : 0;
    return n;
  }
  TempFolder folder_;
};

TEST_F(BackupStoreTest, GivesBackWhatItTookAndStoresOnlyWhatChanged) {
  std::string bytes = noise(5 * kBackupBlockBytes + 77, 1);
  auto store = BackupStore::open(folder_.path() / "b", true);
  ASSERT_TRUE(store) << store.error().text();
  double reached = 0;
  const auto first = store->add({{"data/a.db", file("a", bytes)}, {"empty", file("e", "")}},
                                "first", kNow, [&](double share) {
                                  EXPECT_GE(share, reached);
                                  reached = share;
                                  return true;
                                });
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_EQ(first->new_blocks, 6);
  EXPECT_GT(reached, 0.99);
  bytes[3 * kBackupBlockBytes] ^= 1;  // one block changes
  const auto second = store->add({{"data/a.db", file("a", bytes)}}, "", kNow + kDay, {});
  ASSERT_TRUE(second) << second.error().text();
  EXPECT_EQ(second->new_blocks, 1);
  ASSERT_TRUE(store->verify(*second, {}));
  ASSERT_TRUE(store->extract(*store->find(""), folder_.path() / "out", {}));
  EXPECT_EQ(*read_file(folder_.path() / "out/data/a.db"), bytes) << "the newest";
  ASSERT_TRUE(store->extract(*store->find(first->id), folder_.path() / "old", {}));
  EXPECT_NE(*read_file(folder_.path() / "old/data/a.db"), bytes);
  EXPECT_EQ(*read_file(folder_.path() / "old/empty"), "");
  EXPECT_EQ(store->extract(*first, folder_.path() / "old", {}).error().code, ErrorCode::kConflict);
}

TEST_F(BackupStoreTest, PruningKeepsWhatTheRestNeeds) {
  auto store = BackupStore::open(folder_.path() / "b", true).value();
  std::string bytes = noise(2 * kBackupBlockBytes, 2);
  ASSERT_TRUE(store.add({{"a", file("a", bytes)}}, "", kNow, {}));
  bytes[0] ^= 1;
  ASSERT_TRUE(store.add({{"a", file("a", bytes)}}, "", kNow + kDay, {}));
  EXPECT_EQ(stored_blocks(), 3U);
  EXPECT_EQ(store.prune(1), 1);
  EXPECT_EQ(stored_blocks(), 2U);
  ASSERT_EQ(store.list()->size(), 1U);
  EXPECT_TRUE(store.verify(store.list()->front(), {}));
  EXPECT_FALSE(store.prune(0));
}

TEST_F(BackupStoreTest, DamageIsFoundAndNamed) {
  auto store = BackupStore::open(folder_.path() / "b", true).value();
  const auto made = store.add({{"data/a.db", file("a", noise(3000, 3))}}, "", kNow, {});
  ASSERT_TRUE(made);
  const fs::path block = folder_.path() / "b/blocks" / made->files[0].blocks[0].substr(0, 2) /
                         made->files[0].blocks[0];
  std::string stored = *read_file(block);
  stored[stored.size() / 2] ^= 1;
  ASSERT_TRUE(write_file(block, stored));
  const auto verified = store.verify(*made, {});
  ASSERT_FALSE(verified);
  EXPECT_EQ(verified.error().code, ErrorCode::kDataLoss);
  EXPECT_NE(verified.error().text().find("data/a.db"), std::string::npos)
      << verified.error().text();
  EXPECT_EQ(store.extract(*made, folder_.path() / "out", {}).error().code, ErrorCode::kDataLoss);
  fs::remove(block);
  EXPECT_EQ(store.verify(*made, {}).error().code, ErrorCode::kDataLoss);
  const fs::path manifest = folder_.path() / "b/backups" / (made->id + ".json");
  std::string text = *read_file(manifest);
  text.replace(text.find("data/a.db"), 9, "../../a.d");
  ASSERT_TRUE(write_file(manifest, text));
  EXPECT_EQ(store.find(made->id).error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(store.find("../x").error().code, ErrorCode::kInvalidArgument);
}

TEST_F(BackupStoreTest, AnyOtherFolderIsLeftAlone) {
  file("x", "mine");
  EXPECT_EQ(BackupStore::open(folder_.path(), true).error().code, ErrorCode::kConflict);
  EXPECT_EQ(BackupStore::open(folder_.path() / "none", false).error().code, ErrorCode::kNotFound);
}

TEST(CopyOfStores, HoldsWhatWasCommittedWhileWritingGoesOn) {
  TempFolder folder;
  const auto at = [&](std::string_view name) { return folder.path() / name; };
  auto state = open_state("sqlite:" + at("state.db").string(), null_logger()).value();
  auto log = open_event_log("sqlite:" + at("log.db").string(), null_logger()).value();
  auto warehouse = open_warehouse("duckdb:" + at("w.duckdb").string(), 64, null_logger()).value();
  const Migration migration{"t-001", "CREATE TABLE t(a BIGINT PRIMARY KEY)"};
  ASSERT_TRUE(state->migrate(std::span(&migration, 1)));
  const Table table{"t", {{"a", ColumnType::kInt}}};
  ASSERT_TRUE(warehouse->create(table));
  const auto put = [&](std::int64_t n) {
    ASSERT_TRUE(state->write([&](Session& s) -> Result<void> {
      ZHIYIN_TRY_VOID(s.execute("INSERT INTO t(a) VALUES(?1)", {n}));
      return {};
    }));
    ASSERT_TRUE(log->append_and_wait(Stream::kEvents, {{1, std::to_string(n)}}));
    ASSERT_TRUE(warehouse->insert(table, std::vector<Row>{{n}}, std::to_string(n)));
  };
  put(1);
  put(2);
  ASSERT_TRUE(state->copy_to(at("state.copy")));
  ASSERT_TRUE(log->copy_to(at("log.copy")));
  ASSERT_TRUE(warehouse->copy_to(at("w.copy")));
  EXPECT_FALSE(state->copy_to(at("state.copy"))) << "never over a file";
  put(3);
  auto state_copy = open_state("sqlite:" + at("state.copy").string(), null_logger()).value();
  EXPECT_EQ(as_int(state_copy->query("SELECT COUNT(*) FROM t")->rows[0][0]), 2);
  auto log_copy = open_event_log("sqlite:" + at("log.copy").string(), null_logger()).value();
  EXPECT_EQ(log_copy->read(Stream::kEvents, {}, 10)->size(), 2U);
  auto warehouse_copy =
      open_warehouse("duckdb:" + at("w.copy").string(), 64, null_logger()).value();
  EXPECT_EQ(as_int(warehouse_copy->query("SELECT COUNT(*) FROM t")->rows[0][0]), 2);
}

}  // namespace
}  // namespace zhiyin::storage
