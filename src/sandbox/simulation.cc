#include "sandbox/simulation.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/secret.h"
#include "sandbox/wecom.h"

namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kEventLanes = 2;
constexpr std::size_t kEventsPerPost = 1000;
constexpr std::size_t kOpenLanes = 8;
constexpr double kNotificationStrength = 0.3;
constexpr std::string_view kPageScenes[] = {"ADD_SCENE_SEARCH", "ADD_SCENE_QR_CODE",
                                            "ADD_SCENE_PROFILE_CARD", "ADD_SCENE_PAID"};

http::Client::Settings client_settings() {
  http::Client::Settings settings;
  settings.idle_per_host = 32;
  return settings;
}

PopulationSettings population_settings(const SandboxSettings& s) {
  PopulationSettings p;
  p.people = s.people;
  p.seed = s.seed;
  p.start = s.start;
  p.activity = s.activity;
  p.message_effect = s.message_effect;
  return p;
}

/// The end of the step that holds `t`: midnight, six, noon, … in Shanghai.
Instant step_end(Instant t) {
  const std::int64_t step = Simulation::kStep.count();
  const std::int64_t shift = 8LL * 3600 * 1'000'000;
  return {((t.us + shift) / step + 1) * step - shift};
}

std::string_view scene_of(const Person& person) {
  return kPageScenes[static_cast<std::size_t>(person.openid.back()) % std::size(kPageScenes)];
}

void add(AdvanceReport& total, const AdvanceReport& more) {
  total.events += more.events;
  total.callbacks += more.callbacks;
  total.links_opened += more.links_opened;
  total.links_failed += more.links_failed;
  total.messages += more.messages;
  total.steps += more.steps;
}

Result<BehaviourKind> deed_kind(std::string_view name) {
  for (const BehaviourKind kind :
       {BehaviourKind::kFollow, BehaviourKind::kUnfollow, BehaviourKind::kText,
        BehaviourKind::kMenuClick, BehaviourKind::kScan}) {
    if (to_string(kind) == name) return kind;
  }
  return fail_field("kind", "'{}' is not one of follow, unfollow, message, menu_click, scan",
                    name.substr(0, 40));
}

}  // namespace

Simulation::Simulation(SandboxSettings settings, Logger& logger)
    : settings_(std::move(settings)),
      logger_(logger),
      library_(make_library(settings_.seed, settings_.start)),
      companions_(companion_accounts(settings_.seed)),
      clock_(settings_.start),
      platform_(clock_, settings_.seed),
      client_(http::Client::create(client_settings())),
      population_(population_settings(settings_), library_),
      random_(settings_.seed ^ 0x5851f42d4c957f2dULL) {
  platform_.add(settings_.account);
  for (std::uint32_t i = 0; i < population_.size(); ++i) {
    const Person& person = population_.person(i);
    if (!population_.follows(i)) continue;
    platform_.follow(settings_.account.app_id, person.openid, person.unionid, person.joined_at,
                     scene_of(person));
  }
  introduce_companions();
  for (const Fault& fault : settings_.faults) platform_.inject(fault);
  publish_status();
}

void Simulation::introduce_companions() {
  // Some of the people use the mini-program, and some are contacts of the company's members.
  constexpr std::uint32_t kMiniUsers = 300, kContacts = 60;
  constexpr std::string_view kMembers[] = {"lili", "wangwei", "zhangmin", "liuyang", "zhaolei"};
  for (const SandboxAccount& account : companions_) platform_.add(account);
  const auto size = static_cast<std::uint32_t>(population_.size());
  const auto introduce = [&](AccountState& account, Instant) {
    const bool is_company = account.identity.kind == AccountKind::kWecom;
    const std::uint32_t count = std::min(size, is_company ? kContacts : kMiniUsers);
    for (std::uint32_t i = 0; i < count; ++i) {
      const Person& person = population_.person(i);
      const std::string id = make_hex(settings_.seed, account.identity.id + person.openid, 26);
      if (is_company) {
        meet(account, kMembers[i % std::size(kMembers)], "wm" + id, fmt::format("客户{}", i + 1),
             person.unionid, "", settings_.start - kDay * (i % 30 + 1));
      } else if (account.identity.kind == AccountKind::kMiniProgram) {
        account.people.at("oM" + id).unionid = person.unionid;
      }
    }
    account.callbacks.clear();  // it happened before anybody listened
    return true;
  };
  for (const SandboxAccount& account : companions_)
    static_cast<void>(platform_.with(account.app_id, introduce));
}

Simulation::~Simulation() = default;

Simulation::Turn::~Turn() {
  if (simulation_ == nullptr) return;
  MutexLock lock(simulation_->turn_mutex_);
  simulation_->turn_taken_ = false;
}

