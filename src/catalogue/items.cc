#include "catalogue/items.h"

#include <algorithm>
#include <map>

#include "base/utf8.h"
#include "catalogue/item_statistics.h"
#include "ingest/event_view.h"

namespace zhiyin::catalogue {
namespace {

using storage::Row;
using storage::Rows;
using storage::Session;
using storage::Value;

constexpr std::string_view kKinds[] = {"article", "video",    "audio",  "page",    "product",
                                       "course",  "activity", "coupon", "creative"};
constexpr std::size_t kListMax = 1000;
constexpr std::size_t kSyncBatch = 20'000;

constexpr storage::Migration kMigrations[] = {
    {"catalogue-001-items",
     "CREATE TABLE item("
     "  kind TEXT NOT NULL,"
     "  id TEXT NOT NULL,"
     "  title TEXT NOT NULL,"
     "  text TEXT NOT NULL,"
     "  category TEXT NOT NULL,"
     "  author TEXT NOT NULL,"
     "  price BIGINT,"
     "  stock BIGINT,"
     "  valid_from BIGINT,"
     "  valid_until BIGINT,"
     "  published_at BIGINT,"
     "  url TEXT NOT NULL,"
     "  cover TEXT NOT NULL,"
     "  changed BIGINT NOT NULL,"
     "  PRIMARY KEY(kind, id));"
     "CREATE INDEX item_changed ON item(changed);"
     "CREATE TABLE item_tag("
     "  item_kind TEXT NOT NULL,"
     "  item_id TEXT NOT NULL,"
     "  tag TEXT NOT NULL,"
     "  weight BIGINT NOT NULL,"
     "  changed BIGINT NOT NULL,"
     "  PRIMARY KEY(item_kind, item_id, tag)) /*clustered*/;"
     "CREATE INDEX item_tag_tag ON item_tag(tag);"
     "CREATE INDEX item_tag_changed ON item_tag(changed);"
     "CREATE TABLE item_cursor(name TEXT PRIMARY KEY, value BIGINT NOT NULL);"
     "INSERT INTO item_cursor(name, value) VALUES('changed', 0), ('warehouse', 0)"},
    // What was read out of the texts; see item_readings.h.
    {"catalogue-002-readings",
     "CREATE TABLE item_reading("
     "  item_kind TEXT NOT NULL,"
     "  item_id TEXT NOT NULL,"
     "  changed BIGINT NOT NULL,"
     "  reader TEXT NOT NULL,"
     "  checksum BIGINT NOT NULL,"
     "  vector BYTEA NOT NULL,"
     "  keywords TEXT NOT NULL,"
     "  topic TEXT NOT NULL,"
     "  sentiment TEXT NOT NULL,"
     "  item_group TEXT NOT NULL,"
     "  PRIMARY KEY(item_kind, item_id));"
     "INSERT INTO item_cursor(name, value) VALUES('readings', 0)"},
    {"catalogue-003-account",
     "ALTER TABLE item ADD COLUMN account TEXT NOT NULL DEFAULT '';"
     "CREATE TABLE item_hidden("
     "  item_kind TEXT NOT NULL,"
     "  item_id TEXT NOT NULL,"
     "  at BIGINT NOT NULL,"
     "  PRIMARY KEY(item_kind, item_id))"},
    {"catalogue-004-campaign", "ALTER TABLE item ADD COLUMN campaign TEXT NOT NULL DEFAULT ''"},
    // See editor_lists.h.
    {"catalogue-005-editor-lists",
     "CREATE TABLE editor_list("
     "  id TEXT PRIMARY KEY,"
     "  definition TEXT NOT NULL,"
     "  version BIGINT NOT NULL,"
     "  updated_at BIGINT NOT NULL,"
     "  updated_by TEXT NOT NULL);"
     "INSERT INTO item_cursor(name, value) VALUES('editor_lists', 0)"},
    // So that an index in memory can follow changes instead of being read anew.
    {"catalogue-006-removed",
     "CREATE TABLE item_removed("
     "  kind TEXT NOT NULL,"
     "  id TEXT NOT NULL,"
     "  changed BIGINT NOT NULL,"
     "  PRIMARY KEY(kind, id));"
     "CREATE INDEX item_removed_changed ON item_removed(changed)"},
};

/// Removed items are remembered for as many changes; an older index is read anew.
constexpr std::int64_t kRemovedKept = 100'000;
/// With more changes at once reading everything is cheaper.
constexpr std::int64_t kChangesFollowed = 5'000;

template <class T>
Value optional_value(const std::optional<T>& v) {
  if (!v) return {};
  if constexpr (std::is_same_v<T, Fen>) {
    return v->value;
  } else if constexpr (std::is_same_v<T, Instant>) {
    return v->us;
  } else {
    return *v;
  }
}

template <class T>
std::optional<T> optional_of(const Value& v) {
  if (storage::is_null(v)) return std::nullopt;
  return T{storage::as_int(v)};
}

std::string text_of(const Value& v) { return std::string(storage::as_text(v)); }

bool is_web_address(std::string_view url) {
  return url.starts_with("http://") || url.starts_with("https://");
}

Result<void> check_text(std::string_view name, std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max)
    return fail_field(name, "has {} bytes, expected at most {}", text.size(), bytes_max);
  if (!utf8::is_valid(text)) return fail_field(name, "is not valid UTF-8");
  return {};
}

bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u < 0x20 || u == 0x7f;
  });
}

