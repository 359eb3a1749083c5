#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

/// Dense float32 arithmetic, compiled once for each instruction set. Pure functions, thread-safe.
/// A sum is taken in an order that depends on the instruction set only, never on threads.
namespace zhiyin::recommend::detail {

/// Widths of rows are multiples of this many floats on every instruction set.
inline constexpr std::size_t kLanes = 16;

constexpr std::size_t padded(std::size_t count) { return (count + kLanes - 1) / kLanes * kLanes; }

/// Floats of the longest row of least squares.
inline constexpr std::size_t kWidthMax = 512;

/// One row's least squares, (shared + ridge + Y'Y) x = target · sum of the rows of Y, which are the
/// rows of a table that the events name. `width` is a multiple of kLanes, at most kWidthMax.
struct RowSystem {
  const float* table;
  const std::uint32_t* events;
  std::size_t count;  ///< of events
  std::size_t width;
  const float* gram;  ///< shared, width × width, symmetric; only conjugate_gradients reads it
  float ridge;
  float target;
  /// The table as `halve` made it; null: conjugate_gradients reads the table itself.
  const std::uint32_t* halves = nullptr;
};

struct MatrixKernels {
  const char* name;          ///< `avx512`, `avx2` or `portable`
  std::size_t vector;        ///< floats in a register
  std::size_t tile_rows;     ///< of a tile
  std::size_t tile_columns;  ///< of the widest tile: three registers

  /// c[r][j] -= sum over k < depth of a[k·a_step + r] · b[k·b_step + j], for r < tile_rows and
  /// j < vectors·vector. `vectors` is 1, 2 or 3.
  void (*subtract_tile)(std::size_t vectors, const float* a, std::size_t a_step, const float* b,
                        std::size_t b_step, std::size_t depth, float* c, std::size_t c_step);
  /// As subtract_tile, added.
  void (*add_tile)(std::size_t vectors, const float* a, std::size_t a_step, const float* b,
                   std::size_t b_step, std::size_t depth, float* c, std::size_t c_step);
  /// Rounds rows to bfloat16, two numbers a word, in an order of this instruction set's own:
  /// count × width / 2 words. False, with nothing done, where conjugate gradients have no code of
  /// their own for the width.
  bool (*halve)(const float* rows, std::size_t count, std::size_t width, std::uint32_t* out);
  /// out[j·step + i] = rows[i·width + j] for i < count, zero from there to i < step. `width` and
  /// `step` are multiples of kLanes.
  void (*transpose_rows)(const float* rows, std::size_t count, std::size_t width, float* out,
                         std::size_t step);
  /// out[r] = row r · p. `count` and `width` are multiples of kLanes, rows follow each other.
  void (*dots)(const float* rows, std::size_t count, std::size_t width, const float* p, float* out);
  /// out[j] += factor · x[j].
  void (*add_scaled)(float factor, const float* x, float* out, std::size_t width);
  float (*dot)(const float* a, const float* b, std::size_t width);
  /// Solves a x = b in place by Cholesky, reading the upper triangle of `a` (rows a_step apart),
  /// which is overwritten. Rows and `b` have padded(size) floats, finite beyond size. False when a
  /// pivot is not positive.
  bool (*solve)(float* a, std::size_t a_step, std::size_t size, float* b);
  /// Another b with the `a` that `solve` left.
  void (*solve_again)(const float* a, std::size_t a_step, std::size_t size, float* b);
  /// `steps` of conjugate gradients from the x that is there. `rows` has room for padded(count) ×
  /// width / 2 floats, `vectors` for 4 × width.
  void (*conjugate_gradients)(const RowSystem& system, std::size_t steps, float* x, float* rows,
                              float* vectors);
  /// The solution where the shared part is diagonal, by a system of count × count: with D =
  /// diagonal
  /// + ridge, x = D^-1 Y' (I + Y D^-1 Y')^-1 target. Coordinates from `factors` on are zero.
  /// `turned` has room for width × padded(count), `system` for its square, `right` for
  /// padded(count).
  bool (*solve_dual)(const RowSystem& system, const float* diagonal, std::size_t factors, float* x,
                     float* turned, float* system_scratch, float* right);
  /// The solution by a system of width × width, whose upper triangle holds the shared part on
  /// entry.
  bool (*solve_whole)(const RowSystem& system, std::size_t factors, float* x, float* rows,
                      float* whole);
  /// How many values are above `bar`.
  std::size_t (*count_above)(const float* values, std::size_t count, float bar);
  /// The first place from `begin` on whose value is above `bar`; `count` when there is none.
  std::size_t (*next_above)(const float* values, std::size_t begin, std::size_t count, float bar);
  /// Multiplies and adds in registers only: the peak that the rest is measured against.
  /// Returns the operations done (2 a lane).
  double (*register_peak)(std::size_t rounds, float* sink);
};

/// What this processor runs, the fastest first; the last is `portable`.
std::span<const MatrixKernels* const> usable_kernels();
/// The first of them.
const MatrixKernels& kernels();

}  // namespace zhiyin::recommend::detail
