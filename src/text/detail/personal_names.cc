#include <algorithm>
#include <array>

#include "text/detail/personal.h"
#include "text/detail/view_keys.h"

namespace zhiyin::text::detail {
namespace {

// Family names in use that are not at the same time common words before a title (和, 向, 有).
constexpr std::u32string_view kSurnames =
    U"王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁"
    U"魏薛叶阎余"
    U"潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺"
    U"赖龚文庞樊"
    U"兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦申尤毕聂丛焦柳邢路岳齐沿梅莫庄辛管祝左涂谷祁舒耿牟卜"
    U"詹关苗凌费"
    U"纪靳盛童欧甄项曲成游裴席卫查屈鲍覃霍翁隋甘景薄单包司柏宁柯阮桂闵解强柴华车冉房边净阎肖付代";
constexpr std::array<std::u32string_view, 12> kDoubleSurnames = {
    U"欧阳", U"司马", U"上官", U"诸葛", U"司徒", U"东方",
    U"皇甫", U"尉迟", U"公孙", U"慕容", U"令狐", U"夏侯"};

constexpr std::array<std::u32string_view, 30> kTitles = {
    U"先生", U"女士",   U"小姐", U"太太", U"夫人", U"老师", U"医生", U"大夫", U"教授", U"经理",
    U"总监", U"董事长", U"主任", U"院长", U"校长", U"局长", U"律师", U"师傅", U"同学", U"同志",
    U"护士", U"主管",   U"店长", U"老板", U"叔叔", U"阿姨", U"书记", U"会计", U"博士", U"总"};

// Words that end like a family name and a given name and stand before a title.
constexpr std::array<std::u32string_view, 22> kNotNames = {
    U"高中", U"高级", U"金牌", U"安全", U"单身", U"单位", U"方向", U"文学",
    U"任课", U"任何", U"成年", U"常务", U"白人", U"华人", U"高等", U"文化",
    U"马上", U"关于", U"万能", U"高校", U"高冷", U"温柔"};

constexpr std::array<std::u32string_view, 16> kLabels = {
    U"姓名",   U"名字叫", U"名字是", U"联系人", U"收件人", U"收货人", U"寄件人", U"经办人",
    U"持卡人", U"户名",   U"我叫",   U"本人叫", U"客户名", U"真名",   U"本名",   U"负责人"};

constexpr std::array<std::u32string_view, 5> kEnglishTitles = {U"mr", U"mrs", U"ms", U"miss",
                                                               U"dr"};

/// Characters of a family name that begins at `at`; 0: none does.
std::size_t surname(const FoldedText& text, std::size_t at) {
  for (const std::u32string_view two : kDoubleSurnames)
    if (text.has(at, two)) return two.size();
  const char32_t c = text.at(at);
  return c != 0 && kSurnames.find(c) != std::u32string_view::npos ? 1 : 0;
}

bool is_given(char32_t c) {
  constexpr std::u32string_view kNever =
      U"的是了在和与及或我你他她它这那有没不很也都就还又把被给跟对向从到请问找叫说呀啊哦呢吧吗嘛";
  return is_han(c) && kNever.find(c) == std::u32string_view::npos;
}

/// 总 names a person only where it is no word of its own: 王总, but not 金总额, 方总是.
bool is_title(const FoldedText& text, std::size_t at, std::u32string_view title) {
  if (!text.has(at, title)) return false;
  constexpr std::u32string_view kGoesOn = U"是共之体计数额量部会能想要觉有得监经理统裁在价的";
  return title != U"总" || kGoesOn.find(text.at(at + 1)) == std::u32string_view::npos;
}

bool has_title(const FoldedText& text, std::size_t at) {
  return std::ranges::any_of(kTitles,
                             [&](std::u32string_view title) { return is_title(text, at, title); });
}

void find_titled(const FoldedText& text, std::size_t title, Findings& out) {
  // The longest that is a family name and up to two characters behind it.
  for (std::size_t length = std::min<std::size_t>(4, title); length > 0; --length) {
    const std::size_t at = title - length;
    const std::size_t family = surname(text, at);
    if (family == 0 || family > length || length - family > 2) continue;
    bool given = true;
    for (std::size_t i = at + family; i < title; ++i) given = given && is_given(text.at(i));
    if (!given) continue;
    const auto word = std::u32string_view(text.characters).substr(at, length);
    if (std::ranges::find(kNotNames, word) != kNotNames.end()) return;
    // 小, 老 and 阿 before a family name belong to it.
    out.push_back({PersonalKind::kName, at, title});
    return;
  }
}

void find_labelled(const FoldedText& text, std::size_t at, Findings& out) {
  for (int passed = 0; passed < 3; ++passed) {
    const char32_t c = text.at(at);
    if (c != ':' && c != ' ' && c != U'是' && c != U'为' && c != U'：') break;
    ++at;
  }
  const std::size_t family = surname(text, at);
  if (family == 0) return;
  std::size_t end = at + family;
  // A title behind the name is none of it: 我叫王敏女士 names 王敏.
  while (end < at + family + 2 && is_given(text.at(end)) && !has_title(text, end)) ++end;
  if (end > at + family) out.push_back({PersonalKind::kName, at, end});
}

void find_english(const FoldedText& text, std::size_t at, Findings& out) {
  if (at > 0 && (is_lower(text.at(at - 1)) || is_digit(text.at(at - 1)))) return;
  for (const std::u32string_view title : kEnglishTitles) {
    if (!text.has(at, title)) continue;
    std::size_t i = at + title.size();
    if (text.at(i) == '.') ++i;
    if (text.at(i) != ' ' || !is_lower(text.at(i + 1))) continue;
    const std::size_t begin = ++i;
    while (is_lower(text.at(i)) || text.at(i) == '\'' || text.at(i) == '-') ++i;
    if (i - begin >= 2) out.push_back({PersonalKind::kName, begin, i});
    return;
  }
}

}  // namespace

void find_names(const FoldedText& text, Findings& out) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!is_han(text.characters[at])) {
      if (is_lower(text.characters[at])) find_english(text, at, out);
      continue;
    }
    if (has_title(text, at)) find_titled(text, at, out);
    for (const std::u32string_view label : kLabels) {
      if (!text.has(at, label)) continue;
      find_labelled(text, at + label.size(), out);
      break;
    }
  }
}

}  // namespace zhiyin::text::detail
