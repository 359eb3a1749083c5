#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "ingest/event.h"

namespace zhiyin::catalogue {

/// Thousandths: a tag with the full weight has 1000.
inline constexpr std::int64_t kTagWeightOne = 1000;

struct ItemTag {
  std::string tag;
  std::int64_t weight = kTagWeightOne;  ///< thousandths, above 0
  bool operator==(const ItemTag&) const = default;
};

/// What serving needs to know of an item.
struct IndexedItem {
  ingest::ItemRef ref;
  std::string title;
  std::string category;
  std::string url;
  std::vector<ItemTag> tags;  ///< ascending by tag
  std::optional<std::int64_t> price_fen;
  std::optional<std::int64_t> stock;
  std::optional<Instant> valid_from;
  std::optional<Instant> valid_until;
  std::optional<Instant> published_at;
  std::string author = {};
  std::vector<std::string> keywords = {};  ///< see item_readings.h
  std::string topic = {};
  std::string sentiment = {};
  std::string group = {};
  std::string account = {};  ///< whose followers it is for; empty: everybody's
  bool hidden = false;       ///< by the operator
  std::string campaign = {};
  bool operator==(const IndexedItem&) const = default;
};

/// All items at one moment, in memory. Those that stayed as they were are shared with the index
/// that it was made from, so that one change costs a walk over pointers. Immutable, thread-safe.
class ItemIndex {
 public:
  /// Shared by the indexes of different moments; immutable.
  using Entry = std::shared_ptr<const IndexedItem>;

  ItemIndex() = default;
  /// Of several with one ref the last stays.
  explicit ItemIndex(std::vector<IndexedItem> items);
  /// What this becomes when `changed` replace their former selves or join, and `removed` go.
  [[nodiscard]] ItemIndex with(std::vector<IndexedItem> changed,
                               std::span<const ingest::ItemRef> removed) const;

  /// Null when there is none. Lives as long as the index.
  [[nodiscard]] const IndexedItem* find(const ingest::ItemRef& ref) const;
  /// Empty when the item is unknown.
  [[nodiscard]] std::span<const ItemTag> tags(const ingest::ItemRef& ref) const;
  [[nodiscard]] std::string_view title(const ingest::ItemRef& ref) const;
  /// Known, not hidden, valid at `now` and not out of stock.
  [[nodiscard]] bool available(const ingest::ItemRef& ref, Instant now) const;
  /// Ascending by ref.
  [[nodiscard]] std::span<const Entry> items() const { return items_; }

 private:
  /// Where an item lies in items_, in open addressing.
  struct Place {
    std::uint32_t hash = 0;
    std::uint32_t item = kFree;
  };
  static constexpr std::uint32_t kFree = UINT32_MAX;

  void index_places();
  /// Of places_: its own, or the free one where it would go. Requires places.
  [[nodiscard]] std::size_t place_of(const ingest::ItemRef& ref) const;

  std::vector<Entry> items_;
  /// Shared by indexes of the same refs; immutable. A power of two, at most half of it taken.
  std::shared_ptr<const std::vector<Place>> places_;
};

}  // namespace zhiyin::catalogue
