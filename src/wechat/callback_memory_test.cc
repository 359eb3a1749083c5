#include "wechat/callback_memory.h"

#include <gtest/gtest.h>

#include "wechat/test_store.h"

namespace zhiyin::wechat {
namespace {

const Instant kNow{1'767'225'600LL * 1'000'000};

Callback callback(std::string occurrence, std::string request = "r1") {
  Callback c;
  c.account = AccountId("shop");
  c.kind = CallbackKind::kText;
  c.from_openid = "oAlice";
  c.dedup_key = std::move(occurrence);
  c.request_key = std::move(request);
  return c;
}

Reply text(std::string words) {
  Reply reply;
  reply.type = ReplyType::kText;
  reply.text = std::move(words);
  return reply;
}

class CallbackMemoryTest : public testing::Test {
 protected:
  using Standing = CallbackMemory::Standing;
  Standing take(const Callback& c) { return memory_->take(c, given_); }
  std::int64_t rows() {
    return storage::as_int(store_.state().query("SELECT count(*) FROM callback_seen")->rows[0][0]);
  }

  TestStore& store_ = TestStore::emptied();
  CallbackStore seen_{store_.state(), store_.vault()};
  GivenAnswer given_;
  std::optional<CallbackMemory> memory_{std::in_place, seen_, null_logger(),
                                        CallbackMemory::Settings{.gather_for = Duration{0}}};
};

TEST_F(CallbackMemoryTest, WhoComesMeanwhileWaitsAndGetsTheSameAnswer) {
  const Callback first = callback("a", "r1");
  ASSERT_EQ(take(first), Standing::kTaken);
  EXPECT_EQ(take(callback("a", "r2")), Standing::kBusy);
  EXPECT_EQ(take(callback("b", "r3")), Standing::kTaken);
  int again = 0;
  memory_->wait(first, [&] { ++again; });
  EXPECT_EQ(again, 0);
  memory_->answered({&first, text("hello"), "keyword"}, kNow);
  EXPECT_EQ(again, 1);
  memory_->settle();
  EXPECT_EQ(seen_.find(first).value()->reply.text, "hello");
  EXPECT_EQ(seen_.find(first).value()->at, kNow);
}

TEST_F(CallbackMemoryTest, AnswersAreKnownBeforeTheyAreWritten) {
  memory_.emplace(seen_, null_logger(),
                  CallbackMemory::Settings{.gather_for = std::chrono::hours(1)});
  const Callback c = callback("a");
  ASSERT_EQ(take(c), Standing::kTaken);
  memory_->answered({&c, text("hello"), "keyword"}, kNow);
  EXPECT_EQ(rows(), 0);
  ASSERT_EQ(take(callback("a", "r2")), Standing::kAnswered);
  EXPECT_EQ(given_.reply.text, "hello");
  memory_.reset();  // writes what is left, however long it would have waited
  EXPECT_EQ(rows(), 1);
}

TEST_F(CallbackMemoryTest, AnAddressBelongsToOneOccurrenceUnlessItsSignatureCoversTheBody) {
  ASSERT_EQ(take(callback("a", "r1")), Standing::kTaken);
  EXPECT_EQ(take(callback("b", "r1")), Standing::kBusy);
  EXPECT_EQ(take(callback("c", "")), Standing::kTaken);
  EXPECT_EQ(take(callback("d", "")), Standing::kTaken);
}

TEST_F(CallbackMemoryTest, WhatIsReleasedCanBeTakenAgain) {
  const Callback c = callback("a");
  ASSERT_EQ(take(c), Standing::kTaken);
  int again = 0;
  memory_->wait(c, [&] { ++again; });
  memory_->release(c);
  EXPECT_EQ(again, 1);
  EXPECT_EQ(take(c), Standing::kTaken);
  memory_->release(c);
  memory_->wait(c, [&] { ++again; });  // nobody has it
  EXPECT_EQ(again, 2);
}

TEST_F(CallbackMemoryTest, WhatStateRefusesOfOneIsGivenUpAndTheOthersAreWritten) {
  memory_.emplace(seen_, null_logger(),
                  CallbackMemory::Settings{.gather_for = std::chrono::hours(1)});
  for (const char* key : {"a", "b", "c"}) {
    const Callback c = callback(key, key);
    ASSERT_EQ(take(c), Standing::kTaken);
    memory_->answered({&c, text(*key == 'b' ? "\xff" : "fine"), "keyword"}, kNow);
  }
  memory_.reset();
  EXPECT_EQ(rows(), 2);
}

TEST_F(CallbackMemoryTest, WhatStateDoesNotTakeIsKeptUpToABoundAndWrittenLater) {
  memory_.emplace(seen_, null_logger(),
                  CallbackMemory::Settings{.gather_for = Duration{0},
                                           .unwritten_max = 2,
                                           .retry_after = std::chrono::milliseconds(1)});
  ASSERT_TRUE(store_.state().write([](storage::Session& s) -> Result<void> {
    ZHIYIN_TRY_VOID(s.execute("ALTER TABLE callback_seen RENAME TO callback_seen_away"));
    return {};
  }));
  for (const char* key : {"a", "b"}) {
    EXPECT_FALSE(memory_->is_full());
    const Callback c = callback(key, key);
    ASSERT_EQ(take(c), Standing::kTaken);
    memory_->answered({&c, text(key), "keyword"}, kNow);
  }
  memory_->settle();  // it has failed
  EXPECT_TRUE(memory_->is_full());
  EXPECT_EQ(take(callback("a", "r9")), Standing::kAnswered);
  ASSERT_TRUE(store_.state().write([](storage::Session& s) -> Result<void> {
    ZHIYIN_TRY_VOID(s.execute("ALTER TABLE callback_seen_away RENAME TO callback_seen"));
    return {};
  }));
  while (memory_->is_full()) memory_->settle();
  memory_->settle();
  EXPECT_EQ(rows(), 2);
}

}  // namespace
}  // namespace zhiyin::wechat
