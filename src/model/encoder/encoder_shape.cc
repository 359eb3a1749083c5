#include "model/encoder/encoder_shape.h"

#include <cmath>
#include <string_view>

namespace zhiyin::model {

Result<void> check_shape(const EncoderShape& shape) {
  struct Bound {
    std::string_view name;
    std::size_t value;
    std::size_t max;
  };
  const Bound bounds[] = {
      {"width", shape.width, 8192},
      {"layers", shape.layers, 96},
      {"heads", shape.heads, 256},
      {"inner", shape.inner, 8192},
      {"vocabulary", shape.vocabulary, std::size_t{1} << 22},
      {"positions", shape.positions, 65536},
      {"token_types", shape.token_types, 16},
  };
  for (const Bound& bound : bounds) {
    if (bound.value < 1 || bound.value > bound.max)
      return fail_field(bound.name, "encoder: {} is {}, from 1 to {} is possible", bound.name,
                        bound.value, bound.max);
  }
  if (shape.width % shape.heads != 0 || shape.head_width() > 256)
    return fail_field("heads", "encoder: {} numbers do not part into {} heads of up to 256",
                      shape.width, shape.heads);
  if (shape.position_offset >= shape.positions)
    return fail_field("position_offset", "encoder: position_offset {} is not below {} positions",
                      shape.position_offset, shape.positions);
  if (!std::isfinite(shape.epsilon) || shape.epsilon <= 0 || shape.epsilon > 1)
    return fail_field("epsilon", "encoder: epsilon is {}, above 0 up to 1 is possible",
                      shape.epsilon);
  return {};
}

}  // namespace zhiyin::model
