#include "ingest/detail/json_events.h"

#include <simdjson.h>

#include <charconv>
#include <cmath>

#include "base/nearest.h"
#include "base/utf8.h"

namespace zhiyin::ingest::detail {
namespace {

namespace dom = simdjson::dom;
using Type = dom::element_type;

constexpr std::string_view kMembers[] = {"event_id", "account",    "identities",  "kind",   "item",
                                         "value",    "properties", "occurred_at", "sent_at"};

std::string_view type_name(const dom::element& v) {
  switch (v.type()) {
    case Type::ARRAY:
      return "array";
    case Type::OBJECT:
      return "object";
    case Type::INT64:
    case Type::UINT64:
      return "integer";
    case Type::DOUBLE:
      return "number";
    case Type::STRING:
      return "string";
    case Type::BOOL:
      return "boolean";
    case Type::NULL_VALUE:
      return "null";
  }
  return "?";
}

std::unexpected<Error> wrong_type(std::string_view field, std::string_view expected,
                                  const dom::element& got) {
  return fail_field(field, "expected {}, got {}", expected, type_name(got));
}

std::unexpected<Error> unknown_member(std::string_view prefix, std::string_view key,
                                      std::span<const std::string_view> known) {
  const std::string path = std::string(prefix) + std::string(utf8::truncate(key, 64));
  const std::string_view near = nearest_name(key, known);
  if (near.empty()) return fail_field(path, "there is no such member");
  return fail_field(path, "there is no such member; did you mean '{}'?", near);
}

Result<std::string_view> text_of(std::string_view field, const dom::element& v) {
  std::string_view text;
  if (v.get(text) != simdjson::SUCCESS) return wrong_type(field, "a string", v);
  return text;
}

template <class Int>
void append_int(std::string& out, Int v) {
  char buffer[24];
  const auto [end, ec] = std::to_chars(std::begin(buffer), std::end(buffer), v);
  out.append(buffer, end);
}

Result<void> append_json(std::string& out, const dom::element& v, std::size_t depth) {
  if (depth > kJsonDepthMax)
    return fail_field("properties", "is nested deeper than {} levels", kJsonDepthMax);
  switch (v.type()) {
    case Type::NULL_VALUE:
      out += "null";
      return {};
    case Type::BOOL:
      out += bool(v) ? "true" : "false";
      return {};
    case Type::INT64:
      append_int(out, std::int64_t(v));
      return {};
    case Type::UINT64:
      append_int(out, std::uint64_t(v));
      return {};
    case Type::DOUBLE:
      append_json_number(out, double(v));
      return {};
    case Type::STRING:
      append_json_string(out, std::string_view(v));
      return {};
    case Type::ARRAY: {
      char separator = '[';
      for (const dom::element child : dom::array(v)) {
        out += separator;
        ZHIYIN_TRY_VOID(append_json(out, child, depth + 1));
        separator = ',';
      }
      if (separator == '[') out += '[';
      out += ']';
      return {};
    }
    case Type::OBJECT: {
      char separator = '{';
      for (const auto& [key, child] : dom::object(v)) {
        out += separator;
        append_json_string(out, key);
        out += ':';
        ZHIYIN_TRY_VOID(append_json(out, child, depth + 1));
        separator = ',';
      }
      if (separator == '{') out += '{';
      out += '}';
      return {};
    }
  }
  return {};
}

// Reads one event; fields point into the document, texts that had to be made into the arena.
class EventReader {
 public:
  /// Identities are appended to `identities`; which of them are this event's, the caller sees by
  /// its size.
  EventReader(EventView& view, std::vector<IdentityView>& identities, TextArena& arena,
              std::string& scratch, const JsonEvents::ZoneOf& zone_of)
      : view_(view),
        identities_(identities),
        arena_(arena),
        scratch_(scratch),
        zone_of_(zone_of),
        first_identity_(identities.size()) {}

  Result<void> read(const dom::element& element) {
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) return wrong_type("", "an object", element);
    for (const auto& [key, value] : object) ZHIYIN_TRY_VOID(read_member(key, value));
    // Times come last: their zone is the account's, which may follow them in the object.
    ZHIYIN_TRY(view_.occurred_at, time_of("occurred_at", occurred_at_));
    ZHIYIN_TRY(view_.sent_at, time_of("sent_at", sent_at_));
    return {};
  }

