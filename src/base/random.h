#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace zhiyin {

/// A seeded stream of numbers (splitmix64): the same seed gives the same numbers everywhere.
/// Not thread-safe, not for secrets.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  /// Uniform in [0, 1).
  double uniform();
  /// Uniform in [0, n). Requires n >= 1.
  std::uint64_t below(std::uint64_t n);
  /// Standard normal.
  double normal();

 private:
  std::uint64_t state_;
};

/// RFC 9562 version 7: 48 bits of milliseconds, 12 of their fraction (method 3: ids of different
/// microseconds sort by time), the rest random. 36 characters. Thread-safe.
std::string uuid_v7(Instant now);

}  // namespace zhiyin
