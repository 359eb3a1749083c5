#pragma once

#include <cstddef>
#include <cstdint>

// Tables made at build time by tables/character_tables.cc from Unicode's data (ICU), OpenCC's
// dictionaries and CLDR's Chinese names of emoji.
namespace zhiyin::text::detail {

/// What may happen to a code point. Bits of CharacterEntry::flags.
enum CharacterFlag : std::uint8_t {
  kHasNfkc = 1,        // NFKC alone changes it
  kHasFold = 2,        // case folding changes it
  kHasSimplified = 4,  // a traditional character
  kInvisible = 8,      // has no width or no picture: format characters, controls, fillers
  kEmojiStart = 16,    // an emoji sequence with a name may begin here, or U+20E3
  kBackward = 32,      // may combine with, or be ordered before, what stands before it
  kPhraseStart = 64,   // a phrase with a conversion of its own may begin here
  kStyleStart = 128,   // a digit of another script, or the beginning of a unit
};

/// `record` is a place in kCharacterRecords, 0 for none.
struct CharacterEntry {
  std::uint16_t record;
  std::uint8_t flags;
  std::uint8_t combining_class;
};

/// Each a reference into kCharacterPool (offset << 5 | length), or 0: same as the character.
struct CharacterRecord {
  std::uint32_t nfkd;
  std::uint32_t nfkc;
  std::uint32_t fold;        // NFKC of its case folding
  std::uint32_t simplified;  // for digits of other scripts: the digit in ASCII
};

/// Sorted by `key`.
struct Phrase {
  std::uint32_t key;
  std::uint32_t value;
};

/// Sorted by `key`, without variation selectors; the name lies in kEmojiNames.
struct EmojiName {
  std::uint32_t key;
  std::uint16_t name;
  std::uint16_t name_bytes;
};

/// Sorted by (first, second).
struct Composition {
  char32_t first;
  char32_t second;
  char32_t composed;
};

constexpr int kCharacterBlockBits = 6;

extern const std::uint16_t kCharacterBlocks[];  // code point >> 6: block
extern const CharacterEntry kCharacterEntries[];
extern const CharacterRecord kCharacterRecords[];
extern const char32_t kCharacterPool[];
extern const Phrase kPhrases[];
extern const std::size_t kPhraseCount;
extern const EmojiName kEmoji[];
extern const std::size_t kEmojiCount;
extern const char kEmojiNames[];
extern const Composition kCompositions[];
extern const std::size_t kCompositionCount;

/// A bit for each character of the basic plane that traditional Chinese does not use.
extern const std::uint64_t kSimplifiedOnly[];

inline bool is_simplified_only(char32_t value) {
  return value < 0x10000 && (kSimplifiedOnly[value / 64] >> (value % 64) & 1) != 0;
}

inline const CharacterEntry& character_entry(char32_t value) {
  constexpr char32_t kInBlock = (1 << kCharacterBlockBits) - 1;
  return kCharacterEntries[std::size_t{kCharacterBlocks[value >> kCharacterBlockBits]}
                               << kCharacterBlockBits |
                           (value & kInBlock)];
}

}  // namespace zhiyin::text::detail
