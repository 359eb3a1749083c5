#include "model/tokeniser/tokeniser.h"

#include <gmock/gmock.h>

#include <random>

#include "model/tokeniser/character_classes.h"

namespace zhiyin::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kVocab =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n你\n好\nplay\n##ing\n##s\n!\ncafe\n1\n##2\n";

Tokeniser bert() { return std::move(*tokeniser_from_vocab(kVocab)); }

std::vector<std::int32_t> ids_of(const Tokeniser& tokeniser, std::string_view text,
                                 const TokeniseOptions& options = {}) {
  Tokeniser::Scratch scratch;
  TokenRow row;
  EXPECT_TRUE(tokeniser.encode(text, options, scratch, row));
  EXPECT_EQ(row.spans.size(), row.ids.size());
  EXPECT_EQ(row.types.size(), row.ids.size());
  EXPECT_EQ(row.parts.size(), row.ids.size());
  return row.ids;
}

std::vector<std::int32_t> pair_of(const Tokeniser& tokeniser, std::string_view a,
                                  std::string_view b, std::size_t most) {
  Tokeniser::Scratch scratch;
  TokenRow row;
  TokeniseOptions options;
  options.truncation = TruncationRule{.tokens_max = most};
  EXPECT_TRUE(tokeniser.encode(a, b, options, scratch, row));
  return row.ids;
}

TEST(BertTokeniser, LongestPiecesFromTheLeft) {
  EXPECT_THAT(ids_of(bert(), "你好Playings!"), ElementsAre(2, 5, 6, 7, 8, 9, 10, 3));
  EXPECT_THAT(ids_of(bert(), "CAFÉ 12 13"), ElementsAre(2, 11, 12, 13, 1, 3));
  EXPECT_THAT(ids_of(bert(), ""), ElementsAre(2, 3));
  EXPECT_THAT(ids_of(bert(), std::string(101, 's')), ElementsAre(2, 1, 3));
}

TEST(BertTokeniser, SpansAreBytesOfTheOriginal) {
  Tokeniser::Scratch scratch;
  TokenRow row;
  const std::string text = "É你\u200b plays";
  ASSERT_TRUE(bert().encode(text, {}, scratch, row));
  ASSERT_EQ(row.size(), 6U);
  EXPECT_EQ(row.spans[1], (ByteSpan{0, 2}));
  EXPECT_EQ(row.spans[2], (ByteSpan{2, 5}));
  EXPECT_EQ(row.spans[3], (ByteSpan{9, 13}));
  EXPECT_EQ(row.spans[4], (ByteSpan{13, 14}));
  EXPECT_EQ(row.parts[0], TokenRow::Part::kSpecial);
}

TEST(BertTokeniser, TypedSpecialsStayTextUnlessAskedFor) {
  EXPECT_THAT(ids_of(bert(), "[SEP]", {.specials = false}), ElementsAre(1, 1, 1));
  EXPECT_THAT(ids_of(bert(), "你[SEP]", {.specials = false, .specials_in_text = true}),
              ElementsAre(5, 3));
}

TEST(BertTokeniser, PairsAreCutLongestFirst) {
  EXPECT_THAT(pair_of(bert(), "你你你你你", "好", 7), ElementsAre(2, 5, 5, 5, 3, 6, 3));
  EXPECT_THAT(pair_of(bert(), "你", "好好好好好", 7), ElementsAre(2, 5, 3, 6, 6, 6, 3));
  EXPECT_THAT(pair_of(bert(), "你你你你", "好好好", 8), ElementsAre(2, 5, 5, 5, 3, 6, 6, 3));
  EXPECT_THAT(pair_of(bert(), "你你", "好好", 3), ElementsAre(2, 3, 3));
}

TEST(BertTokeniser, AnyBytesAreTaken) {
  const Tokeniser tokeniser = bert();
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (std::size_t i = random() % 30; i > 0; --i) text += static_cast<char>(random());
    Tokeniser::Scratch scratch;
    TokenRow row;
    ASSERT_TRUE(tokeniser.encode(text, {}, scratch, row));
    for (const ByteSpan& span : row.spans) ASSERT_LE(span.end, text.size());
  }
}

