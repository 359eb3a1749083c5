#include "text/dictionary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "base/crypto.h"
#include "base/file.h"
#include "text/detail/dictionary_file.h"
#include "text/test_words.h"

namespace zhiyin::text {
namespace {

std::string compiled() { return *compile_dictionary(TestSources().view()); }

ErrorCode code_of(std::string_view bytes) {
  const auto read = Dictionary::from_bytes(bytes);
  return read ? ErrorCode::kInternal : read.error().code;
}

/// The bytes with a checksum that fits them, as a careful forger would make.
std::string sealed(std::string bytes) {
  constexpr std::size_t kAt = offsetof(detail::DictionaryHeader, checksum);
  const std::uint64_t sum = crypto::xxh64(std::string_view(bytes).substr(kAt + 8));
  std::memcpy(bytes.data() + kAt, &sum, sizeof(sum));
  return bytes;
}

TEST(Dictionary, KnowsItsWordsWithShareAndTag) {
  const Words words = test_words();
  const Lexicon& lexicon = words.dictionary->lexicon();
  const std::uint32_t cell = lexicon.find("北京");
  ASSERT_TRUE(lexicon.is_word(cell));
  EXPECT_EQ(lexicon.weights[lexicon.trie.cells[cell].value],
            std::log(80 / words.dictionary->count_sum()));
  EXPECT_EQ(lexicon.tag(cell), "ns");
  EXPECT_TRUE(lexicon.is_word(lexicon.find("𠮷野家")));
  EXPECT_FALSE(lexicon.is_word(lexicon.find("北")));    // only the beginning of one
  EXPECT_FALSE(lexicon.is_word(lexicon.find("小明")));  // has a rarity alone
  EXPECT_FALSE(lexicon.is_word(lexicon.find("南京")));
  EXPECT_FALSE(lexicon.is_word(lexicon.find("")));
  EXPECT_FALSE(lexicon.is_word(lexicon.find("\xff")));
  EXPECT_NE(lexicon.facts[lexicon.find("今天")] & Lexicon::kStopWord, 0u);
}

TEST(Dictionary, OpensFromItsFile) {
  const TempFolder folder;
  ASSERT_TRUE(write_file(folder.path() / "words", compiled()));
  const auto opened = Dictionary::open(folder.path() / "words");
  ASSERT_TRUE(opened);
  EXPECT_TRUE((*opened)->lexicon().is_word((*opened)->lexicon().find("天气")));
  EXPECT_EQ(Dictionary::open(folder.path() / "none").error().code, ErrorCode::kNotFound);
}

TEST(Dictionary, DamageIsSeen) {
  const std::string good = compiled();
  ASSERT_TRUE(Dictionary::from_bytes(good));
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{50}, good.size() / 2, good.size() - 1}) {
    EXPECT_EQ(code_of(std::string_view(good).substr(0, size)), ErrorCode::kDataLoss);
  }
  for (std::size_t at = 16; at < good.size(); at += 997) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    EXPECT_EQ(code_of(bad), ErrorCode::kDataLoss) << at;
  }
  std::string other = good;
  other[8] = 9;
  EXPECT_EQ(code_of(other), ErrorCode::kUnsupported);
}

TEST(Dictionary, AForgedFileLeadsNowhere) {
  const std::string good = compiled();
  std::size_t refused = 0;
  for (std::size_t at = 12; at < good.size(); at += at < 700 ? 1 : 101) {
    for (const char byte : {'\x00', '\x7f', '\xff'}) {
      std::string bad = good;
      bad[at] = byte;
      bad = sealed(std::move(bad));
      const auto read = Dictionary::from_bytes(bad);
      refused += read ? 0 : 1;
      if (!read) continue;
      // What passes can be walked anywhere without leaving the tables (asan watches).
      for (const std::string_view word : {"北京天安门", "𠮷野家", "小明", "T恤"}) {
        const std::uint32_t cell = (*read)->lexicon().find(word);
        if (cell != 0) static_cast<void>((*read)->lexicon().tag(cell));
      }
    }
  }
  EXPECT_GT(refused, 100u);
}

TEST(CompileDictionary, BadSourcesAreNamed) {
  const auto error_of = [](auto change) {
    TestSources sources;
    change(sources);
    const auto made = compile_dictionary(sources.view());
    return made ? std::string() : made.error().field + ": " + made.error().message;
  };
  EXPECT_NE(error_of([](auto& s) { s.words += "词\n"; }).find("words, line 17"), std::string::npos);
  EXPECT_NE(error_of([](auto& s) { s.words += "词 0 n\n"; }).find("count above 0"),
            std::string::npos);
  EXPECT_NE(error_of([](auto& s) { s.words += "我 1 n\n"; }).find("twice"), std::string::npos);
  EXPECT_NE(error_of([](auto& s) { s.words += "\xff 1 n\n"; }).find("UTF-8"), std::string::npos);
  EXPECT_NE(error_of([](auto& s) { s.words = ""; }).find("there are none"), std::string::npos);
  EXPECT_NE(error_of([](auto& s) { s.rarities = "x y\n"; }).find("rarities, line 1"),
            std::string::npos);
  EXPECT_NE(error_of([](auto& s) { s.model = "1 2 3\n"; }).find("model, line 1"),
            std::string::npos);
  EXPECT_NE(error_of([](auto& s) { s.model += "后:x\n"; }), "model: ");  // what follows is not read
  EXPECT_NE(error_of([](auto& s) { s.words += "词 1 averylongtag\n"; }).find("tag"),
            std::string::npos);
}

TEST(UserWords, LinesOfThreeKinds) {
  const Words words = test_words();
  const auto user =
      UserWords::parse("云计算\n蓝翔 nz\n\n区块链 10 nz\r\n蓝翔 3 x\n", *words.dictionary);
  ASSERT_TRUE(user);
  const Lexicon& lexicon = (*user)->lexicon();
  EXPECT_EQ(lexicon.weights[lexicon.trie.cells[lexicon.find("云计算")].value],
            words.dictionary->weight_median());
  EXPECT_EQ(lexicon.tag(lexicon.find("区块链")), "nz");
  EXPECT_EQ(lexicon.tag(lexicon.find("蓝翔")), "x");
  EXPECT_TRUE(UserWords::parse("", *words.dictionary));
}

TEST(UserWords, BadLinesAreNamed) {
  const Words words = test_words();
  for (const std::string bad : {"词 0 n", "词 -1 n", "词 x n", "词 1 n n", " 词", "词 1e999 n",
                                "\xc0\x80", "词 averylongtag"}) {
    const auto made = UserWords::parse("好\n" + bad + "\n", *words.dictionary);
    ASSERT_FALSE(made) << bad;
    EXPECT_EQ(made.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(made.error().field, "line 2") << made.error().text();
  }
  std::string longest;
  for (std::size_t i = 0; i <= Lexicon::kWordLengthMax; ++i) longest += "长";
  EXPECT_FALSE(UserWords::parse(longest, *words.dictionary));
}

}  // namespace
}  // namespace zhiyin::text
