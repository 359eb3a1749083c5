#include "recommend/symmetric_matrix.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "recommend/detail/matrix_kernels.h"

namespace zhiyin::recommend {
namespace {

using detail::MatrixKernels;

/// A multiple of the tiles' sides of every instruction set (48 and 8, 24 and 4, 12 and 4).
constexpr std::size_t kBlock = 240;
constexpr std::size_t kSmallBlock = 48;
/// Panels of columns that stay in the second cache while panels of rows pass.
constexpr std::size_t kPanelsTogether = 8;

/// Runs work(0) … work(count - 1) on some threads.
template <class Work>
void shared_out(std::size_t count, int threads, const Work& work) {
  std::atomic<std::size_t> next{0};
  const auto run = [&] {
    for (std::size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::jthread> others;
  for (int t = 1; t < threads && static_cast<std::size_t>(t) < count; ++t) others.emplace_back(run);
  run();
}

/// -D in place for a block of at most kSmallBlock, in float64: lower triangle in, both out.
bool sweep_small(float* a, std::size_t stride, std::size_t n) {
  double s[kSmallBlock][kSmallBlock];
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) s[i][j] = s[j][i] = a[i * stride + j];
  }
  for (std::size_t k = 0; k < n; ++k) {
    const double pivot = s[k][k];
    if (!(pivot > 0) || !std::isfinite(pivot)) return false;
    double row[kSmallBlock];
    for (std::size_t j = 0; j < n; ++j) row[j] = s[k][j] / pivot;
    for (std::size_t i = 0; i < n; ++i) {
      if (i == k) continue;
      const double factor = s[i][k];
      for (std::size_t j = 0; j < n; ++j) s[i][j] -= factor * row[j];
    }
    for (std::size_t j = 0; j < n; ++j) s[k][j] = s[j][k] = row[j];
    s[k][k] = -1 / pivot;
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) a[i * stride + j] = static_cast<float>(s[i][j]);
  }
  return true;
}

/// A part of the rows outside block k, cut into panels of columns: [first, last) in steps.
struct Panel {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Sweeps all blocks of one matrix.
class Sweep {
 public:
  Sweep(float* values, std::size_t stride, std::size_t n, std::size_t block, int threads,
        const MatrixKernels& k)
      : a_(values), stride_(stride), n_(n), block_(block), threads_(threads), k_(k) {
    panels_.reserve(n / k.tile_columns + 2);
  }

  bool block_at(std::size_t begin) {
    begin_ = begin;
    end_ = std::min(begin + block_, n_);
    depth_ = end_ - begin_;
    if (!sweep_diagonal()) return false;
    cut_panels();
    if (panels_.empty()) return true;
    const std::size_t size = panels_.size() * depth_ * k_.tile_columns;
    across_.resize(size);
    scaled_.assign(size, 0);
    shared_out(panels_.size(), threads_, [&](std::size_t p) { pack(p); });
    pack_rows();
    const std::size_t groups = (panels_.size() + kPanelsTogether - 1) / kPanelsTogether;
    // Later groups have more rows below them… earlier ones: hand out the long ones first.
    shared_out(groups, threads_, [&](std::size_t g) { update(g); });
    shared_out(panels_.size(), threads_, [&](std::size_t p) { write_back(p); });
    return true;
  }

 private:
  [[nodiscard]] float* at(std::size_t i, std::size_t j) const { return a_ + i * stride_ + j; }

  bool sweep_diagonal() {
    float* const diagonal = at(begin_, begin_);
    if (block_ <= kSmallBlock) return sweep_small(diagonal, stride_, depth_);
    Sweep inner(diagonal, stride_, depth_, kSmallBlock, 1, k_);
    for (std::size_t b = 0; b < depth_; b += kSmallBlock) {
      if (!inner.block_at(b)) return false;
    }
    for (std::size_t i = 0; i < depth_; ++i) {
      for (std::size_t j = i + 1; j < depth_; ++j)
        diagonal[i * stride_ + j] = diagonal[j * stride_ + i];
    }
    return true;
  }

