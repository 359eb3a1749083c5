#include "model/classify/labelled_text.h"

#include <gmock/gmock.h>

namespace zhiyin::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(LabelledText, FirstTabEndsTheLabelAndClassesAreAscending) {
  const auto data = parse_labelled_texts("\xef\xbb\xbf好\t很好\r\n坏\t不行\t真的\n好\t再来\n");
  ASSERT_TRUE(data) << data.error().text();
  EXPECT_THAT(data->classes, ElementsAre("坏", "好"));
  EXPECT_THAT(data->labels, ElementsAre(1, 0, 1));
  EXPECT_THAT(data->texts, ElementsAre("很好", "不行\t真的", "再来"));
  EXPECT_FALSE(data->header);
}

TEST(LabelledText, OnlyTheWordLabelMakesAHeader) {
  const auto data = parse_labelled_texts("label\ttext_a\n1\tyes\n0\tno\n");
  ASSERT_TRUE(data);
  EXPECT_TRUE(data->header);
  EXPECT_EQ(data->rows(), 2U);
  EXPECT_EQ(parse_labelled_texts("class\ttext\n1\tyes\n")->rows(), 2U);
}

TEST(LabelledText, EmptyLinesAtTheEndArePassedOver) {
  for (const std::string_view text : {"1\ta\n2\tb", "1\ta\n2\tb\n\n\n", "1\ta\r\n2\tb\r\n\r\n"}) {
    const auto data = parse_labelled_texts(text);
    ASSERT_TRUE(data) << data.error().text();
    EXPECT_THAT(data->texts, ElementsAre("a", "b"));
  }
}

TEST(LabelledText, BadLinesAreNamedAndCounted) {
  const auto message = [](std::string_view text) {
    const auto out = parse_labelled_texts(text);
    return out ? std::string() : out.error().message;
  };
  EXPECT_THAT(message("1\ta\n2 b\n"), HasSubstr("line 2 has no tab between label and text: '2 b'"));
  EXPECT_THAT(message("1\ta\n\n\n2\tb\n"),
              HasSubstr("line 2 is empty; expected label TAB text (and 1 more"));
  EXPECT_THAT(message("\ta\n"), HasSubstr("line 1 has no label"));
  EXPECT_THAT(message("1\t \n"), HasSubstr("line 1 has no text"));
  EXPECT_THAT(message("1\t\xed\xa0\x80\n"), HasSubstr("line 1 is not UTF-8"));
  EXPECT_THAT(message(std::string(300, 'x') + "\ta\n"), HasSubstr("label of 300 bytes"));
  EXPECT_THAT(message(""), HasSubstr("no rows"));
  EXPECT_THAT(message("\n\r\n"), HasSubstr("no rows"));
  EXPECT_THAT(message("label\ttext\n"), HasSubstr("no rows"));
}

}  // namespace
}  // namespace zhiyin::model
