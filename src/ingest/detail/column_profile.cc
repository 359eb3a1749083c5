#include "ingest/detail/column_profile.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include "base/crypto.h"

namespace zhiyin::ingest::detail {
namespace {

constexpr int kMantissaBits = 6;
constexpr int kShift = 52 - kMantissaBits;

// Blanks of ASCII, no-break space, ideographic space, zero-width space and byte order mark.
constexpr std::string_view kWideBlanks[] = {"\xc2\xa0", "\xe3\x80\x80", "\xe2\x80\x8b", "\xef\xbb\xbf"};

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
    if ((static_cast<unsigned char>(text.front()) & 0x80) == 0 && (static_cast<unsigned char>(text.back()) & 0x80) == 0) break;
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

std::optional<double> plain_number(std::string_view text) {
  if (text.empty()) return std::nullopt;
  // Cheap refusal of words: a number begins with a digit, a sign or a point.
  const char c = text.front();
  if ((c < '0' || c > '9') && c != '-' && c != '.' && c != '+') return std::nullopt;
  if (c == '+') text.remove_prefix(1);
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [p, ec] = std::from_chars(text.data(), end, value);
  if (ec != std::errc() || p != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

// 1,234,567.8: groups of three behind the first.
bool has_separators_only(std::string_view text) {
  const std::size_t point = std::min(text.find('.'), text.size());
  std::string_view whole = text.substr(0, point);
  if (whole.starts_with('-')) whole.remove_prefix(1);
  std::size_t comma = whole.find(',');
  if (comma == std::string_view::npos || comma == 0 || comma > 3) return false;
  whole.remove_prefix(comma);
  while (!whole.empty()) {
    if (whole.size() < 4 || whole[0] != ',' || !std::all_of(whole.begin() + 1, whole.begin() + 4, [](char c) { return c >= '0' && c <= '9'; })) return false;
    whole.remove_prefix(4);
  }
  return true;
}

}  // namespace

std::optional<WrittenNumber> read_number(std::string_view text) {
  if (const auto plain = plain_number(text)) return WrittenNumber{*plain};
  constexpr std::size_t kLengthMax = 100;
  if (text.size() > kLengthMax) return std::nullopt;
  WrittenNumber number;
  std::string ascii;
  for (std::size_t i = 0; i < text.size(); ++i) {
    // U+FF0B … U+FF19: full-width signs, point, comma and digits are ASCII + 0xFEE0.
    if (text.substr(i).starts_with("\xef\xbc") && i + 2 < text.size()) {
      const auto low = static_cast<unsigned char>(text[i + 2]);
      if (low >= 0x8b && low <= 0x99) {
        ascii += static_cast<char>(low - 0x80 + 0x20);
        number.full_width = true;
        i += 2;
        continue;
      }
    }
    ascii += text[i];
  }
  if (has_separators_only(ascii)) {
    std::erase(ascii, ',');
    number.separators = true;
  }
  if (!number.full_width && !number.separators) return std::nullopt;
  const auto value = plain_number(ascii);
  if (!value) return std::nullopt;
  number.value = *value;
  return number;
}

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
  const bool missing = cell.empty() || (cell.size() <= 8 && std::ranges::any_of(missing_words, [&](const std::string& w) { return w == cell; }));
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
}

void ColumnProfile::set_role(std::string_view role) {
  if (!role_.empty() && role_ != role) role_ += ", ";
  if (role_ != role) role_ += role;
  is_name_ = is_name_ || role == "identity" || role == "item" || role == "time" || role == "event_id" || role == "kind";
}

void ColumnProfile::add_normalised(const WrittenNumber& number) {
  full_width_ += number.full_width ? 1 : 0;
  separators_ += number.separators ? 1 : 0;
  if (number.full_width || number.separators) add_number(number.value);
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
  if (numbers_ > 0) {
    q.minimum = minimum_;
    q.maximum = maximum_;
    q.mean = sum_ / static_cast<double>(numbers_);
    q.median = histogram_.quantile(0.5);
  }
  // A few numbers among words are no distribution, and names have none.
  if (numbers_ > 0 && numbers_ * 2 >= present_ && !is_name_) {
    const double lower = histogram_.quantile(0.25);
    const double upper = histogram_.quantile(0.75);
    const double range = upper - lower;
    if (range > 0) {
      q.outlier_below = lower - 3 * range;
      q.outlier_above = upper + 3 * range;
      q.outliers = histogram_.below(*q.outlier_below) + histogram_.above(*q.outlier_above);
    }
  }
  for (const auto& [what, count] : {std::pair{"trimmed", trimmed_}, std::pair{"full_width_digits", full_width_},
                                    std::pair{"thousands_separator", separators_}, std::pair{"rounded", rounded_}}) {
    if (count > 0) q.normalised.push_back({what, count});
  }
  return q;
}

}  // namespace zhiyin::ingest::detail
