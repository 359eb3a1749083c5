#include "campaign/engine.h"

#include <functional>
#include <set>

#include "campaign/detail/closing.h"
#include "campaign/detail/exposure.h"
#include "campaign/detail/mass_sender.h"
#include "campaign/detail/single_sender.h"

namespace zhiyin::campaign {

using delivery::SendLedger;
using delivery::Touch;
using detail::StoredCampaign;
using detail::Work;
using storage::Session;

namespace {

constexpr Duration kErrorPause = std::chrono::seconds(30);
constexpr std::size_t kCampaignsMax = 100'000;

std::unexpected<Error> wrong_state(const Campaign& c, std::string_view wanted) {
  return fail(ErrorCode::kConflict, "campaign: {} is {}, not {}", c.id.value, enum_name(c.state),
              wanted);
}

/// Repeating will not help: the operator has to change something.
bool is_final(ErrorCode code) {
  return code == ErrorCode::kNotFound || code == ErrorCode::kInvalidArgument ||
         code == ErrorCode::kUnsupported || code == ErrorCode::kPermissionDenied;
}

Result<StoredCampaign> read_row(storage::State& state, const CampaignId& id) {
  StoredCampaign row;
  ZHIYIN_TRY_VOID(state.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(row, detail::load(session, id));
    return {};
  }));
  return row;
}

/// Changes the run of one campaign, whatever its state.
Result<Campaign> change(storage::State& state, const CampaignId& id,
                        const std::function<Result<void>(Session&, StoredCampaign&)>& work) {
  ZHIYIN_TRY_VOID(state.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(StoredCampaign row, detail::load(session, id));
    ZHIYIN_TRY_VOID(work(session, row));
    return detail::save_run(session, row);
  }));
  return Campaigns(state).get(id);
}

void mark_stopped(StoredCampaign& row, Instant now, std::string note) {
  row.campaign.state = CampaignState::kStopped;
  row.campaign.finished_at = now;
  row.campaign.waiting_until.reset();
  row.campaign.note = std::move(note);
  row.is_open = true;  // until the tick has closed what was under way
}

Result<void> stop_in(Session& session, StoredCampaign& row, Instant now, std::string note) {
  mark_stopped(row, now, std::move(note));
  ZHIYIN_TRY_VOID(
      SendLedger::cancel_planned(session, row.campaign.id, "stopped", detail::kCancelSlice));
  return {};
}

/// What is left of a campaign of which nothing was due: the next moment, or nothing at all.
struct Rest {
  bool is_running = false;  ///< a refused request may just have paused it
  bool is_left = false;
  std::optional<Instant> next_due;
};

Result<Rest> rest_of(Session& session, const CampaignId& id) {
  Rest rest;
  ZHIYIN_TRY(const StoredCampaign row, detail::load(session, id));
  rest.is_running = row.campaign.state == CampaignState::kRunning;
  ZHIYIN_TRY(rest.is_left, detail::has_work_left(session, id));
  if (!rest.is_left) return rest;
  ZHIYIN_TRY(rest.next_due, SendLedger::next_due(session, id));
  return rest;
}

/// Done, when nothing is planned or sending any more.
Result<TickResult> finish(const Work& work) {
  Rest rest;
  ZHIYIN_TRY_VOID(work.parts.state.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(rest, rest_of(session, work.id()));
    return {};
  }));
  if (!rest.is_running) return TickResult{};
  if (rest.is_left) return TickResult{false, rest.next_due};
  ZHIYIN_TRY_VOID(
      detail::while_running(work.parts.state, work.id(), [&](Session&, StoredCampaign& row) {
        row.campaign.state = CampaignState::kDone;
        row.campaign.finished_at = work.now();
        row.campaign.waiting_until.reset();
        row.is_open = false;
        return Result<void>();
      }));
  return TickResult{};
}

Result<TickResult> advance(Work& work, detail::MembersCache& members) {
  if (!work.row.is_planned) return detail::expose(work, members);
  ZHIYIN_TRY(TickResult sent, work.campaign().channel == ChannelKind::kMass
                                  ? detail::send_mass_step(work)
                                  : detail::send_single_step(work));
  if (sent.more || sent.next_due) return sent;
  return finish(work);
}