TEST(VocabFile, FaultsAreNamed) {
  EXPECT_THAT(tokeniser_from_vocab("a\nb\n").error().message, HasSubstr("has no [UNK]"));
  EXPECT_THAT(tokeniser_from_vocab("[UNK]\n\xff\n").error().message, HasSubstr("not UTF-8"));
}

TEST(VocabFile, LinesMayEndInCarriageReturns) {
  std::string windows;
  for (const char c : kVocab) windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
  const auto tokeniser = tokeniser_from_vocab(windows);
  ASSERT_TRUE(tokeniser) << tokeniser.error().text();
  EXPECT_EQ(tokeniser->vocabulary(), bert().vocabulary());
  EXPECT_THAT(ids_of(*tokeniser, "你好Playings!"), ElementsAre(2, 5, 6, 7, 8, 9, 10, 3));
}

TEST(VocabFile, SettingsDecideAboutCaseAccentsHanAndSpecials) {
  constexpr std::string_view kPieces = "<unk>\n<s>\n</s>\nCafé\ncafé\ncafe\n你\n你好\n";
  const auto ids = [&](BertSettings settings, std::string_view text) {
    settings.unknown = "<unk>";
    settings.first = "<s>";
    settings.last = "</s>";
    const auto tokeniser = tokeniser_from_vocab(kPieces, settings);
    EXPECT_TRUE(tokeniser) << tokeniser.error().text();
    return ids_of(*tokeniser, text);
  };
  EXPECT_THAT(ids({}, "Café 你好"), ElementsAre(1, 5, 6, 0, 2));
  EXPECT_THAT(ids({.lowercase = false}, "Café"), ElementsAre(1, 3, 2));
  EXPECT_THAT(ids({.strip_accents = false}, "Café"), ElementsAre(1, 4, 2));
  EXPECT_THAT(ids({.isolate_han = false}, "你好"), ElementsAre(1, 7, 2));
  EXPECT_THAT(tokeniser_from_vocab(kPieces).error().message, HasSubstr("has no [UNK]"));
}

/// The table of a package: pieces with scores, a map of characters.
Tokeniser small_unigram(std::optional<double> score_min = std::nullopt) {
  UnigramTable table;
  table.pieces = {"<s>", "<pad>",      "</s>", "<unk>", "\u2581", "你",
                  "好",  "\u2581你好", "s",    "a",     "<mask>"};
  table.scores = {0, 0, 0, 0, -2, -3, -3, -4, -5, -6, 0};
  table.characters = {{0x3000, {' '}}, {0xFF41, {'a'}}, {0xFF5E, {}}};
  table.pad = 1;
  table.eos = 2;
  table.unknown = 3;
  return std::move(*tokeniser_from_table(table, score_min));
}

TEST(UnigramTokeniser, BestSumOfScores) {
  const Tokeniser tokeniser = small_unigram();
  EXPECT_THAT(ids_of(tokeniser, "你好"), ElementsAre(0, 7, 2));
  EXPECT_THAT(ids_of(tokeniser, "好你"), ElementsAre(0, 4, 6, 5, 2));
  EXPECT_THAT(ids_of(tokeniser, "　ａ～"), ElementsAre(0, 4, 9, 2));
  EXPECT_THAT(ids_of(tokeniser, "xy好"), ElementsAre(0, 4, 3, 6, 2)) << "one token for both";
}

TEST(UnigramTokeniser, TypedSpecialsDoNotBecomeThem) {
  for (const std::string_view typed : {"<s>", "</s>", "<pad>", "<mask>", "<unk>"}) {
    const auto ids = ids_of(small_unigram(), typed, {.specials = false});
    for (const std::int32_t id : {0, 1, 2, 10}) EXPECT_EQ(std::ranges::count(ids, id), 0) << typed;
  }
  EXPECT_THAT(ids_of(small_unigram(), "<s>", {.specials = false, .specials_in_text = true}),
              ElementsAre(0));
}