Result<void> check_tags(const std::vector<std::string>& tags) {
  if (tags.size() > kTagsMax)
    return fail_field("tags", "has {} elements, expected at most {}", tags.size(), kTagsMax);
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const std::string name = fmt::format("tags[{}]", i);
    if (tags[i].empty()) return fail_field(name, "is empty");
    ZHIYIN_TRY_VOID(check_text(name, tags[i], kTagBytesMax));
    if (std::find(tags.begin(), tags.begin() + static_cast<std::ptrdiff_t>(i), tags[i]) !=
        tags.begin() + static_cast<std::ptrdiff_t>(i)) {
      return fail_field(name, "'{}' stands there twice", tags[i]);
    }
  }
  return {};
}

constexpr std::string_view kColumns =
    "i.kind, i.id, i.title, i.text, i.category, i.author, i.price, i.stock, i.valid_from,"
    " i.valid_until, i.published_at, i.url, i.cover, i.account,"
    " i.campaign";

Item item_of(const Row& row) {
  Item item;
  item.kind = text_of(row[0]);
  item.id = text_of(row[1]);
  item.title = text_of(row[2]);
  item.text = text_of(row[3]);
  item.category = text_of(row[4]);
  item.author = text_of(row[5]);
  item.price = optional_of<Fen>(row[6]);
  item.stock = optional_of<std::int64_t>(row[7]);
  item.valid_from = optional_of<Instant>(row[8]);
  item.valid_until = optional_of<Instant>(row[9]);
  item.published_at = optional_of<Instant>(row[10]);
  item.url = text_of(row[11]);
  item.cover = text_of(row[12]);
  item.account = text_of(row[13]);
  item.campaign = text_of(row[14]);
  return item;
}

Result<void> read_tags(Session& session, Item& item) {
  ZHIYIN_TRY(const Rows rows, session.query("SELECT tag FROM item_tag WHERE item_kind = ?1 AND "
                                            "item_id = ?2 AND weight > 0 ORDER BY tag",
                                            {item.kind, item.id}));
  for (const Row& row : rows.rows) item.tags.push_back(text_of(row[0]));
  return {};
}

Result<std::optional<Item>> read_item(Session& session, const ingest::ItemRef& ref) {
  ZHIYIN_TRY(
      const Rows rows,
      session.query(fmt::format("SELECT {} FROM item i WHERE i.kind = ?1 AND i.id = ?2", kColumns),
                    {ref.kind, ref.id}));
  if (rows.rows.empty()) return std::optional<Item>();
  Item item = item_of(rows.rows[0]);
  ZHIYIN_TRY_VOID(read_tags(session, item));
  return std::optional(std::move(item));
}

