#include "text/term_matcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/file.h"
#include "base/utf8.h"
#include "text/code_point.h"

namespace zhiyin::text {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TermMatcher matcher_of(std::vector<Term> terms, const MatcherOptions& options = {}) {
  auto matcher = TermMatcher::build(terms, options);
  EXPECT_TRUE(matcher.has_value()) << matcher.error().text();
  return std::move(*matcher);
}

TermMatcher looking_for(const std::vector<std::string>& texts, const MatcherOptions& options = {}) {
  std::vector<Term> terms;
  for (const std::string& text : texts) terms.push_back({.text = text});
  return matcher_of(std::move(terms), options);
}

/// `view:what was found`, in order.
std::vector<std::string> found(const TermMatcher& matcher, std::string_view text,
                               const FindOptions& options = {}) {
  std::vector<std::string> out;
  TermScanner scanner(matcher);
  for (const TermHit& hit : scanner.find(text, options))
    out.push_back(std::string(kMatchViewNames[static_cast<std::size_t>(hit.view)]) + ":" +
                  std::string(text.substr(hit.byte_begin, hit.byte_end - hit.byte_begin)));
  return out;
}

TEST(TermMatcher, FindsTheLongestFromTheLeft) {
  const auto matcher = looking_for({"微信", "微信号", "信号灯"});
  EXPECT_THAT(found(matcher, "我的微信号灯"), ElementsAre("plain:微信号"));
  EXPECT_THAT(found(matcher, "微信微信号"), ElementsAre("plain:微信", "plain:微信号"));
  EXPECT_THAT(found(matcher, ""), IsEmpty());
}

TEST(TermMatcher, OverlappingFindsEveryOccurrence) {
  const auto matcher = looking_for({"微信", "微信号", "信号灯"});
  EXPECT_THAT(found(matcher, "微信号灯", {.views = kPlainView, .overlapping = true}),
              ElementsAre("plain:微信号", "plain:微信", "plain:信号灯"));
}

TEST(TermMatcher, OffsetsAreOfTheTextThatWasGiven) {
  const auto matcher = looking_for({"微信"});
  TermScanner scanner(matcher);
  const auto hits = scanner.find("a加微 信b");
  ASSERT_EQ(hits.size(), 1);
  EXPECT_EQ(hits[0], (TermHit{0, MatchView::kNoise, 4, 11, 2, 5}));
}

TEST(TermMatcher, EachDisguiseHasItsView) {
  const auto matcher =
      looking_for({"微信", "weixin", "法轮", "讨债", "赌博", "婦女", "枪", "加好友"});
  EXPECT_THAT(found(matcher, "加微信"), ElementsAre("plain:微信"));
  EXPECT_THAT(found(matcher, "WEIXIN"), ElementsAre("plain:WEIXIN"));
  EXPECT_THAT(found(matcher, "ｗｅｉｘｉｎ"), ElementsAre("mixed_script:ｗｅｉｘｉｎ"));
  EXPECT_THAT(found(matcher, "wеіхіп"), ElementsAre("mixed_script:wеіхіп"));  // Cyrillic
  EXPECT_THAT(found(matcher, "w3ix1n"), ElementsAre("mixed_script:w3ix1n"));
  EXPECT_THAT(found(matcher, "賭博"), ElementsAre("mixed_script:賭博"));
  EXPECT_THAT(found(matcher, "妇女"), ElementsAre("mixed_script:妇女"));
  EXPECT_THAT(found(matcher, "微.信 微*1*信"), ElementsAre("noise:微.信", "noise:微*1*信"));
  EXPECT_THAT(found(matcher, "微\u200b信"), ElementsAre("noise:微\u200b信"));
  EXPECT_THAT(found(matcher, "加加好 好好友友"), ElementsAre("repeats:加加好 好好友友"));
  EXPECT_THAT(found(matcher, "威芯"), ElementsAre("homophone:威芯"));
  EXPECT_THAT(found(matcher, "wei信"), ElementsAre("homophone:wei信"));
  EXPECT_THAT(found(matcher, "徽信"), ElementsAre("shape:徽信"));
  EXPECT_THAT(found(matcher, "氵去轮"), ElementsAre("shape:氵去轮"));
  EXPECT_THAT(found(matcher, "言寸债"), ElementsAre("shape:言寸债"));
  EXPECT_THAT(found(matcher, "贝者十尃"), ElementsAre("shape:贝者十尃"));
  EXPECT_THAT(found(matcher, "买木仓"), ElementsAre("shape:木仓"));
}

TEST(TermMatcher, PartsOfSeveralCharactersAreTheOneInUse) {
  const auto matcher = looking_for({"说明", "搜索", "温水", "冐水"});
  const FindOptions shape = {.views = view_bit(MatchView::kShape)};
  EXPECT_THAT(found(matcher, "说日月，扌叟索，氵昷水；日月水", shape),
              ElementsAre("shape:说日月", "shape:扌叟索", "shape:氵昷水"));
}

TEST(TermMatcher, ADigitIsNoiseUnlessATermGoesOnWithIt) {
  const auto matcher = looking_for({"微信", "360卫士"});
  EXPECT_THAT(found(matcher, "微1信"), ElementsAre("noise:微1信"));
  EXPECT_THAT(found(matcher, "36-0 卫士"), ElementsAre("noise:36-0 卫士"));
}

TEST(TermMatcher, DigitsAloneAreNoLetters) {
  const auto matcher = looking_for({"so", "ali", "bob"});
  EXPECT_THAT(found(matcher, "50元 all 808"), IsEmpty());
  EXPECT_THAT(found(matcher, "s0 al1 b0b"),
              ElementsAre("mixed_script:s0", "mixed_script:al1", "mixed_script:b0b"));
}

TEST(TermMatcher, ASignInATermIsNoLetter) {
  const auto matcher = looking_for({"@", "$$", "|", "微@信", "a$k"});
  EXPECT_THAT(found(matcher, "a cat 4 ss 5s all 1 微a信 微4信 ask"), ElementsAre("noise:微4信"));
  EXPECT_THAT(
      found(matcher, "x@y ＠ $$ | 微@信 A$K"),
      ElementsAre("plain:@", "mixed_script:＠", "plain:$$", "plain:|", "plain:微@信", "plain:A$K"));
  const auto allowing = matcher_of({{.text = "a"}, {.text = "@", .allowed = true}});
  EXPECT_THAT(found(allowing, "a"), ElementsAre("plain:a"));
}

TEST(TermMatcher, WordsAreNotCutAcrossNoise) {
  const auto matcher = looking_for({"sofa"});
  EXPECT_THAT(found(matcher, "also far"), IsEmpty());
  EXPECT_THAT(found(matcher, "a s.o.f.a b"), ElementsAre("noise:s.o.f.a"));
}

TEST(TermMatcher, ARepeatInTheTermIsAskedFor) {
  const auto matcher = looking_for({"QQ群"});
  EXPECT_THAT(found(matcher, "Q群"), IsEmpty());
  EXPECT_THAT(found(matcher, "QQQ群群"), ElementsAre("plain:QQ群"));
  EXPECT_THAT(found(matcher, "Q Q Q 群"), ElementsAre("noise:Q Q 群"));
}

TEST(TermMatcher, OtherReadingsOfTheTermAreHeard) {
  const auto matcher = looking_for({"银行"});
  EXPECT_THAT(found(matcher, "淫航"), ElementsAre("homophone:淫航"));
  EXPECT_THAT(found(matcher, "银形"), ElementsAre("homophone:银形"));
}

TEST(TermMatcher, StricterViewsComeFirst) {
  const auto matcher = looking_for({"信号", "加微信"});
  // The homophone 家威信 would begin further left.
  EXPECT_THAT(found(matcher, "家威信号"), ElementsAre("plain:信号"));
}

TEST(TermMatcher, NothingCountsInsideAnAllowedWord) {
  const auto matcher = matcher_of({Term{.text = "女节"}, Term{.text = "妇女节", .allowed = true}});
  EXPECT_THAT(found(matcher, "妇女节快乐，女节，婦女節"), ElementsAre("plain:女节"));
}

TEST(TermMatcher, WholeWordsOfLatinLetters) {
  const auto matcher = looking_for({"so", "微信so"}, {.whole_words = true});
  EXPECT_THAT(found(matcher, "also so 微信so 微信soon"), ElementsAre("plain:so", "plain:微信so"));
}

TEST(TermMatcher, CaseCountsWhereItIsAsked) {
  const auto matcher = looking_for({"Apple"}, {.case_sensitive = true});
  EXPECT_THAT(found(matcher, "Apple apple", {.views = kPlainView}), ElementsAre("plain:Apple"));
}

TEST(TermMatcher, ATermsOwnViewsAreKeptTo) {
  const auto matcher = matcher_of({Term{.text = "微信", .views = kPlainView}});
  EXPECT_THAT(found(matcher, "微.信 威信 微信"), ElementsAre("plain:微信"));
}

TEST(TermMatcher, OfSeveralTermsTheMostAlikeThenTheMostSevere) {
  const auto matcher =
      matcher_of({Term{.text = "威信", .severity = 2}, Term{.text = "微新", .severity = 4},
                  Term{.text = "维新", .severity = 5}});
  TermScanner scanner(matcher);
  EXPECT_EQ(scanner.find("微信").at(0).term, 1);
  EXPECT_EQ(scanner.find("唯芯").at(0).term, 2);
}

TEST(TermMatcher, RefusesWhatIsNoTerm) {
  const std::vector<Term> empty = {{.text = "a"}, {.text = ""}};
  EXPECT_EQ(TermMatcher::build(empty).error().field, "terms[1].text");
  const std::vector<Term> broken = {{.text = "\xed\xa0\x80"}};
  EXPECT_EQ(TermMatcher::build(broken).error().code, ErrorCode::kInvalidArgument);
  const std::vector<Term> severe = {{.text = "a", .severity = 6}};
  EXPECT_EQ(TermMatcher::build(severe).error().field, "terms[0].severity");
  EXPECT_FALSE(TermMatcher::build(std::vector<Term>{{.text = std::string(65, 'a')}}));
  EXPECT_TRUE(TermMatcher::build({}).has_value());
}

// While the automata were built, a look behind the last state found whatever lay there.
TEST(TermMatcher, IsBuiltWhateverTheTermsHaveInCommon) {
  const std::vector<std::string> texts = {
      "55未", "哈2oo哈6威女女是是I未未", "的ee轮了", "i新", "W妈",
      "末末", "我55号了了加威哈哈哈哈",  "去"};
  for (const std::string& text : texts)
    EXPECT_THAT(found(looking_for(texts), text, {.views = kPlainView}),
                ElementsAre("plain:" + text));
}

TEST(TermMatcher, ComesBackFromAFile) {
  const TempFolder folder;
  const auto matcher = matcher_of({Term{.text = "微信", .category = "联系", .severity = 3}});
  ASSERT_TRUE(matcher.save(folder.path() / "terms.bin").has_value());
  const auto loaded = TermMatcher::load(folder.path() / "terms.bin");
  ASSERT_TRUE(loaded.has_value()) << loaded.error().text();
  EXPECT_EQ(loaded->term(0).category, "联系");
  EXPECT_EQ(loaded->term(0).severity, 3);
  EXPECT_THAT(found(*loaded, "加徽信"), ElementsAre("shape:徽信"));
}

TEST(TermMatcher, ADamagedFileIsRefused) {
  const auto matcher = looking_for({"微信", "法轮"});
  const std::string bytes(matcher.bytes());
  EXPECT_TRUE(TermMatcher::from_bytes(bytes).has_value());
  for (const std::size_t cut : {std::size_t{0}, std::size_t{7}, std::size_t{100}, bytes.size() - 8})
    EXPECT_EQ(TermMatcher::from_bytes(bytes.substr(0, cut)).error().code, ErrorCode::kDataLoss);
  for (std::size_t at = 0; at < bytes.size(); at += 9973) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    EXPECT_FALSE(TermMatcher::from_bytes(changed).has_value()) << at;
  }
}

