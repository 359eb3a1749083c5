#include "model/encoder/detail/software_tiles.h"

#include <fmt/core.h>
#include <signal.h>
#include <ucontext.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace zhiyin::model::detail {
namespace plain {
namespace {
#include "model/encoder/detail/kernel_body.h"
//
#include "model/encoder/detail/amx_product.h"
}  // namespace
}  // namespace plain

void software_tile_product(SoftwareTiles& tiles, const Int8Product& task) {
  plain::tile_product(tiles, task);
}

void SoftwareTiles::configure(const TileConfig& config) {
  const auto is_zero = [](auto byte) { return byte == 0; };
  release();
  if (config.palette == 0) return;
  if (config.palette != 1) return fault(fmt::format("ldtilecfg: palette {}", config.palette));
  if (config.start_row != 0) return fault("ldtilecfg: a start row");
  if (!std::ranges::all_of(config.reserved, is_zero) ||
      !std::all_of(config.row_bytes + kTiles, std::end(config.row_bytes), is_zero) ||
      !std::all_of(config.rows + kTiles, std::end(config.rows), is_zero))
    return fault("ldtilecfg: reserved bytes are not 0");
  for (std::size_t i = 0; i < kTiles; ++i) {
    const std::size_t rows = config.rows[i], row_bytes = config.row_bytes[i];
    if (rows > kTileRows || row_bytes > kTileRowBytes || (rows == 0) != (row_bytes == 0))
      return fault(fmt::format("ldtilecfg: tile {} of {} rows of {} bytes", i, rows, row_bytes));
  }
  for (std::size_t i = 0; i < kTiles; ++i) {
    tiles_[i].rows = config.rows[i];
    tiles_[i].row_bytes = config.row_bytes[i];
  }
  configured_ = true;
}

void SoftwareTiles::release() {
  configured_ = false;
  std::ranges::fill(tiles_, Tile{});
}

SoftwareTiles::Tile* SoftwareTiles::tile(int number, const char* instruction) {
  if (!configured_ || number < 0 || number >= static_cast<int>(kTiles) ||
      tiles_[number].rows == 0 || tiles_[number].row_bytes % 4 != 0) {
    fault(fmt::format("{}: tile {} is not configured for it", instruction, number));
    return nullptr;
  }
  return &tiles_[number];
}

void SoftwareTiles::zero(int number) {
  Tile* const at = tile(number, "tilezero");
  if (at != nullptr) std::memset(at->bytes, 0, sizeof at->bytes);
}

void SoftwareTiles::load(int number, const void* from, std::size_t stride) {
  Tile* const at = tile(number, "tileloadd");
  if (at == nullptr) return;
  std::memset(at->bytes, 0, sizeof at->bytes);
  for (std::size_t row = 0; row < at->rows; ++row) {
    const char* const begin = static_cast<const char*>(from) + row * stride;
    const auto holds = [&](std::span<const char> block) {
      return begin >= block.data() && begin + at->row_bytes <= block.data() + block.size();
    };
    if (!readable.empty() && !std::ranges::any_of(readable, holds))
      return fault(fmt::format("tileloadd: row {} of tile {} lies elsewhere", row, number));
    std::memcpy(at->bytes[row], begin, at->row_bytes);
  }
}

void SoftwareTiles::store(int number, void* to, std::size_t stride) {
  const Tile* const at = tile(number, "tilestored");
  if (at == nullptr) return;
  for (std::size_t row = 0; row < at->rows; ++row)
    std::memcpy(static_cast<char*>(to) + row * stride, at->bytes[row], at->row_bytes);
}

void SoftwareTiles::multiply(int sum, int rows, int weights) {
  Tile* const c = tile(sum, "tdpbusd");
  const Tile* const a = tile(rows, "tdpbusd");
  const Tile* const b = tile(weights, "tdpbusd");
  if (c == nullptr || a == nullptr || b == nullptr) return;
  if (sum == rows || sum == weights || rows == weights)
    return fault("tdpbusd: the same tile twice");
  if (c->rows != a->rows || c->row_bytes != b->row_bytes || a->row_bytes / 4 != b->rows)
    return fault("tdpbusd: tiles of sizes that do not fit");
  ++products;
  for (std::size_t m = 0; m < c->rows; ++m) {
    std::uint32_t line[kTileRowBytes / 4];
    std::memcpy(line, c->bytes[m], sizeof line);
    for (std::size_t k = 0; k < b->rows; ++k) {
      for (std::size_t n = 0; n < c->row_bytes / 4; ++n) {
        std::int32_t four = 0;
        for (std::size_t i = 0; i < 4; ++i)
          four += a->bytes[m][4 * k + i] * static_cast<std::int8_t>(b->bytes[k][4 * n + i]);
        line[n] += static_cast<std::uint32_t>(four);
      }
    }
    std::memcpy(c->bytes[m], line, sizeof line);
  }
}

#ifdef __x86_64__
namespace {

/// An instruction with a VEX prefix of three bytes, as those on tiles are.
struct Instruction {
  const std::uint8_t* at;
  const greg_t* registers;

