#include "text/detail/scan.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "text/code_point.h"
#include "text/detail/fast_code_point.h"
#include "text/detail/view_keys.h"

namespace zhiyin::text::detail {

void PlaceBits::set_where(std::span<const std::uint8_t> flags, CharacterFlag flag) {
  // Eight at a time: the flag of each byte becomes its lowest bit, and the product brings those of
  // eight bytes together in the highest.
  constexpr std::uint64_t kLowest = 0x0101010101010101, kGather = 0x0102040810204080;
  const auto shift = static_cast<unsigned>(std::countr_zero(static_cast<unsigned>(flag)));
  for (std::size_t i = 0; i < flags.size(); i += 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, flags.data() + i, sizeof(eight));
    const std::uint64_t bits = (eight >> shift & kLowest) * kGather >> 56;
    words_[i / 64] |= bits << (i % 64);
  }
}

void PlaceBits::keep_before(const PlaceBits& next) {
  for (std::size_t i = 0; i + 1 < words_.size(); ++i)
    words_[i] &= next.words_[i] >> 1 | next.words_[i + 1] << 63;
}

void PlaceBits::add_two_before() {
  for (std::size_t i = 0; i + 1 < words_.size(); ++i) {
    const std::uint64_t here = words_[i], next = words_[i + 1];
    words_[i] |= here >> 1 | here >> 2 | next << 63 | next << 62;
  }
}

void ScanBuffers::begin(const CompiledTerms& terms, const FindOptions& options,
                        std::vector<TermHit>& hits) {
  terms_ = &terms;
  options_ = options;
  hits_ = &hits;
  byte_base_ = char_base_ = 0;
  carried_.clear();
  allowed_carried_ = 0;
}

void ScanBuffers::find(const CompiledTerms& terms, std::string_view text,
                       const FindOptions& options, std::vector<TermHit>& hits) {
  begin(terms, options, hits);
  text_ = text;
  const std::size_t first_hit = hits.size();
  while (byte_base_ < text.size()) {
    decode_piece();
    scan_piece();
    byte_base_ += offsets_[settled_];
    char_base_ += settled_;
  }
  if (options_.overlapping) sort_occurrences(first_hit);
}

std::size_t ScanBuffers::find_together(const CompiledTerms& terms,
                                       std::span<const std::string_view> texts,
                                       const FindOptions& options, std::vector<TermHit>& hits,
                                       std::vector<std::size_t>& ends) {
  begin(terms, options, hits);
  const std::size_t first_hit = hits.size();
  const std::size_t taken = decode_together(texts);
  if (taken == 0) {
    find(terms, texts[0], options, hits);
    ends.push_back(hits.size());
    return 1;
  }
  scan_piece();
  if (options_.overlapping) sort_occurrences(first_hit);
  // Back to places in each text.
  std::size_t hit = first_hit;
  for (std::size_t i = 0; i < taken; ++i) {
    const auto [bytes, characters] = together_[i];
    const std::size_t end = i + 1 < taken ? together_[i + 1].characters : count_;
    for (; hit < hits.size() && hits[hit].char_begin < end; ++hit) {
      hits[hit].byte_begin -= bytes;
      hits[hit].byte_end -= bytes;
      hits[hit].char_begin -= characters;
      hits[hit].char_end -= characters;
    }
    ends.push_back(hit);
  }
  return taken;
}

/// By place. The same term at the same place counts once, in its strictest view.
void ScanBuffers::sort_occurrences(std::size_t first_hit) {
  const auto begin = hits_->begin() + static_cast<std::ptrdiff_t>(first_hit);
  std::sort(begin, hits_->end(), [](const TermHit& a, const TermHit& b) {
    return std::tuple(a.byte_begin, b.byte_end, a.term, a.view) <
           std::tuple(b.byte_begin, a.byte_end, b.term, b.view);
  });
  const auto same = [](const TermHit& a, const TermHit& b) {
    return a.term == b.term && a.byte_begin == b.byte_begin && a.byte_end == b.byte_end;
  };
  hits_->erase(std::unique(begin, hits_->end(), same), hits_->end());
}

void ScanBuffers::make_place(std::size_t characters) {
  count_ = 0;
  make_room(characters_, characters);
  make_room(rows_, characters);
  make_room(flags_, characters + 64);
  make_room(offsets_, characters + 1);
}

/// Appends the text's characters, `most` of them; returns the bytes that they take. `offset`: of
/// the text's first byte.
std::size_t ScanBuffers::read_characters(std::string_view text, std::size_t offset,
                                         std::size_t most) {
  const CharacterTable table = terms_->characters;
  char32_t* const characters = characters_.data();
  CharacterRow* const rows = rows_.data();
  std::uint8_t* const flags = flags_.data();
  std::uint32_t* const offsets = offsets_.data();
  std::size_t at = 0, n = count_;
  for (const std::size_t end = n + most; n < end && at < text.size(); ++n) {
    const auto first = static_cast<unsigned char>(text[at]);
    const CodePoint c = first < 0x80 ? CodePoint{first, 1, true} : fast_code_point_at(text, at);
    const CharacterRow& row = table[c.value];
    offsets[n] = static_cast<std::uint32_t>(offset + at);
    characters[n] = c.value;
    rows[n] = row;
    flags[n] = row.flags;
    at += c.bytes;
  }
  count_ = n;
  return at;
}

