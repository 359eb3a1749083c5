#include "recommend/rerank.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

namespace zhiyin::recommend {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

/// 0 for the smallest, 1 for the largest; 1 for all where they are equal.
std::vector<double> scaled(std::span<const double> quality) {
  std::vector<double> out(quality.begin(), quality.end());
  if (out.empty()) return out;
  const auto [low, high] = std::ranges::minmax(out);
  for (double& q : out) q = high > low ? (q - low) / (high - low) : 1;
  return out;
}

/// Counts labels as candidates are chosen.
class Caps {
 public:
  explicit Caps(std::span<const ListCap> caps) : caps_(caps), used_(caps.size()) {
    for (std::size_t c = 0; c < caps_.size(); ++c) {
      for (const std::string_view label : caps_[c].standing) ++used_[c][label];
    }
  }

  [[nodiscard]] bool allow(std::size_t candidate) const {
    for (std::size_t c = 0; c < caps_.size(); ++c) {
      const std::string_view label = caps_[c].labels[candidate];
      if (label.empty()) continue;
      const auto found = used_[c].find(label);
      if (found != used_[c].end() && found->second >= caps_[c].most) return false;
      if (caps_[c].most == 0) return false;
    }
    return true;
  }
  void choose(std::size_t candidate) {
    for (std::size_t c = 0; c < caps_.size(); ++c) {
      const std::string_view label = caps_[c].labels[candidate];
      if (!label.empty()) ++used_[c][label];
    }
  }

 private:
  std::span<const ListCap> caps_;
  std::vector<std::unordered_map<std::string_view, std::size_t>> used_;
};

/// The free candidate of the largest value that the caps allow; `count` when there is none.
template <class Value>
std::size_t best_of(std::size_t count, const std::vector<bool>& chosen, const Caps& caps,
                    const Value& value) {
  std::size_t best = count;
  double most = kNever;
  for (std::size_t i = 0; i < count; ++i) {
    if (chosen[i]) continue;
    const double v = value(i);
    if (v > most && caps.allow(i)) {
      most = v;
      best = i;
    }
  }
  return best;
}

}  // namespace

std::vector<std::size_t> rerank_mmr(std::span<const double> quality,
                                    const PairSimilarity& similarity,
                                    const RerankSettings& settings) {
  const std::size_t n = quality.size();
  const std::vector<double> q = scaled(quality);
  const double diversity = std::clamp(settings.diversity, 0.0, 1.0);
  std::vector<double> nearest(n, 0);
  std::vector<bool> chosen(n, false);
  Caps caps(settings.caps);
  std::vector<std::size_t> out;
  while (out.size() < settings.slots) {
    const std::size_t next = best_of(n, chosen, caps, [&](std::size_t i) {
      return (1 - diversity) * q[i] - diversity * nearest[i];
    });
    if (next == n) break;
    out.push_back(next);
    chosen[next] = true;
    caps.choose(next);
    if (diversity == 0) continue;
    for (std::size_t i = 0; i < n; ++i) {
      if (!chosen[i]) nearest[i] = std::max(nearest[i], similarity(next, i));
    }
  }
  return out;
}

std::vector<std::size_t> rerank_dpp(std::span<const double> quality,
                                    const PairSimilarity& similarity,
                                    const RerankSettings& settings) {
  const std::size_t n = quality.size();
  const std::vector<double> q = scaled(quality);
  const double diversity = std::clamp(settings.diversity, 0.0, 1.0);
  std::vector<bool> chosen(n, false);
  Caps caps(settings.caps);
  std::vector<std::size_t> out;
  if (diversity > 0) {
    const double exponent = (1 - diversity) / (2 * diversity);
    // Beyond this the square leaves float64.
    constexpr double kExponentMax = 150;
    std::vector<double> gain(n);
    for (std::size_t i = 0; i < n; ++i) gain[i] = std::exp(std::min(exponent, kExponentMax) * q[i]);
    // residual[i]: squared volume that i adds; rows[i]: its coordinates along the chosen ones.
    std::vector<double> residual(n);
    for (std::size_t i = 0; i < n; ++i) residual[i] = gain[i] * gain[i];
    std::vector<std::vector<double>> rows(n);
    while (out.size() < settings.slots) {
      const std::size_t next = best_of(n, chosen, caps, [&](std::size_t i) { return residual[i]; });
      constexpr double kFlat = 1e-9;
      if (next == n || residual[next] < kFlat * gain[next] * gain[next]) break;
      out.push_back(next);
      chosen[next] = true;
      caps.choose(next);
      const double length = std::sqrt(residual[next]);
      for (std::size_t i = 0; i < n; ++i) {
        if (chosen[i]) continue;
        double along = gain[next] * similarity(next, i) * gain[i];
        for (std::size_t k = 0; k < rows[i].size(); ++k) along -= rows[next][k] * rows[i][k];
        along /= length;
        rows[i].push_back(along);
        residual[i] -= along * along;
      }
    }
  }
  while (out.size() < settings.slots) {
    const std::size_t next = best_of(n, chosen, caps, [&](std::size_t i) { return q[i]; });
    if (next == n) break;
    out.push_back(next);
    chosen[next] = true;
    caps.choose(next);
  }
  return out;
}

double list_diversity(std::span<const std::size_t> list, const PairSimilarity& similarity) {
  double sum = 0;
  std::size_t pairs = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j, ++pairs) sum += 1 - similarity(list[i], list[j]);
  }
  return pairs == 0 ? 1 : sum / static_cast<double>(pairs);
}

}  // namespace zhiyin::recommend
