#pragma once

#include <string_view>

#include "base/random.h"

/// Random draws from seeded streams. The same stream gives the same draws everywhere. Not
/// thread-safe: a stream belongs to one caller.
namespace zhiyin::statistics {

/// A stream of its own for every (seed, name), so that adding one use does not move the others.
Random random_stream(std::uint64_t seed, std::string_view name);

/// Rate 1.
double draw_exponential(Random& random);
/// Rate 1 (Marsaglia and Tsang 2000). Requires shape > 0.
double draw_gamma(Random& random, double shape);
/// Requires a, b > 0.
double draw_beta(Random& random, double a, double b);
/// Requires 0 <= mean <= 1e9. By products of uniforms, above 30 halved through gamma order
/// statistics (Ahrens and Dieter 1974), so exact everywhere.
double draw_poisson(Random& random, double mean);

}  // namespace zhiyin::statistics
