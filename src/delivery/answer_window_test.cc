#include "delivery/answer_window.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"

namespace zhiyin::delivery {
namespace {

using Give = AnswerWindow::Give;
using std::chrono::milliseconds;
using std::chrono::seconds;

const Instant kStart{1'767'225'600LL * 1'000'000};
constexpr AnswerTiming kTiming;

Give only(const AnswerWindow::Steps& steps) {
  EXPECT_EQ(steps.size(), 1U);
  return steps.empty() ? Give::kNothing : steps.front().give;
}

TEST(AnswerWindow, AnswerWithinTheFirstCallbackIsTakenByIt) {
  AnswerWindow window(kTiming, {});
  EXPECT_TRUE(window.arrive(1, kStart).empty());
  EXPECT_EQ(window.due(), kStart + seconds(5));
  EXPECT_EQ(only(window.answer(kStart + seconds(4))), Give::kAnswer);
  EXPECT_EQ(window.decision(), AnswerDecision::kPassive);
  EXPECT_EQ(window.decided_at(), kStart + seconds(4));
  EXPECT_TRUE(window.is_over());
}

TEST(AnswerWindow, ARepeatedDeliveryAfterTheAnswerGetsTheSame) {
  AnswerWindow window(kTiming, {});
  EXPECT_TRUE(window.arrive(1, kStart).empty());
  EXPECT_EQ(only(window.answer(kStart + seconds(1))), Give::kAnswer);
  EXPECT_EQ(only(window.arrive(2, kStart + seconds(5))), Give::kAnswer);
  EXPECT_EQ(window.decision(), AnswerDecision::kPassive);
}

TEST(AnswerWindow, AnswerBetweenTwoDeliveriesWaitsForTheNext) {
  AnswerWindow window(kTiming, {});
  EXPECT_TRUE(window.arrive(1, kStart).empty());
  EXPECT_TRUE(window.answer(kStart + milliseconds(4'700)).empty());  // too late for the way back
  EXPECT_EQ(window.decision(), AnswerDecision::kOpen);
  EXPECT_EQ(only(window.tick(kStart + seconds(5))), Give::kNothing);
  EXPECT_EQ(only(window.arrive(2, kStart + milliseconds(5'050))), Give::kAnswer);
}

TEST(AnswerWindow, AtTheMarginACallbackIsNoLongerFree) {
  AnswerWindow window(kTiming, {});
  window.arrive(1, kStart);
  EXPECT_TRUE(window.answer(kStart + kTiming.wait - kTiming.margin).empty());
  AnswerWindow other(kTiming, {});
  other.arrive(1, kStart);
  EXPECT_EQ(only(other.answer(kStart + kTiming.wait - kTiming.margin - Duration{1})),
            Give::kAnswer);
}

TEST(AnswerWindow, WithoutAWayToPushTheThirdCallbackSaysThatItComesLater) {
  AnswerWindow window(kTiming, {});
  for (int attempt = 0; attempt < 3; ++attempt) {
    const Instant at = kStart + seconds(5) * attempt;
    EXPECT_TRUE(window.arrive(attempt, at).empty());
    EXPECT_TRUE(window.tick(at + milliseconds(4'000)).empty());
    if (attempt < 2) {
      EXPECT_EQ(only(window.tick(at + seconds(5))), Give::kNothing);
    }
  }
  EXPECT_EQ(window.due(), kStart + milliseconds(14'500));
  EXPECT_EQ(only(window.tick(kStart + milliseconds(14'500))), Give::kNotice);
  EXPECT_EQ(window.decision(), AnswerDecision::kNotice);
  EXPECT_FALSE(window.is_over());
  EXPECT_TRUE(window.answer(kStart + seconds(20)).empty());
  EXPECT_FALSE(window.take_push());
  window.fetched(kStart + seconds(30));
  EXPECT_EQ(window.decision(), AnswerDecision::kFetched);
}

TEST(AnswerWindow, WhoMayPushAcknowledgesAtTheFirstDeadlineAndPushesOnce) {
  AnswerWindow window(kTiming, {true, true});
  window.arrive(1, kStart);
  EXPECT_EQ(window.due(), kStart + milliseconds(4'500));
  EXPECT_EQ(only(window.tick(kStart + milliseconds(4'500))), Give::kAcknowledge);
  EXPECT_EQ(window.decision(), AnswerDecision::kPush);
  EXPECT_FALSE(window.take_push());
  EXPECT_TRUE(window.answer(kStart + seconds(9)).empty());
  EXPECT_TRUE(window.take_push());
  EXPECT_FALSE(window.take_push());
  EXPECT_EQ(only(window.arrive(2, kStart + seconds(10))), Give::kAcknowledge);
}

TEST(AnswerWindow, WhoMayNotAnswerInACallbackAcknowledgesAtOnce) {
  AnswerWindow mini_program(kTiming, {false, true});
  EXPECT_EQ(only(mini_program.arrive(1, kStart)), Give::kAcknowledge);
  EXPECT_EQ(mini_program.decision(), AnswerDecision::kPush);
  AnswerWindow neither(kTiming, {false, false});
  EXPECT_EQ(only(neither.arrive(1, kStart)), Give::kAcknowledge);
  EXPECT_EQ(neither.decision(), AnswerDecision::kAbandoned);
}

TEST(AnswerWindow, WhenThePlatformDoesNotComeAgainTheAnswerIsKept) {
  AnswerWindow window(kTiming, {});
  window.arrive(1, kStart);
  EXPECT_EQ(only(window.tick(kStart + seconds(5))), Give::kNothing);
  EXPECT_EQ(window.due(), kStart + seconds(15));
  EXPECT_TRUE(window.tick(kStart + seconds(14)).empty());
  EXPECT_EQ(window.decision(), AnswerDecision::kOpen);
  EXPECT_TRUE(window.tick(kStart + seconds(15)).empty());
  EXPECT_EQ(window.decision(), AnswerDecision::kAbandoned);
}

TEST(AnswerWindow, WhileTheLatestDeliveryIsElsewhereTheAnswerWaitsForWhoHasIt) {
  AnswerWindow window(kTiming, {});
  window.arrive(1, kStart);
  window.elsewhere(2, kStart + seconds(1));
  EXPECT_TRUE(window.answer(kStart + seconds(2)).empty());
  EXPECT_EQ(window.decision(), AnswerDecision::kOpen);
  EXPECT_EQ(only(window.tick(kStart + seconds(5))), Give::kNothing);
  // The other process died; the platform comes again, and here.
  EXPECT_EQ(only(window.arrive(2, kStart + seconds(6))), Give::kAnswer);
  EXPECT_EQ(window.arrivals(), 3);
}

TEST(AnswerWindow, TheThirdDeliveryIsTheLastWhereverTheOthersWere) {
  AnswerWindow window(kTiming, {});
  window.elsewhere(2, kStart + seconds(5));
  window.arrive(1, kStart + seconds(10));
  EXPECT_EQ(only(window.tick(kStart + milliseconds(14'500))), Give::kNotice);
}

TEST(AnswerWindow, WhatIsParkedElsewhereIsNotAbandonedHere) {
  AnswerWindow window(kTiming, {});
  window.arrive(1, kStart);
  EXPECT_EQ(only(window.tick(kStart + seconds(5))), Give::kNothing);
  window.elsewhere(3, kStart + seconds(11));
  EXPECT_EQ(window.due(), kStart + seconds(16));
  EXPECT_TRUE(window.tick(kStart + seconds(15)).empty());
  EXPECT_EQ(window.decision(), AnswerDecision::kOpen);
  window.tick(kStart + seconds(16));
  EXPECT_EQ(window.decision(), AnswerDecision::kAbandoned);
}

TEST(AnswerWindow, WhenAnotherProcessDecidesWhoWaitsIsAcknowledged) {
  AnswerWindow window(kTiming, {});
  window.arrive(1, kStart);
  EXPECT_EQ(only(window.overrule(AnswerDecision::kNotice, kStart + seconds(1))),
            Give::kAcknowledge);
  EXPECT_EQ(only(window.arrive(2, kStart + seconds(2))), Give::kNotice);
  EXPECT_FALSE(window.due());
}

TEST(AnswerWindow, OfTwoDeliveriesAtTheSameTimeOneTakesTheAnswer) {
  AnswerWindow window(kTiming, {});
  window.arrive(1, kStart);
  window.arrive(2, kStart + milliseconds(10));
  const auto steps = window.answer(kStart + seconds(1));
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0].callback, 2);
  EXPECT_EQ(steps[0].give, Give::kAnswer);
  EXPECT_EQ(steps[1].give, Give::kAcknowledge);
}

/// The platform as it behaves: it delivers, closes after five seconds, comes again; now and then it
/// delivers twice, does not come again, or loses what it got.
class Platform {
 public:
  Platform(Random& random, AnswerWindow& window) : random_(random), window_(window) {}

  void run() {
    const Instant answer_at = kStart + milliseconds(below(25'000));
    Instant next_delivery = kStart;
    for (Instant now = kStart; now < kStart + seconds(60); now = now + milliseconds(10)) {
      if (now == next_delivery) {
        deliver(now);
        const bool comes_again = deliveries_ < 3 && below(10) != 0;
        next_delivery = now + seconds(5) + milliseconds(comes_again ? 10 * below(50) : 90'000);
        if (below(10) == 0 && deliveries_ < 3) deliver(now);  // twice
      }
      const bool was_open = window_.decision() == AnswerDecision::kOpen;
      if (now >= answer_at && !window_.has_answer()) apply(window_.answer(now), now, was_open);
      // The timer of a busy machine comes late now and then.
      const bool is_due = window_.due() && *window_.due() <= now;
      if (is_due && below(3) != 0) apply(window_.tick(now), now, true);
      if (window_.take_push()) ++pushed_;
    }
  }

  void check(const AnswerRights& rights) const {
    // Nothing waits for ever, and every message has its decision.
    EXPECT_TRUE(waiting_.empty());
    ASSERT_NE(window_.decision(), AnswerDecision::kOpen);
    EXPECT_EQ(shown_answers_ > 0 ? 1 : 0, window_.decision() == AnswerDecision::kPassive ? 1 : 0);
    EXPECT_LE(first_answers_, 1);
    EXPECT_EQ(pushed_, window_.decision() == AnswerDecision::kPush ? 1 : 0);
    EXPECT_EQ(notices_ > 0, window_.decision() == AnswerDecision::kNotice);
    if (!rights.push) {
      EXPECT_EQ(pushed_, 0);
    }
    if (!rights.passive) {
      EXPECT_EQ(shown_answers_ + notices_, 0);
    }
    if (rights.push) {
      EXPECT_EQ(notices_, 0);
    }
  }

 private:
  int below(int n) { return static_cast<int>(random_.below(static_cast<std::uint64_t>(n))); }
  void deliver(Instant now) {
    const int callback = ++deliveries_;
    waiting_[callback] = now;
    const bool was_open = window_.decision() == AnswerDecision::kOpen;
    apply(window_.arrive(callback, now), now, was_open);
  }
  void apply(const AnswerWindow::Steps& steps, Instant now, bool was_open) {
    for (const auto& step : steps) {
      ASSERT_EQ(waiting_.count(step.callback), 1U);  // each is answered once
      const Instant arrived = waiting_[step.callback];
      waiting_.erase(step.callback);
      if (step.give == Give::kAnswer) {
        ++shown_answers_;
        // An answer that waited for its time goes to a callback that is still listened to.
        EXPECT_LT(now, arrived + kTiming.wait);
        if (was_open) ++first_answers_;
      }
      if (step.give == Give::kNotice) {
        ++notices_;
        EXPECT_LT(now, arrived + kTiming.wait);
      }
      if (step.give == Give::kNothing) {
        EXPECT_GE(now, arrived + kTiming.wait);
      }
    }
  }

  Random& random_;
  AnswerWindow& window_;
  std::map<int, Instant> waiting_;
  int deliveries_ = 0, shown_answers_ = 0, first_answers_ = 0, notices_ = 0, pushed_ = 0;
};

TEST(AnswerWindow, WhateverTheOrderThereIsOneAnswerAndOneDecision) {
  Random random(20260101);
  for (int round = 0; round < 3'000; ++round) {
    SCOPED_TRACE(round);
    const AnswerRights rights{random.below(4) != 0, random.below(2) == 0};
    AnswerWindow window(kTiming, rights);
    Platform platform(random, window);
    platform.run();
    platform.check(rights);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace zhiyin::delivery
