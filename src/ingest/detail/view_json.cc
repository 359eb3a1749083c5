#include "ingest/detail/view_json.h"

#include <fmt/format.h>

#include "base/json.h"

namespace zhiyin::ingest::detail {
namespace {

void member(std::string& out, std::string_view key) {
  out += out.back() == '{' ? "" : ",";
  append_json_string(out, key);
  out += ':';
}

void text_member(std::string& out, std::string_view key, std::string_view text) {
  member(out, key);
  append_json_string(out, text);
}

}  // namespace

std::string view_to_json(const EventView& event) {
  std::string out = "{";
  if (!event.event_id.empty()) text_member(out, "event_id", event.event_id);
  text_member(out, "account", event.account);
  member(out, "identities");
  out += '[';
  for (const IdentityView& identity : event.identities) {
    if (out.back() == '}') out += ',';
    out += '{';
    if (!identity.account.empty()) text_member(out, "account", identity.account);
    text_member(out, "kind", identity.kind);
    text_member(out, "value", identity.value);
    out += '}';
  }
  out += ']';
  text_member(out, "kind", event.kind);
  if (event.has_item) {
    member(out, "item");
    out += '{';
    text_member(out, "kind", event.item_kind);
    text_member(out, "id", event.item_id);
    out += '}';
  }
  if (event.value) {
    member(out, "value");
    out += std::to_string(*event.value);
  }
  if (!event.properties.empty() || !event.personal.empty()) {
    member(out, "properties");
    std::string properties(event.properties.empty() ? std::string_view("{}") : event.properties);
    if (!event.personal.empty()) {
      properties.pop_back();
      member(properties, "personal");
      properties += event.personal;
      properties += '}';
    }
    out += properties;
  }
  if (event.occurred_at) text_member(out, "occurred_at", format_utc(*event.occurred_at));
  return out + "}";
}

}  // namespace zhiyin::ingest::detail
