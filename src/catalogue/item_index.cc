#include "catalogue/item_index.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "base/crypto.h"

namespace zhiyin::catalogue {
namespace {

std::uint64_t hash_of(const ingest::ItemRef& ref) {
  return crypto::xxh64(ref.id) ^ (crypto::xxh64(ref.kind) * 3);
}

ItemIndex::Entry entry_of(IndexedItem item) {
  std::ranges::sort(item.tags, {}, &ItemTag::tag);
  return std::make_shared<const IndexedItem>(std::move(item));
}

const ingest::ItemRef& ref_of(const ItemIndex::Entry& entry) { return entry->ref; }

/// Ascending by ref; of several with one ref the last stays.
std::vector<ItemIndex::Entry> entries_of(std::vector<IndexedItem> items) {
  std::vector<ItemIndex::Entry> out;
  out.reserve(items.size());
  for (IndexedItem& item : items) out.push_back(entry_of(std::move(item)));
  std::ranges::stable_sort(out, {}, ref_of);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i + 1 < out.size() && out[i + 1]->ref == out[i]->ref) continue;
    if (kept != i) out[kept] = std::move(out[i]);
    ++kept;
  }
  out.resize(kept);
  return out;
}

}  // namespace

ItemIndex::ItemIndex(std::vector<IndexedItem> items) : items_(entries_of(std::move(items))) {
  index_places();
}

ItemIndex ItemIndex::with(std::vector<IndexedItem> changed,
                          std::span<const ingest::ItemRef> removed) const {
  std::vector<Entry> fresh = entries_of(std::move(changed));
  const auto is_known = [&](const Entry& entry) { return find(entry->ref) != nullptr; };
  const auto is_gone = [&](const ingest::ItemRef& ref) {
    return find(ref) != nullptr && !std::ranges::binary_search(fresh, ref, {}, ref_of);
  };
  ItemIndex out;
  if (std::ranges::all_of(fresh, is_known) && std::ranges::none_of(removed, is_gone)) {
    out.items_ = items_;
    out.places_ = places_;
    for (Entry& entry : fresh) {
      const std::uint32_t at = (*places_)[place_of(entry->ref)].item;
      out.items_[at] = std::move(entry);
    }
    return out;
  }
  std::vector<ingest::ItemRef> gone(removed.begin(), removed.end());
  std::ranges::sort(gone);
  out.items_.reserve(items_.size() + fresh.size());
  auto next = fresh.begin();
  for (const Entry& entry : items_) {
    for (; next != fresh.end() && (*next)->ref < entry->ref; ++next) out.items_.push_back(*next);
    if (next != fresh.end() && (*next)->ref == entry->ref) {
      out.items_.push_back(*next++);
    } else if (!std::ranges::binary_search(gone, entry->ref)) {
      out.items_.push_back(entry);
    }
  }
  out.items_.insert(out.items_.end(), next, fresh.end());
  out.index_places();
  return out;
}

void ItemIndex::index_places() {
  if (items_.empty()) return;
  ZHIYIN_CHECK(items_.size() < kFree);
  auto places = std::make_shared<std::vector<Place>>(std::bit_ceil(2 * items_.size()));
  const std::size_t last = places->size() - 1;
  for (std::uint32_t i = 0; i < items_.size(); ++i) {
    const std::uint64_t hash = hash_of(items_[i]->ref);
    std::size_t at = (hash >> 32) & last;
    while ((*places)[at].item != kFree) at = (at + 1) & last;
    (*places)[at] = {static_cast<std::uint32_t>(hash), i};
  }
  places_ = std::move(places);
}

std::size_t ItemIndex::place_of(const ingest::ItemRef& ref) const {
  const std::vector<Place>& places = *places_;
  const std::size_t last = places.size() - 1;
  const std::uint64_t hash = hash_of(ref);
  // The lower half tells items apart, the upper one their places.
  std::size_t at = (hash >> 32) & last;
  while (places[at].item != kFree && (places[at].hash != static_cast<std::uint32_t>(hash) ||
                                      items_[places[at].item]->ref != ref))
    at = (at + 1) & last;
  return at;
}

const IndexedItem* ItemIndex::find(const ingest::ItemRef& ref) const {
  if (!places_) return nullptr;
  const std::uint32_t item = (*places_)[place_of(ref)].item;
  return item == kFree ? nullptr : items_[item].get();
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
