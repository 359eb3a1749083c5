#include "model/generate/chat_wire.h"

#include "base/utf8.h"

namespace zhiyin::model::chat_wire {
namespace {

std::string_view role_name(ChatRole role) {
  switch (role) {
    case ChatRole::kSystem:
      return "system";
    case ChatRole::kUser:
      return "user";
    case ChatRole::kAssistant:
      return "assistant";
    case ChatRole::kTool:
      return "tool";
  }
  return "user";
}

Json message_json(const ChatMessage& message) {
  Json out = Json().set("role", role_name(message.role)).set("content", message.content);
  if (message.role == ChatRole::kTool) out.set("tool_call_id", message.tool_call_id);
  if (message.tool_calls.empty()) return out;
  if (message.content.empty()) out.set("content", nullptr);
  Json calls = Json::array();
  for (const ToolCall& call : message.tool_calls) {
    calls.push(
        Json()
            .set("id", call.id)
            .set("type", "function")
            .set("function", Json().set("name", call.name).set("arguments", call.arguments)));
  }
  out.set("tool_calls", std::move(calls));
  return out;
}

void set_format(Json& body, const OutputFormat& format) {
  if (format.kind == OutputFormat::Kind::kText) return;
  if (format.kind == OutputFormat::Kind::kJsonObject) {
    body.set("response_format", Json().set("type", "json_object"));
    return;
  }
  body.set(
      "response_format",
      Json()
          .set("type", "json_schema")
          .set("json_schema",
               Json().set("name", format.name).set("strict", true).set("schema", format.schema)));
}

// Endpoints cut texts by tokens, and some then send half a character raw, which no JSON may hold.
// Such bytes travel through the JSON reader as characters of the private plane 16.
constexpr std::string_view kPlane = "\xf4\x8f\xbc";  // U+10FF00 … : F4 8F BC/BD/BE/BF xx

std::string hidden_byte(unsigned char byte) {
  const unsigned code = 0x10FF00U + byte;
  return {static_cast<char>(0xf4), static_cast<char>(0x80 | (code >> 12 & 0x3f)),
          static_cast<char>(0x80 | (code >> 6 & 0x3f)), static_cast<char>(0x80 | (code & 0x3f))};
}

std::string with_hidden_bytes(std::string_view text) {
  constexpr std::size_t kCharacterBytesMax = 4;
  std::string out;
  while (!text.empty()) {
    std::size_t n = 1;
    while (n <= kCharacterBytesMax && n <= text.size() && !utf8::is_valid(text.substr(0, n))) ++n;
    const bool whole = n <= kCharacterBytesMax && n <= text.size();
    if (whole) {
      out += text.substr(0, n);
    } else {
      out += hidden_byte(static_cast<unsigned char>(text[0]));
    }
    text.remove_prefix(whole ? n : 1);
  }
  return out;
}

std::string revealed_bytes(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const bool hidden = text.size() >= 4 && text[0] == kPlane[0] && text[1] == kPlane[1] &&
                        static_cast<unsigned char>(text[2]) >= 0xbc;
    if (hidden) {
      const unsigned high = static_cast<unsigned char>(text[2]) & 0x03U;
      const unsigned low = static_cast<unsigned char>(text[3]) & 0x3fU;
      out += static_cast<char>(high << 6 | low);
    } else {
      out += text[0];
    }
    text.remove_prefix(hidden ? 4 : 1);
  }
  return out;
}

std::optional<FinishReason> finish_of(const Json& reason) {
  const std::string_view name = reason.string_or("");
  if (name.empty()) return std::nullopt;
  if (name == "length") return FinishReason::kLength;
  if (name == "tool_calls" || name == "function_call") return FinishReason::kToolCalls;
  if (name == "content_filter") return FinishReason::kContentFilter;
  return FinishReason::kStop;
}

std::vector<ToolCallPiece> tool_calls_of(const Json& calls) {
  std::vector<ToolCallPiece> out;
  if (calls.if_array() == nullptr) return out;
  for (std::size_t i = 0; i < calls.if_array()->size(); ++i) {
    const Json& call = (*calls.if_array())[i];
    const std::int64_t index = call["index"].int_or(static_cast<std::int64_t>(i));
    if (index < 0 || index >= static_cast<std::int64_t>(GenerateRequest::kToolsMax)) continue;
    const Json& function = call["function"];
    out.push_back({static_cast<std::size_t>(index), std::string(call["id"].string_or("")),
                   std::string(function["name"].string_or("")),
                   std::string(function["arguments"].string_or(""))});
  }
  return out;
}

Error error_of(const Json& error) {
  const std::string_view type = error["type"].string_or("");
  const bool limited =
      type.find("rate") != std::string_view::npos || type.find("quota") != std::string_view::npos;
  std::string_view message = error["message"].string_or("");
  if (message.empty()) message = error.string_or("it reported an error");
  constexpr std::size_t kShown = 300;
  return {limited ? ErrorCode::kLimitReached : ErrorCode::kUnavailable,
          fmt::format("endpoint: {}", utf8::truncate(message, kShown)),
          {}};
}

}  // namespace

