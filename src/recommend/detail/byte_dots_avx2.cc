#include "recommend/detail/byte_dots.h"

namespace zhiyin::recommend::detail {
namespace avx2_bytes {
namespace {
#include "recommend/detail/byte_dots_body.h"
}  // namespace
}  // namespace avx2_bytes

extern const ByteDots kAvx2Bytes;
const ByteDots kAvx2Bytes = {"avx2", avx2_bytes::dots, avx2_bytes::add_rows};

}  // namespace zhiyin::recommend::detail
