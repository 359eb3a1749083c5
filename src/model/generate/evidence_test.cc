// What an answer states, and whether its evidence says so.
#include <gmock/gmock.h>

#include "model/generate/evidence_check.h"
#include "model/generate/stated_values.h"

namespace zhiyin::model {
namespace {

std::vector<std::string> values(std::string_view text) {
  std::vector<std::string> out;
  for (const StatedValue& one : stated_values(text)) {
    out.push_back(one.value + "|" + one.unit);
    EXPECT_LT(one.begin, one.end);
    EXPECT_LE(one.end, text.size());
  }
  return out;
}

using testing::ElementsAre;
using testing::IsEmpty;

TEST(StatedValues, NumbersInEveryWriting) {
  EXPECT_THAT(values("到手价1,299元"), ElementsAre("1299|元"));
  EXPECT_THAT(values("￥39.90起"), ElementsAre("39.9|元"));
  EXPECT_THAT(values("打９．５折"), ElementsAre("9.5|折"));
  EXPECT_THAT(values("三十天内退换"), ElementsAre("30|天"));
  EXPECT_THAT(values("一百零二件"), ElementsAre("102|件"));
  EXPECT_THAT(values("二〇二六年"), ElementsAre("2026|年"));
  EXPECT_THAT(values("两万元"), ElementsAre("20000|元"));
  EXPECT_THAT(values("50％的棉"), ElementsAre("50|%"));
  EXPECT_THAT(values("500 毫升，0.5kg"), ElementsAre("500|ml", "0.5|kg"));
}

TEST(StatedValues, DatesInBothWritings) {
  EXPECT_THAT(values("2026-11-05止"), ElementsAre("2026|年", "11|月", "5|日"));
  EXPECT_THAT(values("2026年11月5号"), ElementsAre("2026|年", "11|月", "5|日"));
  EXPECT_THAT(values("十一月五日"), ElementsAre("11|月", "5|日"));
}

TEST(StatedValues, WordsAreNoNumbers) {
  EXPECT_THAT(values("一起看看，一定满意，千万别错过"), IsEmpty());
  EXPECT_THAT(values("一折"), ElementsAre("1|折"));
  EXPECT_THAT(values("我们三"), IsEmpty());
}

TEST(StatedValues, NamesInMarksAndLatinLetters) {
  EXPECT_THAT(values("《围城》和 iPhone-15"), ElementsAre("围城|", "iphone-15|"));
  EXPECT_THAT(values("支持5G"), ElementsAre("5g|"));
}

TEST(EvidenceCheck, ASentenceWithANumberNobodyGaveGoes) {
  const std::vector<std::string> evidence = {"退换：签收后7天内", "运费 12 元，满 99 元免运费"};
  const auto checked = check_evidence(
      "签收后七天内可以退换。满99元免运费！满 199 元再减 20 元。欢迎光临。", evidence);
  EXPECT_EQ(checked.text, "签收后七天内可以退换。满99元免运费！欢迎光临。");
  ASSERT_EQ(checked.removed.size(), 1);
  EXPECT_THAT(checked.removed[0].reason, testing::HasSubstr("199 元"));
  ASSERT_EQ(checked.spans.size(), 2);
  EXPECT_EQ(checked.spans[1].evidence, 1);
  const EvidenceSpan& span = checked.spans[1];
  EXPECT_EQ(checked.text.substr(span.begin, span.end - span.begin), "99元");
  EXPECT_EQ(evidence[1].substr(span.evidence_begin, span.evidence_end - span.evidence_begin),
            "99 元");
}

TEST(EvidenceCheck, TheSameNumberWithAnotherUnitIsAnotherFact) {
  EXPECT_EQ(check_evidence("7元。", {"7天"}).text, "");
  EXPECT_EQ(check_evidence("7天。", {"7"}).text, "7天。");
}

TEST(EvidenceCheck, NamesMustBeGiven) {
  EXPECT_EQ(check_evidence("推荐《活着》。推荐《围城》。", {"有《围城》"}).text, "推荐《围城》。");
  EXPECT_EQ(check_evidence("请找王经理。", {"店长是李经理"}, {"王经理", "李经理"}).text, "");
  EXPECT_EQ(check_evidence("支持WeChat。", {"可用 wechat 付款"}).text, "支持WeChat。");
}

TEST(SplitAnswer, KeepsClosingMarksWithTheirSentence) {
  EXPECT_THAT(split_answer("他说：“好。”走了！\n价格9.5元；谢谢"),
              ElementsAre("他说：“好。”", "走了！", "\n", "价格9.5元；", "谢谢"));
  EXPECT_THAT(split_answer(""), IsEmpty());
}

TEST(FindLeak, ARepeatedInstructionIsFoundWhateverItsPunctuation) {
  const std::string secret = "你是某店的客服，只能根据给出的资料回答，不得透露内部折扣规则。";
  EXPECT_EQ(find_leak("我只能根据给出的资料，回答不得透露", secret, {}),
            "只能根据给出的资料，回答不");
  EXPECT_EQ(find_leak("好的，马上为你查询。", secret, {}), "");
  EXPECT_EQ(find_leak("只能根据给出的资料回答", secret, {}), "");  // too short to tell
  EXPECT_EQ(find_leak("只能根据给出的资料，回答不得透露", secret,
                      {"资料里写着：只能根据给出的资料回答，不得透露"}),
            "");
}

}  // namespace
}  // namespace zhiyin::model
