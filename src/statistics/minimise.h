#pragma once

#include <functional>
#include <span>
#include <vector>

#include "statistics/linear.h"

/// Smooth minimisation with gradients, for likelihoods of few parameters. Pure, deterministic.
namespace zhiyin::statistics {

/// Value at `x`; writes the gradient. May return infinity where it is not defined.
using SmoothFunction = std::function<double(std::span<const double> x, std::span<double> gradient)>;

struct Minimum {
  std::vector<double> x;
  double value = 0;
  std::vector<double> gradient;
  int evaluations = 0;
  bool converged = false;  ///< the largest component of the gradient is below the tolerance
};
struct MinimiseSettings {
  double gradient_tolerance = 1e-9;
  int iterations_max = 500;
};
/// BFGS with a line search that keeps Armijo's and Wolfe's conditions (Nocedal and Wright,
/// algorithm 6.1), then Newton steps on differences of the gradient, where BFGS stalls from
/// rounding.
Minimum minimise(const SmoothFunction& f, std::vector<double> start,
                 MinimiseSettings settings = {});

/// Second derivatives from central differences of the gradient, made symmetric.
Matrix hessian_of(const SmoothFunction& f, std::span<const double> x);

}  // namespace zhiyin::statistics
