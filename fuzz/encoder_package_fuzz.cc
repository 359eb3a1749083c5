// The default encoder's file: whatever the bytes, a package that can be read whole or a refusal.
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "model/encoder/encoder_package.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace zhiyin;
  const auto package = model::parse_encoder_package({reinterpret_cast<const char*>(data), size});
  if (!package) return 0;
  ZHIYIN_CHECK(package->tokeniser.pieces.size() == package->shape.vocabulary);
  std::vector<float> row(package->shape.width);
  package->word_row(0, row);
  package->word_row(package->shape.vocabulary - 1, row);
  for (const auto& [name, tensor] : package->tensors)
    if (name != "emb.word") ZHIYIN_CHECK(package->floats(name).size() == tensor.elements);
  return 0;
}
