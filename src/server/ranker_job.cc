#include "server/ranker_job.h"

#include <algorithm>
#include <charconv>

#include "server/recommend_job.h"
#include "server/shown_history.h"

namespace zhiyin::server {
namespace {

constexpr storage::Migration kMigrations[] = {
    {"recommend-003-training",
     "CREATE TABLE recommend_training (id BIGINT PRIMARY KEY, day BIGINT NOT NULL)"}};

Json interval_json(const statistics::Interval& interval) {
  return Json::Array{Json(interval.low), Json(interval.high)};
}

Json metrics_json(const recommend::RankerReport& report, const ShownHistory& history) {
  Json heads;
  for (const recommend::HeadReport& head : report.heads) {
    heads.set(recommend::response_name(head.response),
              Json()
                  .set("positives", head.positives)
                  .set("measured_positives", head.measured_positives)
                  .set("rate", head.rate)
                  .set("predicted", head.predicted)
                  .set("log_loss", head.log_loss)
                  .set("base_log_loss", head.base_log_loss));
  }
  return Json()
      .set("lists", report.lists)
      .set("lists_waiting", report.open)
      .set("lists_without_person", history.without_person)
      .set("examples", report.examples)
      .set("lists_measured", report.measured)
      .set("auc", report.auc)
      .set("shown_auc", report.shown_auc)
      .set("auc_gain", report.gain.mean)
      .set("auc_gain_interval", interval_json(report.gain.interval))
      .set("not_worse", report.not_worse)
      .set("responses", std::move(heads))
      .set("trees", report.stage.examples == 0
                        ? Json()
                        : Json()
                              .set("examples", report.stage.examples)
                              .set("trees", report.stage.trees)
                              .set("auc", report.stage.auc)
                              .set("auc_gain", report.stage.gain.mean)
                              .set("auc_gain_interval", interval_json(report.stage.gain.interval))
                              .set("kept", report.stage.kept));
}

/// Lives as long as the index.
recommend::FactsOf facts_in(const catalogue::ItemIndex& index) {
  return [&index](const recommend::ItemRef& ref) -> std::optional<recommend::ItemFacts> {
    const catalogue::IndexedItem* const item = index.find(ref);
    if (item == nullptr) return std::nullopt;
    return recommend::ItemFacts{ref, item->category, item->price_fen,
                                item->published_at.value_or(Instant{})};
  };
}

}  // namespace

std::span<const storage::Migration> ranker_migrations() { return kMigrations; }

Result<void> check(const TrainRankerJob& job) {
  if (job.promote != "better" && job.promote != "always" && job.promote != "never")
    return fail_field("promote", "'{}' is not better, always or never", job.promote);
  if (job.history.count() <= 0) return fail_field("history", "must be above 0");
  return {};
}

Result<Json> train_ranker_model(Services& s, const TrainRankerJob& job, RunContext& run) {
  ZHIYIN_TRY_VOID(check(job));
  ZHIYIN_TRY_VOID(s.recommendations.settle());
  ZHIYIN_TRY_VOID(s.settle());
  const Instant now = s.clock.now();
  ZHIYIN_TRY(ShownHistory history,
             read_shown_history(s, {now - job.history, now, job.lists_max}, [&](std::string what) {
               run.report(std::nullopt, std::move(what));
               return !run.cancelled();
             }));
  ZHIYIN_TRY(const auto index, s.items.index());
  recommend::RankerTrainParams params;
  params.objectives = s.recommendations.objectives();
  params.window = s.options.duration("recommend.attribution");
  params.as_of = now;
  params.progress = [&run](double share) {
    run.report(share, "训练中 / training");
    return !run.cancelled();
  };
  const recommend::FactsOf facts = facts_in(*index);
  ZHIYIN_TRY(const auto trained,
             recommend::train_ranker(std::move(history.lists), history.feedback, facts, params));
  const bool promoted =
      job.promote == "always" || (job.promote == "better" && trained.report.not_worse);
  model::NewModel stored;
  stored.kind = recommend::ResponseRanker::kKind;
  stored.window.set("from", to_json(now - job.history)).set("to", to_json(now));
  stored.settings.set("attribution", format_duration(params.window))
      .set("objectives", params.objectives.text())
      .set("promote", job.promote);
  stored.metrics = metrics_json(trained.report, history).set("promoted", promoted);
  stored.bytes = trained.ranker.encode();
  ZHIYIN_TRY(const auto record, s.models.save(stored, now, promoted));
  if (promoted) s.recommendations.forget_model();
  return Json()
      .set("model", record.id)
      .set("version", record.version)
      .set("settings", record.settings)
      .set("metrics", record.metrics)
      .set("checksum", record.checksum)
      .set("active", record.active)
      .set("promoted", promoted);
}

Result<Duration> parse_time_of_day(std::string_view field, std::string_view text) {
  int numbers[2] = {-1, -1};
  constexpr std::size_t kLength = 5;
  if (text.size() == kLength && text[2] == ':') {
    std::from_chars(text.data(), text.data() + 2, numbers[0]);
    std::from_chars(text.data() + 3, text.data() + kLength, numbers[1]);
  }
  if (numbers[0] < 0 || numbers[0] > 23 || numbers[1] < 0 || numbers[1] > 59)
    return fail_field(field, "'{}' is not a time of day like 04:00", text.substr(0, 40));
  return std::chrono::hours(numbers[0]) + std::chrono::minutes(numbers[1]);
}

namespace {

/// Claims the day where it is due; the first look at all only notes it.
Result<bool> claim_day(storage::State& state, std::int64_t day) {
  ZHIYIN_TRY(const auto seen, state.query("SELECT day FROM recommend_training WHERE id = 1"));
  if (!seen.rows.empty() && storage::as_int(seen.rows[0][0]) >= day) return false;
  bool due = false;
  ZHIYIN_TRY_VOID(state.write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY(const auto rows, db.query("SELECT day FROM recommend_training WHERE id = 1"));
    due = !rows.rows.empty() && storage::as_int(rows.rows[0][0]) < day;
    ZHIYIN_TRY_VOID(
        db.execute("INSERT INTO recommend_training (id, day) VALUES (1, ?1) ON CONFLICT (id) DO "
                   "UPDATE SET day = ?1",
                   {day}));
    return {};
  }));
  return due;
}

