#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "model/encoder/detail/kernels.h"

namespace zhiyin::model::detail {
namespace avx2 {
namespace {
#include "model/encoder/detail/kernel_body.h"
}  // namespace
}  // namespace avx2

extern const Kernels kAvx2Kernels;
const Kernels kAvx2Kernels = {"avx2",         avx2::product_int8, avx2::product_float,
                              avx2::quantise, avx2::norm,         avx2::attend};

}  // namespace zhiyin::model::detail
