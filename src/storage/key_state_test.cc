#include "storage/key_state.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <thread>

#include "base/file.h"
#include "base/log.h"
#include "storage/copy.h"
#include "storage/migrations.h"
#include "storage/open.h"
#include "storage/vault.h"

namespace zhiyin::storage {
namespace {

constexpr Instant kNow{1'772'000'000'000'000};

class KeyState : public testing::Test {
 protected:
  std::unique_ptr<State> open_state_file(const std::string& folder) {
    auto state = *open_state(url(folder), null_logger());
    EXPECT_TRUE(state->migrate(migrations()));
    return state;
  }
  std::unique_ptr<State> open_keys(const std::string& folder) {
    return *open_key_state(url(folder));
  }
  std::unique_ptr<Vault> vault(State& state) {
    return *Vault::create(state, Secret(std::string(32, 's')));
  }
  std::string url(const std::string& folder) const {
    return "sqlite:" + (folder_.path() / folder / "state.db").string();
  }
  static std::int64_t rows(State& state, std::string_view table) {
    return as_int(state.query(fmt::format("SELECT COUNT(*) FROM {}", table))->rows[0][0]);
  }
  /// As installations were before there was a file of keys.
  IdentityHash old_installation(State& state) {
    const auto hashes = *vault(state)->ensure({{ann_, ben_}}, kNow);
    EXPECT_TRUE(vault(state)->erase({{hashes[1]}}));
    return hashes[0];
  }

  TempFolder folder_;
  const Identity ann_{"shop", "openid", "ann"};
  const Identity ben_{"shop", "openid", "ben"};
};

TEST_F(KeyState, NewInstallationsKeepKeysBesideTheState) {
  const auto state = open_state_file("a");
  const auto keys = open_keys("a");
  ASSERT_TRUE(adopt_keys(*state, *keys));
  const auto hashes = *vault(*keys)->ensure({{ann_}}, kNow);
  EXPECT_EQ(rows(*state, "identity"), 0);
  ASSERT_TRUE(adopt_keys(*state, *keys)) << "the second start";
  EXPECT_EQ(vault(*keys)->reveal(hashes[0])->value, "ann");
  EXPECT_EQ(*open_key_state("postgresql://localhost/x"), nullptr);
}

TEST_F(KeyState, KeysOfAnOlderInstallationMoveOverAlsoWhenInterrupted) {
  const auto state = open_state_file("a");
  const IdentityHash ann = old_installation(*state);
  const auto keys = open_keys("a");
  // As a start that was killed in the middle leaves it: some are there already.
  ASSERT_TRUE(keys->migrate(Vault::migrations()));
  const auto tables = *state->tables();
  for (const StateTable& table : tables) {
    if (table.name == "identity") {
      ASSERT_TRUE(copy_table(*state, *keys, table, [](std::int64_t) { return true; }));
    }
  }
  ASSERT_TRUE(adopt_keys(*state, *keys));
  for (const char* table : {"identity", "vault_check", "vault_erasure"})
    EXPECT_EQ(rows(*state, table), 0) << table;
  EXPECT_EQ(rows(*keys, "vault_erasure"), 1);
  const auto moved = vault(*keys);
  EXPECT_EQ(moved->reveal(ann)->value, "ann");
  EXPECT_EQ(moved->reveal(moved->hash(ben_)).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(moved->partition(moved->hash(ben_)));
  EXPECT_FALSE(Vault::create(*keys, Secret(std::string(32, 'x')))) << "the check moved, too";
}

TEST_F(KeyState, LostOrForeignKeysAreRefusedAndNothingChanges) {
  const auto state = open_state_file("a");
  {
    const auto keys = open_keys("a");
    ASSERT_TRUE(adopt_keys(*state, *keys));
    vault(*keys)->ensure({{ann_}}, kNow);
  }
  const auto other_state = open_state_file("b");
  const auto others = open_keys("b");
  ASSERT_TRUE(adopt_keys(*other_state, *others));
  vault(*others)->ensure({{ben_}}, kNow);

  const auto foreign = adopt_keys(*state, *others);
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, ErrorCode::kDataLoss);
  const auto fresh = open_keys("c");  // as after somebody deleted the file
  EXPECT_EQ(adopt_keys(*state, *fresh).error().code, ErrorCode::kDataLoss);
  const auto fresh_state = open_state_file("d");  // as after somebody deleted the state
  EXPECT_EQ(adopt_keys(*fresh_state, *others).error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(rows(*others, "identity"), 1);
  EXPECT_TRUE(adopt_keys(*other_state, *others));
}

TEST_F(KeyState, AnOldStateBesideNewerKeysIsRefused) {
  const auto state = open_state_file("a");
  old_installation(*state);
  const std::filesystem::path copy = folder_.path() / "b" / "state.db";
  std::filesystem::create_directories(copy.parent_path());
  ASSERT_TRUE(state->copy_to(copy));
  const auto keys = open_keys("a");
  ASSERT_TRUE(adopt_keys(*state, *keys));
  vault(*keys)->ensure({{Identity{"shop", "openid", "carl"}}}, kNow);
  const auto old_copy = open_state_file("b");  // as after somebody copied it back
  const auto refused = adopt_keys(*old_copy, *keys);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(rows(*keys, "identity"), 3);
  EXPECT_EQ(rows(*old_copy, "identity"), 2);
}

TEST_F(KeyState, TwoStatesInOneFolderHaveTwoFiles) {
  EXPECT_EQ(key_state_path("data/state.db"), "data/keys.db");
  EXPECT_EQ(key_state_path("/v/a.db"), "/v/a.keys.db");
  EXPECT_NE(key_state_path("/v/a.db"), key_state_path("/v/b.db"));
  EXPECT_EQ(key_state_path("state.db"), "keys.db");
}

TEST_F(KeyState, WhoIsNewDoesNotWaitForATransactionOfState) {
  const auto state = open_state_file("a");
  const auto keys = open_keys("a");
  ASSERT_TRUE(adopt_keys(*state, *keys));
  const auto known = vault(*keys);
  ASSERT_TRUE(state->write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("DELETE FROM outbox"));
    // Would wait for the end of this transaction if both were one file.
    std::thread intake([&] { EXPECT_TRUE(known->ensure({{ann_}}, kNow)); });
    intake.join();
    return {};
  }));
}

TEST_F(KeyState, EachTableIsFoundWhereItLies) {
  const auto state = open_state_file("a");
  const auto keys = open_keys("a");
  ASSERT_TRUE(adopt_keys(*state, *keys));
  const StateAndKeys both{*state, keys.get()};
  EXPECT_EQ(&both.of("identity"), keys.get());
  EXPECT_EQ(&both.of("outbox"), state.get());
  std::vector<std::string> names;
  const auto tables = *both.tables();
  for (const StateTable& table : tables) names.push_back(table.name);
  EXPECT_THAT(names, testing::IsSupersetOf({"identity", "outbox", "vault_check", "vault_erasure"}));
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end()) << "none twice";
  EXPECT_EQ(StateAndKeys{*state}.tables()->size(), state->tables()->size());
}

}  // namespace
}  // namespace zhiyin::storage
