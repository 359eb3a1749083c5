#include "ingest/segment_protocol.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "base/crypto.h"
#include "base/utf8.h"
#include "ingest/currency.h"
#include "ingest/event_view.h"
#include "ingest/personal_names.h"

namespace zhiyin::ingest {
namespace {

constexpr std::string_view kCalls[] = {"identify", "track", "page", "screen", "group", "alias"};

/// Kinds by which Zhiyin decides what it may send, or that only the platform reports. An app's
/// `follow` is not a subscription to the account, so such names become kinds of their own.
constexpr std::string_view kPlatformKinds[] = {"follow",     "unfollow",  "message",        "scan",
                                               "menu_click", "menu_view", "template_result"};

enum class Value { kOne, kQuantity, kMoney, kRating, kQuery };
struct WellKnown {
  std::string_view
      name;  // lower case, of Segment's e-commerce specification, or its usual short form
  std::string_view kind;
  Value value;
};
constexpr WellKnown kWellKnown[] = {{"order completed", "purchase", Value::kMoney},
                                    {"completed order", "purchase", Value::kMoney},
                                    {"purchase", "purchase", Value::kMoney},
                                    {"order refunded", "refund", Value::kMoney},
                                    {"refund", "refund", Value::kMoney},
                                    {"product added", "cart", Value::kQuantity},
                                    {"added product", "cart", Value::kQuantity},
                                    {"add to cart", "cart", Value::kQuantity},
                                    {"cart", "cart", Value::kQuantity},
                                    {"product viewed", "view", Value::kOne},
                                    {"viewed product", "view", Value::kOne},
                                    {"product clicked", "click", Value::kOne},
                                    {"promotion clicked", "click", Value::kOne},
                                    {"promotion viewed", "show", Value::kOne},
                                    {"products searched", "search", Value::kOne},
                                    {"product shared", "share", Value::kOne},
                                    {"product added to wishlist", "favorite", Value::kOne},
                                    {"product reviewed", "rating", Value::kRating},
                                    {"rating", "rating", Value::kRating}};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

bool is_one_of(std::string_view name, std::span<const std::string_view> list) {
  return std::ranges::find(list, name) != list.end();
}

std::string short_hash(std::string_view text) {
  return fmt::format("{:08x}", static_cast<std::uint32_t>(crypto::xxh64(text)));
}

/// An integer, also where a client writes it as 12.0.
std::optional<std::int64_t> whole_number(const Json& value) {
  if (const std::int64_t* number = value.if_int()) return *number;
  constexpr double kExactMax = 9'007'199'254'740'992;  // 2^53
  const double real = value.is_number() ? value.number_or(0.5) : 0.5;
  if (real != std::floor(real) || std::abs(real) > kExactMax) return std::nullopt;
  return static_cast<std::int64_t>(real);
}

/// An id as SDKs send it: a string, or a number from a database. Null and "" are none.
Result<std::string> id_of(const Json& call, std::string_view field) {
  const Json& value = call[field];
  if (value.is_null()) return std::string();
  if (const std::string* text = value.if_string()) return *text;
  if (const auto number = whole_number(value)) return std::to_string(*number);
  return fail_field(field, "expected a string, got {}", value.type_name());
}

/// Canonical form of a UUID: what SDKs make up for somebody without a name.
bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0)
      return false;
  }
  return true;
}

Result<Json> object_of(const Json& call, std::string_view field) {
  const Json& value = call[field];
  if (value.is_null()) return Json::object();
  if (value.if_object() == nullptr)
    return fail_field(field, "expected an object, got {}", value.type_name());
  return value;
}

Result<std::optional<Instant>> time_of(const Json& call, std::string_view field,
                                       const TimeZone& zone) {
  const Json& value = call[field];
  if (value.is_null() || value.string_or("x").empty()) return std::optional<Instant>();
  std::string text(value.string_or(""));
  if (const auto ms = whole_number(value)) text = std::to_string(*ms);
  if (text.empty())
    return fail_field(field, "expected a time (ISO 8601 or integer milliseconds), got {}",
                      value.type_name());
  auto at = parse_time(text, zone);
  if (!at) return std::unexpected(within(field, std::move(at.error())));
  return std::optional(*at);
}

