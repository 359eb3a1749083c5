#include "wechat/token_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>

#include "http/await.h"
#include "wechat/error_table.h"
#include "wechat/fake_platform.h"
#include "wechat/test_store.h"
#include "wechat/token.h"

namespace zhiyin::wechat {
namespace {

constexpr Instant kStart{1'767'225'600'000'000};

/// What the real platform does: at any time one token is in force, a fetch of a classic token ends
/// the last one, a stable one lasts until it is forced.
class TokenPlatform {
 public:
  PlatformAnswer answer(const http::ClientRequest& r) {
    MutexLock lock(mutex_);
    const bool is_stable = r.url.find("stable_token") != std::string::npos;
    const bool forces = r.body.find("force_refresh") != std::string::npos;
    forced_ += forces ? 1 : 0;
    if (!is_stable || forces || number_ == 0) ++number_;
    return answer_token(fmt::format("T{}", number_));
  }
  bool accepts(std::string_view token) {
    MutexLock lock(mutex_);
    return token == fmt::format("T{}", number_);
  }
  int forced() {
    MutexLock lock(mutex_);
    return forced_;
  }

 private:
  Mutex mutex_;
  int number_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  int forced_ ZHIYIN_GUARDED_BY(mutex_) = 0;
};

/// Two processes on one state and one platform: each has its keeper and its store.
class TokenStoreTest : public testing::Test {
 protected:
  TokenStoreTest() {
    platform_.token = [this](const http::ClientRequest& r) { return world_.answer(r); };
  }

  TokenStore::Settings settings(std::string holder) {
    TokenStore::Settings s;
    s.holder = std::move(holder);
    s.now = [this](storage::Session&) -> Result<Instant> { return lease_clock_.now(); };
    s.pause = [this] {
      ++pauses_;
      if (while_waiting_) while_waiting_();
    };
    return s;
  }
  TokenKey key() const { return {account_.id, "settings", Family::kOfficial}; }
  TokenClaim claim(TokenStore& store, std::optional<Secret> rejected = {}) {
    auto claim = store.claim(key(), rejected, clock_.now());
    EXPECT_TRUE(claim) << claim.error().text();
    return claim.value_or(TokenClaim{});
  }
  void pass(Duration d) {
    ASSERT_TRUE(clock_.advance_to(clock_.now() + d));
    ASSERT_TRUE(lease_clock_.advance_to(lease_clock_.now() + d));
  }
  static std::string text(const Outcome<Secret>& token) {
    return token ? token->reveal() : "error: " + token.error().message;
  }
  std::string get(TokenKeeper& keeper) { return text(keeper.get_and_wait(account_)); }
  std::string replace(TokenKeeper& keeper, std::string rejected) {
    return text(keeper.replace_and_wait(account_, Secret(std::move(rejected))));
  }

  TestStore& db_ = TestStore::emptied();
  TokenPlatform world_;
  FakePlatform platform_;
  SteppedClock clock_{kStart};
  SteppedClock lease_clock_{kStart};
  MetricsRegistry metrics_;
  std::atomic<int> pauses_ = 0;
  std::function<void()> while_waiting_;
  TokenStore store_a_{db_.state(), db_.vault(), settings("a")};
  TokenStore store_b_{db_.state(), db_.vault(), settings("b")};
  TokenKeeper a_{platform_, clock_, metrics_, null_logger(), "http://platform.test", &store_a_};
  TokenKeeper b_{platform_, clock_, metrics_, null_logger(), "http://platform.test", &store_b_};
  ApiAccount account_ = test_account();
};

TEST_F(TokenStoreTest, TwoProcessesShareOneTokenAndARestartFetchesNothing) {
  account_.token_kind = TokenKind::kClassic;
  EXPECT_EQ(get(a_), "T1");
  EXPECT_EQ(get(b_), "T1");
  TokenKeeper restarted(platform_, clock_, metrics_, null_logger(), "http://platform.test",
                        &store_a_);
  EXPECT_EQ(get(restarted), "T1");
  EXPECT_EQ(platform_.count("token"), 1U);
  pass(std::chrono::seconds(7200 - 300));  // renewed by who comes first, for both
  EXPECT_EQ(get(b_), "T2");
  EXPECT_EQ(get(a_), "T2");
  EXPECT_EQ(platform_.count("token"), 2U);
}

TEST_F(TokenStoreTest, WhoWantsATokenMeanwhileWaitsForTheOneThatFetches) {
  ASSERT_EQ(claim(store_a_).kind, TokenClaim::Kind::kFetch);
  while_waiting_ = [this] {
    if (pauses_ == 3) {  // `a` comes back with it
      ASSERT_TRUE(store_a_.keep(TokenKey{account_.id, "settings"}, TokenClaim{},
                                {Secret("of a"), std::chrono::hours(2)}, clock_.now()));
    }
  };
  TokenClaim got = claim(store_b_);
  for (; got.kind == TokenClaim::Kind::kWait; got = claim(store_b_)) store_b_.settings().pause();
  EXPECT_EQ(got.kind, TokenClaim::Kind::kTake);
  EXPECT_EQ(got.token.token.reveal(), "of a");
  EXPECT_EQ(pauses_, 3);
}

TEST_F(TokenStoreTest, AProcessThatDiedWhileFetchingIsFollowedWhenItsLeaseEnds) {
  const TokenKey held{account_.id, "x", Family::kOfficial};
  ASSERT_TRUE(store_a_.claim(held, std::nullopt, clock_.now()));
  EXPECT_EQ(store_b_.claim(held, std::nullopt, clock_.now())->kind, TokenClaim::Kind::kWait);
  // The same folder's next process need not wait for itself.
  EXPECT_EQ(store_a_.claim(held, std::nullopt, clock_.now())->kind, TokenClaim::Kind::kFetch);
  pass(store_a_.settings().lease);
  const auto taken = store_b_.claim(held, std::nullopt, clock_.now());
  ASSERT_EQ(taken->kind, TokenClaim::Kind::kFetch);
  EXPECT_TRUE(taken->follows_lost_fetch);
}

TEST_F(TokenStoreTest, ALateResultDoesNotOverwriteANewerOne) {
  const TokenClaim first = claim(store_a_);
  pass(store_a_.settings().lease);
  const TokenClaim second = claim(store_b_);
  ASSERT_EQ(second.kind, TokenClaim::Kind::kFetch);
  const Duration life = std::chrono::hours(2);
  ASSERT_TRUE(store_b_.keep(key(), second, {Secret("newer"), life}, clock_.now()));
  const auto kept = store_a_.keep(key(), first, {Secret("older"), life}, clock_.now());
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->token.reveal(), "newer");
  EXPECT_EQ(claim(store_a_).token.token.reveal(), "newer");
}

TEST_F(TokenStoreTest, WhileAnotherProcessRenewsTheOldTokenServes) {
  EXPECT_EQ(get(a_), "T1");
  EXPECT_EQ(get(b_), "T1");
  pass(std::chrono::seconds(7200 - 299));
  platform_.token = [this](const http::ClientRequest& r) {
    if (platform_.count("token") == 2) {  // `a` is fetching just now
      EXPECT_EQ(get(b_), "T1");
    }
    return world_.answer(r);
  };
  account_.token_kind = TokenKind::kStable;
  EXPECT_EQ(get(a_), "T1");  // the stable token is the same one for a while
  EXPECT_EQ(platform_.count("token"), 2U);
  EXPECT_EQ(pauses_, 0);
}

TEST_F(TokenStoreTest, ManyRefusedCallsOfTwoProcessesForceOnce) {
  ASSERT_EQ(get(a_), "T1");
  ASSERT_EQ(get(b_), "T1");
  while_waiting_ = [] { std::this_thread::yield(); };
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 16; ++i) {
      threads.emplace_back([&, i] { good += replace(i % 2 ? a_ : b_, "T1") == "T2" ? 1 : 0; });
    }
  }
  EXPECT_EQ(good, 16);
  EXPECT_EQ(world_.forced(), 1);
  EXPECT_TRUE(world_.accepts("T2"));
}

