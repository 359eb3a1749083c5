#include "recommend/detail/matrix_kernels.h"

#include <array>

namespace zhiyin::recommend::detail {

extern const MatrixKernels kPortableMatrix;
#ifdef ZHIYIN_X86_KERNELS
extern const MatrixKernels kAvx2Matrix;
extern const MatrixKernels kAvx512Matrix;
#endif

namespace {

struct Usable {
  std::array<const MatrixKernels*, 3> list{};
  std::size_t count = 0;
  void add(const MatrixKernels& k) { list[count++] = &k; }
};

Usable find_usable() {
  Usable out;
#ifdef ZHIYIN_X86_KERNELS
  // __builtin_cpu_supports looks at what the system saves of the registers, too.
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    out.add(kAvx512Matrix);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) out.add(kAvx2Matrix);
#endif
  out.add(kPortableMatrix);
  return out;
}

}  // namespace

std::span<const MatrixKernels* const> usable_kernels() {
  static const Usable usable = find_usable();
  return {usable.list.data(), usable.count};
}

const MatrixKernels& kernels() { return *usable_kernels()[0]; }

}  // namespace zhiyin::recommend::detail
