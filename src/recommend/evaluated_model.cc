#include "recommend/evaluated_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "recommend/ease.h"
#include "recommend/ials.h"
#include "recommend/item_knn.h"
#include "recommend/rp3beta.h"

namespace zhiyin::recommend {
namespace {

constexpr std::string_view kModels[] = {"itemknn", "rp3beta", "ease", "ials", "popular"};

template <class Number>
Result<Number> number_of(const std::string& name, const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return fail_field("param " + name, "'{}' is not a number", text.substr(0, 64));
  return value;
}

/// Reads values by name, with their defaults, and notes them for the report.
class Parameters {
 public:
  explicit Parameters(const ModelParams& given) : given_(given) {}

  template <class Number>
  Result<void> read(const std::string& name, Number& value) {
    if (const auto found = given_.find(name); found != given_.end()) {
      ZHIYIN_TRY(value, number_of<Number>(name, found->second));
    }
    shown_.set(name, value);
    return {};
  }
  Result<void> read_switch(const std::string& name, bool& value) {
    if (const auto found = given_.find(name); found != given_.end()) {
      if (found->second != "true" && found->second != "false" && found->second != "1" &&
          found->second != "0")
        return fail_field("param " + name, "'{}' is not true or false", found->second);
      value = found->second == "true" || found->second == "1";
    }
    shown_.set(name, value);
    return {};
  }
  Result<void> read_solver(IalsSolver& solver) {
    if (const auto found = given_.find("solver"); found != given_.end()) {
      if (found->second != "exact" && found->second != "cg")
        return fail_field("param solver", "'{}' is not exact or cg", found->second);
      solver = found->second == "exact" ? IalsSolver::kExact : IalsSolver::kConjugateGradient;
    }
    shown_.set("solver", solver == IalsSolver::kExact ? "exact" : "cg");
    return {};
  }
  [[nodiscard]] Json shown() const { return shown_; }

