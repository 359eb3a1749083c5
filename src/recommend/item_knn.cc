#include "recommend/item_knn.h"

#include <cmath>

namespace zhiyin::recommend {
namespace {

std::vector<double> lengths(const Interactions& by_item) {
  std::vector<double> out(by_item.users());
  for (std::size_t i = 0; i < out.size(); ++i) {
    double squares = 0;
    for (const float w : by_item.weights(i)) squares += static_cast<double>(w) * w;
    out[i] = std::sqrt(squares);
  }
  return out;
}

/// What all threads read.
struct Training {
  const Interactions& by_user;
  const Interactions& by_item;
  const std::vector<double>& length;
  const ItemKnnParams& params;
};

/// Finds the neighbours of one candidate after the other; `dots_` is zero between calls.
class ColumnWorker {
 public:
  explicit ColumnWorker(const Training& t) : t_(t), dots_(t.length.size(), 0) {}

  std::vector<Neighbour> neighbours_of(std::uint32_t item) {
    add_dots(item);
    std::vector<Neighbour> found;
    found.reserve(touched_.size());
    for (const std::uint32_t other : touched_) {
      if (other != item) {
        const double scale = t_.length[item] * t_.length[other] + t_.params.shrink + 1e-6;
        found.push_back({other, static_cast<float>(dots_[other] / scale)});
      }
      dots_[other] = 0;
    }
    touched_.clear();
    keep_nearest(found, t_.params.k);
    return found;
  }

 private:
  void add_dots(std::uint32_t item) {
    const auto people = t_.by_item.columns(item);
    const auto weights = t_.by_item.weights(item);
    for (std::size_t p = 0; p < people.size(); ++p) {
      const auto others = t_.by_user.columns(people[p]);
      const auto other_weights = t_.by_user.weights(people[p]);
      for (std::size_t o = 0; o < others.size(); ++o) {
        if (dots_[others[o]] == 0) touched_.push_back(others[o]);
        dots_[others[o]] += static_cast<double>(weights[p]) * other_weights[o];
      }
    }
  }

  const Training& t_;
  std::vector<double> dots_;
  std::vector<std::uint32_t> touched_;
};

}  // namespace

Result<ItemNeighbours> train_item_knn(const Interactions& matrix, ItemKnnParams params,
                                      const std::function<bool(double)>& progress) {
  if (params.k < 1) return fail_field("k", "is {}, at least 1 is needed", params.k);
  if (!(params.shrink >= 0) || !std::isfinite(params.shrink)) {
    return fail_field("shrink", "is {}, expected 0 or more", params.shrink);
  }
  const Interactions by_item = matrix.transposed();
  const std::vector<double> length = lengths(by_item);
  const Training training{matrix, by_item, length, params};
  ZHIYIN_TRY(const auto columns,
             find_neighbours(
                 matrix.items(), params.threads,
                 [&]() -> NeighbourFinder {
                   return [worker = ColumnWorker(training)](std::uint32_t item) mutable {
                     return worker.neighbours_of(item);
                   };
                 },
                 progress));
  return ItemNeighbours::from_columns(columns);
}

}  // namespace zhiyin::recommend
