#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "recommend/detail/matrix_kernels.h"

namespace zhiyin::recommend::detail {
namespace avx2 {
namespace {
constexpr std::size_t kVector = 8;
constexpr std::size_t kTileRows = 4;
#include "recommend/detail/matrix_kernels_body.h"
}  // namespace
}  // namespace avx2

extern const MatrixKernels kAvx2Matrix;
const MatrixKernels kAvx2Matrix = {"avx2",
                                   avx2::kVector,
                                   avx2::kTileRows,
                                   3 * avx2::kVector,
                                   avx2::subtract_tile,
                                   avx2::add_tile,
                                   avx2::halve,
                                   avx2::transpose_rows,
                                   avx2::dots,
                                   avx2::add_scaled,
                                   avx2::dot,
                                   avx2::solve,
                                   avx2::solve_again,
                                   avx2::conjugate_gradients,
                                   avx2::solve_dual,
                                   avx2::solve_whole,
                                   avx2::count_above,
                                   avx2::next_above,
                                   avx2::register_peak};

}  // namespace zhiyin::recommend::detail