/// Members with personal names go below `personal`, where the intake seals them.
Json with_sealed(const Json& members, NamedIn where) {
  Json out = Json::object();
  Json sealed = Json::object();
  for (const auto& [name, value] : *members.if_object()) {
    if (name == "personal" && value.if_object() != nullptr) {
      for (const auto& [inner, kept] : *value.if_object()) sealed.set(inner, kept);
    } else if (is_personal_name(name, where)) {
      sealed.set(name, value);
    } else {
      out.set(name, value);
    }
  }
  if (!sealed.if_object()->empty()) out.set("personal", std::move(sealed));
  return out;
}

void seal(Json& properties, std::string_view name, Json value) {
  Json personal = properties["personal"];
  if (personal.if_object() == nullptr) personal = Json::object();
  personal.set(name, std::move(value));
  properties.set("personal", std::move(personal));
}

/// What is worth keeping of where a call came from; the address and the browser are personal.
void add_context(Json& properties, const Json& context) {
  constexpr std::string_view kKept[] = {"page", "campaign", "library", "app", "locale", "timezone"};
  if (context.if_object() == nullptr) return;
  Json kept = Json::object();
  for (const std::string_view name : kKept) {
    if (!context[name].is_null()) kept.set(name, context[name]);
  }
  if (!kept.if_object()->empty()) properties.set("context", std::move(kept));
  Json personal = Json::object();
  for (const std::string_view name : {"ip", "userAgent"}) {
    if (!context[name].is_null()) personal.set(name, context[name]);
  }
  if (!personal.if_object()->empty()) seal(properties, "context", std::move(personal));
}

std::optional<ItemRef> item_of(std::string_view kind, const Json& id) {
  std::string text(id.string_or(""));
  if (const std::int64_t* number = id.if_int()) text = std::to_string(*number);
  if (text.empty() || text.size() > kItemIdBytesMax) return std::nullopt;
  return ItemRef{std::string(kind), std::move(text)};
}

const Json& first_of(const Json& object, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (const Json& value = object[name]; !value.is_null() && value.string_or("x") != "")
      return value;
  }
  static const Json none;
  return none;
}

/// A number that may have come as text ("12.50").
std::optional<double> number_of(const Json& value) {
  if (value.is_number()) return value.number_or(0);
  const std::string_view text = value.string_or("");
  if (text.empty() || text.find_first_not_of("0123456789.-") != std::string_view::npos)
    return std::nullopt;
  const auto json = parse_json(text, 64);
  if (!json || !json->is_number()) return std::nullopt;
  return json->number_or(0);
}

/// The product, or the order where it is about several.
std::optional<ItemRef> product_of(const Json& properties) {
  const Json& own = first_of(properties, {"product_id", "productId", "sku"});
  if (!own.is_null()) return item_of("product", own);
  const Json::Array* products = properties["products"].if_array();
  if (products != nullptr && products->size() == 1) {
    return item_of("product",
                   first_of(products->front(), {"product_id", "productId", "sku", "id"}));
  }
  const Json& order = first_of(properties, {"order_id", "orderId"});
  return order.is_null() ? std::nullopt : item_of("order", order);
}

/// "Order Completed", "order_completed" and "orderCompleted" are the same.
const std::map<std::string, const WellKnown*, std::less<>>& well_known_by_kind() {
  static const auto map = [] {
    std::map<std::string, const WellKnown*, std::less<>> out;
    for (const WellKnown& known : kWellKnown) out.emplace(kind_of_name(known.name), &known);
    return out;
  }();
  return map;
}

class CallReader {
 public:
  CallReader(const Json& call, std::string_view type, const TrackingSettings& settings)
      : call_(call), type_(type), settings_(settings) {}

  Result<WireEvent> read(const std::optional<Instant>& sent_at) {
    if (call_.if_object() == nullptr)
      return fail_field("", "expected an object, got {}", call_.type_name());
    if (!is_one_of(type_, kCalls))
      return fail_field("type", "'{}' is not one of identify, track, page, screen, group, alias",
                        utf8::truncate(type_, 64));
    event_.account = settings_.account;
    ZHIYIN_TRY(event_.event_id, id_of(call_, "messageId"));
    ZHIYIN_TRY_VOID(read_times(sent_at));
    if (type_ == "alias") {
      ZHIYIN_TRY_VOID(read_alias());
      return std::move(event_);
    }
    ZHIYIN_TRY_VOID(read_identities());
    if (type_ == "identify") {
      ZHIYIN_TRY_VOID(read_identify());
    } else if (type_ == "group") {
      ZHIYIN_TRY_VOID(read_group());
    } else if (type_ == "track") {
      ZHIYIN_TRY_VOID(read_track());
    } else {
      ZHIYIN_TRY_VOID(read_view());
    }
    return std::move(event_);
  }

