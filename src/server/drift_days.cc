#include "server/drift_days.h"

#include <charconv>
#include <map>

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
  return {};
}

Result<Json> DriftDays::report(const std::string& name, const DriftWindow& window) {
  ZHIYIN_TRY(const auto served, language_.classifier(name));
  const auto& reference = served->model.reference();
  Json out = Json().set("name", name).set("version", served->version);
  out.set("window", window.days == 0 ? std::string("last") : fmt::format("{}d", window.days));
  if (reference.rows == 0)
    return out.set("texts", 0)
        .set("problem",
             "the model keeps no reference; one trained by this version of the program does");
  if (window.days == 0)
    return append(std::move(out),
                  with_names(drift_report(reference, language_.last_drift(name, *served)),
                             served->model.classes()));
  const MutexLock lock(mutex_);
  const std::int64_t day = today();
  std::map<std::int64_t, DriftCounts> days;
  if (auto now = language_.untaken_drift(name, *served); now.rows > 0)
    days.emplace(day, std::move(now));
  ZHIYIN_TRY(const auto rows,
             state_.query("SELECT day, counts FROM drift_day WHERE model = ?1 AND version = ?2 AND "
                          "day > ?3 AND day <= ?4",
                          {name, served->version, day - window.days, day}));
  for (const auto& row : rows.rows) {
    ZHIYIN_TRY(const auto counts, counts_of(storage::as_text(row[1]), model::no_counts(reference)));
    const auto [at, fresh] = days.try_emplace(storage::as_int(row[0]), counts);
    if (!fresh) model::add_counts(at->second, counts);
  }
  DriftCounts sum = model::no_counts(reference);
  Json by_day = Json::array();
  for (const auto& [at, counts] : days) {
    model::add_counts(sum, counts);
    if (counts.rows == 0) continue;
    const auto indexes = model::drift_indexes(reference, counts);
    by_day.push(append(Json().set("day", date_of(at)).set("texts", counts.rows),
                       model::to_json(std::span<const model::DriftIndex>(indexes))));
  }
  out = append(std::move(out), with_names(drift_report(reference, sum), served->model.classes()));
  return out.set("days", std::move(by_day));
}

}  // namespace zhiyin::server
