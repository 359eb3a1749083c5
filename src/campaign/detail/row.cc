#include "campaign/detail/row.h"

#include "base/utf8.h"

namespace zhiyin::campaign::detail {

using storage::as_int;
using storage::as_text;
using storage::Row;
using storage::Rows;
using storage::Session;
using storage::Value;

namespace {

constexpr std::string_view kColumns =
    "definition, version, state, created_at, started_at, exposed_at, finished_at, waiting_until, "
    "note, cursor, is_planned, is_open";

std::optional<Instant> instant_from(const Value& v) {
  if (storage::is_null(v)) return std::nullopt;
  return Instant{as_int(v)};
}

Value value_of(const std::optional<Instant>& t) { return t ? Value(t->us) : Value(); }

/// What operators wrote, without what is read only.
std::string definition_of(const Campaign& campaign) {
  Campaign written;
  written.id = campaign.id;
  written.name = campaign.name;
  written.account = campaign.account;
  written.segment = campaign.segment;
  written.holdout = campaign.holdout;
  written.channel = campaign.channel;
  written.message = campaign.message;
  written.at = campaign.at;
  written.goal = campaign.goal;
  written.purpose = campaign.purpose;
  return to_json(written).dump();
}

Result<StoredCampaign> from_row(const Row& row) {
  StoredCampaign out;
  ZHIYIN_TRY(const Json json, parse_json(as_text(row[0])));
  ZHIYIN_TRY(out.campaign, from_json<Campaign>(json));
  Campaign& c = out.campaign;
  c.version = as_int(row[1]);
  c.state = static_cast<CampaignState>(as_int(row[2]));
  c.created_at = instant_from(row[3]);
  c.started_at = instant_from(row[4]);
  c.exposed_at = instant_from(row[5]);
  c.finished_at = instant_from(row[6]);
  c.waiting_until = instant_from(row[7]);
  c.note = std::string(as_text(row[8]));
  out.cursor = std::string(as_text(row[9]));
  out.is_planned = as_int(row[10]) != 0;
  out.is_open = as_int(row[11]) != 0;
  return out;
}

Result<std::vector<StoredCampaign>> from_rows(const Rows& rows) {
  std::vector<StoredCampaign> out;
  for (const Row& row : rows.rows) {
    ZHIYIN_TRY(StoredCampaign campaign, from_row(row));
    out.push_back(std::move(campaign));
  }
  return out;
}

}  // namespace

bool same_definition(const Campaign& a, const Campaign& b) {
  return definition_of(a) == definition_of(b);
}

Result<StoredCampaign> load(Session& session, const CampaignId& id) {
  static const std::string kSql = fmt::format("SELECT {} FROM campaign WHERE id = ?1", kColumns);
  ZHIYIN_TRY(const Rows rows, session.query(kSql, {id.value}));
  if (rows.rows.empty()) {
    return fail(ErrorCode::kNotFound, "campaign: '{}' does not exist", id.value.substr(0, 64));
  }
  return from_row(rows.rows[0]);
}

Result<std::vector<StoredCampaign>> load_page(Session& session, const CampaignId& after,
                                              std::size_t limit) {
  static const std::string kSql =
      fmt::format("SELECT {} FROM campaign WHERE id > ?1 ORDER BY id LIMIT ?2", kColumns);
  ZHIYIN_TRY(const Rows rows, session.query(kSql, {after.value, static_cast<std::int64_t>(limit)}));
  return from_rows(rows);
}

Result<std::vector<StoredCampaign>> load_newest(Session& session, std::size_t limit) {
  static const std::string kSql = fmt::format(
      "SELECT {} FROM campaign WHERE state <> ?1"
      " ORDER BY CASE WHEN state IN (?2, ?3) THEN 0 ELSE 1 END, started_at DESC, id LIMIT ?4",
      kColumns);
  ZHIYIN_TRY(const Rows rows,
             session.query(kSql, {static_cast<std::int64_t>(CampaignState::kDraft),
                                  static_cast<std::int64_t>(CampaignState::kRunning),
                                  static_cast<std::int64_t>(CampaignState::kPaused),
                                  static_cast<std::int64_t>(limit)}));
  return from_rows(rows);
}

Result<std::vector<CampaignId>> open_ids(Session& session) {
  ZHIYIN_TRY(const Rows rows, session.query("SELECT id FROM campaign WHERE is_open = 1 AND "
                                            "state IN (?1, ?2) ORDER BY id",
                                            {static_cast<std::int64_t>(CampaignState::kRunning),
                                             static_cast<std::int64_t>(CampaignState::kStopped)}));
  std::vector<CampaignId> out;
  for (const Row& row : rows.rows) out.emplace_back(std::string(as_text(row[0])));
  return out;
}

Result<void> insert(Session& session, const StoredCampaign& row) {
  const Campaign& c = row.campaign;
  ZHIYIN_TRY_VOID(session.execute(
      "INSERT INTO campaign (id, definition, version, state, created_at, note, cursor, is_planned, "
      "is_open) VALUES (?1, ?2, ?3, ?4, ?5, '', '', 0, 0)",
      {c.id.value, definition_of(c), c.version, static_cast<std::int64_t>(c.state),
       value_of(c.created_at)}));
  return {};
}

Result<void> save_definition(Session& session, const StoredCampaign& row) {
  const Campaign& c = row.campaign;
  ZHIYIN_TRY_VOID(session.execute("UPDATE campaign SET definition = ?2, version = ?3 WHERE id = ?1",
                                  {c.id.value, definition_of(c), c.version}));
  return {};
}

Result<void> save_run(Session& session, const StoredCampaign& row) {
  const Campaign& c = row.campaign;
  ZHIYIN_TRY_VOID(session.execute(
      "UPDATE campaign SET state = ?2, started_at = ?3, exposed_at = ?4, finished_at = ?5, "
      "waiting_until = ?6, note = ?7, cursor = ?8, is_planned = ?9, is_open = ?10 WHERE id = ?1",
      {c.id.value, static_cast<std::int64_t>(c.state), value_of(c.started_at),
       value_of(c.exposed_at), value_of(c.finished_at), value_of(c.waiting_until),
       utf8::cleaned(c.note), row.cursor, std::int64_t{row.is_planned},
       std::int64_t{row.is_open}}));
  return {};
}

}  // namespace zhiyin::campaign::detail
