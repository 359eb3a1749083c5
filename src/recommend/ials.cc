#include "recommend/ials.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <thread>

#include "base/random.h"
#include "recommend/detail/eigen.h"
#include "recommend/detail/matrix_kernels.h"

namespace zhiyin::recommend {
namespace {

using detail::kernels;
using detail::padded;

/// Rows of factors, each `width` floats.
using Factors = std::vector<float>;

Result<void> check(const IalsParams& p) {
  if (p.factors < 1 || p.factors > Ials::kFactorsMax)
    return fail_field("factors", "is {}, expected 1 to {}", p.factors, Ials::kFactorsMax);
  const auto finite = [](double x) { return std::isfinite(x); };
  if (!(p.weight > 0) || !finite(p.weight))
    return fail_field("weight", "is {}, expected above 0", p.weight);
  if (!(p.regularization >= 0) || !finite(p.regularization))
    return fail_field("regularization", "is {}, expected 0 or more", p.regularization);
  if (!(p.frequency >= 0 && p.frequency <= 2))
    return fail_field("frequency", "is {}, expected 0 to 2", p.frequency);
  if (!(p.target > 0) || !finite(p.target))
    return fail_field("target", "is {}, expected above 0", p.target);
  constexpr std::size_t kIterationsMax = 1000;
  if (p.iterations < 1 || p.iterations > kIterationsMax)
    return fail_field("iterations", "is {}, expected 1 to {}", p.iterations, kIterationsMax);
  if (p.steps < 1 || p.steps > Ials::kFactorsMax)
    return fail_field("steps", "is {}, expected 1 to {}", p.steps, Ials::kFactorsMax);
  if (p.threads < 1) return fail_field("threads", "is {}, expected 1 or more", p.threads);
  return {};
}

double ridge_of(const IalsParams& p, std::size_t events, std::size_t other_side) {
  const double frequency = static_cast<double>(events) + p.weight * static_cast<double>(other_side);
  return p.regularization * (p.frequency == 1 ? frequency : std::pow(frequency, p.frequency));
}

/// Y'Y in float64, full square: in float32 by pieces of rows, so that many rows do not lose digits.
std::vector<double> gram_of(const Factors& y, std::size_t width) {
  constexpr std::size_t kRowsTogether = 4096;
  const detail::MatrixKernels& k = kernels();
  std::vector<double> out(width * width, 0);
  std::vector<float> piece(width * width);
  const std::size_t rows = y.size() / width;
  for (std::size_t begin = 0; begin < rows; begin += kRowsTogether) {
    const std::size_t depth = std::min(kRowsTogether, rows - begin);
    const float* const from = y.data() + begin * width;
    std::ranges::fill(piece, 0);
    for (std::size_t r = 0; r < width; r += k.tile_rows) {
      for (std::size_t c = 0; c < width;) {
        const std::size_t vectors = std::min<std::size_t>(3, (width - c) / k.vector);
        k.subtract_tile(vectors, from + r, width, from + c, width, depth,
                        piece.data() + r * width + c, width);
        c += vectors * k.vector;
      }
    }
    for (std::size_t i = 0; i < piece.size(); ++i) out[i] -= piece[i];
  }
  return out;
}

/// What solving a row of one side needs of the other.
struct Side {
  const Factors& other;
  std::size_t width;
  std::size_t others;       ///< rows of the other side
  std::vector<float> gram;  ///< weight · Y'Y
  const IalsParams& params;
};

/// The rows of the items, one after the other, with zero rows up to a multiple of 16; their sum.
std::size_t gather(const Side& side, std::span<const std::uint32_t> events, IalsScratch& scratch,
                   float* sum) {
  const std::size_t width = side.width;
  const std::size_t count = padded(events.size());
  if (scratch.rows.size() < count * width) scratch.rows.resize(count * width);
  float* to = scratch.rows.data();
  std::memset(sum, 0, width * sizeof(float));
  constexpr std::size_t kAhead = 12;
  for (std::size_t i = 0; i < events.size(); ++i, to += width) {
    if (i + kAhead < events.size()) {
      const float* const next = side.other.data() + std::size_t{events[i + kAhead]} * width;
      for (std::size_t j = 0; j < width; j += detail::kLanes) __builtin_prefetch(next + j);
    }
    const float* const from = side.other.data() + std::size_t{events[i]} * width;
    for (std::size_t j = 0; j < width; ++j) {
      to[j] = from[j];
      sum[j] += from[j];
    }
  }
  std::memset(to, 0, (count - events.size()) * width * sizeof(float));
  return count;
}

/// A few steps of conjugate gradients on (weight Y'Y + Y_h'Y_h + ridge) x = target · sum of Y_h,
/// from the x that is there.
void solve_by_gradients(const Side& side, std::span<const std::uint32_t> events, float* x,
                        IalsScratch& scratch) {
  const detail::MatrixKernels& k = kernels();
  const std::size_t width = side.width;
  scratch.vectors.resize(4 * width);
  float* const rest = scratch.vectors.data();
  float* const direction = rest + width;
  float* const product = direction + width;
  float* const shared = product + width;
  const auto ridge = static_cast<float>(ridge_of(side.params, events.size(), side.others));
  const std::size_t count = gather(side, events, scratch, rest);
  const auto apply = [&](const float* p) {
    k.normal_product(scratch.rows.data(), count, width, p, product);
    k.dots(side.gram.data(), width, width, p, shared);
    for (std::size_t j = 0; j < width; ++j) product[j] += shared[j] + ridge * p[j];
  };
  apply(x);
  const auto target = static_cast<float>(side.params.target);
  for (std::size_t j = 0; j < width; ++j) {
    rest[j] = target * rest[j] - product[j];
    direction[j] = rest[j];
  }
  float size = k.dot(rest, rest, width);
  for (std::size_t step = 0; step < side.params.steps; ++step) {
    constexpr float kNothingLeft = 1e-20F;
    if (size < kNothingLeft) return;
    apply(direction);
    const float length = size / k.dot(direction, product, width);
    k.add_scaled(length, direction, x, width);
    if (step + 1 == side.params.steps) return;
    k.add_scaled(-length, product, rest, width);
    const float next = k.dot(rest, rest, width);
    const float turn = next / size;
    for (std::size_t j = 0; j < width; ++j) direction[j] = rest[j] + turn * direction[j];
    size = next;
  }
}

/// The whole normal matrix, upper triangle, and Cholesky.
void solve_whole(const Side& side, std::span<const std::uint32_t> events, float* x,
                 IalsScratch& scratch) {
  const detail::MatrixKernels& k = kernels();
  const std::size_t width = side.width;
  scratch.vectors.resize(width);
  float* const right = scratch.vectors.data();
  const std::size_t count = gather(side, events, scratch, right);
  scratch.system.resize(width * width);
  float* const system = scratch.system.data();
  for (std::size_t i = 0; i < width * width; ++i) system[i] = -side.gram[i];
  for (std::size_t r = 0; r < width; r += k.tile_rows) {
    for (std::size_t c = r / k.vector * k.vector; c < width;) {
      const std::size_t vectors = std::min<std::size_t>(3, (width - c) / k.vector);
      k.subtract_tile(vectors, scratch.rows.data() + r, width, scratch.rows.data() + c, width,
                      count, system + r * width + c, width);
      c += vectors * k.vector;
    }
  }
  const auto ridge = static_cast<float>(ridge_of(side.params, events.size(), side.others));
  for (std::size_t i = 0; i < width * width; ++i) system[i] = -system[i];
  for (std::size_t i = 0; i < width; ++i) {
    system[i * width + i] += ridge;
    // Beyond the factors there is nothing: keep the system regular.
    if (i >= side.params.factors) system[i * width + i] += 1;
    right[i] *= static_cast<float>(side.params.target);
  }
  if (k.solve(system, width, width, right)) std::memcpy(x, right, width * sizeof(float));
}

/// With weight · Y'Y + ridge = D diagonal: x = D^-1 Y_h' (I + Y_h D^-1 Y_h')^-1 1 · target, an h ×
/// h system.
void solve_short(const float* factors, std::size_t width, const float* inverse_root,
                 std::span<const std::uint32_t> events, float target, float* x,
                 IalsScratch& scratch) {
  const detail::MatrixKernels& k = kernels();
  const std::size_t h = events.size();
  const std::size_t step = padded(h);
  // The scaled rows turned: [width][step], so that scalar products of rows are tiles.
  scratch.rows.resize(width * step);
  scratch.system.resize(step * step);
  scratch.vectors.resize(step);
  float* const turned = scratch.rows.data();
  for (std::size_t i = 0; i < h; ++i) {
    const float* const row = factors + std::size_t{events[i]} * width;
    for (std::size_t j = 0; j < width; ++j) turned[j * step + i] = row[j] * inverse_root[j];
  }
  if (h < step) {
    for (std::size_t j = 0; j < width; ++j)
      std::memset(turned + j * step + h, 0, (step - h) * sizeof(float));
  }
  float* const system = scratch.system.data();
  std::memset(system, 0, step * step * sizeof(float));
  for (std::size_t r = 0; r < h; r += k.tile_rows) {
    for (std::size_t c = r / k.vector * k.vector; c < step;) {
      const std::size_t vectors = std::min<std::size_t>(3, (step - c) / k.vector);
      k.subtract_tile(vectors, turned + r, step, turned + c, step, width, system + r * step + c,
                      step);
      c += vectors * k.vector;
    }
  }
  float* const right = scratch.vectors.data();
  for (std::size_t i = 0; i < h; ++i) {
    float* const row = system + i * step;
    for (std::size_t j = i; j < h; ++j) row[j] = -row[j];
    row[i] += 1;
    right[i] = target;
  }
  for (std::size_t i = h; i < step; ++i) right[i] = 0;
  // I plus a Gram matrix: positive definite whatever the rows are.
  if (!k.solve(system, step, h, right)) return;
  k.dots(turned, width, step, right, x);
  for (std::size_t j = 0; j < width; ++j) x[j] *= inverse_root[j];
}

/// Solves rows of one side on some threads; each row is solved alone, so threads change nothing.
template <class Solve>
void for_rows(std::size_t rows, int threads, const Solve& solve) {
  constexpr std::size_t kRowsTogether = 32;
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    IalsScratch scratch;
    while (true) {
      const std::size_t begin = next.fetch_add(kRowsTogether);
      if (begin >= rows) return;
      for (std::size_t r = begin; r < std::min(begin + kRowsTogether, rows); ++r) solve(r, scratch);
    }
  };
  std::vector<std::jthread> others;
  for (int t = 1; t < threads; ++t) others.emplace_back(work);
  work();
}

/// D^-1/2 for a ridge; zero where there is no factor.
void inverse_roots(std::span<const float> diagonal, double ridge, std::size_t factors, float* out) {
  constexpr float kLeast = 1e-12F;
  for (std::size_t j = 0; j < diagonal.size(); ++j) {
    const float d = std::max(diagonal[j], 0.0F) + static_cast<float>(ridge);
    out[j] = j < factors && d > kLeast ? 1 / std::sqrt(d) : 0;
  }
}

/// Turns the rows: y <- y · basis (columns are the new axes).
void rotate(Factors& y, std::size_t width, std::size_t factors, std::span<const double> basis) {
  std::vector<double> turned(factors);
  for (std::size_t begin = 0; begin < y.size(); begin += width) {
    float* const row = y.data() + begin;
    std::ranges::fill(turned, 0);
    for (std::size_t i = 0; i < factors; ++i) {
      for (std::size_t j = 0; j < factors; ++j) turned[j] += row[i] * basis[i * factors + j];
    }
    for (std::size_t j = 0; j < factors; ++j) row[j] = static_cast<float>(turned[j]);
  }
}

/// Turns `y` into the basis in which weight · Y'Y is diagonal; says with which basis.
std::vector<float> diagonalise(Factors& y, std::size_t width, const IalsParams& params,
                               std::vector<double>* basis_out) {
  const std::size_t d = params.factors;
  const std::vector<double> gram = gram_of(y, width);
  std::vector<double> small(d * d);
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = 0; j < d; ++j)
      small[i * d + j] = params.weight * (gram[i * width + j] + gram[j * width + i]) / 2;
  }
  std::vector<double> basis;
  const std::vector<double> values = detail::symmetric_eigen(small, d, basis);
  rotate(y, width, d, basis);
  std::vector<float> diagonal(width, 0);
  for (std::size_t j = 0; j < d; ++j) diagonal[j] = static_cast<float>(values[j]);
  if (basis_out != nullptr) *basis_out = std::move(basis);
  return diagonal;
}

