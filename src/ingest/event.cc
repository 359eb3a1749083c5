#include "ingest/event.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/utf8.h"
#include "ingest/detail/wire_text.h"
#include "ingest/event_view.h"

namespace zhiyin::ingest {
namespace {

constexpr std::array kCoreKinds = {
    CoreKind{"read", "second", 0},
    CoreKind{"like", "", 1},
    CoreKind{"share", "", 1},
    CoreKind{"comment", "", 1},
    CoreKind{"favorite", "", 1},
    CoreKind{"click", "", 1},
    CoreKind{"show", "", 1},
    CoreKind{"view", "", 1},
    CoreKind{"play", "second", 0},
    CoreKind{"purchase", "fen", 0},
    CoreKind{"refund", "fen", 0},
    CoreKind{"cart", "", 1},
    CoreKind{"rating", "point", 0},
    CoreKind{"message", "", 1},
    CoreKind{"follow", "", 1},
    CoreKind{"unfollow", "", 1},
    CoreKind{"scan", "", 1},
    CoreKind{"menu_click", "", 1},
    CoreKind{"menu_view", "", 1},
    CoreKind{"search", "", 1},
    CoreKind{"trait.set", "", 1},
    CoreKind{"consent.grant", "", 1},
    CoreKind{"consent.withdraw", "", 1},
    CoreKind{"touch.refused", "", 1},
    CoreKind{"touch.held_out", "", 1},
    CoreKind{"touch.sent", "", 1},
    CoreKind{"touch.failed", "", 1},
    CoreKind{"touch.unknown", "", 1},
    CoreKind{"touch.clicked", "", 1},
    CoreKind{"segment.entered", "", 1},
    CoreKind{"segment.left", "", 1},
};

constexpr std::size_t kAccountBytesMax = 64;

/// What a value of a core kind may be, by its unit. Beyond it stands another unit (milliseconds),
/// an id or a sentinel, and one of them would outweigh all honest events of a sum.
struct UnitBounds {
  std::string_view unit;
  std::int64_t most;
};
constexpr UnitBounds kUnitBounds[] = {
    {"second", 86'400},           // a day
    {"fen", 10'000'000'000'000},  // 10^11 yuan
    {"point", 1'000'000},
};

bool equals_without_case(std::string_view a, std::string_view lower) {
  return a.size() == lower.size() &&
         std::equal(a.begin(), a.end(), lower.begin(), [](char x, char y) {
           return static_cast<char>(std::tolower(static_cast<unsigned char>(x))) == y;
         });
}

bool is_one_of(std::string_view id, std::span<const std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view w) { return equals_without_case(id, w); });
}

constexpr std::string_view kNotAnId[] = {
    "null", "(null)", "nil", "undefined", "nan", "none", "n/a", "[object object]", "[object]"};
constexpr std::string_view kNobody[] = {"0",     "-1",      "-",
                                        "true",  "false",   "anonymous",
                                        "guest", "unknown", "00000000-0000-0000-0000-000000000000"};
// The longest word above; anything longer is no junk, which spares the comparisons.
constexpr std::size_t kJunkBytesMax = 36;

bool is_no_id(std::string_view id) { return id.size() <= kJunkBytesMax && is_one_of(id, kNotAnId); }

bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u < 0x20 || u == 0x7f;
  });
}

bool is_account_name(std::string_view name) {
  return !name.empty() && name.size() <= kAccountBytesMax && std::ranges::all_of(name, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
  });
}

}  // namespace

std::string own_event_id(std::int64_t number, std::string_view text) {
  return fmt::format("{}{:016x}.{}", kOwnIdPrefix, number, text);
}

Result<void> check_account(std::string_view field, std::string_view account) {
  if (is_account_name(account)) return {};
  if (account.empty()) return fail_field(field, "is missing");
  return fail_field(field, "'{}' is not 1 to {} letters, digits, '_', '-' or '.'",
                    utf8::truncate(account, 80), kAccountBytesMax);
}

