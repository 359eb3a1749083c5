#include "catalogue/feed.h"

#include <gmock/gmock.h>

namespace zhiyin::catalogue {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Feed parsed(std::string_view text, const FeedSettings& settings = {}) {
  auto out = parse_feed(text, settings);
  EXPECT_TRUE(out) << out.error().text();
  return out ? std::move(*out) : Feed{};
}

constexpr std::string_view kRss = R"(<?xml version="1.0" encoding="UTF-8"?>
<?xml-stylesheet href="style.xsl"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>晨读</title><link>https://example.com/blog/</link>
<item><title>秋天 &amp; 银杏</title><link>/a/1?x=1&amp;y=2</link><guid isPermaLink="false">a-1</guid>
<pubDate>Mon, 05 Jan 2026 08:00:00 +0800</pubDate><dc:creator>小林</dc:creator>
<category>城市</category><category>出行</category><category>城市</category>
<description>短的</description>
<content:encoded><![CDATA[<p>第一段&nbsp;有 <b>粗体</b></p><script>alert("x</p>")</script><p>第二段</p>]]></content:encoded>
<enclosure url="cover.jpg" type="image/jpeg" length="1"/></item>
<item><title></title><description>只有正文</description><link>post/../2</link></item>
<item><link>https://example.com/3</link></item>
<item><title>重复</title><guid>a-1</guid></item>
</channel></rss>)";

TEST(Feed, RssBecomesItems) {
  const Feed feed = parsed(kRss, {.url = "https://example.com/blog/feed.xml"});
  EXPECT_EQ(feed.title, "晨读");
  ASSERT_EQ(feed.items.size(), 2U);
  const Item& first = feed.items[0];
  EXPECT_EQ(first.ref(), (ingest::ItemRef{"article", "a-1"}));
  EXPECT_EQ(first.title, "秋天 & 银杏");
  EXPECT_EQ(first.text, "第一段 有 粗体\n第二段");
  EXPECT_EQ(first.url, "https://example.com/a/1?x=1&y=2");
  EXPECT_EQ(first.cover, "https://example.com/blog/cover.jpg");
  EXPECT_EQ(first.author, "小林");
  EXPECT_EQ(first.category, "城市");
  EXPECT_THAT(first.tags, ElementsAre("城市", "出行"));
  EXPECT_EQ(first.published_at, *parse_time("2026-01-05T08:00:00+08:00", TimeZone::shanghai()));
  EXPECT_EQ(feed.items[1].title, "只有正文");
  EXPECT_EQ(feed.items[1].url, "https://example.com/blog/2");
  EXPECT_EQ(feed.items[1].id, "https://example.com/blog/2");
  EXPECT_THAT(feed.skipped, ElementsAre("entry 3: neither title nor text"));
}

TEST(Feed, AtomWithXhtmlDeletionsAndBase) {
  const Feed feed =
      parsed(R"(<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://example.com/x/">
<title type="text">A &lt;b&gt; C</title><link rel="self" href="/self"/><link href="/"/>
<entry><id>urn:uuid:1</id><title type="html">&lt;b&gt;粗&lt;/b&gt;题</title><link rel="edit" href="/e"/><link href="one"/>
<published>2026-01-05T00:00:00Z</published><updated>2026-02-05T00:00:00Z</updated>
<author><name>甲</name></author><category term="t" label="标签"/>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>一</p><p>二 &lt;3</p></div></content></entry>
<at:deleted-entry xmlns:at="http://purl.org/atompub/tombstones/1.0" ref="urn:uuid:0" when="2026-01-01T00:00:00Z"/>
</feed>)");
  EXPECT_EQ(feed.title, "A <b> C");
  ASSERT_EQ(feed.items.size(), 1U);
  EXPECT_EQ(feed.items[0].title, "粗题");
  EXPECT_EQ(feed.items[0].text, "一\n二 <3");
  EXPECT_EQ(feed.items[0].url, "https://example.com/x/one");
  EXPECT_EQ(feed.items[0].published_at, *parse_time("2026-01-05T00:00:00Z", TimeZone::shanghai()));
  EXPECT_THAT(feed.items[0].tags, ElementsAre("标签"));
  EXPECT_THAT(feed.deleted, ElementsAre("urn:uuid:0"));
}

