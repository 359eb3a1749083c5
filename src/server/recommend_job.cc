#include "server/recommend_job.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>

#include "audience/people_projection.h"
#include "base/crypto.h"
#include "base/machine.h"
#include "recommend/kept_counts.h"
#include "recommend/objectives.h"
#include "recommend/training_checkpoint.h"
#include "recommend/version_trial.h"
#include "server/session_feedback.h"
#include "server/training_notes.h"

namespace zhiyin::server {
namespace {

using recommend::TrainParams;
using recommend::VersionTrial;

// What is usual.
constexpr double kShrink = 5;
constexpr double kLambda = 300;
constexpr double kAlpha = 1;
constexpr double kBeta = 0.3;

/// Without the settings of the machine: those that make the model.
TrainParams params_of(const TrainRecommendJob& job) {
  TrainParams out;
  out.algorithm = job.model;
  out.knn.k = job.k;
  out.knn.shrink = job.shrink.value_or(kShrink);
  out.lambda = job.lambda.value_or(kLambda);
  out.alpha = job.alpha.value_or(kAlpha);
  out.beta = job.beta.value_or(kBeta);
  out.factors = job.factors;
  return out;
}

/// Threads, memory and who is told; `from` to `to` of the run's progress.
void fit_to_machine(TrainParams& params, Services& s, RunContext& run, double from, double to) {
  params.knn.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const std::int64_t memory_mb = s.options.integer("recommend.train_memory_mb");
  params.memory_max =
      static_cast<std::size_t>(memory_mb > 0 ? memory_mb << 20 : memory_bytes() / 2);
  params.progress = [&run, from, to](double share) {
    run.report(from + share * (to - from), "训练中 / training");
    return !run.cancelled();
  };
}

Json settings_json(const TrainRecommendJob& job) {
  Json out;
  out.set("algorithm", job.model).set("k", job.k);
  if (job.model == "itemknn") out.set("shrink", job.shrink.value_or(kShrink));
  if (job.model == "rp3beta")
    out.set("alpha", job.alpha.value_or(kAlpha)).set("beta", job.beta.value_or(kBeta));
  if (job.model == "ease") out.set("lambda", job.lambda.value_or(kLambda));
  if (job.factors > 0) out.set("factors", job.factors);
  return out;
}

/// What `settings_json` wrote; members that are not there are as usual.
Result<TrainRecommendJob> job_of(const Json& settings) {
  Json body = Json::object();
  for (const std::string_view name : {"k", "shrink", "lambda", "alpha", "beta"}) {
    if (const Json* value = settings.find(name)) body.set(name, *value);
  }
  if (const Json* algorithm = settings.find("algorithm")) body.set("model", *algorithm);
  const Json* const factors = settings.find("factors");
  body.set("factors", factors != nullptr ? *factors : Json(std::int64_t{0}));
  auto out = from_json<TrainRecommendJob>(body);
  if (!out)
    return fail(ErrorCode::kDataLoss, "recommend: the settings of the version in use: {}",
                out.error().text());
  return out;
}

/// The version in use; none where there is none, or it cannot be read (what serves then knows no
/// better).
Result<std::optional<recommend::VersionInUse>> version_in_use(Services& s) {
  ZHIYIN_TRY(const auto record, s.models.active(recommend::RecommendModel::kKind));
  if (!record) return std::optional<recommend::VersionInUse>();
  auto bytes = s.models.load(record->id);
  if (!bytes && bytes.error().code != ErrorCode::kDataLoss)
    return std::unexpected(std::move(bytes.error()));
  if (!bytes) return std::optional<recommend::VersionInUse>();
  auto model = recommend::RecommendModel::decode(*bytes);
  auto job = job_of(record->settings);
  const Json* const to = record->window.find("to");
  auto until = to != nullptr ? from_json<Instant>(*to) : Result<Instant>(record->created_at);
  if (!model || !job || !until) return std::optional<recommend::VersionInUse>();
  return std::optional(recommend::VersionInUse{
      record->id, std::make_shared<const recommend::RecommendModel>(std::move(*model)),
      params_of(*job), *until});
}

/// Everything that may be dealing with an item: liking, and what is left out of lists.
recommend::RowSource history_rows(Services& s, const TrainParams& params, Instant as_of) {
  std::vector<std::string> kinds;
  for (const auto& [kind, weight] : params.kind_weights) kinds.push_back(kind);
  for (const std::string_view kind : recommend::item_response_kinds()) {
    if (!params.kind_weights.contains(kind)) kinds.emplace_back(kind);
  }
  return [people = recommend::warehouse_rows(s.warehouse, std::move(kinds), as_of),
          sessions = session_rows(s.state, Instant{0}, as_of)](
             const std::function<void(const recommend::InteractionRow&)>& take) -> Result<void> {
    ZHIYIN_TRY_VOID(people(take));
    return sessions(take);
  };
}

Json interval_json(const statistics::Interval& interval) {
  return Json::Array{Json(interval.low), Json(interval.high)};
}

/// Figures by name, with their intervals beside them.
void add_trial(Json& metrics, const VersionTrial& trial) {
  metrics.set("held_out_from", to_json(trial.from))
      .set("held_out_likings", trial.likings)
      .set("people_measured", trial.people);
  if (trial.people == 0) return;
  Json intervals;
  const auto add = [&](std::string_view name, const statistics::MeanInterval& figure) {
    metrics.set(name, figure.mean);
    intervals.set(name, interval_json(figure.interval));
  };
  add("ndcg", trial.ndcg);
  add("recall", trial.recall);
  if (!trial.in_use.empty()) {
    metrics.set("in_use", trial.in_use).set("in_use_retrained", trial.in_use_retrained);
    add("in_use_ndcg", trial.in_use_ndcg);
    add("in_use_recall", trial.in_use_recall);
    add("ndcg_gain", trial.gain);
  }
  metrics.set("intervals", std::move(intervals));
}

/// Time to note how far a training is.
std::function<bool()> every(Duration pause) {
  using Time = std::chrono::steady_clock;
  return [pause, last = std::make_shared<Time::time_point>(Time::now())] {
    if (Time::now() - *last < pause) return false;
    *last = Time::now();
    return true;
  };
}

/// Checkpoints of the parts of one job; none where another training of the same settings is under
/// way.
class Checkpoints {
 public:
  Checkpoints(Services& s, const TrainRecommendJob& job,
              const std::optional<recommend::VersionInUse>& in_use, Instant now)
      : s_(s),
        notes_(TrainingNotes::open(
            std::filesystem::path(s.options.text("data_dir")) / "training",
            "recommend-" +
                crypto::hex(crypto::sha256(settings_json(job).dump() + (in_use ? in_use->id : "")))
                    .substr(0, 16),
            now)) {}
  [[nodiscard]] Instant as_of(Instant now) const { return notes_ ? notes_->as_of() : now; }
  /// Null: none. Lives as long as this.
  recommend::TrainingCheckpoint* part(std::string name) {
    if (!notes_) return nullptr;
    parts_.push_back(std::make_unique<recommend::TrainingCheckpoint>(
        notes_->folder(), std::move(name),
        every(s_.options.duration("recommend.checkpoint_every"))));
    return parts_.back().get();
  }
  [[nodiscard]] bool resumed() const {
    return std::ranges::any_of(parts_, [](const auto& part) { return part->resumed(); });
  }
  void finish() {
    for (const auto& part : parts_) {
      if (part->trouble())
        s_.logger.warning("recommend", "checkpoint_not_written",
                          {{"reason", part->trouble()->text()}});
    }
    if (notes_) notes_->remove();
  }

