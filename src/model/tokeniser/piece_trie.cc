#include "model/tokeniser/piece_trie.h"

#include <algorithm>

namespace zhiyin::model {
namespace {

/// Entries [begin, end) share their first `depth` bytes and hang below `node`.
struct Range {
  std::size_t begin;
  std::size_t end;
  std::size_t depth;
  std::uint32_t node;
};

}  // namespace

PieceTrie::PieceTrie(std::vector<Entry> entries) {
  std::ranges::stable_sort(entries, {}, &Entry::text);
  constexpr std::uint32_t kAlphabet = 256;
  nodes_.assign(kAlphabet + 1, Node());
  nodes_[0].check = 0;
  std::size_t first_free = 1;
  std::vector<Range> open = {{0, entries.size(), 0, 0}};
  std::vector<unsigned char> labels;
  std::vector<std::size_t> begins;
  while (!open.empty()) {
    const Range range = open.back();
    open.pop_back();
    labels.clear();
    begins.clear();
    for (std::size_t i = range.begin; i < range.end; ++i) {
      if (entries[i].text.size() == range.depth) {
        nodes_[range.node].value = entries[i].value;
        continue;
      }
      const auto label = static_cast<unsigned char>(entries[i].text[range.depth]);
      if (!labels.empty() && labels.back() == label) continue;
      labels.push_back(label);
      begins.push_back(i);
    }
    if (labels.empty()) continue;
    begins.push_back(range.end);
    // A base at which every child finds a free place; places below first_free are all taken, and
    // where nearly everything was taken on the way, the search begins behind it the next time.
    std::size_t place = std::max<std::size_t>(first_free, labels[0] + 1U);
    std::size_t taken = 0;
    for (;; ++place) {
      if (place + kAlphabet >= nodes_.size()) nodes_.resize(nodes_.size() * 2 + kAlphabet);
      if (nodes_[place].check != UINT32_MAX) {
        ++taken;
        continue;
      }
      const std::size_t base = place - labels[0];
      if (std::ranges::all_of(
              labels, [&](unsigned char c) { return nodes_[base + c].check == UINT32_MAX; }))
        break;
    }
    if (place - first_free > 64 && taken * 20 >= (place - first_free) * 19) first_free = place;
    const auto base = static_cast<std::uint32_t>(place - labels[0]);
    nodes_[range.node].base = base;
    for (std::size_t k = 0; k < labels.size(); ++k) {
      nodes_[base + labels[k]].check = range.node;
      open.push_back({begins[k], begins[k + 1], range.depth + 1, base + labels[k]});
    }
  }
  std::size_t used = nodes_.size();
  while (used > 1 && nodes_[used - 1].check == UINT32_MAX) --used;
  nodes_.resize(used);
  nodes_.shrink_to_fit();
  // The root is nobody's child: a free place must not look like one of its children.
  nodes_[0].check = UINT32_MAX;
}

std::int32_t PieceTrie::find(std::string_view text) const {
  std::int32_t out = -1;
  for_each_prefix(text, [&](std::size_t length, std::int32_t value) {
    if (length == text.size()) out = value;
  });
  return out;
}

}  // namespace zhiyin::model
