#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/time.h"
#include "model/generate/evidence_check.h"
#include "model/generate/generator.h"

/// Chat completions in the OpenAI shape, as this program serves them: the request of a client, and
/// what it is answered. Pure functions.
namespace zhiyin::model::chat_completion {

/// Ours: `guard`, which lets only sentences pass that the evidence supports (stream_guard.h).
struct AskedGuard {
  std::vector<std::string> evidence;
  std::vector<std::string> names;
};

struct Asked {
  GenerateRequest request;
  std::optional<AskedGuard> guard;
  std::string model;  ///< as the client wrote it; the configured generator answers whatever it says
  bool stream = false;
  bool usage_at_end = false;  ///< `stream_options.include_usage`
};

/// Members that say nothing to a generator (`user`, `metadata`, `store`, …) are taken and not used;
/// what would change the answer and is not done here (`n` above 1, `logprobs`, penalties, pictures)
/// is refused with its name, unknown members too: kInvalidArgument.
Result<Asked> parse(const Json& body);

/// `chat.completion`.
Json answer(const Generation& generation, std::string_view id, Instant now);
/// `chat.completion.chunk` with the role, a piece of text, a refusal, the end, and the usage.
Json first_chunk(std::string_view model, std::string_view id, Instant now);
Json text_chunk(std::string_view text, std::string_view model, std::string_view id, Instant now);
Json refusal_chunk(const Generation& generation, std::string_view id, Instant now);
Json last_chunk(const Generation& generation, std::string_view id, Instant now);
Json usage_chunk(const Generation& generation, std::string_view id, Instant now);

/// {"removed":[{"text","reason"}],"shut" (instructions were repeated, the rest was held back)}: the
/// member `guard` of an answer or of its last chunk.
Json guard_report(const std::vector<RemovedSentence>& removed, bool shut);

/// `{"error": {message, type, param, code}}`.
Json error(const Error& error);

/// A `data:` line of an event stream.
std::string event(const Json& json);
inline constexpr std::string_view kDone = "data: [DONE]\n\n";

}  // namespace zhiyin::model::chat_completion
