#pragma once

#include <optional>
#include <string>
#include <variant>

#include "base/clock.h"
#include "delivery/quota_ledger.h"
#include "delivery/recipient.h"
#include "delivery/touch.h"
#include "storage/grouped_writes.h"
#include "storage/state.h"
#include "wechat/account.h"
#include "wechat/callback.h"
#include "wechat/messages.h"

namespace zhiyin::delivery {

/// What one person gets. `touser` is filled in.
using DirectMessage = std::variant<wechat::CustomSendAsk, wechat::SubscribeBizAsk,
                                   wechat::SubscribeAsk, wechat::TemplateOnceAsk>;

struct DirectResult {
  TouchId touch;  ///< empty: refused
  TouchState state = TouchState::kRefused;
  Rule rule = Rule::kNone;  ///< of a refusal
  std::string error;        ///< what the platform said; empty when sent
};

/// What of the person a message answers: it opens the window, and asks for the message, whether or
/// not its event has been counted yet.
struct Occasion {
  CsTrigger trigger = CsTrigger::kMessage;
  Instant at;
};
/// Nothing for callbacks that open no window. Pure.
std::optional<Occasion> occasion_of(const wechat::Callback& callback);

/// The customer-service window of one person at one moment.
struct ServiceWindow {
  struct Opening {
    CsTrigger trigger = CsTrigger::kMessage;
    Instant at;
    Instant until;
    int left = 0;
  };
  std::vector<Opening> openings;  ///< in force
  int left = 0;                   ///< messages: the most that any opening leaves
  std::optional<Instant> until;   ///< of the opening that lasts longest with messages left
};
/// Pure.
ServiceWindow service_window(const CsTriggers& triggers, const std::vector<Instant>& cs_touches,
                             const GateRules& rules, Instant now);

/// One message to one person outside campaigns: what staff answer, notices, tries. It reserves from
/// every budget that applies in the transaction that writes the intent: the account's day, the
/// person's window or grant. Sent or unknown counts; what certainly did not go out is given back.
/// What a dead process left half done is closed as unknown and counted (with the test sends, see
/// `CampaignEngine::recover`). Quiet hours and the owner's caps are not asked: somebody waits for
/// it. Nor is following where the platform does not: in a window the person has been in contact, a
/// permission for a subscribe or one-time message holds without, and mini-programs have no
/// followers.
/// Thread-safe; blocks.
class DirectSends {
 public:
  struct Parts {
    storage::State& state;
    const wechat::Accounts& accounts;
    const Recipients& recipients;
    wechat::PlatformApi& platform;
    const Clock& clock;
    QuotaHolder quota = {};                    ///< who reserves, where other processes send, too
    storage::GroupedWrites* writes = nullptr;  ///< absent: each send has transactions of its own
  };
  /// All must outlive this object.
  explicit DirectSends(Parts parts) : parts_(parts) {}

  /// kInvalidArgument with the field when the platform would not take the message, kNotFound when
  /// there is no such account. A refusal by a rule is a result.
  /// `answers`: what the person did; a withdrawn consent does not stop an answer.
  Result<DirectResult> send(const AccountId& account, const std::string& openid,
                            DirectMessage message, std::optional<Occasion> answers = {}) const;
  /// kNotFound when nobody of that openid is known.
  Result<ServiceWindow> window(const AccountId& account, const std::string& openid) const;

 private:
  Result<void> write(const std::function<Result<void>(storage::Session&)>& work) const;

  Parts parts_;
};

}  // namespace zhiyin::delivery