/// Takes `n` change numbers; returns the one before the first.
Result<std::int64_t> take_changes(Session& session, std::int64_t n) {
  ZHIYIN_TRY(
      const Rows rows,
      session.query(
          "UPDATE item_cursor SET value = value + ?1 WHERE name = 'changed' RETURNING value", {n}));
  return storage::as_int(rows.rows.at(0).at(0)) - n;
}

Result<void> write_item(Session& session, const Item& item, std::int64_t changed) {
  ZHIYIN_TRY_VOID(session.execute(
      "INSERT INTO item(kind, id, title, text, category, author, price, stock, valid_from, "
      "valid_until,"
      " published_at, url, cover, changed, account, campaign) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, "
      "?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"
      " ON CONFLICT(kind, id) DO UPDATE SET title = excluded.title, text = excluded.text,"
      " category = excluded.category, author = excluded.author, price = excluded.price, stock = "
      "excluded.stock,"
      " valid_from = excluded.valid_from, valid_until = excluded.valid_until, published_at = "
      "excluded.published_at,"
      " url = excluded.url, cover = excluded.cover, changed = excluded.changed,"
      " account = excluded.account, campaign = excluded.campaign",
      {item.kind, item.id, item.title, item.text, item.category, item.author,
       optional_value(item.price), optional_value(item.stock), optional_value(item.valid_from),
       optional_value(item.valid_until), optional_value(item.published_at), item.url, item.cover,
       changed, item.account, item.campaign}));
  // Tags that were taken away stay with weight 0, so that the warehouse hears of it.
  ZHIYIN_TRY_VOID(
      session.execute("UPDATE item_tag SET weight = 0, changed = ?3 WHERE item_kind = ?1 AND "
                      "item_id = ?2 AND weight > 0",
                      {item.kind, item.id, changed}));
  for (const std::string& tag : item.tags) {
    ZHIYIN_TRY_VOID(session.execute(
        "INSERT INTO item_tag(item_kind, item_id, tag, weight, changed) VALUES(?1, ?2, ?3, ?4, ?5)"
        " ON CONFLICT(item_kind, item_id, tag) DO UPDATE SET weight = excluded.weight, changed = "
        "excluded.changed",
        {item.kind, item.id, tag, kTagWeightOne, changed}));
  }
  return {};
}

/// `kind:id`; kinds contain no colon.
Result<ingest::ItemRef> parse_place(std::string_view after) {
  if (after.empty()) return ingest::ItemRef{};
  const std::size_t colon = after.find(':');
  if (colon == std::string_view::npos)
    return fail_field("after", "is not the `next` of an earlier page");
  return ingest::ItemRef{std::string(after.substr(0, colon)), std::string(after.substr(colon + 1))};
}

std::string like_pattern(std::string_view part) {
  std::string out = "%";
  for (const char c : part) {
    if (c == '%' || c == '_' || c == '\\') out += '\\';
    out += c;
  }
  return out + "%";
}

struct FilterSql {
  std::string where;
  std::vector<Value> parameters;
};

