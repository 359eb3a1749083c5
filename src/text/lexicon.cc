#include "text/lexicon.h"

#include <algorithm>

#include "text/code_point.h"

namespace zhiyin::text {

std::uint32_t Lexicon::find(std::string_view word) const {
  std::uint32_t base = detail::WordTrie::kRootBase;
  std::uint32_t cell = detail::WordTrie::kNone;
  for (std::size_t at = 0; at < word.size();) {
    const CodePoint point = code_point_at(word, at);
    cell = point.well_formed ? trie.child(base, codes.code(point.value)) : detail::WordTrie::kNone;
    if (cell == detail::WordTrie::kNone) return cell;
    base = trie.cells[cell].base;
    at += point.bytes;
  }
  return cell;
}

std::string_view Lexicon::tag(std::uint32_t cell) const {
  const std::uint32_t place = facts[cell] & kTagMask;
  if (place == 0) return {};
  const Tag& tag = tags[place];
  const auto end = std::find(tag.begin(), tag.end(), '\0');
  return {tag.data(), static_cast<std::size_t>(end - tag.begin())};
}

bool Lexicon::is_closed() const {
  const auto known = [&](std::uint32_t code) { return code < code_count; };
  const auto ascending = [](const detail::RareCode& a, const detail::RareCode& b) {
    return a.point < b.point;
  };
  return codes.plane.size() == detail::CodeMap::kPlane && trie.is_closed(code_count) &&
         facts.size() == trie.cells.size() && !weights.empty() &&
         std::all_of(codes.plane.begin(), codes.plane.end(), known) &&
         std::is_sorted(codes.rare.begin(), codes.rare.end(), ascending) &&
         std::all_of(codes.rare.begin(), codes.rare.end(),
                     [&](const detail::RareCode& rare) { return known(rare.code); }) &&
         std::all_of(trie.cells.begin(), trie.cells.end(),
                     [&](const detail::TrieCell& cell) { return cell.value < weights.size(); }) &&
         std::all_of(facts.begin(), facts.end(), [&](std::uint32_t fact) {
           return (fact & kTagMask) < std::max<std::size_t>(1, tags.size()) &&
                  fact >> kRarityShift < std::max<std::size_t>(1, rarities.size());
         });
}

}  // namespace zhiyin::text
