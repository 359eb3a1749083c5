#include "campaign/message_template.h"

#include <gtest/gtest.h>

namespace zhiyin::campaign {
namespace {

std::string render(std::string_view text, const std::map<std::string, std::string>& variables) {
  std::vector<std::string> missing;
  std::string out = TextTemplate::create(text)->render(variables, "https://s/l/x", missing);
  for (const std::string& name : missing) out += " missing:" + name;
  return out;
}

TEST(TextTemplate, FillsValuesFallbacksAndTheLink) {
  const std::map<std::string, std::string> variables{{"name", "小明"}, {"城市", "上海"}};
  EXPECT_EQ(render("{{name|朋友}}你好", variables), "小明你好");
  EXPECT_EQ(render("{{name|朋友}}你好", {}), "朋友你好");
  EXPECT_EQ(render("{{ 城市 }}的{{name}}：{{link}}!", variables), "上海的小明：https://s/l/x!");
  EXPECT_EQ(render("{{name|}}好", {}), "好") << "an empty fallback is a fallback";
  EXPECT_EQ(render("", {}), "");
  EXPECT_EQ(render("{a} }} {", {}), "{a} }} {");
}

TEST(TextTemplate, SaysWhatIsMissing) {
  EXPECT_EQ(render("{{name}}和{{x|y}}和{{city}}", {}), "和y和 missing:name missing:city");
}

TEST(TextTemplate, AValueIsNeverReadAsATemplate) {
  EXPECT_EQ(render("{{name}}", {{"name", "{{link}}"}}), "{{link}}");
}

TEST(TextTemplate, RefusesBracesThatDoNotMakeAVariable) {
  for (const std::string_view bad : {"{{name", "a{{}}", "{{ |x}}", "{{{name}}}", "{{|}}"}) {
    EXPECT_FALSE(TextTemplate::create(bad)) << bad;
  }
  EXPECT_FALSE(TextTemplate::create("{{" + std::string(65, 'a') + "}}"));
}

TEST(TextTemplate, ListsItsVariablesWithoutTheLink) {
  const TextTemplate text = *TextTemplate::create("{{a|1}}{{link}}{{b}}");
  EXPECT_EQ(text.variables(), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(text.uses_link());
}

TEST(MessageTemplate, NamesThePartThatIsWrong) {
  Message message;
  message.type = ContentType::kTemplate;
  message.data["thing1"] = "{{oops";
  const auto parsed = MessageTemplate::create(message);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().field, "data.thing1");
}

TEST(MessageTemplate, ACardLeadsToTheTrackedLink) {
  Message message;
  message.type = ContentType::kNews;
  message.title = "{{name|你}}好";
  message.link = "https://example.com/";
  const auto rendered = MessageTemplate::create(message)->render({}, "https://s/l/x");
  EXPECT_EQ(rendered.content.title, "你好");
  EXPECT_EQ(rendered.content.url, "https://s/l/x");
  EXPECT_TRUE(rendered.missing.empty());
}

}  // namespace
}  // namespace zhiyin::campaign