  [[nodiscard]] bool is_vex() const { return at[0] == 0xc4 && (at[1] & 0x1f) == 2; }
  [[nodiscard]] int prefix() const { return at[2] & 3; }  ///< none, 66, F3, F2
  [[nodiscard]] bool plain_width() const { return (at[2] & 0x84) == 0; }
  [[nodiscard]] int opcode() const { return at[3]; }
  [[nodiscard]] int mod() const { return at[4] >> 6; }
  [[nodiscard]] int reg() const { return (at[4] >> 3 & 7) | extended(7); }
  [[nodiscard]] int rm() const { return (at[4] & 7) | (mod() == 3 ? extended(5) : 0); }
  [[nodiscard]] int third() const { return ~at[2] >> 3 & 15; }
  /// 8 where the inverted bit of the prefix says so.
  [[nodiscard]] int extended(int bit) const { return (at[1] >> bit & 1) != 0 ? 0 : 8; }

  [[nodiscard]] std::uintptr_t value(int number) const {
    static constexpr int kPlaces[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                      REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                      REG_R12, REG_R13, REG_R14, REG_R15};
    return static_cast<std::uintptr_t>(registers[kPlaces[number]]);
  }
};

struct Address {
  std::uintptr_t base = 0;   ///< displacement included
  std::uintptr_t index = 0;  ///< scaled
  std::size_t bytes = 1;     ///< of the instruction that say so, from ModRM on
};

Address address_of(const Instruction& in) {
  Address out;
  const std::uint8_t* p = in.at + 5;
  int base = in.at[4] & 7;
  const bool by_index = base == 4;
  if (by_index) {
    const int index = (*p >> 3 & 7) | in.extended(6);
    if (index != 4) out.index = in.value(index) << (*p >> 6);
    base = *p++ & 7;
  }
  std::int32_t displacement = 0;
  const bool no_base = in.mod() == 0 && base == 5;
  if (in.mod() == 2 || no_base) {
    std::memcpy(&displacement, p, sizeof displacement);
    p += sizeof displacement;
  } else if (in.mod() == 1) {
    displacement = static_cast<std::int8_t>(*p++);
  }
  out.bytes = static_cast<std::size_t>(p - in.at) - 4;
  if (!no_base)
    out.base = in.value(base | in.extended(5));
  else if (!by_index)  // relative to the next instruction
    out.base = reinterpret_cast<std::uintptr_t>(p);
  out.base += static_cast<std::uintptr_t>(std::intptr_t{displacement});
  return out;
}

/// Carries out one instruction; its length, or 0 where it is none on tiles. Encodings by Intel's
/// manual, volume 2.
std::size_t carry_out(SoftwareTiles& tiles, const Instruction& in) {
  if (!in.is_vex() || !in.plain_width()) return 0;
  constexpr int kNone = 0, k66 = 1, kF3 = 2, kF2 = 3;
  if (in.opcode() == 0x5e && in.prefix() == k66 && in.mod() == 3) {
    tiles.multiply(in.reg(), in.rm(), in.third());
    return 5;
  }
  if (in.third() != 0) return 0;
  if (in.opcode() == 0x49 && in.mod() == 3) {
    if (in.prefix() == kNone && in.at[4] == 0xc0)
      tiles.release();
    else if (in.prefix() == kF2 && (in.at[4] & 7) == 0)
      tiles.zero(in.reg());
    else
      return 0;
    return 5;
  }
  if (in.mod() == 3) return 0;
  const Address address = address_of(in);
  if (in.opcode() == 0x49 && in.prefix() == kNone && (in.reg() & 7) == 0)
    tiles.configure(*reinterpret_cast<const TileConfig*>(address.base + address.index));
  else if (in.opcode() == 0x4b && in.prefix() == kF2 && (in.at[4] & 7) == 4)
    tiles.load(in.reg(), reinterpret_cast<const void*>(address.base), address.index);
  else if (in.opcode() == 0x4b && in.prefix() == kF3 && (in.at[4] & 7) == 4)
    tiles.store(in.reg(), reinterpret_cast<void*>(address.base), address.index);
  else
    return 0;
  return 4 + address.bytes;
}

struct sigaction previous;  // set by the one TileTraps that lives

/// Comes at once where the instruction stands, so whatever is called here was not interrupted.
void carry_out_refused(int, siginfo_t*, void* context) {
  greg_t* const registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const Instruction in{reinterpret_cast<const std::uint8_t*>(registers[REG_RIP]), registers};
  const std::size_t length = carry_out(TileTraps::tiles(), in);
  if (length == 0) {
    sigaction(SIGILL, &previous, nullptr);  // comes again, and ends the process
    return;
  }
  registers[REG_RIP] += static_cast<greg_t>(length);
}

}  // namespace

TileTraps::TileTraps() {
  struct sigaction action = {};
  action.sa_sigaction = carry_out_refused;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGILL, &action, &previous);
}
TileTraps::~TileTraps() { sigaction(SIGILL, &previous, nullptr); }
SoftwareTiles& TileTraps::tiles() {
  thread_local SoftwareTiles tiles;
  return tiles;
}
#endif

}  // namespace zhiyin::model::detail
