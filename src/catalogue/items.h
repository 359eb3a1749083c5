#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_binding.h"
#include "base/mutex.h"
#include "catalogue/item_index.h"
#include "ingest/event.h"
#include "storage/state.h"
#include "storage/warehouse.h"

namespace zhiyin::catalogue {

inline constexpr std::size_t kTagsMax = 50;
inline constexpr std::size_t kTagBytesMax = 64;
inline constexpr std::size_t kTitleBytesMax = 512;

/// Something to show or sell. A pure value. Kinds are those of `ingest::ItemRef`.
struct Item {
  std::string kind;
  std::string id;
  std::string title;
  std::string text;
  std::vector<std::string> tags;  ///< distinct
  std::string category;
  std::string author;
  std::optional<Fen> price;
  std::optional<std::int64_t> stock;   ///< pieces; absent: not counted
  std::optional<Instant> valid_from;   ///< absent: always was
  std::optional<Instant> valid_until;  ///< first moment at which it is no longer shown
  std::optional<Instant> published_at;
  std::string url;      ///< http or https, or empty
  std::string cover;    ///< address of a picture, http or https, or empty
  std::string account;  ///< whose followers it is for; empty: everybody's
  /// What it belongs to in the owner's words, so that a list may be kept from being all of one.
  std::string campaign;

  [[nodiscard]] ingest::ItemRef ref() const { return {kind, id}; }
  bool operator==(const Item&) const = default;
};

/// The warehouse tables `items` and `item_tags`. A tag that was taken away stays with weight 0
/// (thousandths).
const storage::Table& items_table();
const storage::Table& item_tags_table();

/// Checks what the field list cannot: kind, tags, addresses, order of the validity.
/// kInvalidArgument with the field.
Result<void> validate(const Item& item);

struct ItemFilter {
  std::string kind = {};      ///< empty: any
  std::string tag = {};       ///< empty: any
  std::string category = {};  ///< empty: any
  std::string text = {};      ///< part of the title; empty: any
};

struct ItemPage {
  std::vector<Item> items;
  std::optional<std::string> next;  ///< `after` of the next page
};

/// The items in state. Thread-safe.
class Items {
 public:
  static constexpr std::size_t kPutMax = 10'000;

  explicit Items(storage::State& state) : state_(state) {}
  static std::span<const storage::Migration> migrations();

  /// Adds or replaces all of them in one transaction, or none: kInvalidArgument names the first
  /// that is wrong
  /// (`items[3].price`), kLimitReached above kPutMax. Of two with the same ref the later one stays.
  Result<void> put(std::span<const Item> items);
  /// kNotFound when there is none.
  [[nodiscard]] Result<Item> get(const ingest::ItemRef& ref) const;
  /// Those that exist, in the order asked for.
  [[nodiscard]] Result<std::vector<Item>> find(std::span<const ingest::ItemRef> refs) const;
  /// In order of (kind, id). `after` is the `next` of the page before, or empty. limit in [1,
  /// 1000].
  [[nodiscard]] Result<ItemPage> list(const ItemFilter& filter, std::string_view after,
                                      std::size_t limit) const;
  /// kNotFound when there is none. Events and statistics about it stay.
  Result<void> remove(const ingest::ItemRef& ref);
  [[nodiscard]] Result<std::int64_t> count(const ItemFilter& filter = {}) const;
  /// The most used tags, most used first.
  [[nodiscard]] Result<std::vector<std::string>> tags(std::size_t limit) const;

  /// Takes the item out of every list at once, or lets it back. That outlives its replacement by
  /// `put`; removing the item ends it. kNotFound when there is none.
  Result<void> hide(const ingest::ItemRef& ref, bool hidden, Instant now);

  /// How many events of people dealt with the item (being shown or sent it does not count).
  [[nodiscard]] Result<std::int64_t> dealt_with(const ingest::ItemRef& ref) const;

  /// The snapshot for serving: looked at again only after a change through this object (or
  /// `refresh`), or when it is older than the change `at_least`. What changed since is read, all of
  /// it only after thousands of changes or new readings of texts.
  [[nodiscard]] Result<std::shared_ptr<const ItemIndex>> index(std::int64_t at_least = 0) const;
  /// The number of the newest change, by whatever process.
  [[nodiscard]] Result<std::int64_t> newest_change() const;
  /// Another number than before: there may be a newer snapshot. Never waits.
  [[nodiscard]] std::int64_t version() const { return version_.load(); }
  /// Forgets the snapshot, after a change by another process.
  void refresh() { version_.fetch_add(1); }

  /// Copies what changed since the last call into the warehouse tables `items` and `item_tags`. May
  /// be repeated and interrupted at any point. Returns the number of items written. One caller at a
  /// time.
  Result<std::size_t> sync_to_warehouse(storage::Warehouse& warehouse);

 private:
  storage::State& state_;
  std::atomic<std::int64_t> version_{1};
  mutable Mutex mutex_;
  mutable std::int64_t index_version_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  mutable std::int64_t index_change_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  mutable std::int64_t index_readings_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  /// Shared with whoever serves from it; immutable.
  mutable std::shared_ptr<const ItemIndex> index_ ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace zhiyin::catalogue

template <>
struct zhiyin::Fields<zhiyin::catalogue::Item> {
  using Item = zhiyin::catalogue::Item;
  static constexpr std::string_view name = "Item";
  static constexpr auto list = field_list(
      field("kind", &Item::kind,
            "article, video, audio, page, product, course, activity, coupon or creative")
          .length(1, 32),
      field("id", &Item::id, "unique within its kind").length(1, ingest::kItemIdBytesMax),
      field("title", &Item::title, "as people see it; needed")
          .length(1, catalogue::kTitleBytesMax)
          .optional(),
      field("text", &Item::text, "plain text").length(0, 200'000).optional(),
      field("tags", &Item::tags, "what it is about").length(0, catalogue::kTagsMax).optional(),
      field("category", &Item::category, "one word for where it belongs").length(0, 128).optional(),
      field("author", &Item::author, "who made it").length(0, 128).optional(),
      field("price", &Item::price, "in fen").range(0, 1e12),
      field("stock", &Item::stock, "pieces left").range(0, 1e12),
      field("valid_from", &Item::valid_from, "first moment at which it may be shown"),
      field("valid_until", &Item::valid_until, "first moment at which it may no longer be shown"),
      field("published_at", &Item::published_at, "when it came out"),
      field("url", &Item::url, "where it is read").length(0, 2048).optional(),
      field("cover", &Item::cover, "address of its picture").length(0, 2048).optional(),
      field("account", &Item::account, "whose followers it is for; empty: everybody's")
          .length(0, 64)
          .optional(),
      field("campaign", &Item::campaign, "that it belongs to: lists may be capped by it")
          .length(0, 64)
          .optional());
};