/// Pauses the running campaigns that `is_meant` names.
Result<std::vector<CampaignId>> pause_those(storage::State& state, std::string_view note,
                                            const std::function<bool(const Campaign&)>& is_meant) {
  std::vector<CampaignId> paused;
  ZHIYIN_TRY_VOID(state.write([&](Session& session) -> Result<void> {
    paused.clear();
    ZHIYIN_TRY(std::vector<StoredCampaign> all, detail::load_page(session, {}, kCampaignsMax));
    for (StoredCampaign& row : all) {
      if (row.campaign.state != CampaignState::kRunning || !is_meant(row.campaign)) continue;
      row.campaign.state = CampaignState::kPaused;
      row.campaign.note = std::string(note);
      ZHIYIN_TRY_VOID(detail::save_run(session, row));
      paused.push_back(row.campaign.id);
    }
    return {};
  }));
  return paused;
}

}  // namespace

CampaignEngine::CampaignEngine(Parts parts, Settings settings)
    : parts_(parts),
      settings_(std::move(settings)),
      members_(std::make_unique<detail::MembersCache>()) {}

CampaignEngine::~CampaignEngine() = default;

Result<void> CampaignEngine::check_references(const Campaign& campaign) const {
  const auto refer = [](std::string_view field, const auto& found) -> Result<void> {
    if (found) return {};
    if (found.error().code != ErrorCode::kNotFound) return std::unexpected(found.error());
    return fail_field(field, "{}", found.error().message);
  };
  ZHIYIN_TRY_VOID(refer("account", parts_.senders.find(campaign.account)));
  return refer("segment", parts_.audience.check(campaign.segment));
}

Result<void> CampaignEngine::check_startable(const Campaign& campaign) const {
  ZHIYIN_TRY_VOID(validate(campaign));
  Result<delivery::SenderAccount> sender = parts_.senders.find(campaign.account);
  if (!sender) return std::unexpected(within("account", std::move(sender.error())));
  ZHIYIN_TRY_VOID(validate_for(campaign, *sender));
  Result<void> segment = parts_.audience.check(campaign.segment);
  if (!segment) return std::unexpected(within("segment", std::move(segment.error())));
  return {};
}

Result<Campaign> CampaignEngine::start(const CampaignId& id) {
  ZHIYIN_TRY(const StoredCampaign before, read_row(parts_.state, id));
  if (before.campaign.state != CampaignState::kDraft) return wrong_state(before.campaign, "draft");
  ZHIYIN_TRY_VOID(check_startable(before.campaign));
  return change(parts_.state, id, [&](Session&, StoredCampaign& row) -> Result<void> {
    if (row.campaign.state != CampaignState::kDraft) return wrong_state(row.campaign, "draft");
    if (row.campaign.version != before.campaign.version) {
      return fail(ErrorCode::kConflict, "campaign: {} has just been changed", id.value);
    }
    row.campaign.state = CampaignState::kRunning;
    row.campaign.started_at = parts_.clock.now();
    row.is_open = true;
    return {};
  });
}

Result<Campaign> CampaignEngine::pause(const CampaignId& id) {
  return change(parts_.state, id, [&](Session&, StoredCampaign& row) -> Result<void> {
    if (row.campaign.state != CampaignState::kRunning) return wrong_state(row.campaign, "running");
    row.campaign.state = CampaignState::kPaused;
    row.campaign.note.clear();
    return {};
  });
}

Result<std::int64_t> CampaignEngine::overdue(const CampaignId& id) const {
  ZHIYIN_TRY(const StoredCampaign row, read_row(parts_.state, id));
  const Campaign& c = row.campaign;
  const Instant now = parts_.clock.now();
  if (row.is_planned || c.exposed_at) {
    std::int64_t due = 0;
    ZHIYIN_TRY_VOID(parts_.state.read([&](Session& session) -> Result<void> {
      ZHIYIN_TRY(due, SendLedger::count_due(session, id, now));
      return {};
    }));
    return due;
  }
  if (c.at.value_or(c.started_at.value_or(now)) >= now) return 0;
  ZHIYIN_TRY(const std::vector<PersonId> members, parts_.audience.members(c.segment, now));
  return static_cast<std::int64_t>(members.size());
}

