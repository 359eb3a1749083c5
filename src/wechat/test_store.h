#pragma once

#include <gtest/gtest.h>

#include "base/crypto.h"
#include "base/file.h"
#include "storage/migrations.h"
#include "storage/testing.h"
#include "storage/vault.h"
#include "wechat/migrations.h"

namespace zhiyin::wechat {

/// State with this part's tables and a vault, in a folder of its own. For tests.
class TestStore {
 public:
  /// One for all tests of the program (making a database costs several syncs), emptied.
  static TestStore& emptied() {
    static TestStore store;
    EXPECT_TRUE(store.state().write([](storage::Session& session) -> Result<void> {
      ZHIYIN_TRY_VOID(session.execute("DELETE FROM account"));
      ZHIYIN_TRY_VOID(session.execute("DELETE FROM access_token"));
      ZHIYIN_TRY_VOID(session.execute("DELETE FROM callback_seen"));
      ZHIYIN_TRY_VOID(session.execute("DELETE FROM callback_last"));
      ZHIYIN_TRY_VOID(session.execute("DELETE FROM callback_notice"));
      ZHIYIN_TRY_VOID(session.execute("DELETE FROM callback_refused"));
      return {};
    }));
    return store;
  }

  TestStore() : state_(storage::open_test_state(folder_.path() / "state.db")) {
    std::vector<storage::Migration> all = storage::migrations();
    for (const storage::Migration& m : migrations()) all.push_back(m);
    EXPECT_TRUE(state_->migrate(all));
    vault_ = storage::Vault::create(*state_, Secret(std::string(32, 'k'))).value();
  }
  storage::State& state() { return *state_; }
  storage::Vault& vault() { return *vault_; }

 private:
  TempFolder folder_;
  std::unique_ptr<storage::State> state_;
  std::unique_ptr<storage::Vault> vault_;
};

}  // namespace zhiyin::wechat
