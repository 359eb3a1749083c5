#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/generate/copy_writer.h"
#include "model/generate/evidence_check.h"
#include "model/generate/prompt_file.h"

namespace zhiyin::model {

/// What a text must keep to before it may go out.
struct GuardPolicy {
  double coverage_min = 0.98;      ///< share of the facts' values that it states; 0: no matter
  double removed_share_max = 0.5;  ///< of its characters, in sentences without evidence
  std::vector<std::string> known_names;  ///< that count as statements: brands, people
  int attempts = 2;                      ///< of the model, before the grounded writer
};

/// A text to be written under guard.
struct GuardedRequest {
  const PromptFile* prompt = nullptr;
  std::string variant;      ///< empty: by `unit`
  std::string unit;         ///< person or conversation
  SlotValues slots;         ///< knowledge slots are evidence
  std::vector<Fact> facts;  ///< evidence too; the grounded writer writes from them
  std::size_t length = 80;  ///< characters that the grounded writer aims at
  std::optional<std::int64_t> seed;
  std::chrono::milliseconds deadline{60'000};
  std::stop_token cancel;
};

struct GuardedText {
  enum class Source { kModel, kGrounded } source = Source::kModel;
  std::string text;                   ///< personal data restored
  std::vector<EvidenceSpan> spans;    ///< into `text` and `evidence`; none where data was restored
  std::vector<std::string> evidence;  ///< as the spans count it
  std::vector<RemovedSentence> removed;  ///< of the model's last answer
  double coverage = 1;                   ///< of the facts' values
  std::string prompt_id;
  std::string model;
  std::string version;
  std::string refusal;  ///< why the model's answer was not taken; empty when it was
  std::int64_t cost_ufen = 0;
};

/// Lets a generator write and takes from its answer only what may be said: personal data is masked
/// before and restored after, texts of others are fenced data, sentences with numbers, dates,
/// prices or names that no evidence gives go, repeated instructions and an answer that states too
/// little are refused. Then the grounded writer writes from the facts, or without facts: kDataLoss
/// with the reason. Thread-safe when its generator is.
class GuardedWriter {
 public:
  /// The generator must outlive it.
  GuardedWriter(Generator& generator, GuardPolicy policy)
      : generator_(generator), policy_(std::move(policy)) {}

  Result<GuardedText> write(const GuardedRequest& request);

 private:
  Result<GuardedText> by_model(const GuardedRequest& request, std::int64_t attempt);
  static Result<GuardedText> by_facts(const GuardedRequest& request, GuardedText so_far);

  Generator& generator_;
  const GuardPolicy policy_;
};

}  // namespace zhiyin::model
