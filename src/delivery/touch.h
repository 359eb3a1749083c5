#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/json_binding.h"
#include "base/time.h"
#include "delivery/channel.h"
#include "delivery/gate.h"
#include "storage/state.h"
#include "storage/vault.h"

namespace zhiyin::delivery {

using storage::IdentityHash;

/// The numbers are stored: never change them.
enum class TouchState : int {
  kPlanned = 1,
  kRefused = 2,  ///< by `rule`
  kHeldOut = 3,
  kSending = 4,  ///< the intent is synced; the call may or may not have been made
  kSent = 5,
  kFailed = 6,     ///< certainly not reached
  kUnknown = 7,    ///< closed without knowing; counted against quota and caps, never repeated
  kCancelled = 8,  ///< stopped or skipped before it was sent
};

/// One attempt to reach one person.
struct Touch {
  TouchId id;
  CampaignId campaign;
  PersonId person;  ///< at first exposure
  IdentityHash identity{};
  int partition = 0;
  AccountId account;
  ChannelKind channel = ChannelKind::kMass;
  TouchState state = TouchState::kPlanned;
  Rule rule = Rule::kNone;
  bool is_test = false;
  Instant decided_at;
  Instant due_at;                     ///< not before this; moves when it has to be tried again
  std::optional<Instant> sent_at;     ///< when the intent was written
  std::optional<Instant> clicked_at;  ///< first click
  std::string idempotency_key;
  std::string provider_id;
  std::string error;
  int attempt = 0;
  /// A call may have gone out whose outcome nobody knows. Set with the intent, before the call.
  bool is_uncertain = false;
  std::string batch;              ///< client_msg_id of the mass send
  std::int64_t quota_period = 0;  ///< of the reservation
  std::string template_id;        ///< of a subscribe message
};

/// A mass send of up to 10,000 touches under one `clientmsgid`, its key.
struct SendBatch {
  std::string id;
  CampaignId campaign;
  AccountId account;
  std::int64_t chunk = 0;
  std::int64_t size = 0;
  TouchState state = TouchState::kSending;
  Content content;
  Instant created_at;
  Instant due_at;  ///< not repeated before this
  int attempt = 0;
  bool is_uncertain = false;  ///< as in Touch
  std::string provider_id;
  std::string error;
  std::int64_t quota_period = 0;
};

/// What the platform told about a mass send as a whole.
struct MassTotals {
  std::string status;
  std::int64_t total = 0;
  std::int64_t filtered = 0;
  std::int64_t sent = 0;
  std::int64_t failed = 0;
};

/// Touches by state and, for refusals, by rule. Test sends are not in it.
struct TouchCounts {
  std::map<TouchState, std::int64_t> states;
  std::map<Rule, std::int64_t> refused;
  std::int64_t clicked = 0;
  [[nodiscard]] std::int64_t of(TouchState state) const;
  [[nodiscard]] std::int64_t total() const;
};

/// What the gate asks about earlier touches of a person. Test sends count where the platform counts
/// them, not against the owner's own caps.
struct TouchHistory {
  std::vector<Instant> all;   ///< sending, sent and unknown over all channels, ascending
  std::vector<Instant> mass;  ///< of these, mass sends of the account
  /// Customer-service messages of the account, tests too: the platform counts them all.
  std::vector<Instant> cs;
  std::vector<Instant> wecom;  ///< of the account: what tasks for a company's members sent
};

/// `t_` and 26 characters made of campaign and identity: planning again plans the same touch.
TouchId touch_id(const CampaignId& campaign, const IdentityHash& identity);

/// A place in a list of touches, newest first.
struct TouchPlace {
  Instant decided_at{std::numeric_limits<std::int64_t>::max()};
  TouchId id;
};

/// The send ledger: tables `touch`, `send_batch`, `mass_result`. A change of state that concerns
/// somebody outside is written together with its own event (`touch.sent` …) in the caller's
/// transaction. Stateless.
class SendLedger {
 public:
  /// False when a touch with this idempotency key exists already; nothing is changed then. Emits
  /// the event of a state that is decided at once (refused, held out).
  static Result<bool> add(storage::Session& session, const Touch& touch);
  /// The same for many. Requires different idempotency keys.
  static Result<void> add_all(storage::Session& session, std::span<const Touch> touches);
  /// Writes state, rule, times, error, attempt, batch, provider of `touch`; emits the event of the
  /// state. kConflict, changing nothing, when the stored state is not `expected`: somebody else was
  /// at it since it was read.
  static Result<void> update(storage::Session& session, const Touch& touch, Instant now,
                             std::optional<TouchState> expected = {});

