#include "campaign/dry_run.h"

#include <algorithm>
#include <utility>

#include "campaign/detail/exposure.h"
#include "campaign/engine.h"
#include "delivery/holdout.h"

namespace zhiyin::campaign {

using delivery::Recipient;
using delivery::Rule;
using delivery::Verdict;
using detail::Work;
using storage::Session;

namespace {

constexpr std::size_t kPreviewsMax = 5;
constexpr std::size_t kPeopleMax = 200;
constexpr std::string_view kSampleCode = "XXXXXXXXXXX";

struct Count {
  DryRun& out;
  std::map<Rule, std::int64_t> refused;

  void person(const PersonId& id, std::string_view decision, Rule rule) {
    if (out.people.size() >= kPeopleMax) return;
    out.people.push_back(
        {id, std::string(decision), rule == Rule::kNone ? "" : std::string(enum_name(rule))});
  }
  void refuse(const PersonId& id, Rule rule) {
    ++refused[rule];
    person(id, "refused", rule);
  }
};

void preview(const Work& work, const Recipient& recipient, DryRun& out) {
  if (out.previews.size() >= kPreviewsMax) return;
  const std::string link =
      work.message.uses_link() ? detail::link_address(work.settings, kSampleCode) : std::string();
  out.previews.push_back(
      {recipient.person, preview_text(detail::content_for(work, recipient, link))});
}

/// The decisions that exposure and sending make, in their order; `decision`: of the gate.
void decide_one(const Work& work, const Recipient& recipient, const delivery::Decision& decision,
                Count& count) {
  const Campaign& c = work.campaign();
  const bool held_out = detail::is_eligible(recipient) &&
                        delivery::Holdout::would_hold_out(c.id, recipient.person, c.holdout);
  const detail::Exposed exposed = detail::exposed(recipient, held_out);
  if (exposed.state == delivery::TouchState::kHeldOut) {
    ++count.out.holdout;
    count.person(recipient.person, "held_out", Rule::kHeldOut);
    return;
  }
  if (exposed.state == delivery::TouchState::kRefused) {
    count.refuse(recipient.person, exposed.rule);
    return;
  }
  if (decision.verdict == Verdict::kRefuse) {
    count.refuse(recipient.person, decision.rule);
    return;
  }
  ++count.out.would_send;  // who has to wait for quota is sent to later
  count.person(recipient.person, "send", Rule::kNone);
  preview(work, recipient, count.out);
}

/// A mass send to fewer people than the platform takes does not exist.
void refuse_too_few(const Work& work, Count& count) {
  const auto least = static_cast<std::int64_t>(work.sender.mass_openids_min);
  if (work.campaign().channel != ChannelKind::kMass || count.out.would_send == 0 ||
      count.out.would_send >= least) {
    return;
  }
  count.refused[Rule::kBatchTooSmall] += std::exchange(count.out.would_send, 0);
  count.out.previews.clear();
  for (PersonDecision& d : count.out.people) {
    if (d.decision != "send") continue;
    d.decision = "refused";
    d.rule = std::string(enum_name(Rule::kBatchTooSmall));
  }
}

std::int64_t calls_needed(const Work& work, std::int64_t people) {
  if (work.campaign().channel != ChannelKind::kMass) return people;
  const auto size = static_cast<std::int64_t>(
      std::min(work.settings.mass_chunk_max, work.sender.mass_openids_max));
  // Every batch but the last leaves one place empty, so that enough are left for another one (see
  // the mass sender).
  const std::int64_t step = work.sender.mass_openids_min > 1 ? size - 1 : size;
  return people <= size ? std::min<std::int64_t>(people, 1) : 1 + (people - size + step - 1) / step;
}

Result<void> decide_slice(const Work& work, std::span<const PersonId> slice, std::int64_t calls,
                          Count& count) {
  ZHIYIN_TRY(const std::vector<Recipient> recipients,
             work.parts.recipients.find(slice, work.query()));
  return work.parts.state.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const std::vector<delivery::Decision> decisions,
               detail::judge_all(session, work, recipients, calls, false, count.out.send_at));
    for (std::size_t i = 0; i < recipients.size(); ++i) {
      if (!recipients[i].person.empty()) decide_one(work, recipients[i], decisions[i], count);
    }
    return {};
  });
}

}  // namespace

Result<DryRun> CampaignEngine::dry_run(const CampaignId& id) const {
  DryRun out;
  out.as_of = parts_.clock.now();
  detail::StoredCampaign row;
  ZHIYIN_TRY_VOID(parts_.state.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(row, detail::load(session, id));
    return {};
  }));
  ZHIYIN_TRY_VOID(check_startable(row.campaign));
  ZHIYIN_TRY(const Work work, detail::open_work(parts_, settings_, std::move(row)));
  const delivery::GateRules& rules = work.sender.rules;
  out.send_at = rules.quiet.next_allowed(
      std::max(out.as_of, work.campaign().at.value_or(out.as_of)), rules.zone);
  ZHIYIN_TRY(const std::vector<PersonId> people,
             parts_.audience.members(work.campaign().segment, out.as_of));
  out.audience = static_cast<std::int64_t>(people.size());
  ZHIYIN_TRY_VOID(parts_.state.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(out.quota.left, detail::calls_left(session, work, out.send_at));
    return {};
  }));
  Count count{out, {}};
  for (std::size_t i = 0; i < people.size(); i += settings_.plan_slice) {
    const std::size_t n = std::min(settings_.plan_slice, people.size() - i);
    ZHIYIN_TRY_VOID(decide_slice(work, std::span(people).subspan(i, n), out.quota.left, count));
  }
  refuse_too_few(work, count);
  for (const auto& [rule, n] : count.refused) {
    const delivery::RuleWords words = delivery::rule_words(rule);
    out.refused.push_back(
        {std::string(enum_name(rule)), n, std::string(words.zh), std::string(words.en)});
  }
  out.quota.needed = calls_needed(work, out.would_send);
  return out;
}

}  // namespace zhiyin::campaign
