#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "model/encoder/detail/kernels.h"

namespace zhiyin::model::detail {
namespace avxvnni {
namespace {
#include "model/encoder/detail/kernel_body.h"
}  // namespace
}  // namespace avxvnni

extern const Kernels kAvxVnniKernels;
const Kernels kAvxVnniKernels = {"avx-vnni",        avxvnni::product_int8, avxvnni::product_float,
                                 avxvnni::quantise, avxvnni::norm,         avxvnni::attend};

}  // namespace zhiyin::model::detail
