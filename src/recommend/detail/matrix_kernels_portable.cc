#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "recommend/detail/matrix_kernels.h"

namespace zhiyin::recommend::detail {
namespace portable {
namespace {
constexpr std::size_t kVector = 4;
constexpr std::size_t kTileRows = 4;
#include "recommend/detail/matrix_kernels_body.h"
}  // namespace
}  // namespace portable

extern const MatrixKernels kPortableMatrix;
const MatrixKernels kPortableMatrix = {"portable",
                                       portable::kVector,
                                       portable::kTileRows,
                                       3 * portable::kVector,
                                       portable::subtract_tile,
                                       portable::add_tile,
                                       portable::halve,
                                       portable::transpose_rows,
                                       portable::dots,
                                       portable::add_scaled,
                                       portable::dot,
                                       portable::solve,
                                       portable::solve_again,
                                       portable::conjugate_gradients,
                                       portable::solve_dual,
                                       portable::solve_whole,
                                       portable::count_above,
                                       portable::next_above,
                                       portable::register_peak};

}  // namespace zhiyin::recommend::detail
