#include "ingest/event_catalogue.h"

#include <toml++/toml.h>

#include <algorithm>
#include <chrono>
#include <sstream>

#include "base/utf8.h"
#include "ingest/detail/kind_rules.h"

namespace zhiyin::ingest {
namespace {

constexpr storage::Migration kMigrations[] = {
    {"ingest-004-event-kinds",
     "CREATE TABLE event_kind (name TEXT PRIMARY KEY, version BIGINT NOT NULL);"
     "CREATE TABLE event_kind_version (name TEXT NOT NULL, version BIGINT NOT NULL, definition "
     "TEXT NOT NULL, "
     "PRIMARY KEY (name, version));"
     "CREATE TABLE event_kind_revision (id BIGINT PRIMARY KEY, revision BIGINT NOT NULL);"
     "INSERT INTO event_kind_revision (id, revision) VALUES (1, 0);"
     "CREATE TABLE kind_seen (kind TEXT PRIMARY KEY, n BIGINT NOT NULL, first_at BIGINT NOT NULL, "
     "last_at BIGINT NOT NULL)"},
};

constexpr std::size_t kTomlBytesMax = 1 << 20;
constexpr std::int64_t kLookEveryMs = 2'000;

Json to_json(const toml::node& node) {
  if (const auto* table = node.as_table()) {
    Json out = Json::object();
    for (const auto& [key, value] : *table) out.set(key.str(), to_json(value));
    return out;
  }
  if (const auto* array = node.as_array()) {
    Json out = Json::array();
    for (const auto& value : *array) out.push(to_json(value));
    return out;
  }
  if (const auto* s = node.as_string()) return Json(s->get());
  if (const auto* i = node.as_integer()) return Json(i->get());
  if (const auto* d = node.as_floating_point()) return Json(d->get());
  if (const auto* b = node.as_boolean()) return Json(b->get());
  return {};
}

bool is_numeric(PropertyType type) {
  return type == PropertyType::kInteger || type == PropertyType::kNumber;
}

Result<void> check_rule(std::string_view name, const KindPropertyRule& rule) {
  const std::string path = "properties." + std::string(name);
  if (name.empty() || name.size() > 128 || name == "personal")
    return fail_field(path, "is no name of a property");
  if ((rule.minimum || rule.maximum) && !is_numeric(rule.type)) {
    return fail_field(path + (rule.minimum ? ".minimum" : ".maximum"), "is for numbers, not for {}",
                      enum_name(rule.type));
  }
  if (rule.minimum && rule.maximum && *rule.minimum > *rule.maximum) {
    return fail_field(path + ".minimum", "{} is above the maximum {}", *rule.minimum,
                      *rule.maximum);
  }
  if (!rule.values.empty() && rule.type != PropertyType::kString)
    return fail_field(path + ".values", "are for strings, not for {}", enum_name(rule.type));
  if (rule.length_max != 0 && rule.type != PropertyType::kString &&
      rule.type != PropertyType::kArray) {
    return fail_field(path + ".length_max", "is for strings and arrays, not for {}",
                      enum_name(rule.type));
  }
  return {};
}

Result<void> check_definition(const KindDefinition& kind) {
  if (!is_kind_name(kind.name))
    return fail_field("name", "'{}' does not match [a-z][a-z0-9_.]{{0,63}}",
                      utf8::truncate(kind.name, 80));
  if (is_reserved_kind(kind.name))
    return fail_field("name", "'{}' is reserved for what Zhiyin itself does", kind.name);
  if (kind.properties.size() > kPropertiesPerKindMax) {
    return fail_field("properties", "has {} entries, at most {} are allowed",
                      kind.properties.size(), kPropertiesPerKindMax);
  }
  for (const auto& [name, rule] : kind.properties) ZHIYIN_TRY_VOID(check_rule(name, rule));
  if (kind.value && kind.value->minimum && kind.value->maximum &&
      *kind.value->minimum > *kind.value->maximum) {
    return fail_field("value.minimum", "{} is above the maximum {}", *kind.value->minimum,
                      *kind.value->maximum);
  }
  return {};
}

Result<KindDefinition> definition_in(const storage::Row& row) {
  ZHIYIN_TRY(const Json json, parse_json(storage::as_text(row[0])));
  ZHIYIN_TRY(KindDefinition kind, from_json<KindDefinition>(json));
  kind.version = storage::as_int(row[1]);
  return kind;
}

Result<std::vector<KindDefinition>> definitions_in(Result<storage::Rows> rows) {
  if (!rows) return std::unexpected(std::move(rows.error()));
  std::vector<KindDefinition> out;
  for (const storage::Row& row : rows->rows) {
    ZHIYIN_TRY(KindDefinition kind, definition_in(row));
    out.push_back(std::move(kind));
  }
  return out;
}

constexpr std::string_view kCurrent =
    "SELECT v.definition, v.version FROM event_kind k JOIN event_kind_version v ON v.name = k.name "
    "AND v.version = k.version ";

Result<std::int64_t> stored_version(storage::Session& session, const std::string& name) {
  ZHIYIN_TRY(const auto rows,
             session.query("SELECT version FROM event_kind WHERE name = ?1", {name}));
  return rows.rows.empty() ? 0 : storage::as_int(rows.rows[0][0]);
}

Result<void> check_expected(std::string_view name, const std::optional<std::int64_t>& expected,
                            std::int64_t stored) {
  if (!expected || *expected == stored) return {};
  return fail(ErrorCode::kConflict, "kind {}: is at version {}, not {}; read it again", name,
              stored, *expected);
}

Result<void> bump(storage::Session& session) {
  ZHIYIN_TRY_VOID(
      session.execute("UPDATE event_kind_revision SET revision = revision + 1 WHERE id = 1"));
  return {};
}

std::int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Result<std::vector<KindDefinition>> parse_kinds(std::string_view text) {
  if (text.size() > kTomlBytesMax)
    return fail(ErrorCode::kInvalidArgument, "kinds: has {} bytes, at most {} are read",
                text.size(), kTomlBytesMax);
  Json json;
  try {
    json = to_json(toml::parse(text));
  } catch (const toml::parse_error& e) {
    return fail(ErrorCode::kInvalidArgument, "kinds: line {}: {}", e.source().begin.line,
                e.description());
  }
  for (const auto& [name, value] : *json.if_object()) {
    if (name != "kinds")
      return fail_field(utf8::truncate(name, 64),
                        "there is no such table; kinds stand below [kinds.NAME]");
  }
  const Json::Object* kinds = json["kinds"].if_object();
  if (kinds == nullptr || kinds->empty())
    return fail_field("kinds", "is missing: declare kinds as [kinds.NAME]");
  std::vector<KindDefinition> out;
  for (const auto& [name, value] : *kinds) {
    Json one = value;
    if (one.if_object() == nullptr) return fail_field("kinds." + name, "expected a table");
    one.set("name", name);
    auto kind = from_json<KindDefinition>(one);
    if (kind) {
      if (auto ok = check_definition(*kind); !ok) kind = std::unexpected(std::move(ok.error()));
    }
    if (!kind) return std::unexpected(within("kinds." + name, std::move(kind.error())));
    out.push_back(std::move(*kind));
  }
  return out;
}

std::span<const storage::Migration> EventCatalogue::migrations() { return kMigrations; }

EventCatalogue::~EventCatalogue() = default;

Result<std::unique_ptr<EventCatalogue>> EventCatalogue::create(storage::State& state) {
  std::unique_ptr<EventCatalogue> made(new EventCatalogue(state));
  ZHIYIN_TRY_VOID(made->load());
  return made;
}

Result<std::vector<KindDefinition>> EventCatalogue::list() const {
  return definitions_in(state_.query(std::string(kCurrent) + "ORDER BY k.name"));
}

Result<KindDefinition> EventCatalogue::get(std::string_view name, std::int64_t version) const {
  const std::string key(name);
  ZHIYIN_TRY(auto found,
             definitions_in(version == 0
                                ? state_.query(std::string(kCurrent) + "WHERE k.name = ?1", {key})
                                : state_.query("SELECT definition, version FROM event_kind_version "
                                               "WHERE name = ?1 AND version = ?2",
                                               {key, version})));
  if (found.empty())
    return fail(ErrorCode::kNotFound, "kind {}: is not declared{}", utf8::truncate(name, 64),
                version == 0 ? "" : " in this version");
  return std::move(found[0]);
}

Result<KindDefinition> EventCatalogue::put(KindDefinition kind,
                                           std::optional<std::int64_t> expected) {
  ZHIYIN_TRY_VOID(check_definition(kind));
  ZHIYIN_TRY_VOID(state_.write([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY(const std::int64_t current, stored_version(session, kind.name));
    ZHIYIN_TRY_VOID(check_expected(kind.name, expected, current));
    ZHIYIN_TRY(const auto last, session.query("SELECT version, definition FROM event_kind_version "
                                              "WHERE name = ?1 ORDER BY version DESC LIMIT 1",
                                              {kind.name}));
    const std::int64_t newest = last.rows.empty() ? 0 : storage::as_int(last.rows[0][0]);
    kind.version = 0;  // versions do not make definitions differ
    const std::string text = zhiyin::to_json(kind).dump();
    if (current != 0 && current == newest && storage::as_text(last.rows[0][1]) == text) {
      kind.version = current;
      return {};
    }
    ZHIYIN_TRY(const auto count, session.query("SELECT COUNT(*) FROM event_kind"));
    if (current == 0 &&
        storage::as_int(count.rows.at(0).at(0)) >= static_cast<std::int64_t>(kDeclaredKindsMax)) {
      return fail(ErrorCode::kLimitReached, "kinds: {} are declared, that is the most",
                  kDeclaredKindsMax);
    }
    kind.version = newest + 1;
    ZHIYIN_TRY_VOID(session.execute(
        "INSERT INTO event_kind_version (name, version, definition) VALUES (?1, ?2, ?3)",
        {kind.name, kind.version, text}));
    ZHIYIN_TRY_VOID(
        session.execute("INSERT INTO event_kind (name, version) VALUES (?1, ?2) ON CONFLICT (name) "
                        "DO UPDATE SET version = excluded.version",
                        {kind.name, kind.version}));
    return bump(session);
  }));
  ZHIYIN_TRY_VOID(load());
  return kind;
}

Result<void> EventCatalogue::remove(std::string_view name, std::optional<std::int64_t> expected) {
  const std::string key(name);
  ZHIYIN_TRY_VOID(state_.write([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY(const std::int64_t current, stored_version(session, key));
    if (current == 0)
      return fail(ErrorCode::kNotFound, "kind {}: is not declared", utf8::truncate(name, 64));
    ZHIYIN_TRY_VOID(check_expected(name, expected, current));
    ZHIYIN_TRY_VOID(session.execute("DELETE FROM event_kind WHERE name = ?1", {key}));
    return bump(session);
  }));
  return load();
}

Result<std::vector<SeenKind>> EventCatalogue::seen() const {
  ZHIYIN_TRY(const auto rows,
             state_.query("SELECT kind, n, first_at, last_at FROM kind_seen ORDER BY kind"));
  std::map<std::string, SeenKind> by_name;
  for (const storage::Row& row : rows.rows) {
    const std::string_view kind = storage::as_text(row[0]);
    const bool bot = is_bot_kind(kind);
    const std::string name(bot ? kind.substr(kBotPrefix.size()) : kind);
    const Instant first{storage::as_int(row[2])};
    const Instant last{storage::as_int(row[3])};
    const auto [at, added] = by_name.try_emplace(name, SeenKind{name, 0, 0, first, last});
    (bot ? at->second.bots : at->second.events) += storage::as_int(row[1]);
    at->second.first_at = std::min(at->second.first_at, first);
    at->second.last_at = std::max(at->second.last_at, last);
  }
  std::vector<SeenKind> out;
  for (auto& [name, kind] : by_name) out.push_back(std::move(kind));
  return out;
}

Result<void> EventCatalogue::load() {
  // The revision is read before the kinds: a change in between is read again at the next look.
  ZHIYIN_TRY(const auto rows,
             state_.query("SELECT revision FROM event_kind_revision WHERE id = 1"));
  const std::int64_t revision = rows.rows.empty() ? 0 : storage::as_int(rows.rows[0][0]);
  {
    const MutexLock lock(mutex_);
    if (rules_ && revision == revision_) return {};
  }
  ZHIYIN_TRY(auto kinds, list());
  auto rules = std::make_shared<const detail::KindRules>(std::move(kinds));
  const MutexLock lock(mutex_);
  if (revision < revision_) return {};
  rules_ = std::move(rules);
  revision_ = revision;
  return {};
}

std::shared_ptr<const detail::KindRules> EventCatalogue::rules() {
  const std::int64_t now = steady_ms();
  std::int64_t looked = looked_at_ms_.load(std::memory_order_relaxed);
  // One thread looks; when it cannot, the rules that are known go on.
  if (now - looked > kLookEveryMs && looked_at_ms_.compare_exchange_strong(looked, now))
    (void)load();
  const MutexLock lock(mutex_);
  return rules_;
}

Result<void> KindCounts::apply(storage::Session& session, std::span<const LoggedEvent> events) {
  struct Count {
    std::int64_t n = 0;
    Instant first_at;
    Instant last_at;
  };
  std::map<std::string_view, Count> counts;
  for (const LoggedEvent& logged : events) {
    const Event& e = logged.event;
    Count& count = counts[e.kind];
    count.first_at = count.n == 0 ? e.occurred_at : std::min(count.first_at, e.occurred_at);
    count.last_at = count.n == 0 ? e.occurred_at : std::max(count.last_at, e.occurred_at);
    ++count.n;
  }
  constexpr std::string_view kAdd =
      "INSERT INTO kind_seen (kind, n, first_at, last_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT "
      "(kind) DO UPDATE SET n = kind_seen.n + excluded.n,"
      " first_at = CASE WHEN excluded.first_at < kind_seen.first_at THEN excluded.first_at ELSE "
      "kind_seen.first_at END,"
      " last_at = CASE WHEN excluded.last_at > kind_seen.last_at THEN excluded.last_at ELSE "
      "kind_seen.last_at END";
  for (const auto& [kind, count] : counts) {
    std::string name(kind);
    ZHIYIN_TRY(const auto known, session.query("SELECT 1 FROM kind_seen WHERE kind = ?1", {name}));
    if (known.rows.empty()) {
      ZHIYIN_TRY(const auto all, session.query("SELECT COUNT(*) FROM kind_seen"));
      if (storage::as_int(all.rows.at(0).at(0)) >= kSeenKindsMax)
        name = is_bot_kind(kind) ? "bot.other" : "other";
    }
    ZHIYIN_TRY_VOID(session.execute(kAdd, {name, count.n, count.first_at.us, count.last_at.us}));
  }
  return {};
}

}  // namespace zhiyin::ingest
