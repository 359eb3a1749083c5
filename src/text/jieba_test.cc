// Words, tags and keywords beside cppjieba's, on its own files: equal, one by one.
#include <gtest/gtest.h>
#include <zlib.h>

#include <cppjieba/Jieba.hpp>
#include <cppjieba/TextRankExtractor.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/file.h"
#include "text/code_point.h"
#include "text/keywords.h"
#include "text/segment.h"

namespace zhiyin::text {
namespace {

const std::string kFolder = ZHIYIN_JIEBA;

class BesideJieba : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const TempFolder folder;
    const std::string user = folder.path() / "user";
    std::ofstream(user) << kUserWords;
    std::ofstream(folder.path() / "none");
    theirs_ =
        new cppjieba::Jieba(file("jieba.dict.utf8"), file("hmm_model.utf8"), folder.path() / "none",
                            file("idf.utf8"), file("stop_words.utf8"));
    theirs_with_user_ = new cppjieba::Jieba(file("jieba.dict.utf8"), file("hmm_model.utf8"), user,
                                            file("idf.utf8"), file("stop_words.utf8"));
    const auto dictionary = Dictionary::open(ZHIYIN_DICTIONARY);
    ASSERT_TRUE(dictionary) << dictionary.error().text();
    words_ = new Words{*dictionary, nullptr};
    words_with_user_ = new Words{*dictionary, *UserWords::parse(kUserWords, **dictionary)};
  }
  static void TearDownTestSuite() {
    delete theirs_;
    delete theirs_with_user_;
    delete words_;
    delete words_with_user_;
  }

  static std::string file(const char* name) { return kFolder + "/" + name; }

  static void expect_same(const std::string& text) {
    expect_same(text, *theirs_, *words_);
    expect_same(text, *theirs_with_user_, *words_with_user_);
  }

  static void expect_same(const std::string& text, const cppjieba::Jieba& theirs,
                          const Words& words) {
    Segmenter segmenter(words);
    const auto ours = [&](SegmentMode mode) {
      std::vector<std::string> out;
      const auto found = *segmenter.cut(text, mode);
      for (const ByteRange word : found)
        out.push_back(text.substr(word.begin, word.end - word.begin));
      return out;
    };
    std::vector<std::string> expected;
    theirs.Cut(text, expected, true);
    ASSERT_EQ(ours(SegmentMode::kMix), expected) << text;
    theirs.Cut(text, expected, false);
    ASSERT_EQ(ours(SegmentMode::kDictionary), expected) << text;
    theirs.CutForSearch(text, expected, true);
    ASSERT_EQ(ours(SegmentMode::kSearch), expected) << text;
    theirs.CutAll(text, expected);
    ASSERT_EQ(ours(SegmentMode::kFull), expected) << text;
    std::vector<std::pair<std::string, std::string>> tagged;
    theirs.Tag(text, tagged);
    for (const auto& [word, tag] : tagged) ASSERT_EQ(tag_of(words, word), tag) << word;
  }

  static constexpr const char* kUserWords =
      "云计算\n韩玉鉴赏\n蓝翔 nz\n区块链 10 nz\n爱\n的 x\n北京 3 x\n大小多少的\n𠮷野\nabc大\n来到 "
      "1 v\n";

  static cppjieba::Jieba* theirs_;
  static cppjieba::Jieba* theirs_with_user_;
  static Words* words_;
  static Words* words_with_user_;
};

cppjieba::Jieba* BesideJieba::theirs_ = nullptr;
cppjieba::Jieba* BesideJieba::theirs_with_user_ = nullptr;
Words* BesideJieba::words_ = nullptr;
Words* BesideJieba::words_with_user_ = nullptr;

TEST_F(BesideJieba, ChosenTexts) {
  for (const char* text :
       {"",
        "我来到北京清华大学",
        "他来到了网易杭研大厦",
        "小明硕士毕业于中国科学院计算所，后在日本京都大学深造",
        "我是拖拉机学院手扶拖拉机专业的。不用多久，我就会升职加薪，当上CEO，走上人生巅峰。",
        "T恤AT&T c# 3.14.15 a1b2",
        "AT&T B超 c++",
        "蓝翔云计算区块链",
        "。。，， \t\n",
        "𠮷野家𠮷",
        "哈哈哈哈哈哈",
        "的的的的",
        "中",
        "A",
        "１２３ＡＢＣ",
        "abc大小多少的abc",
        "\x01\x7f",
        "👍🏽今天好👨‍👩‍👧",
        "المؤمن 한국어 ひらがなカタカナ",
        "囍囍囍龘龘"}) {
    expect_same(text);
  }
}

