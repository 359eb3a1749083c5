#pragma once

#include <memory>
#include <span>
#include <utility>

#include "model/encoder/encoder.h"

namespace zhiyin::model {

/// What turns rows of tokens into vectors for one thread of a BatchServer; used by that thread
/// alone. May throw std::bad_alloc.
class RowEncoder {
 public:
  virtual ~RowEncoder() = default;
  /// `texts` × width floats into `out`.
  virtual Result<void> encode(std::span<const EncoderText> texts, std::span<float> out) = 0;
};

/// The encoder with a workspace of its own: means of tokens, of length 1.
class PackedRowEncoder final : public RowEncoder {
 public:
  PackedRowEncoder(std::shared_ptr<const Encoder> encoder, std::size_t tokens)
      : encoder_(std::move(encoder)), workspace_(encoder_->shape(), tokens) {}
  Result<void> encode(std::span<const EncoderText> texts, std::span<float> out) override {
    return encoder_->encode(texts, {}, workspace_, out);
  }

 private:
  std::shared_ptr<const Encoder> encoder_;  // shared with the other threads
  EncoderWorkspace workspace_;
};

}  // namespace zhiyin::model
