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
    std::size_t tokens_max = 0;  ///< longer texts lose their end; 0: as many as the model takes
    std::string_view prefix;     ///< put before every text (`query: `)
    std::size_t threads = 1;
  };

  /// Whatever Encoder::open takes, with a tokeniser: kInvalidArgument when there is none, or one
  /// with more ids than the encoder has words.
  static Result<TextEncoder> open(const std::filesystem::path& path,
                                  const EncoderOptions& options = {});

  [[nodiscard]] std::size_t width() const { return encoder_->shape().width; }
  /// Names the encoder by its content: the same for the same vectors.
  [[nodiscard]] const std::string& checksum() const { return encoder_->file().checksum(); }
  [[nodiscard]] const Encoder& encoder() const { return *encoder_; }
  [[nodiscard]] const Tokeniser& tokeniser() const { return *tokeniser_; }

  /// One vector of length 1 per text (the mean of its tokens) into `out`, texts × width(). The same
  /// bits whatever else is encoded with it. `progress` is told the share done; false cancels
  /// (kConflict).
  Result<void> encode(std::span<const std::string_view> texts, const Settings& settings,
                      const std::function<bool(double)>& progress, std::span<float> out) const;

 private:
  TextEncoder(std::shared_ptr<const Encoder> encoder, std::shared_ptr<const Tokeniser> tokeniser)
      : encoder_(std::move(encoder)), tokeniser_(std::move(tokeniser)) {}

  std::shared_ptr<const Encoder> encoder_;      // shared with whoever else encodes
  std::shared_ptr<const Tokeniser> tokeniser_;  // shared by copies of this
};

/// Rows of float32 as a NumPy file (.npy, version 1.0).
std::string npy_bytes(std::span<const float> values, std::size_t rows, std::size_t columns);

}  // namespace zhiyin::model
