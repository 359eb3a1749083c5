#include "storage/move_mark.h"

namespace zhiyin::storage {
namespace {

constexpr Migration kMigrations[] = {
    {"storage-020-move",
     "CREATE TABLE move_mark(one BIGINT PRIMARY KEY, role TEXT NOT NULL, other TEXT NOT NULL, text "
     "TEXT NOT NULL, at BIGINT NOT NULL);"
     "CREATE TABLE offset_base(stream BIGINT PRIMARY KEY, base BIGINT NOT NULL)"}};

constexpr std::pair<MoveRole, std::string_view> kNames[] = {
    {MoveRole::kFilling, "filling"}, {MoveRole::kReady, "ready"}, {MoveRole::kMoved, "moved"}};

std::string_view name_of(MoveRole role) {
  for (const auto& [one, name] : kNames) {
    if (one == role) return name;
  }
  return "filling";
}

}  // namespace

std::span<const Migration> move_migrations() { return kMigrations; }

Result<std::optional<MoveMark>> move_mark(State& state) {
  ZHIYIN_TRY(const Rows rows,
             state.query("SELECT role, other, text, at FROM move_mark WHERE one = 1"));
  if (rows.rows.empty()) return std::optional<MoveMark>();
  const Row& row = rows.rows.front();
  MoveMark mark{MoveRole::kFilling,
                std::string(as_text(row[1])),
                std::string(as_text(row[2])),
                {as_int(row[3])}};
  for (const auto& [role, name] : kNames) {
    if (name == as_text(row[0])) mark.role = role;
  }
  return mark;
}

Result<void> set_move_mark(Session& session, const std::optional<MoveMark>& mark) {
  ZHIYIN_TRY_VOID(session.execute("DELETE FROM move_mark"));
  if (!mark) return {};
  ZHIYIN_TRY_VOID(
      session.execute("INSERT INTO move_mark(one, role, other, text, at) VALUES(1, ?1, ?2, ?3, ?4)",
                      {std::string(name_of(mark->role)), mark->other, mark->text, mark->at.us}));
  return {};
}

Result<void> check_in_use(State& state) {
  ZHIYIN_TRY(const auto mark, move_mark(state));
  if (!mark) return {};
  if (mark->role == MoveRole::kMoved) {
    return fail(ErrorCode::kUnsupported,
                "state: this installation has moved to {}: use those settings. To go on here all "
                "the same, without what came since: zhiyin migrate --undo",
                mark->text);
  }
  return fail(ErrorCode::kUnsupported,
              "state: an installation is being moved into this database: run zhiyin migrate again "
              "to finish it, or empty the stores");
}

Result<OffsetBases> offset_bases(State& state) {
  ZHIYIN_TRY(const Rows rows, state.query("SELECT stream, base FROM offset_base"));
  OffsetBases bases;
  for (const Row& row : rows.rows) bases[static_cast<Stream>(as_int(row[0]))] = as_int(row[1]);
  return bases;
}

Result<void> set_offset_bases(Session& session, const OffsetBases& bases) {
  ZHIYIN_TRY_VOID(session.execute("DELETE FROM offset_base"));
  for (const auto& [stream, base] : bases) {
    ZHIYIN_TRY_VOID(session.execute("INSERT INTO offset_base(stream, base) VALUES(?1, ?2)",
                                    {static_cast<std::int64_t>(stream), base}));
  }
  return {};
}

}  // namespace zhiyin::storage
