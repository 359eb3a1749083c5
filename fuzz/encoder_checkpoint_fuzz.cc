// A checkpoint's config.json: whatever the bytes, a shape within the engine's bounds or a refusal.
// The weights beside it are those of a made checkpoint, so that some configurations fit.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/file.h"
#include "model/encoder/detail/small_encoders.h"
#include "model/encoder/encoder_source.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace zhiyin;
  static const TempFolder folder;
  static const model::EncoderShape shape{.width = 8,
                                         .layers = 1,
                                         .heads = 2,
                                         .inner = 8,
                                         .vocabulary = 4,
                                         .positions = 4,
                                         .token_types = 1};
  static const bool written = write_file(folder.path() / "model.safetensors",
                                         model::testing::small_checkpoint(shape, "", 1))
                                  .has_value();
  ZHIYIN_CHECK(written);
  const std::string_view config(reinterpret_cast<const char*>(data), size);
  if (!write_file(folder.path() / "config.json", config)) return 0;
  const auto source = model::open_checkpoint_source(folder.path());
  if (source) ZHIYIN_CHECK(model::check_shape((*source)->shape()).has_value());
  return 0;
}
