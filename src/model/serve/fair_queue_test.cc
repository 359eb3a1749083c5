#include "model/serve/fair_queue.h"

#include <gtest/gtest.h>

namespace zhiyin::model {
namespace {

using namespace std::chrono_literals;

const Moment kStart{};
const Moment kNever = Moment::max();

std::vector<std::uint32_t> rows(std::size_t count, std::uint32_t tokens) {
  return std::vector<std::uint32_t>(count, tokens);
}

FairQueue::Batch take(FairQueue& queue, std::size_t tokens, Moment now = kStart,
                      Moment::duration token_time = {}) {
  FairQueue::Batch out;
  queue.take(tokens, now, token_time, out);
  return out;
}

std::size_t of(const FairQueue::Batch& batch, std::uint64_t request) {
  std::size_t n = 0;
  for (const auto& row : batch.rows) n += row.request == request ? 1 : 0;
  return n;
}

TEST(FairQueue, FillsABatchInOrderAndNoFurther) {
  FairQueue queue({});
  ASSERT_TRUE(queue.push(1, "a", rows(5, 30), kNever));
  const auto first = take(queue, 100);
  EXPECT_EQ(first.tokens, 90U);
  EXPECT_EQ(first.rows, (std::vector<FairQueue::Row>{{1, 0}, {1, 1}, {1, 2}}));
  const auto second = take(queue, 100);
  EXPECT_EQ(second.rows, (std::vector<FairQueue::Row>{{1, 3}, {1, 4}}));
  EXPECT_EQ(queue.tokens() + queue.rows() + queue.callers(), 0U);
  EXPECT_TRUE(take(queue, 100).rows.empty());
}

TEST(FairQueue, OneTextBehindAThousandWaitsForATurnOnly) {
  FairQueue queue({});
  ASSERT_TRUE(queue.push(1, "many", rows(1000, 64), kNever));
  ASSERT_TRUE(queue.push(2, "one", rows(1, 64), kNever));
  EXPECT_EQ(of(take(queue, 512), 2), 1U);
}

TEST(FairQueue, CallersShareByTokensWhateverTheirTextsLengths) {
  FairQueue queue({});
  ASSERT_TRUE(queue.push(1, "short", rows(4000, 10), kNever));
  ASSERT_TRUE(queue.push(2, "long", rows(200, 500), kNever));
  std::size_t of_short = 0;
  std::size_t of_long = 0;
  for (int i = 0; i < 40; ++i) {
    const auto batch = take(queue, 1024);
    of_short += of(batch, 1) * 10;
    of_long += of(batch, 2) * 500;
  }
  EXPECT_NEAR(static_cast<double>(of_short) / static_cast<double>(of_long), 1.0, 0.1);
}

TEST(FairQueue, ATextLongerThanABatchGoesAlone) {
  FairQueue queue({});
  ASSERT_TRUE(queue.push(1, "a", rows(2, 700), kNever));
  EXPECT_EQ(take(queue, 256).rows.size(), 1U);
  EXPECT_EQ(take(queue, 256).rows.size(), 1U);
}

TEST(FairQueue, WhatIsLateLeavesFromAnyPlace) {
  FairQueue queue({});
  ASSERT_TRUE(queue.push(1, "a", rows(1, 10), kNever));
  ASSERT_TRUE(queue.push(2, "a", rows(3, 10), kStart + 5ms));
  ASSERT_TRUE(queue.push(3, "b", rows(1, 10), kStart + 6ms));
  const auto batch = take(queue, 100, kStart + 5ms);
  EXPECT_EQ(batch.late, std::vector<std::uint64_t>{2});
  EXPECT_EQ(of(batch, 1) + of(batch, 3), 2U);
  EXPECT_EQ(queue.tokens(), 0U);
}

TEST(FairQueue, ManyThatAreLateLeaveAFewAtATimeAndNothingIsTakenBeforeTheyAreGone) {
  FairQueue queue({});
  for (std::uint64_t i = 1; i <= FairQueue::kLateMax + 5; ++i)
    ASSERT_TRUE(queue.push(i, "a", rows(1, 10), kStart + 5ms));
  ASSERT_TRUE(queue.push(9999, "b", rows(1, 10), kNever));
  auto batch = take(queue, 100, kStart + 5ms);
  EXPECT_EQ(batch.late.size(), FairQueue::kLateMax);
  EXPECT_TRUE(batch.rows.empty());
  batch = take(queue, 100, kStart + 5ms);
  EXPECT_EQ(batch.late.size(), 5U);
  EXPECT_EQ(of(batch, 9999), 1U);
  EXPECT_EQ(queue.tokens(), 0U);
}

TEST(FairQueue, ABatchGrowsOnlyAsFarAsItsDeadlinesAllow) {
  FairQueue queue({});
  ASSERT_TRUE(queue.push(1, "a", rows(1, 10), kNever));
  ASSERT_TRUE(queue.push(2, "a", rows(1, 10), kStart + 25ms));
  ASSERT_TRUE(queue.push(3, "a", rows(1, 10), kNever));
  ASSERT_TRUE(queue.push(4, "b", rows(1, 10), kStart + 9ms));
  const auto batch = take(queue, 100, kStart, 1ms);  // a third row would end after 30 ms
  EXPECT_EQ(batch.late, std::vector<std::uint64_t>{4});
  EXPECT_EQ(of(batch, 1) + of(batch, 2), 2U);
  EXPECT_EQ(batch.rows.size(), 2U);
  EXPECT_EQ(of(take(queue, 100, kStart + 20ms, 1ms), 3), 1U);
}

TEST(FairQueue, ARowThatWouldBeLateAmongOthersWaitsForABatchOfItsOwn) {
  FairQueue queue({});
  ASSERT_TRUE(queue.push(1, "a", rows(1, 10), kNever));
  ASSERT_TRUE(queue.push(2, "a", rows(1, 10), kStart + 15ms));
  EXPECT_EQ(take(queue, 100, kStart, 1ms).rows.size(), 1U);
  EXPECT_EQ(of(take(queue, 100, kStart, 1ms), 2), 1U);  // another thread is there
  EXPECT_EQ(queue.tokens(), 0U);
}

TEST(FairQueue, RefusesWhatItHasNoRoomForAndKeepsTheRest) {
  FairQueue queue({.tokens = 100, .rows = 8, .caller_tokens = 60});
  ASSERT_TRUE(queue.push(1, "a", rows(1, 50), kNever));
  EXPECT_EQ(queue.push(2, "a", rows(1, 11), kNever).error().code, ErrorCode::kLimitReached);
  EXPECT_EQ(queue.push(3, "b", rows(1, 51), kNever).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(queue.push(4, "b", rows(8, 1), kNever).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(queue.push(5, "b", rows(0, 1), kNever).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(queue.push(6, "b", std::vector<std::uint32_t>{3, 0}, kNever).error().field, "texts[1]");
  EXPECT_EQ(queue.tokens(), 50U);
  EXPECT_EQ(queue.callers(), 1U);
}

TEST(FairQueue, DropForgetsTheRestOfARequest) {
  FairQueue queue({});
  ASSERT_TRUE(queue.push(1, "a", rows(4, 50), kNever));
  ASSERT_TRUE(queue.push(2, "a", rows(1, 50), kNever));
  EXPECT_EQ(take(queue, 100).rows.size(), 2U);
  queue.drop(1);
  queue.drop(1);
  EXPECT_EQ(queue.tokens(), 50U);
  EXPECT_EQ(of(take(queue, 100), 2), 1U);
  EXPECT_EQ(queue.callers(), 0U);
}

}  // namespace
}  // namespace zhiyin::model
