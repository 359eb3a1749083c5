#include "catalogue/item_readings.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <numeric>

#include "base/crypto.h"
#include "text/near_duplicate.h"

namespace zhiyin::catalogue {
namespace {

using storage::Blob;
using storage::Row;
using storage::Rows;
using storage::Session;

std::string text_of(const storage::Value& v) { return std::string(storage::as_text(v)); }

/// Title and text as they are read; cut between characters.
std::string read_text(const Row& row, std::size_t title, std::size_t text) {
  std::string out = text_of(row[title]);
  const std::string_view body = storage::as_text(row[text]);
  if (body.empty()) return out;
  out += '\n';
  out += body;
  if (out.size() <= kReadBytesMax) return out;
  std::size_t end = kReadBytesMax;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;
  out.resize(end);
  return out;
}

std::int64_t checksum(std::string_view text) {
  return static_cast<std::int64_t>(crypto::xxh64(text));
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

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += '\n';
    out += word;
  }
  return out;
}

std::string digits_of(std::string_view text) {
  std::string out;
  bool within = false;
  for (const char c : text) {
    const bool is_digit = c >= '0' && c <= '9';
    if (is_digit && !within) out += ' ';
    if (is_digit) out += c;
    within = is_digit;
  }
  return out;
}

struct Grouped {
  ingest::ItemRef item;
  std::int64_t published_at = 0;
  std::string digits;
  std::string group;  ///< as it is kept
  bool was_read = false;
};

/// The smallest number of what hangs together stands for it.
std::size_t root_of(std::vector<std::size_t>& parent, std::size_t i) {
  while (parent[i] != i) {
    parent[i] = parent[parent[i]];
    i = parent[i];
  }
  return i;
}

/// All items by pages, the earliest of a page's order first.
Result<void> each_text(storage::State& state, std::size_t most,
                       const std::function<void(const Row&)>& take) {
  constexpr std::int64_t kPage = 2000;
  ingest::ItemRef after;
  std::size_t seen = 0;
  while (seen < most) {
    ZHIYIN_TRY(const Rows page,
               state.query("SELECT i.kind, i.id, i.title, i.text, i.published_at, r.item_group,"
                           " r.item_id FROM item i LEFT JOIN item_reading r"
                           " ON r.item_kind = i.kind AND r.item_id = i.id"
                           " WHERE (i.kind, i.id) > (?1, ?2) ORDER BY i.kind, i.id LIMIT ?3",
                           {after.kind, after.id, kPage}));
    for (const Row& row : page.rows) {
      if (seen++ >= most) return {};
      take(row);
    }
    if (page.rows.size() < static_cast<std::size_t>(kPage)) return {};
    after = {text_of(page.rows.back()[0]), text_of(page.rows.back()[1])};
  }
  return {};
}

/// By their texts: each item's place in `items` of the one that stands for it.
class DuplicateGroups {
 public:
  void add(const Grouped& item, std::string_view text) {
    auto& index =
        by_kind_.try_emplace(item.item.kind, Kind{text::NearDuplicateIndex(options()), {}})
            .first->second;
    const std::size_t place = parent_.size();
    parent_.push_back(place);
    digits_.push_back(item.digits);
    constexpr std::size_t kLookedAt = 50;
    for (const text::NearDuplicate& near : index.texts.find(text, kLookedAt)) {
      const std::size_t other = index.places[near.text];
      if (digits_[other] == item.digits) join(place, other);
    }
    index.texts.add(text);
    index.places.push_back(place);
  }
  std::size_t root(std::size_t place) { return root_of(parent_, place); }

 private:
  struct Kind {
    text::NearDuplicateIndex texts;
    std::vector<std::size_t> places;
  };
  static text::NearDuplicateOptions options() {
    constexpr double kSimilarityMin = 0.9;
    return {.similarity_min = kSimilarityMin};
  }
  void join(std::size_t a, std::size_t b) {
    const std::size_t x = root(a);
    const std::size_t y = root(b);
    parent_[std::max(x, y)] = std::min(x, y);
  }
  std::map<std::string, Kind> by_kind_;
  std::vector<std::size_t> parent_;
  std::vector<std::string> digits_;
};

}  // namespace

Result<std::vector<UnreadItem>> ItemReadings::unread(std::string_view reader, std::size_t limit) {
  std::vector<UnreadItem> out;
  std::vector<UnreadItem> as_before;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    out.clear();
    as_before.clear();
    ZHIYIN_TRY(const Rows rows,
               session.query("SELECT i.kind, i.id, i.title, i.text, i.changed, r.reader,"
                             " r.checksum FROM item i LEFT JOIN item_reading r"
                             " ON r.item_kind = i.kind AND r.item_id = i.id"
                             " WHERE r.item_id IS NULL OR r.reader <> ?1 OR r.changed < i.changed"
                             " ORDER BY i.changed LIMIT ?2",
                             {std::string(reader), static_cast<std::int64_t>(limit)}));
    for (const Row& row : rows.rows) {
      UnreadItem item{
          {text_of(row[0]), text_of(row[1])}, read_text(row, 2, 3), storage::as_int(row[4])};
      const bool same = storage::as_text(row[5]) == reader && !storage::is_null(row[6]) &&
                        storage::as_int(row[6]) == checksum(item.text);
      (same ? as_before : out).push_back(std::move(item));
    }
    return {};
  }));
  if (!as_before.empty()) {
    ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
      for (const UnreadItem& item : as_before) {
        ZHIYIN_TRY_VOID(session.execute(
            "UPDATE item_reading SET changed = ?3 WHERE item_kind = ?1 AND item_id = ?2",
            {item.item.kind, item.item.id, item.changed}));
      }
      return {};
    }));
    if (out.empty()) return unread(reader, limit);
  }
  return out;
}

