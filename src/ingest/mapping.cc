#include "ingest/mapping.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

#include "base/nearest.h"
#include "ingest/detail/mapping_fields.h"
#include "ingest/detail/time_format.h"
#include "ingest/event.h"
#include "ingest/event_view.h"

namespace zhiyin::ingest {
namespace {

Json to_json(const toml::node& node) {
  if (const auto* table = node.as_table()) {
    Json out = Json::object();
    for (const auto& [key, value] : *table) out.set(key.str(), to_json(value));
    return out;
  }
  if (const auto* array = node.as_array()) {
    Json out = Json::array();
    for (const auto& value : *array) out.push(to_json(value));
    return out;
  }
  if (const auto* s = node.as_string()) return Json(s->get());
  if (const auto* i = node.as_integer()) return Json(i->get());
  if (const auto* d = node.as_floating_point()) return Json(d->get());
  if (const auto* b = node.as_boolean()) return Json(b->get());
  std::ostringstream text;  // a date or a time
  if (const auto* date = node.as_date()) text << date->get();
  if (const auto* time = node.as_time()) text << time->get();
  if (const auto* both = node.as_date_time()) text << both->get();
  return Json(text.str());
}

// `time = "when"` is short for `time = {column = "when"}`.
void expand_column(Json& parent, std::string_view key) {
  const Json* value = parent.find(key);
  if (value == nullptr || value->if_string() == nullptr) return;
  Json expanded = Json::object();
  expanded.set("column", *value);
  parent.set(key, std::move(expanded));
}

void expand_rule(Json& rule) {
  if (rule.if_object() == nullptr) return;
  for (const std::string_view time : {"time", "published_at", "valid_from", "valid_until"})
    expand_column(rule, time);
  const Json* properties = rule.find("properties");
  if (properties == nullptr) return;
  Json expanded = Json::object();
  if (const Json::Array* names =
          properties->if_array()) {  // a list of columns that keep their names
    for (const Json& name : *names) {
      Json property = Json::object();
      property.set("column", name);
      expanded.set(name.string_or("?"), std::move(property));
    }
  } else if (const Json::Object* members = properties->if_object()) {
    expanded = *properties;
    for (const auto& [name, value] : *members) expand_column(expanded, name);
  } else {
    return;
  }
  rule.set("properties", std::move(expanded));
}

void expand(Json& mapping) {
  expand_column(mapping, "time");
  for (const std::string_view key : {"event", "item"}) {
    const Json* rules = mapping.find(key);
    if (rules == nullptr || rules->if_array() == nullptr) continue;
    Json copy = *rules;
    for (Json& rule : *copy.if_array()) expand_rule(rule);
    mapping.set(key, std::move(copy));
  }
}

Result<void> check_one_of(std::string_view field, std::string_view value,
                          std::span<const std::string_view> known) {
  if (std::ranges::find(known, value) != known.end()) return {};
  const std::string_view near = nearest_name(value, known);
  if (near.empty())
    return fail_field(field, "'{}' is not one of {}", value, fmt::join(known, ", "));
  return fail_field(field, "'{}' is not one of {}; did you mean '{}'?", value,
                    fmt::join(known, ", "), near);
}

Result<void> check_kind(std::string_view field, std::string_view kind) {
  if (is_kind_name(kind)) return {};
  return fail_field(field, "'{}' is no kind of event: [a-z][a-z0-9_.]{{0,63}}", kind);
}

Result<void> check_time(const std::optional<TimeRule>& rule, std::string_view zone) {
  if (!rule) return {};
  if (rule->column.empty() == rule->constant.empty()) {
    return fail_field("time", "needs either a column or a constant");
  }
  if (auto format = detail::TimeFormat::create(*rule, zone); !format) {
    return std::unexpected(within("time", std::move(format.error())));
  }
  return {};
}

Result<void> check_conditions(std::string_view field, const std::vector<Condition>& conditions) {
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    const Condition& c = conditions[i];
    if (c.in.empty() && c.not_in.empty() && !c.empty && !c.above && !c.below) {
      return fail_field(fmt::format("{}[{}]", field, i),
                        "says nothing about '{}': in, not_in, empty, above or below", c.column);
    }
  }
  return {};
}

Result<void> check_kind_source(const EventRule& rule) {
  const int sources = (rule.kind.empty() ? 0 : 1) + (rule.kind_column.empty() ? 0 : 1) +
                      (rule.columns.empty() ? 0 : 1);
  if (sources != 1) return fail_field("kind", "say exactly one of kind, kind_column and columns");
  if (!rule.kind.empty()) ZHIYIN_TRY_VOID(check_kind("kind", rule.kind));
  for (const auto& [word, kind] : rule.kind_translate) {
    ZHIYIN_TRY_VOID(check_kind("kind_translate." + word, kind));
  }
  for (const auto& [column, kind] : rule.columns)
    ZHIYIN_TRY_VOID(check_kind("columns." + column, kind));
  return {};
}

Result<void> check_event_rule(const EventRule& rule, const Mapping& mapping) {
  if (rule.identity.empty() && mapping.identity.empty() && !mapping.rows_are_people) {
    return fail_field("identity", "is missing: name the column that says whose event it is");
  }
  if (!rule.identity_kind.empty())
    ZHIYIN_TRY_VOID(check_one_of("identity_kind", rule.identity_kind, kIdentityKinds));
  for (const FurtherIdentity& further : rule.further_identities) {
    ZHIYIN_TRY_VOID(check_one_of("further_identities.kind", further.kind, kIdentityKinds));
  }
  ZHIYIN_TRY_VOID(check_kind_source(rule));
  if (!rule.list.empty() && !rule.columns.empty())
    return fail_field("list", "cannot stand beside columns");
  if (!rule.list.empty() && !rule.item.empty())
    return fail_field("item", "cannot stand beside list, which names the items");
  if (!rule.list_response.empty() && rule.list_response_separator.empty()) {
    return fail_field("list_response", "needs list_response_separator");
  }
  if (!rule.currency.empty() && !rule.value_is_yuan && rule.value_scale != 100)
    return fail_field("currency", "is of an amount: value_is_yuan, or a value_scale of 100");
  if (rule.value_is_yuan && (rule.value.empty() || rule.value_scale != 1)) {
    return fail_field("value_is_yuan", "needs a value column and no value_scale");
  }
  if (rule.value_constant && !rule.value.empty())
    return fail_field("value_constant", "cannot stand beside value");
  if (!rule.columns.empty() && !rule.value.empty())
    return fail_field("value", "cannot stand beside columns, whose cells are the values");
  for (const auto& [name, property] : rule.properties) {
    constexpr std::string_view kTypes[] = {"auto", "text", "number"};
    ZHIYIN_TRY_VOID(check_one_of("properties." + name + ".type", property.type, kTypes));
    if (name == "personal")
      return fail_field("properties.personal",
                        "is reserved; say personal = true with the property");
  }
  ZHIYIN_TRY_VOID(check_conditions("where", rule.where));
  return check_time(rule.time, mapping.zone);
}

Result<void> check_item_rule(const ItemRule& rule, const Mapping& mapping) {
  constexpr std::string_view kUnits[] = {"yuan", "fen"};
  ZHIYIN_TRY_VOID(check_one_of("price_unit", rule.price_unit, kUnits));
  ZHIYIN_TRY_VOID(check_kind("kind", rule.kind));
  ZHIYIN_TRY_VOID(check_conditions("where", rule.where));
  for (const auto& [name, time] :
       {std::pair("published_at", &rule.published_at), std::pair("valid_from", &rule.valid_from),
        std::pair("valid_until", &rule.valid_until)}) {
    if (auto ok = check_time(*time, mapping.zone); !ok) {
      ok.error().field =
          name + ok.error().field.substr(std::min<std::size_t>(4, ok.error().field.size()));
      return ok;
    }
  }
  return {};
}

Result<void> check_mapping(const Mapping& mapping) {
  if (mapping.event.empty() && mapping.item.empty()) {
    return fail_field("event", "is missing: a mapping has at least one [[event]] or [[item]]");
  }
  if (auto zone = TimeZone::create(mapping.zone); !zone)
    return std::unexpected(within("zone", std::move(zone.error())));
  constexpr std::string_view kRepeated[] = {"keep", "drop"};
  ZHIYIN_TRY_VOID(check_one_of("repeated_rows", mapping.repeated_rows, kRepeated));
  ZHIYIN_TRY_VOID(check_one_of("identity_kind", mapping.identity_kind, kIdentityKinds));
  ZHIYIN_TRY_VOID(check_conditions("skip", mapping.skip));
  ZHIYIN_TRY_VOID(check_time(mapping.time, mapping.zone));
  for (std::size_t i = 0; i < mapping.event.size(); ++i) {
    if (auto ok = check_event_rule(mapping.event[i], mapping); !ok) {
      return std::unexpected(within(fmt::format("event[{}]", i), std::move(ok.error())));
    }
  }
  for (std::size_t i = 0; i < mapping.item.size(); ++i) {
    if (auto ok = check_item_rule(mapping.item[i], mapping); !ok) {
      return std::unexpected(within(fmt::format("item[{}]", i), std::move(ok.error())));
    }
  }
  return {};
}

Error named(std::string_view file_name, Error error) {
  error.message = error.field.empty()
                      ? fmt::format("mapping '{}': {}", file_name, error.message)
                      : fmt::format("mapping '{}': {}: {}", file_name, error.field, error.message);
  return error;
}

std::string stem(std::string_view file_name) {
  const std::size_t slash = file_name.rfind('/');
  if (slash != std::string_view::npos) file_name.remove_prefix(slash + 1);
  return std::string(file_name.substr(0, file_name.find('.')));
}

}  // namespace