/// One half of an iteration: the rows of `mine` given the other side.
void sweep(const Interactions& rows, Factors& mine, Factors& other, std::size_t width,
           const IalsParams& params) {
  const bool exact = params.solver == IalsSolver::kExact;
  std::vector<float> diagonal;
  if (exact) {
    // Both sides turn together, so that products stay as they are.
    std::vector<double> basis;
    diagonal = diagonalise(other, width, params, &basis);
    rotate(mine, width, params.factors, basis);
  }
  Side side{other, width, other.size() / width, {}, params};
  const std::vector<double> gram = gram_of(other, width);
  side.gram.resize(gram.size());
  for (std::size_t i = 0; i < gram.size(); ++i)
    side.gram[i] = static_cast<float>(params.weight * gram[i]);
  for_rows(rows.users(), params.threads, [&](std::size_t r, IalsScratch& scratch) {
    const std::span<const std::uint32_t> events = rows.columns(r);
    float* const x = mine.data() + r * width;
    if (events.empty()) {
      std::memset(x, 0, width * sizeof(float));
    } else if (!exact) {
      solve_by_gradients(side, events, x, scratch);
    } else if (events.size() < params.factors) {
      alignas(64) float roots[Ials::kFactorsMax];
      inverse_roots(diagonal, ridge_of(params, events.size(), side.others), params.factors, roots);
      solve_short(other.data(), width, roots, events, static_cast<float>(params.target), x,
                  scratch);
    } else {
      solve_whole(side, events, x, scratch);
    }
  });
}

