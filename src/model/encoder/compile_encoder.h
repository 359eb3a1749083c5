#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/encoder/encoder_file.h"
#include "model/encoder/encoder_source.h"

namespace zhiyin::model {

struct CompileOptions {
  Precision precision = Precision::kInt8;
  /// Rows of the word table that are kept, ascending; empty keeps all. Special tokens and the
  /// unknown piece must be among them.
  std::vector<std::uint32_t> kept;
  std::optional<Pooling> pooling;  ///< mean or first; absent: the source's
  std::string source;              ///< where the weights come from, for people
  /// int8 only: rounds weights together and centres and scales rows, for made texts
  /// (detail/fitted_weights.h), instead of each weight to the nearest. Nearer to the floats and
  /// just as quick to run; takes some seconds for the default encoder, and minutes for large ones.
  bool fitted = false;
};

/// The bytes of an encoder's file (docs/formats/encoder.md) made from an encoder's numbers. int8:
/// each output channel of a matrix and each row of the word table gets a scale of its own, the
/// largest number becomes 64 (127 in the word table; fitted as much as detail/kernels.h allows).
/// The same source and options give the same bytes, on every processor. Fails with what the source
/// fails with, or kInvalidArgument for a wrong `kept`.
Result<std::string> compile_encoder(const EncoderSource& source, const CompileOptions& options);

}  // namespace zhiyin::model
