// The term matcher beside a search that tries every term at every place of every view.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <span>
#include <tuple>

#include "base/utf8.h"
#include "text/code_point.h"
#include "text/detail/beginnings.h"
#include "text/detail/scan.h"
#include "text/detail/view_keys.h"
#include "text/term_matcher.h"

namespace zhiyin::text {
namespace {

using detail::ViewKey;

/// A symbol of a view with the characters that it stands for; key 0: a break.
struct Seen {
  ViewKey key;
  std::size_t begin, end;
};

/// Chinese characters and noise alone: no letters, no digits.
std::vector<Seen> seen_in(MatchView view, const std::u32string& text,
                          const detail::ViewKeys& keys) {
  std::vector<Seen> out;
  std::size_t noise = 0, repeats = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const ViewKey key = keys.key(view, text[i]);
    if (view > MatchView::kMixedScript && key == detail::kSkippedKey) {
      if (++noise == kNoiseRunMax + 1) out.push_back({0, i, i});
      continue;
    }
    noise = 0;
    if (view == MatchView::kRepeats && !out.empty() && out.back().key == key) {
      if (++repeats == kNoiseRunMax + 1) out.push_back({0, i, i});
      continue;
    }
    repeats = 0;
    out.push_back({key, i, i + 1});
  }
  return out;
}

std::vector<ViewKey> keys_of(MatchView view, const std::u32string& term,
                             const detail::ViewKeys& keys) {
  std::vector<ViewKey> out;
  for (const Seen& seen : seen_in(view, term, keys)) out.push_back(seen.key);
  const bool loose = view > MatchView::kMixedScript;
  if (loose && out.size() < 2) out.clear();
  return out;
}

struct Naive {
  std::vector<Term> terms;
  std::vector<std::u32string> texts;
  detail::ViewKeys keys{false};

  /// The longest at each place, hits that begin further left first, stricter views first.
  [[nodiscard]] std::vector<TermHit> find(const std::u32string& text) const {
    std::vector<TermHit> hits;
    std::vector<int> taken(text.size(), 0);
    for (std::size_t v = 0; v < kMatchViews; ++v)
      scan(static_cast<MatchView>(v), text, taken, hits);
    std::ranges::sort(hits, {}, &TermHit::char_begin);
    return hits;
  }

  void scan(MatchView view, const std::u32string& text, std::vector<int>& taken,
            std::vector<TermHit>& hits) const {
    const auto seen = seen_in(view, text, keys);
    std::vector<std::vector<ViewKey>> term_keys;
    for (const std::u32string& term : texts) term_keys.push_back(keys_of(view, term, keys));
    for (std::size_t at = 0; at < seen.size(); ++at) {
      std::size_t longest = 0;
      std::vector<std::uint32_t> same;
      for (std::uint32_t t = 0; t < terms.size(); ++t) {
        const auto& key = term_keys[t];
        if (key.empty() || key.size() < longest || !begins(seen, at, key)) continue;
        if (seen[at + key.size() - 1].end - seen[at].begin > kHitCharactersMax) continue;
        if (key.size() > longest) same.clear();
        longest = key.size();
        same.push_back(t);
      }
      if (longest == 0) continue;
      const std::size_t begin = seen[at].begin;
      std::size_t end = seen[at + longest - 1].end;
      if (!is_free(taken, begin, end)) continue;
      const std::uint32_t term = most_alike(same, text, begin, end);
      if (view == MatchView::kRepeats) {
        const char32_t last = detail::script_fold(text[end - 1]);
        while (end < text.size() && detail::script_fold(text[end]) == last &&
               is_free(taken, end, end + 1))
          ++end;
      }
      std::fill(taken.begin() + static_cast<std::ptrdiff_t>(begin),
                taken.begin() + static_cast<std::ptrdiff_t>(end), 1);
      hits.push_back({.term = term, .view = view, .char_begin = begin, .char_end = end});
    }
  }

