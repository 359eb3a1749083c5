#include "server/ranker_job.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <tuple>

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

/// What people liked, to make their tastes as of a moment from: in the factors of a version.
class TasteHistory {
 public:
  /// Empty where there is no version in use, or it has no factors.
  static Result<TasteHistory> read(Services& s, const ShownHistory& shown, Instant as_of) {
    TasteHistory out;
    ZHIYIN_TRY(const auto recommender, s.recommendations.serving());
    if (recommender->model().ials() == nullptr) return out;
    out.recommender_ = recommender;
    const recommend::RecommendModel& model = recommender->model();
    std::vector<std::string> kinds;
    for (const auto& [kind, weight] : recommend::TrainParams::default_kind_weights())
      kinds.push_back(kind);
    ZHIYIN_TRY_VOID(recommend::warehouse_rows(s.warehouse, std::move(kinds),
                                              as_of)([&](const recommend::InteractionRow& row) {
      const auto person = shown.people.find(std::string(row.person));
      if (person == shown.people.end() || model.kind_weight(row.kind, row.value) <= 0) return;
      if (const auto item = model.find(row.item))
        out.likings_.push_back({person->second, row.at, *item});
    }));
    std::ranges::sort(out.likings_, {},
                      [](const Liking& l) { return std::tuple(l.person, l.at, l.item); });
    return out;
  }

  /// Lives as long as this.
  recommend::Tastes tastes() {
    if (!recommender_) return {};
    return {recommender_->model_id(), recommender_->model().ials()->width(),
            [this](const recommend::ShownList& list) { return of(list); }};
  }

 private:
  struct Liking {
    std::uint32_t person = 0;
    Instant at;
    std::uint32_t item = 0;
  };

  std::span<const float> of(const recommend::ShownList& list) {
    constexpr std::size_t kNewest = 50;
    const auto key = [](const Liking& l) { return std::pair(l.person, l.at); };
    auto end =
        std::ranges::lower_bound(likings_, std::pair(list.person, list.impression.at), {}, key);
    history_.clear();
    while (end != likings_.begin() && history_.size() < kNewest) {
      --end;
      if (end->person != list.person) break;
      if (std::ranges::find(history_, end->item) == history_.end()) history_.push_back(end->item);
    }
    if (history_.empty()) return {};
    const recommend::Ials& ials = *recommender_->model().ials();
    taste_.resize(ials.width());
    ials.fold_in(history_, taste_, scratch_);
    return taste_;
  }

  /// Shared with those who serve from it; immutable.
  std::shared_ptr<const recommend::Recommender> recommender_;
  std::vector<Liking> likings_;
  std::vector<std::uint32_t> history_;
  std::vector<float> taste_;
  recommend::IalsScratch scratch_;
};

}  // namespace

recommend::FactsOf item_facts_in(const catalogue::ItemIndex& index) {
  return [&index](const recommend::ItemRef& ref) -> std::optional<recommend::ItemFacts> {
    const catalogue::IndexedItem* const item = index.find(ref);
    if (item == nullptr) return std::nullopt;
    return recommend::ItemFacts{ref, item->category, item->price_fen,
                                item->published_at.value_or(Instant{})};
  };
}

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
  ZHIYIN_TRY(TasteHistory likings, TasteHistory::read(s, history, now));
  params.tastes = likings.tastes();
  params.progress = [&run](double share) {
    run.report(share, "训练中 / training");
    return !run.cancelled();
  };
  const recommend::FactsOf facts = item_facts_in(*index);
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

namespace {

struct Training {
  std::string_view kind;   ///< of the run
  std::string_view model;  ///< of the registry
  storage::Stream learns_from;
  Result<Json> (*work)(Services&, RunContext&);
};

/// A night's training; then old versions go, so that they do not fill the state.
Result<Json> train_by_the_clock(Services& s, const Training& training, RunContext& run) {
  constexpr std::size_t kKept = 30;
  constexpr std::size_t kKeptActivated = 5;
  ZHIYIN_TRY(Json out, training.work(s, run));
  ZHIYIN_TRY(const std::size_t removed, s.models.forget_older(training.model, kKept, kKeptActivated,
                                                              s.recommendations.other_version()));
  if (removed > 0)
    s.logger.info("recommend", "old_versions_removed",
                  {{"kind", training.model}, {"versions", removed}});
  return out;
}

}  // namespace

Result<bool> train_when_due(Services& s, bool waits) {
  const std::string& at = s.options.text("recommend.train_at");
  if (at.empty()) return false;
  ZHIYIN_TRY(const Duration into_day, parse_time_of_day("recommend.train_at", at));
  const std::int64_t day = local_day(s.clock.now() - into_day, TimeZone::shanghai());
  ZHIYIN_TRY(const bool due, claim_day(s.state, day));
  if (!due) return false;
  constexpr Training kTrainings[] = {{"train recommend", recommend::RecommendModel::kKind,
                                      storage::Stream::kEvents, train_recommend_again},
                                     {"train ranker", recommend::ResponseRanker::kKind,
                                      storage::Stream::kImpressions, train_if_enough}};
  std::vector<Training> due_now;
  for (const Training& one : kTrainings) {
    ZHIYIN_TRY(const auto end, s.log.end(one.learns_from));
    if (std::ranges::any_of(end, [](std::int64_t offset) { return offset > 0; }))
      due_now.push_back(one);
  }
  if (due_now.empty()) return false;
  if (waits) {
    for (const Training& one : due_now) {
      RunContext context;
      ZHIYIN_TRY_VOID(s.runs.run_now(one.kind, "", context, [&s, one](RunContext& run) {
        return train_by_the_clock(s, one, run);
      }));
    }
    return true;
  }
  // One after the other: the ranker learns tastes in the factors of the new recommender.
  const auto start = [&s](const Training& one, const std::optional<Training>& then) {
    return s.runs.start(one.kind, "", [&s, one, then](RunContext& run) {
      auto out = train_by_the_clock(s, one, run);
      if (then && !run.stopping()) {
        const auto started = s.runs.start(then->kind, "", [&s, next = *then](RunContext& own) {
          return train_by_the_clock(s, next, own);
        });
        if (!started)
          s.logger.error("recommend", "training_not_started", {{"reason", started.error().text()}});
      }
      return out;
    });
  };
  ZHIYIN_TRY_VOID(start(due_now[0], due_now.size() > 1 ? std::optional(due_now[1]) : std::nullopt));
  return true;
}

}  // namespace zhiyin::server