TEST(UnigramTokeniser, SpansCoverWhatTheyStandFor) {
  Tokeniser::Scratch scratch;
  TokenRow row;
  const std::string text = "ａ 你好～";
  ASSERT_TRUE(small_unigram().encode(text, {.specials = false}, scratch, row));
  EXPECT_THAT(row.ids, ElementsAre(4, 9, 7));
  EXPECT_EQ(row.spans[1], (ByteSpan{0, 3}));
  EXPECT_EQ(row.spans[2], (ByteSpan{3, 10}));
}

TEST(UnigramTokeniser, UnknownCostOfTheWholeVocabularyStaysWhenItIsTrimmed) {
  // "s" costs 5; an unknown character costs 16 here and 10.5 + … in a vocabulary whose minimum is
  // higher, so the cut depends on it.
  UnigramPieces pieces;
  pieces.pieces = {{"<unk>", 0, false}, {"xy", -30, true}, {"x", -1, true}};
  const auto cut = [&](std::optional<double> score_min) {
    pieces.score_min = score_min;
    Unigram::Scratch scratch;
    std::vector<CutPiece> out;
    Unigram::create(pieces)->cut("xy", scratch, out);
    return out.size();
  };
  EXPECT_EQ(cut(std::nullopt), 1U);  // xy: -30, x and unknown: -41
  EXPECT_EQ(cut(-10.0), 2U);         // x and unknown: -21
}

TEST(Trie, FindsEveryPrefixAndNothingElse) {
  std::mt19937 random(3);
  std::vector<std::string> texts;
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    for (std::size_t n = 1 + random() % 6; n > 0; --n) text += static_cast<char>(random() % 5 * 60);
    texts.push_back(text);
  }
  std::ranges::sort(texts);
  const auto again = std::ranges::unique(texts);
  texts.erase(again.begin(), again.end());
  std::vector<PieceTrie::Entry> entries;
  for (std::size_t i = 0; i < texts.size(); ++i)
    entries.push_back({texts[i], static_cast<std::int32_t>(i)});
  const PieceTrie trie(entries);
  for (std::size_t i = 0; i < texts.size(); ++i)
    ASSERT_EQ(trie.find(texts[i]), static_cast<std::int32_t>(i));
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::size_t n = random() % 10; n > 0; --n) text += static_cast<char>(random() % 5 * 60);
    std::size_t expected = 0;
    for (const std::string& t : texts) expected += text.starts_with(t) ? 1 : 0;
    std::size_t found = 0;
    trie.for_each_prefix(text, [&](std::size_t, std::int32_t) { ++found; });
    ASSERT_EQ(found, expected);
  }
  EXPECT_EQ(PieceTrie().find("a"), -1);
}

TEST(Graphemes, ClustersStayTogether) {
  EXPECT_EQ(grapheme_bytes("ab", 0), 1U);
  EXPECT_EQ(grapheme_bytes("e\u0301x", 0), 3U);
  EXPECT_EQ(grapheme_bytes("\r\nx", 0), 2U);
  EXPECT_EQ(grapheme_bytes("\U0001F468\u200d\U0001F469x", 0), 11U);
  EXPECT_EQ(grapheme_bytes("\U0001F1E8\U0001F1F3\U0001F1E8\U0001F1F3", 0), 8U);
  EXPECT_EQ(grapheme_bytes("\u1112\u1161\u11ab", 0), 9U);
}

std::string json_with(std::string_view from, std::string_view to) {
  std::string json =
      R"({"added_tokens":[{"id":0,"content":"<s>","special":true},{"id":4,"content":"<mask>","special":true,"lstrip":true}],)"
      R"("normalizer":{"type":"Replace","pattern":{"Regex":" {2,}"},"content":" "},)"
      R"("pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"always"},)"
      R"("post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],)"
      R"("pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],)"
      R"("special_tokens":{"<s>":{"id":"<s>","ids":[0],"tokens":["<s>"]}}},)"
      R"("model":{"type":"Unigram","unk_id":1,"vocab":[["<s>",0.0],["<unk>",0.0],["▁a",-1.0],["b",-2.0]]}})";
  if (!from.empty()) json.replace(json.find(from), from.size(), to);
  return json;
}

