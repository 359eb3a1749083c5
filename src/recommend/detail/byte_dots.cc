#include "recommend/detail/byte_dots.h"

#include <array>

namespace zhiyin::recommend::detail {

extern const ByteDots kPortableBytes;
#ifdef ZHIYIN_X86_KERNELS
extern const ByteDots kAvx2Bytes;
extern const ByteDots kAvx512Bytes;
extern const ByteDots kVnniBytes;
#endif

namespace {

struct Usable {
  std::array<const ByteDots*, 4> list{};
  std::size_t count = 0;
  void add(const ByteDots& k) { list[count++] = &k; }
};

Usable find_usable() {
  Usable out;
#ifdef ZHIYIN_X86_KERNELS
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) {
    if (__builtin_cpu_supports("avx512vnni")) out.add(kVnniBytes);
    out.add(kAvx512Bytes);
  }
  if (__builtin_cpu_supports("avx2")) out.add(kAvx2Bytes);
#endif
  out.add(kPortableBytes);
  return out;
}

}  // namespace

std::span<const ByteDots* const> usable_byte_dots() {
  static const Usable usable = find_usable();
  return {usable.list.data(), usable.count};
}

const ByteDots& byte_dots() { return *usable_byte_dots()[0]; }

}  // namespace zhiyin::recommend::detail
