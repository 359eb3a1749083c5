#include "sandbox/openapi.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sandbox/answer_members.h"
#include "sandbox/error_texts.h"

namespace zhiyin::sandbox {
namespace {

/// Errors that every call may meet.
constexpr int kOfficialErrors[] = {-1, 40001, 41001, 42001, 45009, 47001, 48001};
constexpr int kWecomErrors[] = {-1, 40014, 40058, 41001, 42001, 45009};

Json words_of(std::string_view words) {
  Json list = Json::array();
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    list.push(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return list;
}

Json type_of(std::string_view name) {
  Json schema = Json::object();
  schema.set("type", name);
  return schema;
}

/// The schema of one field by itself.
Json schema_of(const Field& field) {
  const auto bounded = [&](std::string_view type, std::string_view low, std::string_view high) {
    Json schema = type_of(type);
    if (field.min > 0) schema.set(low, field.min);
    if (field.max < kAnyNumber) schema.set(high, field.max);
    return schema;
  };
  switch (field.unit) {
    case Unit::kChars:
      return bounded("string", "minLength", "maxLength");
    case Unit::kBytes: {
      Json schema = bounded("string", "minLength", "maxLength");
      schema.set("description", fmt::format("{} bytes of UTF-8 at most", field.max));
      return schema;
    }
    case Unit::kNumber:
      return bounded("integer", "minimum", "maximum");
    case Unit::kCount: {
      Json schema = bounded("array", "minItems", "maxItems");
      schema.set("items", Json::object());
      return schema;
    }
    case Unit::kOneOf: {
      Json schema = type_of("string");
      schema.set("enum", words_of(field.words));
      return schema;
    }
    case Unit::kFlag:
      return type_of("boolean");
    case Unit::kObject:
      return type_of("object");
    case Unit::kDate: {
      Json schema = type_of("string");
      schema.set("format", "date");
      return schema;
    }
    case Unit::kDay: {
      Json schema = type_of("string");
      schema.set("pattern", "^[0-9]{8}$");
      return schema;
    }
  }
  return Json::object();
}

/// A copy of an object's member, an empty object when it has none.
Json member_of(const Json& object, std::string_view name) {
  const Json* found = object.find(name);
  return found == nullptr ? Json::object() : *found;
}

/// What two fields say of the same member, together.
Json merged(Json schema, const Json& more) {
  for (const auto& [name, value] : *more.if_object()) {
    const bool is_items = name == "items" && schema.find("items") != nullptr;
    if (!is_items) schema.set(name, value);
  }
  return schema;
}

/// The schema with a field put where its path leads.
Json with_field(Json schema, std::string_view path, const Field& field) {
  if (path.empty()) return merged(std::move(schema), schema_of(field));
  if (path.starts_with("[]")) {
    path.remove_prefix(path.starts_with("[].") ? 3 : 2);
    if (schema.find("type") == nullptr) schema.set("type", "array");
    Json items = with_field(member_of(schema, "items"), path, field);
    schema.set("items", std::move(items));
    return schema;
  }
  const std::size_t end = std::min(path.find_first_of(".?["), path.size());
  const std::string_view name = path.substr(0, end);
  path.remove_prefix(end);
  const bool may_be_absent = path.starts_with('?');
  if (may_be_absent) path.remove_prefix(1);
  if (path.starts_with('.')) path.remove_prefix(1);
  if (schema.find("type") == nullptr) schema.set("type", "object");
  Json properties = member_of(schema, "properties");
  Json property = with_field(member_of(properties, name), path, field);
  properties.set(name, std::move(property));
  schema.set("properties", std::move(properties));
  const bool is_within_list = path.starts_with("[]");
  if (field.missing != 0 && !may_be_absent && !is_within_list) {
    Json required = schema.find("required") == nullptr ? Json::array() : schema["required"];
    const bool is_known = std::ranges::any_of(
        *required.if_array(), [&](const Json& r) { return r.string_or("") == name; });
    if (!is_known) required.push(name);
    schema.set("required", std::move(required));
  }
  return schema;
}

Json body_schema(const std::vector<Field>& fields) {
  Json schema = type_of("object");
  for (const Field& field : fields) schema = with_field(std::move(schema), field.path, field);
  return schema;
}

Json parameter(std::string_view name, Json schema, bool is_required) {
  Json out = Json::object();
  out.set("name", name);
  out.set("in", "query");
  if (is_required) out.set("required", true);
  out.set("schema", std::move(schema));
  return out;
}

Json text_parameter(std::string_view name) { return parameter(name, type_of("string"), true); }

/// Who asks, in the address.
void add_credentials(const Endpoint& endpoint, Json& parameters) {
  switch (endpoint.caller) {
    case Caller::kToken:
    case Caller::kUserToken:
      parameters.push(text_parameter("access_token"));
      break;
    case Caller::kAppSecret:
    case Caller::kAppId:
      parameters.push(text_parameter("appid"));
      break;
    case Caller::kCorpSecret:
      parameters.push(text_parameter("corpid"));
      break;
    case Caller::kClientSecret:
      parameters.push(text_parameter("client_id"));
      break;
    case Caller::kAppSecretBody:
      break;
  }
  if (endpoint.family == Family::kAds && endpoint.caller == Caller::kToken) {
    parameters.push(text_parameter("timestamp"));
    parameters.push(text_parameter("nonce"));
  }
}

/// Members of an address: top-level ones; what lies within is JSON in their value.
void add_query(const std::vector<Field>& fields, Json& parameters) {
  const Json schema = body_schema(fields);
  const Json* properties = schema.find("properties");
  if (properties == nullptr) return;
  const Json::Array* required = schema["required"].if_array();
  for (const auto& [name, property] : *properties->if_object()) {
    const bool must = required != nullptr && std::ranges::any_of(*required, [&](const Json& r) {
                        return r.string_or("") == name;
                      });
    parameters.push(parameter(name, property, must));
  }
}

Json multipart_body(const Endpoint& endpoint) {
  Json file = type_of("string");
  file.set("format", "binary");
  Json properties = Json::object();
  properties.set(endpoint.file_part, std::move(file));
  Json schema = type_of("object");
  schema.set("properties", std::move(properties));
  schema.set("required", Json(Json::Array{Json(endpoint.file_part)}));
  return schema;
}

Json content(std::string_view media, Json schema) {
  Json inner = Json::object();
  inner.set("schema", std::move(schema));
  Json out = Json::object();
  out.set(media, std::move(inner));
  return out;
}

std::set<int> errors_of(const Endpoint& endpoint) {
  std::set<int> errors(endpoint.errors.begin(), endpoint.errors.end());
  for (const auto* fields : {&endpoint.fields, &endpoint.query}) {
    for (const Field& field : *fields) {
      const bool is_wecom = endpoint.family == Family::kWecom;
      for (const int code : {field.error, field.missing}) {
        if (code != 0) errors.insert(is_wecom && code == kInvalidParameter ? 40058 : code);
      }
    }
  }
  if (endpoint.family == Family::kOfficial)
    errors.insert(std::begin(kOfficialErrors), std::end(kOfficialErrors));
  if (endpoint.family == Family::kWecom)
    errors.insert(std::begin(kWecomErrors), std::end(kWecomErrors));
  return errors;
}

/// What every answer may have: whether it is an error, and which.
constexpr std::string_view kEnvelope = "errcode:n errmsg";
constexpr std::string_view kAdsEnvelope =
    "code:n message message_cn trace_id errors[]{code:n field}";

Json whole_answer(const Endpoint& endpoint) {
  if (endpoint.family != Family::kAds)
    return answer_schema(fmt::format("{} {}", kEnvelope, endpoint.answers));
  Json schema = answer_schema(kAdsEnvelope);
  Json properties = member_of(schema, "properties");
  properties.set("data", answer_schema(endpoint.answers));
  schema.set("properties", std::move(properties));
  return schema;
}

Json answer_of(const Endpoint& endpoint) {
  Json out = Json::object();
  out.set("description",
          "Errors too come with status 200: look at errcode (Tencent Ads: code), absent or 0 when "
          "all went well");
  Json media = content("application/json", whole_answer(endpoint));
  if (endpoint.answers_bytes) {
    Json file = type_of("string");
    file.set("format", "binary");
    Json inner = Json::object();
    inner.set("schema", std::move(file));
    media.set("*/*", std::move(inner));
  }
  out.set("content", std::move(media));
  return out;
}

std::string_view name_of(Family family) {
  switch (family) {
    case Family::kWecom:
      return "WeCom";
    case Family::kAds:
      return "Tencent Ads";
    case Family::kOfficial:
      break;
  }
  return "Official accounts and mini-programs";
}

Json access_of(unsigned access) {
  Json list = Json::array();
  if ((access & kVerified) != 0) list.push("verified accounts");
  if ((access & kServiceOnly) != 0) list.push("service accounts");
  if ((access & kOfficialOnly) != 0) list.push("official accounts");
  if ((access & kMiniOnly) != 0) list.push("mini-programs");
  return list;
}

/// Unique within a platform; of a POST that may be a GET too, both have their own.
std::string operation_id(const Endpoint& endpoint) {
  std::string id(endpoint.path.substr(1));
  std::ranges::replace_if(id, [](char c) { return c == '/' || c == '.'; }, '_');
  const bool is_other = endpoint.takes_get && endpoint.method == "GET";
  return is_other ? id + "_by_get" : id;
}

Json describe(const Endpoint& endpoint) {
  Json parameters = Json::array();
  add_credentials(endpoint, parameters);
  const bool is_get = endpoint.method == "GET";
  add_query(is_get ? endpoint.fields : endpoint.query, parameters);
  Json operation = Json::object();
  operation.set("operationId", operation_id(endpoint));
  operation.set("summary", endpoint.summary);
  operation.set("tags", Json(Json::Array{Json(name_of(endpoint.family))}));
  operation.set("parameters", std::move(parameters));
  if (!is_get) {
    const bool is_file = !endpoint.file_part.empty();
    Json body = Json::object();
    body.set("required", true);
    body.set("content", is_file ? content("multipart/form-data", multipart_body(endpoint))
                                : content("application/json", body_schema(endpoint.fields)));
    operation.set("requestBody", std::move(body));
  }
  Json responses = Json::object();
  responses.set("200", answer_of(endpoint));
  operation.set("responses", std::move(responses));
  Json errors = Json::object();
  for (const int code : errors_of(endpoint)) {
    const bool is_ads = endpoint.family == Family::kAds;
    errors.set(std::to_string(code),
               is_ads ? std::string_view("see message_cn") : error_text(code));
  }
  operation.set("x-errors", std::move(errors));
  if (endpoint.access != kAnyone) operation.set("x-access", access_of(endpoint.access));
  if (endpoint.per_day > 0) operation.set("x-calls-per-day", endpoint.per_day);
  if (endpoint.per_minute > 0) operation.set("x-calls-per-minute", endpoint.per_minute);
  if (!endpoint.counted_as.empty()) operation.set("x-counted-with", endpoint.counted_as);
  return operation;
}

std::string_view host_of(Family family) {
  switch (family) {
    case Family::kWecom:
      return "https://qyapi.weixin.qq.com";
    case Family::kAds:
      return "https://api.e.qq.com";
    case Family::kOfficial:
      break;
  }
  return "https://api.weixin.qq.com";
}

Json server(std::string_view url, std::string_view description) {
  Json out = Json::object();
  out.set("url", url);
  out.set("description", description);
  return out;
}

}  // namespace

Json describe_platform(Family family) {
  Json paths = Json::object();
  for (const Endpoint& endpoint : endpoints()) {
    if (endpoint.family != family) continue;
    Json item = Json::object();
    item.set(endpoint.method == "GET" ? "get" : "post", describe(endpoint));
    if (endpoint.takes_get) {
      Endpoint as_get = endpoint;
      as_get.method = "GET";
      item.set("get", describe(as_get));
    }
    paths.set(endpoint.path, std::move(item));
  }
  Json info = Json::object();
  info.set("title", fmt::format("{}, as Zhiyin's sandbox emulates it", name_of(family)));
  info.set("version", "1");
  info.set("description",
           "Made from the sandbox's table of endpoints (src/sandbox). Lengths are in characters "
           "unless the description says bytes. What differs from the real platform: "
           "docs/sandbox.md.");
  Json servers = Json::array();
  servers.push(server("/", "this sandbox, which serves all platforms"));
  servers.push(server(host_of(family), "the platform itself"));
  Json document = Json::object();
  document.set("openapi", "3.1.0");
  document.set("info", std::move(info));
  document.set("servers", std::move(servers));
  document.set("paths", std::move(paths));
  return document;
}

Result<Family> family_named(std::string_view name) {
  if (name.empty() || name == "official") return Family::kOfficial;
  if (name == "wecom") return Family::kWecom;
  if (name == "ads") return Family::kAds;
  return fail_field("platform", "'{}' is not one of official, wecom, ads", name.substr(0, 32));
}

}  // namespace zhiyin::sandbox