 private:
  const ModelParams& given_;
  Json shown_ = Json::object();
};

Result<void> check_recency(double recency) {
  if (recency > 0 && recency <= 1) return {};
  return fail_field("param recency", "is {}, expected above 0 and at most 1", recency);
}

/// The error of a training as one of a parameter.
template <class T>
Result<T> of_parameter(Result<T> result) {
  if (!result && !result.error().field.empty())
    result.error().field = "param " + result.error().field;
  return result;
}

Scorer sparse_scorer(std::shared_ptr<const ItemNeighbours> weights, double recency) {
  return [weights = std::move(weights), recency](std::span<const std::uint32_t> history,
                                                 std::span<double> scores) {
    std::ranges::fill(scores, 0);
    double weight = 1;
    for (auto it = history.rbegin(); it != history.rend(); ++it) {
      weights->add_scores(*it, weight, scores);
      weight *= recency;
    }
  };
}

std::function<Scorer()> sparse_model(ItemNeighbours neighbours, double recency) {
  auto shared = std::make_shared<const ItemNeighbours>(std::move(neighbours));
  return [shared, recency] { return sparse_scorer(shared, recency); };
}

Scorer dense_scorer(std::shared_ptr<const Ease> ease, double recency) {
  return [ease = std::move(ease), recency](std::span<const std::uint32_t> history,
                                           std::span<double> scores) {
    std::ranges::fill(scores, 0);
    double weight = 1;
    // What is older than this has no digit left in the sum.
    constexpr double kNothing = 1e-9;
    for (auto it = history.rbegin(); it != history.rend() && weight > kNothing; ++it) {
      const std::span<const float> row = ease->row(*it);
      for (std::size_t j = 0; j < scores.size(); ++j) scores[j] += weight * row[j];
      weight *= recency;
    }
  };
}

struct KnnParams {
  ItemKnnParams train;
  double recency = 1;
};
struct WalkParams {
  Rp3BetaParams train;
  double recency = 1;
};
struct DenseParams {
  double lambda = 300;
  double recency = 1;
  std::size_t neighbours = 0;  ///< 0: the dense model, where it can be
};

Result<KnnParams> read_knn(Parameters& p) {
  KnnParams out;
  ZHIYIN_TRY_VOID(p.read("k", out.train.k));
  ZHIYIN_TRY_VOID(p.read("shrink", out.train.shrink));
  ZHIYIN_TRY_VOID(p.read("recency", out.recency));
  ZHIYIN_TRY_VOID(check_recency(out.recency));
  return out;
}

Result<WalkParams> read_walk(Parameters& p) {
  WalkParams out;
  ZHIYIN_TRY_VOID(p.read("k", out.train.k));
  ZHIYIN_TRY_VOID(p.read("alpha", out.train.alpha));
  ZHIYIN_TRY_VOID(p.read("beta", out.train.beta));
  ZHIYIN_TRY_VOID(p.read_switch("normalize", out.train.normalize));
  ZHIYIN_TRY_VOID(p.read("recency", out.recency));
  ZHIYIN_TRY_VOID(check_recency(out.recency));
  return out;
}

Result<DenseParams> read_dense(Parameters& p) {
  DenseParams out;
  ZHIYIN_TRY_VOID(p.read("lambda", out.lambda));
  ZHIYIN_TRY_VOID(p.read("recency", out.recency));
  ZHIYIN_TRY_VOID(p.read("neighbours", out.neighbours));
  ZHIYIN_TRY_VOID(check_recency(out.recency));
  return out;
}

Result<IalsParams> read_factors(Parameters& p, std::uint64_t seed) {
  IalsParams out;
  out.seed = seed;
  ZHIYIN_TRY_VOID(p.read("factors", out.factors));
  ZHIYIN_TRY_VOID(p.read("weight", out.weight));
  ZHIYIN_TRY_VOID(p.read("regularization", out.regularization));
  ZHIYIN_TRY_VOID(p.read("iterations", out.iterations));
  ZHIYIN_TRY_VOID(p.read_solver(out.solver));
  ZHIYIN_TRY_VOID(p.read("seed", out.seed));
  return out;
}

std::vector<double> popularity_of(const EvaluationData& data) {
  return {data.degrees.begin(), data.degrees.end()};
}

}  // namespace

std::span<const std::string_view> evaluated_model_names() { return kModels; }

std::vector<std::string_view> parameter_names(std::string_view model) {
  if (model == "itemknn") return {"k", "shrink", "recency"};
  if (model == "rp3beta") return {"k", "alpha", "beta", "normalize", "recency"};
  if (model == "ease") return {"lambda", "recency", "neighbours"};
  if (model == "ials")
    return {"factors", "weight", "regularization", "iterations", "solver", "seed"};
  return {};
}

Result<void> check_parameters(std::string_view model, const ModelParams& params) {
  if (std::ranges::find(kModels, model) == std::end(kModels))
    return fail_field("model", "'{}' is not one of {}", model, fmt::join(kModels, ", "));
  const auto names = parameter_names(model);
  for (const auto& [name, text] : params) {
    if (std::ranges::find(names, name) != names.end()) continue;
    if (names.empty()) return fail_field("param " + name, "{} has no parameters", model);
    return fail_field("param " + name, "{} has {}", model, fmt::join(names, ", "));
  }
  Parameters p(params);
  if (model == "itemknn") {
    ZHIYIN_TRY_VOID(read_knn(p));
  } else if (model == "rp3beta") {
    ZHIYIN_TRY_VOID(read_walk(p));
  } else if (model == "ease") {
    ZHIYIN_TRY_VOID(read_dense(p));
  } else if (model == "ials") {
    ZHIYIN_TRY_VOID(read_factors(p, 1));
  }
  return {};
}

/// The last EASE: several values of recency share it.
struct ModelMaker::Kept {
  std::optional<CoOccurrence> counts;
  double lambda = 0;
  std::size_t neighbours = 0;
  std::shared_ptr<const Ease> ease;             ///< dense, or
  std::shared_ptr<const ItemNeighbours> local;  ///< of so many neighbours
};

ModelMaker::ModelMaker(const EvaluationData& data, std::uint64_t seed, int threads)
    : data_(data), seed_(seed), threads_(threads), kept_(std::make_unique<Kept>()) {}

ModelMaker::~ModelMaker() = default;

Result<EvaluatedModel> ModelMaker::make(const std::string& model, const ModelParams& params,
                                        const std::function<bool(double)>& progress) {
  ZHIYIN_TRY_VOID(check_parameters(model, params));
  Parameters p(params);
  if (model == "popular") {
    auto counts = std::make_shared<const std::vector<double>>(popularity_of(data_));
    return EvaluatedModel{Json::object(), [counts]() -> Scorer {
                            return
                                [counts](std::span<const std::uint32_t>, std::span<double> scores) {
                                  std::ranges::copy(*counts, scores.begin());
                                };
                          }};
  }
  if (model == "itemknn") {
    ZHIYIN_TRY(KnnParams read, read_knn(p));
    read.train.threads = threads_;
    ZHIYIN_TRY(auto trained, of_parameter(train_item_knn(data_.train, read.train, progress)));
    return EvaluatedModel{p.shown(), sparse_model(std::move(trained), read.recency)};
  }
  if (model == "rp3beta") {
    ZHIYIN_TRY(WalkParams read, read_walk(p));
    read.train.threads = threads_;
    ZHIYIN_TRY(auto trained, of_parameter(train_rp3beta(data_.train, read.train, progress)));
    return EvaluatedModel{p.shown(), sparse_model(std::move(trained), read.recency)};
  }
  if (model == "ials") {
    ZHIYIN_TRY(IalsParams read, read_factors(p, seed_));
    read.threads = threads_;
    ZHIYIN_TRY(auto trained, of_parameter(Ials::train(data_.train, read, progress)));
    auto shared = std::make_shared<const Ials>(std::move(trained));
    return EvaluatedModel{
        p.shown(), [shared]() -> Scorer {
          return [shared, scratch = IalsScratch(), person = std::vector<float>(shared->width()),
                  found = std::vector<float>(shared->items())](
                     std::span<const std::uint32_t> history, std::span<double> scores) mutable {
            shared->fold_in(history, person, scratch);
            shared->score(person, found);
            std::ranges::copy(found, scores.begin());
          };
        }};
  }
  ZHIYIN_TRY(DenseParams read, read_dense(p));
  Json shown = p.shown();
  if (read.neighbours == 0 && data_.items() > kDenseItemsMax) {
    constexpr std::size_t kManyNeighbours = 300;
    read.neighbours = kManyNeighbours;
    shown.set("neighbours", read.neighbours);
  }
  const EaseParams settings{read.lambda, threads_, progress};
  if (read.neighbours > 0) {
    if (!kept_->local || kept_->lambda != read.lambda || kept_->neighbours != read.neighbours) {
      kept_->local = nullptr;
      ZHIYIN_TRY(auto trained,
                 of_parameter(train_local_ease(data_.train, read.neighbours, settings)));
      kept_->local = std::make_shared<const ItemNeighbours>(std::move(trained));
      kept_->lambda = read.lambda;
      kept_->neighbours = read.neighbours;
    }
    return EvaluatedModel{std::move(shown), [local = kept_->local, recency = read.recency] {
                            return sparse_scorer(local, recency);
                          }};
  }
  if (!kept_->counts) {
    kept_->counts.emplace(data_.items());
    for (const auto& history : data_.histories) kept_->counts->add(history);
  }
  if (!kept_->ease || kept_->lambda != read.lambda) {
    kept_->ease = nullptr;
    ZHIYIN_TRY(auto trained, of_parameter(Ease::train(*kept_->counts, settings)));
    kept_->ease = std::make_shared<const Ease>(std::move(trained));
    kept_->lambda = read.lambda;
  }
  return EvaluatedModel{std::move(shown), [ease = kept_->ease, recency = read.recency] {
                          return dense_scorer(ease, recency);
                        }};
}

}  // namespace zhiyin::recommend
