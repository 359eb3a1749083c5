#include "storage/projection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>

#include "base/file.h"
#include "storage/detail/unsynced.h"
#include "storage/migrations.h"
#include "storage/sqlite_event_log.h"
#include "storage/sqlite_state.h"

namespace zhiyin::storage {
namespace {

/// Counts records and keeps their bytes in order, in state.
class Counting final : public Projection {
 public:
  std::function<Result<void>()> before = [] { return Result<void>(); };
  std::function<Result<void>()> after = [] { return Result<void>(); };

  [[nodiscard]] std::string_view name() const override { return "counting"; }
  Result<void> apply(Session& session, std::span<const StoredRecord> batch) override {
    ZHIYIN_TRY_VOID(before());
    for (const StoredRecord& r : batch) {
      ZHIYIN_TRY_VOID(session.execute("INSERT INTO seen(n, bytes) SELECT COUNT(*), ?1 FROM seen",
                                      {std::string(r.bytes)}));
    }
    return after();
  }
};

class ProjectionRunnerTest : public ::testing::Test {
 protected:
  ProjectionRunnerTest()
      : log_(detail::open_unsynced_log(folder_.path() / "log.db", disk_)),
        state_(detail::open_unsynced_state(folder_.path() / "state.db", disk_)) {
    auto all = migrations();
    all.push_back({"test-001", "CREATE TABLE seen(n BIGINT PRIMARY KEY, bytes TEXT)"});
    const auto outcome = state_->migrate(all);
    EXPECT_TRUE(outcome) << outcome.error().text();
  }
  void append(int first, int count) {
    std::vector<NewRecord> records;
    for (int i = first; i < first + count; ++i) records.push_back({i % 5, std::to_string(i)});
    ASSERT_TRUE(log_->append_and_wait(Stream::kEvents, std::move(records)));
  }
  std::unique_ptr<ProjectionRunner> runner(std::size_t batch_max = 7) {
    return std::make_unique<ProjectionRunner>(
        *log_, *state_, projection_, null_logger(),
        ProjectionRunner::Settings{Stream::kEvents, batch_max});
  }
  /// Exactly 0, 1, … count-1, each once, in order.
  void expect_seen(int count) {
    const auto rows = state_->query("SELECT bytes FROM seen ORDER BY n");
    ASSERT_TRUE(rows);
    ASSERT_EQ(rows->rows.size(), static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
      EXPECT_EQ(as_text(rows->rows[static_cast<std::size_t>(i)][0]), std::to_string(i));
    }
  }

  TempFolder folder_;
  detail::FaultyDisk disk_;
  std::unique_ptr<EventLog> log_;
  std::unique_ptr<State> state_;
  Counting projection_;
};

TEST_F(ProjectionRunnerTest, AppliesEverythingInOrderOnTheCallersThread) {
  append(0, 20);
  const auto one = runner();
  ASSERT_TRUE(one->catch_up());
  expect_seen(20);
  EXPECT_EQ(one->lag(), 0);
  append(20, 3);
  EXPECT_EQ(one->lag(), 3);
  ASSERT_TRUE(one->catch_up());
  expect_seen(23);
}

/// Does with each batch what it was prepared for, and nothing else.
class Preparing final : public Projection {
 public:
  struct Bytes final : Prepared {
    std::vector<std::string> texts;
  };
  std::atomic<int> prepared = 0;
  int used = 0;
  int unprepared = 0;
  std::function<Result<void>()> before = [] { return Result<void>(); };

  [[nodiscard]] std::string_view name() const override { return "preparing"; }
  [[nodiscard]] std::unique_ptr<Prepared> prepare(std::span<const StoredRecord> batch) override {
    auto made = std::make_unique<Bytes>();
    for (const StoredRecord& r : batch) made->texts.emplace_back(r.bytes);
    ++prepared;
    return made;
  }
  Result<void> apply(Session& session, std::span<const StoredRecord> batch) override {
    ++unprepared;
    std::vector<std::string> texts;
    for (const StoredRecord& r : batch) texts.emplace_back(r.bytes);
    return keep(session, texts);
  }
  Result<void> apply_prepared(Session& session, std::span<const StoredRecord>,
                              Prepared& made) override {
    ++used;
    return keep(session, static_cast<Bytes&>(made).texts);
  }

