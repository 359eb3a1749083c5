#pragma once

#include <cstddef>
#include <cstdint>

/// AMX: eight tiles, each of up to 16 rows of 64 bytes, and products of two of them added to a
/// third (Intel's manual, volume 1, chapter 18, and the pages of LDTILECFG and TDPBUSD in 2).
namespace zhiyin::model::detail {

inline constexpr std::size_t kTiles = 8;
inline constexpr std::size_t kTileRows = 16;      ///< of a tile at most
inline constexpr std::size_t kTileRowBytes = 64;  ///< of a row of a tile at most

/// What LDTILECFG reads. Without initialisers: no function of it is compiled for a newer processor.
struct TileConfig {
  std::uint8_t palette;    ///< 1
  std::uint8_t start_row;  ///< 0
  std::uint8_t reserved[14];
  std::uint16_t row_bytes[16];  ///< of each tile; 0 beyond the eighth
  std::uint8_t rows[16];
};
static_assert(sizeof(TileConfig) == 64);

/// What CPUID and XGETBV say of a processor; 0 where it does not know the question.
struct TileFacts {
  std::uint32_t leaf1_ecx = 0;
  std::uint32_t leaf7_edx = 0;
  std::uint64_t xcr0 = 0;        ///< what the system saves of the registers; read only with OSXSAVE
  std::uint32_t palettes = 0;    ///< leaf 1D.0 EAX: the highest palette
  std::uint32_t tile_bytes = 0;  ///< leaf 1D.1 EAX: all tiles' below, one tile's above 16 bits
  std::uint32_t tile_names = 0;  ///< leaf 1D.1 EBX: bytes of a row; number of tiles
  std::uint32_t tile_rows = 0;   ///< leaf 1D.1 ECX
};

/// Whether tiles with products of bytes are there, of the sizes above, and the system saves them.
bool tiles_offered(const TileFacts& facts);

/// Whether this process may use them: this processor offers them, and Linux, which must be asked
/// before their first use, allows it. For all threads, and until the process ends.
bool tiles_usable();

/// Multiplies full tiles `steps` times by four, for measuring; 32,768 operations each. Requires
/// `tiles_usable`.
void multiply_tiles(std::size_t steps);

}  // namespace zhiyin::model::detail
