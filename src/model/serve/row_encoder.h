#pragma once

#include <span>

#include "model/encoder/encoder.h"

namespace zhiyin::model {

/// What turns rows of tokens into vectors for one thread of a BatchServer; used by that thread
/// alone. May throw std::bad_alloc.
class RowEncoder {
 public:
  virtual ~RowEncoder() = default;
  /// `texts` × width floats into `out`. `helpers`: the server's idle threads, where it has several;
  /// else null.
  virtual Result<void> encode(std::span<const EncoderText> texts, Helpers* helpers,
                              std::span<float> out) = 0;
};

/// The encoder with a workspace of its own, with room for `helpers` others: tokens
/// pooled as the model was trained, of length 1. The encoder must outlive it.
class PackedRowEncoder final : public RowEncoder {
 public:
  PackedRowEncoder(const Encoder& encoder, std::size_t tokens, std::size_t helpers = 0)
      : encoder_(encoder), workspace_(encoder.shape(), tokens, 1, helpers) {}
  Result<void> encode(std::span<const EncoderText> texts, Helpers* helpers,
                      std::span<float> out) override {
    return encoder_.encode(texts, {.helpers = helpers}, workspace_, out);
  }

 private:
  const Encoder& encoder_;
  EncoderWorkspace workspace_;
};

}  // namespace zhiyin::model
