#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "recommend/co_occurrence.h"
#include "recommend/pair_counts_file.h"

namespace zhiyin::recommend {

/// A person whose history is another one than was counted.
struct RowChange {
  static constexpr std::uint32_t kNone = UINT32_MAX;
  std::uint32_t before = kNone;  ///< row of what was counted; none: it is new
  std::uint32_t after = kNone;   ///< row of what is to be counted; none: it goes
};

struct CountsDifference {
  std::vector<RowChange> rows;
  std::vector<std::uint32_t> item_now;  ///< of each item counted its number now, or kNone
  double cells = 0;                     ///< steps of one up or down that lead there
  double cells_anew = 0;                ///< and those of counting all of it
};

/// What is to be done to counts to make them those of `now`. Pure; linear in the rows of both.
CountsDifference difference(const PairCountsView& before, const CountedRows& now);

/// The counts of `before`, changed to those of `now`: cell by cell what counting `now` gives.
/// `difference` is theirs. kDataLoss when `before` does not fit together; kDeadline when `progress`
/// (may be empty) says no.
Result<CoOccurrence> follow(const PairCountsView& before, const CountedRows& now,
                            const CountsDifference& difference,
                            const std::function<bool()>& progress);

/// The counts of the newest training, kept in a file (docs/formats/pair-counts.md) with the
/// histories that they count, so that the next training follows what changed since. Thread-safe
/// within the process, which alone may use the file.
class KeptCounts {
 public:
  /// With `keeps` false nothing is kept, and what was is removed.
  KeptCounts(std::filesystem::path file, bool keeps);

  [[nodiscard]] bool keeps() const { return keeps_; }

  struct Followed {
    CoOccurrence counts;
    std::size_t rows_changed = 0;
  };
  /// Why all must be counted anew is the error: kNotFound, nothing is kept; kLimitReached, that is
  /// cheaper, or the file is larger than `bytes_max`; kDataLoss, the file is damaged. kDeadline
  /// when `progress` says no.
  [[nodiscard]] Result<Followed> follow(const CountedRows& now, std::size_t bytes_max,
                                        const std::function<bool()>& progress) const
      ZHIYIN_EXCLUDES(mutex_);
  /// Replaces what was kept, in one step. Without those who were forgotten of late: what is counted
  /// was read before that.
  Result<void> keep(const CountedRows& rows, const CoOccurrence& counts) ZHIYIN_EXCLUDES(mutex_);
  /// Takes people out of what is kept, or removes all of it where that fails. An error says that
  /// it is still there.
  Result<void> forget(std::span<const std::string> people) ZHIYIN_EXCLUDES(mutex_);
  void remove() ZHIYIN_EXCLUDES(mutex_);

 private:
  /// Longer ago than any training that is under way.
  static constexpr std::size_t kForgottenMax = 10'000;

  void remove_file() const ZHIYIN_REQUIRES(mutex_);

  const std::filesystem::path file_;
  const std::filesystem::path part_;  ///< what becomes the file
  const bool keeps_;
  mutable Mutex mutex_;
  std::deque<PersonKey> forgotten_ ZHIYIN_GUARDED_BY(mutex_);  ///< the newest last
};

/// What one training does with the counts kept, and what came of it.
struct CountsUse {
  KeptCounts& kept;
  bool replaces = false;  ///< what it counted is kept from then on
  // Told by the training.
  bool wanted = false;                      ///< its model is made from counts
  std::optional<std::size_t> rows_changed;  ///< none: it counted anew, or not at all
  std::optional<Error> counted_anew;        ///< why
  std::optional<Error> not_kept;            ///< the training goes on without
};

}  // namespace zhiyin::recommend