 private:
  /// The client's clock is corrected by when it sent; a time that the caller states on purpose
  /// (beside the SDK's own `originalTimestamp`) is not the client's clock and stays.
  Result<void> read_times(const std::optional<Instant>& sent_at) {
    ZHIYIN_TRY(const auto stated, time_of(call_, "timestamp", settings_.zone));
    ZHIYIN_TRY(const auto original, time_of(call_, "originalTimestamp", settings_.zone));
    ZHIYIN_TRY(const auto own_sent, time_of(call_, "sentAt", settings_.zone));
    event_.occurred_at = stated ? stated : original;
    if (stated && original && *stated != *original) return {};
    if (event_.occurred_at) event_.sent_at = sent_at ? sent_at : own_sent;
    return {};
  }

  void add_identity(std::string_view kind, std::string value) {
    if (!value.empty())
      event_.identities.push_back({settings_.account, std::string(kind), std::move(value)});
  }

  Result<void> read_identities() {
    ZHIYIN_TRY(std::string user, id_of(call_, "userId"));
    ZHIYIN_TRY(std::string anonymous, id_of(call_, "anonymousId"));
    add_identity("user_id", std::move(user));
    add_identity("anonymous_id", std::move(anonymous));
    if (event_.identities.empty())
      return fail_field("userId", "is missing: say whose call it is (userId or anonymousId)");
    return {};
  }

  /// `previousId` is an anonymous id when it is the call's own, or has the form that SDKs make up;
  /// else a user's.
  Result<void> read_alias() {
    ZHIYIN_TRY(std::string user, id_of(call_, "userId"));
    ZHIYIN_TRY(std::string previous, id_of(call_, "previousId"));
    ZHIYIN_TRY(const std::string anonymous, id_of(call_, "anonymousId"));
    if (previous.empty()) previous = anonymous;
    if (user.empty()) return fail_field("userId", "is missing: say who the user is now");
    if (previous.empty())
      return fail_field("previousId", "is missing: say who the user was before");
    const bool made_up = previous == anonymous || is_uuid(previous);
    if (!made_up && settings_.public_key)
      return fail_field("previousId", "names a user: a public key may not join two users");
    add_identity("user_id", std::move(user));
    add_identity(made_up ? "anonymous_id" : "user_id", std::move(previous));
    event_.kind = "alias";
    event_.properties = Json::object();
    return {};
  }

  /// Whoever opens a page can write anything under its key, so that sets no traits; it is kept,
  /// sealed.
  void set_traits(std::string_view plain_kind, Json traits) {
    if (traits.if_object()->empty()) {
      event_.kind = plain_kind;
      event_.properties = Json::object();
    } else if (settings_.public_key) {
      event_.kind = plain_kind;
      event_.properties = Json::object();
      seal(event_.properties, "claimed_traits", std::move(traits));
    } else {
      event_.kind = "trait.set";
      event_.properties = with_sealed(traits, NamedIn::kTraits);
    }
  }

  Result<void> read_identify() {
    ZHIYIN_TRY(Json traits, object_of(call_, "traits"));
    if (traits.if_object()->empty() && call_["context"]["traits"].if_object() != nullptr)
      traits = call_["context"]["traits"];
    set_traits("identify", std::move(traits));
    return {};
  }

  Result<void> read_group() {
    ZHIYIN_TRY(const std::string group, id_of(call_, "groupId"));
    if (group.empty()) return fail_field("groupId", "is missing");
    ZHIYIN_TRY(const Json of_group, object_of(call_, "traits"));
    Json traits = Json().set("group_id", group);
    Json personal = Json::object();
    for (const auto& [name, value] : *of_group.if_object()) {
      // A company's name is no person's; its phone or address may be one.
      const bool sealed = name != "name" && is_personal_name(name, NamedIn::kTraits);
      (sealed ? personal : traits).set("group_" + name, value);
    }
    if (!personal.if_object()->empty()) traits.set("personal", std::move(personal));
    set_traits("group", std::move(traits));
    return {};
  }

