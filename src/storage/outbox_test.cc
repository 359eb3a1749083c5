#include "storage/outbox.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "base/file.h"
#include "storage/detail/unsynced.h"
#include "storage/event_log_contract.h"
#include "storage/migrations.h"
#include "storage/sqlite_event_log.h"
#include "storage/sqlite_state.h"

namespace zhiyin::storage {
namespace {

/// A state whose next writes fail, as in a process that dies after the append and before the
/// deletion.
class FailingState final : public State {
 public:
  explicit FailingState(State& inner) : inner_(inner) {}
  Result<void> write(const std::function<Result<void>(Session&)>&) override {
    return fail(ErrorCode::kUnavailable, "test: died");
  }
  Result<void> read(const std::function<Result<void>(Session&)>& work) override {
    return inner_.read(work);
  }
  Result<void> migrate(std::span<const Migration>) override { return {}; }
  Result<std::string> identity() override { return inner_.identity(); }

 private:
  State& inner_;
};

class OutboxTest : public ::testing::Test {
 protected:
  OutboxTest()
      : log_(detail::open_unsynced_log(folder_.path() / "log.db", disk_)),
        state_(detail::open_unsynced_state(folder_.path() / "state.db", disk_)) {
    EXPECT_TRUE(state_->migrate(migrations()));
  }
  Result<void> put(int first, int count, Stream stream = Stream::kEvents) {
    return state_->write([&](Session& session) -> Result<void> {
      for (int i = first; i < first + count; ++i) {
        ZHIYIN_TRY_VOID(Outbox::put(session, stream, record(i % 2, std::to_string(i))));
      }
      return {};
    });
  }
  TempFolder folder_;
  detail::FaultyDisk disk_;
  std::unique_ptr<EventLog> log_;
  std::unique_ptr<State> state_;
};

TEST_F(OutboxTest, MovesWhatWaitsInOrder) {
  ASSERT_TRUE(put(0, 4));
  EXPECT_TRUE(read_all(*log_, Stream::kEvents).empty());
  EXPECT_EQ(Outbox::relay(*state_, *log_).value(), 4U);
  ASSERT_TRUE(put(4, 2500));
  EXPECT_EQ(Outbox::relay(*state_, *log_).value(), 2500U);
  EXPECT_EQ(Outbox::relay(*state_, *log_).value(), 0U);
  const auto all = texts(read_all(*log_, Stream::kEvents));
  ASSERT_EQ(all.size(), 2504U);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i], std::to_string(i));
}

TEST_F(OutboxTest, ARolledBackTransactionReportsNothing) {
  EXPECT_FALSE(state_->write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(Outbox::put(session, Stream::kEvents, record(0, "never")));
    return fail(ErrorCode::kConflict, "test: undone");
  }));
  EXPECT_EQ(Outbox::relay(*state_, *log_).value(), 0U);
}

TEST_F(OutboxTest, AfterACrashItRepeatsAndLosesNothing) {
  ASSERT_TRUE(put(0, 3));
  FailingState dying(*state_);
  EXPECT_FALSE(Outbox::relay(dying, *log_));
  ASSERT_TRUE(put(3, 1));
  EXPECT_EQ(Outbox::relay(*state_, *log_).value(), 4U);
  EXPECT_EQ(texts(read_all(*log_, Stream::kEvents)),
            (std::vector<std::string>{"0", "1", "2", "0", "1", "2", "3"}));
}

TEST_F(OutboxTest, ServesBothStreamsAndRefusesBadRecords) {
  ASSERT_TRUE(put(0, 1));
  ASSERT_TRUE(put(1, 1, Stream::kImpressions));
  EXPECT_EQ(Outbox::relay(*state_, *log_).value(), 2U);
  EXPECT_EQ(texts(read_all(*log_, Stream::kImpressions)), std::vector<std::string>{"1"});
  const auto outcome = state_->write(
      [&](Session& session) { return Outbox::put(session, Stream::kEvents, record(64, "x")); });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kInvalidArgument);
}

/// A state that lets something happen before a write.
class InterruptedState final : public State {
 public:
  explicit InterruptedState(State& inner) : inner_(inner) {}
  std::function<void()> before = [] {};
  Result<void> write(const std::function<Result<void>(Session&)>& work) override {
    std::exchange(before, [] {})();
    return inner_.write(work);
  }
  Result<void> read(const std::function<Result<void>(Session&)>& work) override {
    return inner_.read(work);
  }
  Result<void> migrate(std::span<const Migration>) override { return {}; }
  Result<std::string> identity() override { return inner_.identity(); }

 private:
  State& inner_;
};

TEST_F(OutboxTest, ARelayThatWasSuspendedDeletesNothingThatItHasNotMoved) {
  ASSERT_TRUE(put(0, 3));
  InterruptedState suspended(*state_);
  suspended.before = [&] {  // after its append: another process moves all, and more comes
    EXPECT_EQ(Outbox::relay(*state_, *log_).value(), 3U);
    ASSERT_TRUE(put(3, 4));
  };
  EXPECT_TRUE(Outbox::relay(suspended, *log_));
  EXPECT_EQ(Outbox::relay(*state_, *log_).value_or(0), 4U);
  std::set<std::string> all;
  for (const std::string& text : texts(read_all(*log_, Stream::kEvents))) all.insert(text);
  EXPECT_EQ(all.size(), 7U) << "duplicates are dropped behind the log, nothing is lost";
}

}  // namespace
}  // namespace zhiyin::storage
