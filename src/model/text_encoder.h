#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "model/encoder/encoder.h"
#include "model/tokeniser/tokeniser.h"

namespace zhiyin::model {

/// An encoder with the tokeniser that came with it: texts to vectors. Immutable and thread-safe.
class TextEncoder {
 public:
  struct Settings {
    std::size_t tokens_max = 0;  ///< longer texts are cut (truncation()); 0: to tokens_max()
    std::string_view prefix;     ///< put before every text (`query: `)
    std::size_t threads = 1;
  };

  /// Whatever Encoder::open takes, with a tokeniser: kInvalidArgument when there is none, one
  /// with more ids than the encoder has words, or one that is malformed (its file is named).
  static Result<TextEncoder> open(const std::filesystem::path& path,
                                  const EncoderOptions& options = {});

  [[nodiscard]] std::size_t width() const { return encoder_->shape().width; }
  /// Names the encoder by its content: the same for the same vectors.
  [[nodiscard]] const std::string& checksum() const { return encoder_->file().checksum(); }
  [[nodiscard]] const Encoder& encoder() const { return *encoder_; }
  [[nodiscard]] const Tokeniser& tokeniser() const { return *tokeniser_; }

  /// The most tokens of a text, specials included: the least that the model's positions, the
  /// tokeniser's own truncation and the settings beside it allow.
  [[nodiscard]] std::size_t tokens_max() const { return rule_.tokens_max; }
  /// How texts are cut to `tokens` tokens, or to tokens_max() where that is less or `tokens` is 0:
  /// from the side that the tokeniser's files name, else at the end.
  [[nodiscard]] TruncationRule truncation(std::size_t tokens = 0) const;

  /// One vector of length 1 per text (its tokens pooled as the model was trained) into `out`, texts
  /// × width(). The same bits whatever else is encoded with it. `progress` is told the share done;
  /// false cancels (kConflict).
  Result<void> encode(std::span<const std::string_view> texts, const Settings& settings,
                      const std::function<bool(double)>& progress, std::span<float> out) const;

 private:
  TextEncoder(std::shared_ptr<const Encoder> encoder, std::shared_ptr<const Tokeniser> tokeniser,
              TruncationRule rule)
      : encoder_(std::move(encoder)), tokeniser_(std::move(tokeniser)), rule_(rule) {}

  std::shared_ptr<const Encoder> encoder_;      // shared with whoever else encodes
  std::shared_ptr<const Tokeniser> tokeniser_;  // shared by copies of this
  TruncationRule rule_;
};

/// Rows of float32 as a NumPy file (.npy, version 1.0).
std::string npy_bytes(std::span<const float> values, std::size_t rows, std::size_t columns);

}  // namespace zhiyin::model
