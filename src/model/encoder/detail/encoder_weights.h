#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/encoder/detail/kernels.h"
#include "model/encoder/encoder_file.h"

namespace zhiyin::model::detail {

/// One product's numbers, in int8 or in floats; views into an encoder's file.
struct Linear {
  const std::int8_t* int8 = nullptr;
  const float* scales = nullptr;
  const std::int32_t* sums = nullptr;
  const float* floats = nullptr;
  const float* bias = nullptr;
  std::size_t inputs = 0;
  std::size_t columns = 0;  ///< padded
};

struct Norm {
  const float* gain = nullptr;
  const float* shift = nullptr;
  const float* factors =
      nullptr;  ///< of the rows that the result before it is added to; may be null
};

struct Layer {
  Linear qkv, ao, fi, fo;
  Norm after_attention, after_inner;
};

/// Views of all weights of a file, which must outlive them.
struct LayerTable {
  explicit LayerTable(const EncoderFile& file);

  const std::int8_t* word_int8 = nullptr;
  const float* word_scales = nullptr;
  const float* word_floats = nullptr;
  const float* positions = nullptr;
  const float* types = nullptr;
  Norm embedding;
  std::vector<Layer> layers;
};

}  // namespace zhiyin::model::detail
