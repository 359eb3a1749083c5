#include "model/registry.h"

#include "base/crypto.h"

namespace zhiyin::model {
namespace {

using storage::Blob;
using storage::Row;
using storage::Rows;
using storage::Session;
using storage::Value;

// `activation` orders what was active when: the highest of a kind is the one in use, 0 was never
// active or has been rolled back.
constexpr storage::Migration kMigrations[] = {{"model-001-registry", R"(
  CREATE TABLE model (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    data_window TEXT NOT NULL,
    settings TEXT NOT NULL,
    metrics TEXT NOT NULL,
    checksum TEXT NOT NULL,
    artefact BYTEA NOT NULL,
    activation BIGINT NOT NULL,
    activated_at BIGINT,
    UNIQUE (kind, version)
  );
)"}};

constexpr std::string_view kColumns =
    "m.id, m.kind, m.version, m.created_at, m.data_window, m.settings, m.metrics, m.checksum, "
    "CASE WHEN m.activation > 0 AND m.activation = (SELECT MAX(o.activation) FROM model o "
    "WHERE o.kind = m.kind) THEN 1 ELSE 0 END";

Result<Json> stored_json(const Value& cell) {
  auto parsed = parse_json(storage::as_text(cell));
  if (!parsed) return fail(ErrorCode::kDataLoss, "model registry: {}", parsed.error().message);
  return parsed;
}

Result<ModelRecord> record_of(const Row& row) {
  ModelRecord out;
  out.id = storage::as_text(row[0]);
  out.kind = storage::as_text(row[1]);
  out.version = storage::as_int(row[2]);
  out.created_at = {storage::as_int(row[3])};
  ZHIYIN_TRY(out.window, stored_json(row[4]));
  ZHIYIN_TRY(out.settings, stored_json(row[5]));
  ZHIYIN_TRY(out.metrics, stored_json(row[6]));
  out.checksum = storage::as_text(row[7]);
  out.active = storage::as_int(row[8]) == 1;
  return out;
}

std::unexpected<Error> no_such_model(std::string_view id) {
  return fail(ErrorCode::kNotFound, "model '{}': not found", id.substr(0, 100));
}

Result<std::vector<ModelRecord>> records_of(const Rows& found) {
  std::vector<ModelRecord> out;
  for (const Row& row : found.rows) {
    ZHIYIN_TRY(ModelRecord record, record_of(row));
    out.push_back(std::move(record));
  }
  return out;
}

Result<ModelRecord> find_in(Session& session, std::string_view id) {
  ZHIYIN_TRY(const Rows found,
             session.query(fmt::format("SELECT {} FROM model m WHERE m.id = ?1", kColumns),
                           {Value(std::string(id))}));
  if (found.rows.empty()) return no_such_model(id);
  return record_of(found.rows[0]);
}

Result<std::string> load_in(Session& session, std::string_view id) {
  ZHIYIN_TRY(const Rows found, session.query("SELECT artefact, checksum FROM model WHERE id = ?1",
                                             {Value(std::string(id))}));
  if (found.rows.empty()) return no_such_model(id);
  const std::string_view bytes = storage::as_text(found.rows[0][0]);
  if (crypto::hex(crypto::sha256(bytes)) != storage::as_text(found.rows[0][1])) {
    return fail(ErrorCode::kDataLoss, "model '{}': the stored bytes do not match their checksum",
                id);
  }
  return std::string(bytes);
}

Result<std::int64_t> number_in(Session& session, std::string_view sql, std::string_view kind) {
  ZHIYIN_TRY(const Rows found, session.query(sql, {Value(std::string(kind))}));
  return storage::as_int(found.rows.at(0).at(0));
}

Result<std::int64_t> next_activation(Session& session, std::string_view kind) {
  return number_in(session, "SELECT COALESCE(MAX(activation), 0) + 1 FROM model WHERE kind = ?1",
                   kind);
}

}  // namespace

std::span<const storage::Migration> Registry::migrations() { return kMigrations; }

Result<ModelRecord> Registry::save(const NewModel& model, Instant now, bool activate) {
  if (model.kind.empty()) return fail_field("kind", "is empty");
  if (model.bytes.size() > kModelBytesMax) {
    return fail(ErrorCode::kLimitReached, "model: {} bytes, at most {}", model.bytes.size(),
                kModelBytesMax);
  }
  ModelRecord out;
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const std::int64_t version,
               number_in(session, "SELECT COALESCE(MAX(version), 0) + 1 FROM model WHERE kind = ?1",
                         model.kind));
    const std::string id = fmt::format("{}-{}", model.kind, version);
    std::int64_t activation = 0;
    if (activate) {
      ZHIYIN_TRY(activation, next_activation(session, model.kind));
    }
    const Value activated_at = activate ? Value(now.us) : Value();
    ZHIYIN_TRY_VOID(session.execute(
        "INSERT INTO model (id, kind, version, created_at, data_window, settings, metrics, "
        "checksum, artefact, activation, activated_at) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        {Value(id), Value(model.kind), Value(version), Value(now.us), Value(model.window.dump()),
         Value(model.settings.dump()), Value(model.metrics.dump()),
         Value(crypto::hex(crypto::sha256(model.bytes))), Value(Blob{model.bytes}),
         Value(activation), activated_at}));
    ZHIYIN_TRY(out, find_in(session, id));
    return {};
  }));
  return out;
}