FilterSql filter_sql(const ItemFilter& filter, const ingest::ItemRef& after) {
  FilterSql out{"(i.kind, i.id) > (?1, ?2)", {after.kind, after.id}};
  const auto add = [&](std::string_view sql, std::string value) {
    out.parameters.emplace_back(std::move(value));
    out.where += fmt::format(fmt::runtime(sql), out.parameters.size());
  };
  if (!filter.kind.empty()) add(" AND i.kind = ?{}", filter.kind);
  if (!filter.category.empty()) add(" AND i.category = ?{}", filter.category);
  if (!filter.text.empty()) add(" AND i.title LIKE ?{} ESCAPE '\\'", like_pattern(filter.text));
  if (!filter.tag.empty()) {
    add(" AND EXISTS (SELECT 1 FROM item_tag t WHERE t.item_kind = i.kind AND t.item_id = i.id"
        " AND t.weight > 0 AND t.tag = ?{})",
        filter.tag);
  }
  return out;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

/// Of all items, or only of those that changed after `after`.
Result<std::vector<IndexedItem>> read_index(Session& session, std::optional<std::int64_t> after) {
  const auto rows_of = [&](std::string_view columns, std::string_view table,
                           std::string_view condition, std::string_view order) {
    std::string sql = fmt::format("SELECT {} FROM {}", columns, table);
    if (after && table == "item i") {
      sql += " WHERE i.changed > ?1";
    } else if (after) {
      // As a set: a join may walk the whole table in its order.
      sql += " WHERE (x.item_kind, x.item_id) IN (SELECT kind, id FROM item WHERE changed > ?1)";
    }
    if (!condition.empty()) sql += fmt::format(" {} {}", after ? "AND" : "WHERE", condition);
    sql += fmt::format(" ORDER BY {}", order);
    return after ? session.query(sql, {*after}) : session.query(sql, {});
  };
  ZHIYIN_TRY(const Rows items,
             rows_of("i.kind, i.id, i.title, i.category, i.url, i.price, i.stock, i.valid_from, "
                     "i.valid_until, i.published_at, i.author, i.account, i.campaign",
                     "item i", "", "i.kind, i.id"));
  ZHIYIN_TRY(const Rows hidden,
             rows_of("x.item_kind, x.item_id", "item_hidden x", "", "x.item_kind, x.item_id"));
  ZHIYIN_TRY(const Rows tags, rows_of("x.item_kind, x.item_id, x.tag, x.weight", "item_tag x",
                                      "x.weight > 0", "x.item_kind, x.item_id, x.tag"));
  ZHIYIN_TRY(const Rows readings,
             rows_of("x.item_kind, x.item_id, x.keywords, x.topic, x.sentiment, x.item_group",
                     "item_reading x", "", "x.item_kind, x.item_id"));
  std::vector<IndexedItem> list;
  list.reserve(items.rows.size());
  std::size_t next_tag = 0;
  std::size_t next_reading = 0;
  std::size_t next_hidden = 0;
  const auto ref_of = [](const Row& row) {
    return ingest::ItemRef{text_of(row[0]), text_of(row[1])};
  };
  for (const Row& row : items.rows) {
    IndexedItem item{ref_of(row),
                     text_of(row[2]),
                     text_of(row[3]),
                     text_of(row[4]),
                     {},
                     optional_of<std::int64_t>(row[5]),
                     optional_of<std::int64_t>(row[6]),
                     optional_of<Instant>(row[7]),
                     optional_of<Instant>(row[8]),
                     optional_of<Instant>(row[9]),
                     text_of(row[10])};
    while (next_tag < tags.rows.size() && ref_of(tags.rows[next_tag]) < item.ref) ++next_tag;
    for (; next_tag < tags.rows.size() && ref_of(tags.rows[next_tag]) == item.ref; ++next_tag) {
      item.tags.push_back(
          {text_of(tags.rows[next_tag][2]), storage::as_int(tags.rows[next_tag][3])});
    }
    while (next_reading < readings.rows.size() && ref_of(readings.rows[next_reading]) < item.ref)
      ++next_reading;
    if (next_reading < readings.rows.size() && ref_of(readings.rows[next_reading]) == item.ref) {
      const Row& reading = readings.rows[next_reading];
      item.keywords = lines_of(storage::as_text(reading[2]));
      item.topic = text_of(reading[3]);
      item.sentiment = text_of(reading[4]);
      item.group = text_of(reading[5]);
    }
    item.account = text_of(row[11]);
    item.campaign = text_of(row[12]);
    while (next_hidden < hidden.rows.size() && ref_of(hidden.rows[next_hidden]) < item.ref)
      ++next_hidden;
    item.hidden = next_hidden < hidden.rows.size() && ref_of(hidden.rows[next_hidden]) == item.ref;
    list.push_back(std::move(item));
  }
  return list;
}

Result<std::vector<ingest::ItemRef>> read_removed(Session& session, std::int64_t after) {
  ZHIYIN_TRY(const Rows rows,
             session.query("SELECT kind, id FROM item_removed WHERE changed > ?1", {after}));
  std::vector<ingest::ItemRef> out;
  for (const Row& row : rows.rows) out.push_back({text_of(row[0]), text_of(row[1])});
  return out;
}

/// What tells an index how old it is.
struct IndexCursors {
  std::int64_t changed = 0;
  std::int64_t readings = 0;  ///< of texts, told about
};

Result<IndexCursors> read_index_cursors(Session& session) {
  ZHIYIN_TRY(const Rows rows,
             session.query("SELECT name, value FROM item_cursor WHERE name IN ('changed', "
                           "'readings')"));
  IndexCursors out;
  for (const Row& row : rows.rows) {
    (text_of(row[0]) == "changed" ? out.changed : out.readings) = storage::as_int(row[1]);
  }
  return out;
}

struct SyncBatch {
  std::int64_t round = 0;  ///< rows are written again under another id when two processes met
  std::int64_t from = 0;
  std::int64_t up_to = 0;
  std::vector<Row> items;
  std::vector<Row> tags;
};

Result<SyncBatch> read_sync_batch(Session& session) {
  SyncBatch batch;
  ZHIYIN_TRY(const Rows cursors,
             session.query("SELECT value FROM item_cursor WHERE name IN"
                           " ('changed', 'warehouse', 'warehouse.round') ORDER BY name"));
  if (cursors.rows.size() > 2)
    batch.round = storage::as_int(cursors.rows[2][0]);      // warehouse.round
  batch.up_to = storage::as_int(cursors.rows.at(0).at(0));  // changed
  batch.from = storage::as_int(cursors.rows.at(1).at(0));   // warehouse
  ZHIYIN_TRY(Rows items,
             session.query(
                 "SELECT kind, id, title, category, author, price, published_at, changed FROM item"
                 " WHERE changed > ?1 ORDER BY changed LIMIT ?2",
                 {batch.from, static_cast<std::int64_t>(kSyncBatch)}));
  if (items.rows.size() == kSyncBatch) batch.up_to = storage::as_int(items.rows.back().back());
  for (Row& row : items.rows) row.pop_back();
  batch.items = std::move(items.rows);
  ZHIYIN_TRY(Rows tags, session.query("SELECT item_kind, item_id, tag, weight FROM item_tag"
                                      " WHERE changed > ?1 AND changed <= ?2",
                                      {batch.from, batch.up_to}));
  batch.tags = std::move(tags.rows);
  return batch;
}

/// Another process that was at the same may have written newer rows before these older ones: then
/// everything from where this one began is written once more.
Result<void> move_cursor(Session& session, const SyncBatch& batch) {
  ZHIYIN_TRY(
      const std::int64_t moved,
      session.execute("UPDATE item_cursor SET value = ?1 WHERE name = 'warehouse' AND value = ?2",
                      {batch.up_to, batch.from}));
  if (moved != 0) return {};
  ZHIYIN_TRY_VOID(session.execute(
      "UPDATE item_cursor SET value = ?1 WHERE name = 'warehouse' AND value > ?1", {batch.from}));
  ZHIYIN_TRY_VOID(
      session.execute("INSERT INTO item_cursor(name, value) VALUES('warehouse.round', 1)"
                      " ON CONFLICT(name) DO UPDATE SET value = item_cursor.value + 1",
                      {}));
  return {};
}

}  // namespace

