#include "sandbox/population.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/check.h"
#include "sandbox/words.h"

namespace zhiyin::sandbox {
namespace {

constexpr double kUnfollowPerDay = 0.0006;
constexpr double kReturnPerDay = 0.002;
constexpr double kVisitsOfStrangers = 0.35;   // of those who do not follow (any more)
constexpr double kVisitsOfEngaged = 1.8;      // while a message is fresh
constexpr double kOptOutProbability = 0.012;  // per message too many
constexpr double kTouchOfMessages =
    0.12;                         // effect of a message not acted on, as share of one that is
constexpr double kFatigue = 0.8;  // of each earlier message within a month
constexpr double kOpenDelayHours = 3;
constexpr double kOpenDelayHoursMax = 20;
constexpr int kDrawsMax = 6;
constexpr std::uint64_t kTalking = 3, kVisiting = 1, kBuying = 2, kLeaving = 4, kReacting = 5;

/// A Poisson number. One comparison in the common case of none.
int poisson(Random& random, double mean) {
  const double u = random.uniform();
  if (u < 1 - mean) return 0;  // 1 - m <= exp(-m)
  double term = std::exp(-mean), sum = term;
  int n = 0;
  while (u >= sum && n < 50) {
    ++n;
    term *= mean / n;
    sum += term;
  }
  return n;
}

Instant within_hour(Instant hour, Random& random) {
  return hour + Duration(1 + static_cast<std::int64_t>(random.below(kHour.count() - 1)));
}

Duration seconds_of(double s) { return Duration(static_cast<std::int64_t>(s * 1e6)); }

std::string_view any_of(std::span<const std::string_view> from, Random& random) {
  return from[random.below(from.size())];
}

bool lies_in_hour(Instant t, Instant hour) { return t >= hour && t < hour + kHour; }

}  // namespace

std::string_view to_string(BehaviourKind kind) {
  static constexpr std::string_view kNames[] = {
      "follow", "unfollow", "message",  "menu_click", "scan", "read",     "like",
      "share",  "comment",  "favorite", "click",      "cart", "purchase", "open_link"};
  return kNames[static_cast<std::size_t>(kind)];
}

bool is_conversation(BehaviourKind kind) { return kind <= BehaviourKind::kScan; }

Population::Population(const PopulationSettings& settings, const std::vector<LibraryItem>& library)
    : settings_(settings),
      library_(library),
      states_(settings.people),
      items_of_topic_(kTopicCount),
      weights_of_topic_(kTopicCount),
      products_of_topic_(kTopicCount),
      now_(settings.start),
      simulated_to_(settings.start) {
  ZHIYIN_CHECK(!library.empty() && settings.start.us % kHour.count() == 0);
  people_.reserve(settings.people);
  for (std::size_t i = 0; i < settings.people; ++i) {
    people_.push_back(make_person(settings, i));
    by_openid_.emplace(people_[i].openid, static_cast<std::uint32_t>(i));
    states_[i].following = people_[i].joined_at < settings.start;
    states_[i].seen.resize(library.size());
  }
  for (std::size_t i = 0; i < library.size(); ++i) {
    items_of_topic_[library[i].topic].push_back(i);
    if (library[i].is_product()) products_of_topic_[library[i].topic].push_back(i);
  }
}

std::optional<std::uint32_t> Population::find(std::string_view openid) const {
  const auto found = by_openid_.find(openid);
  if (found == by_openid_.end()) return std::nullopt;
  return found->second;
}

Random Population::stream(std::uint32_t index, Instant hour, std::uint64_t purpose) const {
  // A stream of its own for every person, hour and purpose: what one does with chance moves no
  // other.
  const auto h = static_cast<std::uint64_t>(hour.us / kHour.count());
  Random mixer(settings_.seed ^ 0xa0761d6478bd642fULL);
  Random second(mixer.next() ^ (static_cast<std::uint64_t>(index) << 32 | (h & 0xffffffff)));
  return Random(second.next() + purpose * 0xe7037ed1a0b428dbULL);
}

std::vector<Behaviour> Population::simulate_until(Instant to) {
  ZHIYIN_CHECK(to >= now_);
  for (; simulated_to_ < to; simulated_to_ = simulated_to_ + kHour) simulate_hour(simulated_to_);
  now_ = to;
  std::ranges::sort(upcoming_, {}, [](const Behaviour& b) {
    return std::tuple(b.at, b.person, b.kind, b.item);  // the same order however time is cut
  });
  const auto end = std::ranges::upper_bound(upcoming_, to, {}, &Behaviour::at);
  std::vector<Behaviour> happened(std::make_move_iterator(upcoming_.begin()),
                                  std::make_move_iterator(end));
  upcoming_.erase(upcoming_.begin(), end);
  for (Behaviour& b : happened) b.number = states_[b.person].behaviours++;
  return happened;
}

void Population::simulate_hour(Instant hour) {
  weigh_items(hour);
  for (std::uint32_t i = 0; i < people_.size(); ++i) simulate_person(i, hour);
}

void Population::simulate_person(std::uint32_t index, Instant hour) {
  if (people_[index].joined_at >= hour + kHour) return;
  follow_or_leave(index, hour);
  if (people_[index].joined_at >= hour) return;  // came within this hour
  open_links(index, hour);
  visit_pages(index, hour);
  buy(index, hour);
  talk(index, hour);
}

void Population::follow_or_leave(std::uint32_t index, Instant hour) {
  State& state = states_[index];
  const Person& person = people_[index];
  if (lies_in_hour(person.joined_at, hour)) {
    state.following = true;
    add(index, person.joined_at, BehaviourKind::kFollow);
    return;
  }
  Random random = stream(index, hour, kLeaving);
  const double active = person.hours[static_cast<std::size_t>(local_hour(hour))];
  if (state.following) {
    const bool by_chance = random.uniform() < kUnfollowPerDay * active;
    const bool planned = lies_in_hour(state.unfollow_at, hour);
    if (!by_chance && !planned) return;
    state.following = false;
    add(index, planned ? state.unfollow_at : within_hour(hour, random), BehaviourKind::kUnfollow);
  } else if (random.uniform() < kReturnPerDay * active) {
    state.following = true;
    state.unfollow_at = {std::numeric_limits<std::int64_t>::max()};
    add(index, within_hour(hour, random), BehaviourKind::kFollow);
  }
}

void Population::open_links(std::uint32_t index, Instant hour) {
  State& state = states_[index];
  for (const PlannedOpen& open : state.opens) {
    if (!lies_in_hour(open.at, hour)) continue;
    add(index, open.at, BehaviourKind::kOpenLink, -1, 0, open.link);
    upcoming_.back().message = open.message;
  }
  std::erase_if(state.opens, [&](const PlannedOpen& open) { return open.at < hour + kHour; });
}

void Population::visit_pages(std::uint32_t index, Instant hour) {
  const State& state = states_[index];
  const Person& person = people_[index];
  double mean = person.visits_per_day * weekday_factor(hour) *
                person.hours[static_cast<std::size_t>(local_hour(hour))];
  if (!state.following) mean *= kVisitsOfStrangers;
  const bool stirred = std::ranges::any_of(state.receipts, [&](const Receipt& r) {
    return r.engaged && hour >= r.effect_from && hour < r.effect_from + kEffectHours * kHour;
  });
  if (stirred) mean *= kVisitsOfEngaged;
  Random random = stream(index, hour, kVisiting);
  for (int n = poisson(random, mean); n > 0; --n) visit(index, within_hour(hour, random), random);
}

void Population::visit(std::uint32_t index, Instant start, Random& random) {
  Instant at = start;
  do {
    at = read_item(index, choose_item(index, random), at, random);
  } while (random.uniform() < 0.58);
}

Instant Population::read_item(std::uint32_t index, std::size_t item, Instant at, Random& random) {
  State& state = states_[index];
  const LibraryItem& what = library_[item];
  const double match = std::min(1.0, people_[index].interest[what.topic] / 0.35);
  const double seconds =
      std::clamp((12 + 70 * match) * std::exp(0.7 * random.normal()), 2.0, 1800.0);
  state.seen[item] = true;
  const auto id = static_cast<std::int32_t>(item);
  at = at + seconds_of(seconds);  // the page reports when it is left
  add(index, at, BehaviourKind::kRead, id, static_cast<std::int64_t>(seconds));
  const auto sometimes = [&](double probability) { return random.uniform() < probability; };
  if (sometimes(0.02 + 0.11 * match)) add(index, at - seconds_of(1), BehaviourKind::kLike, id);
  if (sometimes(0.01 + 0.04 * match)) add(index, at + seconds_of(2), BehaviourKind::kShare, id);
  if (sometimes(0.004 + 0.02 * match)) {
    add(index, at + seconds_of(9), BehaviourKind::kComment, id, 0,
        std::string(any_of(comments(), random)));
  }
  if (sometimes(0.01 + 0.03 * match)) add(index, at + seconds_of(3), BehaviourKind::kFavorite, id);
  if (what.is_product()) {
    state.last_product = id;
    if (sometimes((0.02 + 0.08 * match) * people_[index].keenness)) {
      add(index, at + seconds_of(4), BehaviourKind::kCart, id);
    }
  } else if (sometimes(0.03 + 0.09 * match)) {
    const std::size_t product = choose_product(index, random);
    state.last_product = static_cast<std::int32_t>(product);
    add(index, at + seconds_of(5), BehaviourKind::kClick, state.last_product);
  }
  return at + seconds_of(6 + 20 * random.uniform());
}

void Population::buy(std::uint32_t index, Instant hour) {
  State& state = states_[index];
  Random random = stream(index, hour, kBuying);
  const double rate = purchase_rate(people_[index], state.receipts, hour);
  for (int n = poisson(random, rate); n > 0; --n) {
    const Instant at = within_hour(hour, random);
    const bool known = state.last_product >= 0 && random.uniform() < 0.5;
    const std::size_t item =
        known ? static_cast<std::size_t>(state.last_product) : choose_product(index, random);
    const auto id = static_cast<std::int32_t>(item);
    const auto before = [&](double s) { return std::max(hour + Duration(1), at - seconds_of(s)); };
    add(index, before(60), BehaviourKind::kRead, id,
        20 + static_cast<std::int64_t>(random.below(100)));
    if (random.uniform() < 0.6) add(index, before(30), BehaviourKind::kCart, id);
    const std::int64_t pieces = random.uniform() < 0.85 ? 1 : 2;
    add(index, at, BehaviourKind::kPurchase, id, library_[item].price.value * pieces);
    state.seen[item] = true;
  }
}

void Population::talk(std::uint32_t index, Instant hour) {
  State& state = states_[index];
  if (!state.following) return;
  const Person& person = people_[index];
  Random random = stream(index, hour, kTalking);
  if (lies_in_hour(state.opt_out_at, hour)) {
    add(index, state.opt_out_at, BehaviourKind::kText, -1, 0,
        random.uniform() < 0.5 ? "TD" : "退订");
  }
  const double mean =
      person.contacts_per_day * person.hours[static_cast<std::size_t>(local_hour(hour))];
  for (int n = poisson(random, mean); n > 0; --n) {
    const Instant at = within_hour(hour, random);
    const double what = random.uniform();
    if (what < 0.45) {
      const LibraryItem& item = library_[choose_item(index, random)];
      add(index, at, BehaviourKind::kText, -1, 0,
          fmt::format(fmt::runtime(any_of(customer_messages(), random)), item.tags.back(),
                      item.category));
    } else if (what < 0.92) {
      add(index, at, BehaviourKind::kMenuClick, -1, 0, std::string(any_of(menu_keys(), random)));
    } else {
      add(index, at, BehaviourKind::kScan, -1, 0, std::string(any_of(scan_scenes(), random)));
    }
  }
}

void Population::receive(const ReceivedMessage& message, std::span<const std::uint32_t> people) {
  ZHIYIN_CHECK(message.at >= now_);
  const MessageAppeal appeal(message.text);
  const Instant hour = std::max(next_hour(message.at), simulated_to_);
  for (const std::uint32_t index : people) {
    const Person& person = people_[index];
    State& state = states_[index];
    Random random = stream(index, hour, kReacting + message.number);
    const auto earlier = std::ranges::count_if(
        state.receipts, [&](const Receipt& r) { return r.at > message.at - kDay * 30; });
    const double suits = appeal.to(person);
    Receipt receipt;
    receipt.message = message.number;
    receipt.at = message.at;
    receipt.engage_probability = std::min(
        0.95, person.engagement * suits * std::pow(kFatigue, static_cast<double>(earlier)));
    receipt.uplift_engaged = person.uplift * suits * message.strength;
    receipt.uplift_ignored = kTouchOfMessages * receipt.uplift_engaged;
    receipt.engaged = random.uniform() < receipt.engage_probability;
    const double wait_hours =
        std::min(kOpenDelayHoursMax, -kOpenDelayHours * std::log(1 - random.uniform()));
    const Instant open_at = hour + seconds_of(3600 * wait_hours);
    start_effect(receipt, person, receipt.engaged ? next_hour(open_at) : hour);
    state.receipts.push_back(receipt);
    if (receipt.engaged && !message.link.empty()) {
      state.opens.push_back({open_at, message.number, std::string(message.link)});
    }
    const double annoyed =
        earlier == 0 ? 0.001 : 0.005 * std::pow(static_cast<double>(earlier), 1.5);
    const Instant reacts_at = hour + seconds_of(3600 * 12 * random.uniform());
    if (random.uniform() < annoyed) state.unfollow_at = std::min(state.unfollow_at, reacts_at);
    if (random.uniform() <
        kOptOutProbability * static_cast<double>(std::max<std::int64_t>(0, earlier - 1))) {
      state.opt_out_at = reacts_at;
    }
  }
}

std::map<std::uint32_t, MessageEffect> Population::effects() const {
  std::map<std::uint32_t, MessageEffect> effects;
  for (std::uint32_t i = 0; i < people_.size(); ++i) {
    const std::vector<Receipt>& receipts = states_[i].receipts;
    for (std::size_t r = 0; r < receipts.size(); ++r) {
      const PotentialOutcomes outcomes = potential_outcomes(people_[i], receipts, r);
      MessageEffect& effect = effects[receipts[r].message];
      effect.recipients += 1;
      effect.base_rate += outcomes.without;
      effect.treated_rate += outcomes.with;
    }
  }
  for (auto& [message, effect] : effects) {
    effect.base_rate /= static_cast<double>(effect.recipients);
    effect.treated_rate /= static_cast<double>(effect.recipients);
  }
  return effects;
}

std::size_t Population::choose_item(std::uint32_t index, Random& random) {
  const Person& person = people_[index];
  const State& state = states_[index];
  std::size_t item = 0;
  for (int draw = 0; draw < kDrawsMax; ++draw) {
    double u = random.uniform();
    std::size_t topic = 0;
    if (u < 0.12) {  // whatever is going round
      topic = random.below(kTopicCount);
    } else {
      u = (u - 0.12) / 0.88;
      while (topic + 1 < kTopicCount && u >= person.interest[topic]) u -= person.interest[topic++];
    }
    item = pick_by_weight(topic, random);
    const bool wanted = !state.seen[item] || random.uniform() < 0.05;
    const bool tasteful = library_[item].style == person.style[topic] || random.uniform() < 0.35;
    if (wanted && tasteful) break;
  }
  return item;
}

std::size_t Population::choose_product(std::uint32_t index, Random& random) {
  double u = random.uniform();
  std::size_t topic = 0;
  const Person& person = people_[index];
  while (topic + 1 < kTopicCount && u >= person.interest[topic]) u -= person.interest[topic++];
  const std::vector<std::size_t>& products = products_of_topic_[topic];
  return products.empty() ? choose_item(index, random) : products[random.below(products.size())];
}

std::size_t Population::pick_by_weight(std::size_t topic, Random& random) const {
  const std::vector<double>& weights = weights_of_topic_[topic];
  if (weights.empty()) return random.below(library_.size());
  const double u = random.uniform() * weights.back();
  const auto at = std::ranges::upper_bound(weights, u);
  return items_of_topic_[topic][static_cast<std::size_t>(std::min(at, weights.end() - 1) -
                                                         weights.begin())];
}

void Population::weigh_items(Instant hour) {
  const std::int64_t day = hour.us / kDay.count();
  if (day == weighed_day_) return;
  weighed_day_ = day;
  for (std::size_t topic = 0; topic < kTopicCount; ++topic) {
    std::vector<double>& weights = weights_of_topic_[topic];
    weights.clear();
    double sum = 0;
    for (const std::size_t i : items_of_topic_[topic]) {
      const LibraryItem& item = library_[i];
      const double age_days = static_cast<double>((hour - item.published_at).count()) /
                              static_cast<double>(kDay.count());
      const double fresh = item.is_product() ? 0.5 : std::exp(-age_days / 40) + 0.15;
      weights.push_back(sum += item.appeal * fresh);
    }
  }
}

void Population::add(std::uint32_t index, Instant at, BehaviourKind kind, std::int32_t item,
                     std::int64_t value, std::string text) {
  Behaviour b;
  b.at = at;
  b.person = index;
  b.kind = kind;
  b.item = item;
  b.value = value;
  b.text = std::move(text);
  upcoming_.push_back(std::move(b));
}

}  // namespace zhiyin::sandbox
