#include "server/drift_days.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace zhiyin::server {
namespace {

using model::DriftCounts;

constexpr storage::Migration kMigrations[] = {
    {"server-013-drift-day",
     "CREATE TABLE drift_day (model TEXT NOT NULL, version TEXT NOT NULL, day BIGINT NOT NULL,"
     " counts TEXT NOT NULL, PRIMARY KEY (model, version, day)) /*clustered*/;"
     "CREATE INDEX drift_day_by_day ON drift_day (day)"}};

/// Of one day: a class each, 10 bins and 256 n-grams.
constexpr std::size_t kCountsBytesMax = 4 << 20;

Result<DriftCounts> counts_of(std::string_view text, const DriftCounts& like) {
  const auto json = parse_json(text, kCountsBytesMax);
  if (!json) return fail(ErrorCode::kDataLoss, "drift: {}", json.error().message);
  return model::drift_counts_of(*json, like);
}

/// False where other counts stand there, which do not fit: these take their place.
Result<bool> add_to_day(storage::Session& db, const Language::DriftSeen& seen, std::int64_t day) {
  DriftCounts sum = seen.counts;
  bool fits = true;
  ZHIYIN_TRY(const auto rows, db.query("SELECT counts FROM drift_day WHERE model = ?1 AND version "
                                       "= ?2 AND day = ?3",
                                       {seen.name, seen.version, day}));
  if (!rows.rows.empty()) {
    const auto stored = counts_of(storage::as_text(rows.rows[0][0]), seen.counts);
    fits = stored.has_value();
    if (stored) model::add_counts(sum, *stored);
  }
  ZHIYIN_TRY_VOID(
      db.execute("INSERT INTO drift_day (model, version, day, counts) VALUES (?1, ?2, ?3, ?4) ON "
                 "CONFLICT (model, version, day) DO UPDATE SET counts = ?4",
                 {seen.name, seen.version, day, to_json(sum).dump()}));
  return fits;
}

std::string date_of(std::int64_t day) {
  constexpr std::size_t kDateBytes = 10;
  const TimeZone& zone = TimeZone::shanghai();
  return format_time(day_start(day, zone), zone).substr(0, kDateBytes);
}

/// Drift knows classes by their places.
Json with_names(const Json& report, const std::vector<std::string>& classes) {
  Json out;
  for (const auto& [key, value] : *report.if_object()) {
    if (key != "labels") {
      out.set(key, value);
      continue;
    }
    Json labels = Json::array();
    const Json::Array& rows = *value.if_array();
    for (std::size_t i = 0; i < rows.size(); ++i)
      labels.push(Json(rows[i]).set("label", classes[i]));
    out.set("labels", std::move(labels));
  }
  return out;
}

Json alert_json(const model::DriftAlert& alert, const model::DriftAlertRule& rule) {
  const auto date = [](const std::optional<std::int64_t>& day) {
    return day ? Json(date_of(*day)) : Json();
  };
  Json out = Json().set("state", model::to_string(alert.state)).set("since", date(alert.since));
  out.set("day", date(alert.day));
  out.set("index", alert.day ? Json(alert.index) : Json());
  out.set("psi", alert.day ? Json(alert.psi) : Json());
  return out.set("above", rule.above)
      .set("texts_min", rule.texts_min)
      .set("days_in_a_row", rule.days);
}

Json append(Json to, const Json& more) {
  for (const auto& [key, value] : *more.if_object()) to.set(key, value);
  return to;
}

}  // namespace

std::span<const storage::Migration> DriftDays::migrations() { return kMigrations; }

Result<DriftWindow> DriftWindow::parse(std::string_view text) {
  if (text == "last") return DriftWindow{0};
  DriftWindow out{0};
  const char* const end = text.data() + text.size();
  const auto [stop, ec] = std::from_chars(text.data(), end, out.days);
  if (ec != std::errc() || std::string_view(stop, end) != "d" || out.days < 1 ||
      out.days > kDaysMax)
    return fail_field("window", "'{}' is neither last nor days, 1d to {}d", text.substr(0, 40),
                      kDaysMax);
  return out;
}

std::int64_t DriftDays::today() const { return local_day(clock_.now(), TimeZone::shanghai()); }

Result<void> DriftDays::save() {
  const MutexLock lock(mutex_);
  auto seen = language_.take_drift();
  if (seen.empty()) return {};
  const std::int64_t day = today();
  std::vector<std::string> replaced;
  // In turn: processes that save at the same time add to the same rows.
  auto saved = state_.write_in_turn([&](storage::Session& db) -> Result<void> {
    replaced.clear();
    for (const auto& one : seen) {
      ZHIYIN_TRY(const bool fits, add_to_day(db, one, day));
      if (!fits) replaced.push_back(one.version);
    }
    ZHIYIN_TRY_VOID(db.execute("DELETE FROM drift_day WHERE day < ?1", {day - kDaysKept}));
    return {};
  });
  if (!saved) {
    language_.give_back_drift(std::move(seen));
    return saved;
  }
  for (const std::string& version : replaced)
    logger_.warning("server", "drift_counts_replaced",
                    {{"version", version}, {"reason", "those of today do not fit its reference"}});
  std::vector<std::string> names;
  for (const auto& one : seen) names.push_back(one.name);
  tell_alerts(names);
  return {};
}