const storage::Table& items_table() {
  using enum storage::ColumnType;
  static const storage::Table table{"items",
                                    {{"item_kind", kText},
                                     {"item_id", kText},
                                     {"title", kText},
                                     {"category", kText},
                                     {"author", kText},
                                     {"price", kInt},
                                     {"published_at", kInt}},
                                    {"item_kind", "item_id"}};
  return table;
}

const storage::Table& item_tags_table() {
  using enum storage::ColumnType;
  static const storage::Table table{
      "item_tags",
      {{"item_kind", kText}, {"item_id", kText}, {"tag", kText}, {"weight", kInt}},
      {"item_kind", "item_id", "tag"}};
  return table;
}

Result<void> validate(const Item& item) {
  if (std::ranges::find(kKinds, item.kind) == std::end(kKinds)) {
    if (!ingest::is_kind_name(item.kind))
      return fail_field("kind", "does not match [a-z][a-z0-9_.]{{0,63}}");
    return fail_field("kind",
                      "'{}' is not one of article, video, audio, page, product, course, activity, "
                      "coupon, creative",
                      item.kind.substr(0, 32));
  }
  if (item.id.empty()) return fail_field("id", "is empty");
  ZHIYIN_TRY_VOID(check_text("id", item.id, ingest::kItemIdBytesMax));
  if (has_control_character(item.id)) return fail_field("id", "contains a control character");
  if (item.title.find_first_not_of(' ') == std::string::npos)
    return fail_field("title", "is missing or empty");
  ZHIYIN_TRY_VOID(check_text("title", item.title, kTitleBytesMax));
  ZHIYIN_TRY_VOID(check_text("text", item.text, 200'000));
  ZHIYIN_TRY_VOID(check_text("category", item.category, 128));
  ZHIYIN_TRY_VOID(check_text("author", item.author, 128));
  ZHIYIN_TRY_VOID(check_tags(item.tags));
  ZHIYIN_TRY_VOID(check_text("account", item.account, 64));
  ZHIYIN_TRY_VOID(check_text("campaign", item.campaign, 64));
  if (item.price && item.price->value < 0)
    return fail_field("price", "{} is below 0", item.price->value);
  if (item.stock && *item.stock < 0) return fail_field("stock", "{} is below 0", *item.stock);
  if (item.valid_from && item.valid_until && *item.valid_until <= *item.valid_from) {
    return fail_field("valid_until", "is not after valid_from");
  }
  for (const auto& [name, url] :
       {std::pair<std::string_view, const std::string&>{"url", item.url}, {"cover", item.cover}}) {
    ZHIYIN_TRY_VOID(check_text(name, url, 2048));
    if (!url.empty() && !is_web_address(url))
      return fail_field(name, "is not an http or https address");
  }
  return {};
}

std::span<const storage::Migration> Items::migrations() { return kMigrations; }

Result<void> Items::put(std::span<const Item> items) {
  if (items.size() > kPutMax)
    return fail(ErrorCode::kLimitReached, "items: {} at once, at most {}", items.size(), kPutMax);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (auto checked = validate(items[i]); !checked) {
      return std::unexpected(within(fmt::format("items[{}]", i), std::move(checked.error())));
    }
  }
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(std::int64_t changed,
               take_changes(session, static_cast<std::int64_t>(items.size())));
    for (const Item& item : items) ZHIYIN_TRY_VOID(write_item(session, item, ++changed));
    return {};
  }));
  refresh();
  return {};
}

