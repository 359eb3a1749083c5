#include "server/markdown.h"

#include <gmock/gmock.h>

namespace zhiyin::server {
namespace {

std::string html(std::string_view markdown) { return article_of_markdown(markdown).html; }

TEST(Markdown, TheFirstHeadingIsTheTitle) {
  const auto article = article_of_markdown("# 春季上新\n\n好\n\n# 再来\n## 小\n");
  EXPECT_EQ(article.title, "春季上新");
  EXPECT_EQ(article.html, "<p>好</p><h1>再来</h1><h2>小</h2>");
}

TEST(Markdown, ParagraphsListsQuotesAndRules) {
  EXPECT_EQ(html("a\nb\n\nc"), "<p>a<br/>b</p><p>c</p>");
  EXPECT_EQ(html("- a\n- b\n\n1. c\n2. d"),
            "<ul><li>a</li><li>b</li></ul><ol><li>c</li><li>d</li></ol>");
  EXPECT_EQ(html("- a\n1. b\nc"), "<ul><li>a</li></ul><ol><li>b</li></ol><p>c</p>");
  EXPECT_EQ(html("> a\n> b\n---"), "<blockquote>a<br/>b</blockquote><hr/>");
}

TEST(Markdown, EmphasisLinksAndPictures) {
  EXPECT_EQ(html("**a** *b* `c<d`"), "<p><strong>a</strong> <em>b</em> <code>c&lt;d</code></p>");
  EXPECT_EQ(html("[看**这**](https://a.example/?x=1&y=2)"),
            "<p><a href=\"https://a.example/?x=1&amp;y=2\">看<strong>这</strong></a></p>");
  EXPECT_EQ(html("![猫](http://mmbiz.qpic.cn/x)"),
            "<p><img src=\"http://mmbiz.qpic.cn/x\" alt=\"猫\"/></p>");
}

TEST(Markdown, PicturesAreNamedAndStandUnderTheirAddress) {
  const std::string_view text = "![a](pic/a.jpg) ![b](https://x.example/b.png)\n\n![a](pic/a.jpg)";
  EXPECT_THAT(article_of_markdown(text).pictures,
              testing::ElementsAre("pic/a.jpg", "https://x.example/b.png"));
  EXPECT_EQ(
      article_of_markdown("![a](pic/a.jpg)", {{"pic/a.jpg", "http://mmbiz.qpic.cn/1\""}}).html,
      "<p><img src=\"http://mmbiz.qpic.cn/1&quot;\" alt=\"a\"/></p>");
  EXPECT_EQ(html("![a](two words.jpg)"), "<p>![a](two words.jpg)</p>");
  EXPECT_EQ(html("![a]()"), "<p>![a]()</p>");
}

TEST(Markdown, NothingOfTheAuthorsBecomesATag) {
  EXPECT_EQ(html("<script>alert(1)</script>"), "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>");
  EXPECT_EQ(html("[x](javascript:alert(1))"), "<p>[x](javascript:alert(1))</p>");
  EXPECT_EQ(html("[x](https://a\" onclick=\"b)"), "<p>[x](https://a&quot; onclick=&quot;b)</p>");
  EXPECT_EQ(html("**"), "<p>**</p>");
  EXPECT_EQ(html(""), "");
}

TEST(Markdown, DeepNestingEnds) {
  std::string deep;
  for (int i = 0; i < 2'000; ++i) deep += "[";
  for (int i = 0; i < 2'000; ++i) deep += "](https://a)";
  EXPECT_FALSE(html(deep).empty());
}

}  // namespace
}  // namespace zhiyin::server
