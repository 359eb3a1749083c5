#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace zhiyin::recommend::detail {

/// Eigenvalues (in no order) of a symmetric n × n matrix by rows, and in `basis` (n × n, by rows)
/// the eigenvectors as columns, by cyclic Jacobi rotations: about ten sweeps of 4 n³ operations.
std::vector<double> symmetric_eigen(std::span<const double> matrix, std::size_t n,
                                    std::vector<double>& basis);

}  // namespace zhiyin::recommend::detail