  static Result<std::optional<Touch>> find(storage::Session& session, const TouchId& id);
  /// In order of person and id, after the touch `after`; empty: from the beginning.
  static Result<std::vector<Touch>> list(storage::Session& session, const CampaignId& campaign,
                                         TouchState state, std::string_view after,
                                         std::size_t limit);
  /// Planned touches whose time has come, in that order, too.
  static Result<std::vector<Touch>> list_due(storage::Session& session, const CampaignId& campaign,
                                             Instant now, std::string_view after,
                                             std::size_t limit);
  /// When the next planned touch is due; nullopt when none is planned.
  static Result<std::optional<Instant>> next_due(storage::Session& session,
                                                 const CampaignId& campaign);
  static Result<std::int64_t> count_due(storage::Session& session, const CampaignId& campaign,
                                        Instant now);
  /// Test sends that a dead process left half done, whatever the campaign.
  static Result<std::vector<Touch>> open_tests(storage::Session& session, std::size_t limit);
  /// Newest decision first, of the same moment by id; those behind `after`.
  static Result<std::vector<Touch>> of_identities(storage::Session& session,
                                                  std::span<const IdentityHash> identities,
                                                  std::size_t limit, const TouchPlace& after = {});
  static Result<std::vector<Touch>> of_batch(storage::Session& session, std::string_view batch);
  static Result<TouchCounts> count(storage::Session& session, const CampaignId& campaign);
  /// Cancels what is planned, at most `limit` touches; returns how many.
  static Result<std::int64_t> cancel_planned(storage::Session& session, const CampaignId& campaign,
                                             std::string_view reason, std::size_t limit);
  /// Touches of the last 62 days at the given identities.
  static Result<TouchHistory> history(storage::Session& session,
                                      std::span<const IdentityHash> identities,
                                      const AccountId& account, Instant now);
  /// The same of many people, by the identities of each, in their order.
  static Result<std::vector<TouchHistory>> histories(
      storage::Session& session, std::span<const std::span<const IdentityHash>> people,
      const AccountId& account, Instant now);

  /// Planned touches are refused, each by the `rule` and with the `error` that it holds; each tells
  /// its event. kConflict, with nothing to be kept of it, when one of them is no longer planned.
  static Result<void> refuse_all(storage::Session& session, std::span<const Touch> touches,
                                 Instant now);

  /// Planned touches go out with the mass send `batch`: sending from `batch.created_at` on, one
  /// attempt more. kConflict, with nothing to be kept of it, when one of them is no longer planned.
  static Result<void> start_batch(storage::Session& session, std::span<const TouchId> touches,
                                  const SendBatch& batch);
  /// Those of the mass send that are still sending come to `batch.state` (sent, failed or unknown),
  /// with its provider and error; each tells its event. `touches`: all of the batch as they are
  /// known to the caller; none: they are read.
  static Result<void> end_batch(storage::Session& session, const SendBatch& batch,
                                std::span<const Touch> touches, Instant now);
  /// Those of the mass send that are still sending are planned again, as part of none and not
  /// before `not_before`; with its provider and error.
  static Result<void> plan_batch_again(storage::Session& session, const SendBatch& batch,
                                       Instant not_before);

  static Result<void> put_batch(storage::Session& session, const SendBatch& batch);
  static Result<std::optional<SendBatch>> find_batch(storage::Session& session,
                                                     std::string_view id);
  static Result<std::vector<SendBatch>> batches(storage::Session& session,
                                                const CampaignId& campaign);

  /// The MASSSENDJOBFINISH callback. May come before the call's own answer, repeatedly, and for
  /// sends that are not ours. A job that failed as a whole turns its touches into failed and gives
  /// the quota back.
  static Result<void> record_mass_result(storage::Session& session, const AccountId& account,
                                         std::string_view msg_id, const MassTotals& totals,
                                         Instant now);
  /// Applies a result that came before the batch knew its `provider_id`.
  static Result<void> settle_mass_result(storage::Session& session, const SendBatch& batch,
                                         Instant now);
  /// Sum over the campaign's mass sends that have reported; nullopt when none has.
  static Result<std::optional<MassTotals>> mass_totals(storage::Session& session,
                                                       const CampaignId& campaign);
};

/// Tables of this part.
std::span<const storage::Migration> migrations();

}  // namespace zhiyin::delivery

template <>
struct zhiyin::EnumNames<zhiyin::delivery::TouchState> {
  static constexpr std::pair<delivery::TouchState, std::string_view> list[] = {
      {delivery::TouchState::kPlanned, "planned"},
      {delivery::TouchState::kRefused, "refused"},
      {delivery::TouchState::kHeldOut, "held_out"},
      {delivery::TouchState::kSending, "sending"},
      {delivery::TouchState::kSent, "sent"},
      {delivery::TouchState::kFailed, "failed"},
      {delivery::TouchState::kUnknown, "unknown"},
      {delivery::TouchState::kCancelled, "cancelled"}};
};