 private:
  Result<void> keep(Session& session, const std::vector<std::string>& texts) {
    ZHIYIN_TRY_VOID(before());
    for (const std::string& text : texts) {
      ZHIYIN_TRY_VOID(
          session.execute("INSERT INTO seen(n, bytes) SELECT COUNT(*), ?1 FROM seen", {text}));
    }
    return {};
  }
};

TEST_F(ProjectionRunnerTest, WhileItIsBehindTheNextBatchIsPreparedBesideTheOneAtHand) {
  append(0, 100);
  Preparing preparing;
  ProjectionRunner one(*log_, *state_, preparing, null_logger(),
                       ProjectionRunner::Settings{Stream::kEvents, 7});
  ASSERT_TRUE(one.catch_up());
  expect_seen(100);
  EXPECT_EQ(preparing.unprepared, 2) << "the first, and the last, which is short";
  EXPECT_EQ(preparing.used, 13);
}

TEST_F(ProjectionRunnerTest, WhatWasPreparedIsForItsOwnBatchWhateverFails) {
  append(0, 30);
  Preparing preparing;
  int calls = 0;
  preparing.before = [&]() -> Result<void> {
    if (++calls % 3 == 0) return fail(ErrorCode::kUnavailable, "now and then");
    return {};
  };
  ProjectionRunner one(*log_, *state_, preparing, null_logger(),
                       ProjectionRunner::Settings{Stream::kEvents, 7});
  for (int i = 0; i < 100 && !one.catch_up(); ++i) append(30 + i, 1);
  EXPECT_GT(preparing.used, 0);
  const auto rows = state_->query("SELECT bytes FROM seen ORDER BY n");
  ASSERT_TRUE(rows);
  expect_seen(static_cast<int>(rows->rows.size()));
  EXPECT_GE(rows->rows.size(), 30u);
  EXPECT_EQ(one.lag(), 0);
}

TEST_F(ProjectionRunnerTest, GoesOnWhereAnEarlierProcessStopped) {
  append(0, 20);
  ASSERT_TRUE(runner()->catch_up());
  append(20, 5);
  const auto next = runner();
  ASSERT_TRUE(next->catch_up());
  expect_seen(25);
}

TEST_F(ProjectionRunnerTest, AFailedBatchLeavesNothingAndIsRepeated) {
  append(0, 20);
  int batches = 0;
  projection_.after = [&]() -> Result<void> {
    if (++batches == 2) return fail(ErrorCode::kUnavailable, "test: not now");
    return {};
  };
  const auto one = runner();
  const auto outcome = one->catch_up();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kUnavailable);
  expect_seen(7);
  ASSERT_TRUE(one->catch_up());
  expect_seen(20);
}

/// Fails for some records; keeps what was refused, in state.
class Picky final : public Projection {
 public:
  std::function<Result<void>(const StoredRecord&)> judge;
  [[nodiscard]] std::string_view name() const override { return "picky"; }
  Result<void> apply(Session& session, std::span<const StoredRecord> batch) override {
    ++transactions;
    for (const StoredRecord& r : batch) {
      ZHIYIN_TRY_VOID(session.execute("INSERT INTO seen(n, bytes) SELECT COUNT(*), ?1 FROM seen",
                                      {std::string(r.bytes)}));
      ZHIYIN_TRY_VOID(judge(r));
    }
    return {};
  }
  Result<void> refuse(Session& session, const StoredRecord& record, const Error& why) override {
    ZHIYIN_TRY_VOID(session.execute("INSERT INTO seen(n, bytes) SELECT COUNT(*), ?1 FROM seen",
                                    {fmt::format("refused {}: {}", record.bytes, why.message)}));
    return {};
  }
  int transactions = 0;
};

class PoisonTest : public ProjectionRunnerTest {
 protected:
  PoisonTest()
      : runner_(*log_, *state_, picky_, null_logger(),
                ProjectionRunner::Settings{Stream::kEvents, 100}) {}
  std::vector<std::string> seen() {
    std::vector<std::string> out;
    const auto rows = state_->query("SELECT bytes FROM seen ORDER BY n");
    for (const Row& row : rows->rows) {
      out.emplace_back(as_text(row[0]));
    }
    return out;
  }
  Picky picky_;
  ProjectionRunner runner_;
};

TEST_F(PoisonTest, ARecordThatNeverDoesIsRefusedAndTheRestGoesOnInOrder) {
  append(0, 40);
  picky_.judge = [](const StoredRecord& r) -> Result<void> {
    if (r.bytes == "7" || r.bytes == "39") return fail(ErrorCode::kInvalidArgument, "poison");
    if (r.bytes == "20") throw std::out_of_range("poison of another kind");
    return {};
  };
  ASSERT_TRUE(runner_.catch_up());
  std::vector<std::string> expected;
  for (int i = 0; i < 40; ++i) expected.push_back(std::to_string(i));
  expected[7] = "refused 7: poison";
  expected[20] = "refused 20: projection picky: poison of another kind";
  expected[39] = "refused 39: poison";
  EXPECT_EQ(seen(), expected);
  EXPECT_EQ(runner_.refused(), 3);
  EXPECT_EQ(runner_.lag(), 0);
  append(40, 1);
  ASSERT_TRUE(runner_.catch_up());
  EXPECT_EQ(seen().size(), 41u);
}

TEST_F(PoisonTest, AFailingStoreRefusesNothing) {
  append(0, 10);
  for (const ErrorCode code :
       {ErrorCode::kUnavailable, ErrorCode::kDeadline, ErrorCode::kDataLoss,
        ErrorCode::kPermissionDenied, ErrorCode::kUnsupported, ErrorCode::kInternal}) {
    picky_.transactions = 0;
    picky_.judge = [&](const StoredRecord&) -> Result<void> { return fail(code, "store"); };
    const auto outcome = runner_.catch_up();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, code);
    EXPECT_EQ(picky_.transactions, 1);
    EXPECT_TRUE(seen().empty());
  }
  EXPECT_EQ(runner_.refused(), 0);
}