 private:
  Result<void> read_member(std::string_view key, const dom::element& value) {
    if (value.is_null()) {
      for (const std::string_view known : kMembers) {
        if (known == key) return {};
      }
      return unknown_member("", key, kMembers);
    }
    if (key == "event_id") return assign(view_.event_id, key, value);
    if (key == "account") return assign(view_.account, key, value);
    if (key == "kind") return assign(view_.kind, key, value);
    if (key == "identities") return read_identities(value);
    if (key == "item") return read_item(value);
    if (key == "value") return read_value(value);
    if (key == "properties") return read_properties(value);
    if (key == "occurred_at") return keep(occurred_at_, value);
    if (key == "sent_at") return keep(sent_at_, value);
    return unknown_member("", key, kMembers);
  }

  static Result<void> assign(std::string_view& to, std::string_view field,
                             const dom::element& value) {
    ZHIYIN_TRY(to, text_of(field, value));
    return {};
  }
  static Result<void> keep(std::optional<dom::element>& to, const dom::element& value) {
    to = value;
    return {};
  }

  Result<void> read_identities(const dom::element& value) {
    dom::array array;
    if (value.get(array) != simdjson::SUCCESS) return wrong_type("identities", "an array", value);
    identities_.resize(first_identity_);  // the last one of a repeated member wins
    for (const dom::element entry : array) {
      const std::size_t n = identities_.size() - first_identity_;
      if (n > kIdentitiesMax) break;  // one more than allowed is enough for check_event to say so
      identities_.emplace_back();
      if (auto ok = read_identity(entry, identities_.back()); !ok) {
        return std::unexpected(within(fmt::format("identities[{}]", n), std::move(ok.error())));
      }
    }
    return {};
  }

  static Result<void> read_identity(const dom::element& value, IdentityView& identity) {
    constexpr std::string_view kKnown[] = {"account", "kind", "value"};
    dom::object object;
    if (value.get(object) != simdjson::SUCCESS) return wrong_type("", "an object", value);
    for (const auto& [key, member] : object) {
      if (key == "kind") {
        ZHIYIN_TRY(identity.kind, text_of(key, member));
      } else if (key == "value") {
        ZHIYIN_TRY(identity.value, text_of(key, member));
      } else if (key == "account") {
        if (member.is_null()) continue;
        ZHIYIN_TRY(identity.account, text_of(key, member));
      } else {
        return unknown_member("", key, kKnown);
      }
    }
    return {};
  }

  Result<void> read_item(const dom::element& value) {
    constexpr std::string_view kKnown[] = {"kind", "id"};
    dom::object object;
    if (value.get(object) != simdjson::SUCCESS) return wrong_type("item", "an object", value);
    view_.has_item = true;
    for (const auto& [key, member] : object) {
      if (key == "kind") {
        ZHIYIN_TRY(view_.item_kind, text_of("item.kind", member));
      } else if (key == "id") {
        ZHIYIN_TRY(view_.item_id, text_of("item.id", member));
      } else {
        return unknown_member("item.", key, kKnown);
      }
    }
    return {};
  }

  Result<void> read_value(const dom::element& value) {
    std::int64_t i = 0;
    if (value.get(i) == simdjson::SUCCESS) {
      view_.value = i;
      return {};
    }
    // Clients whose only number is a double write 12.0.
    constexpr double kExactMax = 9007199254740992.0;
    double d = 0;
    if (value.type() == Type::DOUBLE && value.get(d) == simdjson::SUCCESS && d == std::floor(d) &&
        std::abs(d) <= kExactMax) {
      view_.value = static_cast<std::int64_t>(d);
      return {};
    }
    return fail_field("value", "expected an integer, got {}",
                      value.type() == Type::DOUBLE ? "a fraction" : type_name(value));
  }

  Result<void> read_properties(const dom::element& value) {
    dom::object object;
    if (value.get(object) != simdjson::SUCCESS) return wrong_type("properties", "an object", value);
    scratch_.clear();
    char separator = '{';
    for (const auto& [key, member] : object) {
      if (key == "personal") {
        ZHIYIN_TRY_VOID(read_personal(member));
        continue;
      }
      scratch_ += separator;
      separator = ',';
      append_json_string(scratch_, key);
      scratch_ += ':';
      ZHIYIN_TRY_VOID(append_json(scratch_, member, 1));
    }
    if (separator == ',') scratch_ += '}';
    view_.properties = arena_.keep(scratch_);
    return {};
  }

