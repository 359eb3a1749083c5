#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace zhiyin::model {

/// Element types of safetensors that weights come in.
enum class TensorType { kF64, kF32, kF16, kBf16, kI64, kI32, kI16, kI8, kU8, kBool };

/// One tensor inside a file: row-major, little-endian. The bytes belong to the file's.
struct TensorView {
  TensorType type = TensorType::kF32;
  std::vector<std::int64_t> shape;  ///< empty: one number
  std::size_t elements = 0;
  std::string_view bytes;
};

/// The tensors of a .safetensors file by name.
using Safetensors = std::map<std::string, TensorView, std::less<>>;

/// Below the 100,000,000 bytes that the format allows: a table of 100,000 tensors takes half of it.
inline constexpr std::size_t kSafetensorsHeaderMax = 32 << 20;
inline constexpr std::size_t kSafetensorsTensorsMax = 100'000;

/// Reads the table of a safetensors file; `file` is all of it and must outlive the result.
/// Everything is checked before it is believed: the header's length against the file, shapes
/// against overflow and against the bytes they claim, that the tensors fill the data without gap or
/// overlap, that no name stands twice. Fails with kInvalidArgument, naming the tensor, or
/// kUnsupported for an element type that is not listed above.
Result<Safetensors> parse_safetensors(std::string_view file);

/// The numbers of a tensor as float32. Fails with kUnsupported for integer types, kInvalidArgument
/// where a number is not finite.
Result<std::vector<float>> to_floats(const TensorView& tensor, std::string_view name);

}  // namespace zhiyin::model
