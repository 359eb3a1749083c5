#include "recommend/evaluate.h"

#include <algorithm>

#include "recommend/evaluated_model.h"
#include "recommend/evaluation_data.h"
#include "recommend/ranking_quality.h"
#include "recommend/tune.h"
#include "statistics/interval.h"

namespace zhiyin::recommend {
namespace {

Result<void> check(const EvaluateArgs& args) {
  if (args.protocol != "loo" && args.protocol != "split")
    return fail_field("protocol", "'{}' is not loo or split", args.protocol);
  if (args.at.empty() || std::ranges::find(args.at, 0U) != args.at.end())
    return fail_field("at", "expected cuts of at least 1, for instance 10,20,100");
  constexpr int kThreadsMax = 256;
  if (args.threads < 1 || args.threads > kThreadsMax)
    return fail_field("threads", "is {}, expected 1 to {}", args.threads, kThreadsMax);
  return check_parameters(args.model, args.params);
}

Json trial_json(const Trial& t, const Metric& metric) {
  Json params = Json::object();
  for (const auto& [name, value] : t.params) params.set(name, value);
  Json out = Json::object();
  out.set("params", std::move(params)).set(metric.name(), t.value);
  out.set("interval", Json(Json::Array{t.low, t.high}));
  out.set("halves", Json(Json::Array{t.first_half, t.second_half}));
  return out;
}

void add_metrics(Json& metrics, Json& intervals, const Ranks& ranks,
                 const std::vector<std::size_t>& cuts) {
  for (const std::size_t cut : cuts) {
    for (const auto kind :
         {Metric::Kind::kNdcg, Metric::Kind::kRecall, Metric::Kind::kMrr, Metric::Kind::kMap}) {
      const Metric metric{kind, cut};
      const auto m = statistics::mean_interval(values_of(metric, ranks));
      metrics.set(metric.name(), m.mean);
      intervals.set(metric.name(), Json(Json::Array{m.interval.low, m.interval.high}));
    }
  }
}

/// A part of the whole progress.
std::function<bool(double)> part(const EvaluateArgs& args, double from, double to) {
  if (!args.progress) return {};
  return [&args, from, to](double share) { return args.progress(from + share * (to - from)); };
}

}  // namespace

Result<Json> evaluate_recommend(const EvaluateArgs& args) {
  ZHIYIN_TRY_VOID(check(args));
  ZHIYIN_TRY(const Metric metric, Metric::parse(args.metric));
  ZHIYIN_TRY(const EvaluationData data,
             load_evaluation(args.protocol, args.train, args.validation, args.test));
  ModelMaker maker(data, args.seed, args.threads);
  ModelParams params = args.params;
  Json tried = Json::array();
  const double searched = args.tune ? 0.9 : 0;
  if (args.tune) {
    ZHIYIN_TRY(const auto trials, tune(data, maker,
                                       {.model = args.model,
                                        .fixed = args.params,
                                        .trials = args.trials,
                                        .metric = metric,
                                        .seed = args.seed,
                                        .threads = args.threads,
                                        .notes = args.notes,
                                        .progress = part(args, 0, searched)}));
    params = best_of(trials).params;
    for (const Trial& trial : trials) tried.push(trial_json(trial, metric));
  }
  const double half = (1 + searched) / 2;
  ZHIYIN_TRY(const EvaluatedModel model,
             maker.make(args.model, params, part(args, searched, half)));
  ZHIYIN_TRY(const auto ranks,
             rank_cases(data, data.test, {&model, 1}, args.threads, part(args, half, 1)));
  Json metrics = Json::object();
  Json intervals = Json::object();
  add_metrics(metrics, intervals, ranks[0], args.at);
  ZHIYIN_TRY(Json lists, list_quality(data, data.test, model, args.at[0], args.threads));
  Json out = Json::object();
  out.set("model", args.model).set("params", model.params).set("protocol", args.protocol);
  out.set("seed", args.seed).set("people", data.test.size()).set("items", data.items());
  out.set("metrics", std::move(metrics)).set("intervals", std::move(intervals));
  out.set("lists", std::move(lists));
  out.set("tried", std::move(tried));
  return out;
}

}  // namespace zhiyin::recommend