Ials::Loss loss_of(const Interactions& by_user, const Factors& x, const Factors& y,
                   std::size_t width, const IalsParams& params,
                   std::span<const std::size_t> item_events) {
  Ials::Loss out;
  const detail::MatrixKernels& k = kernels();
  for (std::size_t u = 0; u < by_user.users(); ++u) {
    const float* const row = x.data() + u * width;
    for (const std::uint32_t i : by_user.columns(u)) {
      const double miss = params.target - k.dot(row, y.data() + std::size_t{i} * width, width);
      out.observed += miss * miss;
    }
    out.ridge +=
        ridge_of(params, by_user.columns(u).size(), by_user.items()) * k.dot(row, row, width);
  }
  for (std::size_t i = 0; i < item_events.size(); ++i) {
    const float* const row = y.data() + i * width;
    out.ridge += ridge_of(params, item_events[i], by_user.users()) * k.dot(row, row, width);
  }
  const std::vector<double> left = gram_of(x, width);
  const std::vector<double> right = gram_of(y, width);
  for (std::size_t i = 0; i < left.size(); ++i) out.all += params.weight * left[i] * right[i];
  return out;
}

std::vector<std::size_t> events_by_item(const Interactions& by_user) {
  std::vector<std::size_t> out(by_user.items(), 0);
  for (std::size_t u = 0; u < by_user.users(); ++u) {
    for (const std::uint32_t i : by_user.columns(u)) ++out[i];
  }
  return out;
}

}  // namespace

