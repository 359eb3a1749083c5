#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "base/utf8.h"
#include "text/code_point.h"
#include "text/detail/compiled_terms.h"
#include "text/detail/evasion_tables.h"
#include "text/detail/view_keys.h"

namespace zhiyin::text::detail {
namespace {

/// Ways to read a term with characters of several readings that are looked for.
constexpr std::size_t kReadingsMax = 8;

/// A term on its way into the automata: its keys in each view, none where it is not looked for.
using Keys = std::vector<ViewKey>;

class Compiler {
 public:
  Compiler(std::span<const Term> terms, const MatcherOptions& options)
      : terms_(terms), options_(options), keys_(options.case_sensitive) {}

  Result<std::shared_ptr<const CompiledTerms>> run() {
    if (terms_.size() > kTermsMax)
      return fail(ErrorCode::kLimitReached, "terms: {}, at most {}", terms_.size(), kTermsMax);
    for (std::size_t i = 0; i < terms_.size(); ++i) {
      if (auto added = add(static_cast<std::uint32_t>(i)); !added)
        return std::unexpected(within(fmt::format("terms[{}]", i), added.error()));
    }
    for (std::size_t v = 0; v < kMatchViews; ++v) {
      if (symbols_[v].size() > kSymbolsMax)
        return fail(ErrorCode::kLimitReached, "terms: more than {} different characters",
                    kSymbolsMax);
      number_symbols(v);
    }
    for (std::size_t i = 0; i < kAutomata; ++i) {
      if (auto built = build(i); !built) return std::unexpected(built.error());
    }
    write_rows();
    write_syllables();
    write_compositions();
    write_characters();
    const std::size_t bytes = finish();
    return CompiledTerms::open(std::move(memory_), bytes);
  }

 private:
  // What is found in the terms.

  Result<void> add(std::uint32_t number) {
    const Term& term = terms_[number];
    ZHIYIN_TRY_VOID(check(term));
    const std::u32string characters = code_points(term.text);
    TermRow row{};
    row.severity = static_cast<std::uint16_t>(term.severity);
    row.flags = flags_of(characters, term.allowed);
    rows_.push_back(row);
    ends_.push_back(end_of(characters, number, row));
    if (term.allowed) add_allowed(characters, number);
    MatchViews found = 0;
    for (std::size_t v = 0; v < kMatchViews && !term.allowed; ++v) {
      const auto view = static_cast<MatchView>(v);
      if ((term.views & view_bit(view)) != 0 && add_view(view, characters, number))
        found |= view_bit(view);
    }
    for (const MatchView view : {MatchView::kMixedScript, MatchView::kNoise, MatchView::kShape})
      if ((found & view_bit(view)) != 0) note_odd(view, (found & kPlainView) != 0, term.text);
    const bool in_noise = (found & view_bit(MatchView::kNoise)) != 0;
    const bool in_repeats = (found & view_bit(MatchView::kRepeats)) != 0;
    if (in_repeats != in_noise && (in_repeats || (row.flags & kRepeatedFlag) == 0))
      repeats_follow_noise_ = false;
    return {};
  }

  /// Where the last term's keys in the view are not those of the plain view, their beginning.
  void note_odd(MatchView view, bool in_plain, std::string_view text) {
    const Keys& keys = found_[static_cast<std::size_t>(view)].back().keys;
    if (in_plain && keys == found_[static_cast<std::size_t>(MatchView::kPlain)].back().keys) return;
    if (keys.size() < 2) {
      if (view == MatchView::kMixedScript) note_alone_mixed(alone_odd_, code_points(text)[0]);
      return;
    }
    odd_.emplace_back(keys.begin(), keys.begin() + std::min<std::ptrdiff_t>(std::ssize(keys), 3));
    for (const ViewKey key : odd_.back())
      ++symbols_[static_cast<std::size_t>(MatchView::kPlain)][key];
  }

