#include "model/encoder/detail/amx_support.h"

#ifdef ZHIYIN_X86_KERNELS
#include <cpuid.h>
#endif
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace zhiyin::model::detail {
namespace {

constexpr bool has(std::uint64_t word, int bit) { return (word >> bit & 1) != 0; }

#if defined(ZHIYIN_X86_KERNELS) && defined(__linux__)
TileFacts facts_of_this_processor() {
  TileFacts out;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) != 0) out.leaf1_ecx = c;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) != 0) out.leaf7_edx = d;
  if (has(out.leaf1_ecx, 27)) {
    std::uint32_t low = 0, high = 0;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    out.xcr0 = std::uint64_t{high} << 32 | low;
  }
  if (__get_cpuid_count(0x1d, 0, &a, &b, &c, &d) != 0) out.palettes = a;
  if (out.palettes >= 1 && __get_cpuid_count(0x1d, 1, &a, &b, &c, &d) != 0) {
    out.tile_bytes = a;
    out.tile_names = b;
    out.tile_rows = c;
  }
  return out;
}

/// Without this the first instruction on a tile ends the process.
bool allowed_by_system() {
  constexpr int kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}
#endif

}  // namespace

bool tiles_offered(const TileFacts& facts) {
  const bool instructions = has(facts.leaf7_edx, 24) && has(facts.leaf7_edx, 25);
  const bool saved = has(facts.leaf1_ecx, 27) && has(facts.xcr0, 17) && has(facts.xcr0, 18);
  const bool sizes = facts.palettes >= 1 && (facts.tile_bytes >> 16) >= kTileRows * kTileRowBytes &&
                     (facts.tile_names & 0xffff) >= kTileRowBytes &&
                     (facts.tile_names >> 16) >= kTiles && (facts.tile_rows & 0xffff) >= kTileRows;
  return instructions && saved && sizes;
}

bool tiles_usable() {
#if defined(ZHIYIN_X86_KERNELS) && defined(__linux__)
  return tiles_offered(facts_of_this_processor()) && allowed_by_system();
#else
  return false;
#endif
}

}  // namespace zhiyin::model::detail
