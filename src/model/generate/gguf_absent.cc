#include "model/generate/gguf_generator.h"

namespace zhiyin::model {

Result<std::unique_ptr<GgufGenerator>> GgufGenerator::create(const GgufSettings&, Logger&) {
  return fail(ErrorCode::kUnsupported,
              "GGUF models: this program was built without llama.cpp's headers (./dev setup)");
}

}  // namespace zhiyin::model