  static TermEnd end_of(const std::u32string& characters, std::uint32_t number,
                        const TermRow& row) {
    constexpr char32_t kFirstOther = 0xfffe;  // and above: not told by 16 bits
    TermEnd end{~std::uint64_t{0}, number, row.flags, row.severity};
    if (characters.size() > TermEnd::kCharacters) end.flags |= kLongFlag;
    for (std::size_t i = 0; i < std::min(characters.size(), TermEnd::kCharacters); ++i) {
      if (characters[i] >= kFirstOther) {
        end.flags |= kLongFlag;
        continue;
      }
      end.first &= ~(TermEnd::kNoCharacter << (16 * i));
      end.first |= std::uint64_t{characters[i]} << (16 * i);
    }
    return end;
  }

  [[nodiscard]] std::uint16_t flags_of(std::u32string_view characters, bool allowed) const {
    unsigned flags = allowed ? kAllowedFlag : 0;
    ViewKey last = kSkippedKey;
    for (const char32_t c : characters) {
      const ViewKey key = keys_.stripped(c);
      // @, $ and | are noise, and letters in the view of mixed scripts.
      if (key < 0x250 || is_leet(script_fold(c))) flags |= kCheckedFlag;
      if (key == kSkippedKey) continue;
      if (key == last) flags |= kRepeatedFlag | kCheckedFlag;
      last = key;
    }
    return static_cast<std::uint16_t>(flags);
  }

  void add_allowed(const std::u32string& characters, std::uint32_t number) {
    Keys keys;
    for (const char32_t c : characters) keys.push_back(keys_.key(MatchView::kMixedScript, c));
    for (const ViewKey key : keys)
      ++symbols_[static_cast<std::size_t>(MatchView::kMixedScript)][key];
    found_[kAllowedAutomaton].push_back({std::move(keys), number});
  }

  /// False where the term is not looked for in the view.
  bool add_view(MatchView view, const std::u32string& characters, std::uint32_t number) {
    Keys keys;
    if (view == MatchView::kHomophone) {
      keys = homophone_keys(characters);
    } else {
      for (const char32_t c : characters) {
        const ViewKey key = keys_.key(view, c);
        if (key == kSkippedKey) continue;
        if (view == MatchView::kRepeats && !keys.empty() && keys.back() == key) continue;
        keys.push_back(key);
      }
    }
    if (!suits(view, characters, keys)) return false;
    if (keys.size() == 1) note_alone(view, characters[0]);
    found_[static_cast<std::size_t>(view)].push_back({keys, number});
    if (view == MatchView::kHomophone) add_other_readings(characters, keys, number);
    for (const ViewKey key : keys) ++symbols_[static_cast<std::size_t>(view)][key];
    return true;
  }

  void note_alone(MatchView view, char32_t character) {
    if (view == MatchView::kPlain) alone_.insert(keys_.key(view, character));
    if (view == MatchView::kMixedScript) note_alone_mixed(alone_mixed_, character);
  }
  /// A digit or sign alone stands for no letter: where a hit is looked at closely, the folded
  /// character counts and not the key.
  void note_alone_mixed(std::unordered_set<ViewKey>& alone, char32_t character) const {
    const bool is_checked = (flags_of({&character, 1}, false) & kCheckedFlag) != 0;
    alone.insert(is_checked ? kFoldedKey | script_fold(character)
                            : keys_.key(MatchView::kMixedScript, character));
  }
  [[nodiscard]] bool is_alone_mixed(const std::unordered_set<ViewKey>& alone, char32_t c) const {
    return alone.contains(kFoldedKey | script_fold(c)) ||
           alone.contains(keys_.key(MatchView::kMixedScript, c));
  }

  static bool suits(MatchView view, const std::u32string& characters, const Keys& keys) {
    const auto han = std::ranges::count_if(characters, is_han);
    switch (view) {
      case MatchView::kPlain:
      case MatchView::kMixedScript:
        return true;
      case MatchView::kNoise:
      case MatchView::kRepeats:
        return keys.size() >= 2;
      case MatchView::kHomophone:
        return han >= 2;
      // A single character counts only where it is taken apart.
      case MatchView::kShape:
        return han >= 1;
    }
    return false;
  }

