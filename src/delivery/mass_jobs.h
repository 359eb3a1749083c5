#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json_binding.h"
#include "delivery/touch.h"
#include "storage/state.h"
#include "wechat/client.h"

namespace zhiyin::delivery {

/// A mass send as one call, with what the platform reported of it, for people to look at.
struct MassJob {
  std::string id;  ///< clientmsgid
  CampaignId campaign;
  AccountId account;
  std::int64_t size = 0;  ///< openids
  TouchState state = TouchState::kSending;
  int attempt = 0;
  bool is_uncertain = false;  ///< nobody knows yet whether it went out
  std::string provider_id;    ///< msg_id; empty: not taken
  std::string error;
  Instant created_at;
  std::string status;          ///< of the report, as the platform spells it; empty: none came
  std::int64_t delivered = 0;  ///< of the report
  std::int64_t failed = 0;
  std::int64_t filtered = 0;
};

/// The newest first, of one account or of all.
Result<std::vector<MassJob>> recent_mass_jobs(storage::Session& session,
                                              const std::optional<AccountId>& account,
                                              std::size_t limit);

/// A job that the platform took and has not reported on.
struct SilentJob {
  AccountId account;
  std::string msg_id;
};
/// Those taken between `from` and `until`, the oldest first.
Result<std::vector<SilentJob>> silent_mass_jobs(storage::Session& session, Instant from,
                                                Instant until, std::size_t limit);

/// Asks the platform how a job is whose report did not come (its callback was lost). One that
/// failed as a whole is recorded as such (`SendLedger::record_mass_result`); of one that was sent
/// the platform tells no numbers, so nothing is. Blocks; accounts that are gone are passed over.
Result<void> ask_about_mass_job(storage::State& state, const wechat::Accounts& accounts,
                                wechat::OfficialAccountApi& api, const SilentJob& job, Instant now);

}  // namespace zhiyin::delivery

template <>
struct zhiyin::Fields<zhiyin::delivery::MassJob> {
  using S = delivery::MassJob;
  static constexpr std::string_view name = "MassJob";
  static constexpr auto list = field_list(
      field("id", &S::id, "clientmsgid"), field("campaign", &S::campaign, ""),
      field("account", &S::account, ""), field("size", &S::size, "openids"),
      field("state", &S::state, "sending, sent, failed or unknown"),
      field("attempt", &S::attempt, "how often it was tried"),
      field("is_uncertain", &S::is_uncertain, "it may have gone out"),
      field("provider_id", &S::provider_id, "msg_id of the platform"),
      field("error", &S::error, "what the platform said"), field("created_at", &S::created_at, ""),
      field("status", &S::status, "of the platform's report"),
      field("delivered", &S::delivered, "of the report"),
      field("failed", &S::failed, "of the report"),
      field("filtered", &S::filtered, "of the report"));
};
