#include "text/detail/compiled_terms.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "text/detail/evasion_tables.h"

namespace zhiyin::text::detail {
namespace {

/// Places tried before a composition is taken as not there; the compiler keeps to it.
constexpr std::size_t kProbesMax = 64;

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::kDataLoss, "compiled terms: {}", what);
}

template <class T>
std::uint64_t hash_rows(std::span<const T> rows, std::uint64_t seed) {
  return XXH64(rows.data(), rows.size_bytes(), seed);
}

/// A section as rows of T; fails where it lies outside or does not divide.
template <class T>
Result<std::span<const T>> rows_of(std::string_view bytes, const CompiledHeader& header,
                                   std::uint32_t section) {
  const auto [at, size] = header.sections[section];
  if (at % kSectionAlign != 0 || at > bytes.size() || size > bytes.size() - at ||
      size % sizeof(T) != 0)
    return damaged("a section lies outside the file");
  return std::span<const T>(reinterpret_cast<const T*>(bytes.data() + at), size / sizeof(T));
}

Result<CharacterTable> table_of(std::string_view bytes, const CompiledHeader& header) {
  CharacterTable table;
  ZHIYIN_TRY(table.page_of, rows_of<std::uint16_t>(bytes, header, kPageSection));
  ZHIYIN_TRY(table.rows, rows_of<CharacterRow>(bytes, header, kCharacterSection));
  if (table.page_of.size() != kPages || table.rows.empty() ||
      table.rows.size() % kPageCharacters != 0)
    return damaged("the table of characters has the wrong size");
  const CharacterRow& last = table.rows.back();
  if (last.part != 0 || last.letter != 0 || last.flags != 0 ||
      std::ranges::any_of(last.symbols, [](Symbol symbol) { return symbol != kBreak; }))
    return damaged("the last page of characters is not empty");
  for (const std::uint16_t page : table.page_of)
    if (page >= table.rows.size() / kPageCharacters)
      return damaged("a page of characters is missing");
  return table;
}

/// Only the views that leave something out have characters that are not there.
Result<void> check_symbols(const CharacterTable& table, const CompiledHeader& header) {
  for (const CharacterRow& row : table.rows) {
    if (row.letter != 0 && (row.letter < 'a' || row.letter > 'z'))
      return damaged("a letter is none");
    for (std::size_t view = 0; view < kMatchViews; ++view) {
      const bool stripped = view > static_cast<std::size_t>(MatchView::kMixedScript);
      const Symbol symbol = row.symbols[view];
      if (stripped && symbol == kSkipped) continue;
      const std::size_t plain = stripped ? symbol & ~kSoft : symbol;
      if (plain >= header.symbol_counts[view]) return damaged("a symbol is too large");
    }
  }
  return {};
}

/// The view whose symbols an automaton reads.
std::size_t symbols_of(std::size_t automaton) {
  return automaton == kAllowedAutomaton ? static_cast<std::size_t>(MatchView::kMixedScript)
                                        : automaton;
}

Result<Automaton> automaton_of(std::string_view bytes, const CompiledHeader& header,
                               std::uint32_t number, std::size_t terms) {
  Automaton automaton;
  const std::uint32_t section = kFirstAutomatonSection + 4 * number;
  ZHIYIN_TRY(automaton.hot, rows_of<HotState>(bytes, header, section));
  ZHIYIN_TRY(automaton.cold, rows_of<ColdState>(bytes, header, section + 1));
  ZHIYIN_TRY(automaton.ends, rows_of<TermEnd>(bytes, header, section + 2));
  ZHIYIN_TRY(const auto words, rows_of<std::uint64_t>(bytes, header, section + 3));
  ZHIYIN_TRY(automaton.prefixes, filter_of(words));
  ZHIYIN_TRY_VOID(check_automaton(automaton, header.symbol_counts[symbols_of(number)], terms));
  for (const ColdState& state : automaton.cold)
    automaton.depth_max = std::max<std::size_t>(automaton.depth_max, state.depth);
  return automaton;
}

}  // namespace

std::uint64_t character_tables_hash() {
  const EvasionTables& t = evasion_tables();
  std::uint64_t hash = hash_rows(t.letter_case, kCompiledVersion);
  hash = hash_rows(t.script, hash);
  hash = hash_rows(t.shape, hash);
  hash = hash_rows(t.noise, hash);
  hash = hash_rows(t.splits, hash);
  for (const CharacterReadings& r : t.readings)
    hash = (hash ^ r.character ^ r.syllables[0]) * 0x100000001b3;
  for (const std::string_view s : t.syllables) hash = XXH64(s.data(), s.size(), hash);
  return hash;
}

std::uint64_t composition_hash(Symbol first, Symbol second, Symbol third) {
  std::uint64_t x = std::uint64_t{first} << 32 | std::uint64_t{second} << 16 | third;
  x *= 0x9e3779b97f4a7c15;
  return x ^ x >> 29;
}

