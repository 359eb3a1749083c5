// Checkpoints of others: whatever the bytes, a table whose tensors lie inside them or a refusal.
#include <cstdint>

#include "base/check.h"
#include "model/encoder/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace zhiyin;
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  const auto tensors = model::parse_safetensors(file);
  if (!tensors) return 0;
  std::size_t bytes = 0;
  for (const auto& [name, tensor] : *tensors) {
    bytes += tensor.bytes.size();
    if (const auto floats = model::to_floats(tensor, name))
      ZHIYIN_CHECK(floats->size() == tensor.elements);
  }
  ZHIYIN_CHECK(bytes < size);
  return 0;
}
