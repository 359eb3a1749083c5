// Writes the tables of detail/character_data.h as C++. Runs while building.
//
// usage: character_tables TSCharacters.ocd2 TSPhrases.ocd2 STCharacters.ocd2 ANNOTATIONS.json
//        DERIVED.json OUT.cc
//
// Sources: ICU (NFKC, case folding, properties; Unicode 15), OpenCC (traditional to simplified),
// CLDR's Chinese annotations (names of emoji).
#include <fmt/core.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <opencc/DictEntry.hpp>
#include <opencc/Lexicon.hpp>
#include <opencc/MarisaDict.hpp>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "text/code_point.h"
#include "text/detail/character_data.h"
#include "text/detail/units.h"

namespace zhiyin::text::detail {
namespace {

[[noreturn]] void stop(const std::string& what) {
  fmt::print(stderr, "character_tables: {}\n", what);
  std::exit(1);
}

constexpr char32_t kLast = 0x10ffff;
constexpr std::size_t kReferenceLengthMax = 31;

std::u32string to_u32(const icu::UnicodeString& text) {
  std::u32string out;
  for (std::int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) {
    out += static_cast<char32_t>(text.char32At(i));
  }
  return out;
}

icu::UnicodeString to_icu(const std::u32string& text) {
  icu::UnicodeString out;
  for (const char32_t c : text) out.append(static_cast<UChar32>(c));
  return out;
}

const icu::Normalizer2& normaliser(UNormalization2Mode mode, bool compatible) {
  UErrorCode status = U_ZERO_ERROR;
  const auto* found = mode == UNORM2_COMPOSE
                          ? (compatible ? icu::Normalizer2::getNFKCInstance(status)
                                        : icu::Normalizer2::getNFCInstance(status))
                          : icu::Normalizer2::getNFKDInstance(status);
  if (found == nullptr) stop("ICU has no normalisers");
  return *found;
}

std::u32string normalise(const icu::Normalizer2& how, const std::u32string& text) {
  UErrorCode status = U_ZERO_ERROR;
  auto out = to_u32(how.normalize(to_icu(text), status));
  if (U_FAILURE(status)) stop("ICU cannot normalise");
  return out;
}

std::u32string nfkc(const std::u32string& text) {
  return normalise(normaliser(UNORM2_COMPOSE, true), text);
}

std::u32string folded(char32_t c) {
  icu::UnicodeString text(static_cast<UChar32>(c));
  return nfkc(to_u32(text.foldCase(U_FOLD_CASE_DEFAULT)));
}

/// Texts of code points, each kept once.
class Pool {
 public:
  Pool() : texts_(1, U'\0') {}
  std::uint32_t add(const std::u32string& text) {
    if (text.empty() || text.size() > kReferenceLengthMax) stop("a text has a bad length");
    const auto [place, is_new] = known_.try_emplace(text, texts_.size());
    if (is_new) texts_ += text;
    return static_cast<std::uint32_t>(place->second << 5 | text.size());
  }
  [[nodiscard]] const std::u32string& all() const { return texts_; }

