#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "ingest/detail/text_arena.h"
#include "ingest/event.h"
#include "ingest/event_view.h"

namespace zhiyin::ingest::detail {

/// One event of a request body.
struct JsonEvent {
  EventView view;
  std::optional<Error> error;  ///< it could not be read
  std::string raw;             ///< its JSON (or the raw line), only where `error` is set
};

/// The events of one body. Texts point into this value. Not thread-safe; meant to be reused by its
/// thread, because a JSON parser is expensive to make.
class JsonEvents {
 public:
  using ZoneOf = std::function<TimeZone(std::string_view account)>;

  JsonEvents();
  ~JsonEvents();

  /// Reads an array, an object or NDJSON. kInvalidArgument with the position when the body is no
  /// JSON, kLimitReached above `events_max` events. Zones of times without one come from `zone_of`
  /// (empty: Asia/Shanghai).
  Result<void> read(std::string& body, std::size_t events_max, const ZoneOf& zone_of);

  [[nodiscard]] std::vector<JsonEvent>& events() { return events_; }
  /// The JSON of an event that could be read, for the quarantine.
  [[nodiscard]] std::string json_of(std::size_t index) const;
  [[nodiscard]] TextArena& arena() { return arena_; }

 private:
  struct Parser;
  Result<void> read_array(std::string& body, std::size_t events_max, const ZoneOf& zone_of);
  Result<bool> read_lines_as_array(std::string& body, std::size_t events_max,
                                   const ZoneOf& zone_of);
  Result<void> read_lines(std::string& body, std::size_t events_max, const ZoneOf& zone_of);
  Result<void> take_elements(std::size_t events_max, const ZoneOf& zone_of);

  std::unique_ptr<Parser> parser_;
  std::vector<JsonEvent> events_;
  std::vector<IdentityView> identities_;  // of all events, one after the other
  TextArena arena_;
};

/// Where `text` stops being one JSON value, and why: `line 3, column 7: a comma or } was expected`.
/// For messages; the text is known to be wrong.
std::string json_error_position(std::string_view text);

}  // namespace zhiyin::ingest::detail