Result<Item> Items::get(const ingest::ItemRef& ref) const {
  std::optional<Item> found;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(found, read_item(session, ref));
    return {};
  }));
  if (!found) return fail(ErrorCode::kNotFound, "item {}/{}: does not exist", ref.kind, ref.id);
  return std::move(*found);
}

Result<std::vector<Item>> Items::find(std::span<const ingest::ItemRef> refs) const {
  std::vector<Item> list;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    list.clear();
    for (const ingest::ItemRef& ref : refs) {
      ZHIYIN_TRY(auto item, read_item(session, ref));
      if (item) list.push_back(std::move(*item));
    }
    return {};
  }));
  return list;
}

Result<ItemPage> Items::list(const ItemFilter& filter, std::string_view after,
                             std::size_t limit) const {
  if (limit < 1 || limit > kListMax)
    return fail_field("limit", "{} is not between 1 and {}", limit, kListMax);
  ZHIYIN_TRY(const auto place, parse_place(after));
  FilterSql where = filter_sql(filter, place);
  where.parameters.emplace_back(static_cast<std::int64_t>(limit + 1));
  const std::string sql =
      fmt::format("SELECT {} FROM item i WHERE {} ORDER BY i.kind, i.id LIMIT ?{}", kColumns,
                  where.where, where.parameters.size());
  ItemPage page;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    page = {};
    ZHIYIN_TRY(const Rows rows, session.query(sql, where.parameters));
    for (std::size_t i = 0; i < std::min(rows.rows.size(), limit); ++i) {
      page.items.push_back(item_of(rows.rows[i]));
      ZHIYIN_TRY_VOID(read_tags(session, page.items.back()));
    }
    if (rows.rows.size() > limit) page.next = page.items.back().kind + ":" + page.items.back().id;
    return {};
  }));
  return page;
}

