#include "ingest/quarantine.h"

#include <algorithm>
#include <limits>

#include "base/crypto.h"
#include "ingest/migrations.h"
#include "ingest/record_quarantine.h"
#include "ingest/segment_protocol.h"

namespace zhiyin::ingest {
namespace {

constexpr storage::Migration kMigrations[] = {
    {"ingest-001-quarantine",
     "CREATE TABLE quarantine (id BIGINT PRIMARY KEY, received_at BIGINT NOT NULL, source TEXT NOT "
     "NULL, "
     "reason TEXT NOT NULL, field TEXT NOT NULL, event BYTEA NOT NULL);"
     "CREATE INDEX quarantine_source ON quarantine (source, id);"
     "CREATE TABLE quarantine_counter (name TEXT PRIMARY KEY, last_id BIGINT NOT NULL)"},
};

constexpr std::string_view kColumns =
    "SELECT id, received_at, source, reason, field, event FROM quarantine ";

Result<QuarantinedEvent> read_row(const storage::Row& row, const storage::Vault& vault) {
  QuarantinedEvent e;
  e.id = storage::as_int(row[0]);
  e.received_at = {storage::as_int(row[1])};
  e.source = storage::as_text(row[2]);
  e.reason = storage::as_text(row[3]);
  e.field = storage::as_text(row[4]);
  ZHIYIN_TRY(const Secret event, vault.unseal_secret(storage::as_text(row[5]), "quarantine"));
  auto json = parse_json(event.reveal(), kQuarantineEventBytesMax);
  e.event = json ? std::move(*json) : Json(event.reveal());
  return e;
}

}  // namespace

std::span<const storage::Migration> Quarantine::migrations() { return kMigrations; }

Result<std::vector<QuarantinedEvent>> Quarantine::list(std::string_view source, std::int64_t before,
                                                       std::size_t limit) const {
  std::string sql(kColumns);
  sql += before > 0 ? "WHERE id < ?1" : "WHERE id > ?1";
  if (!source.empty()) sql += " AND source = ?3";
  sql += " ORDER BY id DESC LIMIT ?2";
  const auto rows_max = static_cast<std::int64_t>(limit);
  const std::int64_t bound = std::max<std::int64_t>(before, 0);
  ZHIYIN_TRY(const storage::Rows rows,
             source.empty() ? state_.query(sql, {bound, rows_max})
                            : state_.query(sql, {bound, rows_max, std::string(source)}));
  std::vector<QuarantinedEvent> out;
  for (const storage::Row& row : rows.rows) {
    ZHIYIN_TRY(QuarantinedEvent event, read_row(row, vault_));
    out.push_back(std::move(event));
  }
  return out;
}

Result<std::int64_t> Quarantine::count(std::string_view source) const {
  ZHIYIN_TRY(const storage::Rows rows,
             source.empty() ? state_.query("SELECT COUNT(*) FROM quarantine")
                            : state_.query("SELECT COUNT(*) FROM quarantine WHERE source = ?1",
                                           {std::string(source)}));
  return storage::as_int(rows.rows.at(0).at(0));
}

Result<QuarantinedEvent> Quarantine::get(std::int64_t id) const {
  ZHIYIN_TRY(const storage::Rows rows, state_.query(std::string(kColumns) + "WHERE id = ?1", {id}));
  if (rows.rows.empty()) return fail(ErrorCode::kNotFound, "quarantine: there is no entry {}", id);
  return read_row(rows.rows[0], vault_);
}

namespace {

Json without_record(const Json& entry) {
  Json event = Json::object();
  const Json::Object* members = entry.if_object();
  if (members == nullptr) return entry;
  for (const auto& [name, value] : *members) {
    if (name != "record") event.set(name, value);
  }
  return event;
}

/// For what a consumer of the log could not deal with. Its id may be among the recent ones, and yet
/// nothing has come of it.
Result<Answer> send_record_again(Intake& intake, const QuarantinedEvent& entry, const Json& record,
                                 const Json& corrected) {
  if (record["consumer"].string_or("") == "warehouse") {
    return fail(ErrorCode::kInvalidArgument,
                "quarantine: entry {} is known to state; only the warehouse refused it", entry.id);
  }
  const bool whole = record["bytes"].if_string() != nullptr;
  if (whole && corrected.is_null()) {
    if (entry.source == kForeignSource)
      return fail(ErrorCode::kInvalidArgument,
                  "quarantine: entry {} is no event; give one in its place", entry.id);
    ZHIYIN_TRY(std::string bytes, crypto::unbase64(record["bytes"].string_or("")));
    return intake.append_again(static_cast<int>(record["partition"].int_or(0)), std::move(bytes));
  }
  Json event = without_record(corrected.is_null() ? entry.event : corrected);
  if (event["event_id"].string_or("").empty())
    event.set("event_id", fmt::format("quarantine_{}_{}", entry.id, entry.received_at.us));
  return intake.accept_corrected(event.dump(), entry.source, entry.received_at, true);
}

}  // namespace

Result<Answer> Quarantine::send_again(Intake& intake, const QuarantinedEvent& entry,
                                      const std::optional<Json>& corrected) {
  Json event = corrected ? *corrected : entry.event;
  const Json& record = entry.event["record"];
  if (record.if_object() != nullptr)
    return send_record_again(intake, entry, record, corrected ? std::move(event) : Json());
  if (auto call = unpack_refused_call(event)) {
    if (!*call) return std::unexpected(std::move(call->error()));
    event = to_json(**call);
  }
  // An id that follows from the entry: when we die between the append and the removal, the second
  // attempt is a duplicate.
  if (event.if_object() != nullptr && event["event_id"].string_or("").empty()) {
    event.set("event_id", fmt::format("quarantine_{}_{}", entry.id, entry.received_at.us));
  }
  std::string text = event.if_string() != nullptr ? std::string(event.string_or("")) : event.dump();
  return intake.accept_corrected(std::move(text), entry.source, entry.received_at);
}

Result<Answer> Quarantine::resubmit(Intake& intake, std::int64_t id,
                                    const std::optional<Json>& corrected) {
  ZHIYIN_TRY(const QuarantinedEvent entry, get(id));
  ZHIYIN_TRY(Answer answer, send_again(intake, entry, corrected));
  ZHIYIN_TRY_VOID(remove(id));
  return answer;
}

namespace {

/// The kind of an entry's event, also where it is still a call of another protocol.
bool is_of_kind(const QuarantinedEvent& entry, std::string_view kind) {
  if (kind.empty()) return true;
  if (entry.event.find("tracking_call") != nullptr)
    return kind_of_refused_call(entry.event) == kind;
  return entry.event["kind"].string_or("") == kind;
}

}  // namespace

Result<std::vector<QuarantinedEvent>> Quarantine::find(const QuarantineFilter& filter) const {
  if (filter.limit == 0 || filter.limit > kResubmitMax)
    return fail_field("limit", "{} is not between 1 and {}", filter.limit, kResubmitMax);
  constexpr std::int64_t kPage = 500;
  std::string sql(kColumns);
  sql +=
      "WHERE id < ?1 AND (?2 = '' OR source = ?2) AND (?3 = '' OR field = ?3) AND received_at >= "
      "?4 AND received_at < ?5"
      " ORDER BY id DESC LIMIT ?6";
  std::vector<QuarantinedEvent> out;
  std::int64_t before = std::numeric_limits<std::int64_t>::max();
  while (out.size() < filter.limit) {  // ends: each page begins below the last one
    ZHIYIN_TRY(
        const storage::Rows rows,
        state_.query(
            sql,
            {before, filter.source, filter.field, filter.from ? filter.from->us : std::int64_t{0},
             filter.until ? filter.until->us : std::numeric_limits<std::int64_t>::max(), kPage}));
    for (const storage::Row& row : rows.rows) {
      before = storage::as_int(row[0]);
      if (out.size() == filter.limit ||
          storage::as_text(row[3]).find(filter.reason) == std::string_view::npos)
        continue;
      ZHIYIN_TRY(QuarantinedEvent entry, read_row(row, vault_));
      if (is_of_kind(entry, filter.kind)) out.push_back(std::move(entry));
    }
    if (rows.rows.size() < static_cast<std::size_t>(kPage)) break;
  }
  return out;
}

Result<ResubmitOutcome> Quarantine::resubmit_all(Intake& intake, const QuarantineFilter& filter,
                                                 const std::function<bool(double)>& progress) {
  constexpr std::size_t kReasonsMax = 20;
  constexpr std::size_t kRemoveEvery = 100;
  ZHIYIN_TRY(std::vector<QuarantinedEvent> entries, find(filter));
  std::ranges::reverse(entries);  // as they came
  ResubmitOutcome outcome;
  std::vector<std::int64_t> done;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto answer = send_again(intake, entries[i], std::nullopt);
    if (answer) {
      ++(answer->verdict == Verdict::kDuplicate ? outcome.duplicate : outcome.accepted);
      done.push_back(entries[i].id);
    } else if (answer.error().code == ErrorCode::kInvalidArgument) {
      ++outcome.refused;
      std::string reason = answer.error().text();
      if (outcome.reasons.size() < kReasonsMax &&
          std::ranges::find(outcome.reasons, reason) == outcome.reasons.end()) {
        outcome.reasons.push_back(std::move(reason));
      }
    } else {
      ZHIYIN_TRY_VOID(remove_all(done));
      return std::unexpected(std::move(answer.error()));
    }
    if (done.size() < kRemoveEvery && i + 1 < entries.size()) continue;
    ZHIYIN_TRY_VOID(remove_all(done));
    done.clear();
    if (!progress(static_cast<double>(i + 1) / static_cast<double>(entries.size()))) break;
  }
  return outcome;
}

Result<void> Quarantine::remove_all(const std::vector<std::int64_t>& ids) {
  if (ids.empty()) return {};
  return state_.write([&](storage::Session& session) -> Result<void> {
    for (const std::int64_t id : ids)
      ZHIYIN_TRY_VOID(session.execute("DELETE FROM quarantine WHERE id = ?1", {id}));
    return {};
  });
}

Result<void> Quarantine::remove(std::int64_t id) {
  return state_.write([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY(const std::int64_t removed,
               session.execute("DELETE FROM quarantine WHERE id = ?1", {id}));
    if (removed == 0) return fail(ErrorCode::kNotFound, "quarantine: there is no entry {}", id);
    return {};
  });
}

}  // namespace zhiyin::ingest