  Result<void> read_properties() {
    ZHIYIN_TRY(const Json properties, object_of(call_, "properties"));
    event_.properties = with_sealed(properties, NamedIn::kProperties);
    add_context(event_.properties, call_["context"]);
    return {};
  }

  Result<void> read_view() {
    ZHIYIN_TRY_VOID(read_properties());
    ZHIYIN_TRY(const std::string name, id_of(call_, "name"));
    ZHIYIN_TRY(const std::string category, id_of(call_, "category"));
    if (!name.empty()) event_.properties.set("name", name);
    if (!category.empty()) event_.properties.set("category", category);
    event_.kind = "view";
    const Json& path = first_of(event_.properties, {"path"});
    const Json& of_context = call_["context"]["page"]["path"];
    if (type_ == "page")
      event_.item = item_of("page", !path.is_null()         ? path
                                    : !of_context.is_null() ? of_context
                                                            : Json(name));
    if (type_ == "screen") event_.item = item_of("screen", Json(name));
    return {};
  }

  Result<void> read_track() {
    ZHIYIN_TRY(const std::string name, id_of(call_, "event"));
    if (name.empty()) return fail_field("event", "is missing: say what happened");
    ZHIYIN_TRY_VOID(read_properties());
    Json& properties = event_.properties;
    if (!properties["event"].is_null()) properties.set("event_property", properties["event"]);
    properties.set("event", name);
    event_.item = product_of(properties);
    event_.kind = kind_of_name(name);
    const auto& known = well_known_by_kind();
    const auto found = known.find(event_.kind);
    return found == known.end() ? Result<void>() : read_well_known(*found->second);
  }

  Result<void> read_well_known(const WellKnown& known) {
    const Json& properties = event_.properties;
    if (known.value == Value::kMoney) return read_money(known);
    event_.kind = known.kind;
    if (known.value == Value::kRating && properties["rating"].is_null()) {
      event_.kind = "product_reviewed";  // words only
    } else if (known.value == Value::kRating) {
      const auto rating = number_of(properties["rating"]);
      if (!rating || std::abs(*rating) > 1e6)
        return fail_field("properties.rating", "is no number");
      event_.value = std::llround(*rating);
    }
    if (known.value == Value::kQuantity) {
      const auto quantity = number_of(properties["quantity"]);
      if (quantity && (*quantity < 0 || *quantity > 1e9))
        return fail_field("properties.quantity", "{} is no quantity", *quantity);
      if (quantity) event_.value = std::llround(*quantity);
    }
    return {};
  }

  /// Money is in the currency's main unit. What is not renminbi is an event of a kind of its own,
  /// and what names no currency one without a value.
  Result<void> read_money(const WellKnown& known) {
    const Json& properties = event_.properties;
    const auto currency = currency_of(properties["currency"].string_or(""));
    if (!currency) {
      if (event_.kind == known.kind)
        event_.kind = known.kind == "refund" ? "order_refunded" : "order_completed";
      return {};
    }
    for (const std::string_view name : {"revenue", "total", "value"}) {
      const Json& given = properties[name];
      if (given.is_null()) continue;
      const auto amount = number_of(given);
      constexpr double kAmountMax = 1e12;
      if (!amount || std::abs(*amount) > kAmountMax)
        return fail_field(fmt::format("properties.{}", name), "is no amount of money");
      event_.value = std::llround(*amount * 100);
      break;
    }
    event_.kind = kind_in(known.kind, *currency);
    return {};
  }

  const Json& call_;
  std::string_view type_;
  const TrackingSettings& settings_;
  WireEvent event_;
};

TrackedCall read_call(const Json& call, std::string_view type,
                      const std::optional<Instant>& sent_at, const Json& context,
                      const TrackingSettings& settings) {
  TrackedCall out;
  const Json* read = &call;
  Json merged;
  // A batch may carry a context for all of its calls; a call's own members go before.
  if (context.if_object() != nullptr && call.if_object() != nullptr) {
    merged = call;
    Json both = context;
    if (const Json::Object* own = call["context"].if_object()) {
      for (const auto& [name, value] : *own) both.set(name, value);
    }
    merged.set("context", std::move(both));
    read = &merged;
  }
  out.user_agent = (*read)["context"]["userAgent"].string_or("");
  auto event = CallReader(*read, type, settings).read(sent_at);
  if (event) {
    out.event = std::move(*event);
  } else {
    Json kept = *read;
    if (kept.if_object() != nullptr)
      kept.set("type", type);  // a call posted alone has it in its path
    out.refused = RefusedEvent{std::move(event.error().message), std::move(event.error().field),
                               pack_refused_call(kept, settings, sent_at)};
  }
  return out;
}

}  // namespace

