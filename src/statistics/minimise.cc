#include "statistics/minimise.h"

#include <algorithm>
#include <cmath>

namespace zhiyin::statistics {
namespace {

/// Of a value, relative.
constexpr double kRounding = 1e-14;

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double largest(std::span<const double> v) {
  double out = 0;
  for (const double x : v) out = std::max(out, std::isnan(x) ? INFINITY : std::fabs(x));
  return out;
}

struct Point {
  std::vector<double> x;
  std::vector<double> gradient;
  double value = 0;
};

class Search {
 public:
  Search(const SmoothFunction& f, std::vector<double> start, MinimiseSettings settings)
      : f_(f), settings_(settings), at_{std::move(start), {}, 0} {
    evaluate(at_);
  }

  Minimum run() {
    // Values of long sums carry too little of a small gradient for a line search; Newton's method,
    // which looks at gradients alone, takes over where it is about to converge.
    constexpr double kNearby = 1e-5;
    bfgs(std::max(kNearby, settings_.gradient_tolerance));
    polish();
    if (!(largest(at_.gradient) <= settings_.gradient_tolerance)) {
      bfgs(settings_.gradient_tolerance);
      polish();
    }
    Minimum out{at_.x, at_.value, at_.gradient, evaluations_, false};
    out.converged =
        std::isfinite(at_.value) && largest(at_.gradient) <= settings_.gradient_tolerance;
    return out;
  }

 private:
  void evaluate(Point& p) {
    p.gradient.assign(p.x.size(), 0);
    p.value = f_(p.x, p.gradient);
    ++evaluations_;
  }

  Point step(std::span<const double> direction, double length) {
    Point p = at_;
    for (std::size_t i = 0; i < p.x.size(); ++i) p.x[i] += length * direction[i];
    evaluate(p);
    return p;
  }

  /// A point along `direction` with enough decrease and a flatter slope, by bisection.
  std::optional<Point> line_search(std::span<const double> direction, double slope) {
    constexpr double kDecrease = 1e-4;
    constexpr double kCurvature = 0.9;
    constexpr int kTriesMax = 30;
    double low = 0;
    double high = INFINITY;
    double length = 1;
    std::optional<Point> best;
    for (int tries = 0; tries < kTriesMax; ++tries) {
      Point p = step(direction, length);
      // Near the bottom what a step gains drowns in rounding: there the slope decides alone.
      const double rounding = kRounding * std::max(1.0, std::fabs(at_.value));
      if (!std::isfinite(p.value) || p.value > at_.value + kDecrease * length * slope + rounding) {
        high = length;
      } else {
        const bool flat = dot(p.gradient, direction) >= kCurvature * slope;
        best = std::move(p);
        if (flat) return best;
        low = length;
      }
      length = std::isfinite(high) ? (low + high) / 2 : 2 * length;
    }
    return best;
  }

  void bfgs(double tolerance) {
    const std::size_t n = at_.x.size();
    Matrix inverse(n, n);
    const auto reset = [&] {
      std::ranges::fill(inverse.values, 0);
      for (std::size_t i = 0; i < n; ++i) inverse.at(i, i) = 1;
    };
    reset();
    bool fresh = true;
    int idle = 0;
    for (int round = 0; round < settings_.iterations_max; ++round) {
      if (!std::isfinite(at_.value) || largest(at_.gradient) <= tolerance) return;
      std::vector<double> direction(n, 0);
      for (std::size_t i = 0; i < n; ++i) direction[i] = -dot(inverse.row(i), at_.gradient);
      const double slope = dot(direction, at_.gradient);
      std::optional<Point> next;
      if (slope < 0) next = line_search(direction, slope);
      if (!next) {
        if (fresh) return;  // steepest descent does not help either
        reset();
        fresh = true;
        continue;
      }
      fresh = false;
      const double gain = at_.value - next->value;
      const bool stalled = gain <= kRounding * std::max(1.0, std::fabs(at_.value)) &&
                           largest(next->gradient) > 0.5 * largest(at_.gradient);
      idle = stalled ? idle + 1 : 0;
      if (idle >= 3) return;
      std::vector<double> s(n);
      std::vector<double> y(n);
      for (std::size_t i = 0; i < n; ++i) {
        s[i] = next->x[i] - at_.x[i];
        y[i] = next->gradient[i] - at_.gradient[i];
      }
      at_ = std::move(*next);
      update(inverse, s, y);
    }
  }

  static void update(Matrix& inverse, std::span<const double> s, std::span<const double> y) {
    const std::size_t n = s.size();
    const double sy = dot(s, y);
    if (sy <= 1e-300) return;
    std::vector<double> hy(n);
    for (std::size_t i = 0; i < n; ++i) hy[i] = dot(inverse.row(i), y);
    const double factor = (1 + dot(y, hy) / sy) / sy;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        inverse.at(i, j) += factor * s[i] * s[j] - (hy[i] * s[j] + s[i] * hy[j]) / sy;
      }
    }
  }

  void polish() {
    constexpr int kRoundsMax = 8;
    for (int round = 0; round < kRoundsMax; ++round) {
      const double before = largest(at_.gradient);
      if (!std::isfinite(at_.value) || before <= settings_.gradient_tolerance) return;
      const auto newton = solve_spd(hessian_of(f_, at_.x), at_.gradient);
      evaluations_ += 2 * static_cast<int>(at_.x.size());
      if (!newton) return;
      Point next = step(*newton, -1);
      // Values no longer tell: rounding hides what is left of the decrease.
      if (!std::isfinite(next.value) || largest(next.gradient) >= before) return;
      at_ = std::move(next);
    }
  }

  const SmoothFunction& f_;
  MinimiseSettings settings_;
  Point at_;
  int evaluations_ = 0;
};

}  // namespace

Minimum minimise(const SmoothFunction& f, std::vector<double> start, MinimiseSettings settings) {
  return Search(f, std::move(start), settings).run();
}

Matrix hessian_of(const SmoothFunction& f, std::span<const double> x) {
  const std::size_t n = x.size();
  Matrix out(n, n);
  std::vector<double> at(x.begin(), x.end());
  std::vector<double> up(n);
  std::vector<double> down(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double h = 6e-6 * std::max(1.0, std::fabs(x[i]));
    at[i] = x[i] + h;
    f(at, up);
    at[i] = x[i] - h;
    f(at, down);
    at[i] = x[i];
    for (std::size_t j = 0; j < n; ++j) out.at(i, j) = (up[j] - down[j]) / (2 * h);
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      out.at(i, j) = out.at(j, i) = (out.at(i, j) + out.at(j, i)) / 2;
    }
  }
  return out;
}

}  // namespace zhiyin::statistics