  /// Runs of letters are cut into syllables here as in texts.
  [[nodiscard]] Keys homophone_keys(const std::u32string& characters) const {
    Keys keys;
    std::string letters;
    const auto flush = [&] {
      const PinyinCut cut = pinyin_syllables(letters);
      for (std::size_t i = 0; i < cut.count; ++i)
        keys.push_back(kSyllableKey + cut.syllables[i].number);
      if (cut.count == 0) keys.insert(keys.end(), letters.begin(), letters.end());
      letters.clear();
    };
    for (const char32_t c : characters) {
      const ViewKey key = keys_.key(MatchView::kHomophone, c);
      if (is_ascii_letter(key)) {
        letters += static_cast<char>(key);
        continue;
      }
      flush();
      if (key != kSkippedKey) keys.push_back(key);
    }
    flush();
    return keys;
  }

  /// The same term with the other readings of its characters, up to kReadingsMax in all.
  void add_other_readings(const std::u32string& characters, const Keys& first,
                          std::uint32_t number) {
    std::vector<Keys> ways = {first};
    std::size_t place = 0;
    for (const char32_t c : characters) {
      const ViewKey key = keys_.key(MatchView::kHomophone, c);
      if (key == kSkippedKey) continue;
      if (place >= first.size() || first[place] != key) return;  // letters: places are not the same
      for (const std::uint16_t other : other_readings(c)) {
        for (std::size_t i = ways.size(); i-- > 0 && ways.size() < kReadingsMax;) {
          if (ways[i][place] != key) continue;
          ways.push_back(ways[i]);
          ways.back()[place] = kSyllableKey + other;
        }
      }
      ++place;
    }
    auto& found = found_[static_cast<std::size_t>(MatchView::kHomophone)];
    for (std::size_t i = 1; i < ways.size(); ++i) {
      for (const ViewKey key : ways[i])
        ++symbols_[static_cast<std::size_t>(MatchView::kHomophone)][key];
      found.push_back({std::move(ways[i]), number});
    }
  }

  [[nodiscard]] std::vector<std::uint16_t> other_readings(char32_t c) const {
    const auto readings = evasion_tables().readings;
    const ViewKey folded = keys_.stripped(c);
    const auto at = std::ranges::lower_bound(readings, folded, {}, &CharacterReadings::character);
    std::vector<std::uint16_t> out;
    if (at == readings.end() || at->character != folded) return out;
    for (const std::uint16_t s : {at->syllables[1], at->syllables[2]})
      if (s != 0) out.push_back(s);
    return out;
  }

  // The automata.

