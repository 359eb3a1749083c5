#include "audience/response_training.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "audience/features.h"

namespace zhiyin::audience {
namespace {

constexpr std::size_t kPeoplePerRead = 200;
/// Of the progress bar: reading people takes longer than fitting.
constexpr double kReadingShare = 0.8;

bool responded(const PersonView& view, const ResponseTraining& training) {
  return std::ranges::any_of(view.activity, [&](const Activity& a) {
    return a.at > training.as_of && a.at <= training.as_of + training.horizon &&
           std::ranges::find(training.label_kinds, a.kind) != training.label_kinds.end();
  });
}

bool known_by(const PersonView& view, Instant as_of) {
  return std::ranges::any_of(
      view.activity, [&](const Activity& a) { return a.at <= as_of && is_behaviour(a.kind); });
}

Json settings_of(const ResponseTraining& training, const model::TrainedResponse& trained) {
  Json kinds = Json::array();
  for (const std::string& kind : training.label_kinds) kinds.push(kind);
  Json settings = trained.settings_json();
  settings.set("kinds", std::move(kinds));
  settings.set("horizon", format_duration(training.horizon));
  settings.set("as_of", format_utc(training.as_of));
  return settings;
}

Result<void> check(const ResponseTraining& training) {
  if (training.label_kinds.empty()) return fail_field("label_kinds", "is empty");
  if (training.horizon.count() <= 0) return fail_field("horizon", "is not above 0");
  return {};
}

}  // namespace

Result<model::FeatureTable> response_table(const People& people, const ResponseTraining& training,
                                           const std::function<bool(std::size_t)>& progress,
                                           std::size_t people_max) {
  ZHIYIN_TRY_VOID(check(training));
  model::FeatureTable table;
  for (const std::string_view name : feature_names()) table.names.emplace_back(name);
  PersonId after;
  std::size_t seen = 0;
  while (seen < people_max) {
    ZHIYIN_TRY(const auto views, people.views(after, std::min(kPeoplePerRead, people_max - seen)));
    if (views.empty()) break;
    for (const PersonView& view : views) {
      if (!known_by(view, training.as_of)) continue;
      table.add(storage::to_hex(view.identities.front()), feature_vector(view, training.as_of),
                responded(view, training) ? 1 : 0);
    }
    seen += views.size();
    after = views.back().id;
    if (progress && !progress(seen))
      return fail(ErrorCode::kDeadline, "response training: cancelled");
  }
  return table;
}

namespace {

/// Whether the test part shows more than guessing would.
bool tells_responders(const model::TrainedResponse& trained) {
  const auto area = trained.test.intervals.find("auc");
  return area != trained.test.intervals.end() && area->second.low > 0.5;
}

std::string doubt(const model::TrainedResponse& trained) {
  const auto area = trained.test.values.find("auc");
  const auto interval = trained.test.intervals.find("auc");
  if (area == trained.test.values.end() || interval == trained.test.intervals.end())
    return "未启用：测试集里只有一类人，无法评估 / not activated: the test part has people of one "
           "kind "
           "only, so nothing can be said about the model";
  return fmt::format(
      "未启用：测试集 {3} 人的 AUC 为 {0:.2f}（95% 区间 {1:.2f} 到 "
      "{2:.2f}），与猜测没有明显差别；请积累更多响应后再训练 / "
      "not activated: AUC {0:.2f} (95 % interval {1:.2f} to {2:.2f}) on the {3} people of the test "
      "part is not clearly "
      "better than guessing; train again with more responses",
      area->second, interval->second.low, interval->second.high, trained.test_rows);
}

}  // namespace

Result<model::ModelRecord> train_and_store_response(const People& people, model::Registry& registry,
                                                    const ResponseTraining& training, Instant now) {
  ZHIYIN_TRY(const std::int64_t total, people.count());
  model::ResponseSettings settings = training.settings;
  const auto outer = settings.progress;
  ZHIYIN_TRY(
      const model::FeatureTable table, response_table(people, training, [&](std::size_t seen) {
        const double share =
            static_cast<double>(seen) / static_cast<double>(std::max<std::int64_t>(total, 1));
        return !outer || outer(std::min(share, 1.0) * kReadingShare);
      }));
  if (outer)
    settings.progress = [&](double done) {
      return outer(kReadingShare + (1 - kReadingShare) * done);
    };
  ZHIYIN_TRY(const model::TrainedResponse trained, model::train_response(table, settings));
  model::NewModel stored;
  stored.kind = std::string(model::ResponseModel::kKind);
  stored.window =
      Json::object().set("from", Json()).set("to", format_utc(training.as_of + training.horizon));
  stored.settings = settings_of(training, trained);
  std::vector<std::string> warnings = trained.warnings;
  const bool tells = tells_responders(trained);
  if (!tells) warnings.push_back(doubt(trained));
  stored.metrics = trained.metrics_json();
  stored.metrics.set("warnings", to_json(warnings));
  stored.bytes = trained.model.encode();
  return registry.save(stored, now, tells);
}

Result<std::shared_ptr<const ResponseScorer::Loaded>> ResponseScorer::load() const {
  ZHIYIN_TRY(const auto active, registry_.active(model::ResponseModel::kKind));
  const MutexLock lock(mutex_);
  if (!active) {
    loaded_ = nullptr;
  } else if (!loaded_ || loaded_->id != active->id || loaded_->checksum != active->checksum) {
    ZHIYIN_TRY(const std::string bytes, registry_.load(active->id));
    ZHIYIN_TRY(auto decoded, model::ResponseModel::decode(bytes));
    loaded_ =
        std::make_shared<const Loaded>(Loaded{active->id, active->checksum, std::move(decoded)});
  }
  return loaded_;
}

Result<std::optional<ResponseScore>> ResponseScorer::score(const PersonView& view,
                                                           Instant as_of) const {
  ZHIYIN_TRY(const auto loaded, load());
  if (!loaded) return std::optional<ResponseScore>();
  const std::vector<double> values = feature_vector(view, as_of);
  const auto names = feature_names();
  std::map<std::string, double> by_name;
  for (std::size_t i = 0; i < names.size(); ++i) by_name.emplace(names[i], values[i]);
  // The model may be from a version of the program with other features.
  std::vector<double> ordered;
  for (const std::string& name : loaded->model.feature_names()) {
    const auto found = by_name.find(name);
    ordered.push_back(found == by_name.end() ? std::nan("") : found->second);
  }
  return std::optional(ResponseScore{loaded->model.probability(ordered), loaded->id,
                                     loaded->model.explain(ordered)});
}

Result<std::optional<ResponseScore>> response_score(model::Registry& registry, const People& people,
                                                    const PersonId& person, Instant as_of) {
  ZHIYIN_TRY(const PersonView view, people.view(person, kActivityAll));
  return ResponseScorer(registry).score(view, as_of);
}

}  // namespace zhiyin::audience
