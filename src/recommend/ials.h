#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "recommend/aligned_floats.h"
#include "recommend/interactions.h"

namespace zhiyin::recommend {

enum class IalsSolver {
  kExact,              ///< on the smaller side: a row with h < factors events is an h × h system
  kConjugateGradient,  ///< three steps from the last value
};

struct IalsParams {
  std::size_t factors = 64;      ///< 1 … kFactorsMax
  double weight = 0.1;           ///< of the squared prediction of every cell, above 0
  double regularization = 0.01;  ///< 0 or more
  /// Regularisation of a row grows with (its events + weight × rows of the other side)^frequency.
  double frequency = 1;
  /// What an observed cell is fitted to, beside its weight of 1. Changes the scale of the factors
  /// only, not the order of items.
  double target = 1;
  std::size_t iterations = 15;
  IalsSolver solver = IalsSolver::kConjugateGradient;
  std::size_t steps = 3;  ///< of conjugate gradients
  std::uint64_t seed = 1;
  int threads = 1;
  bool notes_losses = false;  ///< keep the objective after each iteration: Ials::losses()
};

/// Memory for solving one row; one per thread, kept from call to call.
struct IalsScratch {
  AlignedFloats rows;
  AlignedFloats system;
  AlignedFloats vectors;
};

/// How far a training is: enough to go on from there to the same bytes.
struct IalsSweeps {
  std::size_t done = 0;  ///< iterations
  AlignedFloats people;  ///< rows of Ials::width() floats
  AlignedFloats items;
  std::vector<double> losses;
};

/// Where a training begins, and who is told after each iteration.
struct IalsNotes {
  std::optional<IalsSweeps> from;
  std::function<void(const IalsSweeps& sweeps)> note;
};

/// The places of the `count` largest scores (all where there are fewer), best first, equal ones by
/// place. Requires that no score is NaN. Thread-safe.
std::vector<std::uint32_t> places_of_largest(std::span<const float> scores, std::size_t count);

/// Implicit-feedback matrix factorisation by alternating least squares,
/// sum over observed (1 - x·y)² + weight · sum over all (x·y)²
///   + regularization · sum over rows of (events + weight · other side)^frequency |row|²
/// (Hu, Koren, Volinsky, ICDM 2008; the frequency scaling: Rendle and others, "Revisiting the
/// performance of iALS on item recommendation benchmarks", RecSys 2022).
///
/// What stays are the item factors, rotated so that weight · Y'Y is diagonal (scalar products do
/// not change): a person's factors are folded in from their events whenever they are needed,
/// exactly, in microseconds, and are never stored. Immutable; thread-safe.
class Ials {
 public:
  static constexpr std::size_t kFactorsMax = 512;

  Ials() = default;
  /// The same bytes on any number of threads. Weights of interactions count as 1. `progress` gets
  /// the share done; false cancels (kDeadline). kInvalidArgument names the parameter.
  static Result<Ials> train(const Interactions& matrix, const IalsParams& params,
                            const std::function<bool(double)>& progress = {}, IalsNotes notes = {});
  /// Floats of a row of so many factors.
  static std::size_t width_of(std::size_t factors);

  [[nodiscard]] std::size_t items() const { return width_ == 0 ? 0 : factors_.size() / width_; }
  /// Floats of a row: factors rounded up to a multiple of 16, the rest zero.
  [[nodiscard]] std::size_t width() const { return width_; }
  [[nodiscard]] std::span<const float> item(std::uint32_t i) const {
    return std::span(factors_).subspan(i * width_, width_);
  }
  /// out = the least-squares factors of somebody with exactly these items (empty: zero). Exact up
  /// to float32. Requires out.size() == width() and numbers below items().
  void fold_in(std::span<const std::uint32_t> history, std::span<float> out,
               IalsScratch& scratch) const;
  /// scores[i] = person · item i. Requires scores.size() == items().
  void score(std::span<const float> person, std::span<float> scores) const;
  /// The same from factors rounded to bytes, to about a hundredth of the largest: a quarter of the
  /// memory to read. Finds those that may be best.
  void score_roughly(std::span<const float> person, std::span<float> scores) const;
  /// person · item.
  [[nodiscard]] float score_of(std::span<const float> person, std::uint32_t item) const;
  /// The same for some people, whose rows of width() floats follow each other, as rows of items()
  /// scores. The factors are read once for all of them: with 32 and more it costs arithmetic only.
  void score_all(std::span<const float> people, std::span<float> scores) const;

  /// What each item of one person's history adds to scores: the person's normal matrix A is taken
  /// apart once and then asked for items. Refers to the model and the history. Not thread-safe.
  class Terms {
   public:
    /// out[k]: what history[k] adds to the score of `item`, target · (A^-1 y_k) · y_item. They sum
    /// to person · item exactly (up to float32), so they are the reasons. Requires out.size() ==
    /// the history's.
    void of(std::uint32_t item, std::span<float> out);

   private:
    friend class Ials;
    const Ials* model_ = nullptr;
    std::span<const std::uint32_t> history_;
    bool short_ = false;    ///< fewer events than factors: a system of the events
    std::size_t step_ = 0;  ///< of the system
    AlignedFloats scaled_;  ///< where short_: the events' rows over the diagonal
    AlignedFloats system_;  ///< as the solver left it
    AlignedFloats solved_;
    bool regular_ = false;
  };
  [[nodiscard]] Terms terms(std::span<const std::uint32_t> history) const;

  struct Loss {
    double observed = 0;  ///< sum over observed (target - x·y)²
    double all = 0;       ///< weight · sum over all (x·y)²
    double ridge = 0;
    [[nodiscard]] double total() const { return observed + all + ridge; }
  };
  /// What is stored; items × width() and width() numbers.
  [[nodiscard]] std::span<const float> factors() const { return factors_; }
  [[nodiscard]] std::span<const float> diagonal() const { return diagonal_; }
  [[nodiscard]] const IalsParams& params() const { return params_; }
  /// kInvalidArgument when the sizes do not fit `params` or a number is not finite.
  static Result<Ials> from_parts(const IalsParams& params, std::vector<float> factors,
                                 std::vector<float> diagonal);

  /// The objective with every person folded in.
  [[nodiscard]] Loss loss(const Interactions& matrix) const;
  /// The objective as the last sweep over people and items left it.
  [[nodiscard]] const Loss& trained_loss() const { return trained_; }
  /// The same of each iteration, where `notes_losses` asked for it; not stored with the factors.
  [[nodiscard]] std::span<const double> losses() const { return losses_; }

 private:
  void round_factors();
  void begin_short(Terms& terms, float ridge) const;
  void begin_whole(Terms& terms, float ridge) const;

  IalsParams params_;
  std::size_t width_ = 0;
  AlignedFloats factors_;        ///< items × width, rotated
  std::vector<float> diagonal_;  ///< of weight · Y'Y in the rotated basis
  // The factors in bytes, each row to a unit of its own; rows of byte_step_ bytes.
  std::size_t byte_step_ = 0;
  std::vector<std::int8_t, CacheLineAllocator<std::int8_t>> bytes_;
  std::vector<float> units_;
  std::vector<std::uint32_t> places_;  ///< 0, 1, 2, …
  Loss trained_;
  std::vector<double> losses_;
};

}  // namespace zhiyin::recommend
