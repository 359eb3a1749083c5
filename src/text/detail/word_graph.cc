#include "text/detail/word_graph.h"

#include "text/detail/fast_code_point.h"

namespace zhiyin::text::detail {
namespace {

/// Each stands alone and no word reaches over it, as in cppjieba.
bool is_separator(char32_t point) {
  return point == U' ' || point == U'\t' || point == U'\n' || point == U'，' || point == U'。';
}

}  // namespace

WordGraph::WordGraph(const Words& words)
    : lexicon_(words.dictionary->lexicon()),
      user_(words.user ? &words.user->lexicon() : nullptr),
      weight_min_(words.dictionary->weight_min()) {}

std::size_t WordGraph::read(std::string_view text, std::size_t at, Stretch& out) const {
  std::size_t size = 0;
  while (at < text.size()) {
    const CodePoint point = fast_code_point_at(text, at);
    if (is_separator(point.value)) break;
    if (size + 1 >= out.begins.size()) out.grow();
    out.points[size] = point.value;
    out.codes[size] = point.well_formed ? lexicon_.codes.code(point.value) : std::uint16_t{0};
    out.begins[size++] = static_cast<std::uint32_t>(at);
    at += point.bytes;
  }
  if (out.begins.empty()) out.grow();
  out.begins[size] = static_cast<std::uint32_t>(at);
  out.count = size;
  if (user_ != nullptr) {
    // What is not UTF-8 reads as U+FFFD: no word has it.
    std::transform(out.points.begin(), out.points.begin() + static_cast<std::ptrdiff_t>(size),
                   out.user_codes.begin(), [&](char32_t point) {
                     return point == kReplacement ? std::uint16_t{0} : user_->codes.code(point);
                   });
  }
  return at;
}

void Stretch::grow() {
  constexpr std::size_t kLeast = 256;
  const std::size_t room = std::max(kLeast, 2 * points.size());
  points.resize(room);
  codes.resize(room);
  user_codes.resize(room);
  begins.resize(room + 1);
}

bool WordGraph::is_word(const Stretch& stretch, std::size_t place, std::size_t length) const {
  bool found = false;
  const auto look = [&](const Lexicon& lexicon, const std::vector<std::uint16_t>& codes) {
    Walk end{nullptr, WordTrie::kRootBase};
    for (std::size_t i = place; i < place + length; ++i) end = walk(lexicon, end.base, codes[i]);
    found = found || end.weight != nullptr;
  };
  look(lexicon_, stretch.codes);
  if (user_ != nullptr) look(*user_, stretch.user_codes);
  return found;
}

bool WordGraph::is_user_character(const Stretch& stretch, std::size_t place) const {
  return user_ != nullptr && walk_first(*user_, stretch.user_codes[place]).weight != nullptr;
}

// Dynamic programming from the end. Of equally likely ways the one with the shorter first word is
// taken, and the sums are made as cppjieba makes them (what follows, then the word), so that
// rounding falls as it does there.
void WordGraph::likeliest(const Stretch& stretch, std::vector<double>& best,
                          std::vector<std::uint8_t>& lengths) const {
  if (lengths.size() < stretch.size()) {
    best.resize(stretch.points.size() + 1);
    lengths.resize(stretch.points.size());
  }
  best[stretch.size()] = 0;
  for (std::size_t place = stretch.size(); place-- > 0;) {
    double most = CharacterModel::kNever;
    std::uint8_t length = 1;
    words_at(stretch, place, [&](std::size_t n, const double* weight) {
      const double value = best[place + n] + (weight != nullptr ? *weight : weight_min_);
      if (value > most) {
        most = value;
        length = static_cast<std::uint8_t>(n);
      }
    });
    best[place] = most;
    lengths[place] = length;
  }
}

}  // namespace zhiyin::text::detail