Result<void> ItemReadings::put(std::string_view reader, const std::vector<UnreadItem>& items,
                               const std::vector<ItemReading>& readings) {
  return state_.write([&](Session& session) -> Result<void> {
    for (std::size_t i = 0; i < items.size(); ++i) {
      const ItemReading& reading = readings[i];
      // Only for items that are still there.
      ZHIYIN_TRY_VOID(session.execute(
          "INSERT INTO item_reading(item_kind, item_id, changed, reader, checksum, vector, "
          "keywords,"
          " topic, sentiment, item_group) SELECT kind, id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, '' FROM item"
          " WHERE kind = ?1 AND id = ?2"
          " ON CONFLICT(item_kind, item_id) DO UPDATE SET changed = excluded.changed,"
          " reader = excluded.reader, checksum = excluded.checksum, vector = excluded.vector,"
          " keywords = excluded.keywords, topic = excluded.topic, sentiment = excluded.sentiment",
          {items[i].item.kind, items[i].item.id, items[i].changed, std::string(reader),
           checksum(items[i].text), Blob{reading.vector}, joined(reading.keywords), reading.topic,
           reading.sentiment}));
    }
    return {};
  });
}

Result<void> ItemReadings::announce() {
  return state_.write([](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute(
        "UPDATE item_cursor SET value = value + 1 WHERE name IN ('changed', 'readings')", {}));
    return {};
  });
}

Result<std::int64_t> ItemReadings::announced() const {
  ZHIYIN_TRY(const Rows rows,
             state_.query("SELECT value FROM item_cursor WHERE name = 'readings'"));
  return rows.rows.empty() ? 0 : storage::as_int(rows.rows[0][0]);
}

Result<ItemReading> ItemReadings::get(const ingest::ItemRef& item) const {
  ZHIYIN_TRY(const Rows rows,
             state_.query("SELECT vector, keywords, topic, sentiment, item_group FROM item_reading"
                          " WHERE item_kind = ?1 AND item_id = ?2",
                          {item.kind, item.id}));
  if (rows.rows.empty())
    return fail(ErrorCode::kNotFound, "item {}/{}: nobody has read it yet", item.kind, item.id);
  const Row& row = rows.rows[0];
  return ItemReading{item,
                     text_of(row[0]),
                     lines_of(storage::as_text(row[1])),
                     text_of(row[2]),
                     text_of(row[3]),
                     text_of(row[4])};
}

Result<std::vector<ItemReadings::Vector>> ItemReadings::vectors(std::string_view encoder) const {
  ZHIYIN_TRY(const Rows rows,
             state_.query("SELECT item_kind, item_id, vector, reader FROM item_reading"
                          " WHERE LENGTH(vector) > 0 ORDER BY item_kind, item_id"));
  const std::string begins = fmt::format("{}|", encoder);
  std::vector<Vector> out;
  out.reserve(rows.rows.size());
  for (const Row& row : rows.rows) {
    // After a change of the encoder some are still the earlier one's.
    if (storage::as_text(row[3]).starts_with(begins))
      out.push_back({{text_of(row[0]), text_of(row[1])}, text_of(row[2])});
  }
  return out;
}

Result<std::size_t> ItemReadings::group_duplicates() {
  std::vector<Grouped> items;
  DuplicateGroups groups;
  ZHIYIN_TRY_VOID(each_text(state_, kGroupedMax, [&](const Row& row) {
    const std::string text = read_text(row, 2, 3);
    Grouped& item = items.emplace_back();
    item.item = {text_of(row[0]), text_of(row[1])};
    item.published_at = storage::is_null(row[4]) ? std::numeric_limits<std::int64_t>::max()
                                                 : storage::as_int(row[4]);
    item.digits = digits_of(text);
    item.group = text_of(row[5]);
    item.was_read = !storage::is_null(row[6]);
    groups.add(item, text);
  }));
  // The first that came out stands for the group.
  std::vector<std::size_t> members(items.size(), 0);
  std::vector<std::size_t> first(items.size());
  std::iota(first.begin(), first.end(), std::size_t{0});
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::size_t root = groups.root(i);
    ++members[root];
    if (items[i].published_at < items[first[root]].published_at) first[root] = i;
  }
  std::vector<std::pair<std::size_t, std::string>> changes;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::size_t root = groups.root(i);
    std::string group = members[root] > 1 ? items[first[root]].item.id : std::string();
    if (items[i].was_read && group != items[i].group) changes.emplace_back(i, std::move(group));
  }
  constexpr std::size_t kWrittenAtOnce = 1000;
  for (std::size_t begin = 0; begin < changes.size(); begin += kWrittenAtOnce) {
    ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
      for (std::size_t c = begin; c < std::min(begin + kWrittenAtOnce, changes.size()); ++c) {
        const auto& [i, group] = changes[c];
        ZHIYIN_TRY_VOID(session.execute(
            "UPDATE item_reading SET item_group = ?3 WHERE item_kind = ?1 AND item_id = ?2",
            {items[i].item.kind, items[i].item.id, group}));
      }
      return {};
    }));
  }
  return changes.size();
}

}  // namespace zhiyin::catalogue