Result<Simulation::Turn> Simulation::take_turn() const {
  MutexLock lock(turn_mutex_);
  if (turn_taken_)
    return fail(ErrorCode::kConflict, "sandbox: time is being moved; ask again when that is done");
  turn_taken_ = true;
  return Turn(*this);
}

EventContext Simulation::event_context() const {
  return {connection_.account, settings_.seed, &library_, &population_};
}

Result<Json> Simulation::connect(ServerConnection connection) {
  ZHIYIN_TRY(const Turn turn, take_turn());
  while (connection.url.ends_with('/')) connection.url.pop_back();
  if (connection.account.empty()) connection.account = settings_.account.id;
  connection_ = connection;
  link_ = std::make_unique<ServerLink>(*client_, connection);
  sender_ = std::make_unique<CallbackSender>(
      CallbackSender::Settings{
          .account = settings_.account, .mischief = {}, .seed = random_.next()},
      [link = link_.get()](const SignedCallback& callback) {
        return link->post_callback(callback);
      });
  companion_senders_.clear();
  for (SandboxAccount account : companions_) {
    if (std::ranges::find(connection_.companions, account.id) == connection_.companions.end())
      continue;
    const bool is_mini = account.kind == AccountKind::kMiniProgram;
    if (is_mini && connection_.json) account.format = CallbackFormat::kJson;
    companion_senders_[account.app_id] = {
        link_->callback_url(account.id),
        std::make_unique<CallbackSender>(
            CallbackSender::Settings{.account = account, .mischief = {}, .seed = random_.next()},
            [link = link_.get()](const SignedCallback& callback) {
              return link->post_callback(callback);
            })};
  }
  ZHIYIN_TRY_VOID(link_->move_clock(clock_.now()));
  const std::string echo = std::to_string(random_.next());
  const auto answer = link_->get(
      verification_url(settings_.account, link_->callback_url(), echo, clock_.now(), random_));
  Json out = Json::object();
  out.set("callback_url", link_->callback_url());
  const bool verified = answer && answer->status == 200 && answer->body == echo;
  out.set("verified", verified);
  std::string detail;
  if (!answer) detail = answer.error().text();
  if (answer && !verified)
    detail = fmt::format("answered {}: {}", answer->status, answer->body.substr(0, 200));
  out.set("detail", detail);
  publish_status();
  return out;
}

Result<AdvanceReport> Simulation::advance(Instant to) {
  ZHIYIN_TRY(const Turn turn, take_turn());
  if (!link_) {
    return fail(ErrorCode::kConflict,
                "sandbox: no server is connected; POST /sandbox/connect first");
  }
  if (to < clock_.now()) {
    return fail_field("to", "{} lies before the clock's {}", format_utc(to),
                      format_utc(clock_.now()));
  }
  AdvanceReport report;
  Result<void> outcome = deliver(report);  // what an earlier failure left
  while (outcome && clock_.now() < to) outcome = step(std::min(to, step_end(clock_.now())), report);
  // Once more at the same moment: the server comes to rest with everything told.
  if (outcome) outcome = link_->move_clock(to);
  if (outcome) {
    hand_out_messages(report);
    outcome = deliver(report);
  }
  add(total_, report);
  publish_status();
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  logger_.info("sandbox", "advanced",
               {{"to", format_utc(to)},
                {"events", report.events.accepted},
                {"callbacks", report.callbacks.messages},
                {"messages", report.messages}});
  return report;
}

Result<void> Simulation::step(Instant to, AdvanceReport& report) {
  for (const Behaviour& behaviour : population_.simulate_until(to)) happen(behaviour);
  ZHIYIN_TRY_VOID(clock_.advance_to(to));
  // The server's clock goes first: events from its future would be refused, and callbacks signed
  // now with its old time would look too new.
  ZHIYIN_TRY_VOID(link_->move_clock(to));
  hand_out_messages(report);
  collect_due_callbacks();
  ZHIYIN_TRY_VOID(deliver(report));
  hand_out_messages(report);
  ++report.steps;
  publish_status();
  return {};
}

