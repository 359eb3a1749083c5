#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ingest/detail/written_number.h"
#include "ingest/quality_report.h"

namespace zhiyin::ingest::detail {

/// Estimates how many different values there were (HyperLogLog, 4096 registers: 1.6 % standard
/// error).
class DistinctCounter {
 public:
  void add(std::uint64_t hash);
  [[nodiscard]] std::int64_t estimate() const;

 private:
  static constexpr int kBits = 12;
  std::array<std::uint8_t, 1 << kBits> registers_{};
};

/// Counts numbers in buckets of 1/64 of a power of two, so that quantiles are right to 1.6 % (whole
/// numbers up to 127 exactly) in memory that depends on their spread alone.
class NumberHistogram {
 public:
  void add(double value) { ++counts_[bucket_of(value)]; }
  /// Requires 0 <= q <= 1 and at least one number.
  [[nodiscard]] double quantile(double q) const;
  [[nodiscard]] std::int64_t below(double bound) const;
  [[nodiscard]] std::int64_t above(double bound) const;
  [[nodiscard]] bool empty() const { return counts_.empty(); }

 private:
  static std::int32_t bucket_of(double value);
  static double lower_edge(std::int32_t bucket);
  std::unordered_map<std::int32_t, std::int64_t> counts_;
};

/// A cell without the blanks around it.
struct CleanCell {
  std::string_view text;
  bool missing = true;
};

/// What is gathered about one column while its rows go by. Not thread-safe.
class ColumnProfile {
 public:
  static constexpr std::size_t kExactMax = 10'000;

  /// Quantiles are exact up to `exact_max` numbers, which are kept until then.
  explicit ColumnProfile(std::string name, std::size_t exact_max = kExactMax)
      : name_(std::move(name)), exact_max_(exact_max) {}

  /// Takes one cell into account and returns it cleaned. `missing_words` mean that nothing is
  /// there.
  CleanCell add(std::string_view cell, std::span<const std::string> missing_words);
  /// The cell was wanted as something that it is not.
  void add_invalid() { ++invalid_; }
  void set_role(std::string_view role);
  [[nodiscard]] const std::string& role() const { return role_; }
  /// The column's cells tell of people: the report keeps none of them and no figure made of them.
  void set_personal() { personal_ = true; }
  [[nodiscard]] bool personal() const { return personal_; }
  /// A cell was read as a number only after a correction. A cell that is used twice counts twice.
  void add_normalised(const WrittenNumber& number);
  /// A number was rounded to a whole one.
  void add_rounded() { ++rounded_; }
  [[nodiscard]] std::int64_t rounded() const { return rounded_; }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] ColumnQuality quality() const;

 private:
  void add_number(double value);
  void describe_numbers(ColumnQuality& q) const;

  std::string name_;
  std::string role_;
  std::size_t exact_max_;
  bool personal_ = false;
  bool is_name_ = false;  // identities and times have no outliers
  std::int64_t present_ = 0;
  std::int64_t missing_ = 0;
  std::int64_t invalid_ = 0;
  std::int64_t numbers_ = 0;
  std::int64_t trimmed_ = 0;
  std::int64_t full_width_ = 0;
  std::int64_t separators_ = 0;
  std::int64_t words_ = 0;
  std::int64_t currency_ = 0;
  std::int64_t rounded_ = 0;
  double minimum_ = 0;
  double maximum_ = 0;
  double sum_ = 0;
  DistinctCounter distinct_;
  NumberHistogram histogram_;
  std::vector<double> values_;  // all of them, until there are too many
};

}  // namespace zhiyin::ingest::detail
