#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "model/encoder/encoder_package.h"
#include "model/tokeniser/normalise_steps.h"
#include "model/tokeniser/unigram.h"
#include "model/tokeniser/word_steps.h"
#include "model/tokeniser/wordpiece.h"

namespace zhiyin::model {

/// One or two texts as tokens. Vectors of equal lengths.
struct TokenRow {
  enum class Part : std::uint8_t { kSpecial, kFirst, kSecond };
  std::vector<std::int32_t> ids;
  std::vector<std::uint8_t> types;  ///< 0 or 1: which of a pair, as the model learnt it
  std::vector<ByteSpan> spans;      ///< bytes of the text it came from; empty for specials
  std::vector<Part> parts;

  [[nodiscard]] std::size_t size() const { return ids.size(); }
  void clear();
};

/// A token outside of the model's pieces: specials, and words added later.
struct AddedToken {
  std::string text;
  std::int32_t id = 0;
  bool special = false;
  bool normalised = false;  ///< looked for in the normalised text
  bool strip_left = false;  ///< takes the white space before it along
  bool strip_right = false;
  bool single_word = false;  ///< only where no word character stands beside it
};

/// What stands around the texts: specials and the texts' places, each with its type.
struct TemplatePiece {
  TokenRow::Part part = TokenRow::Part::kSpecial;
  std::int32_t id = 0;  ///< of a special
  std::uint8_t type = 0;
};

struct TruncationRule {
  enum class Strategy { kLongestFirst, kOnlyFirst, kOnlySecond };
  std::size_t tokens_max = 512;  ///< specials included
  Strategy strategy = Strategy::kLongestFirst;
  bool from_left = false;  ///< drops the beginning instead of the end
};

/// Everything a tokeniser does, as data.
struct TokeniserParts {
  std::vector<steps::Step> normalise;
  std::vector<words::Step> words;
  std::variant<Unigram, WordPiece> model;
  std::vector<AddedToken> added;
  std::vector<TemplatePiece> single;
  std::vector<TemplatePiece> pair;
  std::optional<TruncationRule> truncation;
  std::size_t vocabulary = 0;  ///< ids are below
};

struct TokeniseOptions {
  bool specials = true;  ///< put the template's specials around the texts
  /// Texts of specials that stand in a text become those specials. Off, so that what users type
  /// stays text.
  bool specials_in_text = false;
  std::optional<TruncationRule> truncation;  ///< instead of the tokeniser's own
};

/// Texts to the tokens that an encoder was trained with: normaliser, words, pieces, specials.
/// Tokens and offsets are those of Hugging Face's tokenizers with the same settings (offsets in
/// bytes). Texts may be any bytes; what is not UTF-8 counts as U+FFFD. Immutable and thread-safe.
class Tokeniser {
 public:
  static constexpr std::size_t kTextBytesMax = std::size_t{16} << 20;
  /// Working memory of one thread.
  struct Scratch {
    words::Words words;
    AlignedText part;
    Unigram::Scratch unigram;
    std::vector<CutPiece> pieces;
    TokenRow first;
    TokenRow second;
  };

  /// kInvalidArgument when an id is not below `vocabulary`, or specials alone exceed the
  /// truncation.
  static Result<Tokeniser> create(TokeniserParts parts);

  /// `first` alone. kLimitReached above kTextBytesMax.
  Result<void> encode(std::string_view text, const TokeniseOptions& options, Scratch& scratch,
                      TokenRow& out) const;
  /// A pair.
  Result<void> encode(std::string_view first, std::string_view second,
                      const TokeniseOptions& options, Scratch& scratch, TokenRow& out) const;

  [[nodiscard]] std::size_t vocabulary() const { return parts_.vocabulary; }
  [[nodiscard]] const std::optional<TruncationRule>& truncation() const {
    return parts_.truncation;
  }

 private:
  explicit Tokeniser(TokeniserParts parts) : parts_(std::move(parts)) {}
  Result<void> tokens_of(std::string_view text, bool specials_in_text, Scratch& scratch,
                         TokenRow& out) const;
  void cut_raw(std::string_view text, std::size_t begin, std::size_t end, bool specials_in_text,
               Scratch& scratch, TokenRow& out) const;
  void cut_normalised(const AlignedText& text, std::size_t begin, std::size_t end, Scratch& scratch,
                      TokenRow& out) const;
  void cut_words(Scratch& scratch, TokenRow& out) const;

  TokeniserParts parts_;
  PieceTrie raw_added_;  // places in parts_.added
  PieceTrie normalised_added_;
};

/// BERT's: vocab.txt has one piece a line, its number from 0 is its id; lines end in LF or CRLF and
/// are not trimmed. Needs the pieces of `unknown`, `first` and `last`. kInvalidArgument names what
/// is wrong.
struct BertSettings {
  bool lowercase = true;
  std::optional<bool> strip_accents;  ///< absent: as `lowercase`
  bool isolate_han = true;
  std::string unknown = "[UNK]";
  std::string first = "[CLS]";  ///< before a text
  std::string last = "[SEP]";   ///< behind it
  std::string pad = "[PAD]";
  std::string mask = "[MASK]";
};
Result<Tokeniser> tokeniser_from_vocab(std::string_view vocab, const BertSettings& settings = {});

/// The default encoder's: `<s>` pieces `</s>`. `score_min`: of the vocabulary before it was
/// trimmed; `forbidden`: further ids that no text may produce (specials and `<mask>` never are).
Result<Tokeniser> tokeniser_from_table(const UnigramTable& table,
                                       std::optional<double> score_min = std::nullopt,
                                       std::span<const std::int32_t> forbidden = {});

/// tokenizer.json of Hugging Face with a WordPiece or Unigram model. kInvalidArgument for what is
/// malformed, kUnsupported for what is understood but not done, both naming the place.
inline constexpr std::size_t kTokeniserFileBytesMax = std::size_t{64} << 20;
Result<Tokeniser> tokeniser_from_json(std::string_view json);

/// The ids of the pieces in a SentencePiece file.
enum class PieceIds : std::uint8_t {
  kOwn,  ///< their places in the file
  /// XLM-R's, which took over fairseq's: <s> 0, <pad> 1, </s> 2, <unk> 3, the file's piece i from 3
  /// on i + 1, <mask> last (Hugging Face's XLMRobertaTokenizer). The file begins with <unk>, <s>,
  /// </s>.
  kXlmRoberta,
};
/// SentencePiece's .model with a unigram model. kInvalidArgument or kUnsupported say what is wrong.
Result<Tokeniser> tokeniser_from_sentencepiece(std::string_view file,
                                               PieceIds ids = PieceIds::kOwn);

}  // namespace zhiyin::model
