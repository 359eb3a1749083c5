#include "storage/vault.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "base/crypto.h"
#include "base/file.h"
#include "storage/detail/unsynced.h"
#include "storage/event_log.h"
#include "storage/migrations.h"
#include "storage/sqlite_state.h"

namespace zhiyin::storage {
namespace {

constexpr Instant kNow{1'700'000'000'000'000};

/// Counts how often state is asked.
class CountingState final : public State {
 public:
  explicit CountingState(State& inner) : inner_(inner) {}
  Result<void> write(const std::function<Result<void>(Session&)>& work) override {
    ++writes;
    return inner_.write(work);
  }
  Result<void> read(const std::function<Result<void>(Session&)>& work) override {
    ++reads;
    return inner_.read(work);
  }
  Result<void> migrate(std::span<const Migration> list) override { return inner_.migrate(list); }
  Result<std::string> identity() override { return inner_.identity(); }
  std::atomic<int> reads = 0;
  std::atomic<int> writes = 0;

 private:
  State& inner_;
};

Identity openid(const std::string& value) { return {"shop", "openid", value}; }

class VaultTest : public ::testing::Test {
 protected:
  VaultTest()
      : sqlite_(detail::open_unsynced_state(folder_.path() / "state.db", disk_)), state_(*sqlite_) {
    EXPECT_TRUE(state_.migrate(migrations()));
    reopen();
  }
  void reopen(char secret = 's') {
    vault_.reset();
    auto made = Vault::create(state_, Secret(std::string(32, secret)));
    ASSERT_TRUE(made) << made.error().text();
    vault_ = std::move(*made);
  }
  IdentityHash ensure(const std::string& value) {
    const Identity identity = openid(value);
    return vault_->ensure({&identity, 1}, kNow).value().at(0);
  }
  /// Everything on disk below the folder.
  std::string bytes_on_disk() {
    sqlite_.reset();  // copies the write-ahead log
    return read_file(folder_.path() / "state.db").value();
  }

  TempFolder folder_;
  detail::FaultyDisk disk_;
  std::unique_ptr<State> sqlite_;
  CountingState state_;
  std::unique_ptr<Vault> vault_;
};

TEST_F(VaultTest, SealsUnderTheIdentitysKey) {
  const IdentityHash a = ensure("oA");
  const IdentityHash b = ensure("oB");
  const std::string sealed = vault_->seal(a, "电话 13800138000").value();
  EXPECT_EQ(sealed.find("13800138000"), std::string::npos);
  EXPECT_EQ(vault_->unseal(a, sealed).value(), "电话 13800138000");
  EXPECT_NE(vault_->seal(a, "x").value(), vault_->seal(a, "x").value());
  EXPECT_FALSE(vault_->unseal(b, sealed));
  reopen();
  EXPECT_EQ(vault_->unseal(a, sealed).value(), "电话 13800138000");
}

TEST_F(VaultTest, WhatWasTamperedWithIsDataLoss) {
  const IdentityHash a = ensure("oA");
  const std::string sealed = vault_->seal(a, "text").value();
  for (std::size_t i = 5; i < sealed.size(); ++i) {
    std::string bad = sealed;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_EQ(vault_->unseal(a, bad).error().code, ErrorCode::kDataLoss);
  }
  EXPECT_EQ(vault_->unseal(a, "").error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(vault_->unseal(a, "\1abc").error().code, ErrorCode::kDataLoss);
}

TEST_F(VaultTest, GivesHashesInTheOrderAsked) {
  const std::vector<Identity> asked{openid("o1"),
                                    openid("o2"),
                                    openid("o1"),
                                    {"shop", "unionid", "o1"},
                                    {"other", "openid", "o1"}};
  const auto hashes = vault_->ensure(asked, kNow).value();
  ASSERT_EQ(hashes.size(), 5U);
  EXPECT_EQ(hashes[0], hashes[2]);
  EXPECT_EQ(std::set(hashes.begin(), hashes.end()).size(), 4U);
  for (std::size_t i = 0; i < asked.size(); ++i) EXPECT_EQ(hashes[i], vault_->hash(asked[i]));
  EXPECT_EQ(vault_->ensure(asked, kNow).value(), hashes);
  reopen();
  EXPECT_EQ(vault_->ensure(asked, kNow).value(), hashes);
}

TEST_F(VaultTest, ManyAreRevealedInTheOrderAsked) {
  std::vector<IdentityHash> asked;
  for (int i = 0; i < 70; ++i) asked.push_back(ensure("o" + std::to_string(i)));
  asked.push_back(asked[3]);
  asked.push_back(vault_->hash(openid("nobody")));
  ASSERT_TRUE(vault_->erase(std::span(asked).subspan(5, 1)));
  reopen();
  const auto revealed = vault_->reveal_all(asked).value();
  ASSERT_EQ(revealed.size(), asked.size());
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const auto one = vault_->reveal(asked[i]);
    EXPECT_EQ(revealed[i].has_value(), one.has_value()) << i;
    if (one && revealed[i]) {
      EXPECT_EQ(*revealed[i], *one) << i;
    }
  }
  EXPECT_EQ(vault_->partitions(asked).error().code, ErrorCode::kNotFound);
  asked.pop_back();
  ASSERT_TRUE(vault_->seal(asked[0], "x"));  // now in the cache
  const auto partitions = vault_->partitions(asked).value();
  for (std::size_t i = 0; i < asked.size(); ++i)
    EXPECT_EQ(partitions[i], vault_->partition(asked[i]).value()) << i;
  EXPECT_TRUE(vault_->reveal_all({}).value().empty());
}

TEST_F(VaultTest, TheHashIsKeyed) {
  const IdentityHash mine = ensure("oA");
  const TempFolder other;
  const auto state = open_sqlite_state(other.path() / "state.db").value();
  ASSERT_TRUE(state->migrate(migrations()));
  const auto vault = Vault::create(*state, Secret(std::string(32, 't'))).value();
  EXPECT_NE(vault->hash(openid("oA")), mine);
  EXPECT_EQ(identity_hash_from_hex(to_hex(mine)).value(), mine);
  EXPECT_EQ(from_blob(to_blob(mine)), mine);
  EXPECT_FALSE(identity_hash_from_hex("abcd"));
  EXPECT_FALSE(identity_hash_from_hex(std::string(32, 'g')));
}

TEST_F(VaultTest, WhoIsKnownCostsNoQuery) {
  const std::vector<Identity> asked{openid("o1"), openid("o2")};
  const auto hashes = vault_->ensure(asked, kNow).value();
  state_.reads = state_.writes = 0;
  ASSERT_TRUE(vault_->ensure(asked, kNow));
  ASSERT_TRUE(vault_->seal(hashes[0], "x"));
  ASSERT_TRUE(vault_->partition(hashes[1]));
  EXPECT_EQ(state_.reads, 0);
  EXPECT_EQ(state_.writes, 0);
  reopen();
  state_.reads = state_.writes = 0;
  ASSERT_TRUE(vault_->ensure(asked, kNow));
  EXPECT_EQ(state_.reads, 1);
  EXPECT_EQ(state_.writes, 0);
}

TEST_F(VaultTest, MoreIdentitiesThanTheCacheHoldsStillWork) {
  vault_ = Vault::create(state_, Secret(std::string(32, 's')), 50).value();
  std::vector<Identity> asked;
  for (int i = 0; i < 500; ++i) asked.push_back(openid(fmt::format("o{}", i)));
  const auto hashes = vault_->ensure(asked, kNow).value();
  EXPECT_EQ(vault_->ensure(asked, kNow).value(), hashes);
  for (std::size_t i = 0; i < asked.size(); i += 7) {
    EXPECT_EQ(vault_->unseal(hashes[i], vault_->seal(hashes[i], "x").value()).value(), "x");
  }
}

TEST_F(VaultTest, RevealsTheIdentityAndKnowsItsPartition) {
  const IdentityHash a = ensure("oA");
  EXPECT_EQ(vault_->reveal(a).value(), openid("oA"));
  EXPECT_EQ(vault_->partition(a).value(), partition_of("shop", "openid", "oA"));
  const IdentityHash unknown = vault_->hash(openid("oZ"));
  EXPECT_EQ(vault_->reveal(unknown).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(vault_->seal(unknown, "x").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(vault_->partition(unknown).error().code, ErrorCode::kNotFound);
}

TEST_F(VaultTest, ErasingMakesEverythingSealedUnreadable) {
  const IdentityHash a = ensure("oA");
  const IdentityHash b = ensure("oB");
  const std::string sealed = vault_->seal(a, "text").value();
  const std::string kept = vault_->seal(b, "text").value();
  ASSERT_TRUE(vault_->erase({&a, 1}));
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(vault_->unseal(a, sealed).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(vault_->seal(a, "x").error().code, ErrorCode::kNotFound);
    EXPECT_EQ(vault_->reveal(a).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(vault_->partition(a).value(), partition_of("shop", "openid", "oA"));
    EXPECT_EQ(vault_->unseal(b, kept).value(), "text");
    reopen();
  }
}

TEST_F(VaultTest, WhoComesBackAfterErasureGetsANewKey) {
  const IdentityHash a = ensure("oA");
  const std::string old = vault_->seal(a, "before").value();
  ASSERT_TRUE(vault_->erase({&a, 1}));
  EXPECT_EQ(ensure("oA"), a);
  EXPECT_EQ(vault_->reveal(a).value(), openid("oA"));
  EXPECT_EQ(vault_->unseal(a, old).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(vault_->unseal(a, vault_->seal(a, "after").value()).value(), "after");
}

TEST_F(VaultTest, AnErasedKeyIsNoLongerInTheFile) {
  if (test_server() != nullptr) GTEST_SKIP() << "the state is not a file";
  const IdentityHash a = ensure("oA");
  const auto rows = state_.query("SELECT key_wrapped FROM identity WHERE hash = ?1", {to_blob(a)});
  const std::string wrapped(as_text(rows->rows.at(0).at(0)));
  ASSERT_TRUE(vault_->erase({&a, 1}));
  vault_.reset();
  EXPECT_EQ(bytes_on_disk().find(wrapped), std::string::npos);
}

TEST_F(VaultTest, TheRawValueNeverStandsInTheFile) {
  if (test_server() != nullptr) GTEST_SKIP() << "the state is not a file";
  ensure("oSecretOpenid0123456789");
  vault_.reset();
  const std::string bytes = bytes_on_disk();
  EXPECT_EQ(bytes.find("oSecretOpenid"), std::string::npos);
  EXPECT_NE(bytes.find("openid"), std::string::npos);
}

TEST_F(VaultTest, AnotherSecretIsRefused) {
  ensure("oA");
  const auto other = Vault::create(state_, Secret(std::string(32, 'x')));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(Vault::create(state_, Secret("short")).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(VaultTest, SecretsAreSealedForOnePurpose) {
  const std::string sealed = vault_->seal_secret(Secret("app secret"), "account:shop");
  EXPECT_EQ(vault_->unseal_secret(sealed, "account:shop").value().reveal(), "app secret");
  EXPECT_FALSE(vault_->unseal_secret(sealed, "account:other"));
}

TEST_F(VaultTest, ConcurrentCallersAgreeOnOneKey) {
  constexpr int kThreads = 6;
  std::vector<std::string> sealed(kThreads);
  const Identity same = openid("same");
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        const std::vector<Identity> asked{same, openid(fmt::format("own {}", t))};
        const auto hashes = vault_->ensure(asked, kNow);
        ASSERT_TRUE(hashes) << hashes.error().text();
        sealed[static_cast<std::size_t>(t)] = vault_->seal(hashes->at(0), "x").value();
      });
    }
  }
  reopen();
  for (const std::string& one : sealed) {
    EXPECT_EQ(vault_->unseal(vault_->hash(same), one).value(), "x");
  }
  EXPECT_EQ(as_int(state_.query("SELECT COUNT(*) FROM identity")->rows[0][0]), kThreads + 1);
}

// Ensures and erasures in turns from several threads: whoever gets a sealed text after the last
// ensure must find the key that is in state, never one that lingers in the cache.
TEST_F(VaultTest, NoErasedKeyLingersInTheCache) {
  const IdentityHash a = ensure("oA");
  {
    std::jthread eraser([&] {
      for (int i = 0; i < 15; ++i) EXPECT_TRUE(vault_->erase({&a, 1}));
    });
    std::jthread user([&] {
      for (int i = 0; i < 100; ++i) {
        (void)ensure("oA");
        (void)vault_->seal(a, "x");
      }
    });
  }
  ensure("oA");
  const std::string sealed = vault_->seal(a, "x").value();
  reopen();
  EXPECT_EQ(vault_->unseal(a, sealed).value(), "x");
}

TEST_F(VaultTest, AKeyThatAnotherProcessErasedIsForgottenHereToo) {
  const IdentityHash a = ensure("oA");
  const IdentityHash b = ensure("oB");
  const std::string sealed = vault_->seal(a, "text").value();
  auto other = Vault::create(state_, Secret(std::string(32, 's')));
  ASSERT_TRUE(other);
  ASSERT_TRUE((*other)->erase({&a, 1}));
  EXPECT_TRUE(vault_->unseal(a, sealed)) << "remembered";
  ASSERT_TRUE(vault_->forget_erased());
  EXPECT_EQ(vault_->unseal(a, sealed).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(vault_->seal(b, "text"));
  ensure("oA");
  EXPECT_NE(vault_->unseal(a, sealed).error().code, ErrorCode::kInternal)
      << "a new key, the old text stays shut";
  ASSERT_TRUE(vault_->forget_erased());  // nothing new
  EXPECT_TRUE(vault_->seal(a, "text"));
}

TEST_F(VaultTest, SignaturesDependOnSecretPurposeAndBytes) {
  const std::string one = vault_->sign("bytes", "purpose");
  EXPECT_EQ(one.size(), 32u);
  EXPECT_EQ(vault_->sign("bytes", "purpose"), one);
  EXPECT_NE(vault_->sign("bytes", "another"), one);
  EXPECT_NE(vault_->sign("others", "purpose"), one);
}

}  // namespace
}  // namespace zhiyin::storage
