#include "campaign/detail/closing.h"

#include "campaign/detail/single_sender.h"
#include "delivery/quota_ledger.h"

namespace zhiyin::campaign::detail {

using delivery::SendBatch;
using delivery::SendLedger;
using storage::Session;

namespace {

constexpr std::string_view kWhy = "stopped before an answer came";

Result<void> close_batches(Session& session, const CampaignId& id, Instant now) {
  ZHIYIN_TRY(const std::vector<SendBatch> batches, SendLedger::batches(session, id));
  for (SendBatch batch : batches) {
    if (batch.state != TouchState::kSending) continue;
    batch.state = TouchState::kUnknown;
    batch.error = std::string(kWhy);
    ZHIYIN_TRY_VOID(SendLedger::put_batch(session, batch));
    ZHIYIN_TRY_VOID(delivery::QuotaLedger::commit(
        session, {batch.account, ChannelKind::kMass, batch.quota_period}, 1));
    ZHIYIN_TRY(std::vector<Touch> touches, SendLedger::of_batch(session, batch.id));
    for (Touch& touch : touches) {
      if (touch.state != TouchState::kSending) continue;
      touch.state = TouchState::kUnknown;
      touch.error = std::string(kWhy);
      ZHIYIN_TRY_VOID(SendLedger::update(session, touch, now));
    }
  }
  return {};
}

Result<void> close_singles(Session& session, const CampaignId& id, Instant now) {
  ZHIYIN_TRY(const std::vector<Touch> open,
             SendLedger::list(session, id, TouchState::kSending, "", kCancelSlice));
  for (const Touch& touch : open) ZHIYIN_TRY_VOID(close_unknown(session, touch, kWhy, now));
  return {};
}

}  // namespace

Result<bool> has_work_left(Session& session, const CampaignId& id) {
  for (const TouchState state : {TouchState::kPlanned, TouchState::kSending}) {
    ZHIYIN_TRY(const std::vector<Touch> some, SendLedger::list(session, id, state, "", 1));
    if (!some.empty()) return true;
  }
  return false;
}

Result<bool> close_stopped(const EngineParts& parts, const CampaignId& id) {
  bool closed = false;
  const Instant now = parts.clock.now();
  ZHIYIN_TRY_VOID(parts.state.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(SendLedger::cancel_planned(session, id, "stopped", kCancelSlice));
    ZHIYIN_TRY_VOID(close_batches(session, id, now));
    ZHIYIN_TRY_VOID(close_singles(session, id, now));
    ZHIYIN_TRY(const bool left, has_work_left(session, id));
    closed = !left;
    ZHIYIN_TRY(StoredCampaign row, load(session, id));
    row.is_open = left;
    return save_run(session, row);
  }));
  return closed;
}

}  // namespace zhiyin::campaign::detail