TEST_F(TokenStoreTest, ManyRefusedCallsOfTwoProcessesFetchAClassicTokenOnce) {
  account_.token_kind = TokenKind::kClassic;
  ASSERT_EQ(get(a_), "T1");
  ASSERT_EQ(get(b_), "T1");
  while_waiting_ = [] { std::this_thread::yield(); };
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 16; ++i) {
      threads.emplace_back([&, i] { good += replace(i % 2 ? a_ : b_, "T1") == "T2" ? 1 : 0; });
    }
  }
  EXPECT_EQ(good, 16);
  EXPECT_EQ(platform_.count("token"), 2U);
}

TEST_F(TokenStoreTest, TwoProcessesWithConnectionsOfTheirOwnForceOnce) {
  TempFolder folder;
  const auto open = [&] { return storage::open_test_state(folder.path() / "state.db"); };
  const std::unique_ptr<storage::State> states[] = {open(), open()};
  std::vector<storage::Migration> all = storage::migrations();
  for (const storage::Migration& m : migrations()) all.push_back(m);
  std::vector<std::unique_ptr<storage::Vault>> vaults;
  std::vector<std::unique_ptr<TokenStore>> stores;
  std::vector<std::unique_ptr<TokenKeeper>> keepers;
  for (const auto& state : states) {
    ASSERT_TRUE(state->migrate(all));
    vaults.push_back(storage::Vault::create(*state, Secret(std::string(32, 'k'))).value());
    stores.push_back(std::make_unique<TokenStore>(*state, *vaults.back(),
                                                  settings(fmt::format("p{}", stores.size()))));
    keepers.push_back(std::make_unique<TokenKeeper>(platform_, clock_, metrics_, null_logger(),
                                                    "http://platform.test", stores.back().get()));
  }
  // The other one fetches meanwhile, however busy the machine: asked without a pause, the last
  // question would come before its answer.
  while_waiting_ = [] { std::this_thread::sleep_for(std::chrono::milliseconds(5)); };
  std::atomic<int> good{0};
  const auto all_at_once = [&](const std::function<std::string(TokenKeeper&)>& ask,
                               std::string_view expected) {
    good = 0;
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < 8; ++i)
      threads.emplace_back([&, i] { good += ask(*keepers[i % 2]) == expected ? 1 : 0; });
  };
  all_at_once([this](TokenKeeper& k) { return get(k); }, "T1");
  EXPECT_EQ(good, 8);
  all_at_once([this](TokenKeeper& k) { return replace(k, "T1"); }, "T2");
  EXPECT_EQ(good, 8);
  EXPECT_EQ(world_.forced(), 1);
  EXPECT_EQ(platform_.count("token"), 3U);  // the first, one that was the rejected one, the forced
}