TEST(Feed, JsonFeed) {
  const Feed feed = parsed(
      R"({"version":"https://jsonfeed.org/version/1.1","title":"J","home_page_url":"https://e.com/",
"items":[{"id":7,"url":"p/7","title":"a < b","content_text":"行一\n行二","tags":["x"],"authors":[{"name":"乙"}],
"date_published":"2026-01-05T08:00:00+08:00","image":"i.png"},{"id":"8"}]})");
  ASSERT_EQ(feed.items.size(), 1U);
  EXPECT_EQ(feed.items[0].id, "7");
  EXPECT_EQ(feed.items[0].title, "a < b");
  EXPECT_EQ(feed.items[0].text, "行一\n行二");
  EXPECT_EQ(feed.items[0].url, "https://e.com/p/7");
  EXPECT_EQ(feed.items[0].cover, "https://e.com/i.png");
  EXPECT_EQ(feed.skipped.size(), 1U);
  EXPECT_EQ(parse_feed(R"({"items":[]})", {}).error().code, ErrorCode::kInvalidArgument);
}

TEST(Feed, EncodingsAreThoseThatItSays) {
  // 你好 in GBK.
  const std::string gbk =
      "<?xml version='1.0' encoding='GB2312'?><rss><channel><item><title>\xC4\xE3\xBA\xC3</title>"
      "</item></channel></rss>";
  EXPECT_EQ(parsed(gbk).items[0].title, "你好");
  std::string lying = gbk;
  lying.replace(lying.find("GB2312"), 6, "utf-8");
  EXPECT_THAT(parse_feed(lying, {}).error().message, HasSubstr("is not UTF-8"));
  // The answer's charset says more than the feed.
  EXPECT_EQ(parsed(lying, {.charset = "GBK"}).items[0].title, "你好");
  std::string utf16 = "\xFF\xFE";
  for (const char c : std::string("<rss><channel><item><title>ab</title></item></channel></rss>")) {
    utf16 += c;
    utf16 += '\0';
  }
  EXPECT_EQ(parsed(utf16).items[0].title, "ab");
  EXPECT_EQ(parse_feed("<?xml version='1.0' encoding='ebcdic'?><rss/>", {}).error().code,
            ErrorCode::kUnsupported);
  EXPECT_FALSE(parse_feed("<?xml version='1.0' encoding='gbk'?><rss>\xFF\xFF</rss>", {}));
}

