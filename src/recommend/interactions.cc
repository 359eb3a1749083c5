#include "recommend/interactions.h"

#include <algorithm>

#include "base/check.h"

namespace zhiyin::recommend {

std::uint32_t NameIndex::add(std::string_view name) {
  const auto found = numbers_.find(name);
  if (found != numbers_.end()) return found->second;
  const auto number = static_cast<std::uint32_t>(names_.size());
  ZHIYIN_CHECK(number != kAbsent);
  names_.emplace_back(name);
  numbers_.emplace(names_.back(), number);
  return number;
}

std::uint32_t NameIndex::find(std::string_view name) const {
  const auto found = numbers_.find(name);
  return found == numbers_.end() ? kAbsent : found->second;
}

Interactions Interactions::build(std::vector<Interaction> entries, std::size_t users,
                                 std::size_t items) {
  std::ranges::sort(entries, [](const Interaction& a, const Interaction& b) {
    if (a.user != b.user) return a.user < b.user;
    if (a.item != b.item) return a.item < b.item;
    return a.weight > b.weight;
  });
  const auto repeated =
      std::ranges::unique(entries, [](const Interaction& a, const Interaction& b) {
        return a.user == b.user && a.item == b.item;
      });
  entries.erase(repeated.begin(), repeated.end());

  Interactions out;
  out.items_ = items;
  out.starts_.assign(users + 1, 0);
  out.columns_.reserve(entries.size());
  out.weights_.reserve(entries.size());
  for (const Interaction& e : entries) {
    ZHIYIN_CHECK(e.user < users && e.item < items);
    ++out.starts_[e.user + 1];
    out.columns_.push_back(e.item);
    out.weights_.push_back(e.weight);
  }
  for (std::size_t u = 0; u < users; ++u) out.starts_[u + 1] += out.starts_[u];
  return out;
}

bool Interactions::contains(std::size_t user, std::uint32_t item) const {
  return std::ranges::binary_search(columns(user), item);
}

Interactions Interactions::transposed() const {
  Interactions out;
  out.items_ = users();
  out.starts_.assign(items_ + 1, 0);
  out.columns_.resize(columns_.size());
  out.weights_.resize(weights_.size());
  for (const std::uint32_t c : columns_) ++out.starts_[c + 1];
  for (std::size_t i = 0; i < items_; ++i) out.starts_[i + 1] += out.starts_[i];
  std::vector<std::size_t> place(out.starts_.begin(), out.starts_.end() - 1);
  for (std::size_t u = 0; u < users(); ++u) {
    for (std::size_t k = starts_[u]; k < starts_[u + 1]; ++k) {
      const std::size_t at = place[columns_[k]]++;
      out.columns_[at] = static_cast<std::uint32_t>(u);
      out.weights_[at] = weights_[k];
    }
  }
  return out;
}

}  // namespace zhiyin::recommend