/// Best effort: what cannot be read now is told with the next texts.
void DriftDays::tell_alerts(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto served = language_.drift_subject(name);
    if (!served) continue;
    const auto days = days_of(name, **served, today() - kAlertDays + 1);
    if (!days) continue;
    const auto alert = alert_of(**served, *days);
    if (!alert) continue;
    const auto before = std::exchange(told_[name], alert->state);
    const bool was_open = before != statistics::AlertState::kIdle;
    if (alert->open() && (!was_open || (alert->state == statistics::AlertState::kEscalated &&
                                        before != statistics::AlertState::kEscalated)))
      logger_.warning("server", "model_drifts",
                      {{"name", name},
                       {"version", (*served)->version},
                       {"state", model::to_string(alert->state)},
                       {"index", alert->index},
                       {"psi", fmt::format("{:.3f}", alert->psi)}});
    if (was_open && !alert->open())
      logger_.info("server", "model_drifts_no_more",
                   {{"name", name}, {"version", (*served)->version}});
  }
}

Result<DriftDays::Days> DriftDays::days_of(const std::string& name,
                                           const Language::DriftSubject& served,
                                           std::int64_t first_day) {
  const auto& reference = served.reference;
  const std::int64_t day = today();
  Days out;
  if (auto now = language_.untaken_drift(name, served); now.rows > 0)
    out.emplace(day, std::move(now));
  ZHIYIN_TRY(const auto rows,
             state_.query("SELECT day, counts FROM drift_day WHERE model = ?1 AND version = ?2 AND "
                          "day >= ?3 AND day <= ?4",
                          {name, served.version, first_day, day}));
  for (const auto& row : rows.rows) {
    ZHIYIN_TRY(const auto counts, counts_of(storage::as_text(row[1]), model::no_counts(reference)));
    const auto [at, fresh] = out.try_emplace(storage::as_int(row[0]), counts);
    if (!fresh) model::add_counts(at->second, counts);
  }
  return out;
}

Result<model::DriftAlert> DriftDays::alert_of(const Language::DriftSubject& served,
                                              const Days& days) const {
  std::vector<model::DriftDay> list;
  for (const auto& [day, counts] : days)
    if (day > today() - kAlertDays) list.push_back({day, counts});
  return model::drift_alert(served.reference, list, rule_);
}

Result<Json> DriftDays::alerts() {
  const MutexLock lock(mutex_);
  std::set<std::string> names;
  ZHIYIN_TRY(const auto rows, state_.query("SELECT DISTINCT model FROM drift_day WHERE day > ?1",
                                           {today() - kAlertDays}));
  for (const auto& row : rows.rows) names.insert(std::string(storage::as_text(row[0])));
  Json out = Json::array();
  for (const std::string& name : names) {
    const auto served = language_.drift_subject(name);
    if (!served) continue;
    ZHIYIN_TRY(const Days days, days_of(name, **served, today() - kAlertDays + 1));
    ZHIYIN_TRY(const auto alert, alert_of(**served, days));
    if (!alert.open()) continue;
    Json one = Json().set("name", name).set("version", (*served)->version);
    out.push(append(std::move(one), alert_json(alert, rule_)));
  }
  return out;
}

Result<Json> DriftDays::report(const std::string& name, const DriftWindow& window) {
  ZHIYIN_TRY(const auto served, language_.drift_subject(name));
  const auto& reference = served->reference;
  Json out = Json().set("name", name).set("version", served->version);
  out.set("window", window.days == 0 ? std::string("last") : fmt::format("{}d", window.days));
  if (reference.rows == 0)
    return out.set("texts", 0)
        .set("problem",
             "the model keeps no reference; one trained by this version of the program does");
  const MutexLock lock(mutex_);
  const std::int64_t day = today();
  ZHIYIN_TRY(Days days, days_of(name, *served, day - std::max(window.days, kAlertDays) + 1));
  ZHIYIN_TRY(const auto alert, alert_of(*served, days));
  out.set("alert", alert_json(alert, rule_));
  if (window.days == 0)
    return append(
        std::move(out),
        with_names(drift_report(reference, language_.last_drift(name, *served)), served->classes));
  days.erase(days.begin(), days.upper_bound(day - window.days));
  DriftCounts sum = model::no_counts(reference);
  Json by_day = Json::array();
  for (const auto& [at, counts] : days) {
    model::add_counts(sum, counts);
    if (counts.rows == 0) continue;
    const auto indexes = model::drift_indexes(reference, counts);
    by_day.push(append(Json().set("day", date_of(at)).set("texts", counts.rows),
                       model::to_json(std::span<const model::DriftIndex>(indexes))));
  }
  out = append(std::move(out), with_names(drift_report(reference, sum), served->classes));
  return out.set("days", std::move(by_day));
}

}  // namespace zhiyin::server
