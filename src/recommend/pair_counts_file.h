#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "recommend/co_occurrence.h"
#include "recommend/interactions.h"

namespace zhiyin::recommend {

/// A person's id as the file of counts holds it: 128 bits of hash.
using PersonKey = std::array<std::uint64_t, 2>;
PersonKey person_key(std::string_view person);

/// Histories to be counted: who had which items. Looks at what it is made of.
struct CountedRows {
  /// `keys`: one a row of the matrix. `items`: as many names as it has columns, ascending, all
  /// different.
  CountedRows(const Interactions& matrix, std::span<const PersonKey> keys,
              std::vector<std::string> items);

  const Interactions& matrix;
  std::span<const PersonKey> keys;
  std::vector<std::string> items;
  std::vector<std::uint32_t> by_key;  ///< rows with at least one item, ascending by key
};

/// The file of counts (docs/formats/pair-counts.md) as it lies in `bytes`, which must outlive this
/// and begin at a multiple of 8.
class PairCountsView {
 public:
  static constexpr std::size_t kItemsMax = 0xffff;  ///< numbers below, in 16 bits

  /// Checks all of it: kDataLoss when it is damaged or of another version. Linear in its size.
  static Result<PairCountsView> read(std::string_view bytes);
  /// Checks the header and the sizes only.
  static Result<PairCountsView> lay_out(std::string_view bytes);

  [[nodiscard]] const std::vector<std::string_view>& items() const { return items_; }
  /// Of CoOccurrence: the lower triangle by rows.
  [[nodiscard]] std::span<const std::uint32_t> cells() const { return cells_; }
  [[nodiscard]] std::size_t rows() const { return keys_.size(); }
  /// Ascending; some may be equal.
  [[nodiscard]] const PersonKey& key(std::size_t row) const { return keys_[row]; }
  /// Ascending item numbers; none where the person was forgotten.
  [[nodiscard]] std::span<const std::uint16_t> row(std::size_t row) const;

  /// Whole words of eight bytes that stand in a file, to be written over.
  struct Edit {
    std::uint64_t offset = 0;
    std::uint64_t word = 0;
  };
  /// What makes the file forget a person: the row goes, and out of the counts. Ascending, the
  /// header (kHeaderBytes) last; none where the person is not in it. kDataLoss when that cannot be
  /// done, because what is there does not fit together.
  [[nodiscard]] Result<std::vector<Edit>> edits_to_forget(const PersonKey& person) const;
  static constexpr std::size_t kHeaderBytes = 56;

 private:
  std::string_view bytes_;
  std::span<const PersonKey> keys_;
  std::span<const std::uint32_t> cells_;
  std::span<const std::uint32_t> ends_;
  std::span<const std::uint16_t> entries_;
  std::vector<std::string_view> items_;
};

/// Writes such a file and syncs it. Whoever calls renames it. kLimitReached when there is more than
/// the format holds: items, or 4,294,967,295 entries.
Result<void> write_pair_counts(const std::filesystem::path& file, const CountedRows& rows,
                               const CoOccurrence& counts);
/// Takes a person out of such a file where it lies; true when the person was in it. Cut off in
/// between, or after an error, the file is damaged, and says so to whoever reads it.
Result<bool> forget_in_pair_counts(const std::filesystem::path& file, const PersonKey& person);

}  // namespace zhiyin::recommend
