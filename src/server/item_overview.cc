#include "server/item_overview.h"

#include <algorithm>

#include "base/json_binding.h"
#include "statistics/interval.h"

namespace zhiyin::server {
namespace {

constexpr std::pair<ItemStatus, std::string_view> kStatuses[] = {
    {ItemStatus::kAvailable, "available"}, {ItemStatus::kUpcoming, "upcoming"},
    {ItemStatus::kExpired, "expired"},     {ItemStatus::kOutOfStock, "out_of_stock"},
    {ItemStatus::kHidden, "hidden"},
};
constexpr std::string_view kReactions[] = {"like", "share", "comment", "favorite"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool contains(std::string_view text, std::string_view part) {
  const auto same = [](char a, char b) { return lower(a) == lower(b); };
  return std::ranges::search(text, part, same).begin() != text.end();
}

bool is_selected(const catalogue::IndexedItem& item, const ItemSelection& s) {
  if (!s.category.empty() && item.category != s.category) return false;
  if (!s.tag.empty() &&
      std::ranges::find(item.tags, s.tag, &catalogue::ItemTag::tag) == item.tags.end())
    return false;
  return s.text.empty() || contains(item.title, s.text) || contains(item.ref.id, s.text);
}

/// Kinds of what was done to people, not by them.
bool is_done_to_people(std::string_view kind) {
  return kind == "show" || kind.starts_with("touch.") || kind.starts_with("bot.");
}

constexpr std::string_view kPeopleSql =
    " FROM events e JOIN identity_person ip ON ip.identity = e.identity AND ip.person <> '' AND "
    "e.off > ip.after_off WHERE e.kind <> 'show' AND e.kind NOT LIKE 'touch.%' AND e.kind NOT LIKE "
    "'bot.%' AND ";

Json conversion_of(const catalogue::IndexedItem& item, const ItemPeople& people) {
  if (people.dealt == 0) return {};
  const bool sold = item.price_fen.has_value();
  const std::int64_t hits = sold ? people.bought : people.reacted;
  const auto interval =
      statistics::wilson_interval(static_cast<double>(hits), static_cast<double>(people.dealt));
  return Json()
      .set("of", sold ? "bought" : "reacted")
      .set("n", people.dealt)
      .set("hits", hits)
      .set("share", static_cast<double>(hits) / static_cast<double>(people.dealt))
      .set("low", interval.low)
      .set("high", interval.high);
}

Json indexed_json(const catalogue::IndexedItem& item) {
  Json tags = Json::array();
  for (const catalogue::ItemTag& tag : item.tags) tags.push(tag.tag);
  Json out;
  out.set("kind", item.ref.kind).set("id", item.ref.id).set("title", item.title);
  out.set("category", item.category).set("author", item.author).set("url", item.url);
  out.set("tags", std::move(tags)).set("price", to_json(item.price_fen));
  out.set("stock", to_json(item.stock)).set("published_at", to_json(item.published_at));
  out.set("account", item.account).set("campaign", item.campaign);
  return out.set("valid_from", to_json(item.valid_from))
      .set("valid_until", to_json(item.valid_until));
}

}  // namespace

std::string_view name_of(ItemStatus status) {
  return std::ranges::find(kStatuses, status, &std::pair<ItemStatus, std::string_view>::first)
      ->second;
}

Result<ItemStatus> item_status_of(std::string_view name) {
  for (const auto& [status, known] : kStatuses) {
    if (name == known) return status;
  }
  return fail_field("status", "'{}' is not available, upcoming, expired, out_of_stock or hidden",
                    name.substr(0, 32));
}

ItemStatus status_of(const catalogue::IndexedItem& item, Instant now) {
  if (item.hidden) return ItemStatus::kHidden;
  if (item.stock && *item.stock <= 0) return ItemStatus::kOutOfStock;
  if (item.valid_from && now < *item.valid_from) return ItemStatus::kUpcoming;
  if (item.valid_until && now >= *item.valid_until) return ItemStatus::kExpired;
  return ItemStatus::kAvailable;
}

Result<ItemSelectionPage> select_items(const catalogue::ItemIndex& index,
                                       const ItemSelection& selection, std::string_view after,
                                       std::size_t limit, Instant now) {
  ingest::ItemRef last;
  if (!after.empty()) {
    const std::size_t slash = after.find('/');
    if (slash == 0 || slash == after.npos || slash + 1 == after.size())
      return fail_field("after", "'{}' is no `next` of a page of items", after.substr(0, 80));
    last = {std::string(after.substr(0, slash)), std::string(after.substr(slash + 1))};
  }
  ItemSelectionPage out;
  for (const auto& [status, name] : kStatuses) out.by_status[std::string(name)] = 0;
  bool has_more = false;
  for (const auto& entry : index.items()) {
    const catalogue::IndexedItem& item = *entry;
    if (!is_selected(item, selection)) continue;
    const ItemStatus status = status_of(item, now);
    const bool fits_kind = selection.kind.empty() || item.ref.kind == selection.kind;
    const bool fits_status = !selection.status || status == *selection.status;
    if (fits_kind) ++out.by_status[std::string(name_of(status))];
    if (fits_status) ++out.by_kind[item.ref.kind];
    if (!fits_kind || !fits_status) continue;
    ++out.total;
    if (!after.empty() && !(last < item.ref)) continue;
    if (out.items.size() < limit) {
      out.items.push_back(&item);
    } else {
      has_more = true;
    }
  }
  if (has_more) {
    const ingest::ItemRef& ref = out.items.back()->ref;
    out.next = ref.kind + "/" + ref.id;
  }
  return out;
}

Result<std::map<ingest::ItemRef, ItemPeople>> people_of_items(
    storage::Warehouse& warehouse, const std::vector<ingest::ItemRef>& items) {
  std::map<ingest::ItemRef, ItemPeople> out;
  if (items.empty()) return out;
  if (items.size() > kItemsAsked)
    return fail_field("limit", "is {}, at most {} items are told of", items.size(), kItemsAsked);
  std::string reactions;
  for (const std::string_view kind : kReactions)
    reactions += fmt::format("{}'{}'", reactions.empty() ? "" : ", ", kind);
  std::string sql = fmt::format(
      "SELECT e.item_kind, e.item_id, COUNT(DISTINCT ip.person), COUNT(DISTINCT CASE WHEN e.kind "
      "IN "
      "({}) THEN ip.person ELSE NULL END), COUNT(DISTINCT CASE WHEN e.kind = 'purchase' THEN "
      "ip.person ELSE NULL END)",
      reactions);
  sql.append(kPeopleSql).append("e.item_id IN (");
  std::vector<storage::Value> parameters;
  for (const ingest::ItemRef& item : items) {
    sql += parameters.empty() ? "?" : ", ?";
    parameters.emplace_back(item.id);
  }
  sql += ") GROUP BY e.item_kind, e.item_id";
  ZHIYIN_TRY(const auto rows, warehouse.query(sql, parameters));
  for (const storage::Row& row : rows.rows) {
    // Others of the same id come along.
    ingest::ItemRef ref{std::string(storage::as_text(row[0])),
                        std::string(storage::as_text(row[1]))};
    if (std::ranges::find(items, ref) == items.end()) continue;
    out[std::move(ref)] = {storage::as_int(row[2]), storage::as_int(row[3]),
                           storage::as_int(row[4])};
  }
  return out;
}

Result<Json> item_report(storage::Warehouse& warehouse, const ingest::ItemRef& item, Instant now,
                         int days) {
  std::string sql = "SELECT e.kind, COUNT(*), COUNT(DISTINCT ip.person)";
  sql.append(kPeopleSql)
      .append("e.item_kind = ? AND e.item_id = ? GROUP BY e.kind ORDER BY e.kind");
  ZHIYIN_TRY(const auto kinds, warehouse.query(sql, {item.kind, item.id}));
  Json people = Json::array();
  for (const storage::Row& row : kinds.rows) {
    people.push(Json()
                    .set("kind", storage::as_text(row[0]))
                    .set("events", storage::as_int(row[1]))
                    .set("people", storage::as_int(row[2])));
  }
  // Days of Shanghai, which has kept +08:00 since 1991.
  constexpr std::int64_t kDayUs = kDay.count();
  constexpr std::int64_t kZoneUs = 8 * kDayUs / 24;
  const std::int64_t first = (now.us + kZoneUs) / kDayUs - days + 1;
  const auto begin_of = [&](int day) { return (first + day) * kDayUs - kZoneUs; };
  sql = "SELECT 0";
  for (int d = 0; d < days; ++d) {
    const std::string day =
        fmt::format("e.occurred_at >= {} AND e.occurred_at < {}", begin_of(d), begin_of(d + 1));
    sql += fmt::format(
        ", SUM(CASE WHEN {0} THEN 1 ELSE 0 END), SUM(CASE WHEN {0} AND e.kind = "
        "'purchase' THEN 1 ELSE 0 END)",
        day);
  }
  sql.append(kPeopleSql)
      .append(fmt::format(
          "e.item_kind = ? AND e.item_id = ? AND e.occurred_at >= {} AND e.occurred_at < {}",
          begin_of(0), begin_of(days)));
  ZHIYIN_TRY(const auto sums, warehouse.query(sql, {item.kind, item.id}));
  Json daily = Json::array();
  for (int d = 0; d < days; ++d) {
    const storage::Row& row = sums.rows.at(0);
    const auto at = static_cast<std::size_t>(1 + 2 * d);
    daily.push(
        Json()
            .set("day", format_time(Instant{begin_of(d)}, TimeZone::shanghai()).substr(0, 10))
            .set("dealt", storage::as_int(row.at(at)))
            .set("bought", storage::as_int(row.at(at + 1))));
  }
  return Json().set("kinds", std::move(people)).set("daily", std::move(daily));
}

Json overview_json(const catalogue::IndexedItem& item,
                   const std::vector<catalogue::ItemStat>& statistics, const ItemPeople& people,
                   Instant now) {
  Json events = Json::object();
  Json sums = Json::object();
  std::optional<Instant> first_at;
  std::optional<Instant> last_at;
  std::optional<Instant> shown_at;
  std::int64_t shown = 0;
  for (const catalogue::ItemStat& stat : statistics) {
    if (stat.kind == "show") {
      shown += stat.count;
      shown_at = stat.last_at;
      continue;
    }
    events.set(stat.kind, stat.count);
    if (stat.sum != stat.count) sums.set(stat.kind, stat.sum);
    if (is_done_to_people(stat.kind)) continue;
    first_at = first_at ? std::min(*first_at, stat.first_at) : stat.first_at;
    last_at = last_at ? std::max(*last_at, stat.last_at) : stat.last_at;
  }
  Json out;
  out.set("item", indexed_json(item)).set("status", name_of(status_of(item, now)));
  out.set("events", std::move(events)).set("sums", std::move(sums));
  out.set("first_at", to_json(first_at)).set("last_at", to_json(last_at));
  out.set("shown", shown).set("shown_at", to_json(shown_at));
  out.set("people", Json()
                        .set("dealt", people.dealt)
                        .set("reacted", people.reacted)
                        .set("bought", people.bought));
  return out.set("conversion", conversion_of(item, people));
}

}  // namespace zhiyin::server
