// The AVX-512 kernels through SIMDe, so that they are tested on processors without those registers.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#define SIMDE_ENABLE_NATIVE_ALIASES
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wcast-qual"
#include <simde/x86/avx512/cast.h>
#include <simde/x86/avx512/dpbusd.h>
#include <simde/x86/avx512/extract.h>
#include <simde/x86/avx512/fmadd.h>
#include <simde/x86/avx512/loadu.h>
#include <simde/x86/avx512/set1.h>
#include <simde/x86/avx512/setzero.h>
#pragma GCC diagnostic pop

#include "model/encoder/detail/kernels.h"

#define ZHIYIN_AVX512 1

namespace zhiyin::model::detail {
namespace emulated {
namespace {
#include "model/encoder/detail/kernel_body.h"
}  // namespace
}  // namespace emulated

extern const Kernels kEmulatedKernels;
const Kernels kEmulatedKernels = {"avx512-vnni, emulated", emulated::product_int8,
                                  emulated::product_float, emulated::quantise,
                                  emulated::norm,          emulated::attend};

}  // namespace zhiyin::model::detail
