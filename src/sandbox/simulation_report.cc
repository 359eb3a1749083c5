#include <fmt/format.h>

#include <algorithm>

#include "base/secret.h"
#include "sandbox/simulation.h"

// What the simulation tells about itself.
namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kMessagesShown = 50;

Json counts_json(const EventCounts& counts) {
  Json out = Json::object();
  out.set("sent", counts.sent);
  out.set("accepted", counts.accepted);
  out.set("duplicate", counts.duplicate);
  out.set("quarantined", counts.quarantined);
  if (!counts.first_reason.empty()) out.set("first_reason", counts.first_reason);
  return out;
}

Json counts_json(const CallbackCounts& counts) {
  Json out = Json::object();
  out.set("messages", counts.messages);
  out.set("posts", counts.posts);
  out.set("acknowledged", counts.acknowledged);
  out.set("replied", counts.replied);
  out.set("retried", counts.retried);
  out.set("unanswered", counts.unanswered);
  out.set("bad_answers", counts.bad_answers);
  out.set("duplicates", counts.duplicates);
  out.set("duplicates_answered_otherwise", counts.duplicates_answered_otherwise);
  out.set("out_of_order", counts.out_of_order);
  return out;
}

}  // namespace

Json to_json(const AdvanceReport& report) {
  Json out = Json::object();
  out.set("events", report.events.accepted);
  out.set("callbacks", report.callbacks.messages);
  out.set("event_counts", counts_json(report.events));
  out.set("callback_counts", counts_json(report.callbacks));
  out.set("links_opened", report.links_opened);
  out.set("links_failed", report.links_failed);
  out.set("messages", report.messages);
  out.set("steps", report.steps);
  return out;
}

void Simulation::publish_status() {
  Json status = Json::object();
  status.set("now", format_time(clock_.now(), TimeZone::shanghai()));
  status.set("people", population_.size());
  status.set("followers", platform_.followers(settings_.account.app_id));
  status.set("connected", link_ ? Json(connection_.url) : Json());
  status.set("page_key",
             link_ ? Json(connection_.ingest_key) : Json());  // public: stands in every page
  status.set("callback_url", link_ ? Json(link_->callback_url()) : Json());
  status.set("totals", to_json(total_));
  Json waiting = Json::object();
  waiting.set("events", outbox_.events.size());
  waiting.set("links", outbox_.opens.size());
  waiting.set("callbacks", outbox_.callbacks.size());
  status.set("waiting", std::move(waiting));
  Json complaints = Json::array(), replies = Json::array();
  if (sender_) {
    for (const std::string& text : sender_->complaints()) complaints.push(text);
    for (const std::string& text : sender_->replies()) replies.push(text);
  }
  for (const auto& [app_id, companion] : companion_senders_) {
    for (const std::string& text : companion.sender->complaints()) complaints.push(text);
  }
  status.set("complaints", std::move(complaints));
  status.set("replies", std::move(replies));
  MutexLock lock(status_mutex_);
  status_ = std::move(status);
}

Json Simulation::status() const {
  Json status;
  {
    MutexLock lock(status_mutex_);
    status = status_;
  }
  status.set("calls", platform_.call_counts());
  return status;
}

Result<Json> Simulation::truth() const {
  ZHIYIN_TRY(const Turn turn, take_turn());
  struct Sum {
    double n = 0, base = 0, treated = 0;
  };
  std::map<std::string, Sum> campaigns;
  Json messages = Json::array();
  for (const auto& [number, effect] : population_.effects()) {
    const SentRecord& record = sent_[number];
    Json one = Json::object();
    one.set("msg_id", record.message.id);
    one.set("clientmsgid", record.message.client_id);
    one.set("channel", record.message.channel);
    one.set("campaign", record.campaign.empty() ? Json() : Json(record.campaign));
    one.set("at", format_time(record.message.at, TimeZone::shanghai()));
    one.set("targeted", record.message.targeted);
    one.set("recipients", effect.recipients);
    one.set("true_effect", effect.treated_rate - effect.base_rate);
    one.set("base_rate", effect.base_rate);
    one.set("treated_rate", effect.treated_rate);
    messages.push(std::move(one));
    if (record.campaign.empty()) continue;
    Sum& sum = campaigns[record.campaign];
    const auto n = static_cast<double>(effect.recipients);
    sum.n += n;
    sum.base += n * effect.base_rate;
    sum.treated += n * effect.treated_rate;
  }
  Json by_campaign = Json::array();
  for (const auto& [campaign, sum] : campaigns) {
    Json one = Json::object();
    one.set("campaign", campaign);
    one.set("recipients", static_cast<std::int64_t>(sum.n));
    one.set("true_effect", (sum.treated - sum.base) / sum.n);
    one.set("base_rate", sum.base / sum.n);
    one.set("treated_rate", sum.treated / sum.n);
    by_campaign.push(std::move(one));
  }
  Json out = Json::object();
  out.set("metric", "purchase within 7d");
  out.set("as_of", format_time(clock_.now(), TimeZone::shanghai()));
  out.set("messages", std::move(messages));
  out.set("campaigns", std::move(by_campaign));
  return out;
}

Result<Json> Simulation::messages() const {
  ZHIYIN_TRY(const Turn turn, take_turn());
  Json items = Json::array();
  const std::size_t from = sent_.size() > kMessagesShown ? sent_.size() - kMessagesShown : 0;
  for (std::size_t i = sent_.size(); i-- > from;) {
    const SentRecord& record = sent_[i];
    Json one = Json::object();
    one.set("msg_id", record.message.id);
    one.set("clientmsgid", record.message.client_id);
    one.set("channel", record.message.channel);
    one.set("at", format_time(record.message.at, TimeZone::shanghai()));
    one.set("text", record.message.text);
    one.set("link", record.message.link);
    one.set("ai_label", record.message.ai_label);
    one.set("targeted", record.message.targeted);
    one.set("recipients", record.recipients);
    items.push(std::move(one));
  }
  Json out = Json::object();
  out.set("total", sent_.size());
  out.set("items", std::move(items));
  return out;
}

Result<Json> Simulation::person(std::string_view openid) const {
  ZHIYIN_TRY(const Turn turn, take_turn());
  const std::optional<std::uint32_t> index = population_.find(openid);
  if (!index)
    return fail(ErrorCode::kNotFound, "sandbox: nobody has the openid '{}'", shortened(openid));
  const Person& person = population_.person(*index);
  Json interests = Json::object();
  for (std::size_t t = 0; t < kTopicCount; ++t) interests.set(topics()[t].name, person.interest[t]);
  Json hours = Json::array();
  for (const double share : person.hours) hours.push(share);
  Json out = Json::object();
  out.set("openid", person.openid);
  out.set("following", population_.follows(*index));
  out.set("interests", std::move(interests));
  out.set("hours", std::move(hours));
  out.set("visits_per_day", person.visits_per_day);
  out.set("purchases_per_day", person.purchases_per_day);
  out.set("price_sensitivity", person.price_sensitivity);
  out.set("engagement", person.engagement);
  out.set("uplift", person.uplift);
  out.set("messages", population_.receipts(*index).size());
  return out;
}

}  // namespace zhiyin::sandbox