TEST(Feed, HostileOnesAreRefusedOrHarmless) {
  // Entities of a DOCTYPE stay what they are.
  const Feed bomb = parsed(
      R"(<!DOCTYPE r [<!ENTITY a "AAAAAAAAAA"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>
<rss><channel><item><title>&b;&f;x</title></item></channel></rss>)");
  EXPECT_EQ(bomb.items[0].title, "&b;&f;x");
  std::string deep = "<feed><entry><title>t</title><content type='xhtml'>";
  for (int i = 0; i < 190'000; ++i) deep += "<a>";
  deep += "x";
  for (int i = 0; i < 190'000; ++i) deep += "</a>";
  deep += "</content></entry></feed>";
  EXPECT_EQ(parsed(deep).items[0].text, "x");
  std::string many = "<rss><channel>";
  for (std::size_t i = 0; i <= kFeedTagsMax; ++i) many += "<a/>";
  EXPECT_EQ(parse_feed(many, {}).error().code, ErrorCode::kLimitReached);
  EXPECT_EQ(parse_feed(std::string(kFeedBytesMax + 1, '<'), {}).error().code,
            ErrorCode::kLimitReached);
  for (const auto* text :
       {"", "hello", "<html><body/></html>", "<rss><channel>", "<rss", "{", "[]"})
    EXPECT_FALSE(parse_feed(text, {})) << text;
  std::string long_one = "<rss><channel>";
  for (std::size_t i = 0; i < kFeedEntriesMax + 3; ++i)
    long_one += fmt::format("<item><title>t{0}</title><guid>{0}</guid></item>", i);
  const Feed cut = parsed(long_one + "</channel></rss>");
  EXPECT_EQ(cut.items.size(), kFeedEntriesMax);
  EXPECT_THAT(cut.skipped, ElementsAre(HasSubstr("3 entries beyond")));
}

TEST(Feed, IdsTitlesAndTextsFitAnItem) {
  std::string text = "<rss><channel><item><guid>" + std::string(500, 'g') + "</guid><title>";
  for (int i = 0; i < 400; ++i) text += "长";
  text += "</title></item></channel></rss>";
  const Feed feed = parsed(text);
  EXPECT_TRUE(feed.items[0].id.starts_with("h_"));
  EXPECT_LE(feed.items[0].title.size(), kTitleBytesMax);
  EXPECT_TRUE(validate(feed.items[0]));
  // What is gone is named likewise.
  const Feed gone =
      parsed("<feed><at:deleted-entry ref=\"" + std::string(500, 'g') + "\"/></feed>");
  EXPECT_THAT(gone.deleted, ElementsAre(feed.items[0].id));
  EXPECT_FALSE(parsed("<rss><channel><item><title>t</title></item></channel></rss>", {.kind = "x"})
                   .skipped.empty());
}

TEST(FeedTime, ReadsBothForms) {
  const auto at = [](std::string_view text) { return *parse_time(text, TimeZone::shanghai()); };
  EXPECT_EQ(feed_time("Mon, 05 Jan 2026 08:00:00 +0800"), at("2026-01-05T00:00:00Z"));
  EXPECT_EQ(feed_time("5 Jan 26 00:00 GMT"), at("2026-01-05T00:00:00Z"));
  EXPECT_EQ(feed_time(" Sun, 04 January 2026 19:00:00 EST "), at("2026-01-05T00:00:00Z"));
  EXPECT_EQ(feed_time("2026-01-05T08:00:00+08:00"), at("2026-01-05T00:00:00Z"));
  for (const auto* wrong :
       {"", "yesterday", "Mon, 35 Jan 2026 08:00:00 GMT", "05 Foo 2026 08:00 GMT",
        "05 Jan 2026 25:00 GMT", "05 Jan 2026 08:00 XYZ", "05 Jan 1066 08:00 GMT", "2026-13-01",
        "05 Jan 2026 08-00 GMT"})
    EXPECT_EQ(feed_time(wrong), std::nullopt) << wrong;
}

TEST(ResolvedUrl, IsTakenFromTheBase) {
  constexpr std::string_view kBase = "https://e.com/a/b?q#f";
  EXPECT_EQ(resolved_url(kBase, "c"), "https://e.com/a/c");
  EXPECT_EQ(resolved_url(kBase, "../../c/./d/"), "https://e.com/c/d/");
  EXPECT_EQ(resolved_url(kBase, "/c?x=../y"), "https://e.com/c?x=../y");
  EXPECT_EQ(resolved_url(kBase, "//o.com/c"), "https://o.com/c");
  EXPECT_EQ(resolved_url(kBase, "?z"), "https://e.com/a/b?z");
  EXPECT_EQ(resolved_url(kBase, "HTTP://o.com"), "HTTP://o.com");
  EXPECT_EQ(resolved_url("https://e.com", "c"), "https://e.com/c");
  for (const auto* link : {"", "javascript:alert(1)", "mailto:a@b", "a b", "data:text/html,x"})
    EXPECT_EQ(resolved_url(kBase, link), "") << link;
  EXPECT_EQ(resolved_url("", "c"), "");
}

TEST(HtmlText, KeepsWordsAndLines) {
  EXPECT_EQ(html_text("a<br/>b &lt;c&gt; &#x4E2D;&#20013; &unknown; <style>p{}</style>d"),
            "a\nb <c> 中中 &unknown; d");
  EXPECT_EQ(html_text("1 < 2 <!-- x > y --> 3"), "1 < 2 3");
  EXPECT_EQ(html_text("<p>open"), "open");
  EXPECT_EQ(html_text("cut <b"), "cut");
  EXPECT_EQ(html_text("&#0;&#xD800;&#99999999;&#999999999999;x"), "&#999999999999;x");
}

}  // namespace
}  // namespace zhiyin::catalogue
