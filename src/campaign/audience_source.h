#pragma once

#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"

namespace zhiyin::campaign {

/// Who is in a segment. Thread-safe.
class AudienceSource {
 public:
  virtual ~AudienceSource() = default;
  /// kNotFound when there is no such segment.
  [[nodiscard]] virtual Result<void> check(const SegmentId& segment) const = 0;
  /// Ascending ids of the segment's members at `as_of`. kNotFound when there is no such segment.
  [[nodiscard]] virtual Result<std::vector<PersonId>> members(const SegmentId& segment,
                                                              Instant as_of) const = 0;
};

}  // namespace zhiyin::campaign
