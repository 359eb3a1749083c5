#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "recommend/detail/matrix_kernels.h"

namespace zhiyin::recommend::detail {
namespace avx512 {
namespace {
constexpr std::size_t kVector = 16;
constexpr std::size_t kTileRows = 8;
#include "recommend/detail/matrix_kernels_body.h"
}  // namespace
}  // namespace avx512

extern const MatrixKernels kAvx512Matrix;
const MatrixKernels kAvx512Matrix = {"avx512",
                                     avx512::kVector,
                                     avx512::kTileRows,
                                     3 * avx512::kVector,
                                     avx512::subtract_tile,
                                     avx512::add_tile,
                                     avx512::halve,
                                     avx512::transpose_rows,
                                     avx512::dots,
                                     avx512::add_scaled,
                                     avx512::dot,
                                     avx512::solve,
                                     avx512::solve_again,
                                     avx512::conjugate_gradients,
                                     avx512::solve_dual,
                                     avx512::solve_whole,
                                     avx512::count_above,
                                     avx512::next_above,
                                     avx512::register_peak};

}  // namespace zhiyin::recommend::detail
