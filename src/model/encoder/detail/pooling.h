#pragma once

#include <cstddef>
#include <span>

#include "model/encoder/encoder.h"

namespace zhiyin::model::detail {

/// One vector from the rows of a text's tokens, `stride` apart.
void pool(const float* rows, std::size_t stride, std::size_t tokens, const EncodeOptions& options,
          std::span<float> out);

/// To length 1; a vector of zeros stays.
void normalise(std::span<float> vector);

}  // namespace zhiyin::model::detail