  void cut_panels() {
    panels_.clear();
    for (std::size_t j = 0; j < begin_; j += k_.tile_columns)
      panels_.push_back({j, std::min(j + k_.tile_columns, begin_)});
    for (std::size_t j = end_; j < n_; j += k_.tile_columns)
      panels_.push_back({j, std::min(j + k_.tile_columns, n_)});
  }

  [[nodiscard]] float* across(std::size_t p) {
    return across_.data() + p * depth_ * k_.tile_columns;
  }
  [[nodiscard]] float* scaled(std::size_t p) {
    return scaled_.data() + p * depth_ * k_.tile_columns;
  }

  /// across = A_kj of the panel ([depth][columns], zero beyond it), scaled = D A_kj.
  void pack(std::size_t p) {
    const auto [from, to] = panels_[p];
    const std::size_t width = to - from;
    const std::size_t columns = k_.tile_columns;
    float* const out = across(p);
    if (width < columns) std::fill_n(out, depth_ * columns, 0.0F);
    if (from < begin_) {
      for (std::size_t d = 0; d < depth_; ++d)
        std::memcpy(out + d * columns, at(begin_ + d, from), width * sizeof(float));
    } else {
      for (std::size_t j = 0; j < width; ++j) {
        const float* const row = at(from + j, begin_);
        for (std::size_t d = 0; d < depth_; ++d) out[d * columns + j] = row[d];
      }
    }
    // The diagonal block holds -D, so subtracting its product adds D A_kj.
    const std::size_t whole = depth_ / k_.tile_rows * k_.tile_rows;
    float* const product = scaled(p);
    for (std::size_t r = 0; r < whole; r += k_.tile_rows) {
      k_.subtract_tile(3, at(begin_, begin_ + r), stride_, out, columns, depth_,
                       product + r * columns, columns);
    }
    for (std::size_t r = whole; r < depth_; ++r) {
      for (std::size_t d = 0; d < depth_; ++d)
        k_.add_scaled(-*at(begin_ + r, begin_ + d), out + d * columns, product + r * columns,
                      columns);
    }
  }

  /// Panels of rows of the scaled part, [depth][tile_rows], for the update.
  void pack_rows() {
    const std::size_t rows = k_.tile_rows;
    const std::size_t per_panel = k_.tile_columns / rows;
    down_.resize(panels_.size() * per_panel * depth_ * rows);
    shared_out(panels_.size(), threads_, [&](std::size_t p) {
      for (std::size_t s = 0; s < per_panel; ++s) {
        float* out = down_.data() + (p * per_panel + s) * depth_ * rows;
        const float* in = scaled(p) + s * rows;
        for (std::size_t d = 0; d < depth_; ++d, out += rows, in += k_.tile_columns)
          std::memcpy(out, in, rows * sizeof(float));
      }
    });
  }

  /// A_ij -= (D A_ki)' A_kj below the diagonal, for a group of panels of columns.
  void update(std::size_t group) {
    const std::size_t first = group * kPanelsTogether;
    const std::size_t last = std::min(first + kPanelsTogether, panels_.size());
    const std::size_t rows = k_.tile_rows;
    const std::size_t per_panel = k_.tile_columns / rows;
    for (std::size_t p = first; p < panels_.size(); ++p) {
      for (std::size_t s = 0; s < per_panel; ++s) {
        const std::size_t i = panels_[p].begin + s * rows;
        if (i >= panels_[p].end) break;
        const std::size_t height = std::min(rows, panels_[p].end - i);
        const float* const down = down_.data() + (p * per_panel + s) * depth_ * rows;
        for (std::size_t q = first; q < std::min(last, p + 1); ++q) {
          if (height == rows && panels_[q].end - panels_[q].begin == k_.tile_columns) {
            k_.subtract_tile(3, down, rows, across(q), k_.tile_columns, depth_,
                             at(i, panels_[q].begin), stride_);
          } else {
            edge(down, q, i, height);
          }
        }
      }
    }
  }

