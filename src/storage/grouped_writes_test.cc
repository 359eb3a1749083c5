#include "storage/grouped_writes.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

#include "base/file.h"
#include "storage/sqlite_state.h"

namespace zhiyin::storage {
namespace {

class GroupedWritesTest : public testing::Test {
 protected:
  GroupedWritesTest() {
    constexpr Migration kTable[] = {
        {"test-001-note", "CREATE TABLE note (id BIGINT PRIMARY KEY, text TEXT NOT NULL)"}};
    EXPECT_TRUE(state_->migrate(kTable));
  }
  static Result<void> note(Session& session, std::int64_t id) {
    ZHIYIN_TRY_VOID(session.execute("INSERT INTO note (id, text) VALUES (?1, 'x')", {id}));
    return {};
  }
  std::int64_t notes() { return as_int(state_->query("SELECT count(*) FROM note")->rows[0][0]); }

  TempFolder folder_;
  std::unique_ptr<State> state_ = open_sqlite_state(folder_.path() / "state.db").value();
  GroupedWrites writes_{*state_};
};

TEST_F(GroupedWritesTest, WhoWaitsForAnotherGoesWithTheNext) {
  constexpr int kThreads = 20;
  std::latch first_is_in(1);
  std::vector<std::jthread> threads;
  threads.emplace_back([&] {
    EXPECT_TRUE(writes_.write([&](Session& session) -> Result<void> {
      first_is_in.count_down();
      while (writes_.waiting() < kThreads) std::this_thread::yield();
      return note(session, 0);
    }));
  });
  first_is_in.wait();
  for (int i = 1; i <= kThreads; ++i) {
    threads.emplace_back(
        [&, i] { EXPECT_TRUE(writes_.write([i](Session& session) { return note(session, i); })); });
  }
  threads.clear();
  EXPECT_EQ(notes(), kThreads + 1);
  EXPECT_EQ(writes_.groups(), 2U);
}

TEST_F(GroupedWritesTest, AWorkThatFailsIsUndoneAlone) {
  std::latch first_is_in(1);
  std::vector<std::jthread> threads;
  threads.emplace_back([&] {
    EXPECT_TRUE(writes_.write([&](Session& session) -> Result<void> {
      first_is_in.count_down();
      while (writes_.waiting() < 10) std::this_thread::yield();
      return note(session, 0);
    }));
  });
  first_is_in.wait();
  std::atomic<int> failed{0};
  for (int i = 1; i <= 10; ++i) {
    threads.emplace_back([&, i] {
      const auto done = writes_.write([i](Session& session) -> Result<void> {
        ZHIYIN_TRY_VOID(note(session, i));
        // Half of them break a rule of the table, some give up by themselves.
        if (i % 2 == 0) return note(session, i);
        if (i == 5) return fail(ErrorCode::kLimitReached, "enough");
        return {};
      });
      failed += done ? 0 : 1;
      if (i == 5) {
        EXPECT_EQ(done.error().code, ErrorCode::kLimitReached);
      }
      if (i == 4) {
        EXPECT_EQ(done.error().code, ErrorCode::kConflict);
      }
    });
  }
  threads.clear();
  EXPECT_EQ(writes_.groups(), 2U) << "then one by one";
  EXPECT_EQ(failed, 6);
  EXPECT_EQ(notes(), 5);  // 0, 1, 3, 7, 9
}

TEST_F(GroupedWritesTest, AGroupHasAtMostAsManyWorksAsItMay) {
  GroupedWrites pairs(*state_, {}, 2);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 9; ++i) {
    threads.emplace_back(
        [&, i] { EXPECT_TRUE(pairs.write([i](Session& session) { return note(session, i); })); });
  }
  threads.clear();
  EXPECT_EQ(notes(), 9);
  EXPECT_GE(pairs.groups(), 5U);
}

}  // namespace
}  // namespace zhiyin::storage
