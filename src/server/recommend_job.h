#pragma once

#include <optional>
#include <string>

#include "base/json_binding.h"
#include "recommend/recommend_model.h"
#include "server/runs.h"
#include "server/services.h"

namespace zhiyin::server {

/// Trains a recommender on the warehouse's history, measures its settings on the newest part of it
/// beside the version in use, and makes it the active one when that is allowed.
struct TrainRecommendJob {
  std::string model = "ease";
  std::size_t k = 200;
  // Of one algorithm each: refused beside another, and as usual where they are absent.
  std::optional<double> shrink;  ///< itemknn: 5
  std::optional<double> lambda;  ///< ease: 300
  std::optional<double> alpha;   ///< rp3beta: 1
  std::optional<double> beta;    ///< rp3beta: 0.3
  std::size_t factors = 32;
  std::string promote = "better";  ///< `better`: when it is not worse; `always`; `never`
};
/// What the field list cannot say, a parameter of another algorithm among it: kInvalidArgument with
/// the field and what is valid.
Result<void> check(const TrainRecommendJob& job);
/// {"model","version","settings","metrics","checksum","active","promoted","resumed",
/// "rows_changed"}; docs/recommend.md. One that is killed leaves checkpoints, which the next of the
/// same settings takes up within a day (`resumed`).
Result<Json> train_recommend_model(Services& services, const TrainRecommendJob& job,
                                   RunContext& run);
/// The same with the settings of the version in use (without one: the usual ones), as each night.
/// {"skipped": reason} where there is too little to learn from, or nothing new since.
Result<Json> train_recommend_again(Services& services, RunContext& run);

/// Takes a person out of the counts that trainings keep, under every id that the person may have
/// had there. Before the person is erased; repeatable.
Result<void> forget_counted(recommend::KeptCounts& kept, const audience::People& people,
                            const PersonId& person);

}  // namespace zhiyin::server

namespace zhiyin {
template <>
struct Fields<server::TrainRecommendJob> {
  using J = server::TrainRecommendJob;
  static constexpr std::string_view name = "TrainRecommend";
  static constexpr auto list = field_list(
      field("model", &J::model, "ease, itemknn or rp3beta").length(1, 16).optional(),
      field("k", &J::k, "weights kept per item").range(1, 5000).optional(),
      field("shrink", &J::shrink, "itemknn: pulls similarities of rare items towards 0 (5)")
          .range(0, 10000),
      field("lambda", &J::lambda, "ease: pulls all weights towards 0 (300)").range(0.001, 1e6),
      field("alpha", &J::alpha, "rp3beta: power of the steps (1)").range(0, 10),
      field("beta", &J::beta, "rp3beta: power of popularity (0.3)").range(0, 10),
      field("factors", &J::factors, "of iALS beside it; 0: none")
          .range(0, recommend::Ials::kFactorsMax)
          .optional(),
      field("promote", &J::promote,
            "better: active when it is not worse than the version in use; always; never")
          .length(1, 16)
          .optional());
};
}  // namespace zhiyin
