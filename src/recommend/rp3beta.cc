#include "recommend/rp3beta.h"

#include <cmath>

#include "recommend/item_overlaps.h"

namespace zhiyin::recommend {
namespace {

Result<void> check(const Rp3BetaParams& params) {
  if (params.k < 1) return fail_field("k", "is {}, at least 1 is needed", params.k);
  if (!(params.alpha >= 0) || !std::isfinite(params.alpha))
    return fail_field("alpha", "is {}, expected 0 or more", params.alpha);
  if (!(params.beta >= 0) || !std::isfinite(params.beta))
    return fail_field("beta", "is {}, expected 0 or more", params.beta);
  return {};
}

/// What all threads read: the factors of the two steps.
struct Walk {
  const ItemOverlaps& overlaps;
  std::vector<double> from_person;  ///< (1 / length of the history)^alpha
  std::vector<double> from_item;    ///< (1 / degree)^alpha
  std::vector<double> to_item;      ///< degree^-beta
  const Rp3BetaParams& params;
};

/// The row of one liked item after the other; `sums_` is zero between calls.
class RowWorker {
 public:
  explicit RowWorker(const Walk& walk) : walk_(walk), sums_(walk.overlaps.items(), 0) {}

  std::vector<Neighbour> operator()(std::uint32_t liked) {
    for (const std::uint32_t person : walk_.overlaps.people(liked)) {
      for (const std::uint32_t other : walk_.overlaps.items_of(person)) {
        if (sums_[other] == 0) touched_.push_back(other);
        sums_[other] += walk_.from_person[person];
      }
    }
    std::vector<Neighbour> out;
    out.reserve(touched_.size());
    for (const std::uint32_t other : touched_) {
      const double value = sums_[other] * walk_.from_item[liked] * walk_.to_item[other];
      if (other != liked && value > 0) out.push_back({other, static_cast<float>(value)});
      sums_[other] = 0;
    }
    touched_.clear();
    keep_nearest(out, walk_.params.k);
    if (walk_.params.normalize) divide_by_sum(out);
    return out;
  }

 private:
  static void divide_by_sum(std::vector<Neighbour>& row) {
    double sum = 0;
    for (const Neighbour& n : row) sum += n.similarity;
    for (Neighbour& n : row) n.similarity = static_cast<float>(n.similarity / sum);
  }

  const Walk& walk_;
  std::vector<double> sums_;
  std::vector<std::uint32_t> touched_;
};

}  // namespace

Result<ItemNeighbours> train_rp3beta(const Interactions& matrix, const Rp3BetaParams& params,
                                     const std::function<bool(double)>& progress) {
  ZHIYIN_TRY_VOID(check(params));
  const ItemOverlaps overlaps(matrix);
  Walk walk{overlaps, {}, {}, {}, params};
  for (std::uint32_t u = 0; u < matrix.users(); ++u)
    walk.from_person.push_back(
        std::pow(1 / static_cast<double>(matrix.columns(u).size()), params.alpha));
  for (std::uint32_t i = 0; i < matrix.items(); ++i) {
    const auto degree = static_cast<double>(overlaps.people(i).size());
    walk.from_item.push_back(std::pow(1 / degree, params.alpha));
    walk.to_item.push_back(std::pow(degree, -params.beta));
  }
  ZHIYIN_TRY(const auto rows, find_neighbours(
                                  matrix.items(), params.threads,
                                  [&]() -> NeighbourFinder {
                                    return [worker = RowWorker(walk)](std::uint32_t item) mutable {
                                      return worker(item);
                                    };
                                  },
                                  progress));
  std::vector<std::vector<Neighbour>> columns(matrix.items());
  for (std::uint32_t liked = 0; liked < rows.size(); ++liked) {
    for (const Neighbour& n : rows[liked]) columns[n.item].push_back({liked, n.similarity});
  }
  for (auto& column : columns) keep_nearest(column, params.k);
  return ItemNeighbours::from_columns(columns);
}

}  // namespace zhiyin::recommend
