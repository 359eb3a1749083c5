#include "wechat/xml.h"

#include <gtest/gtest.h>

namespace zhiyin::wechat {
namespace {

ErrorCode refusal_of(std::string_view text) {
  const auto parsed = parse_xml(text);
  EXPECT_FALSE(parsed) << text.substr(0, 80);
  return parsed ? ErrorCode::kInternal : parsed.error().code;
}

TEST(Xml, ReadsCdataTextAndNumbersAndKeepsBlanksInside) {
  const auto root =
      parse_xml("<?xml version=\"1.0\"?>\n<xml><A><![CDATA[ x <b> & ]]></A><N>12</N><E/>\n</xml>");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->find("A")->text, " x <b> & ");
  EXPECT_EQ(root->find("N")->text, "12");
  EXPECT_EQ(root->find("E")->text, "");
  EXPECT_EQ(root->find("none"), nullptr);
  EXPECT_TRUE(root->text.empty());
}

TEST(Xml, TextOfBlanksAloneIsKeptAndBlanksBetweenElementsAreNot) {
  const auto root = parse_xml("<xml>\n <A> </A>\n <B>\t</B> </xml>");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->find("A")->text, " ");
  EXPECT_EQ(root->find("B")->text, "\t");
  EXPECT_EQ(root->text, "");
}

TEST(Xml, SectionsOfOneTextAreJoined) {
  EXPECT_EQ(parse_xml("<xml><A><![CDATA[a]]]]><![CDATA[>b]]></A></xml>")->find("A")->text, "a]]>b");
}

TEST(Xml, DuplicatesAreKeptAndBecomeAnArray) {
  const auto root =
      parse_xml("<xml><L><item><a>1</a></item><item><a>2</a></item><item>3</item></L></xml>");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->find("L")->children.size(), 3U);
  EXPECT_EQ(to_json(*root).dump(), R"({"L":{"item":[{"a":"1"},{"a":"2"},"3"]}})");
}

TEST(Xml, FiveEntitiesAndNumbersAreUnderstood) {
  EXPECT_EQ(parse_xml("<xml><A>&lt;&amp;&gt;&quot;&apos;&#65;&#x4e2d;</A></xml>")->find("A")->text,
            "<&>\"'A中");
}

TEST(Xml, DoctypeEntitiesAndInstructionsAreRefused) {
  EXPECT_EQ(
      refusal_of("<!DOCTYPE xml [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><xml><A>&x;</A></xml>"),
      ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal_of("<xml><!DOCTYPE a><A/></xml>"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal_of("<xml><!ENTITY a \"b\"></xml>"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal_of("<xml><?php echo 1 ?></xml>"), ErrorCode::kInvalidArgument);
}

TEST(Xml, UnknownEntityStaysTextAndIsNeverExpanded) {
  const auto root = parse_xml("<xml><A>&lol;</A></xml>");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->find("A")->text, "&lol;");
}

TEST(Xml, DepthElementsAndBytesAreLimited) {
  std::string deep = "<xml>";
  for (int i = 0; i < 100; ++i) deep += "<a>";
  EXPECT_EQ(refusal_of(deep), ErrorCode::kLimitReached);
  std::string wide = "<xml>";
  for (std::size_t i = 0; i <= kXmlElementsMax; ++i) wide += "<a/>";
  EXPECT_EQ(refusal_of(wide + "</xml>"), ErrorCode::kLimitReached);
  EXPECT_EQ(refusal_of("<xml>" + std::string(kXmlBytesDefault, ' ') + "</xml>"),
            ErrorCode::kLimitReached);
  const std::string large = "<xml><A>" + std::string(kXmlBytesDefault, 'a') + "</A></xml>";
  EXPECT_TRUE(parse_xml(large, 2 * kXmlBytesDefault));
  EXPECT_FALSE(parse_xml("<xml>" + std::string(kXmlBytesCap, ' ') + "</xml>", 10 * kXmlBytesCap));
}

TEST(Xml, ExactlyTheAllowedDepthIsRead) {
  std::string text;
  for (std::size_t i = 0; i < kXmlDepthMax; ++i) text += "<a>";
  for (std::size_t i = 0; i < kXmlDepthMax; ++i) text += "</a>";
  EXPECT_TRUE(parse_xml(text));
  EXPECT_EQ(refusal_of("<a>" + text + "</a>"), ErrorCode::kLimitReached);
}

TEST(Xml, GarbageIsRefused) {
  for (const std::string_view bad :
       {"", " ", "text", "<", "<xml", "<xml>", "</xml>", "<xml></xml></xml>", "<xml><a></xml></a>",
        "<xml/><xml/>", "<xml><![CDATA[x</xml>", "<xml><!-- x</xml>", "< xml></xml>",
        "<xml a=\"<\"", "<1></1>", "{\"a\":1}"}) {
    EXPECT_EQ(refusal_of(bad), ErrorCode::kInvalidArgument) << bad;
  }
  EXPECT_EQ(refusal_of(std::string_view("<xml>\0</xml>", 12)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal_of("<xml>\xff</xml>"), ErrorCode::kInvalidArgument);
}

TEST(Xml, CharacterReferencesNameCharacters) {
  EXPECT_EQ(parse_xml("<xml><A>&#x4f60;&#22909;&#x1F600;</A></xml>")->find("A")->text, "你好😀");
  EXPECT_EQ(parse_xml("<xml><A><![CDATA[&#0;]]></A></xml>")->find("A")->text, "&#0;");
  for (const std::string_view bad : {"&#0;", "&#xD800;", "&#xdfff;", "&#x110000;", "&#99999999999;",
                                     "&#4294967361;", "&#;", "&#x;", "a&#0;b", "&#-1;"}) {
    EXPECT_EQ(refusal_of(fmt::format("<xml><A>{}</A></xml>", bad)), ErrorCode::kInvalidArgument)
        << bad;
  }
}

TEST(Xml, EveryTruncationOfARealCallbackIsRefusedOrWhole) {
  const std::string text =
      "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><CreateTime>1</"
      "CreateTime><Event><![CDATA[CLICK]]></Event></xml>";
  for (std::size_t n = 0; n < text.size(); ++n)
    EXPECT_FALSE(parse_xml(std::string_view(text).substr(0, n))) << n;
  EXPECT_TRUE(parse_xml(text));
}

TEST(XmlText, EndOfSectionInsideTheTextIsSplit) {
  for (const std::string_view text : {"plain", "", "a]]>b", "]]>", "]]]]>>", "]]>]]>", "x]]"}) {
    const std::string xml = "<xml>" + xml_text("A", text) + "</xml>";
    const auto root = parse_xml(xml);
    ASSERT_TRUE(root) << xml;
    EXPECT_EQ(root->find("A")->text, text);
  }
}

}  // namespace
}  // namespace zhiyin::wechat
