#include "ingest/detail/column_profile.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/crypto.h"

namespace zhiyin::ingest::detail {
namespace {

constexpr int kMantissaBits = 6;
constexpr int kShift = 52 - kMantissaBits;

// Blanks of ASCII, no-break space, ideographic space, zero-width space and byte order mark.
constexpr std::string_view kWideBlanks[] = {"\xc2\xa0", "\xe3\x80\x80", "\xe2\x80\x8b",
                                            "\xef\xbb\xbf"};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// True when something was cut.
bool trim(std::string_view& text) {
  const std::size_t before = text.size();
  bool moved = true;
  while (moved && !text.empty()) {
    moved = false;
    if (is_blank(text.front())) {
      text.remove_prefix(1);
      moved = true;
      continue;
    }
    if (is_blank(text.back())) {
      text.remove_suffix(1);
      moved = true;
      continue;
    }
    if ((static_cast<unsigned char>(text.front()) & 0x80) == 0 &&
        (static_cast<unsigned char>(text.back()) & 0x80) == 0)
      break;
    for (const std::string_view blank : kWideBlanks) {
      if (text.starts_with(blank)) {
        text.remove_prefix(blank.size());
        moved = true;
      } else if (text.ends_with(blank)) {
        text.remove_suffix(blank.size());
        moved = true;
      }
    }
  }
  return text.size() != before;
}

// Of sorted numbers, between neighbours where it falls between them.
double quantile_of(const std::vector<double>& sorted, double q) {
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

}  // namespace

void DistinctCounter::add(std::uint64_t hash) {
  const std::size_t index = hash >> (64 - kBits);
  const std::uint64_t rest = hash << kBits | (1ULL << (kBits - 1));
  const auto rank = static_cast<std::uint8_t>(std::countl_zero(rest) + 1);
  registers_[index] = std::max(registers_[index], rank);
}

std::int64_t DistinctCounter::estimate() const {
  const auto m = static_cast<double>(registers_.size());
  double sum = 0;
  double zeros = 0;
  for (const std::uint8_t r : registers_) {
    sum += std::ldexp(1.0, -r);
    if (r == 0) ++zeros;
  }
  const double raw = 0.7213 / (1 + 1.079 / m) * m * m / sum;
  // Below 2.5 m the share of empty registers tells more (Flajolet et al. 2007, section 4).
  if (raw <= 2.5 * m && zeros > 0) return std::llround(m * std::log(m / zeros));
  return std::llround(raw);
}

std::int32_t NumberHistogram::bucket_of(double value) {
  // The bits of a positive double grow with its value; negative ones are mirrored.
  const auto bits = std::bit_cast<std::uint64_t>(std::abs(value));
  const auto magnitude = static_cast<std::int32_t>(bits >> kShift);
  return value < 0 ? -magnitude - 1 : magnitude;
}

double NumberHistogram::lower_edge(std::int32_t bucket) {
  const bool negative = bucket < 0;
  const auto magnitude = static_cast<std::uint64_t>(negative ? -(bucket + 1) : bucket);
  const auto value = std::bit_cast<double>(magnitude << kShift);
  return negative ? -value : value;
}

double NumberHistogram::quantile(double q) const {
  std::vector<std::pair<std::int32_t, std::int64_t>> sorted(counts_.begin(), counts_.end());
  std::ranges::sort(sorted);
  std::int64_t total = 0;
  for (const auto& [bucket, n] : sorted) total += n;
  const auto rank = static_cast<std::int64_t>(q * static_cast<double>(total - 1));
  std::int64_t seen = 0;
  for (const auto& [bucket, n] : sorted) {
    seen += n;
    if (seen > rank) return lower_edge(bucket);
  }
  return 0;
}

std::int64_t NumberHistogram::below(double bound) const {
  std::int64_t n = 0;
  for (const auto& [bucket, count] : counts_) n += lower_edge(bucket) < bound ? count : 0;
  return n;
}

std::int64_t NumberHistogram::above(double bound) const {
  std::int64_t n = 0;
  for (const auto& [bucket, count] : counts_) n += lower_edge(bucket) > bound ? count : 0;
  return n;
}

CleanCell ColumnProfile::add(std::string_view cell, std::span<const std::string> missing_words) {
  if (trim(cell)) ++trimmed_;
  const bool missing =
      cell.empty() ||
      (cell.size() <= 8 &&
       std::ranges::any_of(missing_words, [&](const std::string& w) { return w == cell; }));
  if (missing) {
    ++missing_;
    return {cell, true};
  }
  ++present_;
  distinct_.add(crypto::xxh64(cell));
  if (const auto number = plain_number(cell)) add_number(*number);
  return {cell, false};
}

void ColumnProfile::add_number(double value) {
  minimum_ = numbers_ == 0 ? value : std::min(minimum_, value);
  maximum_ = numbers_ == 0 ? value : std::max(maximum_, value);
  sum_ += value;
  ++numbers_;
  histogram_.add(value);
  if (static_cast<std::size_t>(numbers_) <= exact_max_) {
    values_.push_back(value);
  } else if (!values_.empty()) {
    values_ = {};
  }
}

void ColumnProfile::set_role(std::string_view role) {
  if (!role_.empty() && role_ != role) role_ += ", ";
  if (role_ != role) role_ += role;
  personal_ = personal_ || role == "identity";
  is_name_ = is_name_ || role == "identity" || role == "item" || role == "time" ||
             role == "event_id" || role == "kind";
}

void ColumnProfile::add_normalised(const WrittenNumber& number) {
  full_width_ += number.full_width ? 1 : 0;
  separators_ += number.separators ? 1 : 0;
  words_ += number.words ? 1 : 0;
  currency_ += number.currency ? 1 : 0;
  if (number.corrected()) add_number(number.value);
}

void ColumnProfile::describe_numbers(ColumnQuality& q) const {
  const bool exact = !values_.empty();
  std::vector<double> sorted = values_;
  std::ranges::sort(sorted);
  const auto quantile = [&](double share) {
    return exact ? quantile_of(sorted, share)
                 : std::clamp(histogram_.quantile(share), minimum_, maximum_);
  };
  q.minimum = minimum_;
  q.maximum = maximum_;
  q.mean = sum_ / static_cast<double>(numbers_);
  q.median = quantile(0.5);
  q.median_approximate = !exact;
  // A few numbers among words are no distribution, and names have none.
  if (numbers_ * 2 < present_ || is_name_) return;
  const double lower = quantile(0.25);
  const double upper = quantile(0.75);
  const double range = upper - lower;
  if (range <= 0) return;
  q.outlier_below = lower - 3 * range;
  q.outlier_above = upper + 3 * range;
  q.outliers =
      exact ? std::ranges::count_if(
                  sorted, [&](double v) { return v < *q.outlier_below || v > *q.outlier_above; })
            : histogram_.below(*q.outlier_below) + histogram_.above(*q.outlier_above);
}

ColumnQuality ColumnProfile::quality() const {
  ColumnQuality q;
  q.name = name_;
  q.role = role_;
  q.present = present_;
  q.missing = missing_;
  q.invalid = invalid_;
  q.distinct = std::min(distinct_.estimate(), present_);
  q.numbers = numbers_;
  q.personal = personal_;
  if (numbers_ > 0 && !personal_) describe_numbers(q);
  for (const auto& [what, count] :
       {std::pair{"trimmed", trimmed_}, std::pair{"full_width_digits", full_width_},
        std::pair{"thousands_separator", separators_}, std::pair{"unit_word", words_},
        std::pair{"currency_sign", currency_}, std::pair{"rounded", rounded_}}) {
    if (count > 0) q.normalised.push_back({what, count});
  }
  return q;
}

}  // namespace zhiyin::ingest::detail