  /// A tile that reaches beyond its part of the matrix.
  void edge(const float* down, std::size_t q, std::size_t i, std::size_t height) {
    constexpr std::size_t kTileMax = 8 * 48;
    alignas(64) float tile[kTileMax] = {};
    k_.subtract_tile(3, down, k_.tile_rows, across(q), k_.tile_columns, depth_, tile,
                     k_.tile_columns);
    for (std::size_t r = 0; r < height; ++r) {
      for (std::size_t j = 0; j < panels_[q].end - panels_[q].begin; ++j)
        *at(i + r, panels_[q].begin + j) += tile[r * k_.tile_columns + j];
    }
  }

  void write_back(std::size_t p) {
    const auto [from, to] = panels_[p];
    const std::size_t columns = k_.tile_columns;
    const float* const in = scaled(p);
    if (from < begin_) {
      for (std::size_t d = 0; d < depth_; ++d)
        std::memcpy(at(begin_ + d, from), in + d * columns, (to - from) * sizeof(float));
      return;
    }
    for (std::size_t j = 0; j < to - from; ++j) {
      float* const row = at(from + j, begin_);
      for (std::size_t d = 0; d < depth_; ++d) row[d] = in[d * columns + j];
    }
  }

  float* const a_;
  const std::size_t stride_;
  const std::size_t n_;
  const std::size_t block_;
  const int threads_;
  const MatrixKernels& k_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t depth_ = 0;
  std::vector<Panel> panels_;
  std::vector<float> across_;
  std::vector<float> scaled_;
  std::vector<float> down_;
};

}  // namespace

void SquareMatrix::Free::operator()(float* p) const { std::free(p); }

Result<SquareMatrix> SquareMatrix::create(std::size_t n) {
  constexpr std::size_t kPage = 2 << 20;
  constexpr std::size_t kFloatsPerPage = 1024;
  SquareMatrix out;
  out.n_ = n;
  out.stride_ = detail::padded(n);
  // Rows that start at the same place of a page would fight for the same lines of the cache.
  if (out.stride_ % kFloatsPerPage == 0) out.stride_ += detail::kLanes;
  const std::size_t bytes = (n * out.stride_ * sizeof(float) + kPage - 1) / kPage * kPage;
  if (bytes == 0) return out;
  auto* const values = static_cast<float*>(std::aligned_alloc(kPage, bytes));
  if (values == nullptr) {
    return fail(ErrorCode::kLimitReached, "matrix: {} bytes for {} items are not to be had", bytes,
                n);
  }
  out.values_.reset(values);
  // Large pages spare most misses of the address cache; without them it is only slower.
  (void)madvise(values, bytes, MADV_HUGEPAGE);
  std::memset(values, 0, bytes);
  return out;
}

Result<void> negative_inverse(SquareMatrix& lower, const InverseSettings& settings) {
  const auto usable = detail::usable_kernels();
  if (settings.kernel >= usable.size())
    return fail_field("kernel", "is {}, expected below {}", settings.kernel, usable.size());
  if (settings.threads < 1)
    return fail_field("threads", "is {}, expected 1 or more", settings.threads);
  const std::size_t n = lower.size();
  Sweep sweep(n == 0 ? nullptr : lower.row(0), lower.stride(), n, kBlock, settings.threads,
              *usable[settings.kernel]);
  for (std::size_t b = 0; b < n; b += kBlock) {
    if (!sweep.block_at(b)) {
      return fail(ErrorCode::kInvalidArgument,
                  "inverse: the matrix is not positive definite at row {} of {}", b, n);
    }
    const double done = static_cast<double>(std::min(b + kBlock, n)) / static_cast<double>(n);
    if (settings.progress && !settings.progress(done))
      return fail(ErrorCode::kDeadline, "inverse: cancelled");
  }
  return {};
}

}  // namespace zhiyin::recommend
