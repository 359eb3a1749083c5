#include "model/serve/embedding_wire.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "base/crypto.h"

namespace zhiyin::model::embedding_wire {
namespace {

constexpr std::array kKnown = {"input", "model",  "encoding_format", "dimensions",
                               "user",  "prefix", "truncate"};

Result<std::vector<std::int32_t>> tokens_of(const Json::Array& list, const std::string& field) {
  if (list.size() > kTokensMax)
    return fail_field(field, "has {} tokens, at most {}", list.size(), kTokensMax);
  std::vector<std::int32_t> out;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto* id = list[i].if_int();
    if (id == nullptr || *id < 0 || *id > INT32_MAX)
      return fail_field(fmt::format("{}[{}]", field, i), "is no token: expected a whole number");
    out.push_back(static_cast<std::int32_t>(*id));
  }
  return out;
}

Result<void> take_list(const Json::Array& list, Asked& out) {
  if (list.empty()) return fail_field("input", "is empty");
  if (list.front().is_number()) {
    ZHIYIN_TRY(auto row, tokens_of(list, "input"));
    out.rows.push_back(std::move(row));
    return {};
  }
  if (list.size() > kInputsMax)
    return fail_field("input", "has {} texts, at most {}", list.size(), kInputsMax);
  const bool texts = list.front().if_string() != nullptr;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string field = fmt::format("input[{}]", i);
    const auto* text = list[i].if_string();
    const auto* tokens = list[i].if_array();
    if (texts && text != nullptr) {
      out.texts.push_back(*text);
    } else if (!texts && tokens != nullptr) {
      ZHIYIN_TRY(auto row, tokens_of(*tokens, field));
      out.rows.push_back(std::move(row));
    } else {
      return fail_field(field, "is {}; expected {}", list[i].type_name(),
                        texts ? "a text, as the first is" : "a list of tokens");
    }
  }
  return {};
}

Result<void> take_input(const Json& input, Asked& out) {
  if (input.is_null()) return fail_field("input", "is missing");
  if (const auto* text = input.if_string()) {
    out.texts.push_back(*text);
  } else if (const auto* list = input.if_array()) {
    ZHIYIN_TRY_VOID(take_list(*list, out));
  } else {
    return fail_field("input", "is {}; expected a text or a list", input.type_name());
  }
  for (std::size_t i = 0; i < std::max(out.texts.size(), out.rows.size()); ++i) {
    if (out.texts.empty() ? out.rows[i].empty() : out.texts[i].empty())
      return fail_field(fmt::format("input[{}]", i), "is empty");
  }
  return {};
}

Result<void> take_form(const Json& body, std::size_t width, Asked& out) {
  const Json& format = body["encoding_format"];
  const std::string_view name = format.is_null() ? "float" : format.string_or("?");
  if (name != "float" && name != "base64")
    return fail_field("encoding_format", "is neither float nor base64");
  out.base64 = name == "base64";
  const Json& dimensions = body["dimensions"];
  if (dimensions.is_null()) return {};
  const auto* n = dimensions.if_int();
  if (n == nullptr || *n < 1 || static_cast<std::size_t>(*n) > width)
    return fail_field("dimensions", "expected a whole number from 1 to {}", width);
  out.dimensions = static_cast<std::size_t>(*n);
  return {};
}

Result<void> take_own(const Json& body, Asked& out) {
  const Json& prefix = body["prefix"];
  const std::string_view word = prefix.is_null() ? "none" : prefix.string_or("?");
  if (word != "query" && word != "passage" && word != "none")
    return fail_field("prefix", "is none of query, passage, none");
  if (word != "none") out.prefix = fmt::format("{}: ", word);
  if (!out.prefix.empty() && !out.rows.empty())
    return fail_field("prefix", "is for texts, not for tokens");
  const Json& truncate = body["truncate"];
  if (truncate.is_null()) return {};
  if (truncate.if_bool() == nullptr) return fail_field("truncate", "expected true or false");
  out.truncate = truncate.bool_or(true);
  return {};
}

/// The first numbers of a vector, of length 1.
std::vector<float> shortened(std::span<const float> vector, std::size_t dimensions) {
  std::vector<float> out(vector.begin(), vector.end());
  if (dimensions == 0 || dimensions >= vector.size()) return out;
  out.resize(dimensions);
  double sum = 0;
  for (const float x : out) sum += double{x} * double{x};
  if (sum <= 0) return out;
  const double factor = 1 / std::sqrt(sum);
  for (float& x : out) x = static_cast<float>(x * factor);
  return out;
}

Json numbers(std::span<const float> vector) {
  Json::Array out;
  out.reserve(vector.size());
  for (const float x : vector) out.emplace_back(double{x});
  return out;
}

std::string float_bytes(std::span<const float> vector) {
  std::string out;
  out.reserve(vector.size() * sizeof(float));
  for (const float x : vector) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>((bits >> shift) & 255);
  }
  return out;
}

}  // namespace

Result<Asked> parse(const Json& body, std::size_t width) {
  const auto* object = body.if_object();
  if (object == nullptr) return fail(ErrorCode::kInvalidArgument, "the body is no object");
  for (const auto& [key, value] : *object) {
    if (std::ranges::find(kKnown, std::string_view(key)) == kKnown.end())
      return fail_field(key.substr(0, 80), "is not known");
  }
  Asked out;
  ZHIYIN_TRY_VOID(take_input(body["input"], out));
  ZHIYIN_TRY_VOID(take_form(body, width, out));
  ZHIYIN_TRY_VOID(take_own(body, out));
  return out;
}

Json answer(const Asked& asked, std::span<const float> vectors, std::size_t width,
            std::size_t tokens, std::string_view model) {
  Json data = Json::array();
  for (std::size_t i = 0; i * width < vectors.size(); ++i) {
    const auto vector = shortened(vectors.subspan(i * width, width), asked.dimensions);
    Json one = Json().set("object", "embedding").set("index", i);
    if (asked.base64) {
      one.set("embedding", crypto::base64(float_bytes(vector)));
    } else {
      one.set("embedding", numbers(vector));
    }
    data.push(std::move(one));
  }
  return Json()
      .set("object", "list")
      .set("data", std::move(data))
      .set("model", model)
      .set("usage", Json().set("prompt_tokens", tokens).set("total_tokens", tokens));
}

Json error(const Error& error) {
  const bool callers = error.code == ErrorCode::kInvalidArgument ||
                       error.code == ErrorCode::kUnsupported || error.code == ErrorCode::kNotFound;
  Json one = Json().set("message", error.text());
  one.set("type", callers                                  ? "invalid_request_error"
                  : error.code == ErrorCode::kLimitReached ? "rate_limit_error"
                                                           : "server_error")
      .set("param", error.field.empty() ? Json() : Json(error.field))
      .set("code", to_string(error.code));
  return Json().set("error", std::move(one));
}

}  // namespace zhiyin::model::embedding_wire
