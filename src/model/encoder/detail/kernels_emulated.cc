// The AVX-512 kernels through SIMDe, so that they are tested on processors without those registers.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#define SIMDE_ENABLE_NATIVE_ALIASES
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wcast-qual"
#include <simde/x86/avx512/add.h>
#include <simde/x86/avx512/and.h>
#include <simde/x86/avx512/cast.h>
#include <simde/x86/avx512/div.h>
#include <simde/x86/avx512/dpbusd.h>
#include <simde/x86/avx512/dpwssd.h>
#include <simde/x86/avx512/extract.h>
#include <simde/x86/avx512/fmadd.h>
#include <simde/x86/avx512/loadu.h>
#include <simde/x86/avx512/max.h>
#include <simde/x86/avx512/min.h>
#include <simde/x86/avx512/mul.h>
#include <simde/x86/avx512/or.h>
#include <simde/x86/avx512/set1.h>
#include <simde/x86/avx512/setzero.h>
#include <simde/x86/avx512/slli.h>
#include <simde/x86/avx512/storeu.h>
#include <simde/x86/avx512/sub.h>
#pragma GCC diagnostic pop

#include "model/encoder/detail/kernels.h"

#define ZHIYIN_AVX512 1

namespace {

// What SIMDe lacks, by halves.
template <class To, class From, class Half>
To by_halves(From from, Half half) {
  alignas(64) char in[64], out[64];
  __builtin_memcpy(in, &from, sizeof in);
  half(in, out);
  half(in + 32, out + 32);
  To to;
  __builtin_memcpy(&to, out, sizeof to);
  return to;
}
__m512i emulated_to_ints(__m512 a) {
  return by_halves<__m512i>(a, [](const char* in, char* out) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(out),
                       _mm256_cvtps_epi32(_mm256_load_ps(reinterpret_cast<const float*>(in))));
  });
}
__m512 emulated_to_floats(__m512i a) {
  return by_halves<__m512>(a, [](const char* in, char* out) {
    _mm256_store_ps(reinterpret_cast<float*>(out),
                    _mm256_cvtepi32_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(in))));
  });
}
__m128i emulated_to_bytes(__m512i a) {
  std::int32_t ints[16];
  std::uint8_t bytes[16];
  __builtin_memcpy(ints, &a, sizeof ints);
  for (int i = 0; i < 16; ++i) bytes[i] = static_cast<std::uint8_t>(ints[i]);
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
}

}  // namespace

#undef _mm512_cvtps_epi32
#undef _mm512_cvtepi32_ps
#undef _mm512_cvtepi32_epi8
#define _mm512_cvtps_epi32 emulated_to_ints
#define _mm512_cvtepi32_ps emulated_to_floats
#define _mm512_cvtepi32_epi8 emulated_to_bytes

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