Result<void> Items::remove(const ingest::ItemRef& ref) {
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const auto removed,
               session.execute("DELETE FROM item WHERE kind = ?1 AND id = ?2", {ref.kind, ref.id}));
    if (removed == 0)
      return fail(ErrorCode::kNotFound, "item {}/{}: does not exist", ref.kind, ref.id);
    ZHIYIN_TRY(const std::int64_t before, take_changes(session, 1));
    ZHIYIN_TRY_VOID(session.execute(
        "UPDATE item_tag SET weight = 0, changed = ?3 WHERE item_kind = ?1 AND item_id = ?2",
        {ref.kind, ref.id, before + 1}));
    ZHIYIN_TRY_VOID(
        session.execute("INSERT INTO item_removed(kind, id, changed) VALUES(?1, ?2, ?3)"
                        " ON CONFLICT(kind, id) DO UPDATE SET changed = excluded.changed",
                        {ref.kind, ref.id, before + 1}));
    ZHIYIN_TRY_VOID(session.execute("DELETE FROM item_removed WHERE changed <= ?1",
                                    {before + 1 - kRemovedKept}));
    ZHIYIN_TRY_VOID(session.execute(
        "DELETE FROM item_reading WHERE item_kind = ?1 AND item_id = ?2", {ref.kind, ref.id}));
    ZHIYIN_TRY_VOID(session.execute("DELETE FROM item_hidden WHERE item_kind = ?1 AND item_id = ?2",
                                    {ref.kind, ref.id}));
    return {};
  }));
  refresh();
  return {};
}

Result<void> Items::hide(const ingest::ItemRef& ref, bool hidden, Instant now) {
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const auto item, read_item(session, ref));
    if (!item) return fail(ErrorCode::kNotFound, "item {}/{}: does not exist", ref.kind, ref.id);
    ZHIYIN_TRY(const std::int64_t before, take_changes(session, 1));
    ZHIYIN_TRY_VOID(session.execute("UPDATE item SET changed = ?3 WHERE kind = ?1 AND id = ?2",
                                    {ref.kind, ref.id, before + 1}));
    if (hidden) {
      ZHIYIN_TRY_VOID(
          session.execute("INSERT INTO item_hidden(item_kind, item_id, at) VALUES(?1, "
                          "?2, ?3) ON CONFLICT(item_kind, item_id) DO NOTHING",
                          {ref.kind, ref.id, now.us}));
    } else {
      ZHIYIN_TRY_VOID(session.execute(
          "DELETE FROM item_hidden WHERE item_kind = ?1 AND item_id = ?2", {ref.kind, ref.id}));
    }
    return {};
  }));
  refresh();
  return {};
}

