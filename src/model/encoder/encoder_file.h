#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/mapped_file.h"
#include "model/encoder/encoder_package.h"
#include "model/encoder/encoder_shape.h"

namespace zhiyin::model {

/// How the vectors of a text's tokens become one.
enum class Pooling : std::uint8_t {
  kMean,       ///< of all tokens, marks included
  kFirst,      ///< of the first token ([CLS], <s>)
  kAttention,  ///< weighted by softmax of `attention` times each token
};
/// `mean`, `cls` or `attention`.
std::string_view to_string(Pooling pooling);
/// `mean` or `cls`; kInvalidArgument names the field `pooling` for anything else.
Result<Pooling> pooling_of(std::string_view name);

enum class Precision : std::uint8_t { kInt8, kFloat };
std::string_view to_string(Precision precision);

/// The tokeniser inside an encoder's file.
struct EncoderTokeniser {
  enum class Kind : std::uint8_t { kNone, kUnigram, kFile };
  Kind kind = Kind::kNone;
  // Unigram: everything that is needed. Ids are rows of the word table.
  UnigramTable unigram;
  /// What an unknown character costs: the lowest score of the whole vocabulary, before trimming,
  /// less 10.
  float unknown_score = 0;
  /// Ids that no text may produce: someone who types `</s>` gets its characters.
  std::vector<std::int32_t> forbidden;
  /// The id that each piece had before trimming, ascending.
  std::vector<std::uint32_t> original_ids;
  // File: tokenizer.json, vocab.txt or sentencepiece.bpe.model of the checkpoint, as it was.
  std::string file_name;
  std::string_view file_bytes;
  /// What the files beside it said (docs/formats/encoder.md): an object of known members with the
  /// types that they must have.
  Json settings = Json::object();
};

/// One part of the file; the names and sizes follow from shape and precision.
struct EncoderSection {
  std::string name;
  std::size_t bytes = 0;
};
/// The weights' parts in the order in which they lie in the file (docs/formats/encoder.md).
/// `scaled` as EncoderFile::scaled.
std::vector<EncoderSection> weight_sections(const EncoderShape& shape, Precision precision,
                                            bool scaled);

/// An encoder in the engine's own layout (docs/formats/encoder.md): mapped from a file,
/// so that processes share it, or made in memory. Everything in it is checked when it is opened.
/// Immutable, thread-safe.
class EncoderFile {
 public:
  /// Fails with kNotFound, kUnavailable, kDataLoss (checksum, damage, unknown version).
  static Result<std::shared_ptr<const EncoderFile>> open(const std::filesystem::path& path);
  static Result<std::shared_ptr<const EncoderFile>> from_bytes(std::string bytes);

  [[nodiscard]] const EncoderShape& shape() const { return shape_; }
  /// How the model was trained to make one vector of a text; never kAttention.
  [[nodiscard]] Pooling pooling() const { return pooling_; }
  [[nodiscard]] Precision precision() const { return precision_; }
  /// Version 2: rows go through the layers in units of their own.
  [[nodiscard]] bool scaled() const { return scaled_; }
  [[nodiscard]] const EncoderTokeniser& tokeniser() const { return tokeniser_; }
  [[nodiscard]] const std::string& source() const { return source_; }  ///< where it came from
  /// Hex of SHA-256 of everything but the checksum itself: the same for the same model.
  [[nodiscard]] const std::string& checksum() const { return checksum_; }
  /// A part of the weights. Requires a name that `weight_sections` gives.
  [[nodiscard]] std::string_view section(std::string_view name) const;
  /// Of a mapped file: as MappedFile::let_go.
  void let_go() const { mapped_.let_go(); }

 private:
  EncoderFile() = default;
  static Result<std::shared_ptr<const EncoderFile>> finish(std::shared_ptr<EncoderFile> file,
                                                           std::string_view bytes);
  Result<void> read(std::string_view bytes);
  Result<void> read_tokeniser(const Json& header);
  Result<void> check_weights() const;

  MappedFile mapped_;
  std::string owned_;
  EncoderShape shape_;
  Pooling pooling_ = Pooling::kMean;
  Precision precision_ = Precision::kInt8;
  bool scaled_ = false;
  EncoderTokeniser tokeniser_;
  std::string source_;
  std::string checksum_;
  std::map<std::string, std::string_view, std::less<>> sections_;
};

}  // namespace zhiyin::model
