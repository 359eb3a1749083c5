#include "ingest/detail/kind_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "ingest/event.h"

namespace zhiyin::ingest::detail {
namespace {

std::string shown(const Json& value) { return std::string(utf8::truncate(value.dump(), 80)); }

bool has_type(const Json& value, PropertyType type) {
  switch (type) {
    case PropertyType::kString:
      return value.if_string() != nullptr;
    case PropertyType::kInteger:
      return value.if_int() != nullptr;
    case PropertyType::kNumber:
      return value.is_number();
    case PropertyType::kBoolean:
      return value.if_bool() != nullptr;
    case PropertyType::kArray:
      return value.if_array() != nullptr;
    case PropertyType::kObject:
      return value.if_object() != nullptr;
    case PropertyType::kTime: {
      const std::string text = value.if_int() != nullptr ? std::to_string(value.int_or(0))
                                                         : std::string(value.string_or(""));
      return !text.empty() && parse_time(text, TimeZone::shanghai()).has_value();
    }
  }
  return false;
}

Result<void> check_bounds(const std::string& path, double value, const std::optional<double>& lo,
                          const std::optional<double>& hi) {
  if (lo && value < *lo) return fail_field(path, "{} is below the minimum {}", value, *lo);
  if (hi && value > *hi) return fail_field(path, "{} is above the maximum {}", value, *hi);
  return {};
}

Result<void> check_property(const std::string& path, const Json& value,
                            const KindPropertyRule& rule) {
  if (!has_type(value, rule.type))
    return fail_field(path, "expected {}, got {}", enum_name(rule.type), shown(value));
  if (value.is_number())
    ZHIYIN_TRY_VOID(check_bounds(path, value.number_or(0), rule.minimum, rule.maximum));
  if (!rule.values.empty() &&
      std::ranges::find(rule.values, value.string_or("")) == rule.values.end()) {
    return fail_field(path, "{} is not one of {}", shown(value), fmt::join(rule.values, ", "));
  }
  if (rule.length_max == 0) return {};
  const std::size_t n =
      value.if_array() != nullptr ? value.if_array()->size() : value.string_or("").size();
  if (n > rule.length_max)
    return fail_field(path, "is {} long, at most {} are allowed", n, rule.length_max);
  return {};
}

Result<Json> object_in(std::string_view text) {
  return text.empty() ? Result<Json>(Json::object()) : parse_json(text);
}

Result<void> check_value_and_item(const EventView& event, const KindDefinition& kind) {
  if (kind.value) {
    if (kind.value->required && !event.value)
      return fail_field("value", "is missing: {} needs one", kind.name);
    if (event.value)
      ZHIYIN_TRY_VOID(check_bounds("value", static_cast<double>(*event.value), kind.value->minimum,
                                   kind.value->maximum));
  }
  if (kind.item) {
    if (kind.item->required && !event.has_item)
      return fail_field("item", "is missing: {} needs one", kind.name);
    if (event.has_item && !kind.item->kinds.empty() &&
        std::ranges::find(kind.item->kinds, event.item_kind) == kind.item->kinds.end()) {
      return fail_field("item.kind", "'{}' is not one of {}", event.item_kind,
                        fmt::join(kind.item->kinds, ", "));
    }
  }
  return {};
}

}  // namespace

KindRules::KindRules(std::vector<KindDefinition> kinds) {
  for (KindDefinition& kind : kinds) {
    std::string name = kind.name;
    kinds_.emplace(std::move(name), std::move(kind));
  }
}

bool KindRules::knows(std::string_view kind) const {
  constexpr std::string_view kMadeHere[] = {"identify", "group", "alias", "template_result"};
  return kinds_.contains(kind) || kind.starts_with("wechat.") ||
         std::ranges::find(kMadeHere, kind) != std::end(kMadeHere) ||
         std::ranges::any_of(core_kinds(), [&](const CoreKind& core) { return core.name == kind; });
}

Result<void> KindRules::check(EventView& event, TextArena& arena) const {
  const auto found = kinds_.find(event.kind);
  if (found == kinds_.end()) return {};
  const KindDefinition& kind = found->second;
  ZHIYIN_TRY_VOID(check_value_and_item(event, kind));
  ZHIYIN_TRY(const Json plain, object_in(event.properties));
  ZHIYIN_TRY(Json personal, object_in(event.personal));
  for (const auto& [name, rule] : kind.properties) {
    const std::string path = "properties." + name;
    const Json& value = plain[name].is_null() ? personal[name] : plain[name];
    if (value.is_null()) {
      if (rule.required) return fail_field(path, "is missing: {} needs it", kind.name);
      continue;
    }
    ZHIYIN_TRY_VOID(check_property(path, value, rule));
  }
  Json kept = Json::object();
  bool moved = false;
  for (const auto& [name, value] : *plain.if_object()) {
    const auto rule = kind.properties.find(name);
    if (rule == kind.properties.end()) {
      if (kind.extra == ExtraProperties::kRefuse && name != "clock_error_ms") {
        return fail_field("properties." + std::string(utf8::truncate(name, 64)),
                          "is not declared for {} (version {})", kind.name, kind.version);
      }
      kept.set(name, value);
    } else if (rule->second.personal) {
      personal.set(name, value);
      moved = true;
    } else {
      kept.set(name, value);
    }
  }
  if (!moved) return {};
  event.properties = arena.keep(kept.dump());
  event.personal = arena.keep(personal.dump());
  return {};
}

}  // namespace zhiyin::ingest::detail