Result<std::int64_t> Items::count(const ItemFilter& filter) const {
  const FilterSql where = filter_sql(filter, {});
  std::int64_t n = 0;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const Rows rows,
               session.query("SELECT COUNT(*) FROM item i WHERE " + where.where, where.parameters));
    n = storage::as_int(rows.rows.at(0).at(0));
    return {};
  }));
  return n;
}

Result<std::vector<std::string>> Items::tags(std::size_t limit) const {
  ZHIYIN_TRY(const Rows rows,
             state_.query("SELECT tag, COUNT(*) FROM item_tag WHERE weight > 0 GROUP BY tag"
                          " ORDER BY 2 DESC, tag LIMIT ?1",
                          {static_cast<std::int64_t>(limit)}));
  std::vector<std::string> list;
  for (const Row& row : rows.rows) list.push_back(text_of(row[0]));
  return list;
}

Result<std::int64_t> Items::newest_change() const {
  ZHIYIN_TRY(const Rows rows, state_.query("SELECT value FROM item_cursor WHERE name = 'changed'"));
  return rows.rows.empty() ? 0 : storage::as_int(rows.rows[0][0]);
}

Result<std::shared_ptr<const ItemIndex>> Items::index(std::int64_t at_least) const {
  const MutexLock lock(mutex_);
  // Read before the items: a change in between makes the next call read again.
  const std::int64_t version = version_.load();
  if (index_ && index_version_ == version && index_change_ >= at_least) return index_;
  const std::shared_ptr<const ItemIndex> before = index_;
  const IndexCursors then{index_change_, index_readings_};
  IndexCursors now;
  std::vector<IndexedItem> items;
  std::vector<ingest::ItemRef> removed;
  bool follows = false;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    removed.clear();
    ZHIYIN_TRY(now, read_index_cursors(session));
    const std::int64_t behind = now.changed - then.changed;
    follows = before && now.readings == then.readings && behind >= 0 && behind <= kChangesFollowed;
    static_assert(kChangesFollowed < kRemovedKept);
    ZHIYIN_TRY(items, read_index(session, follows ? std::optional(then.changed) : std::nullopt));
    if (follows) {
      ZHIYIN_TRY(removed, read_removed(session, then.changed));
    }
    return {};
  }));
  index_ = std::make_shared<const ItemIndex>(follows ? before->with(std::move(items), removed)
                                                     : ItemIndex(std::move(items)));
  index_version_ = version;
  index_change_ = now.changed;
  index_readings_ = now.readings;
  return index_;
}

Result<std::int64_t> Items::dealt_with(const ingest::ItemRef& ref) const {
  std::int64_t out = 0;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const auto stats, statistics_of(session, ref));
    for (const ItemStat& stat : stats) {
      if (stat.kind != "show" && !stat.kind.starts_with("touch.")) out += stat.count;
    }
    return {};
  }));
  return out;
}

Result<std::size_t> Items::sync_to_warehouse(storage::Warehouse& warehouse) {
  ZHIYIN_TRY_VOID(warehouse.create(items_table()));
  ZHIYIN_TRY_VOID(warehouse.create(item_tags_table()));
  std::size_t written = 0;
  while (true) {
    SyncBatch batch;
    ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
      ZHIYIN_TRY(batch, read_sync_batch(session));
      return {};
    }));
    if (batch.up_to == batch.from) return written;
    const std::string again = batch.round == 0 ? "" : fmt::format(":{}", batch.round);
    const std::string id = fmt::format("{}-{}{}", batch.from, batch.up_to, again);
    ZHIYIN_TRY_VOID(warehouse.insert(item_tags_table(), batch.tags, "item_tags:" + id));
    ZHIYIN_TRY_VOID(warehouse.insert(items_table(), batch.items, "items:" + id));
    ZHIYIN_TRY_VOID(state_.write([&](Session& session) { return move_cursor(session, batch); }));
    written += batch.items.size();
  }
}

}  // namespace zhiyin::catalogue
