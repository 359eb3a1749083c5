#include "model/generate/generator.h"

#include <algorithm>

#include "base/utf8.h"
#include "model/generate/json_schema.h"

namespace zhiyin::model {
namespace {

bool is_name(std::string_view text, std::size_t length_max, bool lower_only) {
  if (text.empty() || text.size() > length_max) return false;
  return std::ranges::all_of(text, [&](char c) {
    const bool upper = c >= 'A' && c <= 'Z';
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           (upper && !lower_only);
  });
}

Result<void> check_messages(const GenerateRequest& request) {
  if (request.messages.empty()) return fail_field("messages", "is empty");
  if (request.messages.size() > GenerateRequest::kMessagesMax) {
    return fail_field("messages", "{} messages, at most {} are allowed", request.messages.size(),
                      GenerateRequest::kMessagesMax);
  }
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < request.messages.size(); ++i) {
    const ChatMessage& message = request.messages[i];
    bytes += message.content.size();
    if (!utf8::is_valid(message.content)) {
      return fail_field(fmt::format("messages[{}].content", i), "is not UTF-8");
    }
    if (!message.tool_calls.empty() && message.role != ChatRole::kAssistant) {
      return fail_field(fmt::format("messages[{}].tool_calls", i), "only an assistant has them");
    }
    if (message.role == ChatRole::kTool && message.tool_call_id.empty()) {
      return fail_field(fmt::format("messages[{}].tool_call_id", i), "is missing");
    }
  }
  if (bytes > GenerateRequest::kMessageBytesMax) {
    return fail_field("messages", "{} bytes of content, at most {} are allowed", bytes,
                      GenerateRequest::kMessageBytesMax);
  }
  return {};
}

Result<void> check_tools(const GenerateRequest& request) {
  if (request.tools.size() > GenerateRequest::kToolsMax) {
    return fail_field("tools", "{} tools, at most {} are allowed", request.tools.size(),
                      GenerateRequest::kToolsMax);
  }
  for (std::size_t i = 0; i < request.tools.size(); ++i) {
    if (!is_name(request.tools[i].name, 64, false)) {
      return fail_field(fmt::format("tools[{}].name", i), "is not [a-zA-Z0-9_-]{{1,64}}");
    }
  }
  return {};
}

}  // namespace

Result<void> check(const GenerateRequest& request) {
  ZHIYIN_TRY_VOID(check_messages(request));
  ZHIYIN_TRY_VOID(check_tools(request));
  if (request.tokens_max < 1 || request.tokens_max > GenerateRequest::kTokensMax) {
    return fail_field("max_tokens", "{} is not between 1 and {}", request.tokens_max,
                      GenerateRequest::kTokensMax);
  }
  if (!(request.temperature >= 0 && request.temperature <= 2)) {
    return fail_field("temperature", "{} is not between 0 and 2", request.temperature);
  }
  if (!(request.top_p > 0 && request.top_p <= 1)) {
    return fail_field("top_p", "{} is not above 0 and at most 1", request.top_p);
  }
  if (request.stop.size() > GenerateRequest::kStopMax) {
    return fail_field("stop", "{} texts, at most {} are allowed", request.stop.size(),
                      GenerateRequest::kStopMax);
  }
  if (std::ranges::any_of(request.stop, &std::string::empty)) {
    return fail_field("stop", "a text is empty");
  }
  if (request.deadline.count() < 1) return fail_field("deadline", "is not above 0");
  if (!is_name(request.purpose, 32, true)) {
    return fail_field("purpose", "is not [a-z0-9_-]{{1,32}}");
  }
  if (request.format.kind == OutputFormat::Kind::kJsonSchema) {
    auto schema = JsonSchema::parse(request.format.schema);
    if (!schema) return std::unexpected(within("response_format.schema", schema.error()));
  }
  return {};
}

std::string_view to_string(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kToolCalls:
      return "tool_calls";
    case FinishReason::kContentFilter:
      return "content_filter";
    case FinishReason::kCancelled:
      return "cancelled";
  }
  return "stop";
}

std::int64_t estimated_tokens(std::string_view text) {
  std::int64_t wide = 0;
  std::int64_t bytes = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0xe0) ++wide;
    if (byte < 0x80) ++bytes;
  }
  return wide + (bytes + 3) / 4;
}

std::int64_t estimated_tokens(const std::vector<ChatMessage>& messages) {
  constexpr std::int64_t kEach = 4;  // role and separators
  std::int64_t n = 0;
  for (const ChatMessage& message : messages) n += kEach + estimated_tokens(message.content);
  return n;
}

}  // namespace zhiyin::model