 private:
  Services& s_;
  std::optional<TrainingNotes> notes_;
  std::vector<std::unique_ptr<recommend::TrainingCheckpoint>> parts_;
};

/// Why a version is stored, but not active; null where it is. In Chinese and English.
Json why_kept_back(const TrainRecommendJob& job, const VersionTrial& trial, bool promoted) {
  if (promoted) return {};
  if (job.promote == "never") return "按要求不启用 / as asked (promote: never)";
  const recommend::TrialParams wanted;
  if (trial.people < wanted.people_min)
    return fmt::format(
        "只有 {0} 人可供比较，至少需要 {1} 人 / only {0} people could be measured, at least {1} "
        "are "
        "needed",
        trial.people, wanted.people_min);
  return fmt::format(
      "nDCG 变化的区间下限是 {:.4f}，低于 {:.2f} / the change of nDCG may be as low as {:.4f}, "
      "below "
      "{:.2f}",
      trial.gain.interval.low, -wanted.margin, trial.gain.interval.low, -wanted.margin);
}

/// What became of the counts kept, for the log; counts that are needed no longer go.
void tell_counts(Services& s, const recommend::CountsUse& use) {
  if (!use.wanted) s.kept_counts.remove();
  if (use.rows_changed)
    s.logger.info("recommend", "counts_followed", {{"rows_changed", *use.rows_changed}});
  const bool is_damaged = use.counted_anew && use.counted_anew->code == ErrorCode::kDataLoss;
  if (is_damaged)
    s.logger.warning("recommend", "counts_passed_over", {{"reason", use.counted_anew->text()}});
  else if (use.counted_anew)
    s.logger.info("recommend", "counted_anew", {{"reason", use.counted_anew->text()}});
  if (use.not_kept)
    s.logger.warning("recommend", "counts_not_kept", {{"reason", use.not_kept->text()}});
}

Result<Json> train(Services& s, const TrainRecommendJob& job,
                   const std::optional<recommend::VersionInUse>& in_use, Instant begun,
                   RunContext& run) {
  constexpr double kTried = 0.5;  // of the work, roughly
  Checkpoints checkpoints(s, job, in_use, begun);
  const Instant now = checkpoints.as_of(begun);
  TrainParams params = params_of(job);
  params.as_of = now;
  params.checkpoint = checkpoints.part("trial");
  recommend::CountsUse tried{s.kept_counts};
  params.counts = &tried;
  const recommend::RowSource rows = history_rows(s, params, now);
  fit_to_machine(params, s, run, 0, kTried);
  std::optional<recommend::VersionInUse> rival = in_use;
  if (rival) {
    fit_to_machine(rival->settings, s, run, kTried, kTried);
    rival->settings.checkpoint = checkpoints.part("in-use");
    rival->settings.counts = &tried;
  }
  ZHIYIN_TRY(const auto catalogue, s.recommendations.catalogue());
  ZHIYIN_TRY(const VersionTrial trial, recommend::try_version(rows, params, rival, catalogue));
  fit_to_machine(params, s, run, kTried, 1);
  params.checkpoint = checkpoints.part("new");
  recommend::CountsUse counts{s.kept_counts, true};
  params.counts = &counts;
  ZHIYIN_TRY(const auto trained, recommend::train_recommend(rows, params));
  tell_counts(s, counts);
  const bool promoted = job.promote == "always" || (job.promote == "better" && trial.not_worse);
  model::NewModel stored;
  stored.kind = recommend::RecommendModel::kKind;
  stored.window.set("to", to_json(now));
  stored.settings = settings_json(job);
  stored.metrics.set("people", trained.people())
      .set("items", trained.items())
      .set("interactions", trained.interactions());
  add_trial(stored.metrics, trial);
  stored.metrics.set("not_worse", trial.not_worse).set("promoted", promoted);
  if (trained.ials() != nullptr) {
    const auto losses = trained.ials()->losses();
    stored.metrics.set("losses", to_json(std::vector<double>(losses.begin(), losses.end())));
  }
  stored.bytes = trained.encode();
  ZHIYIN_TRY(const auto record, s.models.save(stored, begun, promoted));
  if (promoted) s.recommendations.forget_model();
  checkpoints.finish();
  return Json()
      .set("model", record.id)
      .set("version", record.version)
      .set("settings", record.settings)
      .set("metrics", record.metrics)
      .set("checksum", record.checksum)
      .set("active", record.active)
      .set("promoted", promoted)
      .set("kept_back", why_kept_back(job, trial, promoted))
      .set("resumed", checkpoints.resumed())
      .set("rows_changed", counts.rows_changed ? Json(*counts.rows_changed) : Json());
}

}  // namespace

Result<void> check(const TrainRecommendJob& job) {
  const auto known = recommend::serving_algorithms();
  if (std::ranges::find(known, job.model) == known.end())
    return fail_field("model", "'{}' is not one of {}", job.model, fmt::join(known, ", "));
  if (job.promote != "better" && job.promote != "always" && job.promote != "never")
    return fail_field("promote", "'{}' is not better, always or never", job.promote);
  const auto valid = recommend::serving_parameters(job.model);
  const std::pair<std::string_view, bool> given[] = {{"shrink", job.shrink.has_value()},
                                                     {"lambda", job.lambda.has_value()},
                                                     {"alpha", job.alpha.has_value()},
                                                     {"beta", job.beta.has_value()}};
  for (const auto& [name, is_given] : given) {
    if (is_given && std::ranges::find(valid, name) == valid.end())
      return fail_field(std::string(name), "{} has {}", job.model, fmt::join(valid, ", "));
  }
  return {};
}

Result<void> forget_counted(recommend::KeptCounts& kept, const audience::People& people,
                            const PersonId& person) {
  ZHIYIN_TRY(const PersonId known, people.resolve(person.value));
  ZHIYIN_TRY(const auto identities, people.identities(known));
  std::vector<std::string> ids{known.value};
  // Before they were found to be one, each was a person of its own.
  for (const storage::IdentityHash& identity : identities)
    ids.push_back(audience::person_id_of(identity).value);
  return kept.forget(ids);
}

Result<Json> train_recommend_model(Services& s, const TrainRecommendJob& job, RunContext& run) {
  ZHIYIN_TRY_VOID(check(job));
  ZHIYIN_TRY_VOID(s.settle());
  ZHIYIN_TRY(const auto in_use, version_in_use(s));
  return train(s, job, in_use, s.clock.now(), run);
}

Result<Json> train_recommend_again(Services& s, RunContext& run) {
  constexpr std::size_t kLikingsMin = 200;
  constexpr std::size_t kPeopleMin = 20;
  ZHIYIN_TRY_VOID(s.settle());
  const Instant now = s.clock.now();
  ZHIYIN_TRY(const auto in_use, version_in_use(s));
  ZHIYIN_TRY(const auto record, s.models.active(recommend::RecommendModel::kKind));
  TrainRecommendJob job;
  if (in_use) {
    ZHIYIN_TRY(job, job_of(record->settings));
  }
  TrainParams params = params_of(job);
  params.as_of = now;
  ZHIYIN_TRY(const auto history, recommend::liked_history(history_rows(s, params, now), params));
  if (history.likings < kLikingsMin || history.people < kPeopleMin) {
    s.kept_counts.remove();  // older than what there is to learn from
    return Json().set("skipped",
                      fmt::format("recommend: {} items liked by {} people, at least {} "
                                  "by {} are needed to train by the clock",
                                  history.likings, history.people, kLikingsMin, kPeopleMin));
  }
  if (in_use && history.newest <= in_use->learnt_until &&
      history.likings == in_use->model->interactions()) {
    return Json().set("skipped",
                      fmt::format("recommend: nothing was liked since {} learnt", in_use->id));
  }
  return train(s, job, in_use, now, run);
}

}  // namespace zhiyin::server