namespace {

Result<void> check_event_id(std::string_view id) {
  if (id.empty()) return {};
  if (id.size() > kEventIdBytesMax) {
    return fail_field("event_id", "has {} bytes, at most {} are allowed", id.size(),
                      kEventIdBytesMax);
  }
  if (has_control_character(id)) return fail_field("event_id", "contains a control character");
  if (is_no_id(id)) return fail_field("event_id", "'{}' is not an id", id);
  return {};
}

bool is_phone_hash(std::string_view value) {
  return value.size() >= 32 && value.size() <= 128 && std::ranges::all_of(value, [](char c) {
           return std::isxdigit(static_cast<unsigned char>(c)) != 0;
         });
}

Result<void> check_identity(const IdentityView& identity) {
  if (!identity.account.empty()) ZHIYIN_TRY_VOID(check_account("account", identity.account));
  if (std::ranges::find(kIdentityKinds, identity.kind) == std::end(kIdentityKinds)) {
    return fail_field(
        "kind",
        "'{}' is not one of openid, unionid, external_userid, phone_hash, anonymous_id, user_id",
        utf8::truncate(identity.kind, 64));
  }
  if (identity.value.empty()) return fail_field("value", "is missing");
  if (identity.value.size() > kIdentityValueBytesMax) {
    return fail_field("value", "has {} bytes, at most {} are allowed", identity.value.size(),
                      kIdentityValueBytesMax);
  }
  if (has_control_character(identity.value))
    return fail_field("value", "contains a control character");
  if (is_junk_id(identity.value)) {
    return fail_field("value",
                      "'{}' names nobody: it is what a broken export writes for a missing id",
                      identity.value);
  }
  if (identity.kind == "phone_hash" && !is_phone_hash(identity.value)) {
    return fail_field("value",
                      "is not a hash (32 to 128 hex digits); phone numbers are not taken in clear");
  }
  return {};
}

Result<void> check_identities(std::span<const IdentityView> identities) {
  if (identities.empty()) return fail_field("identities", "is missing: say whose event it is");
  if (identities.size() > kIdentitiesMax) {
    return fail_field("identities", "has {} entries, at most {} are allowed", identities.size(),
                      kIdentitiesMax);
  }
  for (std::size_t i = 0; i < identities.size(); ++i) {
    if (auto ok = check_identity(identities[i]); !ok) {
      return std::unexpected(within(fmt::format("identities[{}]", i), std::move(ok.error())));
    }
  }
  return {};
}

Result<void> check_item(const EventView& event) {
  if (!event.has_item) return {};
  if (!is_kind_name(event.item_kind)) {
    return fail_field("item.kind", "'{}' does not match [a-z][a-z0-9_.]{{0,63}}",
                      utf8::truncate(event.item_kind, 80));
  }
  if (event.item_id.empty()) return fail_field("item.id", "is missing");
  if (event.item_id.size() > kItemIdBytesMax) {
    return fail_field("item.id", "has {} bytes, at most {} are allowed", event.item_id.size(),
                      kItemIdBytesMax);
  }
  if (is_no_id(event.item_id)) return fail_field("item.id", "'{}' is not an id", event.item_id);
  if (has_control_character(event.item_id))
    return fail_field("item.id", "contains a control character");
  return {};
}

Result<void> check_value(const EventView& event) {
  if (!event.value) return {};
  const auto core = std::ranges::find(kCoreKinds, event.kind, &CoreKind::name);
  if (core == kCoreKinds.end()) return {};
  const auto bounds = std::ranges::find(kUnitBounds, core->value_unit, &UnitBounds::unit);
  if (bounds == std::end(kUnitBounds)) return {};
  if (*event.value >= 0 && *event.value <= bounds->most) return {};
  return fail_field("value", "{} is not between 0 and {}: the unit of '{}' is {}", *event.value,
                    bounds->most, core->name, bounds->unit);
}

Result<void> check_instant(std::string_view field, const std::optional<Instant>& at, Instant now) {
  if (!at) return {};
  if (*at > now + kAheadMax) {
    return fail_field(field, "{} lies in the future (it is {} now; 5 minutes ahead are tolerated)",
                      format_utc(*at), format_utc(now));
  }
  if (*at < kEarliest) return fail_field(field, "{} lies before 1990", format_utc(*at));
  return {};
}

}  // namespace

