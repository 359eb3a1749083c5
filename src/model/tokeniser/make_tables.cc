// Writes the tables of character_classes.h from Unicode's data (ICU): make_tables OUT.cc
#include <fmt/core.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

namespace {

constexpr UChar32 kEnd = 0x110000;
constexpr int kPage = 256;

// The bits and numbers of character_classes.h.
int break_of(UChar32 c) {
  switch (u_getIntPropertyValue(c, UCHAR_GRAPHEME_CLUSTER_BREAK)) {
    case U_GCB_CR:
      return 12;
    case U_GCB_LF:
      return 13;
    case U_GCB_CONTROL:
      return 5;
    case U_GCB_EXTEND:
    case U_GCB_SPACING_MARK:
      return 1;
    case U_GCB_ZWJ:
      return 2;
    case U_GCB_REGIONAL_INDICATOR:
      return 3;
    case U_GCB_PREPEND:
      return 4;
    case U_GCB_L:
      return 6;
    case U_GCB_V:
      return 7;
    case U_GCB_T:
      return 8;
    case U_GCB_LV:
      return 9;
    case U_GCB_LVT:
      return 10;
    default:
      return u_hasBinaryProperty(c, UCHAR_EXTENDED_PICTOGRAPHIC) ? 11 : 0;
  }
}

/// The categories of Unicode 8, which the library whose tokens are to be met asks for: what came
/// later has none, and a few characters have since changed theirs.
std::uint32_t category_mask_of(UChar32 c) {
  UVersionInfo age;
  u_charAge(c, age);
  if (age[0] > 8) return 0;
  if (c == 0x166D) return U_GC_PO_MASK;
  if (c == 0x1734) return U_GC_MN_MASK;
  if (c == 0x1885 || c == 0x1886) return U_GC_LO_MASK;
  if (c == 0xA9BD) return U_GC_MC_MASK;
  if (c == 0x111C9) return U_GC_PO_MASK;
  return U_GET_GC_MASK(c);
}

/// What came into \w between Unicode 15, which the ICU of Debian 12 has, and 16: ranges.
constexpr UChar32 kLaterWords[][2] = {
    {0x897, 0x897},     {0x1C89, 0x1C8A},   {0xA7CB, 0xA7CD},   {0xA7DA, 0xA7DC},
    {0x105C0, 0x105F3}, {0x10D40, 0x10D65}, {0x10D69, 0x10D6D}, {0x10D6F, 0x10D85},
    {0x10EC2, 0x10EC4}, {0x10EFC, 0x10EFC}, {0x11380, 0x11389}, {0x1138B, 0x1138B},
    {0x1138E, 0x1138E}, {0x11390, 0x113B5}, {0x113B7, 0x113C0}, {0x113C2, 0x113C2},
    {0x113C5, 0x113C5}, {0x113C7, 0x113CA}, {0x113CC, 0x113D3}, {0x113E1, 0x113E2},
    {0x116D0, 0x116E3}, {0x11BC0, 0x11BE0}, {0x11BF0, 0x11BF9}, {0x11F5A, 0x11F5A},
    {0x13460, 0x143FA}, {0x16100, 0x16139}, {0x16D40, 0x16D6C}, {0x16D70, 0x16D79},
    {0x18CFF, 0x18CFF}, {0x1CCF0, 0x1CCF9}, {0x1E5D0, 0x1E5FA}, {0x2EBF0, 0x2EE5D}};

/// \w of regular expressions (UTS 18) as of Unicode 16, which the same library's have.
bool is_word(UChar32 c) {
  for (const auto& [low, high] : kLaterWords) {
    if (low <= c && c <= high) return true;
  }
  UVersionInfo age;
  u_charAge(c, age);
  if (age[0] > 16) return false;
  const std::uint32_t mask = U_GET_GC_MASK(c);
  return u_hasBinaryProperty(c, UCHAR_ALPHABETIC) != 0 ||
         u_hasBinaryProperty(c, UCHAR_JOIN_CONTROL) != 0 ||
         (mask & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) != 0;
}

int class_of(UChar32 c) {
  const std::uint32_t mask = category_mask_of(c);
  int out = break_of(c) << 4;
  if ((mask & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK | U_GC_CS_MASK)) != 0) out |= 1;
  if (u_isUWhiteSpace(c)) out |= 2;
  if ((mask & U_GC_P_MASK) != 0) out |= 4;
  if ((mask & U_GC_MN_MASK) != 0) out |= 8;
  return out;
}

std::u32string points_of(const icu::UnicodeString& text) {
  std::u32string out;
  for (int i = 0; i < text.length(); i = text.moveIndex32(i, 1))
    out += static_cast<char32_t>(text.char32At(i));
  return out;
}

/// Whether the same library's normal forms know the character: theirs are of Unicode 9.
bool has_forms(UChar32 c) {
  UVersionInfo age;
  u_charAge(c, age);
  return age[0] <= 9;
}

std::u32string decomposed(UChar32 c) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* nfd = icu::Normalizer2::getNFDInstance(status);
  icu::UnicodeString out;
  if (U_FAILURE(status) || nfd == nullptr || !nfd->getDecomposition(c, out))
    return {static_cast<char32_t>(c)};
  return points_of(out);
}