 private:
  std::u32string texts_;
  std::map<std::u32string, std::size_t> known_;
};

using Conversions = std::map<std::u32string, std::u32string>;

Conversions read_opencc(const char* path) {
  FILE* file = std::fopen(path, "rb");
  if (file == nullptr) stop(fmt::format("cannot open {}", path));
  Conversions out;
  const auto dictionary = opencc::MarisaDict::NewFromFile(file);
  std::fclose(file);
  for (const auto& entry : *dictionary->GetLexicon()) {
    out.emplace(code_points(entry->Key()), code_points(entry->GetDefault()));
  }
  return out;
}

/// Characters that simplified Chinese has and traditional has not: none of the forms that OpenCC
/// knows for them is the character itself.
std::vector<std::uint64_t> read_simplified_only(const char* path) {
  std::vector<std::uint64_t> out(0x10000 / 64, 0);
  FILE* file = std::fopen(path, "rb");
  if (file == nullptr) stop(fmt::format("cannot open {}", path));
  const auto dictionary = opencc::MarisaDict::NewFromFile(file);
  std::fclose(file);
  for (const auto& entry : *dictionary->GetLexicon()) {
    const std::u32string key = code_points(entry->Key());
    const auto forms = entry->Values();
    const bool is_both = std::find(forms.begin(), forms.end(), entry->Key()) != forms.end();
    if (key.size() == 1 && key[0] < 0x10000 && !is_both) {
      out[key[0] / 64] |= std::uint64_t{1} << (key[0] % 64);
    }
  }
  return out;
}

bool is_variation(char32_t c) { return c == 0xfe0e || c == 0xfe0f; }
bool is_skin_tone(char32_t c) { return c >= 0x1f3fb && c <= 0x1f3ff; }
bool is_regional(char32_t c) { return c >= 0x1f1e6 && c <= 0x1f1ff; }

/// Signs that are letters or words in another dress (™, Ⓜ, ㊗) are left to NFKC.
bool begins_emoji(char32_t c) {
  if (c == 0xa9 || c == 0xae || nfkc({c}) != std::u32string{c} || is_skin_tone(c)) return false;
  return is_regional(c) ||
         u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_EXTENDED_PICTOGRAPHIC);
}

/// "旗: 中国" becomes "中国旗"; of other names, what stands before the colon says enough.
std::string short_name(std::string_view name) {
  constexpr std::string_view kFlag = "旗: ";
  if (name.starts_with(kFlag)) return std::string(name.substr(kFlag.size())) + "旗";
  return std::string(name);
}

using EmojiNames = std::map<std::u32string, std::string>;

void read_emoji(const char* path, std::string_view top, EmojiNames& out) {
  const auto text = read_file(path);
  if (!text) stop(text.error().text());
  const auto json = parse_json(*text);
  if (!json) stop(json.error().text());
  const auto* all = (*json)[top]["annotations"].if_object();
  if (all == nullptr) stop(fmt::format("{} has no annotations", path));
  for (const auto& [written, entry] : *all) {
    std::u32string sequence = code_points(written);
    std::erase_if(sequence, is_variation);
    const auto* names = entry["tts"].if_array();
    if (sequence.empty() || names == nullptr || names->empty() || !begins_emoji(sequence[0]))
      continue;
    if (std::any_of(sequence.begin(), sequence.end(), is_skin_tone)) continue;
    out.emplace(sequence, short_name(names->front().string_or("")));
  }
}

bool is_invisible(char32_t c) {
  const auto point = static_cast<UChar32>(c);
  if ((c >= '\t' && c <= '\r') || c == 0x85) return false;
  if (u_hasBinaryProperty(point, UCHAR_PREPENDED_CONCATENATION_MARK)) return false;
  if (u_hasBinaryProperty(point, UCHAR_DEFAULT_IGNORABLE_CODE_POINT)) return true;
  const auto category = u_charType(point);
  return category == U_CONTROL_CHAR || category == U_FORMAT_CHAR || c == 0x2800;
}

/// A decimal digit of another script.
bool is_digit(char32_t c) {
  return c >= 0x80 && u_charType(static_cast<UChar32>(c)) == U_DECIMAL_DIGIT_NUMBER;
}

bool is_hangul_vowel_or_tail(char32_t c) {
  return (c >= 0x1161 && c <= 0x1175) || (c >= 0x11a8 && c <= 0x11c2);
}

class Tables {
 public:
  Tables(Conversions characters, Conversions phrases, EmojiNames emoji,
         std::vector<std::uint64_t> simplified_only)
      : characters_(std::move(characters)),
        phrases_(std::move(phrases)),
        emoji_(std::move(emoji)),
        simplified_only_(std::move(simplified_only)) {
    records_.push_back({});
    find_compositions();
    for (const auto& [key, value] : phrases_) phrase_starts_.insert(key[0]);
    for (const auto& [key, name] : emoji_) emoji_starts_.insert(key[0]);
    for (const auto& [from, to] : kUnits) unit_starts_.insert(from[0]);
    for (char32_t c = 0; c <= kLast; ++c) entries_.push_back(entry_of(c));
  }

