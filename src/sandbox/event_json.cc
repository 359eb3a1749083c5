#include "sandbox/event_json.h"

#include <fmt/format.h>

#include "base/json.h"
#include "http/message.h"

namespace zhiyin::sandbox {
namespace {

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out += ",\"";
  out += name;
  out += "\":";
  append_json_string(out, text);
}

/// `{"event_id":…` to `"occurred_at":…`, without the closing brace.
std::string begin_event(const Behaviour& b, std::string_view kind, const EventContext& context) {
  const Person& person = context.population->person(b.person);
  std::string out = fmt::format("{{\"event_id\":\"sb{}-{}-{}\"", context.seed, b.person, b.number);
  append_member(out, "account", context.account);
  out += ",\"identities\":[{\"kind\":\"openid\"";
  append_member(out, "value", person.openid);
  out += "}]";
  append_member(out, "kind", kind);
  append_member(out, "occurred_at", format_utc(b.at));
  return out;
}

void append_item(std::string& out, const LibraryItem& item) {
  out += ",\"item\":{\"kind\":\"" + item.kind + "\"";
  append_member(out, "id", item.id);
  out += '}';
}

std::string query_value(std::string_view url, std::string_view name) {
  const std::size_t mark = url.find('?');
  std::string_view rest =
      mark == std::string_view::npos ? std::string_view() : url.substr(mark + 1);
  rest = rest.substr(0, rest.find('#'));
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) {
      return http::percent_decode(pair.substr(name.size() + 1), true);
    }
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
  }
  return {};
}

}  // namespace

std::string event_json(const Behaviour& b, const EventContext& context) {
  std::string out = begin_event(b, to_string(b.kind), context);
  if (b.item >= 0) append_item(out, (*context.library)[static_cast<std::size_t>(b.item)]);
  if (b.kind == BehaviourKind::kRead || b.kind == BehaviourKind::kPurchase) {
    fmt::format_to(std::back_inserter(out), ",\"value\":{}", b.value);
  }
  if (b.kind == BehaviourKind::kComment) {
    out += ",\"properties\":{\"personal\":{\"text\":";
    append_json_string(out, b.text);
    out += "}}";
  }
  return out + "}";
}

LinkTarget parse_link_target(std::string_view location) {
  LinkTarget target;
  target.campaign = query_value(location, "zy_c");
  target.touch = query_value(location, "zy_t");
  const std::string_view path = location.substr(0, location.find_first_of("?#"));
  constexpr std::string_view kPage = "/page/";
  const std::size_t at = path.rfind(kPage);
  if (at != std::string_view::npos) target.item = path.substr(at + kPage.size());
  return target;
}

std::string link_click_json(const Behaviour& open, const LinkTarget& target,
                            const EventContext& context) {
  std::string out = begin_event(open, "click", context);
  for (const LibraryItem& item : *context.library) {
    if (item.id == target.item) append_item(out, item);
  }
  out += ",\"properties\":{\"source\":\"page\"";
  if (!target.campaign.empty()) append_member(out, "campaign", target.campaign);
  if (!target.touch.empty()) append_member(out, "touch", target.touch);
  return out + "}}";
}

bool is_tracked_link(std::string_view url) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!url.starts_with(scheme)) continue;
    const std::string_view rest = url.substr(scheme.size());
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos || !rest.substr(slash).starts_with("/l/")) return false;
    std::string_view host = rest.substr(0, slash);
    if (const std::size_t port = host.rfind(':');
        port != std::string_view::npos && !host.ends_with(']')) {
      host = host.substr(0, port);
    }
    return host == "127.0.0.1" || host == "localhost" || host == "[::1]";
  }
  return false;
}

}  // namespace zhiyin::sandbox
