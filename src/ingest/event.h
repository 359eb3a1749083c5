#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/json_binding.h"
#include "base/time.h"
#include "storage/event_log.h"
#include "storage/vault.h"

namespace zhiyin::ingest {

using storage::Identity;
using storage::IdentityHash;

inline constexpr std::size_t kEventIdBytesMax = 128;
inline constexpr std::size_t kPropertiesBytesMax = 16 << 10;
inline constexpr std::size_t kIdentitiesMax = 10;
inline constexpr std::size_t kKindBytesMax = 64;
inline constexpr std::size_t kItemIdBytesMax = 128;
inline constexpr std::size_t kIdentityValueBytesMax = 256;

/// Identity kinds that exist; others are refused.
inline constexpr std::string_view kIdentityKinds[] = {
    "openid", "unionid", "external_userid", "phone_hash", "anonymous_id", "user_id"};

/// A kind of event that Zhiyin gives a meaning. Any other kind matching [a-z][a-z0-9_.]{0,63} is kept too.
struct CoreKind {
  std::string_view name;
  std::string_view value_unit;  ///< what `value` counts; empty when it has none
  std::int64_t default_value;   ///< when the event brings none
};
/// read (seconds), like, share, comment, favorite, click, show, view, purchase (fen), refund (fen),
/// cart, rating, message, follow, unfollow, scan, menu_click, menu_view, trait.set, consent.withdraw,
/// consent.grant, touch.* (own), …
std::span<const CoreKind> core_kinds();

struct ItemRef {
  std::string kind;  ///< article, video, audio, page, product, course, activity, coupon, creative, message
  std::string id;
  auto operator<=>(const ItemRef&) const = default;
};

/// An event as a client sends it (the JSON of POST /v1/events). Times without zone are in the account's zone.
struct WireEvent {
  std::string event_id;  ///< empty: the server makes a UUIDv7
  std::string account;
  std::vector<Identity> identities;  ///< the first is the key; further ones become edges
  std::string kind;
  std::optional<ItemRef> item;
  std::optional<std::int64_t> value;
  Json properties;  ///< object or null; members below `personal` are sealed
  std::optional<Instant> occurred_at;
  std::optional<Instant> sent_at;
};

/// An event as it lies in the log: personal data only as keyed hashes and sealed bytes. Immutable.
struct Event {
  std::string event_id;
  std::string account;
  std::vector<IdentityHash> identities;  ///< at least one; the first is the key
  std::string kind;
  std::optional<ItemRef> item;
  std::optional<std::int64_t> value;
  std::string properties;  ///< JSON object without personal members, or empty
  std::string sealed;      ///< JSON object of personal members sealed under the key identity, or empty
  Instant occurred_at;
  Instant received_at;
  std::string source;  ///< api, import:RUN, wechat, own, …
};

/// docs/formats/event-record.md, version 1.
std::string encode_event(const Event& event);
/// kDataLoss when the bytes are damaged or from an unknown version.
Result<Event> decode_event(std::string_view bytes);

/// Checks one event against the rules above; kInvalidArgument with the field path. `now` bounds
/// occurred_at (at most 5 minutes ahead). Pure.
Result<void> validate(const WireEvent& event, Instant now);

}  // namespace zhiyin::ingest