  Result<void> read_personal(const dom::element& value) {
    if (value.is_null()) return {};
    dom::object object;
    if (value.get(object) != simdjson::SUCCESS)
      return wrong_type("properties.personal", "an object", value);
    if (object.size() == 0) return {};
    std::string text;
    ZHIYIN_TRY_VOID(append_json(text, value, 1));
    view_.personal = arena_.keep(text);
    return {};
  }

  Result<std::optional<Instant>> time_of(std::string_view field,
                                         const std::optional<dom::element>& value) const {
    if (!value) return std::nullopt;
    std::int64_t ms = 0;
    std::string_view text;
    if (value->get(ms) == simdjson::SUCCESS) {
      constexpr std::int64_t kMsMax = 32'503'680'000'000;  // the year 3000
      if (ms >= 0 && ms < kMsMax) return Instant{ms * 1000};
      return fail_field(field, "{} is not a number of milliseconds between 1970 and 2999", ms);
    }
    if (value->get(text) != simdjson::SUCCESS) {
      return wrong_type(field, "a time (RFC 3339 or integer milliseconds)", *value);
    }
    static const TimeZone shanghai = TimeZone::shanghai();
    auto at = zone_of_ ? parse_time(text, zone_of_(view_.account)) : parse_time(text, shanghai);
    if (!at) return std::unexpected(within(field, std::move(at.error())));
    return *at;
  }

  EventView& view_;
  std::vector<IdentityView>& identities_;
  TextArena& arena_;
  std::string& scratch_;
  const JsonEvents::ZoneOf& zone_of_;
  const std::size_t first_identity_;
  std::optional<dom::element> occurred_at_;
  std::optional<dom::element> sent_at_;
};

std::string_view trimmed(std::string_view s) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t begin = s.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return s.substr(begin, s.find_last_not_of(kBlank) - begin + 1);
}

}  // namespace

struct JsonEvents::Parser {
  dom::parser parser;
  dom::element document;  // an array, or one object
  std::string joined;     // lines put together into an array
  std::string scratch;
  std::vector<std::optional<dom::element>> elements;  // by event; none for a bad line
  std::vector<std::size_t> first_identity;            // by event, and one behind the last

  // Parses `text`, which is padded for the parser.
  bool parse(std::string& text) {
    text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    return parser.parse(text.data(), text.size(), false).get(document) == simdjson::SUCCESS;
  }
};

JsonEvents::JsonEvents() : parser_(std::make_unique<Parser>()) {}
JsonEvents::~JsonEvents() = default;

Result<void> JsonEvents::read(std::string& body, std::size_t events_max, const ZoneOf& zone_of) {
  events_.clear();
  identities_.clear();
  parser_->elements.clear();
  arena_.clear();
  if (body.starts_with("\xef\xbb\xbf")) body.erase(0, 3);
  const std::string_view text = trimmed(body);
  if (text.empty())
    return fail(ErrorCode::kInvalidArgument,
                "body: is empty; send a JSON array, an object or NDJSON");
  if (text.front() == '[') return read_array(body, events_max, zone_of);
  const std::size_t line = text.find('\n');
  const bool like_lines =
      line != std::string_view::npos && trimmed(text.substr(0, line)).ends_with('}');
  if (like_lines) {
    ZHIYIN_TRY(const bool taken, read_lines_as_array(body, events_max, zone_of));
    if (taken) return {};
  }
  if (parser_->parse(body)) return take_elements(events_max, zone_of);
  if (line == std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument, "body: is not JSON: {}", json_error_position(body));
  }
  return read_lines(body, events_max, zone_of);
}

Result<void> JsonEvents::read_array(std::string& body, std::size_t events_max,
                                    const ZoneOf& zone_of) {
  if (!parser_->parse(body)) {
    return fail(ErrorCode::kInvalidArgument, "body: is not JSON: {}", json_error_position(body));
  }
  return take_elements(events_max, zone_of);
}

