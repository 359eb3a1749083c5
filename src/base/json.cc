#include "base/json.h"

#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/strict_json.h"
#include "base/utf8.h"

namespace zhiyin {
namespace {

enum class EqualKeys { kLastWins, kRefused };

Result<Json> convert(const simdjson::dom::element& element, EqualKeys keys, std::size_t depth) {
  using Type = simdjson::dom::element_type;
  if (depth > kJsonDepthMax) {
    return fail(ErrorCode::kInvalidArgument, "json: nested deeper than {} levels", kJsonDepthMax);
  }
  switch (element.type()) {
    case Type::NULL_VALUE:
      return Json();
    case Type::BOOL:
      return Json(bool(element));
    case Type::INT64:
      return Json(std::int64_t(element));
    case Type::UINT64:
      return Json(static_cast<double>(std::uint64_t(element)));
    case Type::DOUBLE:
      return Json(double(element));
    case Type::STRING:
      return Json(std::string_view(element));
    case Type::ARRAY: {
      Json::Array out;
      for (const auto child : simdjson::dom::array(element)) {
        ZHIYIN_TRY(Json value, convert(child, keys, depth + 1));
        out.push_back(std::move(value));
      }
      return Json(std::move(out));
    }
    case Type::OBJECT: {
      Json out = Json::object();
      const simdjson::dom::object object(element);
      out.if_object()->reserve(object.size());
      for (const auto& [key, child] : object) {
        ZHIYIN_TRY(Json value, convert(child, keys, depth + 1));
        if (keys == EqualKeys::kRefused && out.find(key) != nullptr) {
          constexpr std::size_t kShownBytes = 64;
          return fail(ErrorCode::kInvalidArgument, "json: has {} more than once",
                      utf8::truncate(key, kShownBytes));
        }
        out.set(key, std::move(value));
      }
      return out;
    }
  }
  return Json();
}

void write(std::string& out, const Json& v, int indent, int level);

void new_line(std::string& out, int indent, int level) {
  if (indent == 0) return;
  out += '\n';
  out.append(static_cast<std::size_t>(indent * level), ' ');
}

void write_array(std::string& out, const Json::Array& a, int indent, int level) {
  out += '[';
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (i != 0) out += ',';
    new_line(out, indent, level + 1);
    write(out, a[i], indent, level + 1);
  }
  if (!a.empty()) new_line(out, indent, level);
  out += ']';
}

void write_object(std::string& out, const Json::Object& o, int indent, int level) {
  out += '{';
  for (std::size_t i = 0; i < o.size(); ++i) {
    if (i != 0) out += ',';
    new_line(out, indent, level + 1);
    append_json_string(out, o[i].first);
    out += indent == 0 ? ":" : ": ";
    write(out, o[i].second, indent, level + 1);
  }
  if (!o.empty()) new_line(out, indent, level);
  out += '}';
}

void write(std::string& out, const Json& v, int indent, int level) {
  if (const auto* b = v.if_bool()) {
    out += *b ? "true" : "false";
  } else if (const auto* i = v.if_int()) {
    fmt::format_to(std::back_inserter(out), "{}", *i);
  } else if (const auto* s = v.if_string()) {
    append_json_string(out, *s);
  } else if (const auto* a = v.if_array()) {
    write_array(out, *a, indent, level);
  } else if (const auto* o = v.if_object()) {
    write_object(out, *o, indent, level);
  } else if (v.is_null()) {
    out += "null";
  } else {
    append_json_number(out, v.number_or(0));
  }
}

}  // namespace

bool Json::is_number() const {
  return std::holds_alternative<std::int64_t>(value_) || std::holds_alternative<double>(value_);
}

double Json::number_or(double fallback) const {
  if (const auto* i = if_int()) return static_cast<double>(*i);
  if (const auto* d = std::get_if<double>(&value_)) return *d;
  return fallback;
}

std::int64_t Json::int_or(std::int64_t fallback) const {
  const auto* i = if_int();
  return i == nullptr ? fallback : *i;
}

std::string_view Json::string_or(std::string_view fallback) const {
  const auto* s = if_string();
  return s == nullptr ? fallback : std::string_view(*s);
}

