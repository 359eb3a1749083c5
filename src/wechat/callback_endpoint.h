#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "http/message.h"
#include "wechat/account.h"
#include "wechat/callback.h"
#include "wechat/callback_memory.h"
#include "wechat/callback_store.h"
#include "wechat/late_answers.h"
#include "wechat/reply_rules.h"

namespace zhiyin::wechat {

/// `GET/POST /wechat/{account}`: verifies, deduplicates, hands over, answers. Requests that wait at
/// the same time are worked on together, on threads of the endpoint: one look into state and one
/// hand-over for all of them; that they were answered is written behind. Plain ones cost one
/// transaction more, in which their addresses are bound to them. Thread-safe.
class CallbackEndpoint {
 public:
  struct Taken {
    const Account& account;
    const Callback& callback;
    const ReplyDecision& decision;
  };
  /// Takes over what happened, one outcome for each: appends the events and returns once they are
  /// synced. Runs before the callback counts as processed; an error makes the platform deliver
  /// again (503). May run twice for one callback after a crash or in a race, so it must be
  /// repeatable (event ids from the dedup_key).
  using Process = std::function<std::vector<Result<void>>(std::span<const Taken>)>;

  struct Settings {
    int threads = 2;                   ///< one works while the other waits for the disk
    std::size_t waiting_max = 20'000;  ///< requests; further ones are answered 503
    std::size_t batch_max = 256;
    CallbackMemory::Settings memory = {};
  };
  struct Parts {
    Accounts& accounts;
    CallbackStore& store;
    const Clock& clock;
    MetricsRegistry& metrics;
    Logger& logger;
    LateAnswers* late = nullptr;  ///< null: what would take longer is acknowledged
  };
  /// All must outlive the endpoint.
  CallbackEndpoint(Parts parts, Process process);
  CallbackEndpoint(Parts parts, Process process, Settings settings);
  /// Answers what is waiting and joins; callbacks that still wait for a late answer must have had
  /// theirs.
  ~CallbackEndpoint();

  using Respond = std::move_only_function<void(http::Response)>;
  /// Never blocks. `respond` is called exactly once, from any thread. The account is the path
  /// parameter `account`.
  void accept(http::Request request, Respond respond);
  /// The same for callers that may block; not from a thread of the network.
  http::Response handle(const http::Request& request);

  /// When a valid request of this account last arrived, in any process and before any restart, to
  /// the minute, and what was refused last; for whoever checks the set-up.
  [[nodiscard]] CallbackHealth health(const AccountId& account) const;
  [[nodiscard]] CallbackStore& store() { return parts_.store; }
  /// Waits until what was answered here can be seen in the store.
  void settle() { memory_.settle(); }

 private:
  struct Prepared;
  struct Item;
  struct Queue;

  void run();
  void work(std::vector<std::unique_ptr<Item>>& batch);
  /// Looked up once for all requests that are worked on together.
  using BatchAccounts = std::map<AccountId, Result<std::shared_ptr<const Prepared>>>;
  void open(Item& item, BatchAccounts& accounts);
  Result<std::shared_ptr<const Prepared>> prepared(const AccountId& id);
  void answer_check(Item& item);
  void refuse(Item& item, const CallbackError& error);
  void unavailable(Item& item, const Error& error);
  void give(Item& item, const GivenAnswer& answer);
  void give_again(Item& item, const GivenAnswer& answer);
  std::vector<Item*> take(std::span<const std::unique_ptr<Item>> batch);
  void look_up(std::vector<Item*>& items);
  void admit(std::vector<Item*>& items);
  void hand_over(std::vector<Item*>& items);
  void answer(std::span<Item* const> items);
  void wait_for_other(std::unique_ptr<Item> item);
  void wait_for_late(std::unique_ptr<Item> item);
  void note_refusal(const AccountId& account, const CallbackError& error);
  void mark_seen(const AccountId& account);

  Parts parts_;
  Process process_;
  const Settings settings_;
  std::unique_ptr<Queue> queue_;
  mutable Mutex mutex_;
  std::map<AccountId, Instant> seen_ ZHIYIN_GUARDED_BY(mutex_);
  /// When one was noted last; apart, whether it was signed.
  std::map<std::pair<AccountId, bool>, Instant> refused_ ZHIYIN_GUARDED_BY(mutex_);
  std::map<AccountId, std::shared_ptr<const Prepared>> accounts_ ZHIYIN_GUARDED_BY(mutex_);
  CallbackMemory memory_;
};

}  // namespace zhiyin::wechat