Result<Mapping> parse_mapping(std::string_view toml_text, std::string_view file_name) {
  if (toml_text.size() > kMappingBytesMax) {
    return fail(ErrorCode::kLimitReached, "mapping '{}': has {} bytes, at most {} are read",
                file_name, toml_text.size(), kMappingBytesMax);
  }
  Json json;
  try {
    const toml::table table = toml::parse(toml_text, file_name);
    json = to_json(table);
  } catch (const toml::parse_error& e) {
    return fail(ErrorCode::kInvalidArgument, "mapping '{}': line {}: {}", file_name,
                e.source().begin.line, e.description());
  } catch (const std::exception& e) {
    return fail(ErrorCode::kInvalidArgument, "mapping '{}': {}", file_name, e.what());
  }
  expand(json);
  auto mapping = from_json<Mapping>(json);
  if (!mapping) return std::unexpected(named(file_name, std::move(mapping.error())));
  if (mapping->name.empty()) mapping->name = stem(file_name);
  if (auto ok = check_mapping(*mapping); !ok)
    return std::unexpected(named(file_name, std::move(ok.error())));
  return mapping;
}

Result<Mapping> find_shipped_mapping(std::string_view name) {
  std::vector<std::string_view> names;
  for (const ShippedMapping& shipped : shipped_mappings()) {
    if (shipped.name == name) return parse_mapping(shipped.toml, shipped.name);
    names.push_back(shipped.name);
  }
  const std::string_view near = nearest_name(name, names);
  if (near.empty())
    return fail(ErrorCode::kNotFound, "mapping: there is no '{}'; there are {}", name,
                fmt::join(names, ", "));
  return fail(ErrorCode::kNotFound, "mapping: there is no '{}'; did you mean '{}'?", name, near);
}

}  // namespace zhiyin::ingest