TEST(TokeniserJson, ReadsWhatItSays) {
  const auto tokeniser = tokeniser_from_json(json_with("", ""));
  ASSERT_TRUE(tokeniser) << tokeniser.error().text();
  EXPECT_EQ(tokeniser->vocabulary(), 5U);
  EXPECT_THAT(ids_of(*tokeniser, "ab  a"), ElementsAre(0, 2, 3, 2));
  EXPECT_THAT(ids_of(*tokeniser, "a <mask>", {.specials_in_text = true}), ElementsAre(0, 2, 4));
}

TEST(TokeniserJson, ASequenceOfOnePostProcessorIsThatOne) {
  std::string json = json_with(R"({"type":"TemplateProcessing")",
                               R"({"type":"Sequence","processors":[{"type":"TemplateProcessing")");
  const std::size_t end = json.find(R"(,"model":{)");
  json.insert(end, "]}");
  const auto tokeniser = tokeniser_from_json(json);
  ASSERT_TRUE(tokeniser) << tokeniser.error().text();
  EXPECT_THAT(ids_of(*tokeniser, "ab"), ElementsAre(0, 2, 3));
  json.insert(end, R"(,{"type":"BertProcessing","cls":["<s>",0],"sep":["<s>",0]})");
  const auto two = tokeniser_from_json(json);
  EXPECT_EQ(two.error().field, "post_processor.processors[1]");
  EXPECT_EQ(two.error().code, ErrorCode::kUnsupported);
}

/// Of WordPiece, with pieces a, b, ##b, cat and [UNK].
std::string words_json(std::string_view more, std::string_view added = "",
                       std::string_view odd_piece = "dog") {
  return fmt::format(
      R"({{"pre_tokenizer":{{"type":"Whitespace"}},"added_tokens":[{}],{}"model":{{"type":"WordPiece",)"
      R"("unk_token":"[UNK]","vocab":{{"[UNK]":0,"a":1,"b":2,"##b":3,"cat":4,"{}":5,"-":6}}}}}})",
      added, more, odd_piece);
}

TEST(TokeniserJson, WhitespaceKeepsRunsOfWordCharactersAndOfOthers) {
  const auto tokeniser = tokeniser_from_json(words_json(""));
  ASSERT_TRUE(tokeniser) << tokeniser.error().text();
  EXPECT_THAT(ids_of(*tokeniser, "ab a-b\u3000--"), ElementsAre(1, 3, 1, 6, 2, 0));
  // Marks and joiners belong to words, other signs do not.
  EXPECT_THAT(ids_of(*tokeniser, "a\u0301 a\u200d a\u00b2"), ElementsAre(0, 0, 1, 0));
}

TEST(TokeniserJson, ASingleWordStandsAlone) {
  const auto tokeniser = tokeniser_from_json(words_json(
      "", R"({"id":7,"content":"ab","single_word":true,"normalized":false},)"
          R"({"id":8,"content":"[S]","special":true},{"id":9,"content":"S]","normalized":false})"));
  ASSERT_TRUE(tokeniser) << tokeniser.error().text();
  EXPECT_THAT(ids_of(*tokeniser, "ab"), ElementsAre(7));
  EXPECT_THAT(ids_of(*tokeniser, "-ab-"), ElementsAre(6, 7, 6));
  EXPECT_THAT(ids_of(*tokeniser, "abb"), ElementsAre(1, 3, 3));
  EXPECT_THAT(ids_of(*tokeniser, "\u7532ab"), ElementsAre(0));
  // A special that stays text hides what lies within it.
  EXPECT_THAT(ids_of(*tokeniser, "[S] S]", {.specials_in_text = true}), ElementsAre(8, 9));
  EXPECT_THAT(ids_of(*tokeniser, "[S] S]"), ElementsAre(0, 0, 0, 9));
}