  [[nodiscard]] std::string as_code() {
    out_ =
        "// Made by character_tables; see src/text/detail/character_data.h.\n"
        "#include \"text/detail/character_data.h\"\n\nnamespace zhiyin::text::detail {\n";
    write_entries();
    write("const CharacterRecord kCharacterRecords[]", records_, [](const CharacterRecord& r) {
      return fmt::format("{{{},{},{},{}}}", r.nfkd, r.nfkc, r.fold, r.simplified);
    });
    write_phrases();
    write_emoji();
    write("const Composition kCompositions[]", compositions_, [](const auto& pair) {
      return fmt::format("{{{},{},{}}}", static_cast<std::uint32_t>(pair.first.first),
                         static_cast<std::uint32_t>(pair.first.second),
                         static_cast<std::uint32_t>(pair.second));
    });
    out_ += fmt::format("const std::size_t kCompositionCount = {};\n", compositions_.size());
    write("const std::uint64_t kSimplifiedOnly[]", simplified_only_,
          [](std::uint64_t bits) { return fmt::format("{}u", bits); });
    write("const char32_t kCharacterPool[]", pool_.all(),
          [](char32_t c) { return fmt::format("{}", static_cast<std::uint32_t>(c)); });
    out_ += "}  // namespace zhiyin::text::detail\n";
    return out_;
  }

 private:
  void find_compositions() {
    const auto& canonical = normaliser(UNORM2_COMPOSE, false);
    for (UChar32 c = 0; c <= static_cast<UChar32>(kLast); ++c) {
      icu::UnicodeString parts;
      if (u_getIntPropertyValue(c, UCHAR_HANGUL_SYLLABLE_TYPE) >= U_HST_LV_SYLLABLE) continue;
      if (!canonical.getRawDecomposition(c, parts) || parts.countChar32() != 2) continue;
      const UChar32 first = parts.char32At(0);
      const UChar32 second = parts.char32At(parts.moveIndex32(0, 1));
      if (canonical.composePair(first, second) != c) continue;
      compositions_[{static_cast<char32_t>(first), static_cast<char32_t>(second)}] =
          static_cast<char32_t>(c);
      seconds_.insert(static_cast<char32_t>(second));
    }
  }

  CharacterEntry entry_of(char32_t c) {
    if (c >= 0xd800 && c <= 0xdfff) return {};
    const std::u32string self{c};
    CharacterRecord record{};
    const std::u32string decomposed = normalise(normaliser(UNORM2_DECOMPOSE, true), self);
    const bool is_hangul = c >= 0xac00 && c <= 0xd7a3;
    if (decomposed != self && !is_hangul) record.nfkd = pool_.add(decomposed);
    if (const auto text = nfkc(self); text != self) record.nfkc = pool_.add(text);
    if (const auto text = folded(c); nfkc(self) == self && text != self)
      record.fold = pool_.add(text);
    if (const auto found = characters_.find(self);
        found != characters_.end() && found->second != self) {
      record.simplified = pool_.add(found->second);
    }
    if (const auto digit = u_charDigitValue(static_cast<UChar32>(c)); is_digit(c)) {
      record.simplified = pool_.add({U'0' + static_cast<char32_t>(digit)});
    }
    CharacterEntry entry{};
    entry.combining_class = u_getCombiningClass(static_cast<UChar32>(c));
    entry.record = record_of(record);
    entry.flags = flags_of(c, record, decomposed[0]);
    return entry;
  }

  std::uint8_t flags_of(char32_t c, const CharacterRecord& record, char32_t decomposed_first) {
    int flags = 0;
    if (record.nfkc != 0) flags |= kHasNfkc;
    if (record.fold != 0) flags |= kHasFold;
    if (record.simplified != 0 && !is_digit(c)) flags |= kHasSimplified;
    // What NFKC makes of it may have a case or a simplified form of its own.
    for (const char32_t n : nfkc({c})) {
      if (n != c && folded(n) != std::u32string{n}) flags |= kHasFold;
      if (n != c && characters_.contains({n})) flags |= kHasSimplified;
    }
    if (is_invisible(c)) flags |= kInvisible;
    if (emoji_starts_.contains(c) || begins_emoji(c) || c == 0x20e3) flags |= kEmojiStart;
    if (u_getCombiningClass(static_cast<UChar32>(decomposed_first)) != 0 ||
        seconds_.contains(decomposed_first) || is_hangul_vowel_or_tail(decomposed_first)) {
      flags |= kBackward;
    }
    if (phrase_starts_.contains(c)) flags |= kPhraseStart;
    if (is_digit(c) || unit_starts_.contains(c)) flags |= kStyleStart;
    return static_cast<std::uint8_t>(flags);
  }

