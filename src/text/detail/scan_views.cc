// What a view sees of a piece.
#include <algorithm>
#include <numeric>

#include "text/detail/beginnings.h"
#include "text/detail/scan.h"
#include "text/detail/view_keys.h"

namespace zhiyin::text::detail {

void SymbolRun::begin_anew(std::size_t most, std::size_t characters, bool spans) {
  size = 0;
  has_spans = spans;
  is_one_to_one = false;
  soft.clear();
  make_room(symbols, most + kPadding + kBeginningsMargin);
  make_room(begin, most + kPadding);
  make_room(symbol_at, characters);
  if (spans) make_room(end, most + kPadding);
}

void SymbolRun::finish() {
  for (std::size_t i = 0; i < kPadding; ++i) symbols[size + i] = kBreak;
}

void ScanBuffers::take_all(MatchView view) {
  const auto v = static_cast<std::size_t>(view);
  SymbolRun& run = lane(view).run;
  run.begin_anew(count_, 0, false);
  Symbol* const symbols = run.symbols.data();
  const CharacterRow* const rows = rows_.data();
  for (std::size_t i = 0; i < count_; ++i) symbols[i] = rows[i].symbols[v];
  std::iota(run.begin.begin(), run.begin.begin() + static_cast<std::ptrdiff_t>(count_), 0U);
  run.size = count_;
  run.is_one_to_one = true;
  run.finish();
}

void ScanBuffers::strip(MatchView view, SymbolRun& run) {
  const auto v = static_cast<std::size_t>(view);
  run.begin_anew(2 * count_, count_, false);
  const CharacterRow* const rows = rows_.data();
  Symbol* const symbols = run.symbols.data();
  std::uint32_t* const begin = run.begin.data();
  std::uint32_t* const symbol_at = run.symbol_at.data();
  std::size_t size = 0, noise = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const Symbol symbol = rows[i].symbols[v];
    const auto at = static_cast<std::uint32_t>(i);
    // Written whether it stays or not: no branch to guess.
    const bool skipped = symbol == kSkipped;
    symbols[size] = symbol;
    begin[size] = at;
    symbol_at[i] = static_cast<std::uint32_t>(size);
    noise = skipped ? noise + 1 : 0;
    if (is_soft(symbol) || noise == kNoiseRunMax + 1) {
      run.size = size;
      if (skipped) {
        run.add(kBreak, at);
      } else {
        run.add_soft(symbol, at);
      }
      size = run.size;
      continue;
    }
    size += skipped ? 0 : 1;
  }
  run.size = size;
  run.finish();
}

/// Whether a symbol that the view of noise keeps follows one like it.
bool ScanBuffers::has_repeats() const {
  const SymbolRun& run = lane(MatchView::kNoise).run;
  const Symbol* const symbols = run.symbols.data();
  for (std::size_t i = 1; i < run.size; ++i)
    if (symbols[i] == symbols[i - 1] && symbols[i] != kBreak) return true;
  return false;
}

/// What `noise` leaves in, as the view of repeats sees it: a repeat is left out.
void ScanBuffers::leave_out_repeats(const SymbolRun& noise) {
  constexpr auto kView = static_cast<std::size_t>(MatchView::kRepeats);
  SymbolRun& run = lane(MatchView::kRepeats).run;
  run.begin_anew(2 * count_, count_, false);
  repeated_.clear();
  left_out_.clear(count_);
  std::size_t repeats = 0;
  Symbol last = kBreak;
  std::uint32_t behind = 0;  // the first character whose place in symbol_at is not written
  for (std::size_t i = 0; i < noise.size; ++i) {
    const std::uint32_t at = noise.begin[i];
    const Symbol symbol = rows_[at].symbols[kView];
    while (behind <= at) run.symbol_at[behind++] = static_cast<std::uint32_t>(run.size);
    if (symbol == kSkipped) {  // noise that is too long
      run.add(last = kBreak, at);
      continue;
    }
    if (symbol == last && symbol != kBreak) {
      if (repeats == 0) repeated_.push_back(static_cast<std::uint32_t>(run.size - 1));
      left_out_.set(at);
      if (++repeats == kNoiseRunMax + 1) run.add(kBreak, at);
      continue;
    }
    repeats = 0;
    last = symbol;
    if (is_soft(symbol)) {
      run.add_soft(symbol, at);
    } else {
      run.add(symbol, at);
    }
  }
  while (behind < count_) run.symbol_at[behind++] = static_cast<std::uint32_t>(run.size);
  run.finish();
}

/// Reads a run of letters as pinyin, or else letter by letter. Returns how many they are.
std::size_t ScanBuffers::read_letters(std::size_t from) {
  constexpr auto kView = static_cast<std::size_t>(MatchView::kHomophone);
  letters_.clear();
  for (std::size_t i = from; i < count_ && rows_[i].letter != 0; ++i) {
    if (rows_[i].symbols[kView] == kSkipped) break;
    letters_ += static_cast<char>(rows_[i].letter);
  }
  SymbolRun& run = lane(MatchView::kHomophone).run;
  auto at = static_cast<std::uint32_t>(from);
  const PinyinCut cut = pinyin_syllables(letters_);
  for (std::size_t i = 0; i < cut.count; ++i) {
    const auto [number, letters] = cut.syllables[i];
    run.add(terms_->syllables[number - 1U], at, at + letters);
    at += letters;
  }
  for (std::size_t i = 0; cut.count == 0 && i < letters_.size(); ++i, ++at) {
    const auto letter = static_cast<unsigned char>(letters_[i]);
    run.add(terms_->characters[letter].symbols[kView], at, at + 1);
  }
  return letters_.size();
}

void ScanBuffers::strip_homophones() {
  constexpr auto kView = static_cast<std::size_t>(MatchView::kHomophone);
  SymbolRun& run = lane(MatchView::kHomophone).run;
  run.begin_anew(2 * count_, 0, true);
  const CharacterRow* const rows = rows_.data();
  Symbol* const symbols = run.symbols.data();
  std::uint32_t* const begin = run.begin.data();
  std::uint32_t* const end = run.end.data();
  std::size_t size = 0, noise = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const CharacterRow& row = rows[i];
    const Symbol symbol = row.symbols[kView];
    const auto at = static_cast<std::uint32_t>(i);
    const bool skipped = symbol == kSkipped;
    symbols[size] = symbol;
    begin[size] = at;
    end[size] = at + 1;
    noise = skipped ? noise + 1 : 0;
    if (noise == kNoiseRunMax + 1 || (!skipped && (row.letter != 0 || is_soft(symbol)))) {
      run.size = size;
      if (skipped) {
        run.add(kBreak, at, at);
      } else if (row.letter != 0) {
        i += read_letters(i) - 1;
      } else {
        run.add_soft(symbol, at);
      }
      size = run.size;
      continue;
    }
    size += skipped ? 0 : 1;
  }
  run.size = size;
  run.finish();
}

}  // namespace zhiyin::text::detail