TEST_F(BesideJieba, RandomTextsOfKnownAndUnknownCharacters) {
  std::mt19937 random(5);
  std::vector<std::string> words;
  std::ifstream dictionary(file("jieba.dict.utf8"));
  for (std::string line; std::getline(dictionary, line);) {
    if (random() % 50 == 0) words.push_back(line.substr(0, line.find(' ')));
  }
  constexpr std::pair<char32_t, char32_t> kRanges[] = {{0x20, 0x7e},     {0x4e00, 0x9fff},
                                                       {0x4e00, 0x5200}, {0x3000, 0x30ff},
                                                       {0xff00, 0xffee}, {0x20000, 0x20100}};
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    for (std::size_t n = random() % 30; n > 0; --n) {
      if (random() % 2 == 0) {
        text += words[random() % words.size()];
      } else {
        const auto [first, last] = kRanges[random() % std::size(kRanges)];
        append_utf8(text, first + random() % (last - first + 1));
      }
    }
    expect_same(text);
    if (HasFatalFailure()) return;
  }
}

TEST_F(BesideJieba, LongRunsOfOneCharacter) {
  for (const char* unit : {"中", "哈", "a", "1", "的", "。", "囍"}) {
    std::string text;
    for (int i = 0; i < 5000; ++i) text += unit;
    expect_same(text);
  }
}

/// The first lines of a file, packed or not.
std::vector<std::string> read_lines(const std::filesystem::path& path, std::size_t lines_max) {
  std::vector<std::string> out;
  const gzFile file_of_lines = gzopen(path.c_str(), "rb");
  std::vector<char> buffer(1 << 20);
  while (out.size() < lines_max &&
         gzgets(file_of_lines, buffer.data(), static_cast<int>(buffer.size())) != nullptr) {
    out.emplace_back(buffer.data());
    while (!out.back().empty() && out.back().back() == '\n') out.back().pop_back();
  }
  gzclose(file_of_lines);
  return out;
}

/// The folder `shared` beside the checkout, or ZHIYIN_SHARED.
std::filesystem::path data_folder() {
  const char* given = std::getenv("ZHIYIN_SHARED");
  const std::filesystem::path shared = given != nullptr ? given : ZHIYIN_SOURCE_DIR "/../shared";
  return shared / "data/text";
}

TEST_F(BesideJieba, TheGoldTextsOfThePekingUniversity) {
  const auto path = data_folder() / "segmentation/pku_test.utf8";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "needs " << path << " (or ZHIYIN_SHARED)";
  for (const std::string& line : read_lines(path, 1'000'000)) {
    expect_same(line);
    if (HasFatalFailure()) return;
  }
}

TEST_F(BesideJieba, Keywords) {
  const auto folder = data_folder() / "unlabelled";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "needs " << folder << " (or ZHIYIN_SHARED)";
  const cppjieba::TextRankExtractor rank(*theirs_, file("stop_words.utf8"));
  KeywordExtractor ours(*words_);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    for (const std::string& line : read_lines(entry.path(), 200)) {
      std::vector<std::pair<std::string, double>> by_rarity;
      theirs_->extractor.Extract(line, by_rarity, 10);
      std::vector<std::pair<std::string, double>> by_rank;
      rank.Extract(line, by_rank, 10);
      // Theirs loses the name of a word that has no other beside it.
      if (by_rank.size() == 1 && by_rank[0].first.empty()) by_rank[0].first = by_rarity[0].first;
      std::vector<std::pair<std::string, double>> found;
      const auto as_pairs = [&](const Result<std::vector<Keyword>>& words) {
        found.clear();
        for (const Keyword& word : *words) found.emplace_back(word.word, word.weight);
        return found;
      };
      ASSERT_EQ(as_pairs(ours.by_rarity(line, 10)), by_rarity) << line;
      ASSERT_EQ(as_pairs(ours.by_rank(line, 10)), by_rank) << line;
    }
  }
}

TEST_F(BesideJieba, UnlabelledTexts) {
  const auto folder = data_folder() / "unlabelled";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "needs " << folder << " (or ZHIYIN_SHARED)";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    for (const std::string& line : read_lines(entry.path(), 3000)) {
      expect_same(line);
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace zhiyin::text