Result<std::vector<ModelRecord>> Registry::list(std::string_view kind) const {
  ZHIYIN_TRY(const Rows found,
             state_.query(fmt::format("SELECT {} FROM model m WHERE ?1 = '' OR m.kind = ?1 "
                                      "ORDER BY m.created_at DESC, m.version DESC, m.kind",
                                      kColumns),
                          {Value(std::string(kind))}));
  return records_of(found);
}

Result<ModelRecord> Registry::find(std::string_view id) const {
  ModelRecord out;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(out, find_in(session, id));
    return {};
  }));
  return out;
}

Result<std::optional<ModelRecord>> Registry::active(std::string_view kind) const {
  ZHIYIN_TRY(
      const Rows found,
      state_.query(fmt::format("SELECT {} FROM model m WHERE m.kind = ?1 AND m.activation > 0 "
                               "ORDER BY m.activation DESC LIMIT 1",
                               kColumns),
                   {Value(std::string(kind))}));
  if (found.rows.empty()) return std::optional<ModelRecord>();
  ZHIYIN_TRY(ModelRecord record, record_of(found.rows[0]));
  return std::optional(std::move(record));
}

Result<std::vector<ModelRecord>> Registry::activated(std::string_view kind) const {
  ZHIYIN_TRY(
      const Rows found,
      state_.query(fmt::format("SELECT {} FROM model m WHERE m.kind = ?1 AND m.activation > 0 "
                               "ORDER BY m.activation DESC",
                               kColumns),
                   {Value(std::string(kind))}));
  return records_of(found);
}

Result<std::string> Registry::load(std::string_view id) const {
  std::string out;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(out, load_in(session, id));
    return {};
  }));
  return out;
}

Result<ModelRecord> Registry::activate(std::string_view id, Instant now) {
  ModelRecord out;
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const ModelRecord record, find_in(session, id));
    ZHIYIN_TRY_VOID(load_in(session, id));
    ZHIYIN_TRY(const std::int64_t activation, next_activation(session, record.kind));
    ZHIYIN_TRY_VOID(
        session.execute("UPDATE model SET activation = ?1, activated_at = ?2 WHERE id = ?3",
                        {Value(activation), Value(now.us), Value(record.id)}));
    ZHIYIN_TRY(out, find_in(session, id));
    return {};
  }));
  return out;
}

Result<ModelRecord> Registry::rollback(std::string_view kind, Instant now) {
  ModelRecord out;
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const Rows order,
               session.query("SELECT id FROM model WHERE kind = ?1 AND activation > 0 "
                             "ORDER BY activation DESC LIMIT 2",
                             {Value(std::string(kind))}));
    if (order.rows.size() < 2) {
      return fail(ErrorCode::kNotFound, "model kind '{}': no earlier version was active", kind);
    }
    const Value& present = order.rows[0][0];
    const Value& earlier = order.rows[1][0];
    ZHIYIN_TRY_VOID(load_in(session, storage::as_text(earlier)));
    ZHIYIN_TRY_VOID(session.execute("UPDATE model SET activation = 0 WHERE id = ?1", {present}));
    ZHIYIN_TRY_VOID(session.execute("UPDATE model SET activated_at = ?1 WHERE id = ?2",
                                    {Value(now.us), earlier}));
    ZHIYIN_TRY(out, find_in(session, storage::as_text(earlier)));
    return {};
  }));
  return out;
}

Result<std::size_t> Registry::forget_older(std::string_view kind, std::size_t keep,
                                           std::size_t keep_activated, std::string_view also) {
  std::int64_t removed = 0;
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(removed,
               session.execute(
                   "DELETE FROM model WHERE kind = ?1 AND id <> ?4 AND id NOT IN (SELECT "
                   "id FROM model WHERE kind = ?1 ORDER BY version DESC LIMIT ?2) AND "
                   "id NOT IN (SELECT id FROM model WHERE kind = ?1 AND activation > 0 "
                   "ORDER BY activation DESC LIMIT ?3)",
                   {Value(std::string(kind)), Value(static_cast<std::int64_t>(keep)),
                    Value(static_cast<std::int64_t>(keep_activated)), Value(std::string(also))}));
    return {};
  }));
  return static_cast<std::size_t>(removed);
}

}  // namespace zhiyin::model
