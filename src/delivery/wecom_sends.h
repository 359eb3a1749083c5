#pragma once

#include <string_view>

#include "audience/people.h"
#include "base/clock.h"
#include "base/json.h"
#include "delivery/recipient.h"
#include "delivery/touch.h"
#include "wechat/account.h"
#include "wechat/platform_api.h"

namespace zhiyin::delivery {

/// What members of a company send for it: tasks for customers and moments, which they confirm, and
/// messages to the members themselves. In the platform's own names, and through the ledgers: each
/// counts in its budget of the day, and a task to customers who are named counts for each of them.
///
/// Customers who have withdrawn consent to marketing, who have had the platform's number in this
/// calendar month (it would leave them out silently), or whom the owner's caps protect are left out
/// before the platform is asked. Whom a tag or a whole company stands for only the platform knows:
/// such tasks are counted in the day, not for people. What a customer got is only known from the
/// result (`wecom_mass_result`): accepted tasks count as sent. Intents are written before the call:
/// what a dead process left counts, is closed as unknown and never repeated. Thread-safe; blocks.
class WecomSends {
 public:
  struct Parts {
    storage::State& state;
    const audience::People& people;
    const Recipients& recipients;
    wechat::PlatformApi& platform;
    const Clock& clock;
  };
  /// All must outlive this object.
  explicit WecomSends(Parts parts) : parts_(parts) {}

  /// `what`: task, moment or message (kNotFound otherwise). The platform's answer; of a task with
  /// `left_out: [{"external_userid","rule"}]`. kInvalidArgument with the field, kLimitReached when
  /// the day is used up or nobody is left, or as the platform's refusal has it.
  Result<Json> send(const wechat::Account& account, std::string_view what, const Json& body) const;

  /// Tasks that a dead process left half done: closed as unknown, counted. At most 10,000 people.
  static Result<void> close_left(storage::State& state, Instant now);

 private:
  struct Task;
  Result<void> gather(const wechat::Account& account, Task& task) const;
  static Result<void> judge(storage::Session& session, const SenderAccount& sender, Task& task,
                            Instant now);
  Result<wechat::ApiCall> intend(const wechat::Account& account, Task& task, Instant now) const;
  Result<void> settle(const Task& task, const wechat::Outcome<wechat::ApiAnswer>& answer,
                      Instant now) const;

  Parts parts_;
};

}  // namespace zhiyin::delivery
