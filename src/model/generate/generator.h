#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace zhiyin::model {

enum class ChatRole { kSystem, kUser, kAssistant, kTool };

/// A function that the model asks to have called.
struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;  ///< JSON as the model wrote it; checked to be JSON, not against a schema
  bool operator==(const ToolCall&) const = default;
};

struct ChatMessage {
  ChatRole role = ChatRole::kUser;
  std::string content;               ///< UTF-8; may be empty beside tool calls
  std::vector<ToolCall> tool_calls;  ///< of an assistant
  std::string tool_call_id;          ///< of a tool's answer
  bool operator==(const ChatMessage&) const = default;
};

/// A function that the model may ask for.
struct ToolSpec {
  std::string name;  ///< [a-zA-Z0-9_-]{1,64}
  std::string description;
  Json parameters;  ///< JSON Schema of the arguments, or null
};

/// What shape the answer has. With a schema it is an object of the subset that json_schema.h
/// states, and every back end returns only what keeps to it.
struct OutputFormat {
  enum class Kind { kText, kJsonObject, kJsonSchema } kind = Kind::kText;
  std::string name = "answer";  ///< of the schema, for the endpoint
  Json schema;                  ///< of kJsonSchema
};

/// One text to be written.
struct GenerateRequest {
  std::vector<ChatMessage> messages;  ///< at least one, at most kMessagesMax
  std::vector<ToolSpec> tools;        ///< at most kToolsMax
  Json tool_choice;                   ///< null, "auto", "none", "required" or {"type":"function",…}
  OutputFormat format;
  int tokens_max = 512;              ///< 1 to kTokensMax, of the answer
  double temperature = 0.7;          ///< 0 (always the likeliest token) to 2
  double top_p = 1;                  ///< (0, 1]
  std::optional<std::int64_t> seed;  ///< the same seed asks for the same answer; endpoints only try
  std::vector<std::string> stop;     ///< at most 4; the answer ends before the first that occurs
  std::chrono::milliseconds deadline{60'000};  ///< for the whole, repeats included
  std::string purpose = "default";             ///< whose budget pays; [a-z][a-z0-9_-]{0,31}
  std::stop_token cancel;                      ///< ends it from outside: finish reason kCancelled

  static constexpr std::size_t kMessagesMax = 256;
  static constexpr std::size_t kMessageBytesMax = 1 << 20;  ///< of all contents together
  static constexpr std::size_t kToolsMax = 64;
  static constexpr int kTokensMax = 32'768;
  static constexpr std::size_t kStopMax = 4;
};

/// Fails with kInvalidArgument and the field that is out of range.
Result<void> check(const GenerateRequest& request);

enum class FinishReason {
  kStop,           ///< the model came to its end, or a stop text occurred
  kLength,         ///< tokens_max or the model's context was reached
  kToolCalls,      ///< it asks for functions
  kContentFilter,  ///< the endpoint withheld the rest
  kCancelled,      ///< by the caller: `cancel`, or `OnText` returned false
};
/// `stop`, `length`, `tool_calls`, `content_filter`, `cancelled`.
std::string_view to_string(FinishReason reason);

struct Usage {
  std::int64_t prompt_tokens = 0;
  std::int64_t answer_tokens = 0;
  bool estimated = false;  ///< the back end did not say; about one token per Chinese character
};

/// A written text.
struct Generation {
  std::string text;     ///< well-formed UTF-8
  std::string refusal;  ///< why the model would not answer, in its words; empty when it did
  std::vector<ToolCall> tool_calls;
  FinishReason finish = FinishReason::kStop;
  Usage usage;
  std::string model;           ///< that wrote it, as the back end names it
  std::string version;         ///< of model or script: a fingerprint, a checksum, or empty
  int attempts = 1;            ///< exchanges or runs that it took
  std::int64_t cost_ufen = 0;  ///< millionths of a fen
  std::size_t bad_bytes = 0;   ///< that were no UTF-8 and stand as U+FFFD
};

/// The next piece of a text (not of a refusal), whole characters, on the thread that called
/// `generate`. False cancels.
using OnText = std::function<bool(std::string_view piece)>;

/// Writes texts. Implementations are thread-safe; `generate` blocks its caller, at most until the
/// deadline.
///
/// Errors: kInvalidArgument (the request, naming the field), kUnsupported (this back end cannot:
/// tools, a schema outside the subset, a prompt longer than the context), kLimitReached (a budget,
/// or the endpoint's own rate), kPermissionDenied (the endpoint's key), kDeadline, kUnavailable
/// (away, broken off, circuit open), kDataLoss (what came is no answer: garbage, or not of the
/// asked format). After a piece was given to `on_text` nothing is repeated: an error then means
/// that the text stopped there.
class Generator {
 public:
  virtual ~Generator() = default;
  virtual Result<Generation> generate(const GenerateRequest& request, const OnText& on_text) = 0;
  Result<Generation> generate(const GenerateRequest& request) { return generate(request, {}); }
  /// As the interface lists it.
  [[nodiscard]] virtual std::string name() const = 0;
};

/// A rough number of tokens where nobody counts: one per Han character, one per four other bytes.
std::int64_t estimated_tokens(std::string_view text);
std::int64_t estimated_tokens(const std::vector<ChatMessage>& messages);

}  // namespace zhiyin::model
