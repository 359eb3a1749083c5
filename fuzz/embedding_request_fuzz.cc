// Requests for vectors: whatever is taken can be answered.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "model/serve/embedding_wire.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace zhiyin;
  using namespace zhiyin::model;
  const auto json = parse_json({reinterpret_cast<const char*>(data), size}, 1 << 16);
  if (!json) return 0;
  constexpr std::size_t kWidth = 8;
  const auto asked = embedding_wire::parse(*json, kWidth);
  if (!asked) {
    ZHIYIN_CHECK(asked.error().code == ErrorCode::kInvalidArgument);
    return 0;
  }
  const std::size_t inputs = asked->texts.size() + asked->rows.size();
  ZHIYIN_CHECK(inputs >= 1 && inputs <= embedding_wire::kInputsMax);
  const std::vector<float> vectors(inputs * kWidth, 0.5F);
  const Json answer = embedding_wire::answer(*asked, vectors, kWidth, inputs, "m");
  ZHIYIN_CHECK(answer["data"].if_array()->size() == inputs);
  return 0;
}