std::span<const CoreKind> core_kinds() { return kCoreKinds; }

std::int64_t default_value_of(std::string_view kind) {
  for (const CoreKind& core : kCoreKinds) {
    if (core.name == kind) return core.default_value;
  }
  return 1;
}

bool has_zero_character(std::string_view json) {
  constexpr std::string_view kEscaped = "\\u0000";
  if (json.find('\0') != std::string_view::npos) return true;
  for (auto at = json.find(kEscaped); at != std::string_view::npos;
       at = json.find(kEscaped, at + 1)) {
    // After an odd number of backslashes this one is a character of the text, not an escape.
    std::size_t before = at;
    while (before > 0 && json[before - 1] == '\\') --before;
    if ((at - before) % 2 == 0) return true;
  }
  return false;
}

bool is_junk_id(std::string_view id) {
  return id.empty() || is_no_id(id) || has_control_character(id) ||
         (id.size() <= kJunkBytesMax && is_one_of(id, kNobody));
}

bool is_kind_name(std::string_view kind) {
  if (kind.empty() || kind.size() > kKindBytesMax || kind[0] < 'a' || kind[0] > 'z') return false;
  return std::ranges::all_of(kind, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
}

Duration clock_error(Instant occurred_at, Instant sent_at, Instant now) {
  const Duration behind = now - sent_at;
  if (behind >= -kClockTolerance && behind <= kClockTolerance) return Duration{0};
  // Nothing is sent in the future, or before there were such clients; what lies far back may be an
  // old export that is sent again as it was, so it is left alone.
  const bool surely_wrong = behind < Duration{0} || sent_at < kEarliest;
  if (!surely_wrong && behind > kClockBehindMax) return Duration{0};
  // Nothing happened after it was sent.
  return occurred_at > sent_at + kClockTolerance ? now - occurred_at : behind;
}

Result<void> check_event(const EventView& event, Instant now) {
  ZHIYIN_TRY_VOID(check_event_id(event.event_id));
  ZHIYIN_TRY_VOID(check_account("account", event.account));
  ZHIYIN_TRY_VOID(check_identities(event.identities));
  if (event.kind.empty()) return fail_field("kind", "is missing");
  if (!is_kind_name(event.kind)) {
    return fail_field("kind", "'{}' does not match [a-z][a-z0-9_.]{{0,63}}",
                      utf8::truncate(event.kind, 80));
  }
  if (is_reserved_kind(event.kind)) {
    return fail_field("kind", "'{}' is reserved for what Zhiyin itself does",
                      utf8::truncate(event.kind, 80));
  }
  ZHIYIN_TRY_VOID(check_item(event));
  ZHIYIN_TRY_VOID(check_value(event));
  if (event.properties.size() + event.personal.size() > kPropertiesBytesMax) {
    return fail_field("properties", "has {} bytes, at most {} are allowed",
                      event.properties.size() + event.personal.size(), kPropertiesBytesMax);
  }
  if (has_zero_character(event.properties) || has_zero_character(event.personal)) {
    return fail_field("properties", "contain the character zero");
  }
  // `sent_at` only says how wrong the client's clock is, so it may be anything.
  return check_instant("occurred_at", event.occurred_at, now);
}

Result<void> validate(const WireEvent& event, Instant now) {
  ZHIYIN_TRY(const detail::WireText text, detail::WireText::create(event));
  return check_event(text.view(), now);
}

}  // namespace zhiyin::ingest
