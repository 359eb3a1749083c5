#include "model/encoder/detail/crew.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "model/encoder/detail/forward.h"

namespace zhiyin::model::detail {
namespace {

constexpr EncoderShape kShape{.width = 16,
                              .layers = 1,
                              .heads = 1,
                              .inner = 16,
                              .vocabulary = 4,
                              .positions = 8,
                              .token_types = 1};

class CrewTest : public ::testing::Test {
 protected:
  explicit CrewTest(std::size_t size = 3) {
    for (std::size_t i = 0; i < size; ++i) {
      arenas_.push_back(std::make_unique<Arena>(kShape, 8));
      places_.push_back(arenas_.back().get());
    }
  }
  [[nodiscard]] static std::function<bool()> never() {
    return [] { return false; };
  }

  std::vector<std::unique_ptr<Arena>> arenas_;
  std::vector<Arena*> places_;
};

TEST_F(CrewTest, EveryItemOfEveryStepIsDoneOnceByWhoeverIsThere) {
  Crew crew(places_);
  std::vector<std::thread> helpers;
  for (int i = 0; i < 3; ++i) helpers.emplace_back([&] { crew.help(never()); });
  for (std::size_t step = 0; step < 2000; ++step) {
    std::vector<std::atomic<int>> done(step % 7);
    crew.each(done.size(), [&](std::size_t item, const Arena&) { ++done[item]; });
    for (const auto& count : done) ASSERT_EQ(count.load(), 1);
  }
  crew.close();
  for (auto& helper : helpers) helper.join();
}

TEST_F(CrewTest, EachHelperHasAnArenaOfItsOwn) {
  Crew crew(places_);
  std::vector<std::thread> helpers;
  for (int i = 0; i < 2; ++i) helpers.emplace_back([&] { crew.help(never()); });
  std::atomic<int> inside = 0;
  Mutex mutex;
  std::vector<const Arena*> seen;
  // Nobody goes on before all three have an item: so three arenas are in use at once.
  crew.each(3, [&](std::size_t, const Arena& own) {
    ++inside;
    while (inside.load() < 3) std::this_thread::yield();
    const MutexLock lock(mutex);
    seen.push_back(&own);
  });
  crew.close();
  for (auto& helper : helpers) helper.join();
  std::ranges::sort(seen);
  std::ranges::sort(places_);
  EXPECT_TRUE(std::ranges::equal(seen, places_));
}

TEST_F(CrewTest, AHelperThatIsWantedElsewhereLeavesAndMayComeBack) {
  Crew crew(places_);
  std::atomic<bool> wanted = true;
  crew.help([&] { return wanted.load(); });  // returns at once
  std::size_t done = 0;
  crew.each(5, [&](std::size_t, const Arena& own) {
    EXPECT_EQ(&own, places_[0]);
    ++done;
  });
  EXPECT_EQ(done, 5U);
  wanted = false;
  std::thread helper([&] { crew.help([&] { return wanted.load(); }); });
  std::atomic<bool> helped = false;
  crew.each(2, [&](std::size_t, const Arena& own) {
    if (&own != places_[0]) helped = true;
    while (!helped.load()) std::this_thread::yield();
  });
  crew.close();
  helper.join();
  EXPECT_TRUE(helped.load());
}

TEST_F(CrewTest, WhoComesTooLateOrFindsNoRoomGoesAtOnce) {
  Crew crew(std::span<Arena* const>(places_).first(1));
  crew.help(never());
  std::size_t done = 0;
  crew.each(3, [&](std::size_t, const Arena&) { ++done; });
  EXPECT_EQ(done, 3U);
  crew.close();
  Crew over(places_);
  over.close();
  over.help(never());
}

}  // namespace
}  // namespace zhiyin::model::detail
