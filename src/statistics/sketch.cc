#include "statistics/sketch.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/check.h"

namespace zhiyin::statistics {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The scale function k1 and its inverse: centroids may span one unit of it.
double scale_of(double q, double compression) {
  return compression / (2 * std::numbers::pi) * std::asin(2 * q - 1);
}

double share_at_scale(double k, double compression) {
  const double angle = k * 2 * std::numbers::pi / compression;
  return angle >= std::numbers::pi / 2 ? 1 : (std::sin(angle) + 1) / 2;
}

}  // namespace

QuantileSketch::QuantileSketch(double compression)
    : compression_(compression), minimum_(kInfinity), maximum_(-kInfinity) {
  ZHIYIN_CHECK(compression >= 20 && compression <= 10000);
}

Result<QuantileSketch> QuantileSketch::from_centroids(std::span<const Centroid> centroids,
                                                      double minimum, double maximum,
                                                      double compression) {
  if (!(compression >= 20 && compression <= 10000)) {
    return fail_field("compression", "is {}, not in 20 to 10,000", compression);
  }
  QuantileSketch out(compression);
  double last = minimum;
  for (const Centroid& c : centroids) {
    if (!std::isfinite(c.mean) || !std::isfinite(c.weight) || c.weight <= 0 || c.mean < last ||
        c.mean > maximum) {
      return fail_field("centroids", "must ascend within the extremes, with positive weights");
    }
    last = c.mean;
    out.count_ += c.weight;
  }
  if (centroids.empty()) return out;
  if (!std::isfinite(minimum) || !std::isfinite(maximum) || !std::isfinite(out.count_)) {
    return fail_field("centroids", "have extremes or a weight that are not finite");
  }
  out.centroids_.assign(centroids.begin(), centroids.end());
  out.minimum_ = minimum;
  out.maximum_ = maximum;
  return out;
}

void QuantileSketch::add(double value, double weight) {
  if (!std::isfinite(value)) {
    ++rejected_;
    return;
  }
  buffer_.push_back({value, weight});
  count_ += weight;
  minimum_ = std::min(minimum_, value);
  maximum_ = std::max(maximum_, value);
  if (static_cast<double>(buffer_.size()) >= 5 * compression_) compress();
}

void QuantileSketch::merge(const QuantileSketch& other) {
  // A copy first: a sketch may be merged with itself.
  std::vector<Centroid> theirs = other.centroids_;
  theirs.insert(theirs.end(), other.buffer_.begin(), other.buffer_.end());
  buffer_.insert(buffer_.end(), theirs.begin(), theirs.end());
  count_ += other.count_;
  rejected_ += other.rejected_;
  minimum_ = std::min(minimum_, other.minimum_);
  maximum_ = std::max(maximum_, other.maximum_);
  compress();
}

void QuantileSketch::compress() {
  if (buffer_.empty()) return;
  buffer_.insert(buffer_.end(), centroids_.begin(), centroids_.end());
  std::ranges::stable_sort(buffer_, {}, &Centroid::mean);
  centroids_.clear();
  double before = 0;  // weight of the centroids that are finished
  double limit = count_ * share_at_scale(scale_of(0, compression_) + 1, compression_);
  Centroid open = buffer_.front();
  for (std::size_t i = 1; i < buffer_.size(); ++i) {
    const Centroid& next = buffer_[i];
    if (before + open.weight + next.weight <= limit) {
      open.weight += next.weight;
      open.mean += (next.mean - open.mean) * next.weight / open.weight;
      continue;
    }
    before += open.weight;
    centroids_.push_back(open);
    const double k = scale_of(std::min(1.0, before / count_), compression_);
    limit = count_ * share_at_scale(k + 1, compression_);
    open = next;
  }
  centroids_.push_back(open);
  buffer_.clear();
}

const std::vector<QuantileSketch::Centroid>& QuantileSketch::centroids() {
  compress();
  return centroids_;
}

