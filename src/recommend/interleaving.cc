#include "recommend/interleaving.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "base/random.h"
#include "statistics/distributions.h"

namespace zhiyin::recommend {
namespace {

/// One team's list, from its best item that is not listed yet.
class Team {
 public:
  Team(std::span<const RecommendedItem> items, std::uint8_t number)
      : items_(items), number_(number) {}

  /// Null: nothing left.
  template <class Passes>
  const RecommendedItem* next(const Passes& passes) {
    while (at_ < items_.size() && !passes(items_[at_])) ++at_;
    return at_ < items_.size() ? &items_[at_] : nullptr;
  }
  [[nodiscard]] std::uint8_t number() const { return number_; }

 private:
  std::span<const RecommendedItem> items_;
  std::uint8_t number_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<RecommendedItem> interleave(std::span<const RecommendedItem> in_use,
                                        std::span<const RecommendedItem> rival, std::size_t n,
                                        std::uint64_t seed, const Fits& fits) {
  Team teams[] = {{in_use, 1}, {rival, 2}};
  Random random(seed);
  std::unordered_set<ItemRef, ItemRefHash> listed;
  std::vector<RecommendedItem> out;
  const auto list = [&](const RecommendedItem& item, std::uint8_t team, double chance) {
    out.push_back(item);
    out.back().team = team;
    out.back().propensity *= chance;
    listed.insert(item.item);
  };
  const auto passes = [&](const RecommendedItem& item) {
    return !listed.contains(item.item) && (!fits || fits(item, out));
  };
  while (out.size() < n) {
    const std::size_t begins = random.below(2);
    const RecommendedItem* const one = teams[begins].next(passes);
    const RecommendedItem* const other = teams[1 - begins].next(passes);
    if (one == nullptr && other == nullptr) break;
    constexpr double kCoin = 0.5;
    const bool decides = one != nullptr && other != nullptr && one->item != other->item;
    if (one != nullptr) list(*one, teams[begins].number(), decides ? kCoin : 1);
    if (out.size() >= n) break;
    // What the first took may have been the second's best.
    const RecommendedItem* const second = teams[1 - begins].next(passes);
    if (second == nullptr) continue;
    // Where both wanted the same first, the coin decided whose next one follows it.
    const bool agreed = one != nullptr && other != nullptr && !decides;
    const RecommendedItem* const instead = agreed ? teams[begins].next(passes) : nullptr;
    const bool either = instead != nullptr && instead->item != second->item;
    list(*second, teams[1 - begins].number(), either ? kCoin : 1);
  }
  return out;
}

Result<InterleavingResult> compare_teams(std::span<const TeamCredit> people) {
  InterleavingResult out;
  out.people = people.size();
  double sum = 0;
  double squares = 0;
  for (const TeamCredit& person : people) {
    const double d = person.rival - person.in_use;
    out.for_rival += d > 0 ? 1 : 0;
    out.for_in_use += d < 0 ? 1 : 0;
    sum += d;
    squares += d * d;
  }
  const auto n = static_cast<double>(people.size());
  const double variance = n > 1 ? (squares - sum * sum / n) / (n - 1) : 0;
  if (!(variance > 0)) {
    return fail(ErrorCode::kUnsupported,
                "interleaving: {} people, whose credits differ by the same: nothing can be said",
                people.size());
  }
  constexpr double kMiddle = 0.975;
  out.difference = sum / n;
  out.se = std::sqrt(variance / n);
  const double half = statistics::t_quantile(kMiddle, n - 1) * out.se;
  out.interval = {out.difference - half, out.difference + half};
  out.p = statistics::t_two_sided_p(out.difference / out.se, n - 1);
  return out;
}

}  // namespace zhiyin::recommend
