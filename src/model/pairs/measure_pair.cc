#include "model/pairs/measure_pair.h"

#include <array>
#include <string>
#include <vector>

#include "model/classify/measure_text.h"
#include "model/pairs/pair_model.h"
#include "statistics/model_comparison.h"

namespace zhiyin::model {

Json auc_json(std::span<const double> scores, std::span<const int> labels) {
  const auto found = statistics::delong_auc(scores, labels);
  if (!found) return Json().set("auc", Json()).set("interval", Json());
  return Json()
      .set("auc", found->auc)
      .set("interval", Json(Json::Array{found->interval.low, found->interval.high}));
}

Json measure_pairs(std::span<const double> same, std::span<const int> labels, double threshold,
                   std::uint64_t seed) {
  std::vector<double> scores;
  for (const double p : same) {
    scores.push_back(1 - p);
    scores.push_back(p);
  }
  const std::vector<std::uint32_t> places(labels.begin(), labels.end());
  TextMetrics measured = measure_text(scores, places, 2, {.threshold = threshold, .seed = seed});
  measured.values["brier"] = statistics::brier(same, labels);
  const std::array<std::string, 2> classes = {std::string(PairModel::kDifferent),
                                              std::string(PairModel::kSame)};
  Json out = text_metrics_json(measured, classes);
  const Json auc = auc_json(same, labels);
  Json metrics = Json().set("auc", auc["auc"]), intervals = Json().set("auc", auc["interval"]);
  for (const auto& [name, value] : *out["metrics"].if_object()) metrics.set(name, value);
  for (const auto& [name, value] : *out["intervals"].if_object()) intervals.set(name, value);
  return out.set("metrics", std::move(metrics)).set("intervals", std::move(intervals));
}

}  // namespace zhiyin::model
