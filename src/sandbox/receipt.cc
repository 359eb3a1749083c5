#include "sandbox/receipt.h"

#include <algorithm>
#include <cmath>

namespace zhiyin::sandbox {
namespace {

constexpr std::int64_t kHourUs = kHour.count();
constexpr std::int64_t kShanghaiUs = 8 * kHourUs;
constexpr double kDecayHours = 24;

/// How much of the effect falls into its k-th hour, before scaling.
double slot_weight(const Receipt& receipt, const Person& person, int k) {
  const Instant hour = receipt.effect_from + k * kHour;
  const double active = person.hours[static_cast<std::size_t>(local_hour(hour))];
  return std::exp(-k / kDecayHours) * (active + 0.005);
}

}  // namespace

Instant next_hour(Instant t) { return {(t.us / kHourUs + 1) * kHourUs}; }

int local_hour(Instant t) { return static_cast<int>((t.us + kShanghaiUs) / kHourUs % 24); }

double weekday_factor(Instant t) {
  const std::int64_t day = (t.us + kShanghaiUs) / kDay.count();
  const std::int64_t weekday = (day + 4) % 7;  // 1970-01-01 was a Thursday
  return weekday == 0 || weekday == 6 ? 1.2 : 0.92;
}

void start_effect(Receipt& receipt, const Person& person, Instant hour) {
  receipt.effect_from = hour;
  receipt.weight_sum = 0;
  for (int k = 0; k < kEffectHours; ++k) receipt.weight_sum += slot_weight(receipt, person, k);
}

double extra_in_hour(const Receipt& receipt, const Person& person, Instant hour) {
  const std::int64_t k = (hour - receipt.effect_from).count() / kHourUs;
  if (hour < receipt.effect_from || k >= kEffectHours) return 0;
  return receipt.uplift() * slot_weight(receipt, person, static_cast<int>(k)) / receipt.weight_sum;
}

double extra_between(const Receipt& receipt, const Person& person, Instant from, Instant to) {
  double extra = 0;
  for (int k = 0; k < kEffectHours; ++k) {
    const Instant hour = receipt.effect_from + k * kHour;
    const std::int64_t cut = std::min(to, hour + kHour).us - std::max(from, hour).us;
    if (cut <= 0) continue;
    extra += extra_in_hour(receipt, person, hour) * static_cast<double>(cut) / kHourUs;
  }
  return extra;
}

double purchase_rate(const Person& person, std::span<const Receipt> receipts, Instant hour) {
  double rate = person.purchases_per_day * weekday_factor(hour) *
                person.hours[static_cast<std::size_t>(local_hour(hour))];
  for (const Receipt& receipt : receipts) rate += extra_in_hour(receipt, person, hour);
  return rate;
}

PotentialOutcomes potential_outcomes(const Person& person, std::span<const Receipt> receipts,
                                     std::size_t which) {
  const Receipt& mine = receipts[which];
  // The rate without messages repeats every week, so any seven days hold seven average days of it.
  double purchases = 7 * person.purchases_per_day;
  for (std::size_t i = 0; i < receipts.size(); ++i) {
    if (i != which)
      purchases += extra_between(receipts[i], person, mine.at, mine.at + kOutcomeWindow);
  }
  const double none = std::exp(-purchases);  // purchases come as a Poisson process
  const double c = mine.engage_probability;
  const double none_more =
      c * std::exp(-mine.uplift_engaged) + (1 - c) * std::exp(-mine.uplift_ignored);
  return {1 - none, 1 - none * none_more};
}

}  // namespace zhiyin::sandbox
