#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "ingest/event.h"
#include "ingest/intake.h"

/// Segment's public HTTP tracking calls (identify, track, page, screen, group, alias, batch) as our
/// events, so that existing analytics SDKs work by changing their host. What becomes of what:
/// docs/tracking.md. Pure.
namespace zhiyin::ingest {

/// Calls of one request; more fail with kLimitReached.
inline constexpr std::size_t kTrackingCallsMax = 5'000;

struct TrackingSettings {
  std::string account;      ///< where everything happened: the write key's
  bool public_key = false;  ///< the key stands in a page: what it says about a person's traits is
                            ///< kept, but sets none
  TimeZone zone = TimeZone::shanghai();  ///< of times without one
};

/// One call: an event, or why it is none.
struct TrackedCall {
  std::optional<WireEvent> event;
  std::optional<RefusedEvent> refused;
  std::string user_agent;  ///< of the person's browser, where the call tells it
};

/// The write key in a body (`writeKey`), or empty.
std::string_view write_key_in(const Json& body);

/// The calls of a body that was posted to `.../CALL`: identify, track, page, screen, group, alias,
/// batch or import. kInvalidArgument when the body is no object or a batch has no array `batch`; a
/// call that breaks a rule is refused alone.
Result<std::vector<TrackedCall>> read_tracking(const Json& body, std::string_view call,
                                               const TrackingSettings& settings);

/// The kind of event that a `track` call of this name becomes where it is none of the well-known
/// ones: lower case, words joined by `_`; a name that loses letters that way gets a hash, so that
/// different names stay different.
std::string kind_of_name(std::string_view name);

/// A refused call as the quarantine keeps it, and back: what is sent again is read again.
/// `sent_at`: of the request.
std::string pack_refused_call(const Json& call, const TrackingSettings& settings,
                              const std::optional<Instant>& sent_at = std::nullopt);
/// Empty when `entry` is no refused call.
std::optional<Result<WireEvent>> unpack_refused_call(const Json& entry);
/// The kind that it is, or by its name would be; empty when there is no telling.
std::string kind_of_refused_call(const Json& entry);

}  // namespace zhiyin::ingest
