#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "campaign/audience_source.h"
#include "campaign/dry_run.h"
#include "campaign/store.h"
#include "delivery/channel.h"
#include "delivery/quota_ledger.h"
#include "delivery/recipient.h"
#include "delivery/touch.h"

namespace zhiyin::campaign {

namespace detail {
class MembersCache;
}

/// What to do on resume with touches whose time has passed.
enum class Overdue { kSend, kSkip };

struct TickResult {
  bool more = false;                ///< call again now: work is due
  std::optional<Instant> next_due;  ///< else the earliest moment at which some will be
};

struct TestSend {
  std::string openid_short;
  std::string outcome;  ///< sent, failed, unknown or refused
  std::string detail;
};

/// What an engine works with. All must outlive it.
struct EngineParts {
  storage::State& state;
  const AudienceSource& audience;
  const delivery::Recipients& recipients;
  const delivery::Senders& senders;
  delivery::MessageChannel& channel;
  const Clock& clock;
  Logger& logger;
  delivery::QuotaHolder quota = {};  ///< who reserves, where other processes send, too
};

struct EngineSettings {
  std::string public_url = "http://127.0.0.1:8080";  ///< before `/l/CODE`
  std::size_t plan_slice = 1000;                     ///< people decided on per transaction
  std::size_t mass_chunk_max = 10'000;               ///< openids per mass send, at least 4
  std::size_t sends_per_tick = 50;                   ///< of customer-service and template messages
  int attempts_max = 5;                              ///< of a send that certainly did not go out
};

/// Runs campaigns: fixes the audience, asks the gate, writes intents, calls the channel, records
/// what became of it. Everything it knows lies in state, so a killed process goes on where it was;
/// nobody gets a message of a campaign twice. Thread-safe; ticks exclude each other.
class CampaignEngine {
 public:
  using Parts = EngineParts;
  using Settings = EngineSettings;
  CampaignEngine(Parts parts, Settings settings);
  ~CampaignEngine();

  /// Whether account and segment of a draft exist; otherwise kInvalidArgument naming the field.
  [[nodiscard]] Result<void> check_references(const Campaign& campaign) const;

  /// What `start` would do now. Writes nothing.
  [[nodiscard]] Result<DryRun> dry_run(const CampaignId& id) const;

  /// Sends the message to the given openids of the campaign's account, at most 20, outside the
  /// audience; marked as test, not measured.
  [[nodiscard]] Result<std::vector<TestSend>> test_send(const CampaignId& id,
                                                        std::span<const std::string> openids);

  /// Draft to running. Checks account, segment and message again.
  [[nodiscard]] Result<Campaign> start(const CampaignId& id);
  /// Running to paused: nothing is sent from the next call of the platform on.
  [[nodiscard]] Result<Campaign> pause(const CampaignId& id);
  /// Paused to running. With overdue touches and no choice: kConflict, naming their number.
  [[nodiscard]] Result<Campaign> resume(const CampaignId& id, std::optional<Overdue> overdue);
  /// Running or paused to stopped, for good: what was not sent is cancelled.
  [[nodiscard]] Result<Campaign> stop(const CampaignId& id);
  /// Stops every running or paused campaign, or those of the accounts that `of` accepts; returns
  /// which.
  [[nodiscard]] Result<std::vector<CampaignId>> emergency_stop(
      const std::function<bool(const AccountId&)>& of = {});

  /// Touches that are planned and due (or, when the audience is not fixed yet though its time has
  /// passed, everybody in the segment): what a resume has to decide about.
  [[nodiscard]] Result<std::int64_t> overdue(const CampaignId& id) const;

  /// Pauses the running campaigns of the account that have overdue touches, and says why in their
  /// note; returns which. For after a time in which nothing could be sent: whether what is late
  /// still goes out is then said at `resume`.
  [[nodiscard]] Result<std::vector<CampaignId>> pause_overdue(const AccountId& account,
                                                              std::string_view note);

  /// Does a bounded piece of what is due. Call until nothing more is due.
  [[nodiscard]] Result<TickResult> tick();

  /// After a start of the process or a change of the lead, before the first tick: closes test sends
  /// that the last one left half done. Everything else that was under way is settled by the ticks:
  /// customer-service messages are closed as unknown, mass and template sends are repeated under
  /// their own id while the platform remembers it. `older_than`: only test sends that began so long
  /// ago; where other processes send, too, younger ones may be theirs.
  [[nodiscard]] Result<void> recover(Duration older_than = {});

 private:
  Result<TickResult> step(const CampaignId& id);
  Result<void> check_startable(const Campaign& campaign) const;
  Result<void> skip_overdue(const CampaignId& id);

  Parts parts_;
  Settings settings_;
  Mutex tick_mutex_;
  const std::unique_ptr<detail::MembersCache> members_;  ///< used under tick_mutex_
};

/// Pauses every running campaign and says why in its note; returns which. For an installation that
/// nobody serves: after a restore it is not known what was sent since.
Result<std::vector<CampaignId>> pause_all(storage::State& state, std::string_view note);

}  // namespace zhiyin::campaign

template <>
struct zhiyin::Fields<zhiyin::campaign::TestSend> {
  using T = campaign::TestSend;
  static constexpr std::string_view name = "TestSend";
  static constexpr auto list =
      field_list(field("openid_short", &T::openid_short, "to whom, shortened"),
                 field("outcome", &T::outcome, "sent, failed, unknown or refused"),
                 field("detail", &T::detail, "why not"));
};
