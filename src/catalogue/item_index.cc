#include "catalogue/item_index.h"

#include <algorithm>

#include "base/crypto.h"

namespace zhiyin::catalogue {

std::size_t ItemIndex::RefHash::operator()(const ingest::ItemRef& ref) const noexcept {
  return static_cast<std::size_t>(crypto::xxh64(ref.id) ^ (crypto::xxh64(ref.kind) * 3));
}

ItemIndex::ItemIndex(std::vector<IndexedItem> items) : items_(std::move(items)) {
  std::ranges::sort(items_, {}, &IndexedItem::ref);
  places_.reserve(items_.size());
  for (std::size_t i = 0; i < items_.size(); ++i) {
    std::ranges::sort(items_[i].tags, {}, &ItemTag::tag);
    places_.insert_or_assign(items_[i].ref, i);
  }
}

const IndexedItem* ItemIndex::find(const ingest::ItemRef& ref) const {
  const auto found = places_.find(ref);
  return found == places_.end() ? nullptr : &items_[found->second];
}

std::span<const ItemTag> ItemIndex::tags(const ingest::ItemRef& ref) const {
  const IndexedItem* item = find(ref);
  return item == nullptr ? std::span<const ItemTag>() : std::span<const ItemTag>(item->tags);
}

std::string_view ItemIndex::title(const ingest::ItemRef& ref) const {
  const IndexedItem* item = find(ref);
  return item == nullptr ? std::string_view() : std::string_view(item->title);
}

bool ItemIndex::available(const ingest::ItemRef& ref, Instant now) const {
  const IndexedItem* item = find(ref);
  if (item == nullptr || item->hidden) return false;
  if (item->stock && *item->stock <= 0) return false;
  if (item->valid_from && now < *item->valid_from) return false;
  return !(item->valid_until && now >= *item->valid_until);
}

}  // namespace zhiyin::catalogue
