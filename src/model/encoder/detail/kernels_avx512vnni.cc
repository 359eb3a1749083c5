#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "model/encoder/detail/kernels.h"

#define ZHIYIN_AVX512 1

namespace zhiyin::model::detail {
namespace avx512vnni {
namespace {
#include "model/encoder/detail/kernel_body.h"
}  // namespace
}  // namespace avx512vnni

extern const Kernels kAvx512VnniKernels;
const Kernels kAvx512VnniKernels = {
    "avx512-vnni",        avx512vnni::product_int8, avx512vnni::product_float,
    avx512vnni::quantise, avx512vnni::norm,         avx512vnni::attend};

}  // namespace zhiyin::model::detail