Symbol CompiledTerms::composed(Symbol first, Symbol second, Symbol third) const {
  if (compositions.empty()) return 0;
  const std::size_t mask = compositions.size() - 1;
  std::size_t at = composition_hash(first, second, third) & mask;
  for (std::size_t tried = 0; tried < kProbesMax; ++tried, at = (at + 1) & mask) {
    const Composition& row = compositions[at];
    if (row.parts[0] == 0) return 0;
    if (row.parts == std::array<Symbol, 3>{first, second, third}) return row.whole;
  }
  return 0;
}

bool CompiledTerms::may_compose(Symbol first, Symbol second) const {
  const std::uint64_t hash = composition_hash(first, second, 0);
  const std::uint64_t word = pair_filter[(hash >> 6) & (pair_filter.size() - 1)];
  return (word >> (hash & 63) & 1) != 0;
}

Result<std::shared_ptr<const CompiledTerms>> CompiledTerms::open(MappedFile file) {
  auto compiled = std::make_shared<CompiledTerms>();
  compiled->file_ = std::move(file);
  compiled->bytes = compiled->file_.bytes();
  ZHIYIN_TRY_VOID(compiled->read());
  return compiled;
}

Result<std::shared_ptr<const CompiledTerms>> CompiledTerms::open(std::vector<std::uint64_t> memory,
                                                                 std::size_t bytes) {
  auto compiled = std::make_shared<CompiledTerms>();
  compiled->memory_ = std::move(memory);
  compiled->bytes = {reinterpret_cast<const char*>(compiled->memory_.data()), bytes};
  ZHIYIN_TRY_VOID(compiled->read());
  return compiled;
}

Result<void> CompiledTerms::read() {
  CompiledHeader header;
  if (bytes.size() < sizeof(header)) return damaged("too short");
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.magic != kCompiledMagic) return damaged("is no such file");
  if (header.version != kCompiledVersion || header.tables != character_tables_hash())
    return fail(ErrorCode::kUnsupported,
                "compiled terms: made by another version of the program; compile them again");
  if (header.bytes != bytes.size()) return damaged("cut short or longer than it says");
  const std::string_view body = bytes.substr(sizeof(header));
  if (header.checksum != XXH64(body.data(), body.size(), 0))
    return damaged("checksum does not fit");
  options = {(header.options & 1) != 0, (header.options & 2) != 0};
  repeats_follow_noise = (header.options & 4) != 0;
  ZHIYIN_TRY(terms, rows_of<TermRow>(bytes, header, kTermSection));
  ZHIYIN_TRY(const auto texts, rows_of<char>(bytes, header, kPoolSection));
  pool = {texts.data(), texts.size()};
  for (const TermRow& row : terms) {
    if (row.text_at > pool.size() || row.text_bytes > pool.size() - row.text_at ||
        row.category_at > pool.size() || row.category_bytes > pool.size() - row.category_at)
      return damaged("a term's text lies outside");
  }
  for (const std::uint32_t count : header.symbol_counts)
    if (count > kSymbolsMax + 1) return damaged("too many symbols");
  ZHIYIN_TRY(characters, table_of(bytes, header));
  ZHIYIN_TRY_VOID(check_symbols(characters, header));
  ZHIYIN_TRY(const auto odd_words, rows_of<std::uint64_t>(bytes, header, kOddSection));
  ZHIYIN_TRY(odd_terms, filter_of(odd_words));
  for (std::uint32_t i = 0; i < kAutomata; ++i) {
    ZHIYIN_TRY(automata[i], automaton_of(bytes, header, i, terms.size()));
  }
  ZHIYIN_TRY(compositions, rows_of<Composition>(bytes, header, kCompositionSection));
  ZHIYIN_TRY(pair_filter, rows_of<std::uint64_t>(bytes, header, kFilterSection));
  ZHIYIN_TRY(syllables, rows_of<Symbol>(bytes, header, kSyllableSection));
  if ((!compositions.empty() && !std::has_single_bit(compositions.size())) ||
      !std::has_single_bit(pair_filter.size()))
    return damaged("a hash table has the wrong size");
  const auto shapes = header.symbol_counts[static_cast<std::size_t>(MatchView::kShape)];
  const auto sounds = header.symbol_counts[static_cast<std::size_t>(MatchView::kHomophone)];
  for (const Composition& row : compositions)
    if (row.whole >= shapes) return damaged("a split character's symbol is too large");
  if (syllables.size() != evasion_tables().syllables.size())
    return damaged("syllables are missing");
  for (const Symbol symbol : syllables)
    if (symbol >= sounds) return damaged("a syllable's symbol is too large");
  return {};
}

}  // namespace zhiyin::text::detail
