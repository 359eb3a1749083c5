#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/encoder/detail/amx_support.h"
#include "model/encoder/detail/kernels.h"

/// AMX's tiles in plain C++, for tests where no processor has them.
namespace zhiyin::model::detail {

/// What the instructions do by Intel's manual. What a processor would answer with an exception is
/// noted as a fault and left undone; so are loads from elsewhere than `readable` memory, where some
/// is named.
/// Not thread-safe.
class SoftwareTiles {
 public:
  void configure(const TileConfig& config);
  void release();
  void zero(int tile);
  void load(int tile, const void* from, std::size_t stride);
  void store(int tile, void* to, std::size_t stride);
  /// sum += rows (bytes without sign) * weights (with).
  void multiply(int sum, int rows, int weights);

  // As amx_product.h calls them.
  template <int T>
  void zero() {
    zero(T);
  }
  template <int T>
  void load(const void* from, std::size_t stride) {
    load(T, from, stride);
  }
  template <int T>
  void store(void* to, std::size_t stride) {
    store(T, to, stride);
  }
  template <int Sum, int Rows, int Weights>
  void multiply() {
    multiply(Sum, Rows, Weights);
  }

  std::vector<std::span<const char>> readable;
  std::vector<std::string> faults;
  std::size_t products = 0;  ///< of tiles, so far
  [[nodiscard]] bool configured() const { return configured_; }

 private:
  struct Tile {
    std::size_t rows = 0;
    std::size_t row_bytes = 0;
    std::uint8_t bytes[kTileRows][kTileRowBytes] = {};
  };
  /// Null, and a fault, where the instruction may not be used on it.
  Tile* tile(int number, const char* instruction);
  void fault(std::string what) { faults.push_back(std::move(what)); }

  bool configured_ = false;
  Tile tiles_[kTiles];
};

/// The product as the AMX kernels compute it, compiled for any processor.
void software_tile_product(SoftwareTiles& tiles, const Int8Product& task);

/// While this lives, instructions on tiles that this processor refuses are carried out by a model,
/// one for each thread: the compiled kernels themselves are tested. One at a time.
class TileTraps {
 public:
  TileTraps();
  ~TileTraps();
  TileTraps(const TileTraps&) = delete;
  TileTraps& operator=(const TileTraps&) = delete;

  static SoftwareTiles& tiles();  ///< of the calling thread
};

}  // namespace zhiyin::model::detail