  /// The most frequent first, so that children of a state lie close together.
  void number_symbols(std::size_t view) {
    std::vector<std::pair<std::uint32_t, ViewKey>> order;
    for (const auto& [key, count] : symbols_[view]) order.emplace_back(count, key);
    std::ranges::sort(order, [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    for (std::size_t i = 0; i < order.size(); ++i)
      symbols_[view][order[i].second] = static_cast<std::uint32_t>(i + 1);
    header_.symbol_counts[view] = static_cast<std::uint32_t>(order.size() + 1);
  }

  /// In the symbols of the plain view.
  [[nodiscard]] std::vector<std::vector<Symbol>> odd_beginnings() const {
    std::vector<std::vector<Symbol>> out;
    for (const Keys& keys : odd_) {
      std::vector<Symbol>& symbols = out.emplace_back();
      for (const ViewKey key : keys) symbols.push_back(symbol(MatchView::kPlain, key));
    }
    std::ranges::sort(out);
    const auto again = std::ranges::unique(out);
    out.erase(again.begin(), again.end());
    return out;
  }

  Result<void> build(std::size_t automaton) {
    const std::size_t view = automaton == kAllowedAutomaton
                                 ? static_cast<std::size_t>(MatchView::kMixedScript)
                                 : automaton;
    std::vector<TermKey> keys;
    keys.reserve(found_[automaton].size());
    for (const auto& [found, number] : found_[automaton]) {
      TermKey key{{}, number};
      for (const ViewKey k : found)
        key.symbols.push_back(static_cast<Symbol>(symbols_[view].at(k)));
      keys.push_back(std::move(key));
    }
    found_[automaton] = {};
    std::vector<std::vector<Symbol>> also;
    if (automaton == static_cast<std::size_t>(MatchView::kPlain)) {
      also = odd_beginnings();
      write<std::uint64_t>(kOddSection, build_filter(also));
    }
    ZHIYIN_TRY(BuiltAutomaton built,
               build_automaton(std::move(keys), header_.symbol_counts[view], std::move(also)));
    for (std::size_t at = 0; at < built.cold.size(); ++at) {
      ColdState& state = built.cold[at];
      unsigned flags = 0;
      for (std::uint32_t i = state.first_term; i < state.terms_end; ++i)
        flags |= rows_[built.ends[i]].flags;
      state.flags = static_cast<std::uint16_t>(flags);
      if ((flags & kCheckedFlag) != 0) built.hot[at].base |= HotState::kChecked;
    }
    std::vector<TermEnd> ends;
    for (const std::uint32_t term : built.ends) ends.push_back(ends_[term]);
    const auto section = static_cast<std::uint32_t>(kFirstAutomatonSection + 4 * automaton);
    write<HotState>(section, built.hot);
    write<ColdState>(section + 1, built.cold);
    write<TermEnd>(section + 2, ends);
    write<std::uint64_t>(section + 3, built.prefixes);
    return {};
  }

  // The tables beside them.

  void write_rows() {
    std::string pool;
    std::unordered_map<std::string_view, std::uint32_t> categories;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      rows_[i].text_at = static_cast<std::uint32_t>(pool.size());
      rows_[i].text_bytes = static_cast<std::uint32_t>(terms_[i].text.size());
      pool += terms_[i].text;
      const auto [at, added] =
          categories.try_emplace(terms_[i].category, static_cast<std::uint32_t>(pool.size()));
      if (added) pool += terms_[i].category;
      rows_[i].category_at = at->second;
      rows_[i].category_bytes = static_cast<std::uint32_t>(terms_[i].category.size());
    }
    write<TermRow>(kTermSection, rows_);
    write<char>(kPoolSection, std::span<const char>(pool.data(), pool.size()));
  }

  [[nodiscard]] Symbol symbol(MatchView view, ViewKey key) const {
    const auto& known = symbols_[static_cast<std::size_t>(view)];
    const auto at = known.find(key);
    return at == known.end() ? kBreak : static_cast<Symbol>(at->second);
  }

  void write_syllables() {
    std::vector<Symbol> symbols;
    for (std::size_t n = 1; n <= evasion_tables().syllables.size(); ++n)
      symbols.push_back(symbol(MatchView::kHomophone, static_cast<ViewKey>(kSyllableKey + n)));
    write<Symbol>(kSyllableSection, symbols);
  }

  Symbol part_number(char32_t part) {
    return parts_.try_emplace(part, static_cast<Symbol>(parts_.size() + 1)).first->second;
  }

  /// Those split characters whose whole occurs in a term.
  void write_compositions() {
    std::vector<Composition> found;
    for (const SplitCharacter& split : evasion_tables().splits) {
      const Symbol whole = symbol(MatchView::kShape, keys_.key(MatchView::kShape, split.whole));
      if (whole == kBreak || parts_.size() + 3 > kSymbolsMax) continue;
      Composition row{{}, whole};
      for (std::size_t i = 0; i < 3 && split.parts[i] != 0; ++i)
        row.parts[i] = part_number(split.parts[i]);
      part_flags_[row.parts[0]] |= kFirstPartFlag;
      part_flags_[row.parts[1]] |= kNextPartFlag;
      found.push_back(row);
    }
    std::vector<std::uint64_t> filter(found.empty() ? 1 : std::bit_ceil(found.size() / 4 + 1));
    std::vector<Composition> places(found.empty() ? 0 : std::bit_ceil(found.size() * 4));
    for (const Composition& row : found) {
      const std::uint64_t pair = composition_hash(row.parts[0], row.parts[1], 0);
      filter[(pair >> 6) & (filter.size() - 1)] |= std::uint64_t{1} << (pair & 63);
      const std::size_t mask = places.size() - 1;
      std::size_t at = composition_hash(row.parts[0], row.parts[1], row.parts[2]) & mask;
      while (places[at].parts[0] != 0) at = (at + 1) & mask;
      places[at] = row;
    }
    write<Composition>(kCompositionSection, places);
    write<std::uint64_t>(kFilterSection, filter);
  }

  [[nodiscard]] Symbol symbol_of(MatchView view, char32_t c) const {
    const ViewKey key = keys_.key(view, c);
    if (key == kSkippedKey) return kSkipped;
    const Symbol known = symbol(view, key);
    const bool stripped = view != MatchView::kPlain && view != MatchView::kMixedScript;
    if (!stripped || !is_ascii_digit(key)) return known;
    return known == kBreak ? kSkipped : static_cast<Symbol>(known | kSoft);
  }

  [[nodiscard]] CharacterRow character_row(char32_t c) const {
    CharacterRow row{};
    for (std::size_t v = 0; v < kMatchViews; ++v)
      row.symbols[v] = symbol_of(static_cast<MatchView>(v), c);
    const auto part = parts_.find(keys_.stripped(c));
    row.part = part == parts_.end() ? kBreak : part->second;
    row.letter = static_cast<std::uint8_t>(latin_letter(c));
    row.flags = character_flags(c);
    const auto part_flags = part_flags_.find(row.part);
    if (part_flags != part_flags_.end()) row.flags |= part_flags->second;
    return row;
  }

  [[nodiscard]] std::uint8_t character_flags(char32_t c) const {
    unsigned flags = 0;
    const ViewKey plain = keys_.key(MatchView::kPlain, c);
    const bool is_digit = is_ascii_digit(keys_.stripped(c));
    const auto note = [&](MatchView view, bool is_odd, CharacterFlag flag) {
      // What occurs in no term of the view is a break there, whatever it is in the plain one.
      if (symbol_of(view, c) == kBreak) return;
      if (is_odd || keys_.key(view, c) != plain) flags |= flag;
    };
    note(MatchView::kMixedScript, false, kOddMixedFlag);
    note(MatchView::kNoise, is_digit, kOddNoiseFlag);
    note(MatchView::kShape, is_digit, kOddShapeFlag);
    constexpr unsigned kBoth = kAloneMixedFlag | kOddMixedFlag;
    if (alone_.contains(plain)) flags |= kAloneFlag;
    if (is_alone_mixed(alone_mixed_, c)) flags |= kAloneMixedFlag;
    if (is_alone_mixed(alone_odd_, c) || (flags & kBoth) == kBoth) flags |= kAloneOddFlag;
    return static_cast<std::uint8_t>(flags);
  }

  /// The view of repeats looks for the same digits as that of noise.
  [[nodiscard]] bool has_the_same_digits() const {
    for (char32_t digit = '0'; digit <= '9'; ++digit)
      if ((symbol(MatchView::kNoise, digit) == kBreak) !=
          (symbol(MatchView::kRepeats, digit) == kBreak))
        return false;
    return true;
  }

  /// Pages on which some character is something: in a table of ours, or as it is in a term.
  [[nodiscard]] std::vector<bool> pages_that_matter() const {
    std::vector<bool> matters(kPages, false);
    const auto mark = [&](std::uint64_t c) {
      if (c < kCodePoints) matters[c >> 8] = true;
    };
    const EvasionTables& tables = evasion_tables();
    for (const CharacterPair& pair : tables.letter_case) mark(pair.from);
    for (const CharacterPair& pair : tables.script) mark(pair.from);
    for (const CharacterPair& pair : tables.shape) mark(pair.from);
    for (const CharacterReadings& r : tables.readings) mark(r.character);
    for (const CharacterRange& range : tables.noise)
      for (char32_t c = range.first; c <= range.last; ++c) mark(c);
    for (const auto& symbols : symbols_)
      for (const auto& [key, number] : symbols) mark(key);
    for (const auto& [part, number] : parts_) mark(part);
    return matters;
  }

  void write_characters() {
    const std::vector<bool> matters = pages_that_matter();
    std::vector<std::uint16_t> page_of(kPages);
    std::vector<CharacterRow> rows;
    std::unordered_map<std::string, std::uint16_t> known;
    for (std::size_t page = 0; page < kPages; ++page) {
      std::array<CharacterRow, kPageCharacters> entries{};
      for (std::size_t i = 0; matters[page] && i < kPageCharacters; ++i)
        entries[i] = character_row(static_cast<char32_t>(page << 8 | i));
      const std::string bytes(reinterpret_cast<const char*>(entries.data()), sizeof(entries));
      const auto [at, added] =
          known.try_emplace(bytes, static_cast<std::uint16_t>(rows.size() / kPageCharacters));
      if (added) rows.insert(rows.end(), entries.begin(), entries.end());
      page_of[page] = at->second;
    }
    rows.resize(rows.size() + kPageCharacters);
    write<std::uint16_t>(kPageSection, page_of);
    write<CharacterRow>(kCharacterSection, rows);
  }

  // The file.

  template <class T>
  void write(std::uint32_t section, std::span<const T> rows) {
    constexpr std::size_t kWord = sizeof(std::uint64_t), kStep = kSectionAlign / kWord;
    const auto words = [](std::size_t bytes) {
      return (bytes + kSectionAlign - 1) / kSectionAlign * kStep;
    };
    if (memory_.empty()) memory_.resize(words(sizeof(CompiledHeader)));
    header_.sections[section] = {memory_.size() * kWord, rows.size_bytes()};
    const std::size_t at = memory_.size();
    memory_.resize(at + words(rows.size_bytes()));
    if (!rows.empty()) std::memcpy(memory_.data() + at, rows.data(), rows.size_bytes());
  }
  template <class T>
  void write(std::uint32_t section, const std::vector<T>& rows) {
    write<T>(section, std::span<const T>(rows));
  }

  std::size_t finish() {
    header_.magic = kCompiledMagic;
    header_.version = kCompiledVersion;
    header_.options = (options_.case_sensitive ? 1U : 0U) | (options_.whole_words ? 2U : 0U) |
                      (repeats_follow_noise_ && has_the_same_digits() ? 4U : 0U);
    header_.tables = character_tables_hash();
    header_.bytes = memory_.size() * sizeof(std::uint64_t);
    const char* bytes = reinterpret_cast<const char*>(memory_.data());
    header_.checksum = XXH64(bytes + sizeof(header_), header_.bytes - sizeof(header_), 0);
    std::memcpy(memory_.data(), &header_, sizeof(header_));
    return header_.bytes;
  }

  struct Found {
    Keys keys;
    std::uint32_t number;
  };

  std::span<const Term> terms_;
  MatcherOptions options_;
  ViewKeys keys_;
  std::vector<TermRow> rows_;
  std::vector<TermEnd> ends_;  ///< by term
  bool repeats_follow_noise_ = true;
  std::vector<Keys> odd_;  ///< how terms begin that are in a view other than in the plain one
  std::array<std::vector<Found>, kAutomata> found_;
  std::array<std::unordered_map<ViewKey, std::uint32_t>, kMatchViews> symbols_;
  static constexpr ViewKey kFoldedKey = 0x80000000;  ///< and the folded character, not its key
  std::unordered_set<ViewKey> alone_, alone_mixed_, alone_odd_;  ///< what is a term by itself
  std::unordered_map<ViewKey, Symbol> parts_;
  std::unordered_map<Symbol, std::uint8_t> part_flags_;  ///< CharacterFlag, by a part's number
  CompiledHeader header_{};
  std::vector<std::uint64_t> memory_;
};

}  // namespace

Result<std::shared_ptr<const CompiledTerms>> compile_terms(std::span<const Term> terms,
                                                           const MatcherOptions& options) {
  return Compiler(terms, options).run();
}

}  // namespace zhiyin::text::detail
