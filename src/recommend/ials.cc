#include "recommend/ials.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <memory>
#include <thread>

#include "base/random.h"
#include "recommend/detail/byte_dots.h"
#include "recommend/detail/eigen.h"
#include "recommend/detail/matrix_kernels.h"

namespace zhiyin::recommend {
namespace {

using detail::kernels;
using detail::padded;
using detail::RowSystem;

static_assert(Ials::kFactorsMax <= detail::kWidthMax);

/// Rows of factors, each `width` floats.
using Factors = AlignedFloats;

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
  AlignedFloats piece(width * width);
  const std::size_t rows = y.size() / width;
  for (std::size_t begin = 0; begin < rows; begin += kRowsTogether) {
    const std::size_t depth = std::min(kRowsTogether, rows - begin);
    const float* const from = y.data() + begin * width;
    std::ranges::fill(piece, 0);
    for (std::size_t r = 0; r < width; r += k.tile_rows) {
      for (std::size_t c = 0; c < width;) {
        const std::size_t vectors = std::min<std::size_t>(3, (width - c) / k.vector);
        k.add_tile(vectors, from + r, width, from + c, width, depth, piece.data() + r * width + c,
                   width);
        c += vectors * k.vector;
      }
    }
    for (std::size_t i = 0; i < piece.size(); ++i) out[i] += piece[i];
  }
  return out;
}

float* room(AlignedFloats& scratch, std::size_t floats) {
  if (scratch.size() < floats) scratch.resize(floats);
  return scratch.data();
}

/// A few steps of conjugate gradients from the x that is there.
void solve_by_gradients(const RowSystem& system, std::size_t steps, float* x,
                        IalsScratch& scratch) {
  constexpr std::size_t kVectors = 4;
  kernels().conjugate_gradients(system, steps, x,
                                room(scratch.rows, padded(system.count) * system.width / 2),
                                room(scratch.vectors, kVectors * system.width));
}

/// The whole normal matrix and Cholesky; `fill` puts the shared part where it is told to. Without a
/// solution x stays.
template <class Fill>
void solve_whole(const RowSystem& system, std::size_t factors, const Fill& fill, float* x,
                 IalsScratch& scratch) {
  float* const whole = room(scratch.system, system.width * system.width);
  fill(whole);
  kernels().solve_whole(system, factors, x, room(scratch.rows, padded(system.count) * system.width),
                        whole);
}

/// With weight · Y'Y diagonal: a system of events × events. Without a solution x stays.
void solve_short(const RowSystem& system, std::span<const float> diagonal, std::size_t factors,
                 float* x, IalsScratch& scratch) {
  const std::size_t step = padded(system.count);
  kernels().solve_dual(system, diagonal.data(), factors, x, room(scratch.rows, system.width * step),
                       room(scratch.system, step * step), room(scratch.vectors, step));
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
  const std::size_t others = other.size() / width;
  AlignedFloats shared(width * width);
  const std::vector<double> gram = gram_of(other, width);
  for (std::size_t i = 0; i < gram.size(); ++i)
    shared[i] = static_cast<float>(params.weight * gram[i]);
  std::vector<std::uint32_t, CacheLineAllocator<std::uint32_t>> halves;
  if (!exact) {
    halves.resize(other.size() / 2);
    if (!kernels().halve(other.data(), others, width, halves.data())) halves.clear();
  }
  for_rows(rows.users(), params.threads, [&](std::size_t r, IalsScratch& scratch) {
    const std::span<const std::uint32_t> events = rows.columns(r);
    float* const x = mine.data() + r * width;
    if (events.empty()) {
      std::memset(x, 0, width * sizeof(float));
      return;
    }
    const auto ridge = static_cast<float>(ridge_of(params, events.size(), others));
    const RowSystem system{other.data(),
                           events.data(),
                           events.size(),
                           width,
                           shared.data(),
                           ridge,
                           static_cast<float>(params.target),
                           halves.empty() ? nullptr : halves.data()};
    if (!exact) {
      solve_by_gradients(system, params.steps, x, scratch);
    } else if (events.size() < params.factors) {
      solve_short(system, diagonal, params.factors, x, scratch);
    } else {
      const auto fill = [&](float* to) {
        std::memcpy(to, shared.data(), shared.size() * sizeof(float));
      };
      solve_whole(system, params.factors, fill, x, scratch);
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

std::vector<std::uint32_t> places_of_largest(std::span<const float> scores, std::size_t count) {
  count = std::min(count, scores.size());
  if (count == 0) return {};
  std::vector<std::uint32_t> heap(count);
  for (std::size_t i = 0; i < count; ++i) heap[i] = static_cast<std::uint32_t>(i);
  const auto better = [&](std::uint32_t a, std::uint32_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  };
  // The worst of those held is in front. A later score must be above it: equal ones go by place.
  std::ranges::make_heap(heap, better);
  const detail::MatrixKernels& k = kernels();
  std::size_t i = k.next_above(scores.data(), count, scores.size(), scores[heap[0]]);
  while (i < scores.size()) {
    std::ranges::pop_heap(heap, better);
    heap.back() = static_cast<std::uint32_t>(i);
    std::ranges::push_heap(heap, better);
    i = k.next_above(scores.data(), i + 1, scores.size(), scores[heap[0]]);
  }
  std::ranges::sort_heap(heap, better);
  return heap;
}

std::size_t Ials::width_of(std::size_t factors) { return padded(factors); }

Result<Ials> Ials::train(const Interactions& matrix, const IalsParams& params,
                         const std::function<bool(double)>& progress, IalsNotes notes) {
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
  IalsSweeps state;
  if (notes.from) {
    state = std::move(*notes.from);
    if (state.done > params.iterations || state.people.size() != matrix.users() * width ||
        state.items.size() != matrix.items() * width)
      return fail(ErrorCode::kInvalidArgument, "iALS: what it begins with does not fit the matrix");
  } else {
    state.people = start(matrix.users());
    state.items = start(matrix.items());
  }
  Factors& people = state.people;
  Factors& items = state.items;
  const std::vector<std::size_t> item_events = events_by_item(matrix);
  std::vector<double>& losses = state.losses;
  for (std::size_t i = state.done; i < params.iterations; ++i) {
    sweep(matrix, people, items, width, params);
    sweep(by_item, items, people, width, params);
    if (params.notes_losses)
      losses.push_back(loss_of(matrix, people, items, width, params, item_events).total());
    state.done = i + 1;
    if (notes.note) notes.note(state);
    const double done = static_cast<double>(i + 1) / static_cast<double>(params.iterations);
    if (progress && !progress(done))
      return fail(ErrorCode::kDeadline, "iALS: training was cancelled");
  }
  if (std::ranges::any_of(items, [](float x) { return !std::isfinite(x); }))
    return fail(ErrorCode::kInvalidArgument, "iALS: the factors grew beyond float32");
  Ials out;
  out.params_ = params;
  out.width_ = width;
  out.trained_ = loss_of(matrix, people, items, width, params, item_events);
  out.losses_ = std::move(losses);
  out.diagonal_ = diagonalise(items, width, params, nullptr);
  out.factors_ = std::move(items);
  out.round_factors();
  return out;
}

void Ials::fold_in(std::span<const std::uint32_t> history, std::span<float> out,
                   IalsScratch& scratch) const {
  if (history.empty()) {
    std::ranges::fill(out, 0);
    return;
  }
  const auto ridge = static_cast<float>(ridge_of(params_, history.size(), items()));
  const RowSystem system{factors_.data(),
                         history.data(),
                         history.size(),
                         width_,
                         nullptr,
                         ridge,
                         static_cast<float>(params_.target)};
  if (history.size() < params_.factors) {
    solve_short(system, diagonal_, params_.factors, out.data(), scratch);
    return;
  }
  const auto fill = [&](float* to) {
    std::memset(to, 0, width_ * width_ * sizeof(float));
    for (std::size_t j = 0; j < width_; ++j) to[j * width_ + j] = diagonal_[j];
  };
  solve_whole(system, params_.factors, fill, out.data(), scratch);
}

Ials::Terms Ials::terms(std::span<const std::uint32_t> history) const {
  Terms out;
  out.model_ = this;
  out.history_ = history;
  const auto ridge = static_cast<float>(ridge_of(params_, history.size(), items()));
  const auto is_positive = [&](float d) { return std::max(d, 0.0F) + ridge > 0; };
  if (history.size() < params_.factors &&
      std::all_of(diagonal_.begin(),
                  diagonal_.begin() + static_cast<std::ptrdiff_t>(params_.factors), is_positive)) {
    begin_short(out, ridge);
  } else {
    begin_whole(out, ridge);
  }
  return out;
}

/// With A = D + Y'Y, Y A^-1 y = (I + Y D^-1 Y')^-1 Y D^-1 y (Woodbury).
void Ials::begin_short(Terms& terms, float ridge) const {
  const detail::MatrixKernels& k = kernels();
  const std::size_t count = terms.history_.size();
  terms.short_ = true;
  terms.step_ = padded(count);
  terms.scaled_.assign(count * width_, 0);
  terms.system_.assign(terms.step_ * terms.step_, 0);
  terms.solved_.assign(terms.step_, 0);
  for (std::size_t e = 0; e < count; ++e) {
    const float* const y = factors_.data() + std::size_t{terms.history_[e]} * width_;
    float* const scaled = terms.scaled_.data() + e * width_;
    for (std::size_t j = 0; j < params_.factors; ++j)
      scaled[j] = y[j] / (std::max(diagonal_[j], 0.0F) + ridge);
    // Only the upper triangle is read.
    for (std::size_t earlier = 0; earlier <= e; ++earlier)
      terms.system_[earlier * terms.step_ + e] =
          k.dot(terms.scaled_.data() + earlier * width_, y, width_);
  }
  for (std::size_t e = 0; e < terms.step_; ++e) terms.system_[e * terms.step_ + e] += 1;
  terms.regular_ =
      count > 0 && k.solve(terms.system_.data(), terms.step_, count, terms.solved_.data());
}

void Ials::begin_whole(Terms& terms, float ridge) const {
  const detail::MatrixKernels& k = kernels();
  terms.step_ = width_;
  terms.system_.assign(width_ * width_, 0);
  terms.solved_.assign(width_, 0);
  for (std::size_t i = 0; i < width_; ++i) {
    constexpr float kBeyond = 1;
    terms.system_[i * width_ + i] =
        i < params_.factors ? std::max(diagonal_[i], 0.0F) + ridge : kBeyond;
  }
  for (const std::uint32_t event : terms.history_) {
    const float* const y = factors_.data() + std::size_t{event} * width_;
    for (std::size_t i = 0; i < params_.factors; ++i)
      k.add_scaled(y[i], y, terms.system_.data() + i * width_, width_);
  }
  terms.regular_ = k.solve(terms.system_.data(), width_, width_, terms.solved_.data());
}

void Ials::Terms::of(std::uint32_t item, std::span<float> out) {
  if (!regular_) {
    std::ranges::fill(out, 0);
    return;
  }
  const detail::MatrixKernels& k = kernels();
  const std::size_t width = model_->width_;
  const std::size_t count = history_.size();
  const auto target = static_cast<float>(model_->params_.target);
  const float* const y = model_->item(item).data();
  if (short_) {
    std::ranges::fill(solved_, 0);
    for (std::size_t e = 0; e < count; ++e)
      solved_[e] = k.dot(scaled_.data() + e * width, y, width);
    k.solve_again(system_.data(), step_, count, solved_.data());
    for (std::size_t e = 0; e < count; ++e) out[e] = target * solved_[e];
    return;
  }
  // A z = y_item; then the term of each event is target · y_event · z.
  std::copy_n(y, width, solved_.begin());
  k.solve_again(system_.data(), step_, width, solved_.data());
  for (std::size_t e = 0; e < count; ++e)
    out[e] = target * k.dot(model_->item(history_[e]).data(), solved_.data(), width);
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
  out.factors_.assign(factors.begin(), factors.end());
  out.diagonal_ = std::move(diagonal);
  out.round_factors();
  return out;
}

void Ials::score(std::span<const float> person, std::span<float> scores) const {
  const detail::MatrixKernels& k = kernels();
  const std::size_t whole = items() / detail::kLanes * detail::kLanes;
  k.dots(factors_.data(), whole, width_, person.data(), scores.data());
  for (std::size_t i = whole; i < items(); ++i)
    scores[i] = k.dot(factors_.data() + i * width_, person.data(), width_);
}

float Ials::score_of(std::span<const float> person, std::uint32_t item) const {
  return kernels().dot(this->item(item).data(), person.data(), width_);
}

namespace {

/// A row in bytes; returns the unit that they count.
float to_bytes(std::span<const float> row, std::span<std::int8_t> out) {
  constexpr float kMost = 127;
  float top = 0;
  for (const float v : row) top = std::max(top, std::abs(v));
  for (std::size_t j = 0; j < row.size(); ++j)
    out[j] = top > 0 ? static_cast<std::int8_t>(std::lround(row[j] / top * kMost)) : std::int8_t{0};
  return top / kMost;
}

}  // namespace

void Ials::round_factors() {
  byte_step_ = (width_ + detail::kByteLanes - 1) / detail::kByteLanes * detail::kByteLanes;
  bytes_.assign(items() * byte_step_, 0);
  for (std::size_t i = 0; i < items(); ++i) {
    const std::span<std::int8_t> row(bytes_.data() + i * byte_step_, width_);
    units_.push_back(to_bytes(item(static_cast<std::uint32_t>(i)), row));
    places_.push_back(static_cast<std::uint32_t>(i));
  }
}

void Ials::score_roughly(std::span<const float> person, std::span<float> scores) const {
  std::vector<std::int8_t> query(byte_step_);
  const float unit = to_bytes(person, std::span(query).first(width_));
  const auto dots = std::make_unique_for_overwrite<std::int32_t[]>(items());
  detail::byte_dots().dots(bytes_.data(), byte_step_, places_.data(), items(), query.data(),
                           dots.get());
  for (std::size_t i = 0; i < scores.size(); ++i)
    scores[i] = static_cast<float>(dots[i]) * units_[i] * unit;
}

void Ials::score_all(std::span<const float> people, std::span<float> scores) const {
  const detail::MatrixKernels& k = kernels();
  // A multiple of the widest tile of every instruction set, and of kLanes.
  constexpr std::size_t kPanel = 48;
  constexpr std::size_t kTileMax = 8 * kPanel;
  if (width_ == 0) return;
  const std::size_t count = people.size() / width_;
  const std::size_t step = padded(count);
  AlignedFloats down(width_ * step);
  k.transpose_rows(people.data(), count, width_, down.data(), step);
  AlignedFloats across(width_ * kPanel);
  for (std::size_t first = 0; first < items(); first += kPanel) {
    const std::size_t end = std::min(first + kPanel, items());
    k.transpose_rows(factors_.data() + first * width_, end - first, width_, across.data(), kPanel);
    for (std::size_t i = first; i < end; i += k.tile_columns) {
      const std::size_t columns = std::min(k.tile_columns, end - i);
      for (std::size_t p = 0; p < count; p += k.tile_rows) {
        alignas(64) float tile[kTileMax] = {};
        k.add_tile(3, down.data() + p, step, across.data() + (i - first), kPanel, width_, tile,
                   k.tile_columns);
        for (std::size_t r = 0; r < std::min(k.tile_rows, count - p); ++r)
          std::memcpy(scores.data() + (p + r) * items() + i, tile + r * k.tile_columns,
                      columns * sizeof(float));
      }
    }
  }
}

Ials::Loss Ials::loss(const Interactions& matrix) const {
  Factors people(matrix.users() * width_, 0);
  for_rows(matrix.users(), params_.threads, [&](std::size_t u, IalsScratch& scratch) {
    fold_in(matrix.columns(u), std::span(people).subspan(u * width_, width_), scratch);
  });
  return loss_of(matrix, people, factors_, width_, params_, events_by_item(matrix));
}

}  // namespace zhiyin::recommend