TEST(TokeniserJson, ByteLevelBesideATemplateChangesNothing) {
  constexpr std::string_view kPost =
      R"("post_processor":{"type":"Sequence","processors":[{"type":"ByteLevel"},)"
      R"({"type":"BertProcessing","cls":["a",1],"sep":["b",2]}]},)";
  const auto tokeniser = tokeniser_from_json(words_json(kPost));
  ASSERT_TRUE(tokeniser) << tokeniser.error().text();
  EXPECT_THAT(ids_of(*tokeniser, "cat"), ElementsAre(1, 4, 2));
  // Where offsets would have to be trimmed it is refused by name.
  const auto blanks = tokeniser_from_json(words_json(kPost, "", "\\u0120x"));
  EXPECT_EQ(blanks.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(blanks.error().field, "post_processor.processors[0]");
  // White space at a piece's edge is none that a word could have.
  EXPECT_TRUE(tokeniser_from_json(words_json(kPost, "", "x\\u2028")));
  EXPECT_FALSE(tokeniser_from_json(words_json(kPost, R"({"id":7,"content":" y"})")));
  EXPECT_FALSE(tokeniser_from_json(words_json(kPost, R"({"id":7,"content":"y","lstrip":true})")));
  EXPECT_TRUE(tokeniser_from_json(words_json(
      R"("post_processor":{"type":"ByteLevel","trim_offsets":false},)", "", "\\u0120x")));
}

TEST(TokeniserJson, NormalFormsOfUnicodeWithTheirPlaces) {
  const auto tokens = [](std::string_view form, std::string_view text) {
    const auto tokeniser = tokeniser_from_json(fmt::format(
        R"({{"normalizer":{{"type":"{}"}},"model":{{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],)"
        R"(["e",-1],["\u00e9",-1],["\u0301",-1],["f",-1],["i",-1],["\u1eb9",-1],["\u0323",-1]]}}}})",
        form));
    EXPECT_TRUE(tokeniser) << tokeniser.error().text();
    Tokeniser::Scratch scratch;
    TokenRow row;
    EXPECT_TRUE(tokeniser->encode(text, {}, scratch, row));
    std::string out;
    for (std::size_t i = 0; i < row.size(); ++i)
      out += fmt::format("{}@{}-{} ", row.ids[i], row.spans[i].begin, row.spans[i].end);
    return out;
  };
  EXPECT_EQ(tokens("NFC", "e\u0301"), "2@0-1 ");
  EXPECT_EQ(tokens("NFD", "\u00e9"), "1@0-2 3@0-2 ");
  EXPECT_EQ(tokens("NFC", "e\u0301\u0323"), "6@0-1 3@3-5 ");
  EXPECT_EQ(tokens("NFC", "\ufb01"), "0@0-3 ");
  EXPECT_EQ(tokens("NFKC", "\ufb01e"), "4@0-3 5@0-3 1@3-4 ");
  EXPECT_EQ(tokens("NFKD", "\u0301e"), "3@0-2 1@2-3 ");
}

TEST(TokeniserJson, FaultsNameThePlace) {
  const auto field = [](std::string_view from, std::string_view to) {
    const auto out = tokeniser_from_json(json_with(from, to));
    return out ? std::string("good") : out.error().field;
  };
  EXPECT_EQ(field("[\"b\",-2.0]", "[\"b\"]"), "model.vocab[3]");
  EXPECT_EQ(field("\"unk_id\":1", "\"unk_id\":-1"), "model.unk_id");
  EXPECT_EQ(field("\"id\":4", "\"id\":\"x\""), "added_tokens[1].id");
  EXPECT_EQ(field("Metaspace", "ByteLevel"), "pre_tokenizer");
  EXPECT_EQ(field(" {2,}", "\\\\w+"), "normalizer.pattern");
  EXPECT_EQ(field("\"ids\":[0]", "\"ids\":[9]"), "post_processor");
  EXPECT_EQ(field("\"Unigram\"", "\"BPE\""), "model.type");
  EXPECT_FALSE(tokeniser_from_json("[]"));
  EXPECT_FALSE(tokeniser_from_json("{"));
  EXPECT_FALSE(tokeniser_from_json("{}"));
}

TEST(SentencePieceFile, CutOrWrongBytesAreRefused) {
  EXPECT_FALSE(tokeniser_from_sentencepiece(""));
  EXPECT_FALSE(tokeniser_from_sentencepiece("\x0a\x05\x0a\x01"));
  EXPECT_FALSE(tokeniser_from_sentencepiece(std::string(20, '\xff')));
  // One unknown piece and one normal one: {1: {1: "<unk>", 2: 0, 3: 2}}, {1: {1: "a", 2: -1}}.
  std::string file = std::string("\x0a\x0e\x0a\x05<unk>\x15\0\0\0\0\x18\x02", 16);
  file += std::string(
      "\x0a\x08\x0a\x01"
      "a\x15\0\0\x80\xbf",
      10);
  const auto tokeniser = tokeniser_from_sentencepiece(file);
  ASSERT_TRUE(tokeniser) << tokeniser.error().text();
  EXPECT_THAT(ids_of(*tokeniser, "a"), ElementsAre(0, 1));
  for (std::size_t n = 0; n < file.size(); ++n) {
    if (n != 16) {
      EXPECT_FALSE(tokeniser_from_sentencepiece(file.substr(0, n))) << n;
    }
  }
}

/// A piece of a SentencePiece file; kinds: 1 normal, 2 unknown, 3 control.
std::string piece_of(std::string_view text, float score, char kind) {
  std::string body = "\x0a" + std::string(1, static_cast<char>(text.size())) + std::string(text);
  body += "\x15" + std::string(reinterpret_cast<const char*>(&score), sizeof score);
  body += "\x18" + std::string(1, kind);
  return "\x0a" + std::string(1, static_cast<char>(body.size())) + body;
}

TEST(SentencePieceFile, XlmRobertasIdsAreShiftedByOne) {
  std::string file = piece_of("<unk>", 0, 2) + piece_of("<s>", 0, 3) + piece_of("</s>", 0, 3);
  const std::string marks = file;
  file += piece_of(",", -3, 1) + piece_of("\u2581", -2, 1) + piece_of("你", -4, 1);
  const auto own = tokeniser_from_sentencepiece(file);
  const auto shifted = tokeniser_from_sentencepiece(file, PieceIds::kXlmRoberta);
  ASSERT_TRUE(own && shifted);
  EXPECT_THAT(ids_of(*own, ",你x"), ElementsAre(1, 4, 3, 5, 0, 2));
  // As XLMRobertaTokenizer: "," is 4, the unknown 3, <s> 0, </s> 2, <mask> the last.
  EXPECT_THAT(ids_of(*shifted, ",你x"), ElementsAre(0, 5, 4, 6, 3, 2));
  EXPECT_EQ(shifted->vocabulary(), 8U);
  EXPECT_THAT(ids_of(*shifted, "<mask>", {.specials = false, .specials_in_text = true}),
              ElementsAre(7));
  Tokeniser::Scratch scratch;
  TokenRow row;
  ASSERT_TRUE(shifted->encode(",", "你", {}, scratch, row));
  EXPECT_THAT(row.ids, ElementsAre(0, 5, 4, 2, 2, 5, 6, 2));
  EXPECT_THAT(row.types, ::testing::Each(0));
  const auto other = tokeniser_from_sentencepiece(
      piece_of("<pad>", 0, 3) + marks + piece_of("a", -1, 1), PieceIds::kXlmRoberta);
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("piece 0 is not <unk>"));
}

}  // namespace
}  // namespace zhiyin::model
