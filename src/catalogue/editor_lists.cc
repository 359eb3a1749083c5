#include "catalogue/editor_lists.h"

#include <algorithm>
#include <set>

#include "base/utf8.h"
#include "ingest/event_view.h"

namespace zhiyin::catalogue {
namespace {

using storage::Row;
using storage::Rows;
using storage::Session;

constexpr std::string_view kSelect =
    "SELECT id, definition, version, updated_at, updated_by FROM editor_list ";

Result<StoredEditorList> list_of(const Row& row) {
  const std::string id(storage::as_text(row[0]));
  Result<EditorList> list = std::unexpected(Error{});
  if (const auto json = parse_json(storage::as_text(row[1]))) {
    list = from_json<EditorList>(*json);
  } else {
    list = std::unexpected(json.error());
  }
  if (!list)
    return fail(ErrorCode::kDataLoss, "editors' list {}: what is stored cannot be read: {}", id,
                list.error().text());
  return StoredEditorList{std::move(*list),
                          storage::as_int(row[2]),
                          {storage::as_int(row[3])},
                          std::string(storage::as_text(row[4]))};
}

std::unexpected<Error> missing(std::string_view id) {
  return fail(ErrorCode::kNotFound, "editors' list {}: does not exist", id.substr(0, 64));
}

std::unexpected<Error> moved_on(std::string_view id, std::int64_t version) {
  return fail(ErrorCode::kConflict, "editors' list {}: is at version {} now", id, version);
}

/// Of the list with this id; empty: there is none.
Result<std::optional<std::int64_t>> version_in(Session& session, std::string_view id) {
  ZHIYIN_TRY(const Rows rows,
             session.query("SELECT version FROM editor_list WHERE id = ?1", {std::string(id)}));
  if (rows.rows.empty()) return std::optional<std::int64_t>();
  return std::optional(storage::as_int(rows.rows[0][0]));
}

Result<void> check_room(Session& session) {
  ZHIYIN_TRY(const Rows rows, session.query("SELECT COUNT(*) FROM editor_list"));
  if (storage::as_int(rows.rows.at(0).at(0)) < static_cast<std::int64_t>(EditorLists::kListsMax))
    return {};
  return fail(ErrorCode::kLimitReached, "editors' lists: there are {} already",
              EditorLists::kListsMax);
}

/// So that other processes notice.
Result<void> count_change(Session& session) {
  ZHIYIN_TRY_VOID(
      session.execute("UPDATE item_cursor SET value = value + 1 WHERE name = 'editor_lists'", {}));
  return {};
}

bool is_list_id(std::string_view id) {
  constexpr std::size_t kBytesMax = 64;
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !id.empty() && id.size() <= kBytesMax && plain(id[0]) &&
         std::ranges::all_of(id, [&](char c) { return plain(c) || c == '_' || c == '-'; });
}

/// UTF-8 without control characters.
Result<void> check_text(std::string_view field, std::string_view text) {
  if (!utf8::is_valid(text)) return fail_field(field, "is not valid UTF-8");
  const auto controls = [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u < 0x20 || u == 0x7f;
  };
  if (std::ranges::any_of(text, controls)) return fail_field(field, "contains a control character");
  return {};
}

Result<void> check_items(const std::vector<ingest::ItemRef>& items) {
  if (items.empty() || items.size() > EditorList::kItemsMax)
    return fail_field("items", "has {} elements, expected 1 to {}", items.size(),
                      EditorList::kItemsMax);
  std::set<ingest::ItemRef> known;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const ingest::ItemRef& ref = items[i];
    if (!ingest::is_kind_name(ref.kind))
      return fail_field(fmt::format("items[{}].kind", i), "does not match [a-z][a-z0-9_.]{{0,63}}");
    const std::string id = fmt::format("items[{}].id", i);
    if (ref.id.empty() || ref.id.size() > ingest::kItemIdBytesMax)
      return fail_field(id, "has {} bytes, expected 1 to {}", ref.id.size(),
                        ingest::kItemIdBytesMax);
    ZHIYIN_TRY_VOID(check_text(id, ref.id));
    if (!known.insert(ref).second)
      return fail_field(fmt::format("items[{}]", i), "{}/{} stands there twice", ref.kind, ref.id);
  }
  return {};
}

}  // namespace

