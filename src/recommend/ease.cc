#include "recommend/ease.h"

#include <algorithm>
#include <cmath>

#include "recommend/detail/matrix_kernels.h"
#include "recommend/item_overlaps.h"

namespace zhiyin::recommend {
namespace {

Result<void> check(const EaseParams& params) {
  if (!(params.lambda > 0) || !std::isfinite(params.lambda))
    return fail_field("lambda", "is {}, expected above 0", params.lambda);
  if (params.threads < 1) return fail_field("threads", "is {}, expected 1 or more", params.threads);
  return {};
}

}  // namespace

Result<Ease> Ease::train(const CoOccurrence& counts, const EaseParams& params) {
  ZHIYIN_TRY_VOID(check(params));
  const std::size_t n = counts.items();
  if (n > kDenseItemsMax) {
    return fail(ErrorCode::kLimitReached, "EASE: {} items, the dense model has at most {}", n,
                kDenseItemsMax);
  }
  Ease out;
  ZHIYIN_TRY(out.weights_, counts.with_ridge(params.lambda));
  auto inverted =
      negative_inverse(out.weights_, {.threads = params.threads, .progress = params.progress});
  // Counts of people are positive semi-definite: only a ridge lost in rounding can spoil that.
  if (!inverted && inverted.error().code == ErrorCode::kInvalidArgument)
    return fail_field("lambda", "is {}: too small, or too large, for float32 beside these counts",
                      params.lambda);
  ZHIYIN_TRY_VOID(std::move(inverted));
  // The matrix holds -P: B_ij = -P_ij / P_jj = (-P_ij) / -(-P_jj). Both triangles, in squares that
  // stay in the cache.
  SquareMatrix& b = out.weights_;
  std::vector<float> scale(n);
  for (std::size_t j = 0; j < n; ++j) scale[j] = -1 / b.row(j)[j];
  constexpr std::size_t kSquare = 64;
  for (std::size_t i0 = 0; i0 < n; i0 += kSquare) {
    for (std::size_t j0 = 0; j0 <= i0; j0 += kSquare) {
      for (std::size_t i = i0; i < std::min(i0 + kSquare, n); ++i) {
        for (std::size_t j = j0; j < std::min(j0 + kSquare, i); ++j) {
          const float p = b.row(i)[j];
          b.row(i)[j] = p * scale[j];
          b.row(j)[i] = p * scale[i];
        }
      }
    }
  }
  for (std::size_t i = 0; i < n; ++i) b.row(i)[i] = 0;
  return out;
}

namespace {

bool is_stronger(const Neighbour& a, const Neighbour& b) {
  const float left = std::abs(a.similarity);
  const float right = std::abs(b.similarity);
  return left != right ? left > right : a.item < b.item;
}

/// How many of these, the strongest first, leave out no more than a share of the sum.
std::size_t count_for(std::span<const Neighbour> strongest_first, double left_out_max) {
  double left = 0;
  for (const Neighbour& n : strongest_first) left += std::abs(n.similarity);
  left *= left_out_max;
  std::size_t count = strongest_first.size();
  while (count > 0 && std::abs(strongest_first[count - 1].similarity) <= left)
    left -= std::abs(strongest_first[--count].similarity);
  return count;
}

/// The length to which the longest are cut, so that all together have at most `most`; not below k.
std::size_t longest_of(const std::vector<std::size_t>& lengths, std::size_t k, std::size_t most) {
  std::size_t low = k;
  std::size_t high = std::max(k, lengths.empty() ? 0 : std::ranges::max(lengths));
  while (low < high) {
    const std::size_t middle = low + (high - low + 1) / 2;
    std::size_t sum = 0;
    for (const std::size_t length : lengths) sum += std::min(length, middle);
    (sum <= most ? low : high) = sum <= most ? middle : middle - 1;
  }
  return low;
}

}  // namespace

ItemNeighbours Ease::strongest(std::size_t k, double left_out_max, std::size_t bytes_max) const {
  const std::size_t n = items();
  const auto row_of = [&](std::uint32_t i) {
    std::vector<Neighbour> found;
    const std::span<const float> weights = row(i);
    for (std::uint32_t j = 0; j < n; ++j) {
      if (weights[j] != 0) found.push_back({j, weights[j]});
    }
    return found;
  };
  std::vector<std::size_t> lengths(n, k);
  for (std::uint32_t i = 0; left_out_max < 1 && i < n; ++i) {
    auto found = row_of(i);
    std::ranges::sort(found, is_stronger);
    lengths[i] = std::max(k, count_for(found, left_out_max));
  }
  const std::size_t longest = longest_of(lengths, k, bytes_max / sizeof(Neighbour));
  std::vector<std::uint64_t> starts = {0};
  std::vector<Neighbour> neighbours;
  for (std::uint32_t i = 0; i < n; ++i) {
    auto found = row_of(i);
    const std::size_t length = std::min(lengths[i], longest);
    if (found.size() > length) {
      std::ranges::nth_element(found, found.begin() + static_cast<std::ptrdiff_t>(length),
                               is_stronger);
      found.resize(length);
    }
    std::ranges::sort(found, {}, &Neighbour::item);
    neighbours.insert(neighbours.end(), found.begin(), found.end());
    starts.push_back(neighbours.size());
  }
  // Numbers are ours and the weights those of a finished inverse, so the rows hold together.
  return ItemNeighbours::from_rows(std::move(starts), std::move(neighbours))
      .value_or(ItemNeighbours());
}

namespace {

/// Solves the small regressions one after the other; owned by one thread.
class LocalRegression {
 public:
  LocalRegression(const ItemOverlaps& overlaps, std::size_t neighbours, double lambda)
      : overlaps_(overlaps), dots_(overlaps), neighbours_(neighbours), lambda_(lambda) {
    place_.assign(overlaps.items(), kNowhere);
  }