bool Json::bool_or(bool fallback) const {
  const auto* b = if_bool();
  return b == nullptr ? fallback : *b;
}

const Json* Json::find(std::string_view key) const {
  if (const auto* object = if_object()) {
    for (const Member& member : *object) {
      if (member.first == key) return &member.second;
    }
  }
  return nullptr;
}

const Json& Json::operator[](std::string_view key) const {
  static const Json null;
  const Json* found = find(key);
  return found == nullptr ? null : *found;
}

Json& Json::set(std::string_view key, Json value) {
  if (is_null()) value_ = Object();
  Object* object = if_object();
  ZHIYIN_CHECK(object != nullptr);
  for (Member& member : *object) {
    if (member.first == key) {
      member.second = std::move(value);
      return *this;
    }
  }
  object->emplace_back(std::string(key), std::move(value));
  return *this;
}

Json& Json::push(Json value) {
  if (is_null()) value_ = Array();
  Array* array = if_array();
  ZHIYIN_CHECK(array != nullptr);
  array->push_back(std::move(value));
  return *this;
}

std::string_view Json::type_name() const {
  constexpr std::string_view kNames[] = {"null",   "boolean", "integer", "number",
                                         "string", "array",   "object"};
  return kNames[value_.index()];
}

std::string Json::dump() const {
  std::string out;
  write(out, *this, 0, 0);
  return out;
}

std::string Json::dump_pretty() const {
  std::string out;
  write(out, *this, 2, 0);
  return out;
}

namespace {
Result<Json> parse(std::string_view text, std::size_t bytes_max, EqualKeys keys) {
  if (text.size() > bytes_max) {
    return fail(ErrorCode::kInvalidArgument, "json: {} bytes, at most {} are accepted", text.size(),
                bytes_max);
  }
  thread_local simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (const auto error = parser.parse(text.data(), text.size()).get(root)) {
    return fail(ErrorCode::kInvalidArgument, "json: {}", simdjson::error_message(error));
  }
  return convert(root, keys, 0);
}
}  // namespace

Result<Json> parse_json(std::string_view text, std::size_t bytes_max) {
  return parse(text, bytes_max, EqualKeys::kLastWins);
}

Result<Json> parse_strict_json(std::string_view text, std::size_t bytes_max) {
  return parse(text, bytes_max, EqualKeys::kRefused);
}

namespace {

/// The first byte from `at` on that cannot stand in a JSON string as it is, or the end.
std::size_t plain_end(std::string_view text, std::size_t at) {
  // Eight at a time: the top bit of each byte that is below 0x20, or a quote, or a backslash. (A
  // byte above one that is found may be taken for another; the rest looks at them singly.)
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kTops = kOnes << 7;
  const auto zeroes = [](std::uint64_t word) { return (word - kOnes) & ~word & kTops; };
  for (std::uint64_t word = 0; at + sizeof word <= text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    const std::uint64_t control = (word - kOnes * 0x20) & ~word & kTops;
    if ((control | zeroes(word ^ kOnes * '"') | zeroes(word ^ kOnes * '\\')) != 0) break;
  }
  const auto is_plain = [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
  };
  while (at < text.size() && is_plain(text[at])) ++at;
  return at;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = plain_end(text, at);
    out.append(text, at, end - at);
    if (end == text.size()) break;
    const char c = text[end];
    const auto u = static_cast<unsigned char>(c);
    at = end + 1;
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else {
      out += "\\u00";
      out += kHex[u >> 4];
      out += kHex[u & 15];
    }
  }
  out += '"';
}

void append_json_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  if (value == 1) {  // what stands most often in some answers
    out += '1';
    return;
  }
  char buffer[32];
  // From here on a double's shortest digits may be those of an integer that no reader takes for
  // one.
  constexpr double kExactIntegers = 9007199254740992.0;
  const bool large = std::abs(value) >= kExactIntegers;
  const auto [end, ec] =
      large ? std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific)
            : std::to_chars(buffer, buffer + sizeof buffer, value);
  out.append(buffer, end);
}

}  // namespace zhiyin
