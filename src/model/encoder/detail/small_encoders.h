#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/random.h"
#include "model/encoder/encoder_shape.h"

/// Small files with made weights, for tests.
namespace zhiyin::model::testing {

template <class T>
void append(std::string& out, T value) {
  static_assert(std::is_arithmetic_v<T>);
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof bytes);
}

/// A package file (`E5S1`) of 2 layers, 32 wide, with eight pieces.
std::string small_package();
/// Where its parts begin, for tests that damage them.
inline constexpr std::size_t kSmallPackageHeader = 72;

/// A checkpoint in the names of Hugging Face, `prefix` before them ("bert.", "roberta.", ""), with
/// numbers by `seed`, as the text of a .safetensors file.
std::string small_checkpoint(const EncoderShape& shape, std::string_view prefix,
                             std::uint64_t seed);
/// Its config.json.
std::string small_config(const EncoderShape& shape, std::string_view model_type);

}  // namespace zhiyin::model::testing