std::string kind_of_name(std::string_view name) {
  std::string kind;
  bool lost = false;
  bool lower_before = false;
  for (const char c : name) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool plain = upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (upper && lower_before) kind += '_';  // orderCompleted
    lower_before = c >= 'a' && c <= 'z';
    if (plain) {
      kind += static_cast<char>(upper ? c + 32 : c);
    } else {
      lost = lost || static_cast<unsigned char>(c) >= 0x80;
      if (!kind.empty() && kind.back() != '_') kind += '_';
    }
  }
  while (!kind.empty() && kind.back() == '_') kind.pop_back();
  const bool letter_first = !kind.empty() && kind[0] >= 'a' && kind[0] <= 'z';
  if (!letter_first || is_one_of(kind, kPlatformKinds))
    kind = kind.empty() ? "track" : "track_" + kind;
  if (!lost && kind.size() <= kKindBytesMax && kind != "track") return kind;
  const std::string hash = short_hash(name);
  return kind.substr(0, kKindBytesMax - hash.size() - 1) + "_" + hash;
}

std::string_view write_key_in(const Json& body) {
  const std::string_view key = body["writeKey"].string_or("");
  return key.empty() ? body["write_key"].string_or("") : key;
}

Result<std::vector<TrackedCall>> read_tracking(const Json& body, std::string_view call,
                                               const TrackingSettings& settings) {
  if (body.if_object() == nullptr)
    return fail(ErrorCode::kInvalidArgument, "body: expected an object, got {}", body.type_name());
  auto sent = time_of(body, "sentAt", settings.zone);
  // A clock that cannot be read corrects nothing; the calls have their own times.
  const std::optional<Instant> sent_at = sent ? *sent : std::nullopt;
  std::vector<TrackedCall> calls;
  const bool many = call == "batch" || call == "import";
  if (!many) {
    calls.push_back(read_call(body, call, sent_at, {}, settings));
    return calls;
  }
  const Json::Array* batch = body["batch"].if_array();
  if (batch == nullptr)
    return fail_field("batch", "expected an array, got {}", body["batch"].type_name());
  if (batch->size() > kTrackingCallsMax) {
    return fail(ErrorCode::kLimitReached, "batch: has {} calls, at most {} are taken at once",
                batch->size(), kTrackingCallsMax);
  }
  calls.reserve(batch->size());
  for (const Json& one : *batch)
    calls.push_back(read_call(one, one["type"].string_or(one["action"].string_or("")), sent_at,
                              body["context"], settings));
  return calls;
}

std::string pack_refused_call(const Json& call, const TrackingSettings& settings,
                              const std::optional<Instant>& sent_at) {
  Json entry = Json().set("account", settings.account).set("public_key", settings.public_key);
  if (sent_at) entry.set("sent_at", to_json(*sent_at));
  return entry.set("tracking_call", call).dump();
}

std::optional<Result<WireEvent>> unpack_refused_call(const Json& entry) {
  const Json* call = entry.find("tracking_call");
  if (call == nullptr) return std::nullopt;
  TrackingSettings settings;
  settings.account = entry["account"].string_or("");
  settings.public_key = entry["public_key"].bool_or(false);
  const auto sent = time_of(entry, "sent_at", settings.zone);
  return CallReader(*call, (*call)["type"].string_or(""), settings)
      .read(sent ? *sent : std::nullopt);
}

std::string kind_of_refused_call(const Json& entry) {
  const auto event = unpack_refused_call(entry);
  if (event && *event) return (*event)->kind;
  const Json& call = entry["tracking_call"];
  const std::string_view name = call["event"].string_or("");
  const std::string plain = lower(name);
  for (const WellKnown& known : kWellKnown) {
    if (known.name == plain) return std::string(known.kind);
  }
  return name.empty() ? std::string() : kind_of_name(name);
}

}  // namespace zhiyin::ingest
