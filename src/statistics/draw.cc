#include "statistics/draw.h"

#include <cmath>

namespace zhiyin::statistics {

Random random_stream(std::uint64_t seed, std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : name) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ULL;
  }
  // The seed goes through the generator once: neighbouring seeds must not give shifted streams.
  return Random(Random(seed).next() ^ hash);
}

double draw_exponential(Random& random) { return -std::log1p(-random.uniform()); }

double draw_gamma(Random& random, double shape) {
  if (shape < 1) {
    const double u = 1 - random.uniform();
    return draw_gamma(random, shape + 1) * std::pow(u, 1 / shape);
  }
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = random.normal();
    const double v = 1 + c * x;
    if (v <= 0) continue;
    const double cube = v * v * v;
    const double u = 1 - random.uniform();
    if (std::log(u) < x * x / 2 + d - d * cube + d * std::log(cube)) return d * cube;
  }
}

double draw_beta(Random& random, double a, double b) {
  const double x = draw_gamma(random, a);
  const double y = draw_gamma(random, b);
  // Both can underflow for tiny parameters: then the mass is at the ends.
  if (x + y == 0) return random.uniform() < a / (a + b) ? 1 : 0;
  return x / (x + y);
}

double draw_poisson(Random& random, double mean) {
  double count = 0;
  while (mean > 30) {
    // The m-th arrival of a unit process; arrivals before it are uniform.
    const double m = std::floor(mean * 7 / 8);
    const double arrival = draw_gamma(random, m);
    if (arrival > mean) {
      // m - 1 points fell uniformly into (0, arrival); those below `mean` count.
      double inside = 0;
      double n = m - 1;
      const double p = mean / arrival;
      // Binomial(n, p) by halving at the beta-distributed median until it is small.
      double share = p;
      while (n > 30) {
        const double i = std::floor((n + 1) / 2);
        const double y = draw_beta(random, i, n + 1 - i);
        if (y <= share) {
          inside += i;
          n -= i;
          share = (share - y) / (1 - y);
        } else {
          n = i - 1;
          share /= y;
        }
      }
      for (double k = 0; k < n; ++k) inside += random.uniform() < share;
      return count + inside;
    }
    count += m;
    mean -= arrival;
  }
  double product = 1 - random.uniform();
  const double limit = std::exp(-mean);
  while (product > limit) {
    product *= 1 - random.uniform();
    ++count;
  }
  return count;
}

}  // namespace zhiyin::statistics