// Properties.

TEST(TermMatcher, EveryOccurrenceAsByPlainSearch) {
  std::mt19937 random(7);
  const auto word = [&](int most) {
    std::string out;
    for (int n = 1 + static_cast<int>(random() % static_cast<unsigned>(most)); n > 0; --n)
      append_utf8(out, U"微信法轮号码灯家的了"[random() % 10]);
    return out;
  };
  for (int round = 0; round < 20; ++round) {
    std::vector<std::string> texts;
    for (int i = 0; i < 40; ++i) texts.push_back(word(5));
    const auto matcher = looking_for(texts);
    const std::string text = word(round == 0 ? 20'000 : 400);
    std::vector<std::tuple<std::size_t, std::size_t, std::uint32_t>> want, have;
    for (std::uint32_t i = 0; i < texts.size(); ++i)
      for (std::size_t at = text.find(texts[i]); at != std::string::npos;
           at = text.find(texts[i], at + 1))
        want.emplace_back(at, at + texts[i].size(), i);
    TermScanner scanner(matcher);
    const FindOptions all{.views = kPlainView, .overlapping = true};
    for (const TermHit& hit : scanner.find(text, all))
      have.emplace_back(hit.byte_begin, hit.byte_end, hit.term);
    std::ranges::sort(want);
    std::ranges::sort(have);
    ASSERT_EQ(want, have) << round;
  }
}

TEST(TermMatcher, WherePiecesMeetCannotBeSeen) {
  std::mt19937 random(11);
  const auto matcher =
      looking_for({"微信", "信微信", "法轮", "weixin", "微信号码", "号码", "QQ群", "so"});
  std::string text;
  std::vector<TermHit> want;
  TermScanner scanner(matcher);
  // Sentences that end with a character of no term: what is in each is found in it alone.
  for (std::size_t characters = 0; characters < 60'000;) {
    std::string sentence;
    for (int n = static_cast<int>(random() % 60); n > 0; --n) {
      constexpr std::u32string_view kFrom = U"微信威芯徽法氵去轮车号码weixinQq群so50 .,，微微信信";
      append_utf8(sentence, kFrom[random() % kFrom.size()]);
    }
    append_utf8(sentence, U'你');
    for (TermHit hit : scanner.find(sentence)) {
      hit.byte_begin += text.size();
      hit.byte_end += text.size();
      hit.char_begin += characters;
      hit.char_end += characters;
      want.push_back(hit);
    }
    characters += code_points(sentence).size();
    text += sentence;
  }
  EXPECT_GT(want.size(), 1000);
  EXPECT_EQ(scanner.find(text), want);
}

TEST(TermMatcher, OffsetsAreBoundariesWhateverTheText) {
  const auto matcher = looking_for({"微信", "法轮", "weixin", "aa", "枪", "so"});
  TermScanner scanner(matcher);
  std::string many(10'000'000, 'b');
  std::string wide, turned = "\u202e微\u202d信\u202c";
  for (int i = 0; i < 1000; ++i) wide += "微\u200b\u200b\u200b信";
  std::vector<std::string> texts = {
      std::string(100'000, 'a'), "\xed\xa0\x80微\xc0\x80信",         std::move(many), wide, turned,
      std::string(50'000, '\0'), "微" + std::string(100, ' ') + "信"};
  std::mt19937 random(3);
  for (int i = 0; i < 200; ++i) {
    std::string noise;
    for (int n = 0; n < 300; ++n) {
      if (random() % 3 != 0) {
        append_utf8(noise, U"微信法氵去轮weixin木仓\u200b \u202e1."[random() % 22]);
      } else {
        noise += static_cast<char>(random());
      }
    }
    texts.push_back(std::move(noise));
  }
  for (const std::string& text : texts) {
    const auto characters = text.size() > 1'000'000 ? std::u32string() : code_points(text);
    std::size_t last = 0, at = 0, number = 0;
    for (const TermHit& hit : scanner.find(text)) {
      ASSERT_LT(hit.byte_begin, hit.byte_end);
      ASSERT_LE(hit.byte_end, text.size());
      ASSERT_GE(hit.byte_begin, last);
      ASSERT_LE(hit.char_end - hit.char_begin, kHitCharactersMax);
      last = hit.byte_end;
      if (characters.empty()) continue;
      while (at < hit.byte_begin) at += code_point_at(text, at).bytes, ++number;
      ASSERT_EQ(at, hit.byte_begin);
      ASSERT_EQ(number, hit.char_begin);
      while (at < hit.byte_end) at += code_point_at(text, at).bytes, ++number;
      ASSERT_EQ(at, hit.byte_end);
      ASSERT_EQ(number, hit.char_end);
    }
  }
  EXPECT_THAT(found(matcher, texts[1]), ElementsAre("noise:微\xc0\x80信"));
  EXPECT_THAT(found(matcher, turned), ElementsAre("noise:微\u202d信"));
  EXPECT_THAT(found(matcher, texts[6]), IsEmpty());
}

TEST(Terms, AreReadFromLines) {
  const auto terms = parse_terms("# list\n微信\t联系\t3\r\n\n法轮\nA B\tx\n");
  ASSERT_TRUE(terms.has_value());
  ASSERT_EQ(terms->size(), 3);
  EXPECT_EQ((*terms)[0].severity, 3);
  EXPECT_EQ((*terms)[2].text, "A B");
  EXPECT_EQ(parse_terms("a\n微信\tx\ty").error().field, "line 2.severity");
  EXPECT_EQ(parse_terms("\xff").error().field, "line 1.text");
  EXPECT_EQ(parse_terms("a\nb\tx\t9\n").error().text(),
            "line 2.severity: is 9, it goes from 1 to 5");
  EXPECT_EQ(parse_terms("# c\n\ta\n").error().field, "line 2.text");
  EXPECT_EQ(parse_terms("a\t\xff\n").error().field, "line 1.category");
  EXPECT_EQ(parse_terms("a\tb\t3\tc\n").error().field, "line 1.severity");
  EXPECT_EQ(parse_terms(std::string(65, 'x')).error().field, "line 1.text");
  EXPECT_FALSE(parse_views("plain,none").has_value());
  EXPECT_EQ(parse_views("plain,shape").value(), 0x21);
}

}  // namespace
}  // namespace zhiyin::text