void ScanBuffers::finish_characters(std::size_t offset) {
  offsets_[count_] = static_cast<std::uint32_t>(offset);
  std::memset(flags_.data() + count_, 0, 64);
}

void ScanBuffers::decode_piece() {
  constexpr std::size_t kWanted = kPieceCharacters + kLookAhead;
  const std::size_t most = std::min(kWanted, text_.size() - byte_base_);
  make_place(most);
  const std::size_t bytes = read_characters(text_.substr(byte_base_), 0, most);
  finish_characters(bytes);
  is_last_ = byte_base_ + bytes == text_.size();
  settled_ = count_;
  if (is_last_) return;
  // Not inside a word or a row of repeats, where the views would see something else from there.
  settled_ = kPieceCharacters;
  for (std::size_t back = 0; back < kHitCharactersMax; ++back) {
    const std::size_t cut = kPieceCharacters - back;
    if (is_han(characters_[cut - 1]) && characters_[cut] != characters_[cut - 1]) {
      settled_ = cut;
      break;
    }
  }
}

/// Reads as many of the texts as make up a piece, kBetweenTexts behind each; how many they are. 0:
/// the first is too long for one.
std::size_t ScanBuffers::decode_together(std::span<const std::string_view> texts) {
  together_.clear();
  std::size_t bytes = 0;
  for (const std::string_view text : texts) {
    if (bytes + text.size() + together_.size() + 1 > kPieceCharacters) break;
    together_.push_back({bytes, 0});
    bytes += text.size();
  }
  make_place(bytes + together_.size());
  for (std::size_t i = 0; i < together_.size(); ++i) {
    together_[i].characters = count_;
    const std::size_t offset = together_[i].bytes;
    read_characters(texts[i], offset, texts[i].size());
    offsets_[count_] = static_cast<std::uint32_t>(offset + texts[i].size());
    characters_[count_] = kBetweenTexts;
    rows_[count_] = {};
    flags_[count_++] = 0;
  }
  finish_characters(bytes);
  settled_ = count_;
  is_last_ = true;
  return together_.size();
}

void ScanBuffers::scan_piece() {
  make_room(settled_hits_, count_);
  hits_begin_.clear(count_);
  taken_.assign(count_, 0);
  std::copy_n(carried_.begin(), std::min(carried_.size(), count_), taken_.begin());
  carries_.assign(is_last_ ? 0 : kHitCharactersMax, 0);
  find_allowed();
  // The plain view first, which says where the others have to look; repeats look at what others
  // found.
  std::array<MatchView, kMatchViews> beside{};
  std::size_t count = 0;
  for (std::size_t v = 0; v < kMatchViews; ++v) {
    const auto view = static_cast<MatchView>(v);
    if (!is_wanted(view)) continue;
    make_room(lane(view).best, count_);
    lane(view).touched.clear(count_);
    if (view == MatchView::kRepeats) continue;
    see(view);
    if (view != MatchView::kPlain) {
      beside[count++] = view;
      continue;
    }
    walk({&view, 1});
    keep_plain_starts();
  }
  walk(std::span(beside).first(count));
  for (std::size_t v = 0; v < kMatchViews; ++v) {
    const auto view = static_cast<MatchView>(v);
    if (!is_wanted(view)) continue;
    scan_view(view);
    if (!options_.overlapping) settle_view(view);
  }
  if (!options_.overlapping) emit_settled();
  carried_.swap(carries_);
}

/// Where allowed words lie, before any hit is settled.
void ScanBuffers::find_allowed() {
  const Automaton automaton = terms_->automata[kAllowedAutomaton];
  if (automaton.empty()) return allowed_end_.clear();
  constexpr auto kView = static_cast<std::size_t>(MatchView::kMixedScript);
  allowed_end_.assign(count_, 0);
  std::uint32_t state = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const Symbol symbol = rows_[i].symbols[kView];
    state = symbol == kBreak ? 0 : next_state(automaton, state, symbol);
    if ((automaton.hot[state].base & HotState::kEnds) == 0) continue;
    for (std::uint32_t s = state; s != 0; s = automaton.cold[s].next_end) {
      const ColdState& cold = automaton.cold[s];
      const auto end = static_cast<std::uint32_t>(i + 1);
      const HitText hit{characters(), end - cold.depth, end};
      for (std::uint32_t t = cold.first_term; t < cold.terms_end; ++t)
        if (holds(*terms_, MatchView::kMixedScript, terms_->terms[automaton.ends[t].term], hit))
          allowed_end_[hit.begin] = end;
    }
  }
  std::uint32_t furthest =
      allowed_carried_ > char_base_ ? static_cast<std::uint32_t>(allowed_carried_ - char_base_) : 0;
  for (std::uint32_t& end : allowed_end_) end = furthest = std::max(furthest, end);
  if (settled_ > 0) allowed_carried_ = char_base_ + allowed_end_[settled_ - 1];
}

