#include "audience/interests.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "audience/features.h"

namespace zhiyin::audience {
namespace {

constexpr std::int64_t kHourUs = 3'600'000'000;
constexpr double kHalfLifeHours = 24.0 * 30.0;
/// Points are hundredths, tag weights thousandths, decay millionths: 1e-11 in all, shown in 1e-6.
constexpr std::int64_t kRawPerMicro = 100'000;

std::vector<std::int64_t> make_decay() {
  std::vector<std::int64_t> table;
  for (std::int64_t hours = 0; hours < kDecayHours; ++hours) {
    const double exact = std::exp2(-static_cast<double>(hours) / kHalfLifeHours);
    table.push_back(std::llround(exact * static_cast<double>(kMicro)));
  }
  return table;
}

std::int64_t micro_of(std::int64_t raw) { return (raw + kRawPerMicro / 2) / kRawPerMicro; }

/// Calls `visit(tag, raw)` for every tag of every event that counts.
template <class Visit>
void for_each_weight(const PersonView& view, const TagLookup& tags, Instant as_of, Visit visit) {
  for (const Activity& a : view.activity) {
    if (a.at > as_of) break;
    if (!a.item) continue;
    const std::int64_t points = interest_points(a.kind, a.value);
    if (points == 0) continue;
    const std::int64_t decayed = points * decay_micro((as_of.us - a.at.us) / kHourUs);
    if (decayed == 0) continue;
    for (const catalogue::ItemTag& t : tags(*a.item)) visit(t.tag, decayed * t.weight);
  }
}

}  // namespace

std::int64_t interest_points(std::string_view kind, std::int64_t value) {
  for (const InterestRule& rule : kInterestRules) {
    if (rule.kind != kind) continue;
    return rule.by_value ? std::clamp<std::int64_t>(value, 0, rule.points) : rule.points;
  }
  return 0;
}

std::int64_t decay_micro(std::int64_t age_hours) {
  static const std::vector<std::int64_t> table = make_decay();
  if (age_hours < 0 || age_hours >= kDecayHours) return 0;
  return table[static_cast<std::size_t>(age_hours)];
}

std::int64_t interest_micro(std::string_view tag, const PersonView& view, const TagLookup& tags,
                            Instant as_of) {
  std::int64_t raw = 0;
  for_each_weight(view, tags, as_of, [&](std::string_view t, std::int64_t weight) {
    if (t == tag) raw += weight;
  });
  return micro_of(raw);
}

std::vector<Interest> interests(const PersonView& view, const TagLookup& tags, Instant as_of,
                                std::size_t limit) {
  std::map<std::string_view, std::int64_t> raw;
  for_each_weight(view, tags, as_of,
                  [&](std::string_view t, std::int64_t weight) { raw[t] += weight; });
  std::vector<Interest> list;
  for (const auto& [tag, weight] : raw) {
    const std::int64_t micro = micro_of(weight);
    if (micro > 0) list.push_back({std::string(tag), static_cast<double>(micro) / kMicro});
  }
  std::ranges::sort(
      list, {}, [](const Interest& i) { return std::tuple(-i.weight, std::string_view(i.tag)); });
  if (list.size() > limit) list.resize(limit);
  return list;
}

}  // namespace zhiyin::audience