Json request_body(const GenerateRequest& request, std::string_view model, bool stream) {
  Json messages = Json::array();
  for (const ChatMessage& message : request.messages) messages.push(message_json(message));
  Json body = Json().set("model", model).set("messages", std::move(messages));
  body.set("max_tokens", request.tokens_max)
      .set("temperature", request.temperature)
      .set("top_p", request.top_p);
  if (request.seed) body.set("seed", *request.seed);
  if (!request.stop.empty()) {
    Json stop = Json::array();
    for (const std::string& text : request.stop) stop.push(text);
    body.set("stop", std::move(stop));
  }
  if (!request.tools.empty()) {
    Json tools = Json::array();
    for (const ToolSpec& tool : request.tools) {
      Json function = Json().set("name", tool.name).set("description", tool.description);
      if (!tool.parameters.is_null()) function.set("parameters", tool.parameters);
      tools.push(Json().set("type", "function").set("function", std::move(function)));
    }
    body.set("tools", std::move(tools));
    if (!request.tool_choice.is_null()) body.set("tool_choice", request.tool_choice);
  }
  set_format(body, request.format);
  if (stream) {
    body.set("stream", true).set("stream_options", Json().set("include_usage", true));
  }
  return body;
}

Result<Piece> parse_piece(std::string_view json) {
  const bool clean = utf8::is_valid(json);
  auto parsed = clean ? parse_json(json) : parse_json(with_hidden_bytes(json));
  if (!parsed || parsed->if_object() == nullptr) {
    return fail(ErrorCode::kDataLoss, "endpoint: what it sent is no JSON object");
  }
  if (const Json& error = (*parsed)["error"]; !error.is_null()) {
    return std::unexpected(error_of(error));
  }
  Piece piece;
  piece.model = (*parsed)["model"].string_or("");
  piece.fingerprint = (*parsed)["system_fingerprint"].string_or("");
  if (const Json& usage = (*parsed)["usage"]; usage.if_object() != nullptr) {
    piece.usage =
        Usage{usage["prompt_tokens"].int_or(0), usage["completion_tokens"].int_or(0), false};
  }
  const Json::Array* choices = (*parsed)["choices"].if_array();
  if (choices == nullptr) {
    return fail(ErrorCode::kDataLoss, "endpoint: what it sent has no choices");
  }
  if (choices->empty()) return piece;
  const Json& choice = choices->front();
  const Json* message = choice.find("delta");
  if (message == nullptr) message = choice.find("message");
  if (message != nullptr) {
    piece.bytes = (*message)["content"].string_or("");
    if (!clean) piece.bytes = revealed_bytes(piece.bytes);
    piece.refusal = (*message)["refusal"].string_or("");
    if (!clean) piece.refusal = revealed_bytes(piece.refusal);
    piece.tool_calls = tool_calls_of((*message)["tool_calls"]);
  }
  piece.finish = finish_of(choice["finish_reason"]);
  return piece;
}

std::string error_message(std::string_view body) {
  constexpr std::size_t kShown = 300;
  const auto json = parse_json(body);
  if (!json) return {};
  const Json& error = (*json)["error"];
  std::string_view text = error["message"].string_or("");
  if (text.empty()) text = error.string_or("");
  if (text.empty()) text = (*json)["detail"].string_or((*json)["message"].string_or(""));
  return std::string(utf8::truncate(text, kShown));
}

}  // namespace zhiyin::model::chat_wire