// From what could be a hit to what is one.

void ScanBuffers::candidate(MatchView view, std::uint32_t state, std::uint32_t begin,
                            std::uint32_t end) {
  if (end - begin > kHitCharactersMax) return;
  const Automaton& found = automaton(view);
  const HitText hit{characters(), begin, end};
  if (options_.overlapping) {
    if (begin >= settled_) return;
    const ColdState& cold = found.cold[state];
    for (std::uint32_t i = cold.first_term; i < cold.terms_end; ++i) {
      const std::uint32_t term = found.ends[i].term;
      if (holds(*terms_, view, terms_->terms[term], hit)) emit(view, term, begin, end);
    }
    return;
  }
  Lane& of = lane(view);
  Best& best = of.best[begin];
  if (best.end >= end) return;
  if ((found.hot[state].base & HotState::kChecked) != 0 &&
      choose_term(*terms_, view, found.cold[state], hit) == kNoTerm)
    return;
  best = {end, state};
  __builtin_prefetch(&found.cold[state]);
  of.touched.set(begin);
}

void ScanBuffers::settle_view(MatchView view) {
  const Automaton& found = automaton(view);
  constexpr std::uint32_t kToALine = 64 / sizeof(TermEnd);
  Lane& of = lane(view);
  of.touched.for_each([&](std::uint32_t at) {
    const ColdState& cold = found.cold[of.best[at].state];
    const TermEnd* const first = found.ends.data() + cold.first_term;
    __builtin_prefetch(first);
    if (cold.terms_end - cold.first_term > kToALine) __builtin_prefetch(first + kToALine);
  });
  of.touched.for_each([&](std::uint32_t at) { settle(view, at); });
  of.touched.clear(count_);
}

void ScanBuffers::settle(MatchView view, std::uint32_t at) {
  const Best best = std::exchange(lane(view).best[at], {});
  if (!is_free(view, at, best.end) || is_allowed(at, best.end)) return;
  std::uint32_t end = best.end;
  if (view == MatchView::kRepeats) {
    end = std::min<std::uint32_t>(repeats_end(end), at + kHitCharactersMax);
    while (end > best.end && !is_free(view, at, end)) --end;
  }
  std::fill(taken_.begin() + at, taken_.begin() + end,
            static_cast<std::uint8_t>(1 + static_cast<unsigned>(view)));
  if (at >= settled_) return;
  if (end > settled_)
    std::copy(taken_.begin() + static_cast<std::ptrdiff_t>(settled_), taken_.begin() + end,
              carries_.begin());
  const ColdState& cold = automaton(view).cold[best.state];
  const std::uint32_t term = choose_term(*terms_, view, cold, {characters(), at, best.end});
  if (term == kNoTerm) return;
  settled_hits_[at] = {term, static_cast<std::uint16_t>(end - at), view};
  hits_begin_.set(at);
}

bool ScanBuffers::is_free(MatchView view, std::uint32_t begin, std::uint32_t end) const {
  const unsigned rank = 1 + static_cast<unsigned>(view);
  return std::all_of(taken_.begin() + begin, taken_.begin() + end,
                     [&](std::uint8_t by) { return by == 0 || by > rank; });
}

bool ScanBuffers::is_allowed(std::uint32_t begin, std::uint32_t end) const {
  return !allowed_end_.empty() && allowed_end_[begin] >= end;
}

/// Behind the repeats of the character that ends at `end`.
std::uint32_t ScanBuffers::repeats_end(std::uint32_t end) const {
  const char32_t last = script_fold(characters_[end - 1]);
  while (end < count_ && characters_[end] != kBetweenTexts && script_fold(characters_[end]) == last)
    ++end;
  return end;
}

void ScanBuffers::emit(MatchView view, std::uint32_t term, std::uint32_t begin, std::uint32_t end) {
  if (options_.overlapping && is_allowed(begin, end)) return;
  TermHit hit;
  hit.term = term;
  hit.view = view;
  hit.byte_begin = byte_base_ + offsets_[begin];
  hit.byte_end = byte_base_ + offsets_[end];
  hit.char_begin = char_base_ + begin;
  hit.char_end = char_base_ + end;
  hits_->push_back(hit);
}

void ScanBuffers::emit_settled() {
  hits_begin_.for_each([&](std::uint32_t at) {
    const Settled& hit = settled_hits_[at];
    emit(hit.view, hit.term, at, at + hit.characters);
  });
}

}  // namespace zhiyin::text::detail