TEST_F(TokenStoreTest, ForceIsCountedForAllProcessesAndStaysCounted) {
  ASSERT_EQ(claim(store_a_).kind, TokenClaim::Kind::kFetch);
  Policy policy;
  int allowed = 0;
  for (int i = 0; i < 100; ++i) {
    TokenStore& store = i % 2 ? store_a_ : store_b_;
    const bool may = store.may_force(key(), policy, clock_.now()).value();
    EXPECT_FALSE(store.may_force(key(), policy, clock_.now()).value()) << "at once again";
    allowed += may ? 1 : 0;
    pass(policy.token_force_gap);
  }
  EXPECT_EQ(allowed, 20);
  EXPECT_EQ(store_a_.look(account_.id, policy, clock_.now())->forced_today, 20);
  // Other settings of the account do not make the platform forget.
  ASSERT_TRUE(store_a_.claim({account_.id, "changed", Family::kOfficial}, {}, clock_.now()));
  EXPECT_FALSE(store_a_.may_force(key(), policy, clock_.now()).value());
  pass(kDay);
  EXPECT_TRUE(store_a_.may_force(key(), policy, clock_.now()).value());
}

TEST_F(TokenStoreTest, ARefusedSettingAnswersBothProcessesForHalfAMinute) {
  platform_.token = [](const auto&) {
    return answer_json(R"({"errcode":40164,"errmsg":"invalid ip 1.2.3.4, not in whitelist"})");
  };
  EXPECT_NE(get(a_).find("1.2.3.4"), std::string::npos);
  const auto second = b_.get_and_wait(account_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().errcode, 40164);
  EXPECT_EQ(second.error().code, platform_error(40164).code);
  EXPECT_NE(second.error().message.find("1.2.3.4"), std::string::npos);
  EXPECT_EQ(platform_.count("token"), 1U);
  a_.forget(account_.id);  // somebody looks at it now
  EXPECT_NE(get(a_).find("1.2.3.4"), std::string::npos);
  EXPECT_EQ(platform_.count("token"), 2U);
}

