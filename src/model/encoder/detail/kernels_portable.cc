#include <cstddef>
#include <cstdint>
#include <utility>

#include "model/encoder/detail/kernels.h"

namespace zhiyin::model::detail {
namespace portable {
namespace {
#include "model/encoder/detail/kernel_body.h"
}  // namespace
}  // namespace portable

extern const Kernels kPortableKernels;
const Kernels kPortableKernels = {
    "portable",         portable::product_int8, portable::product_float,
    portable::quantise, portable::norm,         portable::attend};

}  // namespace zhiyin::model::detail
