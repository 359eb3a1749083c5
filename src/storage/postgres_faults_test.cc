// What the state does when the wire to its server misbehaves. Needs a server:
// tests/servers/postgres.sh with storage_test
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "storage/detail/tcp_proxy.h"
#include "storage/postgres_state.h"
#include "storage/testing.h"

namespace zhiyin::storage {
namespace {

using detail::TcpProxy;
using std::chrono::milliseconds;

class PostgresFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    if (test_server() == nullptr) GTEST_SKIP() << "no server: POSTGRES_URL is not set";
    direct_url_ = test_server_url(folder_.path() / "state");
    const std::size_t host = direct_url_.find("127.0.0.1:");
    ASSERT_NE(host, std::string::npos);
    const std::size_t from = host + 10;
    const std::size_t to = direct_url_.find('/', from);
    proxy_.emplace(std::stoi(direct_url_.substr(from, to - from)));
    url_ = direct_url_;
    url_.replace(from, to - from, std::to_string(proxy_->port()));
    direct_ = open_postgres_state(direct_url_).value();
    ASSERT_TRUE(direct_->migrate({&kThing, 1}));
    state_ = open_postgres_state(url_, settings()).value();
    ASSERT_TRUE(state_->migrate({&kThing, 1}));
  }
  static PostgresStateSettings settings() {
    PostgresStateSettings out;
    out.connect = milliseconds(2'000);
    out.statement = milliseconds(300);
    out.pool = milliseconds(2'000);
    out.decide = milliseconds(8'000);
    return out;
  }
  Result<void> put(const std::string& name) {
    return state_->write([&](Session& session) -> Result<void> {
      ZHIYIN_TRY_VOID(session.execute("INSERT INTO thing(name) VALUES(?1)", {name}));
      return {};
    });
  }
  std::int64_t stored(const std::string& name) {
    const auto rows = direct_->query("SELECT COUNT(*) FROM thing WHERE name = ?1", {name});
    EXPECT_TRUE(rows) << rows.error().text();
    return rows ? as_int(rows->rows.at(0).at(0)) : -1;
  }

  void end_all_connections() {
    auto server = detail::PostgresConnection::open(direct_url_, milliseconds(2'000)).value();
    EXPECT_TRUE(
        server->run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                    "pid <> pg_backend_pid() AND datname = current_database()"));
  }

  static constexpr Migration kThing{"test-001", "CREATE TABLE thing(name TEXT PRIMARY KEY)"};
  TempFolder folder_;
  std::string direct_url_;
  std::string url_;
  std::optional<TcpProxy> proxy_;
  std::unique_ptr<State> direct_;
  std::unique_ptr<State> state_;
};

TEST_F(PostgresFaults, ACommitWhoseAnswerIsLostIsFoundToHaveHappened) {
  ASSERT_TRUE(put("before"));
  proxy_->when_client_says("COMMIT", TcpProxy::Verdict::kForwardAndCut);
  const auto outcome = put("a");
  EXPECT_TRUE(outcome) << outcome.error().text();
  EXPECT_EQ(stored("a"), 1);
  EXPECT_TRUE(put("after"));
}

TEST_F(PostgresFaults, ACommitThatNeverArrivedIsFoundNotToHaveHappened) {
  ASSERT_TRUE(put("before"));
  proxy_->when_client_says("COMMIT", TcpProxy::Verdict::kDropAndCut);
  const auto outcome = put("a");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(stored("a"), 0);
  EXPECT_TRUE(put("a"));
}

TEST_F(PostgresFaults, ACommitThatArrivesAfterTheAnswerWasGivenIsRefused) {
  ASSERT_TRUE(put("before"));
  proxy_->when_client_says("COMMIT", TcpProxy::Verdict::kDropAndHold);
  const auto outcome = put("a");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kUnavailable);
  proxy_->release_held();
  // Its row is locked by nobody and stays free: the late commit came to nothing.
  EXPECT_TRUE(put("a"));
  EXPECT_EQ(stored("a"), 1);
  EXPECT_EQ(as_int(direct_->query("SELECT COUNT(*) FROM write_mark WHERE fence")->rows[0][0]), 1);
}

TEST_F(PostgresFaults, ATransactionThatLosesItsConnectionChangesNothing) {
  proxy_->when_client_says("INSERT INTO thing", TcpProxy::Verdict::kDropAndCut);
  const auto outcome = put("a");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(stored("a"), 0);
}

TEST_F(PostgresFaults, ConnectionsFromBeforeARestartAreReplacedUnnoticed) {
  ASSERT_TRUE(put("before"));
  ASSERT_TRUE(state_->query("SELECT 1"));
  end_all_connections();
  EXPECT_TRUE(put("after"));
  EXPECT_TRUE(state_->query("SELECT 1"));
  EXPECT_TRUE(state_->read([](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.query("SELECT 1"));
    return {};
  }));
}

TEST_F(PostgresFaults, AStalledNetworkIsAnErrorInTimeAndHealsByItself) {
  auto quick = settings();
  quick.decide = milliseconds(500);
  state_ = open_postgres_state(url_, quick).value();
  ASSERT_TRUE(state_->migrate({&kThing, 1}));
  ASSERT_TRUE(put("before"));
  ASSERT_TRUE(state_->query("SELECT 1"));
  proxy_->stall(true);
  const auto begun = std::chrono::steady_clock::now();
  const auto outcome = put("a");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(20));
  proxy_->stall(false);
  EXPECT_TRUE(put("b"));
  EXPECT_EQ(stored("b"), 1);
}

TEST_F(PostgresFaults, WhatCannotBeFoundOutIsCalledUnknown) {
  auto quick = settings();
  quick.decide = milliseconds(100);
  state_ = open_postgres_state(url_, quick).value();
  ASSERT_TRUE(state_->migrate({&kThing, 1}));
  proxy_->when_client_says("COMMIT", TcpProxy::Verdict::kForwardAndCut);
  const auto outcome = state_->write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("INSERT INTO thing(name) VALUES('a')"));
    // From the next connection on nothing answers.
    proxy_->stall_new();
    return {};
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kDeadline);
  EXPECT_THAT(outcome.error().message, testing::HasSubstr("unknown"));
}

TEST_F(PostgresFaults, AnotherDatabaseInThePlaceOfTheOldOneIsRefused) {
  ASSERT_TRUE(put("before"));
  ASSERT_TRUE(direct_->write([](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("UPDATE state_identity SET id = 'somebody else'"));
    return {};
  }));
  end_all_connections();
  for (const Result<void>& outcome : {put("a"), [&]() -> Result<void> {
                                        ZHIYIN_TRY_VOID(state_->query("SELECT 1"));
                                        return {};
                                      }()}) {
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::kDataLoss);
  }
}

}  // namespace
}  // namespace zhiyin::storage
