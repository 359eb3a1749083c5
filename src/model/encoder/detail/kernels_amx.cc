#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "model/encoder/detail/amx_support.h"
#include "model/encoder/detail/kernels.h"

#define ZHIYIN_AVX512 1

namespace zhiyin::model::detail {
namespace amx {
namespace {
#include "model/encoder/detail/kernel_body.h"
//
#include "model/encoder/detail/amx_product.h"

/// The processor's instructions. In assembly: g++ 12's macros take numbers of tiles only as they
/// are written, its load does not say that it reads memory, nor its configuration how much of it.
struct ProcessorTiles {
  void configure(const TileConfig& config) const { asm volatile("ldtilecfg %0" : : "m"(config)); }
  void release() const { asm volatile("tilerelease"); }
  template <int T>
  void zero() const {
    asm volatile("tilezero %%tmm%c0" : : "i"(T));
  }
  template <int T>
  void load(const void* from, Size stride) const {
    asm volatile("tileloadd (%0,%1), %%tmm%c2" : : "r"(from), "r"(stride), "i"(T) : "memory");
  }
  template <int T>
  void store(void* to, Size stride) const {
    asm volatile("tilestored %%tmm%c2, (%0,%1)" : : "r"(to), "r"(stride), "i"(T) : "memory");
  }
  /// Sum += Rows (bytes without sign) * Weights (with).
  template <int Sum, int Rows, int Weights>
  void multiply() const {
    asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(Sum), "i"(Rows), "i"(Weights));
  }
};

/// Products of at least so many rows go through tiles; where the inputs fill less than half of
/// these, or the rows are fewer, AVX-512 is as quick.
template <Size kRowsMin>
void product_tiles(const Int8Product& task) {
  constexpr Size kDepthMin = 8;
  if (task.row_count < kRowsMin || tile_depth(task.groups) < kDepthMin) return product_int8(task);
  ProcessorTiles tiles;
  tile_product(tiles, task);
}

}  // namespace
}  // namespace amx

extern const Kernels kAmxKernels, kAmxVnniKernels;
const Kernels kAmxKernels = {
    "amx", amx::product_tiles<1>, amx::product_float, amx::quantise, amx::norm, amx::attend};
const Kernels kAmxVnniKernels = {"amx-vnni",         amx::product_tiles<kTileRows + 1>,
                                 amx::product_float, amx::quantise,
                                 amx::norm,          amx::attend};

void multiply_tiles(std::size_t steps) {
  using Number = amx::TileNumbers<2>;
  const amx::ProcessorTiles tiles;
  tiles.configure(Number::config(kTileRows, kTileRows));
  for (std::size_t i = 0; i < steps; ++i) {
    amx::times<4>([&](auto n) {
      constexpr int kRow = int{n} / 2, kPanelOf = int{n} % 2;
      tiles.multiply<Number::sum(kRow, kPanelOf), Number::row(kRow), Number::weight(kPanelOf)>();
    });
  }
  tiles.release();
}

}  // namespace zhiyin::model::detail