void Simulation::happen(const Behaviour& behaviour) {
  const Person& person = population_.person(behaviour.person);
  const std::string& app_id = settings_.account.app_id;
  const auto call_back = [&](CallbackMessage message) {
    message.app_id = app_id;
    outbox_.callbacks.push_back(std::move(message));
  };
  switch (behaviour.kind) {
    case BehaviourKind::kFollow: {
      const bool by_code = behaviour.text.empty() ? scene_of(person) == "ADD_SCENE_QR_CODE" : true;
      const std::string scene = behaviour.text.empty() ? "poster_spring" : behaviour.text;
      platform_.follow(app_id, person.openid, person.unionid, behaviour.at,
                       by_code ? "ADD_SCENE_QR_CODE" : scene_of(person), by_code ? scene : "");
      std::vector<CallbackField> fields;
      if (by_code)
        fields = {{"EventKey", "qrscene_" + scene, false},
                  {"Ticket", "gQ" + make_hex(1, scene, 40), false}};
      call_back(event_message(person.openid, behaviour.at, "subscribe", std::move(fields)));
      return;
    }
    case BehaviourKind::kUnfollow:
      platform_.unfollow(app_id, person.openid);
      call_back(
          event_message(person.openid, behaviour.at, "unsubscribe", {{"EventKey", "", false}}));
      return;
    case BehaviourKind::kText:
      platform_.trigger(app_id, person.openid, Trigger::kMessage, behaviour.at);
      call_back(text_message(person.openid, behaviour.at, behaviour.text,
                             platform_.next_message_id(app_id)));
      return;
    case BehaviourKind::kMenuClick:
      platform_.trigger(app_id, person.openid, Trigger::kMenuTap, behaviour.at);
      call_back(event_message(person.openid, behaviour.at, "CLICK",
                              {{"EventKey", behaviour.text, false}}));
      return;
    case BehaviourKind::kScan:
      platform_.trigger(app_id, person.openid, Trigger::kScan, behaviour.at);
      call_back(event_message(person.openid, behaviour.at, "SCAN",
                              {{"EventKey", behaviour.text, false},
                               {"Ticket", "gQ" + make_hex(1, behaviour.text, 40), false}}));
      return;
    case BehaviourKind::kOpenLink:
      outbox_.opens.push_back(behaviour);
      return;
    default:
      outbox_.events.emplace_back(behaviour.person, event_json(behaviour, event_context()));
  }
}

void Simulation::hand_out_messages(AdvanceReport& report) {
  for (SentMessage& message : platform_.take_messages()) {
    ++report.messages;
    const auto number = static_cast<std::uint32_t>(sent_.size());
    std::vector<std::uint32_t> people;
    for (const std::string& openid : message.recipients) {
      if (const auto index = population_.find(openid)) people.push_back(*index);
    }
    if (message.channel != "preview") {
      const bool notification = message.channel == "template";
      population_.receive(
          {number, message.text, message.link, std::max(message.at, population_.now()),
           notification ? kNotificationStrength : 1.0},
          people);
    }
    message.recipients.clear();
    sent_.push_back({std::move(message), people.size(), {}});
  }
}

Result<void> Simulation::deliver(AdvanceReport& report) {
  deliver_opens(report);
  ZHIYIN_TRY_VOID(deliver_events(report));
  deliver_callbacks(report);
  return {};
}

Result<void> Simulation::deliver_events(AdvanceReport& report) {
  if (outbox_.events.empty()) return {};
  struct Lane {
    std::vector<std::string> events;
    EventCounts counts;
    Result<void> outcome;
  };
  std::vector<Lane> lanes(kEventLanes);  // by person: what one person did stays in order
  for (const auto& [person, event] : outbox_.events)
    lanes[person % kEventLanes].events.push_back(event);
  in_parallel(lanes.size(), [&](std::size_t i) {
    Lane& lane = lanes[i];
    for (std::size_t at = 0; at < lane.events.size() && lane.outcome; at += kEventsPerPost) {
      const std::size_t end = std::min(at + kEventsPerPost, lane.events.size());
      auto counts = link_->send_events({lane.events.begin() + static_cast<std::ptrdiff_t>(at),
                                        lane.events.begin() + static_cast<std::ptrdiff_t>(end)});
      if (counts) {
        lane.counts += *counts;
      } else {
        lane.outcome = std::unexpected(std::move(counts.error()));
      }
    }
  });
  for (const Lane& lane : lanes) report.events += lane.counts;
  for (Lane& lane : lanes) {
    // All of them stay for the next try: the server knows by their ids which it has.
    if (!lane.outcome) return std::unexpected(std::move(lane.outcome.error()));
  }
  outbox_.events.clear();
  return {};
}