Result<Ials> Ials::train(const Interactions& matrix, const IalsParams& params,
                         const std::function<bool(double)>& progress) {
  ZHIYIN_TRY_VOID(check(params));
  const std::size_t width = padded(params.factors);
  const Interactions by_item = matrix.transposed();
  Random random(params.seed);
  // Small random starts, as in the paper: deviation 0.1 / sqrt(factors).
  const double deviation = 0.1 / std::sqrt(static_cast<double>(params.factors));
  const auto start = [&](std::size_t rows) {
    Factors out(rows * width, 0);
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t j = 0; j < params.factors; ++j)
        out[r * width + j] = static_cast<float>(deviation * random.normal());
    }
    return out;
  };
  Factors people = start(matrix.users());
  Factors items = start(matrix.items());
  for (std::size_t i = 0; i < params.iterations; ++i) {
    sweep(matrix, people, items, width, params);
    sweep(by_item, items, people, width, params);
    const double done = static_cast<double>(i + 1) / static_cast<double>(params.iterations);
    if (progress && !progress(done))
      return fail(ErrorCode::kDeadline, "iALS: training was cancelled");
  }
  if (std::ranges::any_of(items, [](float x) { return !std::isfinite(x); }))
    return fail(ErrorCode::kInvalidArgument, "iALS: the factors grew beyond float32");
  Ials out;
  out.params_ = params;
  out.width_ = width;
  out.trained_ = loss_of(matrix, people, items, width, params, events_by_item(matrix));
  out.diagonal_ = diagonalise(items, width, params, nullptr);
  out.factors_ = std::move(items);
  return out;
}

