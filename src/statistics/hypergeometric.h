#pragma once

#include "base/error.h"

namespace zhiyin::statistics {

/// Gauss's hypergeometric function 2F1(a, b; c; z) for 0 <= z < 1, to about 1e-12 relative. Pure,
/// thread-safe. By its series, Euler's transformation where that converges faster, and close to 1
/// by the transformation to 1 - z (NIST DLMF 15.2.1, 15.8.1, 15.8.4).
/// Fails with kInvalidArgument outside that range, for an argument that is not finite or a `c` that
/// is 0 or a negative integer, and with kUnsupported where no expansion converges.
Result<double> hypergeometric_2f1(double a, double b, double c, double z);

}  // namespace zhiyin::statistics