  std::vector<Neighbour> operator()(std::uint32_t item) {
    choose(item);
    const std::size_t m = chosen_.size();
    const std::size_t step = detail::padded(m);
    normal_.assign(m * step, 0);
    right_.assign(step, 0);
    for (std::size_t i = 0; i < m; ++i) place_[chosen_[i].item] = static_cast<std::uint32_t>(i);
    for (const std::uint32_t person : overlaps_.people(item)) {
      for (const std::uint32_t other : overlaps_.items_of(person)) {
        if (place_[other] != kNowhere) right_[place_[other]] += 1;
      }
    }
    // People of each chosen item, and which other chosen items they have.
    for (std::size_t i = 0; i < m; ++i) {
      for (const std::uint32_t person : overlaps_.people(chosen_[i].item)) {
        for (const std::uint32_t other : overlaps_.items_of(person)) {
          const std::uint32_t j = place_[other];
          if (j != kNowhere && j >= i) normal_[i * step + j] += 1;
        }
      }
      normal_[i * step + i] += static_cast<float>(lambda_);
    }
    for (const Neighbour& c : chosen_) place_[c.item] = kNowhere;
    std::vector<Neighbour> out;
    // The ridge makes the matrix positive definite; rounding alone could spoil that.
    if (!detail::kernels().solve(normal_.data(), step, m, right_.data())) return out;
    for (std::size_t i = 0; i < m; ++i) out.push_back({chosen_[i].item, right_[i]});
    return out;
  }

 private:
  static constexpr std::uint32_t kNowhere = UINT32_MAX;

  /// The items that stand with it most often for their frequency.
  void choose(std::uint32_t item) {
    chosen_ = dots_.of(item);
    for (Neighbour& c : chosen_) {
      c.similarity /= static_cast<float>(std::sqrt(overlaps_.people(c.item).size()));
    }
    keep_nearest(chosen_, neighbours_);
    std::ranges::sort(chosen_, {}, &Neighbour::item);
  }

  const ItemOverlaps& overlaps_;
  OverlapCounter dots_;
  const std::size_t neighbours_;
  const double lambda_;
  std::vector<Neighbour> chosen_;
  std::vector<std::uint32_t> place_;
  std::vector<float> normal_;
  std::vector<float> right_;
};

}  // namespace

Result<ItemNeighbours> train_local_ease(const Interactions& matrix, std::size_t neighbours,
                                        const EaseParams& params) {
  ZHIYIN_TRY_VOID(check(params));
  if (neighbours < 1) return fail_field("neighbours", "is 0, at least 1 is needed");
  const ItemOverlaps overlaps(matrix);
  ZHIYIN_TRY(const auto columns,
             find_neighbours(
                 matrix.items(), params.threads,
                 [&]() -> NeighbourFinder {
                   return [worker = LocalRegression(overlaps, neighbours, params.lambda)](
                              std::uint32_t item) mutable { return worker(item); };
                 },
                 params.progress));
  return ItemNeighbours::from_columns(columns);
}

}  // namespace zhiyin::recommend
