#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "delivery/answer_log.h"
#include "delivery/answer_window.h"
#include "delivery/direct_send.h"
#include "wechat/late_answers.h"

namespace zhiyin::delivery {

/// Time since some moment of this process, which nobody sets: for how long a callback has waited.
class SteadyClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override {
    const auto t = std::chrono::steady_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<Duration>(t).count()};
  }
};

/// A text that no rule answers.
struct Question {
  std::shared_ptr<const wechat::Account> account;
  std::string openid;
  std::string text;
  std::string message_id;
  Instant at;
};

/// Who answers them, taking as long as it takes. Thread-safe; outlives who asks.
class AnswerSource {
 public:
  virtual ~AnswerSource() = default;
  using Done = std::move_only_function<void(Result<wechat::Reply>)>;
  /// Never blocks; `done` is called exactly once, from any thread.
  virtual void ask(Question question, Done done) = 0;
};

/// The customer-service message with the same content, marked as made by a model where the reply
/// says so, or says nothing and `generates`. kInvalidArgument with the field where such a message
/// needs more than a passive reply (a video its picture), kUnsupported for the hand-over to staff.
/// Pure.
Result<wechat::CustomSendAsk> custom_message(const wechat::Reply& reply, bool generates);

/// An answer window for each message that is not answered at once: joins its callbacks, asks the
/// source once, gives or pushes the answer, keeps it for whoever asks later, and records what was
/// decided before it does so. Waiting callbacks cost no thread. Thread-safe.
///
/// Of the processes that share a state the first that gets a message prepares its answer; the
/// others, where repeated deliveries arrive, wait for the same answer and look for it in state. All
/// decide together: in a transaction on the message's record, with the deliveries of all of them.
/// When the first one dies or is restarted, another takes over and asks again.
class AnswerDesk final : public wechat::LateAnswers {
 public:
  struct Settings {
    AnswerTiming timing;
    Duration linger = std::chrono::seconds(30);  ///< how long a finished one answers its callbacks
    /// Without a sign of life for so long a process is dead, and what it prepared is taken over.
    Duration lease = std::chrono::seconds(6);
    Duration look_every = std::chrono::milliseconds(100);  ///< at what others prepare
    std::size_t jobs_max = 20'000;  ///< further messages are acknowledged without an answer
    bool has_thread = true;         ///< else `turn` does the work when it is called: for tests
  };
  struct Parts {
    storage::State& state;
    const storage::Vault& vault;
    const Clock& clock;  ///< of what is recorded
    const Clock& real;   ///< of how long callbacks wait
    AnswerSource& source;
    /// Sends a customer-service message that answers what the person did; may block.
    std::function<Result<DirectResult>(const AccountId&, const std::string& openid, DirectMessage,
                                       std::optional<Occasion>)>
        push;
    /// Whether the account may send one now, and has quota left. May block on state.
    std::function<bool(const wechat::Account&)> may_push;
    /// Of an answer that another process had begun; null when there is no such account. May block.
    std::function<std::shared_ptr<const wechat::Account>(const AccountId&)> account;
    MetricsRegistry& metrics;
    Logger& logger;
    AnswerLog::Now lease_clock = {};  ///< absent: the database's
  };
  /// All must outlive the desk.
  AnswerDesk(Parts parts, std::string owner, Settings settings);
  ~AnswerDesk() override;

  [[nodiscard]] bool is_open(const wechat::Callback& callback) const override;
  void join(std::shared_ptr<const wechat::Account> account, const wechat::Callback& callback,
            const wechat::ReplyDecision& decision, Done done) override;

  /// Does what has come and what is due. Only where there is no thread; not from two threads.
  void turn();
  /// Callbacks that wait now.
  [[nodiscard]] std::size_t waiting() const;
  [[nodiscard]] AnswerLog& log();
  /// Lets every waiting callback go without an answer, and takes no further ones. Before whoever
  /// they belong to is gone.
  void stop();

 private:
  struct Inner;
  std::shared_ptr<Inner> inner_;  // shared with answers on their way
};

}  // namespace zhiyin::delivery
