#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
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
};

/// All items at one moment, in memory. Immutable, thread-safe.
class ItemIndex {
 public:
  ItemIndex() = default;
  explicit ItemIndex(std::vector<IndexedItem> items);

  /// Null when there is none. Lives as long as the index.
  [[nodiscard]] const IndexedItem* find(const ingest::ItemRef& ref) const;
  /// Empty when the item is unknown.
  [[nodiscard]] std::span<const ItemTag> tags(const ingest::ItemRef& ref) const;
  [[nodiscard]] std::string_view title(const ingest::ItemRef& ref) const;
  /// Known, not hidden, valid at `now` and not out of stock.
  [[nodiscard]] bool available(const ingest::ItemRef& ref, Instant now) const;
  /// Ascending by ref.
  [[nodiscard]] std::span<const IndexedItem> items() const { return items_; }

 private:
  struct RefHash {
    using is_transparent = void;
    std::size_t operator()(const ingest::ItemRef& ref) const noexcept;
  };
  std::vector<IndexedItem> items_;
  std::unordered_map<ingest::ItemRef, std::size_t, RefHash> places_;
};

}  // namespace zhiyin::catalogue
