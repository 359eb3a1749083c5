#include "sandbox/person.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/crypto.h"
#include "base/random.h"

namespace zhiyin::sandbox {
namespace {

constexpr double kFollowsAtStart = 0.85;
constexpr double kVisitsPerDay = 0.45;
constexpr double kVisitsSpread = 0.9;
constexpr double kPurchasesPerDay = 0.015;
constexpr double kPurchasesSpread = 1.0;
constexpr double kKeennessMax = 6;
constexpr double kContactsPerDay = 0.050;
constexpr double kUnmovedShare = 0.2;  // whom no message makes buy
constexpr double kUpliftMean = 0.80;
constexpr double kEngagementMean = 0.42;

/// Share of activity by hour for three ways to live; rows need not sum to 1.
constexpr std::array<std::array<double, 24>, 3> kDayShapes = {{
    {1, 0, 0, 0, 0, 0, 1, 4, 7, 4, 3, 3, 7, 6, 3, 3, 3, 4, 6, 6, 8, 9, 7, 3},  // office
    {6, 4, 2, 1, 0, 0, 0, 1, 1, 2, 2, 3, 4, 4, 4, 4, 4, 4, 5, 6, 7, 8, 9, 9},  // late
    {1, 0, 0, 0, 0, 1, 2, 3, 4, 7, 8, 5, 3, 4, 7, 7, 5, 3, 3, 4, 6, 7, 4, 2},  // home
}};

std::string wechat_id(char first, std::uint64_t seed, std::size_t index) {
  const std::string hash = crypto::sha256(fmt::format("{} {} {}", first, seed, index));
  return first + crypto::base64url(hash).substr(0, 27);
}

template <std::size_t N>
void normalise(std::array<double, N>& shares) {
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (double& share : shares) share /= sum;
}

/// Three favourites out of the topics, the rest rarely.
std::array<double, kTopicCount> make_interest(Random& random) {
  std::array<double, kTopicCount> interest;
  interest.fill(0.03);
  for (const double weight : {1.0, 0.5, 0.25}) {
    interest[random.below(kTopicCount)] += weight * (0.6 + 0.8 * random.uniform());
  }
  normalise(interest);
  return interest;
}

std::array<double, 24> make_hours(Random& random) {
  std::array<double, 24> hours = kDayShapes[random.below(kDayShapes.size())];
  for (double& hour : hours) hour = (hour + 0.2) * std::exp(0.3 * random.normal());
  normalise(hours);
  return hours;
}

/// Log-normal with mean 1.
double spread(Random& random, double sigma) {
  return std::exp(sigma * random.normal() - sigma * sigma / 2);
}

Instant make_joined_at(const PopulationSettings& settings, Random& random) {
  const bool before = random.uniform() < kFollowsAtStart;
  const double share = random.uniform();
  const Duration span = before ? kDay * 730 : settings.joining;
  const Duration away(static_cast<std::int64_t>(share * static_cast<double>(span.count())));
  return before ? settings.start - away - std::chrono::seconds(1) : settings.start + away;
}

}  // namespace

Person make_person(const PopulationSettings& settings, std::size_t index) {
  Random random(Random(settings.seed * 0xd1342543de82ef95ULL + index).next());
  Person person;
  person.openid = wechat_id('o', settings.seed, index);
  person.unionid = wechat_id('u', settings.seed, index);
  person.interest = make_interest(random);
  for (std::uint8_t& style : person.style)
    style = static_cast<std::uint8_t>(random.below(kStyleCount));
  person.hours = make_hours(random);
  const double liveliness = spread(random, kVisitsSpread);
  person.visits_per_day = kVisitsPerDay * liveliness * settings.activity;
  // Who visits more buys more, though not in proportion, and who buys more also fills the cart more
  // often: this is what a response model can find.
  person.keenness =
      std::min(kKeennessMax, std::pow(liveliness, 0.6) * spread(random, kPurchasesSpread));
  person.purchases_per_day = kPurchasesPerDay * person.keenness;
  person.price_sensitivity = random.uniform();
  person.engagement =
      std::min(0.85, kEngagementMean * std::pow(liveliness, 0.35) * spread(random, 0.4));
  const bool unmoved = random.uniform() < kUnmovedShare;
  const double uplift = kUpliftMean * spread(random, 0.5);
  person.uplift = unmoved ? 0 : uplift * settings.message_effect;
  person.contacts_per_day = kContactsPerDay * spread(random, 0.8);
  person.joined_at = make_joined_at(settings, random);
  return person;
}

MessageAppeal::MessageAppeal(std::string_view text) {
  const auto speaks_of = [&](std::string_view word) {
    return text.find(word) != std::string_view::npos;
  };
  for (std::size_t t = 0; t < kTopicCount; ++t) {
    const Topic& topic = topics()[t];
    topics_[t] =
        speaks_of(topic.name) || std::ranges::any_of(topic.styles, [&](const Style& style) {
          return speaks_of(style.name) || std::ranges::any_of(style.nouns, speaks_of);
        });
    any_topic_ = any_topic_ || topics_[t];
  }
  bargain_ = std::ranges::any_of(bargain_words(), speaks_of);
}

double MessageAppeal::to(const Person& person) const {
  double match = 0;
  for (std::size_t t = 0; t < kTopicCount; ++t) match += topics_[t] ? person.interest[t] : 0;
  const double by_topic = any_topic_ ? 0.3 + 0.9 * std::min(1.0, match / 0.35) : 0.7;
  return by_topic * (bargain_ ? 0.7 + 0.8 * person.price_sensitivity : 1.0);
}

}  // namespace zhiyin::sandbox