// The quick way for well-formed NDJSON: one array instead of thousands of documents. A line end
// between `}` and `{` becomes a comma; that nothing else was such a line end shows in the number of
// elements.
Result<bool> JsonEvents::read_lines_as_array(std::string& body, std::size_t events_max,
                                             const ZoneOf& zone_of) {
  std::string& joined = parser_->joined;
  joined.clear();
  joined.reserve(body.size() + 2 + simdjson::SIMDJSON_PADDING);
  joined += '[';
  std::size_t lines = 0;
  std::string_view rest = body;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty()) continue;
    if (line.front() != '{' || line.back() != '}') return false;
    if (lines++ != 0) joined += ',';
    joined += line;
  }
  joined += ']';
  if (lines > events_max) {
    return fail(ErrorCode::kLimitReached, "body: has {} lines, at most {} events are taken at once",
                lines, events_max);
  }
  if (!parser_->parse(joined)) return false;
  if (dom::array(parser_->document).size() != lines) return false;
  ZHIYIN_TRY_VOID(take_elements(events_max, zone_of));
  return true;
}

// Line by line: those that are no JSON object keep their error, the others go the quick way
// together.
Result<void> JsonEvents::read_lines(std::string& body, std::size_t events_max,
                                    const ZoneOf& zone_of) {
  struct Bad {
    std::size_t at;
    JsonEvent event;
  };
  std::vector<Bad> bad;
  std::string good;
  std::size_t lines = 0;
  std::string one;
  for (std::string_view rest = body; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty()) continue;
    if (++lines > events_max) {
      return fail(ErrorCode::kLimitReached, "body: more than {} events at once", events_max);
    }
    one = line;
    const bool parsed = parser_->parse(one);
    if (parsed && parser_->document.is_object()) {
      good += good.empty() ? '[' : ',';
      good += line;
      continue;
    }
    JsonEvent event;
    event.error = Error{
        ErrorCode::kInvalidArgument,
        parsed ? "is not a JSON object" : "is not a JSON object: " + json_error_position(line),
        fmt::format("line {}", lines)};
    event.raw = line;
    bad.push_back({lines - 1, std::move(event)});
  }
  if (good.empty()) {
    return fail(ErrorCode::kInvalidArgument, "body: is not JSON: {}", json_error_position(body));
  }
  good += ']';
  parser_->joined = std::move(good);
  if (!parser_->parse(parser_->joined))
    return fail(ErrorCode::kInvalidArgument, "body: is not JSON");
  ZHIYIN_TRY_VOID(take_elements(events_max, zone_of));
  // The bad lines go back to where they stood, so that answers come in the order of the lines.
  std::vector<JsonEvent> events;
  std::vector<std::optional<dom::element>> elements;
  events.reserve(lines);
  auto next_bad = bad.begin();
  auto next_good = std::size_t{0};
  while (events.size() < lines) {
    if (next_bad != bad.end() && next_bad->at == events.size()) {
      events.push_back(std::move(next_bad++->event));
      elements.emplace_back();
    } else {
      events.push_back(std::move(events_[next_good]));
      elements.push_back(parser_->elements[next_good++]);
    }
  }
  events_ = std::move(events);
  parser_->elements = std::move(elements);
  return {};
}

Result<void> JsonEvents::take_elements(std::size_t events_max, const ZoneOf& zone_of) {
  dom::array array;
  const bool many = parser_->document.get(array) == simdjson::SUCCESS;
  std::size_t count = 1;
  if (many) {
    count = array.size();
    if (count == 0xFFFFFF) count = events_max + 1;  // simdjson's "at least so many"
  }
  if (count > events_max) {
    return fail(ErrorCode::kLimitReached, "body: has {} events, at most {} are taken at once",
                count, events_max);
  }
  events_.reserve(count);
  parser_->elements.reserve(count);
  std::vector<std::size_t>& first = parser_->first_identity;
  first.clear();
  auto take = [&](const dom::element& element) {
    JsonEvent& event = events_.emplace_back();
    parser_->elements.emplace_back(element);
    first.push_back(identities_.size());
    EventReader reader(event.view, identities_, arena_, parser_->scratch, zone_of);
    if (auto ok = reader.read(element); !ok) {
      event.error = std::move(ok.error());
      event.raw = simdjson::to_string(element);
    }
  };
  if (many) {
    for (const dom::element element : array) take(element);
  } else {
    take(parser_->document);
  }
  first.push_back(identities_.size());
  for (std::size_t i = 0; i < events_.size(); ++i) {
    events_[i].view.identities = std::span(identities_).subspan(first[i], first[i + 1] - first[i]);
  }
  return {};
}

std::string JsonEvents::json_of(std::size_t index) const {
  const auto& element = parser_->elements[index];
  return element ? simdjson::to_string(*element) : events_[index].raw;
}

}  // namespace zhiyin::ingest::detail