Result<Json> train_if_enough(Services& s, RunContext& run) {
  auto done = train_ranker_model(s, {}, run);
  if (!done && done.error().code == ErrorCode::kUnsupported)
    return Json().set("skipped", done.error().text());
  return done;
}

}  // namespace

Result<bool> train_when_due(Services& s, bool waits) {
  const std::string& at = s.options.text("recommend.train_at");
  if (at.empty()) return false;
  ZHIYIN_TRY(const Duration into_day, parse_time_of_day("recommend.train_at", at));
  const std::int64_t day = local_day(s.clock.now() - into_day, TimeZone::shanghai());
  ZHIYIN_TRY(const bool due, claim_day(s.state, day));
  if (!due) return false;
  struct Training {
    std::string_view kind;
    storage::Stream learns_from;
    Result<Json> (*work)(Services&, RunContext&);
  };
  constexpr Training kTrainings[] = {
      {"train recommend", storage::Stream::kEvents, train_recommend_again},
      {"train ranker", storage::Stream::kImpressions, train_if_enough}};
  bool began = false;
  for (const Training& one : kTrainings) {
    ZHIYIN_TRY(const auto end, s.log.end(one.learns_from));
    if (std::ranges::all_of(end, [](std::int64_t offset) { return offset == 0; })) continue;
    began = true;
    const auto work = [&s, train = one.work](RunContext& run) { return train(s, run); };
    if (!waits) {
      ZHIYIN_TRY_VOID(s.runs.start(one.kind, "", work));
      continue;
    }
    RunContext context;
    ZHIYIN_TRY_VOID(s.runs.run_now(one.kind, "", context, work));
  }
  return began;
}

}  // namespace zhiyin::server
