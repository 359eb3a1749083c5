#include "recommend/candidate_index.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace zhiyin::recommend {
namespace {

bool is_carrier(std::string_view kind) {
  return std::ranges::find(kKindsNotRecommended, kind) != std::end(kKindsNotRecommended);
}

/// Both halves depend on all bits: ItemRefHash ends with a sum.
std::uint64_t mixed(std::uint64_t hash) {
  constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15ULL;
  hash = (hash ^ hash >> 32) * kSpread;
  return hash ^ hash >> 29;
}

}  // namespace

CandidateIndex::CandidateIndex(const RecommendModel& model, std::vector<CandidateItem> catalogue,
                               std::shared_ptr<const TextVectors> texts)
    : texts_(std::move(texts)) {
  std::set<std::string> kinds;
  for (CandidateItem& item : catalogue) {
    kinds.insert(item.ref.kind);
    add(std::move(item));
  }
  for (std::uint32_t m = 0; m < model.items(); ++m) {
    if (!kinds.contains(model.item(m).kind))
      add({.ref = model.item(m), .title = {}, .tags = {}, .published_at = {}});
  }
  index_model(model);
  index_looks();
  index_tags();
  index_groups();
  if (texts_) index_texts();
}

void CandidateIndex::add(CandidateItem item) {
  if (is_carrier(item.ref.kind)) return;
  if (2 * (items_.size() + 1) > numbers_.size()) grow_numbers();
  const std::uint64_t hash = mixed(ItemRefHash()(item.ref));
  Number& number = numbers_[place_of(item.ref, hash)];
  if (number.candidate != kNone) return;
  number = {static_cast<std::uint32_t>(hash), static_cast<std::uint32_t>(items_.size())};
  has_accounts_ = has_accounts_ || !item.account.empty();
  items_.push_back(std::move(item));
}

std::size_t CandidateIndex::place_of(const ItemRef& ref, std::uint64_t hash) const {
  const std::size_t last = numbers_.size() - 1;
  // The lower half tells items apart, the upper one their places.
  std::size_t at = (hash >> 32) & last;
  while (numbers_[at].candidate != kNone &&
         (numbers_[at].hash != static_cast<std::uint32_t>(hash) ||
          items_[numbers_[at].candidate].ref != ref))
    at = (at + 1) & last;
  return at;
}

void CandidateIndex::grow_numbers() {
  constexpr std::size_t kFirst = 64;
  numbers_.assign(std::max(kFirst, 2 * numbers_.size()), {});
  for (std::uint32_t c = 0; c < items_.size(); ++c) {
    const std::uint64_t hash = mixed(ItemRefHash()(items_[c].ref));
    numbers_[place_of(items_[c].ref, hash)] = {static_cast<std::uint32_t>(hash), c};
  }
}

void CandidateIndex::index_model(const RecommendModel& model) {
  known_.assign(items_.size(), false);
  popularity_.assign(items_.size(), 0);
  model_item_.assign(items_.size(), kNone);
  for (std::uint32_t m = 0; m < model.items(); ++m) {
    const std::uint32_t candidate = find(model.item(m));
    of_model_.push_back(candidate);
    if (candidate == kNone) continue;
    known_[candidate] = true;
    model_item_[candidate] = m;
    popularity_[candidate] = model.popularity(m);
  }
  for (const double p : popularity_)
    log_popularity_.push_back(static_cast<float>(std::log1p(std::max(0.0, p))));
  for (std::uint32_t c = 0; c < items_.size(); ++c) {
    (known_[c] ? by_popularity_ : by_freshness_).push_back(c);
    by_time_.push_back(c);
  }
  std::ranges::sort(by_popularity_, [&](std::uint32_t a, std::uint32_t b) {
    if (popularity_[a] != popularity_[b]) return popularity_[a] > popularity_[b];
    return items_[a].ref < items_[b].ref;
  });
  const auto is_newer = [&](std::uint32_t a, std::uint32_t b) {
    if (items_[a].published_at != items_[b].published_at) {
      return items_[a].published_at > items_[b].published_at;
    }
    return items_[a].ref < items_[b].ref;
  };
  std::ranges::sort(by_freshness_, is_newer);
  std::ranges::sort(by_time_, is_newer);
}

