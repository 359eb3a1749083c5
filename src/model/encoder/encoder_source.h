#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/encoder/encoder_file.h"
#include "model/encoder/encoder_package.h"
#include "model/encoder/encoder_shape.h"

namespace zhiyin::model {

/// Where an encoder's numbers come from, by the names of this table (N is a layer from 0):
///
///     emb.pos emb.type emb.ln.w emb.ln.b
///     lN.q.w lN.q.b lN.k.w lN.k.b lN.v.w lN.v.b lN.ao.w lN.ao.b lN.aln.w lN.aln.b
///     lN.fi.w lN.fi.b lN.fo.w lN.fo.b lN.oln.w lN.oln.b
///
/// Matrices are row-major, [out][in]. Thread-safe.
class EncoderSource {
 public:
  virtual ~EncoderSource() = default;
  [[nodiscard]] virtual const EncoderShape& shape() const = 0;
  /// Fails with kInvalidArgument where the numbers are missing, of another count or not finite.
  [[nodiscard]] virtual Result<std::vector<float>> tensor(std::string_view name) const = 0;
  /// Requires id < shape().vocabulary and `shape().width` places.
  virtual void word_row(std::size_t id, std::span<float> out) const = 0;
  /// The tokeniser that came with it, or null.
  [[nodiscard]] virtual const UnigramTable* unigram() const { return nullptr; }
  /// The tokeniser's own file, its name and what the files beside it say, in the words of
  /// EncoderTokeniser::settings; empty where there is none.
  struct TokeniserFile {
    std::string name;
    std::string bytes;
    Json settings = Json::object();
  };
  [[nodiscard]] virtual const TokeniserFile* tokeniser_file() const { return nullptr; }
  /// How the model was trained to make one vector of a text. kUnsupported for what is not done
  /// here.
  [[nodiscard]] virtual Result<Pooling> pooling() const { return Pooling::kMean; }
};

/// How many numbers the tensor of that name has; 0 for a name that the table does not have.
std::size_t tensor_elements(const EncoderShape& shape, std::string_view name);

/// The default encoder's package file (`encoder_package.h`).
Result<std::unique_ptr<EncoderSource>> open_package_source(const std::filesystem::path& file);

/// A folder with config.json and model.safetensors in the names of Hugging Face: BERT, RoBERTa or
/// XLM-R, with or without their prefix, LayerNorm as weight/bias or gamma/beta, in float32, float16
/// or bfloat16. tokenizer.json, vocab.txt or XLM-R's sentencepiece.bpe.model (the first that is
/// there) is taken along with what stands beside it (checkpoint_settings.h). Fails with kNotFound,
/// kInvalidArgument (naming file and member or tensor), or kUnsupported for another architecture,
/// activation or kind of positions.
Result<std::unique_ptr<EncoderSource>> open_checkpoint_source(const std::filesystem::path& folder);

}  // namespace zhiyin::model
