#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_binding.h"
#include "base/mutex.h"
#include "model/pairs/pair_model.h"
#include "model/registry.h"
#include "server/language.h"

namespace zhiyin::server {

struct PairOfTexts {
  std::string first;
  std::string second;
};
/// Body of `POST /v1/similarity`.
struct SimilarityRequest {
  std::vector<PairOfTexts> pairs;
  std::string model = "pair";  ///< a name of the registry, or of what comes with the program
  std::int64_t explain = 0;    ///< so many n-grams of each pair; 0: no reasons
};
inline constexpr std::size_t kSimilarityPairsMax = 512;
inline constexpr std::int64_t kSimilarityTermsMax = 100;
inline constexpr std::size_t kSimilarityBytesMax = 64 << 10;  ///< of a text

/// The model of pairs that comes with the program (models/README.md).
inline constexpr std::string_view kShippedPairModel = "pair";

/// Models of pairs by name, opened when they are first asked for. Thread-safe.
class PairModels {
 public:
  /// `registry` must outlive this.
  explicit PairModels(model::Registry& registry) : registry_(registry) {}

  /// The active version of that name in the registry, or the one that comes with the program;
  /// kNotFound, kUnsupported for a classifier of single texts. A promotion is seen within a second.
  Result<std::shared_ptr<const ServedPairModel>> find(const std::string& name)
      ZHIYIN_EXCLUDES(mutex_);

 private:
  struct Cached {
    std::shared_ptr<const ServedPairModel> model;  // shared with requests under way
    std::chrono::steady_clock::time_point looked_at;
  };
  Result<std::shared_ptr<const ServedPairModel>> load(const std::string& name,
                                                      const ServedPairModel* known) const;

  model::Registry& registry_;
  Mutex mutex_;
  std::map<std::string, Cached, std::less<>> cached_ ZHIYIN_GUARDED_BY(mutex_);
};

/// Whether the texts of each pair mean the same: {"items":[{"label","confidence","scores",
/// "rejected","cosine"}, or {"error":{code,message,field}} where a text is empty or too long;
/// others are not affected],"version"}; with "why" (model::explanation_json) where it is asked for;
/// with "floor" in the items and "note" where the model's encoder is not here. Fails as
/// PairModels::find (field `model`) and Language::encode do. Waits.
Result<Json> similarities(Language& language, PairModels& models, const SimilarityRequest& request,
                          std::string_view caller);

}  // namespace zhiyin::server

namespace zhiyin {
template <>
struct Fields<server::PairOfTexts> {
  using P = server::PairOfTexts;
  [[maybe_unused]] static constexpr std::string_view name = "PairOfTexts";
  static constexpr auto list =
      field_list(field("first", &P::first, "a text"), field("second", &P::second, "the other"));
};
template <>
struct Fields<server::SimilarityRequest> {
  using S = server::SimilarityRequest;
  [[maybe_unused]] static constexpr std::string_view name = "Similarity";
  static constexpr auto list = field_list(
      field("pairs", &S::pairs, "to be compared").length(1, server::kSimilarityPairsMax),
      field("model", &S::model, "a model of pairs, by name (pair)").length(1, 64).optional(),
      field("explain", &S::explain, "say why, with so many n-grams of each pair (0: not)")
          .range(0, server::kSimilarityTermsMax)
          .optional());
};
}  // namespace zhiyin
