#include "text/detail/word_trie.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace zhiyin::text::detail {

std::uint32_t WordTrie::find(std::u16string_view codes) const {
  std::uint32_t base = kRootBase;
  std::uint32_t at = kNone;
  for (const char16_t code : codes) {
    at = child(base, static_cast<std::uint16_t>(code));
    if (at == kNone) return kNone;
    base = cells[at].base;
  }
  return at;
}

bool WordTrie::is_closed(std::uint32_t codes) const {
  if (std::uint64_t{kRootBase} + codes > cells.size()) return false;
  return std::all_of(cells.begin(), cells.end(), [&](const TrieCell& cell) {
    return std::uint64_t{cell.base} + codes <= cells.size();
  });
}

namespace {

using Word = std::pair<std::u16string, std::uint16_t>;

class TrieBuilder {
 public:
  TrieBuilder(const std::vector<Word>& words, std::uint32_t codes) : words_(words), codes_(codes) {}

  std::vector<TrieCell> build() {
    grow(1);
    base_taken_[0] = true;
    if (!words_.empty()) place(children_of({0, words_.size(), 0}), WordTrie::kRootBase, 0);
    // Level by level, and in each the parents of many first: single children go into the gaps.
    while (!waiting_.empty()) {
      std::vector<Waiting> level = std::move(waiting_);
      waiting_.clear();
      std::stable_sort(level.begin(), level.end(), [](const Waiting& a, const Waiting& b) {
        return a.children.size() > b.children.size();
      });
      for (const Waiting& next : level) place(next.children, room_for(next.children), next.cell);
    }
    std::size_t last = cells_.size();
    while (last > 0 && cells_[last - 1].code == 0) --last;
    std::uint32_t base_max = WordTrie::kRootBase;
    for (const TrieCell& cell : cells_) base_max = std::max(base_max, cell.base);
    cells_.resize(std::max<std::size_t>(last, std::size_t{base_max} + codes_));
    return std::move(cells_);
  }

 private:
  /// The words [begin, end) share their first `depth` codes.
  struct Range {
    std::size_t begin, end, depth;
  };
  struct Child {
    std::uint16_t code;
    Range range;
  };
  struct Waiting {
    std::vector<Child> children;
    std::uint32_t cell;
  };

  void grow(std::size_t size) {
    if (size <= cells_.size()) return;
    const std::size_t before = cells_.size();
    cells_.resize(std::max(size, before * 2));
    base_taken_.resize(cells_.size());
    next_free_.resize(cells_.size() + 1);
    std::iota(next_free_.begin() + static_cast<std::ptrdiff_t>(before), next_free_.end(), before);
  }

  /// Puts the children of `cell` (0: of the root) behind `base`.
  void place(const std::vector<Child>& children, std::uint32_t base, std::uint32_t cell) {
    grow(std::size_t{base} + codes_ + 1);
    base_taken_[base] = true;
    if (cell != 0) cells_[cell].base = base;
    for (const Child& child : children) {
      TrieCell& at = cells_[base + child.code];
      at.code = child.code;
      next_free_[base + child.code] = std::size_t{base} + child.code + 1;
      Range below = child.range;
      const Word& first = words_[below.begin];
      if (first.first.size() == below.depth) {
        at.value = first.second;
        ++below.begin;
      }
      if (below.begin < below.end) waiting_.push_back({children_of(below), base + child.code});
    }
  }

  [[nodiscard]] std::vector<Child> children_of(Range range) const {
    std::vector<Child> out;
    for (std::size_t i = range.begin; i < range.end;) {
      const char16_t code = words_[i].first[range.depth];
      std::size_t end = i;
      while (end < range.end && words_[end].first[range.depth] == code) ++end;
      out.push_back({static_cast<std::uint16_t>(code), {i, end, range.depth + 1}});
      i = end;
    }
    return out;
  }

  /// The first free cell from `at` on. Cells that are taken lead on; the way is cut short for the
  /// next who goes it.
  std::size_t free_from(std::size_t at) {
    std::size_t end = at;
    while (next_free_[end] != end) end = next_free_[end];
    while (next_free_[at] != end) at = std::exchange(next_free_[at], end);
    return end;
  }

  /// A base whose cells for all children are free. Each number of children has a place of its own
  /// to look from, which moves on where looking took long: building stays fast, few cells are lost.
  std::uint32_t room_for(const std::vector<Child>& children) {
    std::size_t& from = look_from_[std::min(children.size(), look_from_.size()) - 1];
    const std::uint32_t lowest = children.front().code;
    std::size_t tries = 0;
    for (std::size_t at = std::max<std::size_t>(from, lowest + 1);; ++at) {
      at = free_from(at);
      grow(at + codes_ + 1);
      const auto base = static_cast<std::uint32_t>(at - lowest);
      const bool fits = !base_taken_[base] &&
                        std::all_of(children.begin(), children.end(), [&](const Child& child) {
                          return cells_[base + child.code].code == 0;
                        });
      if (fits) return base;
      if (++tries > kTriesMax) from = at;
    }
  }

  static constexpr std::size_t kTriesMax = 1000;
  const std::vector<Word>& words_;
  std::uint32_t codes_;
  std::vector<TrieCell> cells_;
  std::vector<bool> base_taken_;
  std::vector<std::size_t> next_free_;  // itself for a free cell; one behind the last cell
  std::vector<Waiting> waiting_;
  std::array<std::size_t, 8> look_from_{};
};

}  // namespace

std::vector<TrieCell> build_trie(const std::vector<std::pair<std::u16string, std::uint16_t>>& words,
                                 std::uint32_t codes) {
  return TrieBuilder(words, codes).build();
}

}  // namespace zhiyin::text::detail