Result<double> QuantileSketch::quantile(double q) {
  if (!(q >= 0 && q <= 1)) return fail_field("quantile", "is {}, not in 0 to 1", q);
  compress();
  if (centroids_.empty()) return fail(ErrorCode::kInvalidArgument, "there are no values");
  // A centroid's mean stands at the middle of its weight; the extremes are known exactly.
  const double target = q * count_;
  double place = 0;
  double left_place = 0;
  double left_value = minimum_;
  for (const Centroid& c : centroids_) {
    const double middle = place + c.weight / 2;
    if (target < middle) {
      return left_value + (c.mean - left_value) * (target - left_place) / (middle - left_place);
    }
    left_place = middle;
    left_value = c.mean;
    place += c.weight;
  }
  if (count_ <= left_place) return maximum_;
  return left_value + (maximum_ - left_value) * (target - left_place) / (count_ - left_place);
}

double QuantileSketch::share_below(double value) {
  compress();
  if (centroids_.empty() || value < minimum_) return 0;
  if (value >= maximum_) return 1;
  double place = 0;
  double left_place = 0;
  double left_value = minimum_;
  for (const Centroid& c : centroids_) {
    const double middle = place + c.weight / 2;
    if (value < c.mean) {
      const double share = (value - left_value) / (c.mean - left_value);
      return (left_place + share * (middle - left_place)) / count_;
    }
    left_place = middle;
    left_value = c.mean;
    place += c.weight;
  }
  const double share = (value - left_value) / (maximum_ - left_value);
  return (left_place + share * (count_ - left_place)) / count_;
}

namespace {

constexpr int kIndexBits = 14;
constexpr std::size_t kRegisters = std::size_t{1} << kIndexBits;
constexpr int kRankMax = 64 - kIndexBits + 1;

/// FNV-1a of 64 bits, its result mixed as by splitmix64.
std::uint64_t mixed_hash(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ULL;
  }
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ULL;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebULL;
  return hash ^ (hash >> 31);
}

/// Ertl's sigma (registers that are 0) and tau (registers that are full).
double sigma(double x) {
  if (x == 1) return kInfinity;
  double y = 1;
  double z = x;
  for (double before = -1; before != z;) {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  }
  return z;
}

double tau(double x) {
  if (x == 0 || x == 1) return 0;
  double y = 1;
  double z = 1 - x;
  for (double before = -1; before != z;) {
    x = std::sqrt(x);
    before = z;
    y /= 2;
    z -= (1 - x) * (1 - x) * y;
  }
  return z / 3;
}

}  // namespace

DistinctSketch::DistinctSketch() : registers_(kRegisters, 0) {}

void DistinctSketch::add(std::string_view value) { add_hash(mixed_hash(value)); }

void DistinctSketch::add_hash(std::uint64_t hash) {
  const std::size_t index = hash >> (64 - kIndexBits);
  const std::uint64_t rest = hash << kIndexBits;
  const int rank = rest == 0 ? kRankMax : std::countl_zero(rest) + 1;
  registers_[index] = std::max(registers_[index], static_cast<std::uint8_t>(rank));
}

void DistinctSketch::merge(const DistinctSketch& other) {
  for (std::size_t i = 0; i < kRegisters; ++i) {
    registers_[i] = std::max(registers_[i], other.registers_[i]);
  }
}

double DistinctSketch::estimate() const {
  std::vector<double> counts(kRankMax + 1, 0);
  for (const std::uint8_t r : registers_) ++counts[r];
  constexpr auto kM = static_cast<double>(kRegisters);
  double z = kM * tau(1 - counts[kRankMax] / kM);
  for (int k = kRankMax - 1; k >= 1; --k) z = (z + counts[static_cast<std::size_t>(k)]) / 2;
  z += kM * sigma(counts[0] / kM);
  return kM / (2 * std::numbers::ln2) * kM / z;
}

Result<DistinctSketch> DistinctSketch::from_registers(std::span<const std::uint8_t> registers) {
  if (registers.size() != kRegisters) {
    return fail_field("registers", "are {}, not {}", registers.size(), kRegisters);
  }
  for (const std::uint8_t r : registers) {
    if (r > kRankMax) return fail_field("registers", "hold {}, above {}", r, kRankMax);
  }
  DistinctSketch out;
  out.registers_.assign(registers.begin(), registers.end());
  return out;
}

}  // namespace zhiyin::statistics
