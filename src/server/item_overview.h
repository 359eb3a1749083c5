#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "catalogue/item_index.h"
#include "catalogue/item_statistics.h"
#include "storage/state.h"
#include "storage/warehouse.h"

/// The catalogue for people who look after it: which items there are, in which status, and how they
/// fare.
namespace zhiyin::server {

/// Whether an item may be listed at a moment, and why not.
enum class ItemStatus { kAvailable, kUpcoming, kExpired, kOutOfStock, kHidden };
std::string_view name_of(ItemStatus status);
/// kInvalidArgument, field `status`, otherwise.
Result<ItemStatus> item_status_of(std::string_view name);
/// Hidden comes first, then out of stock, then what the validity says.
ItemStatus status_of(const catalogue::IndexedItem& item, Instant now);

struct ItemSelection {
  std::string kind = {};  ///< empty: any, as for the next two
  std::string tag = {};
  std::string category = {};
  std::string text = {};  ///< part of title or id, ASCII letters in either case; empty: any
  std::optional<ItemStatus> status = {};
};
/// A page of the items that a selection leaves, in the order of (kind, id).
struct ItemSelectionPage {
  std::vector<const catalogue::IndexedItem*> items;  ///< live as long as the index
  std::size_t total = 0;                             ///< on all pages
  std::optional<std::string> next;                   ///< `after` of the next page: KIND/ID
  /// What the selection without its status, or without its kind, leaves of each: to choose from.
  std::map<std::string, std::size_t> by_status;
  std::map<std::string, std::size_t> by_kind;
};
/// Pure; looks at every item. kInvalidArgument when `after` is no `next`. limit at least 1.
Result<ItemSelectionPage> select_items(const catalogue::ItemIndex& index,
                                       const ItemSelection& selection, std::string_view after,
                                       std::size_t limit, Instant now);

/// People who dealt with an item, each counted once.
struct ItemPeople {
  std::int64_t dealt = 0;    ///< did anything with it beyond being shown or sent it
  std::int64_t reacted = 0;  ///< liked, shared, commented on or kept it
  std::int64_t bought = 0;
};
/// By the warehouse, for at most kItemsAsked items. Those without anybody are absent.
inline constexpr std::size_t kItemsAsked = 1000;
Result<std::map<ingest::ItemRef, ItemPeople>> people_of_items(
    storage::Warehouse& warehouse, const std::vector<ingest::ItemRef>& items);

/// {"kinds":[{"kind","events","people"}],"daily":[{"day","dealt","bought"}]}: what people did with
/// an item, and how often in each of the last `days` days (Shanghai; 1 to 90), by the warehouse.
Result<Json> item_report(storage::Warehouse& warehouse, const ingest::ItemRef& item, Instant now,
                         int days);

/// {"item","status","events":{KIND:n},"sums":{KIND:n},"first_at","last_at","shown","shown_at",
/// "people":{"dealt","reacted","bought"},"conversion":{"of","n","hits","share","low","high"}}.
/// `conversion`: of those who dealt with it, how many bought it (items with a price) or reacted to
/// it, with Wilson's interval; null with nobody.
Json overview_json(const catalogue::IndexedItem& item,
                   const std::vector<catalogue::ItemStat>& statistics, const ItemPeople& people,
                   Instant now);

}  // namespace zhiyin::server