void Ials::fold_in(std::span<const std::uint32_t> history, std::span<float> out,
                   IalsScratch& scratch) const {
  if (history.empty()) {
    std::ranges::fill(out, 0);
    return;
  }
  const double ridge = ridge_of(params_, history.size(), items());
  if (history.size() < params_.factors) {
    alignas(64) float roots[kFactorsMax];
    inverse_roots(diagonal_, ridge, params_.factors, roots);
    solve_short(factors_.data(), width_, roots, history, static_cast<float>(params_.target),
                out.data(), scratch);
    return;
  }
  Side side{factors_, width_, items(), std::vector<float>(width_ * width_, 0), params_};
  for (std::size_t j = 0; j < width_; ++j) side.gram[j * width_ + j] = diagonal_[j];
  solve_whole(side, history, out.data(), scratch);
}

void Ials::contributions(std::span<const std::uint32_t> history, std::uint32_t item,
                         std::span<float> terms, IalsScratch& scratch) const {
  const detail::MatrixKernels& k = kernels();
  // A z = y_item; then the term of each event is target · y_event · z.
  scratch.system.assign(width_ * width_, 0);
  const auto ridge = static_cast<float>(ridge_of(params_, history.size(), items()));
  for (std::size_t i = 0; i < width_; ++i) {
    constexpr float kBeyond = 1;
    scratch.system[i * width_ + i] =
        i < params_.factors ? std::max(diagonal_[i], 0.0F) + ridge : kBeyond;
  }
  for (const std::uint32_t event : history) {
    const float* const y = factors_.data() + std::size_t{event} * width_;
    for (std::size_t i = 0; i < params_.factors; ++i)
      k.add_scaled(y[i], y, scratch.system.data() + i * width_, width_);
  }
  const std::span<const float> wanted = this->item(item);
  scratch.vectors.assign(wanted.begin(), wanted.end());
  if (!k.solve(scratch.system.data(), width_, width_, scratch.vectors.data())) {
    std::ranges::fill(terms, 0);
    return;
  }
  for (std::size_t e = 0; e < history.size(); ++e) {
    terms[e] =
        static_cast<float>(params_.target) *
        k.dot(factors_.data() + std::size_t{history[e]} * width_, scratch.vectors.data(), width_);
  }
}

Result<Ials> Ials::from_parts(const IalsParams& params, std::vector<float> factors,
                              std::vector<float> diagonal) {
  ZHIYIN_TRY_VOID(check(params));
  const std::size_t width = padded(params.factors);
  const auto finite = [](float x) { return std::isfinite(x); };
  if (diagonal.size() != width || factors.size() % width != 0)
    return fail(ErrorCode::kInvalidArgument, "iALS: {} and {} numbers do not fit {} factors",
                factors.size(), diagonal.size(), params.factors);
  if (!std::ranges::all_of(factors, finite) || !std::ranges::all_of(diagonal, finite))
    return fail(ErrorCode::kInvalidArgument, "iALS: a factor is not finite");
  Ials out;
  out.params_ = params;
  out.width_ = width;
  out.factors_ = std::move(factors);
  out.diagonal_ = std::move(diagonal);
  return out;
}

void Ials::score(std::span<const float> person, std::span<float> scores) const {
  const detail::MatrixKernels& k = kernels();
  const std::size_t whole = items() / detail::kLanes * detail::kLanes;
  k.dots(factors_.data(), whole, width_, person.data(), scores.data());
  for (std::size_t i = whole; i < items(); ++i)
    scores[i] = k.dot(factors_.data() + i * width_, person.data(), width_);
}

Ials::Loss Ials::loss(const Interactions& matrix) const {
  Factors people(matrix.users() * width_, 0);
  for_rows(matrix.users(), params_.threads, [&](std::size_t u, IalsScratch& scratch) {
    fold_in(matrix.columns(u), std::span(people).subspan(u * width_, width_), scratch);
  });
  return loss_of(matrix, people, factors_, width_, params_, events_by_item(matrix));
}

}  // namespace zhiyin::recommend
