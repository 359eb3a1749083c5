#include "recommend/evaluate.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "base/json_binding.h"
#include "recommend/ease.h"
#include "recommend/evaluated_model.h"
#include "recommend/evaluation_data.h"
#include "recommend/ranking_quality.h"
#include "recommend/tune.h"
#include "statistics/interval.h"

namespace zhiyin::recommend {
namespace {

Result<void> check(const EvaluateArgs& args) {
  if (args.protocol != "loo" && args.protocol != "split" && args.protocol != "time")
    return fail_field("protocol", "'{}' is not loo, split or time", args.protocol);
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

/// EASE in one piece holds counts and inverse of all pairs of items.
Result<void> check_memory(const EvaluateArgs& args, const EvaluationData& data) {
  if (args.memory_max == 0 || args.model != "ease") return {};
  const auto neighbours = args.params.find("neighbours");
  const bool is_local = neighbours != args.params.end() && neighbours->second != "0";
  if (is_local || data.items() > kDenseItemsMax) return {};
  const auto items = static_cast<double>(data.items());
  const double needed = 2 * sizeof(float) * items * items;
  if (needed <= static_cast<double>(args.memory_max)) return {};
  constexpr double kMb = 1 << 20;
  return fail(ErrorCode::kLimitReached,
              "evaluate: ease on {} items needs about {:.0f} MB, {:.0f} MB are allowed "
              "(recommend.train_memory_mb); neighbours=300 needs far less",
              data.items(), needed / kMb, static_cast<double>(args.memory_max) / kMb);
}

/// `searched`: what parameters are looked for on; the same as `data`, or an older part of it.
Result<Json> measure(const EvaluateArgs& args, const Metric& metric, const EvaluationData& searched,
                     const EvaluationData& data) {
  ZHIYIN_TRY_VOID(check_memory(args, data));
  auto maker = std::make_unique<ModelMaker>(searched, args.seed, args.threads);
  ModelParams params = args.params;
  Json tried = Json::array();
  const double searching = args.tune ? 0.9 : 0;
  if (args.tune) {
    ZHIYIN_TRY(const auto trials, tune(searched, *maker,
                                       {.model = args.model,
                                        .fixed = args.params,
                                        .trials = args.trials,
                                        .metric = metric,
                                        .seed = args.seed,
                                        .threads = args.threads,
                                        .notes = args.notes,
                                        .progress = part(args, 0, searching)}));
    params = best_of(trials).params;
    for (const Trial& trial : trials) tried.push(trial_json(trial, metric));
  }
  // What the search shares among its models is of the same training only.
  if (&searched != &data) maker = std::make_unique<ModelMaker>(data, args.seed, args.threads);
  const double half = (1 + searching) / 2;
  ZHIYIN_TRY(const EvaluatedModel model,
             maker->make(args.model, params, part(args, searching, half)));
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

Json split_json(const TimeSplit& split, const std::optional<TimeSplit>& searched) {
  return Json()
      .set("cut", to_json(split.cut))
      .set("first", to_json(split.first))
      .set("last", to_json(split.last))
      .set("validation_from", searched ? to_json(searched->cut) : Json())
      .set("events", Json().set("before", split.events_before).set("after", split.events_after))
      .set("people", Json()
                         .set("before", split.people_before)
                         .set("both", split.data.test.size())
                         .set("only_after", split.people_only_after))
      .set("wanted", split.wanted)
      .set("wanted_unseen", split.wanted_unseen);
}

}  // namespace

Result<Json> evaluate_recommend(const EvaluateArgs& args) {
  ZHIYIN_TRY_VOID(check(args));
  if (args.protocol == "time") {
    ZHIYIN_TRY(const TimedEvents events, read_event_file(args.events));
    return evaluate_recommend(args, events);
  }
  ZHIYIN_TRY(const Metric metric, Metric::parse(args.metric));
  ZHIYIN_TRY(const EvaluationData data,
             load_evaluation(args.protocol, args.train, args.validation, args.test));
  return measure(args, metric, data, data);
}

Result<Json> evaluate_recommend(const EvaluateArgs& args, const TimedEvents& events) {
  ZHIYIN_TRY_VOID(check(args));
  ZHIYIN_TRY(const Metric metric, Metric::parse(args.metric));
  ZHIYIN_TRY(const TimeSplit split, split_by_time(events, args.cut));
  std::optional<TimeSplit> searched;
  if (args.tune) {
    auto older = split_by_time(events_before(events, split.cut), {});
    if (!older) {
      older.error().message = "tune, on the training part: " + older.error().message;
      return std::unexpected(std::move(older.error()));
    }
    searched = std::move(*older);
    searched->data.validation = std::exchange(searched->data.test, {});
  }
  ZHIYIN_TRY(Json out, measure(args, metric, searched ? searched->data : split.data, split.data));
  return out.set("split", split_json(split, searched));
}

}  // namespace zhiyin::recommend
