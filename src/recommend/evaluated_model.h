#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "recommend/evaluation_data.h"

namespace zhiyin::recommend {

/// Fills scores (one an item) for somebody with this history, oldest first.
using Scorer =
    std::function<void(std::span<const std::uint32_t> history, std::span<double> scores)>;

/// A trained model as an evaluation sees it.
struct EvaluatedModel {
  Json params;                          ///< with the defaults, as reported
  std::function<Scorer()> make_scorer;  ///< a scorer of its own for each thread
};

/// Values as they were given (`k` = "227").
using ModelParams = std::map<std::string, std::string>;

/// `itemknn`, `rp3beta`, `ease`, `ials`, `popular`.
std::span<const std::string_view> evaluated_model_names();
/// Of a model; empty for popular. Requires a known name.
std::vector<std::string_view> parameter_names(std::string_view model);

/// Makes models on one training set; what several of them share is computed once (co-occurrence
/// counts; EASE's inverse for one lambda serves all values of recency). Not thread-safe.
class ModelMaker {
 public:
  /// `data` must outlive this and the models.
  ModelMaker(const EvaluationData& data, std::uint64_t seed, int threads);
  ~ModelMaker();
  ModelMaker(const ModelMaker&) = delete;
  ModelMaker& operator=(const ModelMaker&) = delete;

  /// kInvalidArgument names the model or the parameter with what is valid.
  Result<EvaluatedModel> make(const std::string& model, const ModelParams& params,
                              const std::function<bool(double)>& progress);

 private:
  struct Kept;
  const EvaluationData& data_;
  const std::uint64_t seed_;
  const int threads_;
  const std::unique_ptr<Kept> kept_;
};

/// Fails as `make` would for names and values that are wrong in themselves, without training.
Result<void> check_parameters(std::string_view model, const ModelParams& params);

}  // namespace zhiyin::recommend
