#include "model/generate/scripted_generator.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "base/crypto.h"
#include "base/json_binding.h"
#include "model/generate/schema_grammar.h"
#include "model/generate/text_sink.h"

namespace zhiyin::model {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

/// Waits until `end`, or less when cancelled.
void pause_until(SteadyTime end, const std::stop_token& cancel) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_until(lock, cancel, end, [] { return false; });
}

std::string version_of(const std::vector<Script>& scripts) {
  std::string all;
  for (const Script& script : scripts) all += script.match + '\0' + script.answer + '\0';
  constexpr std::size_t kShown = 16;
  return crypto::hex(crypto::sha256(all)).substr(0, kShown);
}

/// An answer of the asked shape, the same for the same seed and schema.
Result<std::string> drawn(const GenerateRequest& request) {
  JsonSchema schema = JsonSchema::any_object();
  if (request.format.kind == OutputFormat::Kind::kJsonSchema) {
    ZHIYIN_TRY(schema, JsonSchema::parse(request.format.schema));
  }
  ZHIYIN_TRY(const Grammar grammar, grammar_of(schema));
  const std::string& prompt = request.messages.back().content;
  Random random(crypto::xxh64(prompt) ^ static_cast<std::uint64_t>(request.seed.value_or(0)));
  return grammar.sample(random);
}

}  // namespace

ScriptedGenerator::ScriptedGenerator(std::vector<Script> scripts)
    : scripts_(std::move(scripts)), version_(version_of(scripts_)), used_(scripts_.size()) {}

const Script* ScriptedGenerator::find(const GenerateRequest& request) {
  const std::string& prompt = request.messages.back().content;
  for (std::size_t i = 0; i < scripts_.size(); ++i) {
    if (prompt.find(scripts_[i].match) == std::string::npos) continue;
    if (scripts_[i].uses == 0 || used_[i].fetch_add(1) < scripts_[i].uses) return &scripts_[i];
  }
  return nullptr;
}

Result<Generation> ScriptedGenerator::generate(const GenerateRequest& request,
                                               const OnText& on_text) {
  ZHIYIN_TRY_VOID(check(request));
  const SteadyTime deadline = std::chrono::steady_clock::now() + request.deadline;
  const Script* found = find(request);
  Script script;
  if (found != nullptr) {
    script = *found;
  } else if (request.format.kind != OutputFormat::Kind::kText) {
    ZHIYIN_TRY(script.answer, drawn(request));
  } else {
    return fail(ErrorCode::kNotFound, "scripted generator: no script matches");
  }

  TextSink sink(request, on_text);
  FinishReason finish = script.tool_calls.empty() ? FinishReason::kStop : FinishReason::kToolCalls;
  std::string_view rest = script.answer;
  for (std::size_t i = 0; !rest.empty(); ++i) {
    if (script.pause.count() > 0) {
      pause_until(std::min(deadline, std::chrono::steady_clock::now() + script.pause),
                  request.cancel);
      if (std::chrono::steady_clock::now() >= deadline) {
        return fail(ErrorCode::kDeadline, "scripted generator: no answer in time");
      }
    }
    if (estimated_tokens(sink.text()) >= request.tokens_max) {
      finish = FinishReason::kLength;
      break;
    }
    const std::size_t size =
        script.pieces.empty() ? rest.size() : script.pieces[i % script.pieces.size()];
    const std::string_view piece = rest.substr(0, std::max<std::size_t>(1, size));
    rest.remove_prefix(piece.size());
    if (!sink.feed(piece)) break;
  }
  if (script.stalls) {
    pause_until(deadline, request.cancel);
    if (!request.cancel.stop_requested()) {
      return fail(ErrorCode::kDeadline, "scripted generator: no answer in time");
    }
  }
  if (script.error) return std::unexpected(*script.error);
  Generation generation = sink.finish(finish);
  generation.tool_calls = script.tool_calls;
  generation.model = name();
  generation.version = version_;
  generation.usage = {estimated_tokens(request.messages), estimated_tokens(generation.text), true};
  ZHIYIN_TRY_VOID(check_format(request, generation));
  return generation;
}

Result<std::unique_ptr<ScriptedGenerator>> ScriptedGenerator::from_json(const Json& json) {
  constexpr std::size_t kScriptsMax = 10'000;
  const Json::Array* list = json["scripts"].if_array();
  if (list == nullptr || list->size() > kScriptsMax) {
    return fail_field("scripts", "is no list of at most {} scripts", kScriptsMax);
  }
  std::vector<Script> scripts;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Json& one = (*list)[i];
    Script script;
    script.match = one["match"].string_or("");
    script.answer = one["answer"].string_or("");
    if (const std::string* encoded = one["answer_base64"].if_string()) {
      auto bytes = crypto::unbase64(*encoded);
      if (!bytes) {
        return std::unexpected(within(fmt::format("scripts[{}].answer_base64", i), bytes.error()));
      }
      script.answer = std::move(*bytes);
    }
    if (const Json* pieces = one.find("pieces")) {
      auto sizes = zhiyin::from_json<std::vector<std::size_t>>(*pieces);
      if (!sizes) {
        return std::unexpected(within(fmt::format("scripts[{}].pieces", i), sizes.error()));
      }
      script.pieces = std::move(*sizes);
    }
    script.pause = std::chrono::milliseconds(one["pause_ms"].int_or(0));
    script.stalls = one["stalls"].bool_or(false);
    script.uses = static_cast<int>(one["uses"].int_or(0));
    scripts.push_back(std::move(script));
  }
  return std::make_unique<ScriptedGenerator>(std::move(scripts));
}

}  // namespace zhiyin::model
