#include "statistics/ranking.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

namespace zhiyin::statistics {
namespace {

double discount(std::size_t rank) { return 1 / std::log2(static_cast<double>(rank) + 1); }

}  // namespace

double ndcg_single(std::size_t rank, std::size_t cut) {
  return rank >= 1 && rank <= cut ? discount(rank) : 0;
}

double recall_single(std::size_t rank, std::size_t cut) { return rank >= 1 && rank <= cut ? 1 : 0; }

double ndcg(std::span<const bool> relevant_at, std::size_t relevant_total, std::size_t cut) {
  double gained = 0;
  for (std::size_t i = 0; i < std::min(cut, relevant_at.size()); ++i) {
    if (relevant_at[i]) gained += discount(i + 1);
  }
  double ideal = 0;
  for (std::size_t i = 0; i < std::min(cut, relevant_total); ++i) ideal += discount(i + 1);
  return ideal == 0 ? 0 : gained / ideal;
}

double recall(std::span<const bool> relevant_at, std::size_t relevant_total, std::size_t cut) {
  const auto hits = std::ranges::count(relevant_at.first(std::min(cut, relevant_at.size())), true);
  return relevant_total == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(relevant_total);
}

double precision_at(std::span<const bool> relevant_at, std::size_t cut) {
  if (cut == 0) return 0;
  const auto shown = relevant_at.first(std::min(cut, relevant_at.size()));
  return static_cast<double>(std::ranges::count(shown, true)) / static_cast<double>(cut);
}

double reciprocal_rank(std::span<const bool> relevant_at) {
  const auto found = std::ranges::find(relevant_at, true);
  if (found == relevant_at.end()) return 0;
  return 1 / static_cast<double>(found - relevant_at.begin() + 1);
}

double average_precision_of_list(std::span<const bool> relevant_at, std::size_t relevant_total) {
  if (relevant_total == 0) return 0;
  double hits = 0;
  double sum = 0;
  for (std::size_t i = 0; i < relevant_at.size(); ++i) {
    if (!relevant_at[i]) continue;
    ++hits;
    sum += hits / static_cast<double>(i + 1);
  }
  return sum / static_cast<double>(relevant_total);
}

double ndcg_graded(std::span<const double> gains, std::size_t cut) {
  const auto discounted = [&](std::span<const double> list) {
    double sum = 0;
    for (std::size_t i = 0; i < std::min(cut, list.size()); ++i) {
      sum += list[i] / std::log2(static_cast<double>(i) + 2);
    }
    return sum;
  };
  std::vector<double> best(gains.begin(), gains.end());
  std::ranges::sort(best, std::greater<>());
  const double ideal = discounted(best);
  return ideal > 0 ? discounted(gains) / ideal : 0;
}

}  // namespace zhiyin::statistics
