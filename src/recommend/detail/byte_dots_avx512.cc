#include "recommend/detail/byte_dots.h"

namespace zhiyin::recommend::detail {
namespace avx512_bytes {
namespace {
#include "recommend/detail/byte_dots_body.h"
}  // namespace
}  // namespace avx512_bytes

extern const ByteDots kAvx512Bytes;
const ByteDots kAvx512Bytes = {"avx512", avx512_bytes::dots, avx512_bytes::add_rows};

}  // namespace zhiyin::recommend::detail
