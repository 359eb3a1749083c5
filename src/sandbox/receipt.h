#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/time.h"
#include "sandbox/person.h"

namespace zhiyin::sandbox {

inline constexpr Duration kHour = std::chrono::hours(1);
inline constexpr int kEffectHours = 72;               ///< how long a message moves its reader
inline constexpr Duration kOutcomeWindow = kDay * 7;  ///< of "purchase within 7d"

/// A message in one person's hands, with what it does to that person's buying. Whether the person
/// acts on it is decided by chance; the probability is kept, so that the expected effect is known
/// exactly.
struct Receipt {
  std::uint32_t message = 0;  ///< the caller's number of the message
  Instant at;
  double engage_probability = 0;
  double uplift_engaged = 0;  ///< expected further purchases of someone who acts on it
  double uplift_ignored = 0;  ///< of someone who does not
  bool engaged = false;
  Instant effect_from;    ///< start of the first hour that it changes, after `at`
  double weight_sum = 0;  ///< over the hours of the effect

  [[nodiscard]] double uplift() const { return engaged ? uplift_engaged : uplift_ignored; }
};

/// The first full hour after `t`.
Instant next_hour(Instant t);
/// 0 to 23 in Asia/Shanghai, whose offset has been +08:00 since 1991.
int local_hour(Instant t);
/// How much busier than average the weekday is; the seven average to 1.
double weekday_factor(Instant t);

/// Sets `effect_from` and `weight_sum`. Requires the start of an hour.
void start_effect(Receipt& receipt, const Person& person, Instant hour);
/// Further purchases expected in the hour that begins at `hour`.
double extra_in_hour(const Receipt& receipt, const Person& person, Instant hour);
/// The same over (from, to], hours cut in proportion.
double extra_between(const Receipt& receipt, const Person& person, Instant from, Instant to);
/// Purchases expected in the hour from `hour`, with all receipts so far.
double purchase_rate(const Person& person, std::span<const Receipt> receipts, Instant hour);

/// Probabilities of at least one purchase in (at, at + 7 days], given everything about the person
/// but whether this message came: the others count as they were received and acted on.
struct PotentialOutcomes {
  double without = 0;
  double with = 0;
};
/// `which` is an index into `receipts`, all of the same person.
PotentialOutcomes potential_outcomes(const Person& person, std::span<const Receipt> receipts,
                                     std::size_t which);

}  // namespace zhiyin::sandbox