Result<void> CampaignEngine::skip_overdue(const CampaignId& id) {
  const Instant now = parts_.clock.now();
  ZHIYIN_TRY(const StoredCampaign row, read_row(parts_.state, id));
  if (!row.campaign.exposed_at) {
    return parts_.state.write([&](Session& session) -> Result<void> {
      ZHIYIN_TRY(StoredCampaign fresh, detail::load(session, id));
      ZHIYIN_TRY_VOID(stop_in(session, fresh, now, "its time had passed: skipped"));
      return detail::save_run(session, fresh);
    });
  }
  std::int64_t cancelled = 0;
  do {
    ZHIYIN_TRY_VOID(parts_.state.write([&](Session& session) -> Result<void> {
      ZHIYIN_TRY(cancelled, SendLedger::cancel_planned(session, id, "overdue, skipped on resume",
                                                       detail::kCancelSlice));
      return {};
    }));
  } while (cancelled > 0);
  return {};
}

Result<std::vector<CampaignId>> CampaignEngine::pause_overdue(const AccountId& account,
                                                              std::string_view note) {
  std::vector<StoredCampaign> all;
  ZHIYIN_TRY_VOID(parts_.state.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(all, detail::load_page(session, {}, kCampaignsMax));
    return {};
  }));
  std::set<CampaignId> late;
  for (const StoredCampaign& row : all) {
    const Campaign& c = row.campaign;
    if (c.state != CampaignState::kRunning || c.account != account) continue;
    ZHIYIN_TRY(const std::int64_t due, overdue(c.id));
    if (due > 0) late.insert(c.id);
  }
  if (late.empty()) return std::vector<CampaignId>();
  return pause_those(parts_.state, note, [&](const Campaign& c) { return late.contains(c.id); });
}

Result<Campaign> CampaignEngine::resume(const CampaignId& id, std::optional<Overdue> choice) {
  ZHIYIN_TRY(const StoredCampaign before, read_row(parts_.state, id));
  if (before.campaign.state != CampaignState::kPaused)
    return wrong_state(before.campaign, "paused");
  ZHIYIN_TRY(const std::int64_t due, overdue(id));
  if (due > 0 && !choice) {
    return fail(ErrorCode::kConflict,
                "campaign: {} has {} overdue touches: say overdue = send or skip", id.value, due);
  }
  if (due > 0 && *choice == Overdue::kSkip) {
    ZHIYIN_TRY_VOID(skip_overdue(id));
    if (!before.campaign.exposed_at) return Campaigns(parts_.state).get(id);
  }
  const bool skips_rest = due > 0 && *choice == Overdue::kSkip;
  return change(parts_.state, id, [&](Session&, StoredCampaign& row) -> Result<void> {
    if (row.campaign.state != CampaignState::kPaused) return wrong_state(row.campaign, "paused");
    row.campaign.state = CampaignState::kRunning;
    row.campaign.note.clear();
    row.campaign.waiting_until.reset();
    // Who was not decided on yet is as overdue as the others.
    if (skips_rest) row.is_planned = true;
    return {};
  });
}

Result<Campaign> CampaignEngine::stop(const CampaignId& id) {
  return change(parts_.state, id, [&](Session& session, StoredCampaign& row) -> Result<void> {
    const CampaignState state = row.campaign.state;
    if (state != CampaignState::kRunning && state != CampaignState::kPaused) {
      return wrong_state(row.campaign, "running or paused");
    }
    return stop_in(session, row, parts_.clock.now(), {});
  });
}

Result<std::vector<CampaignId>> CampaignEngine::emergency_stop(
    const std::function<bool(const AccountId&)>& of) {
  std::vector<CampaignId> stopped;
  ZHIYIN_TRY_VOID(parts_.state.write([&](Session& session) -> Result<void> {
    stopped.clear();
    ZHIYIN_TRY(std::vector<StoredCampaign> all, detail::load_page(session, {}, kCampaignsMax));
    for (StoredCampaign& row : all) {
      const CampaignState state = row.campaign.state;
      if (state != CampaignState::kRunning && state != CampaignState::kPaused) continue;
      if (of && !of(row.campaign.account)) continue;
      // Cancelling is left to the ticks: stopping must not take long.
      mark_stopped(row, parts_.clock.now(), "emergency stop");
      ZHIYIN_TRY_VOID(detail::save_run(session, row));
      stopped.push_back(row.campaign.id);
    }
    return {};
  }));
  parts_.logger.warning("campaign", "emergency_stop", {{"campaigns", stopped.size()}});
  return stopped;
}

