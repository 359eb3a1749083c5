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
/// The id of an event that Zhiyin itself makes: `own.NUMBER.TEXT`, with the number in 16 hex
/// digits. `number` grows from one to the next.
inline constexpr std::string_view kOwnIdPrefix = "own.";
std::string own_event_id(std::int64_t number, std::string_view text);
inline constexpr std::size_t kPropertiesBytesMax = 16 << 10;
inline constexpr std::size_t kIdentitiesMax = 10;
inline constexpr std::size_t kKindBytesMax = 64;
inline constexpr std::size_t kItemIdBytesMax = 128;
inline constexpr std::size_t kIdentityValueBytesMax = 256;

/// Identity kinds that exist; others are refused.
inline constexpr std::string_view kIdentityKinds[] = {
    "openid", "unionid", "external_userid", "phone_hash", "anonymous_id", "user_id"};

/// A kind of event that Zhiyin gives a meaning. Any other kind matching [a-z][a-z0-9_.]{0,63} is
/// kept too.
struct CoreKind {
  std::string_view name;
  std::string_view value_unit;  ///< what `value` counts; empty when it has none
  std::int64_t default_value;   ///< when the event brings none
};
/// read (seconds), like, share, comment, favorite, click, show, view, purchase (fen), refund (fen),
/// cart, rating, message, follow, unfollow, scan, menu_click, menu_view, trait.set,
/// consent.withdraw, consent.grant, touch.* (own), …
std::span<const CoreKind> core_kinds();

struct ItemRef {
  std::string
      kind;  ///< article, video, audio, page, product, course, activity, coupon, creative, message
  std::string id;
  auto operator<=>(const ItemRef&) const = default;
};

/// An event as a client sends it (the JSON of POST /v1/events). Times without zone are in the
/// account's zone.
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
  std::string sealed;  ///< JSON object of personal members sealed under the key identity, or empty
  Instant occurred_at;
  Instant received_at;
  std::string source;  ///< api, import:RUN, wechat, own, …
};

/// docs/formats/event-record.md, version 1.
std::string encode_event(const Event& event);
/// kDataLoss when the bytes are damaged or from an unknown version.
Result<Event> decode_event(std::string_view bytes);

/// 1 to 64 letters, digits, `_`, `-`, `.`; otherwise kInvalidArgument naming `field`. Pure.
Result<void> check_account(std::string_view field, std::string_view account);

/// A record that says: it is `now`.
storage::NewRecord tick_record(Instant now);

/// Checks one event against the rules above; kInvalidArgument with the field path. `now` bounds
/// occurred_at (at most 5 minutes ahead). Pure.
Result<void> validate(const WireEvent& event, Instant now);

/// What a client's clock lacks, so that `occurred_at` plus this is the time by ours: `now` -
/// `sent_at`, and 0 where the two agree within kClockTolerance (that is the way through the
/// network), or where `sent_at` lies more than kClockBehindMax back (then it may as well be an old
/// export that is sent again). Pure.
Duration clock_error(Instant occurred_at, Instant sent_at, Instant now);
inline constexpr Duration kClockTolerance = std::chrono::seconds(5);
inline constexpr Duration kClockBehindMax = std::chrono::hours(24);

/// What a crawler, a link preview or a prefetch did is kept as `bot.KIND`: in the log, the
/// warehouse and the counts by kind, but not handed to what is known of people and items.
inline constexpr std::string_view kBotPrefix = "bot.";
inline bool is_bot_kind(std::string_view kind) { return kind.starts_with(kBotPrefix); }

/// Own events about live segments: `segment.entered`, `segment.left`.
inline bool is_segment_kind(std::string_view kind) {
  return kind == "segment.entered" || kind == "segment.left";
}
/// Passing time, as a record of the log: what depends on time is a function of the log alone.
/// Nobody's event.
inline constexpr std::string_view kTickKind = "clock.tick";
/// Kinds that only Zhiyin itself uses.
inline bool is_reserved_kind(std::string_view kind) {
  return kind.starts_with("touch.") || is_bot_kind(kind) || is_segment_kind(kind) ||
         kind == kTickKind;
}

/// How far ahead of the server's clock an event may lie.
inline constexpr Duration kAheadMax = std::chrono::minutes(5);
/// Nothing happened before this: 1990-01-01T00:00:00Z. Early enough for public data sets of the
/// 1990s, late enough to catch seconds that are taken for milliseconds.
inline constexpr Instant kEarliest{631'152'000'000'000};

/// The unit's default of a kind when an event brings no value: `default_value` of a core kind,
/// else 1.
std::int64_t default_value_of(std::string_view kind);
/// `value`, or the kind's default.
inline std::int64_t value_of(const Event& event) {
  return event.value ? *event.value : default_value_of(event.kind);
}

}  // namespace zhiyin::ingest

namespace zhiyin {
template <>
struct Fields<storage::Identity> {
  using I = storage::Identity;
  static constexpr std::string_view name = "Identity";
  static constexpr auto list = field_list(
      field("account", &I::account, "the account it belongs to; the event's when absent")
          .length(0, 64)
          .optional(),
      field("kind", &I::kind,
            "openid, unionid, external_userid, phone_hash, anonymous_id or user_id"),
      field("value", &I::value, "the identifier itself").length(1, ingest::kIdentityValueBytesMax));
};
template <>
struct Fields<ingest::ItemRef> {
  using I = ingest::ItemRef;
  static constexpr std::string_view name = "ItemRef";
  static constexpr auto list =
      field_list(field("kind", &I::kind, "article, product, …").length(1, ingest::kKindBytesMax),
                 field("id", &I::id, "the owner's id of it").length(1, ingest::kItemIdBytesMax));
};
template <>
struct Fields<ingest::WireEvent> {
  using W = ingest::WireEvent;
  static constexpr std::string_view name = "Event";
  static constexpr auto list = field_list(
      field("event_id", &W::event_id, "unique within the account; the server makes one when absent")
          .length(0, ingest::kEventIdBytesMax)
          .optional(),
      field("account", &W::account, "the account it happened in").length(1, 64),
      field("identities", &W::identities,
            "whose event it is: the first is the key, further ones are linked to it")
          .length(1, ingest::kIdentitiesMax),
      field("kind", &W::kind, "what happened: [a-z][a-z0-9_.]{0,63}")
          .length(1, ingest::kKindBytesMax),
      field("item", &W::item, "what it happened to"),
      field("value", &W::value, "in the unit of the kind: seconds of read, fen of purchase"),
      field("properties", &W::properties,
            "an object of up to 16 KiB; members below `personal` are sealed")
          .optional(),
      field("occurred_at", &W::occurred_at, "when it happened; when it was received, if absent"),
      field("sent_at", &W::sent_at, "when the client sent it"));
};
}  // namespace zhiyin
