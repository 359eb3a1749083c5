#include "model/generate/chat_completion.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"

namespace zhiyin::model::chat_completion {
namespace {

constexpr std::array kUsed = {"model",
                              "messages",
                              "tools",
                              "tool_choice",
                              "response_format",
                              "max_tokens",
                              "max_completion_tokens",
                              "temperature",
                              "top_p",
                              "seed",
                              "stop",
                              "stream",
                              "stream_options",
                              "n",
                              "logprobs",
                              "presence_penalty",
                              "frequency_penalty",
                              "purpose",
                              "guard"};
constexpr std::array kIgnored = {
    "user",         "metadata",          "store",           "parallel_tool_calls",
    "service_tier", "safety_identifier", "prompt_cache_key"};

/// Clients of this shape expect no limit where they name none: enough for a long text, and what a
/// budget still can promise.
constexpr int kTokensWithoutLimit = 4096;

Result<ChatRole> role_of(std::string_view name) {
  if (name == "system" || name == "developer") return ChatRole::kSystem;
  if (name == "user") return ChatRole::kUser;
  if (name == "assistant") return ChatRole::kAssistant;
  if (name == "tool") return ChatRole::kTool;
  return fail_field("role", "'{}' is none of system, user, assistant, tool",
                    utf8::truncate(name, 40));
}

/// A text, or a list of parts that are all texts.
Result<std::string> content_of(const Json& content) {
  if (content.is_null()) return std::string();
  if (const std::string* text = content.if_string()) return *text;
  const Json::Array* parts = content.if_array();
  if (parts == nullptr) return fail_field("content", "is neither a text nor a list of parts");
  std::string out;
  for (std::size_t i = 0; i < parts->size(); ++i) {
    const Json& part = (*parts)[i];
    const std::string_view type = part["type"].string_or("");
    // What an assistant declined is part of what was said.
    const std::string* text =
        type == "text" || type == "refusal" ? part[type].if_string() : nullptr;
    if (text == nullptr)
      return fail_field(fmt::format("content[{}]", i), "only parts of type 'text' are supported");
    out += *text;
  }
  return out;
}

Result<ChatMessage> message_of(const Json& json) {
  if (json.if_object() == nullptr) return fail(ErrorCode::kInvalidArgument, "is no object");
  ChatMessage message;
  ZHIYIN_TRY(message.role, role_of(json["role"].string_or("")));
  ZHIYIN_TRY(message.content, content_of(json["content"]));
  if (message.content.empty() && message.role == ChatRole::kAssistant)
    message.content = json["refusal"].string_or("");
  message.tool_call_id = json["tool_call_id"].string_or("");
  if (const Json::Array* calls = json["tool_calls"].if_array()) {
    for (const Json& call : *calls) {
      message.tool_calls.push_back({std::string(call["id"].string_or("")),
                                    std::string(call["function"]["name"].string_or("")),
                                    std::string(call["function"]["arguments"].string_or(""))});
    }
  }
  return message;
}

Result<void> read_messages(const Json& body, GenerateRequest& request) {
  const Json::Array* messages = body["messages"].if_array();
  if (messages == nullptr) return fail_field("messages", "is missing or no list");
  for (std::size_t i = 0; i < messages->size(); ++i) {
    auto message = message_of((*messages)[i]);
    if (!message) {
      return std::unexpected(within(fmt::format("messages[{}]", i), message.error()));
    }
    request.messages.push_back(std::move(*message));
  }
  return {};
}

bool is_tool_choice(const Json& choice) {
  const std::string_view word = choice.string_or("");
  return choice.is_null() || word == "auto" || word == "none" || word == "required" ||
         (choice["type"].string_or("") == "function" &&
          choice["function"]["name"].if_string() != nullptr);
}

Result<void> read_tools(const Json& body, GenerateRequest& request) {
  request.tool_choice = body["tool_choice"];
  if (!is_tool_choice(request.tool_choice))
    return fail_field("tool_choice", "is none of auto, none, required and a function's name");
  const Json& tools = body["tools"];
  if (tools.is_null()) return {};
  if (tools.if_array() == nullptr) return fail_field("tools", "is no list");
  for (std::size_t i = 0; i < tools.if_array()->size(); ++i) {
    const Json& tool = (*tools.if_array())[i];
    if (tool["type"].string_or("") != "function") {
      return fail_field(fmt::format("tools[{}].type", i), "only 'function' is supported");
    }
    const Json& function = tool["function"];
    request.tools.push_back({std::string(function["name"].string_or("")),
                             std::string(function["description"].string_or("")),
                             function["parameters"]});
  }
  return {};
}

Result<void> read_format(const Json& body, GenerateRequest& request) {
  const Json& format = body["response_format"];
  if (format.is_null()) return {};
  const std::string_view type = format["type"].string_or("");
  if (type == "text") return {};
  if (type == "json_object") {
    request.format.kind = OutputFormat::Kind::kJsonObject;
    return {};
  }
  if (type != "json_schema") {
    return fail_field("response_format.type", "is none of text, json_object, json_schema");
  }
  const Json& schema = format["json_schema"];
  if (schema["schema"].is_null()) {
    return fail_field("response_format.json_schema.schema", "is missing");
  }
  request.format = {OutputFormat::Kind::kJsonSchema,
                    std::string(schema["name"].string_or("answer")), schema["schema"]};
  return {};
}

Result<void> read_number(const Json& body, std::string_view name, double& out) {
  const Json& value = body[name];
  if (value.is_null()) return {};
  if (!value.is_number()) return fail_field(name, "is no number");
  out = value.number_or(0);
  return {};
}

Result<void> read_settings(const Json& body, GenerateRequest& request) {
  ZHIYIN_TRY_VOID(read_number(body, "temperature", request.temperature));
  ZHIYIN_TRY_VOID(read_number(body, "top_p", request.top_p));
  request.tokens_max = kTokensWithoutLimit;
  for (const std::string_view name : {"max_tokens", "max_completion_tokens"}) {
    const Json& value = body[name];
    if (value.is_null()) continue;
    const std::int64_t n = value.int_or(0);
    if (n < 1 || n > GenerateRequest::kTokensMax) {
      return fail_field(name, "is no integer from 1 to {}", GenerateRequest::kTokensMax);
    }
    request.tokens_max = static_cast<int>(n);
  }
  if (const Json& seed = body["seed"]; !seed.is_null()) {
    if (seed.if_int() == nullptr) return fail_field("seed", "is no integer");
    request.seed = *seed.if_int();
  }
  if (const Json& stop = body["stop"]; stop.if_string() != nullptr) {
    request.stop.push_back(*stop.if_string());
  } else if (stop.if_array() != nullptr) {
    for (const Json& text : *stop.if_array()) request.stop.emplace_back(text.string_or(""));
  } else if (!stop.is_null()) {
    return fail_field("stop", "is neither a text nor a list of texts");
  }
  if (const std::string* purpose = body["purpose"].if_string()) request.purpose = *purpose;
  return {};
}

/// A list of texts; what is absent is empty.
Result<std::vector<std::string>> texts_of(const Json& list, std::string_view field,
                                          std::size_t most) {
  std::vector<std::string> out;
  if (list.is_null()) return out;
  const Json::Array* texts = list.if_array();
  if (texts == nullptr || texts->size() > most)
    return fail_field(field, "is no list of at most {} texts", most);
  for (const Json& text : *texts) {
    if (text.if_string() == nullptr) return fail_field(field, "is no list of texts");
    out.push_back(*text.if_string());
  }
  return out;
}

Result<void> read_guard(const Json& body, Asked& asked) {
  constexpr std::size_t kEvidenceMax = 256, kNamesMax = 1000;
  const Json& guard = body["guard"];
  if (guard.is_null()) return {};
  if (guard.if_object() == nullptr) return fail_field("guard", "is no object");
  for (const auto& [name, value] : *guard.if_object())
    if (name != "evidence" && name != "names")
      return fail_field(fmt::format("guard.{}", utf8::truncate(name, 80)),
                        "is neither evidence nor names");
  if (asked.request.format.kind != OutputFormat::Kind::kText || !asked.request.tools.empty())
    return fail_field("guard", "is for plain texts, without tools and response_format");
  AskedGuard out;
  ZHIYIN_TRY(out.evidence, texts_of(guard["evidence"], "guard.evidence", kEvidenceMax));
  ZHIYIN_TRY(out.names, texts_of(guard["names"], "guard.names", kNamesMax));
  asked.guard = std::move(out);
  return {};
}

Result<void> refuse_unsupported(const Json& body) {
  for (const auto& [name, value] : *body.if_object()) {
    const bool known = std::ranges::find(kUsed, name) != kUsed.end() ||
                       std::ranges::find(kIgnored, name) != kIgnored.end();
    if (!known && !value.is_null()) {
      return fail_field(utf8::truncate(name, 80), "is not supported");
    }
  }
  if (body["n"].int_or(1) != 1) return fail_field("n", "only 1 is supported");
  if (body["logprobs"].bool_or(false)) return fail_field("logprobs", "is not supported");
  for (const std::string_view name : {"presence_penalty", "frequency_penalty"}) {
    if (body[name].number_or(0) != 0) return fail_field(name, "only 0 is supported");
  }
  return {};
}

std::string_view finish_name(const Generation& generation) {
  if (generation.finish == FinishReason::kCancelled) return "stop";
  return to_string(generation.finish);
}

Json tool_calls_json(const Generation& generation, bool indexed) {
  Json calls = Json::array();
  for (std::size_t i = 0; i < generation.tool_calls.size(); ++i) {
    const ToolCall& call = generation.tool_calls[i];
    Json one;
    if (indexed) one.set("index", i);
    one.set("id", call.id)
        .set("type", "function")
        .set("function", Json().set("name", call.name).set("arguments", call.arguments));
    calls.push(std::move(one));
  }
  return calls;
}

Json usage_json(const Usage& usage) {
  return Json()
      .set("prompt_tokens", usage.prompt_tokens)
      .set("completion_tokens", usage.answer_tokens)
      .set("total_tokens", usage.prompt_tokens + usage.answer_tokens);
}

Json envelope(std::string_view object, std::string_view model, std::string_view id, Instant now) {
  constexpr std::int64_t kMicros = 1'000'000;
  return Json()
      .set("id", id)
      .set("object", object)
      .set("created", now.us / kMicros)
      .set("model", model);
}

Json chunk(Json delta, Json finish, std::string_view model, std::string_view id, Instant now) {
  Json choice = Json().set("index", 0).set("delta", std::move(delta));
  choice.set("logprobs", nullptr).set("finish_reason", std::move(finish));
  return envelope("chat.completion.chunk", model, id, now)
      .set("choices", Json::Array{std::move(choice)});
}

}  // namespace

Result<Asked> parse(const Json& body) {
  if (body.if_object() == nullptr) return fail(ErrorCode::kInvalidArgument, "body: is no object");
  ZHIYIN_TRY_VOID(refuse_unsupported(body));
  Asked asked;
  asked.model = body["model"].string_or("");
  if (!body["stream"].is_null() && body["stream"].if_bool() == nullptr)
    return fail_field("stream", "is neither true nor false");
  asked.stream = body["stream"].bool_or(false);
  asked.usage_at_end = body["stream_options"]["include_usage"].bool_or(false);
  ZHIYIN_TRY_VOID(read_messages(body, asked.request));
  ZHIYIN_TRY_VOID(read_tools(body, asked.request));
  ZHIYIN_TRY_VOID(read_format(body, asked.request));
  ZHIYIN_TRY_VOID(read_settings(body, asked.request));
  ZHIYIN_TRY_VOID(read_guard(body, asked));
  ZHIYIN_TRY_VOID(check(asked.request));
  return asked;
}

Json answer(const Generation& generation, std::string_view id, Instant now) {
  Json message = Json().set("role", "assistant").set("content", generation.text);
  const bool is_refused = !generation.refusal.empty();
  message.set("refusal", is_refused ? Json(generation.refusal) : Json());
  if (!generation.tool_calls.empty()) message.set("tool_calls", tool_calls_json(generation, false));
  if (generation.text.empty() && (is_refused || !generation.tool_calls.empty()))
    message.set("content", nullptr);
  Json choice = Json().set("index", 0).set("message", std::move(message));
  choice.set("logprobs", nullptr).set("finish_reason", finish_name(generation));
  return envelope("chat.completion", generation.model, id, now)
      .set("choices", Json::Array{std::move(choice)})
      .set("usage", usage_json(generation.usage))
      .set("system_fingerprint", generation.version);
}

Json first_chunk(std::string_view model, std::string_view id, Instant now) {
  return chunk(Json().set("role", "assistant").set("content", ""), nullptr, model, id, now);
}

Json text_chunk(std::string_view text, std::string_view model, std::string_view id, Instant now) {
  return chunk(Json().set("content", text), nullptr, model, id, now);
}

Json refusal_chunk(const Generation& generation, std::string_view id, Instant now) {
  return chunk(Json().set("refusal", generation.refusal), nullptr, generation.model, id, now);
}

Json last_chunk(const Generation& generation, std::string_view id, Instant now) {
  Json delta = Json::object();
  if (!generation.tool_calls.empty()) delta.set("tool_calls", tool_calls_json(generation, true));
  return chunk(std::move(delta), finish_name(generation), generation.model, id, now);
}

Json usage_chunk(const Generation& generation, std::string_view id, Instant now) {
  return envelope("chat.completion.chunk", generation.model, id, now)
      .set("choices", Json::array())
      .set("usage", usage_json(generation.usage));
}

Json guard_report(const std::vector<RemovedSentence>& removed, bool shut) {
  Json list = Json::array();
  for (const RemovedSentence& one : removed)
    list.push(Json().set("text", one.text).set("reason", one.reason));
  return Json().set("removed", std::move(list)).set("shut", shut);
}

Json error(const Error& error) {
  const bool callers = error.code == ErrorCode::kInvalidArgument ||
                       error.code == ErrorCode::kUnsupported || error.code == ErrorCode::kNotFound;
  return Json().set("error",
                    Json()
                        .set("message", error.text())
                        .set("type", callers ? "invalid_request_error"
                                     : error.code == ErrorCode::kLimitReached ? "rate_limit_error"
                                                                              : "server_error")
                        .set("param", error.field.empty() ? Json() : Json(error.field))
                        .set("code", to_string(error.code)));
}

std::string event(const Json& json) { return "data: " + json.dump() + "\n\n"; }

}  // namespace zhiyin::model::chat_completion
