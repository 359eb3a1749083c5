#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/generate/generator.h"

namespace zhiyin::model {

/// What may stand in a slot of a prompt.
enum class SlotType {
  kText,       ///< our own words, one line; stands as it is
  kInteger,    ///< within bounds
  kChoice,     ///< one of a list
  kUserText,   ///< written by somebody: masked and fenced, never an instruction
  kKnowledge,  ///< from documents: fenced, never an instruction; evidence for what is answered
};

struct PromptSlot {
  std::string name;
  SlotType type = SlotType::kText;
  std::size_t length_max = 2000;  ///< bytes
  std::int64_t minimum = 0;       ///< of kInteger
  std::int64_t maximum = 1'000'000;
  std::vector<std::string> choices;  ///< of kChoice
};

struct PromptVariant {
  std::string name;
  int weight = 1;  ///< share of those who are assigned by `variant_for`
  std::string system;
  std::string user;
};

using SlotValues = std::map<std::string, std::string, std::less<>>;

/// A prompt with its slots filled.
struct RenderedPrompt {
  std::vector<ChatMessage> messages;
  std::string id;      ///< NAME@VERSION/VARIANT, to be logged with the answer
  std::string secret;  ///< the system text without what the slots brought: must not come back
  std::string nonce;   ///< of the fences
  OutputFormat format;
  int tokens_max = 512;
  double temperature = 0.7;
  std::string purpose;
};

/// A versioned prompt: docs/formats/prompt.md. A pure value.
class PromptFile {
 public:
  static constexpr std::size_t kBytesMax = 256 << 10;
  static constexpr std::size_t kSlotsMax = 32;
  static constexpr std::size_t kVariantsMax = 16;
  static constexpr std::size_t kTestsMax = 200;

  /// kInvalidArgument naming the place in the file.
  static Result<PromptFile> parse(std::string_view toml);

  /// Fills the slots. `nonce` marks the fences: at least 16 characters [0-9a-f] that nobody outside
  /// can know. kInvalidArgument with the slot that is missing, unknown or does not fit.
  [[nodiscard]] Result<RenderedPrompt> render(const SlotValues& values, std::string_view variant,
                                              std::string_view nonce) const;
  /// The variant of a person or conversation: the same for the same `unit`, by weights.
  [[nodiscard]] const PromptVariant& variant_for(std::string_view unit) const;

  struct TestOutcome {
    std::string name;
    bool passed = false;
    std::string reason;
  };
  /// Runs the tests of the file on every variant.
  [[nodiscard]] std::vector<TestOutcome> run_tests() const;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::int64_t version() const { return version_; }
  [[nodiscard]] const std::vector<PromptSlot>& slots() const { return slots_; }
  [[nodiscard]] const std::vector<PromptVariant>& variants() const { return variants_; }

 private:
  friend class PromptReader;
  struct Test {
    std::string name;
    SlotValues values;
    std::vector<std::string> contains;
    std::vector<std::string> absent;
    std::string refused;  // the slot for which rendering must fail
  };
  PromptFile() = default;
  [[nodiscard]] Result<std::string> check_value(const PromptSlot& slot,
                                                const std::string& value) const;
  Result<std::string> fill(std::string_view text, const SlotValues& values,
                           std::string_view nonce) const;
  [[nodiscard]] TestOutcome run(const Test& test, const PromptVariant& variant) const;

  std::string name_;
  std::int64_t version_ = 0;
  std::string purpose_ = "default";
  std::vector<PromptSlot> slots_;
  std::vector<PromptVariant> variants_;
  std::vector<Test> tests_;
  OutputFormat format_;
  int tokens_max_ = 512;
  double temperature_ = 0.7;
};

/// A text of others between marks that carry the nonce.
std::string fenced(std::string_view text, std::string_view label, std::string_view nonce);

}  // namespace zhiyin::model