TEST_F(TokenStoreTest, FetchesPauseAsLongAsThePlatformSays) {
  std::size_t fetches = 0;
  for (const auto& [errcode, wait] : {std::pair<int, Duration>{89503, std::chrono::minutes(30)},
                                      std::pair<int, Duration>{89507, std::chrono::hours(1)},
                                      std::pair<int, Duration>{89506, std::chrono::hours(24)}}) {
    platform_.token = [errcode](const auto&) {
      return answer_json(fmt::format(R"({{"errcode":{},"errmsg":"refused"}})", errcode));
    };
    (void)get(a_);
    EXPECT_EQ(platform_.count("token"), ++fetches) << errcode;
    for (int i = 1; i < 10; ++i) {
      pass(wait / 10);
      (void)get(a_);
      (void)get(b_);  // another process
    }
    EXPECT_EQ(platform_.count("token"), fetches) << errcode;
    pass(wait / 10);  // the pause is over for both
    (void)get(b_);
    EXPECT_EQ(platform_.count("token"), ++fetches) << errcode;
    b_.forget(account_.id);  // somebody looks at it now
    (void)get(b_);
    EXPECT_EQ(platform_.count("token"), ++fetches) << errcode;
    pass(wait);
  }
}

class AdsTokenTest : public TokenStoreTest {
 protected:
  AdsTokenTest() {
    account_.token_kind = TokenKind::kAds;
    account_.base_url = "http://ads.test";
    account_.refresh_token = Secret("R0");
    platform_.token = [this](const http::ClientRequest& r) -> PlatformAnswer {
      // Each refresh token serves once.
      if (!r.url.ends_with(fmt::format("refresh_token=R{}", number_)))
        return answer_json(R"({"code":11012,"message_cn":"授权失效"})");
      ++number_;
      return answer_json(fmt::format(
          R"({{"code":0,"data":{{"access_token":"A{0}","access_token_expires_in":86400,)"
          R"("refresh_token":"R{0}","refresh_token_expires_in":2592000}}}})",
          number_));
    };
  }
  int number_ = 0;
};

TEST_F(AdsTokenTest, AReplacedRefreshTokenOutlivesTheProcess) {
  EXPECT_EQ(get(a_), "A1");
  pass(std::chrono::hours(24));
  TokenKeeper restarted(platform_, clock_, metrics_, null_logger(), "", &store_a_);
  EXPECT_EQ(get(restarted), "A2");
  pass(std::chrono::hours(24));
  EXPECT_EQ(get(b_), "A3");
  const auto state = store_a_.look(account_.id, account_.policy, clock_.now());
  EXPECT_EQ(*state->refresh_expires_at, clock_.now() + std::chrono::days(30));
}

TEST_F(AdsTokenTest, ANewAuthorisationReplacesWhatWasKept) {
  EXPECT_EQ(get(a_), "A1");
  number_ = 7;
  account_.refresh_token = Secret("R7");
  EXPECT_EQ(get(a_), "A8");
  EXPECT_EQ(get(b_), "A8");
}

TEST_F(AdsTokenTest, ARefreshTokenLostOnTheWayIsNamedAsTheCause) {
  EXPECT_EQ(get(a_), "A1");
  pass(std::chrono::hours(24));
  // A process asks, the platform replaces the token, and the process dies before it has it.
  ASSERT_TRUE(db_.state().write([](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("UPDATE access_token SET holder = 'dead', lease_until = 1"));
    return {};
  }));
  ++number_;
  EXPECT_NE(get(b_).find("请重新授权"), std::string::npos);
}

TEST_F(TokenStoreTest, SecretsAreSealedAndBoundToTheirAccount) {
  EXPECT_EQ(get(a_), "T1");
  const auto rows = db_.state().query("SELECT token FROM access_token");
  ASSERT_TRUE(rows);
  EXPECT_EQ(storage::as_text(rows->rows.at(0).at(0)).find("T1"), std::string_view::npos);
  ASSERT_TRUE(db_.state().write([](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("UPDATE access_token SET account = 'other'"));
    return {};
  }));
  EXPECT_FALSE(store_a_.look(AccountId("other"), {}, clock_.now()));
}

TEST_F(TokenStoreTest, CoroutinesUseTheStoreWithoutBlockingTheirThread) {
  boost::asio::io_context context;
  int good = 0;
  const auto ask = [&](TokenKeeper& keeper) -> http::Task<void> {
    Outcome<Secret> token = co_await keeper.get(account_);
    if (token && token->reveal() == "T1") ++good;
  };
  for (int i = 0; i < 20; ++i) {
    boost::asio::co_spawn(context, ask(a_), boost::asio::detached);
    boost::asio::co_spawn(context, ask(b_), boost::asio::detached);
  }
  context.run();
  EXPECT_EQ(good, 40);
  EXPECT_EQ(platform_.count("token"), 1U);
}

}  // namespace
}  // namespace zhiyin::wechat