TEST_F(PoisonTest, AnErrorThatPassesCostsNobodyTheirEvent) {
  append(0, 1);
  int failures = 2;
  picky_.judge = [&](const StoredRecord&) -> Result<void> {
    if (failures-- > 0) return fail(ErrorCode::kConflict, "taken at this moment");
    return {};
  };
  ASSERT_TRUE(runner_.catch_up());
  EXPECT_EQ(seen(), std::vector<std::string>{"0"});
}

TEST_F(PoisonTest, WhenNothingDoesItIsNotTheRecords) {
  constexpr auto kMax = static_cast<int>(ProjectionRunner::kRefusedInARowMax);
  append(0, kMax + 50);
  picky_.judge = [&](const StoredRecord&) -> Result<void> {
    return fail(ErrorCode::kInvalidArgument, "no such table");
  };
  const auto outcome = runner_.catch_up();
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message, ::testing::HasSubstr("no such table"));
  EXPECT_EQ(runner_.refused(), kMax);
  picky_.judge = [](const StoredRecord&) { return Result<void>(); };
  ASSERT_TRUE(runner_.catch_up());
  EXPECT_EQ(seen().size(), static_cast<std::size_t>(kMax) + 50);
  EXPECT_EQ(runner_.lag(), 0);
}

TEST_F(ProjectionRunnerTest, ARecordIsNotGivenUpByAProjectionThatDoesNotSayWhereItGoes) {
  append(0, 5);
  bool failing = true;
  projection_.after = [&]() -> Result<void> {
    if (failing) return fail(ErrorCode::kInvalidArgument, "no");
    return {};
  };
  const auto one = runner();
  ASSERT_FALSE(one->catch_up());
  expect_seen(0);
  failing = false;
  ASSERT_TRUE(one->catch_up());
  expect_seen(5);
}

TEST_F(ProjectionRunnerTest, RunsOnItsOwnThreadAndIsWoken) {
  const auto one = runner();
  log_->set_wake([&](Stream) { one->wake(); });
  append(0, 10);
  one->start();
  ASSERT_TRUE(one->catch_up());
  expect_seen(10);
  append(10, 10);
  ASSERT_TRUE(one->catch_up());
  expect_seen(20);
  one->stop();
  append(20, 1);
  expect_seen(20);
  log_->set_wake(nullptr);
}

TEST_F(ProjectionRunnerTest, AWakeAloneIsEnough) {
  std::promise<void> applied;
  projection_.before = [&]() -> Result<void> {
    applied.set_value();
    return {};
  };
  const auto one = runner();
  log_->set_wake([&](Stream) { one->wake(); });
  one->start();
  append(0, 1);
  EXPECT_EQ(applied.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  one->stop();
  log_->set_wake(nullptr);
  expect_seen(1);
}

TEST_F(ProjectionRunnerTest, NothingIsAppliedWhileHeldBack) {
  append(0, 10);
  const auto one = runner();
  one->hold(true);
  EXPECT_FALSE(one->catch_up());
  one->start();
  const auto outcome = one->catch_up();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kUnavailable);
  expect_seen(0);
  one->hold(false);
  ASSERT_TRUE(one->catch_up());
  expect_seen(10);
}

TEST_F(ProjectionRunnerTest, TheThreadReportsAFailureAndTriesAgain) {
  append(0, 10);
  std::atomic<int> attempts = 0;
  projection_.before = [&]() -> Result<void> {
    if (++attempts == 1) return fail(ErrorCode::kUnavailable, "test: attempt {}", attempts.load());
    return {};
  };
  const auto one = runner();
  one->hold(true);
  one->start();
  one->hold(false);
  auto outcome = one->catch_up();
  while (!outcome) {
    EXPECT_THAT(outcome.error().message, testing::HasSubstr("attempt"));
    outcome = one->catch_up();
  }
  expect_seen(10);
  EXPECT_EQ(attempts, 3);  // one failure, two batches
}

TEST_F(ProjectionRunnerTest, PositionsAreSavedPerConsumerAndStream) {
  Positions a{};
  a[0] = 5;
  a[63] = 9;
  ASSERT_TRUE(state_->write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(save_positions(session, "x", Stream::kEvents, a));
    a[1] = 2;
    return save_positions(session, "x", Stream::kEvents, a);
  }));
  ASSERT_TRUE(state_->read([&](Session& session) -> Result<void> {
    EXPECT_EQ(load_positions(session, "x", Stream::kEvents).value(), a);
    EXPECT_EQ(load_positions(session, "x", Stream::kImpressions).value(), Positions{});
    EXPECT_EQ(load_positions(session, "y", Stream::kEvents).value(), Positions{});
    return {};
  }));
}

}  // namespace
}  // namespace zhiyin::storage
