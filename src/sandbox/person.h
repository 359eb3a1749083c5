#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"
#include "sandbox/words.h"

namespace zhiyin::sandbox {

/// What is true of one simulated person and hidden from the server. A pure value that never
/// changes.
struct Person {
  std::string openid;                             ///< 28 characters, begins with `o`
  std::string unionid;                            ///< 28 characters, begins with `u`
  std::array<double, kTopicCount> interest{};     ///< sums to 1
  std::array<std::uint8_t, kTopicCount> style{};  ///< preferred style of each topic
  std::array<double, 24> hours{};  ///< share of the day's activity by local hour; sums to 1
  double visits_per_day = 0;
  double keenness = 0;           ///< on buying, 1 on average; at most 6
  double purchases_per_day = 0;  ///< without any message, averaged over the week
  double price_sensitivity = 0;  ///< 0 to 1
  double engagement = 0;         ///< probability of acting on a message that suits
  double uplift = 0;             ///< further purchases expected then, over the three days after it
  double contacts_per_day = 0;   ///< messages, menu taps and scans
  Instant joined_at;             ///< the first follow
};

struct PopulationSettings {
  std::size_t people = 3000;
  std::uint64_t seed = 1;
  Instant start;
  double activity = 1.0;         ///< scales visits
  double message_effect = 1.0;   ///< scales uplift
  Duration joining = kDay * 56;  ///< those who do not follow at the start do so within this time
};

/// Person `index` of the population: depends on the settings and the index only.
Person make_person(const PopulationSettings& settings, std::size_t index);

/// How well a text suits a person: 0.3 (speaks of other things only) to 1.2; 0.7 when it names no
/// topic; times 0.7 to 1.5 by price sensitivity when it speaks of a price advantage.
class MessageAppeal {
 public:
  explicit MessageAppeal(std::string_view text);
  [[nodiscard]] double to(const Person& person) const;

 private:
  std::array<bool, kTopicCount> topics_{};
  bool any_topic_ = false;
  bool bargain_ = false;
};

}  // namespace zhiyin::sandbox
