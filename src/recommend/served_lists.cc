#include "recommend/served_lists.h"

#include <fmt/format.h>

#include <algorithm>

#include "recommend/ranking_quality.h"
#include "recommend/recommender.h"

namespace zhiyin::recommend {
namespace {

constexpr Instant kNow{1'700'000'000'000'000};

/// So that their order is that of the numbers.
ItemRef ref_of(std::uint32_t item) { return {"article", fmt::format("{:08}", item)}; }

/// A minute apart, the newest an hour ago.
Instant time_of(std::size_t place, std::size_t count) {
  constexpr auto kMinute = std::chrono::minutes(1);
  return kNow - kDay / 24 - kMinute * static_cast<std::int64_t>(count - place);
}

RowSource rows_of(const EvaluationData& data) {
  return [&data](const std::function<void(const InteractionRow&)>& take) -> Result<void> {
    for (std::size_t u = 0; u < data.histories.size(); ++u) {
      const std::string person = fmt::format("{:08}", u);
      const auto& history = data.histories[u];
      for (std::size_t i = 0; i < history.size(); ++i)
        take({person, ref_of(history[i]), "read", 0, time_of(i, history.size())});
    }
    return {};
  };
}

audience::PersonView view_of(const std::vector<std::uint32_t>& history) {
  audience::PersonView view{PersonId("p"), {}, {}};
  for (std::size_t i = 0; i < history.size(); ++i)
    view.activity.push_back({static_cast<std::int64_t>(i), time_of(i, history.size()), "read",
                             ref_of(history[i]), 0, "shop", ""});
  return view;
}

}  // namespace

Result<ServedQuality> measure_served(const EvaluationData& data, const TrainParams& params,
                                     std::size_t cut) {
  TrainParams wanted = params;
  wanted.algorithm = "ease";
  wanted.as_of = kNow;
  ZHIYIN_TRY(const RecommendModel trained, train_recommend(rows_of(data), wanted));
  ZHIYIN_TRY(RecommendModel stored, RecommendModel::decode(trained.encode()));
  const auto recommender =
      Recommender::create(std::make_shared<RecommendModel>(std::move(stored)), "recommend-1", {});

  ModelMaker maker(data, 1, 1);
  ZHIYIN_TRY(const EvaluatedModel dense,
             maker.make("ease",
                        {{"lambda", fmt::format("{}", params.lambda)},
                         {"recency", fmt::format("{}", params.recency)}},
                        {}));
  const Metric metric{Metric::Kind::kNdcg, cut};
  ZHIYIN_TRY(const auto ranks, rank_cases(data, data.test, std::span(&dense, 1), 1, {}));
  const std::vector<double> by_dense = values_of(metric, ranks[0]);

  ServedQuality out;
  const ItemNeighbours& weights = recommender->model().weights();
  out.weights_per_item = static_cast<double>(weights.neighbours().size()) /
                         static_cast<double>(std::max<std::size_t>(1, weights.items()));
  std::vector<double> differences;
  for (std::size_t c = 0; c < data.test.size(); ++c) {
    const EvaluationCase& one = data.test[c];
    RecommendRequest request;
    request.n = cut;
    request.now = kNow;
    ZHIYIN_TRY(const auto list, recommender->recommend(view_of(data.histories[one.user]), request));
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      for (const std::uint32_t item : one.wanted) {
        if (list.items[i].item == ref_of(item)) places.push_back(i + 1);
      }
    }
    // What is not listed stands somewhere behind.
    places.resize(one.wanted.size(), data.items());
    const double served = metric.of(places);
    out.served += served / static_cast<double>(data.test.size());
    out.dense += by_dense[c] / static_cast<double>(data.test.size());
    differences.push_back(served - by_dense[c]);
  }
  out.difference = statistics::mean_interval(differences);
  return out;
}

}  // namespace zhiyin::recommend