Result<TickResult> CampaignEngine::step(const CampaignId& id) {
  ZHIYIN_TRY(StoredCampaign row, read_row(parts_.state, id));
  if (row.campaign.state == CampaignState::kStopped) {
    members_->forget(id);
    ZHIYIN_TRY(const bool closed, detail::close_stopped(parts_, id));
    return TickResult{!closed, std::nullopt};
  }
  if (row.campaign.state != CampaignState::kRunning) return TickResult{};
  if (row.is_planned) members_->forget(id);
  const Instant now = parts_.clock.now();
  if (row.campaign.waiting_until && *row.campaign.waiting_until > now) {
    return TickResult{false, row.campaign.waiting_until};
  }
  Result<TickResult> result = [&]() -> Result<TickResult> {
    ZHIYIN_TRY(Work work, detail::open_work(parts_, settings_, std::move(row)));
    // Before anything that calls, also what is repeated under its own id.
    std::optional<Instant> held;
    ZHIYIN_TRY_VOID(parts_.state.read([&](Session& session) -> Result<void> {
      ZHIYIN_TRY(held, detail::held_until(session, work, now));
      return {};
    }));
    if (held) return detail::wait_until(work, *held);
    return advance(work, *members_);
  }();
  if (result || !is_final(result.error().code)) return result;
  const std::string note = result.error().text();
  ZHIYIN_TRY_VOID(detail::while_running(parts_.state, id, [&](Session&, StoredCampaign& stored) {
    stored.campaign.state = CampaignState::kPaused;
    stored.campaign.note = note;
    return Result<void>();
  }));
  parts_.logger.error("campaign", "paused", {{"campaign", id}, {"error", note}});
  return TickResult{};
}

Result<TickResult> CampaignEngine::tick() {
  const MutexLock lock(tick_mutex_);
  std::vector<CampaignId> open;
  ZHIYIN_TRY_VOID(parts_.state.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(open, detail::open_ids(session));
    return {};
  }));
  TickResult all;
  for (const CampaignId& id : open) {
    Result<TickResult> one = step(id);
    if (!one) {  // one campaign's trouble must not hold up the others
      parts_.logger.error("campaign", "tick_failed",
                          {{"campaign", id}, {"error", one.error().text()}});
      one = TickResult{false, parts_.clock.now() + kErrorPause};
    }
    all.more = all.more || one->more;
    all.next_due = detail::earlier(all.next_due, one->next_due);
  }
  return all;
}

Result<void> CampaignEngine::recover(Duration older_than) {
  const MutexLock lock(tick_mutex_);
  const Instant now = parts_.clock.now();
  std::size_t closed = 0;
  ZHIYIN_TRY_VOID(parts_.state.write([&](Session& session) -> Result<void> {
    constexpr std::size_t kOpenTestsMax = 10'000;
    ZHIYIN_TRY(const std::vector<Touch> tests, SendLedger::open_tests(session, kOpenTestsMax));
    closed = 0;
    for (const Touch& touch : tests) {
      if (touch.sent_at && *touch.sent_at > now - older_than) continue;
      ++closed;
      ZHIYIN_TRY_VOID(detail::close_unknown(session, touch, "the process ended", now));
    }
    return {};
  }));
  std::vector<CampaignId> open;
  ZHIYIN_TRY_VOID(parts_.state.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(open, detail::open_ids(session));
    return {};
  }));
  parts_.logger.info("campaign", "recovered",
                     {{"open_campaigns", open.size()}, {"closed_tests", closed}});
  return {};
}

Result<std::vector<CampaignId>> pause_all(storage::State& state, std::string_view note) {
  return pause_those(state, note, [](const Campaign&) { return true; });
}

}  // namespace zhiyin::campaign
