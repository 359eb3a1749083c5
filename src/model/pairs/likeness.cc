#include "model/pairs/likeness.h"

#include <algorithm>
#include <cmath>

namespace zhiyin::model {
namespace {

using Points = std::span<const char32_t>;

/// N-grams of exactly `size` characters: the keys ascend by size first.
std::span<const NgramKey> of_size(const std::vector<NgramKey>& keys, std::size_t size) {
  const auto from = std::ranges::lower_bound(keys, NgramKey{1} << (21 * (size - 1)));
  const auto to = size == kNgramCharactersMax
                      ? keys.end()
                      : std::ranges::lower_bound(keys, NgramKey{1} << (21 * size));
  return {from, to};
}

std::size_t common(std::span<const NgramKey> a, std::span<const NgramKey> b) {
  std::size_t out = 0;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i] == b[j]) ++out;
    const bool step_a = a[i] <= b[j], step_b = b[j] <= a[i];
    i += step_a ? 1 : 0;
    j += step_b ? 1 : 0;
  }
  return out;
}

double share(std::size_t part, std::size_t whole) {
  return static_cast<double>(part) / static_cast<double>(std::max<std::size_t>(1, whole));
}

struct Aligned {
  std::size_t subsequence = 0, substring = 0;
};

Aligned align(Points a, Points b) {
  std::array<std::uint16_t, kAlignedCharactersMax + 1> longest{}, run{};
  Aligned out;
  for (const char32_t c : a) {
    std::uint16_t diagonal = 0, run_diagonal = 0;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::uint16_t above = longest[j], run_above = run[j];
      const bool equal = c == b[j - 1];
      longest[j] =
          equal ? static_cast<std::uint16_t>(diagonal + 1) : std::max(above, longest[j - 1]);
      run[j] = equal ? static_cast<std::uint16_t>(run_diagonal + 1) : std::uint16_t{0};
      out.substring = std::max<std::size_t>(out.substring, run[j]);
      diagonal = above;
      run_diagonal = run_above;
    }
  }
  out.subsequence = longest[b.size()];
  return out;
}

std::size_t negations(Points points) {
  constexpr std::u32string_view kNegations = U"不没无未非别";
  return static_cast<std::size_t>(std::ranges::count_if(
      points, [&](char32_t c) { return kNegations.find(c) != std::u32string_view::npos; }));
}

/// Runs of digits, and runs of Latin letters, in order.
std::vector<std::u32string> numbers_and_words(Points points) {
  const auto kind = [](char32_t c) {
    if (c >= U'0' && c <= U'9') return 1;
    return c >= U'a' && c <= U'z' ? 2 : 0;
  };
  std::vector<std::u32string> out;
  int before = 0;
  for (const char32_t c : points) {
    const int now = kind(c);
    if (now != 0 && now != before) out.emplace_back();
    if (now != 0) out.back() += c;
    before = now;
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace

void fold_side(std::string_view text, PairSide& out) {
  fold_text(text, out.folded);
  out.keys.clear();
  for_each_ngram(out.folded.points, kNgramCharactersMax,
                 [&](NgramKey key, std::size_t) { out.keys.push_back(key); });
  std::ranges::sort(out.keys);
  const auto again = std::ranges::unique(out.keys);
  out.keys.erase(again.begin(), again.end());
}

Likeness likeness_of(const PairSide& a, const PairSide& b) {
  Likeness out{};
  std::size_t at = 0;
  for (std::size_t size = 1; size <= kNgramCharactersMax; ++size) {
    const auto of_a = of_size(a.keys, size), of_b = of_size(b.keys, size);
    const std::size_t both = common(of_a, of_b);
    out[at++] = share(both, of_a.size() + of_b.size() - both);
    out[at++] = share(both, std::min(of_a.size(), of_b.size()));
  }
  const Points pa = a.folded.points, pb = b.folded.points;
  const auto [shorter, longer] = std::minmax({pa.size(), pb.size()});
  out[at++] = std::log((1.0 + static_cast<double>(longer)) / (1.0 + static_cast<double>(shorter)));
  out[at++] = std::log1p(static_cast<double>(shorter));
  const Points ca = pa.first(std::min(pa.size(), kAlignedCharactersMax));
  const Points cb = pb.first(std::min(pb.size(), kAlignedCharactersMax));
  const Aligned aligned = align(ca, cb);
  out[at++] = share(2 * aligned.subsequence, ca.size() + cb.size());
  out[at++] = share(aligned.substring, std::min(ca.size(), cb.size()));
  const auto begin = std::ranges::mismatch(pa, pb).in1 - pa.begin();
  out[at++] = share(static_cast<std::size_t>(begin), shorter);
  const auto end = std::mismatch(pa.rbegin(), pa.rend(), pb.rbegin(), pb.rend()).first;
  out[at++] = share(static_cast<std::size_t>(end - pa.rbegin()), shorter);
  out[at++] = negations(pa) == negations(pb) ? 0 : 1;
  out[at++] = numbers_and_words(pa) == numbers_and_words(pb) ? 0 : 1;
  return out;
}

double jaccard_12(const PairSide& a, const PairSide& b) {
  const auto up_to_two = [](const PairSide& side) {
    const auto last = std::ranges::lower_bound(side.keys, NgramKey{1} << 42);
    return std::span<const NgramKey>(side.keys.begin(), last);
  };
  const auto of_a = up_to_two(a), of_b = up_to_two(b);
  const std::size_t both = common(of_a, of_b);
  return share(both, of_a.size() + of_b.size() - both);
}

}  // namespace zhiyin::model
