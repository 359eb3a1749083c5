#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/json_binding.h"
#include "base/time.h"

namespace zhiyin::delivery {

/// How WeChat waits for the answer to a message (wechat.md, 1.3), and what of that is left to us.
struct AnswerTiming {
  Duration wait = std::chrono::seconds(5);  ///< then it closes the connection and comes again
  Duration margin = std::chrono::milliseconds(500);  ///< for the way: what is later is too late
  int attempts = 3;                                  ///< the first delivery and its repetitions
  Duration patience = std::chrono::seconds(10);  ///< how long after a close the next one may come
};

/// By which ways the account may answer this message: `passive` in a callback, `push` by a
/// customer-service message afterwards.
struct AnswerRights {
  bool passive = true;
  bool push = false;
};

/// What became of the answer to a message. The numbers are stored: never change them.
enum class AnswerDecision : int {
  kOpen = 0,       ///< nothing is decided yet
  kPassive = 1,    ///< a callback took it
  kPush = 2,       ///< callbacks are acknowledged, it goes out as a customer-service message
  kNotice = 3,     ///< the last callback said that it comes later; kept for whoever asks
  kAbandoned = 4,  ///< no callback came any more to take it; kept for whoever asks
  kFetched = 5,    ///< asked for later, and given then
};

/// The time in which one message can be answered: one job, which the first delivery and its
/// repetitions join, each waiting for less than five seconds. The first of them that is free takes
/// the answer, exactly once; those that repeat a delivery after that get the same. Where none is
/// free in time, the account's rights decide: the first deadline acknowledges and pushes, or lets
/// the platform come again, and the last callback says that the answer comes later. A value that
/// owns no clock and no network: time is an argument, what is to be done is returned. Every window
/// ends with one decision. Not thread-safe.
class AnswerWindow {
 public:
  enum class Give : int {
    kAnswer,       ///< the answer
    kNotice,       ///< that it comes later, and how to ask for it
    kAcknowledge,  ///< `success`
    kNothing,      ///< no answer: the platform has closed and comes again
  };
  struct Step {
    int callback = 0;
    Give give = Give::kNothing;
  };
  using Steps = std::vector<Step>;

  AnswerWindow(const AnswerTiming& timing, const AnswerRights& rights);

  /// A callback of the message arrived; `callback` is the caller's number of it.
  Steps arrive(int callback, Instant now);
  /// The answer is there. Once.
  Steps answer(Instant now);
  /// Of the message's deliveries, in whatever process, so many have come by now. While the latest
  /// is not here an answer waits for whoever has it: that is where the platform listens.
  void elsewhere(int arrivals, Instant now);
  /// Another process has decided. Requires: nothing is decided here.
  Steps overrule(AnswerDecision decision, Instant now);
  /// Time has passed.
  Steps tick(Instant now);
  /// When `tick` has something to do; nothing when it waits for others.
  [[nodiscard]] std::optional<Instant> due() const;

  /// The kept answer was asked for and given. Requires kNotice or kAbandoned.
  void fetched(Instant now);

  [[nodiscard]] AnswerDecision decision() const { return decision_; }
  [[nodiscard]] Instant decided_at() const { return decided_at_; }
  [[nodiscard]] bool has_answer() const { return has_answer_; }
  /// Deliveries so far, in whatever process.
  [[nodiscard]] int arrivals() const { return arrivals_; }
  /// True once: the answer is there and is to be pushed.
  bool take_push();
  /// Nobody waits and nothing is left to decide or to come.
  [[nodiscard]] bool is_over() const { return decision_ != AnswerDecision::kOpen && has_answer_; }

 private:
  struct Parked {
    int callback = 0;
    int number = 0;      ///< of the message's deliveries
    Instant free_until;  ///< till then it can take an answer
    Instant closes_at;   ///< then the platform has gone
    bool is_last = false;
  };
  [[nodiscard]] bool is_free(const Parked& parked, Instant now) const {
    return now < parked.free_until;
  }
  void decide(AnswerDecision decision, Instant now);
  void release_all(Steps& steps, Give give);
  [[nodiscard]] Duration last_patience() const;

  AnswerTiming timing_;
  AnswerRights rights_;
  std::vector<Parked> parked_;  // by arrival
  int arrivals_ = 0;
  bool has_answer_ = false;
  bool push_taken_ = false;
  std::optional<Instant> last_close_;  // of a callback that was let go
  AnswerDecision decision_ = AnswerDecision::kOpen;
  Instant decided_at_;
};

}  // namespace zhiyin::delivery

template <>
struct zhiyin::EnumNames<zhiyin::delivery::AnswerDecision> {
  using D = delivery::AnswerDecision;
  static constexpr std::pair<D, std::string_view> list[] = {
      {D::kOpen, "open"},     {D::kPassive, "passive"},     {D::kPush, "push"},
      {D::kNotice, "notice"}, {D::kAbandoned, "abandoned"}, {D::kFetched, "fetched"}};
};
