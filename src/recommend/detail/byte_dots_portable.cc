#include "recommend/detail/byte_dots.h"

namespace zhiyin::recommend::detail {
namespace portable_bytes {
namespace {
#include "recommend/detail/byte_dots_body.h"
}  // namespace
}  // namespace portable_bytes

extern const ByteDots kPortableBytes;
const ByteDots kPortableBytes = {"portable", portable_bytes::dots, portable_bytes::add_rows};

}  // namespace zhiyin::recommend::detail