  static bool begins(const std::vector<Seen>& seen, std::size_t at,
                     const std::vector<ViewKey>& key) {
    return at + key.size() <= seen.size() &&
           std::ranges::equal(key, std::span(seen).subspan(at, key.size()), {}, {}, &Seen::key);
  }
  static bool is_free(const std::vector<int>& taken, std::size_t begin, std::size_t end) {
    return std::find(taken.begin() + static_cast<std::ptrdiff_t>(begin),
                     taken.begin() + static_cast<std::ptrdiff_t>(end),
                     1) == taken.begin() + static_cast<std::ptrdiff_t>(end);
  }
  [[nodiscard]] std::uint32_t most_alike(const std::vector<std::uint32_t>& same,
                                         const std::u32string& text, std::size_t begin,
                                         std::size_t end) const {
    const auto rank = [&](std::uint32_t t) {
      std::size_t alike = 0;
      for (std::size_t i = 0; i < texts[t].size() && begin + i < end; ++i)
        alike += texts[t][i] == text[begin + i] ? 1 : 0;
      return std::pair(alike, terms[t].severity);
    };
    return *std::ranges::max_element(same, {}, rank);
  }
};

std::string utf8_of(const std::u32string& characters) {
  std::string out;
  for (const char32_t c : characters) append_utf8(out, c);
  return out;
}

TEST(TermScan, EqualsTryingEveryTermEverywhere) {
  // One reading each; some sound alike (微威, 信芯, 号浩), look alike (徽 微, 末 未) or are
  // variants.
  constexpr std::u32string_view kFrom = U"微威徽信芯新号浩號码碼末未灯燈";
  constexpr std::u32string_view kNoise = U" .，❤\u200b";
  std::mt19937 random(17);
  const auto pick = [&](std::u32string_view from) { return from[random() % from.size()]; };
  std::size_t found = 0;
  for (int round = 0; round < 15; ++round) {
    Naive naive;
    for (int i = 0; i < 30; ++i) {
      std::u32string text;
      for (std::size_t n = 1 + random() % 6; text.size() < n;) {
        const char32_t c = pick(kFrom);
        // A character twice in a row asks for both: another rule, tested elsewhere.
        if (text.empty() || detail::script_fold(c) != detail::script_fold(text.back())) text += c;
        if (random() % 16 == 0 && text.size() < n) text += U'·';
      }
      naive.terms.push_back(
          {.text = utf8_of(text), .severity = 1 + static_cast<int>(random() % 5)});
      naive.texts.push_back(text);
    }
    const auto matcher = TermMatcher::build(naive.terms);
    ASSERT_TRUE(matcher.has_value());
    TermScanner scanner(*matcher);
    std::vector<std::string> texts;
    std::vector<TermHit> one_by_one;
    for (int i = 0; i < 12; ++i) {
      std::u32string text;
      for (std::size_t n = random() % 200; text.size() < n;) {
        const std::uint32_t what = random() % 100;
        if (what < 20) {
          text += naive.texts[random() % naive.texts.size()];
        } else if (what < 80) {
          text += pick(kFrom);
        } else if (what < 92) {
          text += pick(kNoise);
        } else if (!text.empty()) {
          text += std::u32string(1 + random() % 20, text.back());
        }
      }
      auto want = naive.find(text);
      found += want.size();
      texts.push_back(utf8_of(text));
      auto have = scanner.find(texts.back());
      one_by_one.insert(one_by_one.end(), have.begin(), have.end());
      for (TermHit& hit : have) hit.byte_begin = hit.byte_end = 0;
      ASSERT_EQ(have, want) << utf8_of(text);
    }
    // Several together, one of them longer than a piece, as one by one.
    std::string longer;
    while (longer.size() < 50'000) longer += texts[longer.size() % texts.size()] + "的";
    texts.push_back(longer);
    texts.emplace_back();
    const auto last = scanner.find(longer);
    one_by_one.insert(one_by_one.end(), last.begin(), last.end());
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    std::vector<TermHit> together;
    std::vector<std::size_t> ends;
    scanner.find_all(views, {}, together, ends);
    EXPECT_EQ(together, one_by_one);
    ASSERT_EQ(ends.size(), texts.size());
    EXPECT_EQ(ends.back(), together.size());
    EXPECT_EQ(ends[12] - ends[11], last.size());
  }
  EXPECT_GT(found, 3000);
}

TEST(TermScan, ADigitIsFollowedWhereATermGoesOnWithItAndElsePassedOver) {
  std::vector<Term> terms = {
      {.text = "微信5号"}, {.text = "信55"}, {.text = "法轮"}, {.text = "号5"}};
  const auto matcher = TermMatcher::build(terms);
  ASSERT_TRUE(matcher.has_value());
  TermScanner scanner(*matcher);
  const auto found = [&](std::string_view text) {
    std::string out;
    for (const TermHit& hit : scanner.find(text)) {
      out += text.substr(hit.byte_begin, hit.byte_end - hit.byte_begin);
      out += '/';
      out += matcher->term(hit.term).text;
      out += ' ';
    }
    return out;
  };
  EXPECT_EQ(found("微.信.5.号"), "微.信.5.号/微信5号 ");
  EXPECT_EQ(found("法5轮"), "法5轮/法轮 ");
  EXPECT_EQ(found("法.5 5轮 的信5 5"), "法.5 5轮/法轮 信5 5/信55 ");
  EXPECT_EQ(found("微.信5法 轮"), "法 轮/法轮 ");
  EXPECT_EQ(found("号 5法5轮"), "号 5/号5 法5轮/法轮 ");
}

// 20,000 characters of parts alone, more than a piece: each search from a character put together
// ends where it goes on as an earlier one did, and not at the end of the piece.
TEST(TermScan, AFloodOfPartsOfSplitCharactersTakesStepsInProportion) {
  std::string long_term;
  for (std::size_t i = 0; i < kTermCharactersMax; ++i) long_term += "枪";
  const std::vector<Term> terms = {{.text = "法"},         {.text = "法法法"},
                                   {.text = "枪1枪"},      {.text = "去法法好"},
                                   {.text = "法枪1法枪1"}, {.text = long_term}};
  const auto compiled = detail::compile_terms(terms, {});
  ASSERT_TRUE(compiled.has_value());
  struct Flood {
    std::string_view unit;
    std::size_t steps_to_a_character;
  };
  for (const auto& [unit, most] : {Flood{"氵去", 3},
                                   {"木仓", kTermCharactersMax},
                                   {"木仓1", kTermCharactersMax},
                                   {"氵去木仓1", 8},
                                   {"氵去.", 3},
                                   {"氵氵去去", 3}}) {
    std::string text;
    std::size_t characters = 0;
    for (; characters < 20'000; characters += code_points(unit).size()) text += unit;
    detail::ScanBuffers buffers;
    std::vector<TermHit> hits;
    buffers.find(**compiled, text, {}, hits);
    EXPECT_GT(hits.size(), 100) << unit;
    EXPECT_GT(buffers.composed_steps(), characters / 8) << unit;
    EXPECT_LT(buffers.composed_steps(), most * characters) << unit;
  }
}

TEST(TermScan, AFloodOfPartsIsFoundWholeUpToItsEnd) {
  const auto matcher = TermMatcher::build(
      std::vector<Term>{{.text = "法法法"}, {.text = "枪1枪"}, {.text = "法好枪"}});
  ASSERT_TRUE(matcher.has_value());
  TermScanner scanner(*matcher);
  const auto flood = [](std::string_view unit, std::size_t times) {
    std::string text;
    for (std::size_t i = 0; i < times; ++i) text += unit;
    return text;
  };
  // From one term to the next, across the pieces.
  const auto hits = scanner.find(flood("氵去", 30'000));
  ASSERT_EQ(hits.size(), 10'000);
  for (std::size_t i = 0; i < hits.size(); ++i) {
    ASSERT_EQ(hits[i].char_begin, 6 * i);
    ASSERT_EQ(hits[i].char_end, 6 * i + 6);
  }
  EXPECT_EQ(scanner.find(flood("木仓1", 3'001)).size(), 1'500);
  const auto last = scanner.find(flood("氵去", 2'999) + "女子木仓");
  ASSERT_EQ(last.size(), 1'000);
  EXPECT_EQ(last.back().char_begin, 5'996);
  EXPECT_EQ(last.back().char_end, 6'002);
  // Each occurrence, too.
  EXPECT_EQ(scanner.find(flood("氵去", 3'000), {.overlapping = true}).size(), 2'998);
}

/// Every occurrence, whichever view it is found in.
using Occurrences = std::set<std::tuple<std::uint32_t, std::size_t, std::size_t>>;
Occurrences occurrences(TermScanner& scanner, std::string_view text, MatchViews views) {
  Occurrences out;
  for (const TermHit& hit : scanner.find(text, {.views = views, .overlapping = true}))
    out.emplace(hit.term, hit.byte_begin, hit.byte_end);
  return out;
}

// Views that follow others are looked at only where they may differ: letters, digits, repeats and
// characters taken apart are where they do.
TEST(TermScan, AViewBesideOthersFindsWhatItFindsAlone) {
  constexpr std::array<std::u32string_view, 5> kFrom = {
      U"微威徽信芯新浩號末未", U"0155", U" .❤\u200b", U"weixlＷ①і$", U"氵去木仓女子法枪好"};
  std::mt19937 random(29);
  const auto piece = [&](std::size_t most) {
    std::u32string out;
    for (std::size_t n = 1 + random() % most; out.size() < n;) {
      const std::u32string_view from = kFrom[random() % kFrom.size()];
      out.append(1 + (random() % 4 == 0 ? 1 : 0), from[random() % from.size()]);
    }
    return out;
  };
  std::array<std::size_t, kMatchViews> added{};
  for (int round = 0; round < 20; ++round) {
    std::vector<Term> terms;
    std::vector<std::u32string> words;
    for (int i = 0; i < 25; ++i) {
      words.push_back(piece(5));
      terms.push_back({.text = utf8_of(words.back())});
      if (random() % 8 == 0) terms.back().views = static_cast<MatchViews>(random() % 64);
    }
    const auto matcher = TermMatcher::build(terms, {.case_sensitive = round % 4 == 0});
    ASSERT_TRUE(matcher.has_value());
    TermScanner scanner(*matcher);
    for (int i = 0; i < 20; ++i) {
      std::u32string text;
      while (text.size() < 40) {
        const std::u32string& word = words[random() % words.size()];
        for (const char32_t c : word) {
          text.append(1 + (random() % 5 == 0 ? 1 : 0), c);
          if (random() % 6 == 0) text += piece(1);
        }
        text += piece(3);
      }
      const std::string bytes = utf8_of(text);
      Occurrences all;
      for (std::size_t v = 0; v < kMatchViews; ++v) {
        const Occurrences alone = occurrences(scanner, bytes, view_bit(static_cast<MatchView>(v)));
        for (const auto& occurrence : alone) added[v] += all.insert(occurrence).second ? 1 : 0;
        const auto up_to = static_cast<MatchViews>((2U << v) - 1);
        ASSERT_EQ(occurrences(scanner, bytes, up_to), all) << kMatchViewNames[v] << ' ' << bytes;
      }
    }
  }
  for (std::size_t v = 0; v < kMatchViews; ++v) EXPECT_GT(added[v], 20) << kMatchViewNames[v];
}

TEST(TermScan, BeginningsAreFoundAlikeOnEveryProcessor) {
  std::mt19937 random(31);
  const auto symbol = [&] { return static_cast<detail::Symbol>(random() % 40); };
  for (const std::size_t beginnings : {0, 5, 300, 40'000}) {
    std::vector<std::vector<detail::Symbol>> keys;
    for (std::size_t i = 0; i < beginnings; ++i) keys.push_back({symbol(), symbol(), symbol()});
    keys.push_back({7, 9});
    std::ranges::sort(keys);
    const auto words = detail::build_filter(keys);
    const auto filter = detail::filter_of(words);
    ASSERT_TRUE(filter.has_value());
    for (const std::size_t size : {0, 1, 15, 16, 17, 200}) {
      const std::size_t room = size + detail::kBeginningsMargin;
      std::vector<detail::Symbol> symbols(room);
      std::vector<std::uint8_t> flags(room);
      for (std::size_t i = 0; i < size; ++i) {
        symbols[i] = symbol();
        flags[i] = static_cast<std::uint8_t>(random() % 8);
      }
      if (size > 3) symbols[1] = 7, symbols[2] = 9;
      for (const std::uint8_t wanted : {0, 4}) {
        const detail::PlaceFlags also{flags.data(), wanted};
        const std::size_t from = size / 9;
        std::vector<std::uint32_t> have(room), want(room);
        have.resize(
            detail::find_beginnings(*filter, symbols.data(), from, size, also, have.data()));
        want.resize(detail::find_beginnings_portable(*filter, symbols.data(), from, size, also,
                                                     want.data()));
        EXPECT_EQ(have, want);
        if (size > 3) {
          EXPECT_EQ(std::ranges::count(have, 1U), from < 2 ? 1 : 0);
        }
        // Only where it is asked for, by bits.
        std::vector<std::uint64_t> only(size / 64 + 2);
        for (std::size_t i = 0; i < size + 10; i += 1 + random() % 5)
          only[i / 64] |= std::uint64_t{1} << (i % 64);
        const auto is_asked = [&](std::uint32_t at) { return only[at / 64] >> (at % 64) & 1; };
        want.resize(room);
        want.resize(
            detail::find_beginnings_portable(*filter, symbols.data(), 0, size, also, want.data()));
        std::erase_if(want, [&](std::uint32_t at) { return is_asked(at) == 0; });
        have.resize(room);
        have.resize(detail::find_beginnings(*filter, symbols.data(), 0, size, also, have.data(),
                                            only.data()));
        EXPECT_EQ(have, want);
        have.resize(room);
        have.resize(detail::find_beginnings_portable(*filter, symbols.data(), 0, size, also,
                                                     have.data(), only.data()));
        EXPECT_EQ(have, want);
      }
    }
  }
}

}  // namespace
}  // namespace zhiyin::text
