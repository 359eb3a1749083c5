#include "statistics/ranking.h"

#include <algorithm>
#include <cmath>

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

}  // namespace zhiyin::statistics
