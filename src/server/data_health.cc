#include "server/data_health.h"

#include <array>

#include "ingest/intake_quality.h"
#include "storage/size.h"

namespace zhiyin::server {
namespace {

constexpr storage::Migration kMigrations[] = {
    {"server-006-store-size",
     "CREATE TABLE store_size (at BIGINT NOT NULL, store TEXT NOT NULL, bytes BIGINT NOT NULL, "
     "PRIMARY KEY (at, store)) /*clustered*/"}};
constexpr std::array<std::string_view, 3> kStores{"log", "state", "warehouse"};
constexpr Duration kNoteEvery = std::chrono::hours(1);
constexpr Duration kGrowthOver = 7 * kDay;
constexpr Duration kQualityOver = 30 * kDay;
constexpr Duration kRateOver = std::chrono::hours(1);
constexpr std::size_t kPointsMax = 200;

/// Nothing where the store cannot say.
std::array<std::optional<std::int64_t>, 3> sizes(Services& s) {
  std::array<std::optional<std::int64_t>, 3> out;
  const auto keep = [](const Result<std::int64_t>& bytes) {
    return bytes ? std::optional(*bytes) : std::nullopt;
  };
  out[0] = keep(storage::log_bytes(s.options.text("storage.log")));
  out[1] = keep(storage::state_bytes(s.options.text("storage.state"), s.state));
  out[2] = keep(storage::warehouse_bytes(s.options.text("storage.warehouse"), s.warehouse));
  return out;
}

struct Note {
  std::int64_t at = 0;
  std::array<std::optional<std::int64_t>, 3> bytes;
};

/// In order of time.
Result<std::vector<Note>> notes(storage::State& state) {
  ZHIYIN_TRY(const auto rows, state.query("SELECT at, store, bytes FROM store_size ORDER BY at"));
  std::vector<Note> out;
  for (const auto& row : rows.rows) {
    const std::int64_t at = storage::as_int(row[0]);
    if (out.empty() || out.back().at != at) out.push_back({at, {}});
    for (std::size_t i = 0; i < kStores.size(); ++i) {
      if (storage::as_text(row[1]) == kStores[i]) out.back().bytes[i] = storage::as_int(row[2]);
    }
  }
  return out;
}

Json count_or_null(const std::optional<std::int64_t>& count) {
  return count ? Json(*count) : Json();
}

/// Bytes a day since the oldest note of the last week; nothing before there is one of an hour ago.
Json growth_per_day(const std::vector<Note>& notes, std::size_t store,
                    std::optional<std::int64_t> bytes, Instant now) {
  for (const Note& note : notes) {
    const Duration ago(now.us - note.at);
    if (ago > kGrowthOver || !note.bytes[store]) continue;
    if (ago < kNoteEvery || !bytes) break;
    return static_cast<std::int64_t>(static_cast<double>(*bytes - *note.bytes[store]) *
                                     static_cast<double>(Duration(kDay).count()) /
                                     static_cast<double>(ago.count()));
  }
  return {};
}

Json curve(const std::vector<Note>& notes) {
  Json out = Json::array();
  const std::size_t step = notes.size() / kPointsMax + 1;
  for (std::size_t i = 0; i < notes.size(); ++i) {
    if (i % step != 0 && i + 1 != notes.size()) continue;
    Json point = Json().set("at", to_json(Instant{notes[i].at}));
    for (std::size_t store = 0; store < kStores.size(); ++store)
      point.set(std::string(kStores[store]), count_or_null(notes[i].bytes[store]));
    out.push(std::move(point));
  }
  return out;
}

template <class T>
Json listed(const std::vector<T>& values) {
  Json out = Json::array();
  for (const T& value : values) out.push(zhiyin::to_json(value));
  return out;
}

Json since_start(MetricsRegistry& metrics) {
  Json out;
  for (const std::string_view verdict : {"accepted", "duplicate", "quarantined"}) {
    out.set(std::string(verdict),
            metrics
                .counter("zhiyin_events_received_total", "Events by what became of them at intake",
                         fmt::format("verdict=\"{}\"", verdict))
                .value());
  }
  return out;
}

}  // namespace

std::span<const storage::Migration> data_health_migrations() { return kMigrations; }

Result<void> note_sizes(Services& s) {
  const Instant now = s.clock.now();
  ZHIYIN_TRY(const auto last, s.state.query("SELECT MAX(at) FROM store_size"));
  if (!storage::is_null(last.rows.at(0).at(0)) &&
      now.us - storage::as_int(last.rows[0][0]) < kNoteEvery.count())
    return {};
  const auto bytes = sizes(s);
  return s.state.write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY_VOID(db.execute("DELETE FROM store_size WHERE at < ?1", {(now - kSizesKept).us}));
    for (std::size_t i = 0; i < kStores.size(); ++i) {
      if (!bytes[i]) continue;
      ZHIYIN_TRY_VOID(
          db.execute("INSERT INTO store_size (at, store, bytes) VALUES (?1, ?2, ?3) ON CONFLICT "
                     "(at, store) DO UPDATE SET bytes = ?3",
                     {now.us, std::string(kStores[i]), *bytes[i]}));
    }
    return {};
  });
}

Result<Json> data_health(Services& s) {
  const Instant now = s.clock.now();
  ZHIYIN_TRY(const auto rate, ingest::intake_rate(s.warehouse, now - kRateOver, now));
  ZHIYIN_TRY(const auto quality, ingest::intake_quality(s.warehouse, s.state, now - kQualityOver));
  ZHIYIN_TRY(const auto history, notes(s.state));
  ZHIYIN_TRY(const std::int64_t quarantined, s.quarantine.count());
  Json minutes = Json::array();
  for (const auto& m : rate)
    minutes.push(Json().set("at", to_json(m.at)).set("way", m.way).set("count", m.count));
  Json lag = Json::array();
  const std::int64_t state_lag = s.pipeline.lag();
  lag.push(Json().set("projection", "state").set("records", state_lag));
  lag.push(Json().set("projection", "warehouse").set("records", s.lag() - state_lag));
  const auto bytes = sizes(s);
  Json stores = Json::array();
  for (std::size_t i = 0; i < kStores.size(); ++i) {
    stores.push(Json()
                    .set("store", kStores[i])
                    .set("bytes", count_or_null(bytes[i]))
                    .set("growth_per_day", growth_per_day(history, i, bytes[i], now)));
  }
  Json out =
      Json().set("as_of", to_json(now)).set("rate", std::move(minutes)).set("lag", std::move(lag));
  out.set("since_start", since_start(s.metrics))
      .set("ways", listed(quality.ways))
      .set("reasons", listed(quality.reasons));
  out.set("quarantined", quarantined).set("stores", std::move(stores)).set("sizes", curve(history));
  return out;
}

}  // namespace zhiyin::server