/// The compatible decomposition (NFKD of one character).
std::u32string compatible(UChar32 c) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* nfkd = icu::Normalizer2::getNFKDInstance(status);
  icu::UnicodeString out;
  if (U_FAILURE(status) || nfkd == nullptr || !nfkd->getDecomposition(c, out))
    return {static_cast<char32_t>(c)};
  return points_of(out);
}

/// The two characters that are composed to this one; empty where none are.
std::u32string composed_of(UChar32 c) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(status);
  icu::UnicodeString raw;
  if (U_FAILURE(status) || nfc == nullptr || !nfc->getRawDecomposition(c, raw)) return {};
  const std::u32string out = points_of(raw);
  if (out.size() != 2) return {};
  const UChar32 made = nfc->composePair(static_cast<UChar32>(out[0]), static_cast<UChar32>(out[1]));
  return made == c ? out : std::u32string();
}

std::string row(const std::vector<std::uint32_t>& values) {
  std::string out;
  for (std::size_t i = 0; i < values.size(); ++i)
    out += fmt::format("{}{}", values[i], i % 24 == 23 ? ",\n" : ",");
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  std::FILE* const file = argc == 2 ? std::fopen(argv[1], "w") : nullptr;
  if (file == nullptr) return 2;
  std::map<std::vector<std::uint32_t>, std::uint32_t> pages;
  std::vector<std::uint32_t> index;
  std::vector<std::uint32_t> classes;
  std::vector<std::uint32_t> decompositions;
  std::vector<std::uint32_t> lower;
  std::vector<std::uint32_t> combining;
  std::vector<std::uint32_t> compatibles;
  std::vector<std::uint32_t> words;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> pairs;
  for (UChar32 begin = 0; begin < kEnd; begin += kPage) {
    std::vector<std::uint32_t> page;
    for (UChar32 c = begin; c < begin + kPage; ++c)
      page.push_back(static_cast<std::uint32_t>(class_of(c)));
    const auto [at, added] = pages.try_emplace(page, static_cast<std::uint32_t>(pages.size()));
    if (added) classes.insert(classes.end(), page.begin(), page.end());
    index.push_back(at->second);
  }
  for (UChar32 c = 0; c < kEnd; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    if (is_word(c)) {
      const auto point = static_cast<std::uint32_t>(c);
      if (!words.empty() && words.back() == point) {
        ++words.back();
      } else {
        words.push_back(point);
        words.push_back(point + 1);
      }
    }
    if (const UChar32 l = u_tolower(c); l != c) {
      lower.push_back(static_cast<std::uint32_t>(c));
      lower.push_back(static_cast<std::uint32_t>(l));
    }
    if (!has_forms(c)) continue;
    if (const std::uint32_t order = u_getCombiningClass(c); order != 0) {
      combining.push_back(static_cast<std::uint32_t>(c));
      combining.push_back(order);
    }
    if (c >= 0xAC00 && c < 0xD7A4) continue;  // Hangul is computed
    if (const std::u32string pair = composed_of(c); !pair.empty())
      pairs[{pair[0], pair[1]}] = static_cast<std::uint32_t>(c);
    const std::u32string parts = decomposed(c);
    if (const std::u32string wide = compatible(c); wide != parts) {
      compatibles.push_back(static_cast<std::uint32_t>(c));
      compatibles.push_back(static_cast<std::uint32_t>(wide.size()));
      for (const char32_t p : wide) compatibles.push_back(p);
    }
    if (parts.size() == 1 && parts[0] == static_cast<char32_t>(c)) continue;
    decompositions.push_back(static_cast<std::uint32_t>(c));
    decompositions.push_back(static_cast<std::uint32_t>(parts.size()));
    for (const char32_t p : parts) decompositions.push_back(p);
  }
  fmt::print(file,
             "// Made by make_tables.cc.\n#include \"model/tokeniser/detail/character_tables.h\"\n"
             "namespace zhiyin::model::detail {{\n"
             "const std::uint16_t kPageIndex[] = {{\n{}\n}};\n"
             "const std::uint8_t kClasses[] = {{\n{}\n}};\n",
             row(index), row(classes));
  const auto list = [&](const char* name, const std::vector<std::uint32_t>& values) {
    fmt::print(file,
               "const std::uint32_t k{0}[] = {{\n{1}\n}};\nconst std::size_t k{0}Size = {2};\n",
               name, row(values), values.size());
  };
  list("Lower", lower);
  list("Combining", combining);
  list("Words", words);
  list("Decompositions", decompositions);
  list("Compatibles", compatibles);
  std::vector<std::uint32_t> compositions;
  for (const auto& [pair, made] : pairs) {
    compositions.push_back(pair.first);
    compositions.push_back(pair.second);
    compositions.push_back(made);
  }
  list("Compositions", compositions);
  fmt::print(file, "}}  // namespace zhiyin::model::detail\n");
  return std::fclose(file) == 0 ? 0 : 1;
}
