// The engine's own file: whatever the bytes (with a checksum that is right), a file whose parts can
// all be looked at, or a refusal.
#include <cstdint>

#include "base/check.h"
#include "base/crypto.h"
#include "model/encoder/encoder_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace zhiyin;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto file = model::EncoderFile::from_bytes(bytes + crypto::sha256(bytes));
  if (!file) return 0;
  for (const auto& section :
       model::weight_sections((*file)->shape(), (*file)->precision(), (*file)->scaled()))
    ZHIYIN_CHECK((*file)->section(section.name).size() == section.bytes);
  const auto& tokeniser = (*file)->tokeniser();
  if (tokeniser.kind == model::EncoderTokeniser::Kind::kUnigram)
    ZHIYIN_CHECK(tokeniser.unigram.pieces.size() == (*file)->shape().vocabulary);
  return 0;
}