void CandidateIndex::index_looks() {
  name_.emplace_back();
  const auto number_of = [&](std::string_view name) {
    if (name.empty()) return 0U;
    const auto [found, is_new] = names_.emplace(name, static_cast<std::uint32_t>(name_.size()));
    if (is_new) name_.push_back(name);
    return found->second;
  };
  for (const CandidateItem& item : items_) {
    faces_.push_back({number_of(item.ref.kind), number_of(item.category), number_of(item.topic),
                      number_of(item.sentiment), number_of(item.account), item.available,
                      item.valid_from || item.valid_until});
    Look look{number_of(item.author), number_of(item.category)};
    look.tags_begin = static_cast<std::uint32_t>(tag_weights_.size());
    for (const auto& [tag, weight] : item.tags) {
      tag_weights_.push_back({number_of(tag), weight});
      look.squares += weight * weight;
    }
    look.tags_end = static_cast<std::uint32_t>(tag_weights_.size());
    looks_.push_back(look);
  }
  std::vector<std::uint32_t> order(items_.size());
  for (std::uint32_t c = 0; c < order.size(); ++c) order[c] = c;
  std::ranges::sort(
      order, [&](std::uint32_t a, std::uint32_t b) { return items_[a].ref < items_[b].ref; });
  place_by_ref_.resize(order.size());
  for (std::uint32_t place = 0; place < order.size(); ++place) place_by_ref_[order[place]] = place;
}

void CandidateIndex::index_tags() {
  by_tag_.resize(name_.size());
  const auto add = [&](std::uint32_t c, bool known) {
    const double squares = looks_[c].squares;
    if (!(squares > 0)) return;
    for (const TagWeight& own : tags(c)) {
      TaggedList& list = by_tag_[own.tag];
      list.items.push_back({c, static_cast<float>(own.weight / std::sqrt(squares))});
      if (!known) list.unknown = list.items.size();
    }
  };
  for (const std::uint32_t c : by_freshness_) add(c, false);
  for (std::uint32_t c = 0; c < items_.size(); ++c) {
    if (known_[c]) add(c, true);
  }
}

void CandidateIndex::index_groups() {
  std::unordered_map<ItemRef, std::uint32_t, ItemRefHash> numbers;
  for (const CandidateItem& item : items_) {
    std::uint32_t group = 0;
    if (!item.group.empty()) {
      group = numbers
                  .try_emplace({item.ref.kind, item.group},
                               static_cast<std::uint32_t>(numbers.size() + 1))
                  .first->second;
    }
    group_.push_back(group);
  }
  groups_ = numbers.size() + 1;
}

void CandidateIndex::index_texts() {
  text_row_.assign(items_.size(), TextVectors::kNone);
  for (const bool known : {false, true}) {
    for (std::uint32_t c = 0; c < items_.size(); ++c) {
      if (known_[c] != known) continue;
      text_row_[c] = texts_->find(items_[c].ref);
      if (text_row_[c] == TextVectors::kNone) continue;
      with_text_.push_back(c);
      text_rows_.push_back(text_row_[c]);
    }
    if (!known) unknown_with_text_ = with_text_.size();
  }
  if (!texts_->has_index()) return;
  of_text_row_.assign(texts_->size(), kNone);
  for (const std::uint32_t c : with_text_) of_text_row_[text_row_[c]] = c;
}

double CandidateIndex::similarity(std::uint32_t a, std::uint32_t b) const {
  const Look& x = looks_[a];
  const Look& y = looks_[b];
  double dot = 0;
  for (std::uint32_t i = x.tags_begin; i < x.tags_end; ++i) {
    for (std::uint32_t j = y.tags_begin; j < y.tags_end; ++j) {
      if (tag_weights_[i].tag == tag_weights_[j].tag)
        dot += tag_weights_[i].weight * tag_weights_[j].weight;
    }
  }
  const double by_tags = dot > 0 ? dot / std::sqrt(x.squares * y.squares) : 0;
  constexpr double kSameMaker = 0.5;
  const bool same =
      (x.author != 0 && x.author == y.author) || (x.category != 0 && x.category == y.category);
  return std::max(by_tags, same ? kSameMaker : 0);
}

std::uint32_t CandidateIndex::name_number(std::string_view name) const {
  if (name.empty()) return 0;
  const auto found = names_.find(name);
  return found == names_.end() ? kNone : found->second;
}

std::uint32_t CandidateIndex::find(const ItemRef& ref) const {
  if (numbers_.empty()) return kNone;
  return numbers_[place_of(ref, mixed(ItemRefHash()(ref)))].candidate;
}

std::span<const CandidateIndex::Tagged> CandidateIndex::with_tag(std::uint32_t tag) const {
  if (tag == kNone) return {};
  return by_tag_[tag].items;
}

std::span<const CandidateIndex::Tagged> CandidateIndex::unknown_with_tag(std::uint32_t tag) const {
  if (tag == kNone) return {};
  return std::span(by_tag_[tag].items).first(by_tag_[tag].unknown);
}

bool CandidateIndex::may_be_shown(std::uint32_t candidate, Instant now) const {
  if (!faces_[candidate].is_limited) return faces_[candidate].available;
  const CandidateItem& item = items_[candidate];
  return item.available && (!item.valid_from || *item.valid_from <= now) &&
         (!item.valid_until || now < *item.valid_until);
}

}  // namespace zhiyin::recommend