  std::uint16_t record_of(const CharacterRecord& r) {
    if ((r.nfkd | r.nfkc | r.fold | r.simplified) == 0) return 0;
    const auto [place, is_new] =
        record_places_.try_emplace({r.nfkd, r.nfkc, r.fold, r.simplified}, records_.size());
    if (is_new) records_.push_back(r);
    if (records_.size() > 0xffff) stop("too many records");
    return static_cast<std::uint16_t>(place->second);
  }

  template <class Range, class Text>
  void write(std::string_view declaration, const Range& range, Text text) {
    out_ += fmt::format("{} = {{", declaration);
    std::size_t n = 0;
    for (const auto& value : range) {
      if (n++ % 16 == 0) out_ += '\n';
      out_ += text(value);
      out_ += ',';
    }
    out_ += "};\n";
  }

  void write_entries() {
    constexpr std::size_t kBlock = 1 << kCharacterBlockBits;
    std::map<std::string, std::size_t> known;
    std::vector<std::size_t> blocks;
    std::vector<std::string> texts;
    for (std::size_t begin = 0; begin < entries_.size(); begin += kBlock) {
      std::string text;
      for (std::size_t i = begin; i < begin + kBlock; ++i) {
        const CharacterEntry& e = entries_[i];
        text += fmt::format("{{{},{},{}}},", e.record, e.flags, e.combining_class);
      }
      const auto [place, is_new] = known.try_emplace(text, texts.size());
      if (is_new) texts.push_back(text);
      blocks.push_back(place->second);
    }
    write("const std::uint16_t kCharacterBlocks[]", blocks,
          [](std::size_t block) { return fmt::format("{}", block); });
    out_ += "const CharacterEntry kCharacterEntries[] = {\n";
    for (const auto& text : texts) out_ += text + "\n";
    out_ += "};\n";
  }

  void write_phrases() {
    write("const Phrase kPhrases[]", phrases_, [&](const auto& phrase) {
      return fmt::format("{{{},{}}}", pool_.add(phrase.first), pool_.add(phrase.second));
    });
    out_ += fmt::format("const std::size_t kPhraseCount = {};\n", phrases_.size());
  }

  void write_emoji() {
    std::string names;
    write("const EmojiName kEmoji[]", emoji_, [&](const auto& emoji) {
      const std::size_t at = names.size();
      names += emoji.second;
      return fmt::format("{{{},{},{}}}", pool_.add(emoji.first), at, emoji.second.size());
    });
    if (names.size() > 0xffff) stop("the names of emoji are too long");
    out_ += fmt::format("const std::size_t kEmojiCount = {};\n", emoji_.size());
    write("const char kEmojiNames[]", names,
          [](char c) { return fmt::format("{}", static_cast<int>(static_cast<signed char>(c))); });
  }

  Conversions characters_, phrases_;
  EmojiNames emoji_;
  std::vector<std::uint64_t> simplified_only_;
  std::set<char32_t> phrase_starts_, emoji_starts_, unit_starts_, seconds_;
  std::map<std::pair<char32_t, char32_t>, char32_t> compositions_;
  std::vector<CharacterEntry> entries_;
  std::vector<CharacterRecord> records_;
  std::map<std::array<std::uint32_t, 4>, std::size_t> record_places_;
  Pool pool_;
  std::string out_;
};

int run(char** argument) {
  Conversions characters = read_opencc(argument[1]);
  Conversions phrases = read_opencc(argument[2]);
  std::vector<std::uint64_t> simplified_only = read_simplified_only(argument[3]);
  EmojiNames emoji;
  read_emoji(argument[4], "annotations", emoji);
  read_emoji(argument[5], "annotationsDerived", emoji);
  Tables tables(std::move(characters), std::move(phrases), std::move(emoji),
                std::move(simplified_only));
  const auto written = write_file(argument[6], tables.as_code());
  if (!written) stop(written.error().text());
  return 0;
}

}  // namespace
}  // namespace zhiyin::text::detail

int main(int count, char** argument) {
  if (count != 7) return 2;
  return zhiyin::text::detail::run(argument);
}
