#pragma once

#include "audience/segments.h"
#include "campaign/audience_source.h"

namespace zhiyin::campaign {

/// Stored segments as audiences, evaluated in the warehouse. Thread-safe; `segments` must outlive
/// it.
class SegmentAudience final : public AudienceSource {
 public:
  explicit SegmentAudience(const audience::Segments& segments) : segments_(segments) {}
  [[nodiscard]] Result<void> check(const SegmentId& segment) const override;
  [[nodiscard]] Result<std::vector<PersonId>> members(const SegmentId& segment,
                                                      Instant as_of) const override;

 private:
  const audience::Segments& segments_;
};

}  // namespace zhiyin::campaign
