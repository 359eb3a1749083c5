#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_binding.h"
#include "base/time.h"
#include "storage/state.h"
#include "storage/warehouse.h"

/// How much came in on each way, and how good it was.
namespace zhiyin::ingest {

/// An event that happened so long before it came in is late (imports of history are, too).
inline constexpr Duration kLate = kDay;

/// A way is the part of an event's source before a colon: api, import, tracking, wechat, own.
struct WayQuality {
  std::string way;
  std::int64_t events = 0;       ///< distinct, of people and of Zhiyin itself
  std::int64_t bots = 0;         ///< distinct, of machines
  std::int64_t late = 0;         ///< of `events`
  std::int64_t quarantined = 0;  ///< still waiting in the quarantine
  Instant last_received_at;      ///< zero: nothing but quarantined ones
};
struct RefusedReason {
  std::string way;
  std::string field;
  std::string reason;
  std::int64_t count = 0;
  Instant newest_at;
};
struct IntakeQuality {
  std::vector<WayQuality> ways;        ///< most events first
  std::vector<RefusedReason> reasons;  ///< why events wait in the quarantine; most frequent first
};
struct MinuteCount {
  Instant at;  ///< the minute's beginning
  std::string way;
  std::int64_t count = 0;
};

constexpr std::size_t kRefusedReasonsMax = 50;

/// Of what was received since `since`; the quarantine as a whole.
Result<IntakeQuality> intake_quality(storage::Warehouse& warehouse, storage::State& state,
                                     Instant since);
/// Events received in (from, to] by minute and way, in that order; minutes without any are left
/// out.
Result<std::vector<MinuteCount>> intake_rate(storage::Warehouse& warehouse, Instant from,
                                             Instant to);

}  // namespace zhiyin::ingest

namespace zhiyin {
template <>
struct Fields<ingest::WayQuality> {
  using W = ingest::WayQuality;
  static constexpr std::string_view name = "WayQuality";
  static constexpr auto list =
      field_list(field("way", &W::way, "api, import, tracking, wechat, own"),
                 field("events", &W::events, "distinct events"),
                 field("bots", &W::bots, "distinct events of machines"),
                 field("late", &W::late, "happened more than a day before they came in"),
                 field("quarantined", &W::quarantined, "wait in the quarantine"),
                 field("last_received_at", &W::last_received_at, "when the newest came in"));
};
template <>
struct Fields<ingest::RefusedReason> {
  using R = ingest::RefusedReason;
  static constexpr std::string_view name = "RefusedReason";
  static constexpr auto list = field_list(
      field("way", &R::way, "api, import, tracking, wechat"),
      field("field", &R::field, "path of the field, or empty"),
      field("reason", &R::reason, "which rule was broken"), field("count", &R::count, "entries"),
      field("newest_at", &R::newest_at, "when the newest came in"));
};
}  // namespace zhiyin
