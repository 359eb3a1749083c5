#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "recommend/recommend_model.h"
#include "recommend/text_index.h"

namespace zhiyin::recommend {

/// What the texts of items are about, as directions in int8: how near two texts are is the cosine
/// of their rows. An encoder's vectors all lie in one narrow cone, so the mean of the catalogue is
/// taken out first: 0 is as near as two items of it usually are. Immutable; thread-safe. A row of
/// 384 numbers takes 384 bytes and about 100 more for finding it.
class TextVectors {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr std::size_t kWidthMax = 4096;
  /// More are refused.
  static constexpr std::size_t kRowsMax = 10'000'000;
  /// Up to here they are compared one by one; beyond, an index finds those that are near.
  static constexpr std::size_t kExactMax = 200'000;

  /// An item's vector as the encoder gave it, to a factor of its own.
  struct Given {
    ItemRef item;
    std::vector<std::int8_t> values;
  };
  /// Of two for one item the later stays. kInvalidArgument when one is not `width` long or `width`
  /// is not 1 to kWidthMax, kLimitReached above kRowsMax.
  /// Beyond `exact_max` items an index is built, on `threads` threads (text_index.h).
  static Result<std::shared_ptr<const TextVectors>> create(std::size_t width,
                                                           std::span<const Given> items,
                                                           std::size_t exact_max = kExactMax,
                                                           int threads = 1);

  [[nodiscard]] std::size_t size() const { return norms_.size(); }
  /// The row of an item, or kNone.
  [[nodiscard]] std::uint32_t find(const ItemRef& item) const;
  /// The numbers of a row, to a factor of its own; those beyond the vector's width are 0.
  [[nodiscard]] std::span<const std::int8_t> row(std::uint32_t i) const {
    return {values_.data() + std::size_t{i} * step_, step_};
  }
  /// -1 … 1; 0 where a row says nothing. The same on every processor.
  [[nodiscard]] float cosine(std::uint32_t a, std::uint32_t b) const;
  /// out[i] = cosine(a, rows[i]), many at once.
  void cosines(std::uint32_t a, std::span<const std::uint32_t> rows, std::span<float> out) const;

  /// A row of what somebody likes, and how much.
  struct Part {
    std::uint32_t row = 0;
    float weight = 0;
  };
  /// sum over parts of weight · cosine(part, row), for each of `rows`, from one sum of directions
  /// in int8: near the exact sum, to about a hundredth of the weights.
  void scores(std::span<const Part> parts, std::span<const std::uint32_t> rows,
              std::span<float> out) const {
    scores(profile_of(parts), rows, out);
  }

  /// The sum of the parts' directions, for who asks both of the following.
  using Profile = std::vector<float>;
  [[nodiscard]] Profile profile_of(std::span<const Part> parts) const;
  void scores(const Profile& profile, std::span<const std::uint32_t> rows,
              std::span<float> out) const;
  /// As scores, to a millionth of the weights, in three times the time.
  void exact_scores(const Profile& profile, std::span<const std::uint32_t> rows,
                    std::span<float> out) const;

  /// out[i]: the cosine of the profile, rounded to bytes, with each of `rows`; 0 where one of them
  /// says nothing. The same on every processor.
  void closeness(const Profile& profile, std::span<const std::uint32_t> rows,
                 std::span<float> out) const;

  /// Whether an index finds those that are near.
  [[nodiscard]] bool has_index() const { return index_ != nullptr; }
  /// About the `count` rows nearest to the sum of the parts, nearest first: nine in ten of them and
  /// more. Requires has_index().
  [[nodiscard]] std::vector<std::uint32_t> nearest(std::span<const Part> parts,
                                                   std::size_t count) const;

  TextVectors(const TextVectors&) = delete;
  TextVectors& operator=(const TextVectors&) = delete;

 private:
  TextVectors() = default;
  [[nodiscard]] std::vector<float> sum_of(std::span<const Part> parts) const;

  std::size_t step_ = 0;  ///< bytes of a row, filled up with zeros
  std::vector<std::int8_t> values_;
  std::vector<float> norms_;  ///< 1 / length of the row; 0 for one of zeros
  std::unordered_map<ItemRef, std::uint32_t, ItemRefHash> rows_;
  std::unique_ptr<const TextIndex> index_;  ///< of values_; null: none
};

/// A vector in int8, its largest number at 127; the factor is lost. All zeros stay so; what is not
/// finite counts as 0.
std::vector<std::int8_t> direction_of(std::span<const float> vector);

}  // namespace zhiyin::recommend