void Simulation::deliver_opens(AdvanceReport& report) {
  struct Lane {
    std::vector<const Behaviour*> opens;
    std::vector<std::pair<const Behaviour*, LinkTarget>> arrived;
    std::int64_t failed = 0;
  };
  std::vector<Lane> lanes(std::min(kOpenLanes, outbox_.opens.size()));
  for (std::size_t i = 0; i < outbox_.opens.size(); ++i)
    lanes[i % lanes.size()].opens.push_back(&outbox_.opens[i]);
  in_parallel(lanes.size(), [&](std::size_t i) {
    for (const Behaviour* open : lanes[i].opens) {
      if (!is_tracked_link(open->text)) continue;
      if (const auto location = link_->open_link(open->text)) {
        lanes[i].arrived.emplace_back(open, parse_link_target(*location));
      } else {
        ++lanes[i].failed;
      }
    }
  });
  for (const Lane& lane : lanes) {
    report.links_failed += lane.failed;
    report.links_opened += static_cast<std::int64_t>(lane.arrived.size());
    for (const auto& [open, target] : lane.arrived) {
      outbox_.events.emplace_back(open->person, link_click_json(*open, target, event_context()));
      if (!target.campaign.empty()) note_campaign(open->message, target.campaign);
    }
  }
  outbox_.opens.clear();
}

void Simulation::collect_due_callbacks() {
  for (CallbackMessage& due : platform_.take_due_callbacks()) {
    const bool is_known =
        due.app_id == settings_.account.app_id || companion_senders_.contains(due.app_id);
    if (is_known) outbox_.callbacks.push_back(std::move(due));
  }
}

void Simulation::deliver_callbacks(AdvanceReport& report) {
  std::vector<CallbackMessage> callbacks = std::exchange(outbox_.callbacks, {});
  for (auto& [app_id, companion] : companion_senders_) {
    std::vector<CallbackMessage> theirs;
    std::erase_if(callbacks, [&](CallbackMessage& message) {
      const bool is_theirs = message.app_id == app_id;
      if (is_theirs) theirs.push_back(std::move(message));
      return is_theirs;
    });
    report.callbacks += companion.sender->deliver(theirs, companion.url, clock_.now());
  }
  report.callbacks += sender_->deliver(callbacks, link_->callback_url(), clock_.now());
}

void Simulation::note_campaign(std::uint32_t message, const std::string& campaign) {
  if (message < sent_.size()) sent_[message].campaign = campaign;
}

Result<Json> Simulation::play(const Play& what) {
  ZHIYIN_TRY(const Turn turn, take_turn());
  std::string app_id = what.account == settings_.account.id ? settings_.account.app_id : "";
  for (const SandboxAccount& account : companions_) {
    if (account.id == what.account) app_id = account.app_id;
  }
  if (app_id.empty()) return fail_field("account", "is none of the sandbox's");
  auto played = platform_.with(app_id, [&](AccountState& account, Instant now) {
    return sandbox::play(account, what, now);
  });
  if (!played) return std::unexpected(played.error());
  if (!*played || !link_) return std::move(*played);
  AdvanceReport report;
  collect_due_callbacks();
  deliver_callbacks(report);
  add(total_, report);
  publish_status();
  return std::move(*played);
}

Result<Json> Simulation::set_mischief(const CallbackMischief& mischief) {
  ZHIYIN_TRY(const Turn turn, take_turn());
  if (!sender_)
    return fail(ErrorCode::kConflict,
                "sandbox: no server is connected; POST /sandbox/connect first");
  sender_->set_mischief(mischief);
  for (auto& [app_id, companion] : companion_senders_) companion.sender->set_mischief(mischief);
  return zhiyin::to_json(mischief);
}

Result<Json> Simulation::act(const Deed& deed) {
  ZHIYIN_TRY(const BehaviourKind kind, deed_kind(deed.kind));
  ZHIYIN_TRY(const Turn turn, take_turn());
  const std::optional<std::uint32_t> index = population_.find(deed.openid);
  if (!index)
    return fail(ErrorCode::kNotFound, "sandbox: nobody has the openid '{}'",
                shortened(deed.openid));
  if (!link_)
    return fail(ErrorCode::kConflict,
                "sandbox: no server is connected; POST /sandbox/connect first");
  const bool following = population_.follows(*index);
  if (kind == BehaviourKind::kFollow ? following : !following) {
    return fail(ErrorCode::kConflict, "sandbox: this person {}",
                following ? "follows already" : "does not follow");
  }
  if (kind == BehaviourKind::kFollow) population_.set_following(*index, true);
  if (kind == BehaviourKind::kUnfollow) population_.set_following(*index, false);
  Behaviour behaviour;
  behaviour.at = clock_.now();
  behaviour.person = *index;
  behaviour.kind = kind;
  behaviour.text = deed.text;
  happen(behaviour);
  AdvanceReport report;
  deliver_callbacks(report);
  hand_out_messages(report);
  add(total_, report);
  publish_status();
  Json out = to_json(report);
  const std::vector<std::string>& replies = sender_->replies();
  out.set("reply",
          report.callbacks.replied > 0 && !replies.empty() ? Json(replies.back()) : Json());
  return out;
}

}  // namespace zhiyin::sandbox
