#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/error.h"
#include "base/time.h"

namespace zhiyin::ingest {

/// An identity whose texts lie somewhere else. An empty `account` means the event's.
struct IdentityView {
  std::string_view account;
  std::string_view kind;
  std::string_view value;
};

/// An event whose texts lie in a request body or a block of file rows: what the quick paths (HTTP
/// intake and importers) fill, so that no event is copied before it is encoded. A pure value; the
/// texts must outlive it.
struct EventView {
  std::string_view event_id;  ///< empty: intake makes one
  std::string_view account;
  std::span<const IdentityView> identities;  ///< the first is the key
  std::string_view kind;
  bool has_item = false;
  std::string_view item_kind;
  std::string_view item_id;
  std::optional<std::int64_t> value;
  std::string_view properties;  ///< JSON object without `personal`, or empty
  std::string_view personal;    ///< JSON object that will be sealed, or empty
  std::optional<Instant> occurred_at;
  std::optional<Instant> sent_at;
};

/// The rules that every event obeys, whichever way it comes in; kInvalidArgument with the field
/// path. `now` bounds occurred_at (at most kAheadMax later). Pure.
Result<void> check_event(const EventView& event, Instant now);

/// True when a text in the JSON holds the character zero, which state does not keep.
bool has_zero_character(std::string_view json);

/// True for what broken exports write where an id is missing: `null`, `undefined`, `NaN`, `0`, …
bool is_junk_id(std::string_view id);
/// True for [a-z][a-z0-9_.]{0,63}.
bool is_kind_name(std::string_view kind);

}  // namespace zhiyin::ingest
