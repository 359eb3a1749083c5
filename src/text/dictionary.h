#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <span>

#include "base/error.h"
#include "base/mapped_file.h"
#include "text/lexicon.h"

namespace zhiyin::text {

/// How characters begin (B), end (E), continue (M) and are (S) words that no dictionary has: a
/// hidden Markov model. Log probabilities; kNever stands for zero. A view.
struct CharacterModel {
  enum State : std::uint8_t { kBegin = 0, kEnd = 1, kMiddle = 2, kSingle = 3 };
  static constexpr std::size_t kStates = 4;
  static constexpr double kNever = -3.14e+100;
  using ByState = std::array<double, kStates>;

  ByState start{};
  std::array<ByState, kStates> step{};  // [from][to]
  std::span<const ByState> emission;    // by code of the lexicon; [0] for unknown characters
};

/// The dictionary of a language's words with their frequencies, tags and rarities, and the model
/// for the words it lacks: one file, made by compile_dictionary, mapped into memory. Immutable, any
/// thread; shared by all who segment (the pages too, between processes).
class Dictionary {
 public:
  static constexpr std::size_t kFileBytesMax = std::size_t{256} << 20;

  /// Fails with kNotFound, kUnavailable, kUnsupported for another version, or kDataLoss for a file
  /// that is damaged or no dictionary. Every place in it is checked here, none later.
  static Result<std::shared_ptr<const Dictionary>> open(const std::filesystem::path& path);
  /// The one that comes with the program (`words.dictionary`, see `program_file`).
  static Result<std::shared_ptr<const Dictionary>> open_default();
  /// The same from bytes that must outlive the dictionary and lie on a multiple of 8. For tests.
  static Result<std::shared_ptr<const Dictionary>> from_bytes(std::string_view bytes);

  [[nodiscard]] const Lexicon& lexicon() const { return lexicon_; }
  [[nodiscard]] const CharacterModel& model() const { return model_; }
  /// Log share of the rarest word: the weight of characters that are no word.
  [[nodiscard]] double weight_min() const { return weight_min_; }
  /// Log share of the middle word: the weight of user words without a count.
  [[nodiscard]] double weight_median() const { return weight_median_; }
  /// All counts together.
  [[nodiscard]] double count_sum() const { return count_sum_; }
  /// For words without a rarity of their own.
  [[nodiscard]] double rarity_average() const { return rarity_average_; }
  /// As MappedFile::let_go.
  void let_go() const { file_.let_go(); }

 private:
  Dictionary() = default;
  Result<void> read(std::string_view bytes);

  MappedFile file_;
  Lexicon lexicon_;
  CharacterModel model_;
  double weight_min_ = 0;
  double weight_median_ = 0;
  double count_sum_ = 0;
  double rarity_average_ = 0;
};

}  // namespace zhiyin::text
