#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "model/generate/generator.h"

namespace zhiyin::model {

/// What a scripted generator does when a request matches.
struct Script {
  std::string match;   ///< the last message contains it; empty: every request
  std::string answer;  ///< bytes, also such that are no UTF-8
  /// Sizes in bytes of the pieces in which the answer comes, over and over; empty: in one piece.
  std::vector<std::size_t> pieces;
  std::chrono::milliseconds pause{0};  ///< before each piece
  bool stalls = false;                 ///< after the last piece nothing comes any more
  std::vector<ToolCall> tool_calls;
  std::optional<Error> error;  ///< after the pieces, it fails so
  int uses = 0;                ///< answers only so many requests; 0: any number
};

/// A back end for tests and demonstrations that knows its answers. The first script that matches
/// answers; a request with a schema that no script answers gets a text drawn from the schema's own
/// grammar by the request's seed; without a script and a schema: kNotFound.
/// Stop texts, token limits, cancelling and deadlines work as with any other. Thread-safe.
class ScriptedGenerator final : public Generator {
 public:
  explicit ScriptedGenerator(std::vector<Script> scripts);
  /// `{"scripts": [{"match","answer","answer_base64","pieces","pause_ms","stalls","uses"}]}`.
  static Result<std::unique_ptr<ScriptedGenerator>> from_json(const Json& json);

  using Generator::generate;
  Result<Generation> generate(const GenerateRequest& request, const OnText& on_text) override;
  [[nodiscard]] std::string name() const override { return "scripted"; }

 private:
  const Script* find(const GenerateRequest& request);

  const std::vector<Script> scripts_;
  const std::string version_;
  std::vector<std::atomic<int>> used_;
};

}  // namespace zhiyin::model
