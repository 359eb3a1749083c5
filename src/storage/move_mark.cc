#include "storage/move_mark.h"

namespace zhiyin::storage {
namespace {

constexpr Migration kMigrations[] = {
    {"storage-020-move",
     "CREATE TABLE move_mark(one BIGINT PRIMARY KEY, role TEXT NOT NULL, other TEXT NOT NULL, text "
     "TEXT NOT NULL, at BIGINT NOT NULL);"
     "CREATE TABLE offset_base(stream BIGINT PRIMARY KEY, base BIGINT NOT NULL)"},
    {"storage-021-mover", "ALTER TABLE move_mark ADD COLUMN owner TEXT NOT NULL DEFAULT ''"}};

constexpr std::pair<MoveRole, std::string_view> kNames[] = {{MoveRole::kFilling, "filling"},
                                                            {MoveRole::kReady, "ready"},
                                                            {MoveRole::kMoved, "moved"},
                                                            {MoveRole::kMoving, "moving"}};

std::string_view name_of(MoveRole role) {
  for (const auto& [one, name] : kNames) {
    if (one == role) return name;
  }
  return "filling";
}

constexpr std::string_view kSelect =
    "SELECT role, other, text, at, owner FROM move_mark WHERE one = 1";

std::optional<MoveMark> mark_of(const Rows& rows) {
  if (rows.rows.empty()) return std::nullopt;
  const Row& row = rows.rows.front();
  MoveMark mark{MoveRole::kFilling,
                std::string(as_text(row[1])),
                std::string(as_text(row[2])),
                {as_int(row[3])},
                std::string(as_text(row[4]))};
  for (const auto& [role, name] : kNames) {
    if (name == as_text(row[0])) mark.role = role;
  }
  return mark;
}

}  // namespace

std::span<const Migration> move_migrations() { return kMigrations; }

Result<std::optional<MoveMark>> move_mark(State& state) {
  ZHIYIN_TRY(const Rows rows, state.query(kSelect));
  return mark_of(rows);
}

Result<std::optional<MoveMark>> move_mark(Session& session) {
  ZHIYIN_TRY(const Rows rows, session.query(kSelect));
  return mark_of(rows);
}

Result<void> set_move_mark(Session& session, const std::optional<MoveMark>& mark) {
  ZHIYIN_TRY_VOID(session.execute("DELETE FROM move_mark"));
  if (!mark) return {};
  ZHIYIN_TRY_VOID(session.execute(
      "INSERT INTO move_mark(one, role, other, text, at, owner) VALUES(1, ?1, ?2, "
      "?3, ?4, ?5)",
      {std::string(name_of(mark->role)), mark->other, mark->text, mark->at.us, mark->owner}));
  return {};
}

Result<void> check_mark(const std::optional<MoveMark>& mark, std::string_view process) {
  if (!mark) return {};
  const bool moves = mark->role == MoveRole::kMoving || mark->role == MoveRole::kMoved;
  if (moves && !mark->owner.empty() && mark->owner == process) return {};
  if (mark->role == MoveRole::kMoving) {
    return fail(ErrorCode::kUnavailable,
                "state: another process is moving this installation to {}; nothing is taken here "
                "meanwhile",
                mark->text);
  }
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

Result<void> check_in_use(State& state) {
  ZHIYIN_TRY(const auto mark, move_mark(state));
  if (mark && mark->role == MoveRole::kMoving) return {};
  return check_mark(mark, {});
}

Result<void> give_up_move(State& state, std::string_view owner) {
  return state.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const auto mark, move_mark(session));
    if (!mark || mark->role != MoveRole::kMoving || mark->owner != owner) return {};
    return set_move_mark(session, std::nullopt);
  });
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