Result<void> validate(const EditorList& list) {
  if (!is_list_id(list.id))
    return fail_field("id", "'{}' is not of the form [a-z0-9][a-z0-9_-]{{0,63}}",
                      list.id.substr(0, 64));
  ZHIYIN_TRY_VOID(check_text("name", list.name));
  if (list.name.find_first_not_of(' ') == std::string::npos) return fail_field("name", "is empty");
  if (const std::size_t length = utf8::length(list.name); length > EditorList::kNameMax)
    return fail_field("name", "has {} characters, expected at most {}", length,
                      EditorList::kNameMax);
  ZHIYIN_TRY_VOID(check_items(list.items));
  ZHIYIN_TRY_VOID(check_text("account", list.account));
  if (list.valid_from && list.valid_until && *list.valid_until <= *list.valid_from)
    return fail_field("valid_until", "is not after valid_from");
  if (!(list.share >= 0 && list.share <= EditorList::kShareMax))
    return fail_field("share", "is {}, expected 0 to {}", list.share, EditorList::kShareMax);
  return {};
}

std::string_view name_of(EditorListState state) {
  switch (state) {
    case EditorListState::kActive:
      return "active";
    case EditorListState::kUpcoming:
      return "upcoming";
    case EditorListState::kExpired:
      return "expired";
    case EditorListState::kDisabled:
      return "disabled";
  }
  return "";
}

EditorListState state_of(const EditorList& list, Instant now) {
  if (!list.enabled) return EditorListState::kDisabled;
  if (list.valid_from && now < *list.valid_from) return EditorListState::kUpcoming;
  if (list.valid_until && now >= *list.valid_until) return EditorListState::kExpired;
  return EditorListState::kActive;
}

Result<std::vector<StoredEditorList>> EditorLists::list() const {
  ZHIYIN_TRY(const Rows rows, state_.query(fmt::format("{} ORDER BY id", kSelect)));
  std::vector<StoredEditorList> out;
  for (const Row& row : rows.rows) {
    ZHIYIN_TRY(out.emplace_back(), list_of(row));
  }
  return out;
}

Result<StoredEditorList> EditorLists::get(std::string_view id) const {
  ZHIYIN_TRY(const Rows rows,
             state_.query(fmt::format("{} WHERE id = ?1", kSelect), {std::string(id)}));
  if (rows.rows.empty()) return missing(id);
  return list_of(rows.rows[0]);
}

Result<StoredEditorList> EditorLists::put(const EditorList& list,
                                          std::optional<std::int64_t> if_match,
                                          std::string_view who, Instant now) {
  ZHIYIN_TRY_VOID(validate(list));
  StoredEditorList stored{list, 1, now, std::string(who)};
  const std::string definition = to_json(list).dump();
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const auto before, version_in(session, list.id));
    if (before && !if_match)
      return fail(ErrorCode::kConflict, "editors' list {}: exists already", list.id);
    if (!before && if_match) return missing(list.id);
    if (before && *before != *if_match) return moved_on(list.id, *before);
    if (!before) ZHIYIN_TRY_VOID(check_room(session));
    stored.version = before ? *before + 1 : 1;
    ZHIYIN_TRY_VOID(session.execute(
        "INSERT INTO editor_list(id, definition, version, updated_at, updated_by) VALUES(?1, ?2, "
        "?3, ?4, ?5) ON CONFLICT(id) DO UPDATE SET definition = excluded.definition, version ="
        " excluded.version, updated_at = excluded.updated_at, updated_by = excluded.updated_by",
        {list.id, definition, stored.version, now.us, stored.updated_by}));
    return count_change(session);
  }));
  refresh();
  return stored;
}

Result<void> EditorLists::remove(std::string_view id, std::optional<std::int64_t> if_match) {
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const auto before, version_in(session, id));
    if (!before) return missing(id);
    if (if_match && *before != *if_match) return moved_on(id, *before);
    ZHIYIN_TRY_VOID(session.execute("DELETE FROM editor_list WHERE id = ?1", {std::string(id)}));
    return count_change(session);
  }));
  refresh();
  return {};
}

Result<std::shared_ptr<const EditorLists::Snapshot>> EditorLists::snapshot() const {
  const MutexLock lock(mutex_);
  // Read before the lists: a change in between makes the next call read again.
  const std::int64_t version = version_.load();
  if (snapshot_ && snapshot_version_ == version) return snapshot_;
  ZHIYIN_TRY(const Rows rows, state_.query(fmt::format("{} ORDER BY id", kSelect)));
  Snapshot out;
  for (const Row& row : rows.rows) {
    auto stored = list_of(row);
    if (!stored) continue;
    out.has_accounts = out.has_accounts || !stored->list.account.empty();
    out.lists.push_back(std::move(stored->list));
  }
  snapshot_ = std::make_shared<const Snapshot>(std::move(out));
  snapshot_version_ = version;
  return snapshot_;
}

Result<void> EditorLists::look() {
  ZHIYIN_TRY(const Rows rows,
             state_.query("SELECT value FROM item_cursor WHERE name = 'editor_lists'"));
  const std::int64_t change = rows.rows.empty() ? 0 : storage::as_int(rows.rows[0][0]);
  if (std::exchange(change_seen_, change) != change) refresh();
  return {};
}

}  // namespace zhiyin::catalogue
