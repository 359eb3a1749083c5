#include "campaign/segment_audience.h"

namespace zhiyin::campaign {

Result<void> SegmentAudience::check(const SegmentId& segment) const {
  ZHIYIN_TRY_VOID(segments_.get(segment));
  return {};
}

Result<std::vector<PersonId>> SegmentAudience::members(const SegmentId& segment,
                                                       Instant as_of) const {
  return segments_.members(segment, as_of);
}

}  // namespace zhiyin::campaign
