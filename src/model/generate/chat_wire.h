#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "model/generate/generator.h"

/// The OpenAI shape of chat completions on the wire, as clients send it: what is asked of an
/// endpoint, and what it answers. Pure functions.
namespace zhiyin::model::chat_wire {

/// The body of POST …/chat/completions.
Json request_body(const GenerateRequest& request, std::string_view model, bool stream);

struct ToolCallPiece {
  std::size_t index = 0;
  std::string id;
  std::string name;
  std::string arguments;  ///< to be appended
};

/// What one event of a stream, or a whole answer, adds.
struct Piece {
  std::string bytes;    ///< of the text; may end within a character
  std::string refusal;  ///< likewise, of what is said instead of an answer
  std::vector<ToolCallPiece> tool_calls;
  std::optional<FinishReason> finish;
  std::optional<Usage> usage;
  std::string model;
  std::string fingerprint;
};

/// One `data` of the stream, or the body of an answer that is no stream. An `error` member is an
/// error: kUnavailable, or by its type. kDataLoss for what is no answer.
Result<Piece> parse_piece(std::string_view json);

/// The message in the body of an answer that is no success, at most 300 bytes; empty if none.
std::string error_message(std::string_view body);

inline constexpr std::size_t kToolArgumentsMax = 1 << 20;

}  // namespace zhiyin::model::chat_wire
