#include <algorithm>
#include <array>

#include "text/detail/personal.h"

namespace zhiyin::text::detail {
namespace {

bool is_local(char32_t c) {
  return is_lower(c) || is_digit(c) || c == '.' || c == '_' || c == '-' || c == '+' || c == '%';
}
bool is_domain(char32_t c) { return is_lower(c) || is_digit(c) || c == '-' || c == '.'; }
bool is_id(char32_t c) { return is_lower(c) || is_digit(c) || c == '_' || c == '-'; }

void find_emails(const FoldedText& text, Findings& out) {
  constexpr std::size_t kLocalMax = 64, kDomainMax = 253;
  std::size_t free_from = 0;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text.characters[at] != '@') continue;
    std::size_t begin = at, end = at + 1;
    while (begin > free_from && at - begin < kLocalMax && is_local(text.characters[begin - 1]))
      --begin;
    while (begin < at && text.characters[begin] == '.') ++begin;
    while (end < text.size() && end - at <= kDomainMax && is_domain(text.characters[end])) ++end;
    while (end > at + 1 && (text.characters[end - 1] == '.' || text.characters[end - 1] == '-'))
      --end;
    const std::u32string_view domain =
        std::u32string_view(text.characters).substr(at + 1, end - at - 1);
    const std::size_t dot = domain.rfind(U'.');
    if (begin == at || dot == std::u32string_view::npos || dot == 0 || domain.size() - dot < 3 ||
        domain.find(U"..") != std::u32string_view::npos)
      continue;
    const auto top = domain.substr(dot + 1);
    if (!std::ranges::all_of(top, is_lower)) continue;
    out.push_back({PersonalKind::kEmail, begin, end});
    free_from = end;
  }
}

constexpr std::array<std::u32string_view, 18> kWechatLabels = {
    U"微信号", U"微信", U"薇信", U"威信", U"徽信", U"维信",  U"v信", U"加v", U"weixin",
    U"wechat", U"vx",   U"wx",   U"w信",  U"微号", U"wei信", U"v号", U"＋v", U"+v"};

/// Behind a label: passes over what joins it to the id. `joined`: something says that an id comes.
std::size_t after_joint(const FoldedText& text, std::size_t at, bool& joined) {
  constexpr std::u32string_view kJoints = U":：是为号id码=→＝我的加(（-\"“「[";
  for (int passed = 0; passed < 6; ++passed, ++at) {
    const char32_t c = text.at(at);
    if (c == ' ') continue;
    // The letters of "id" only together: they may begin the id itself.
    if (c == 'i' && text.at(at + 1) == 'd' && !is_id(text.at(at + 2))) {
      joined = true;
      ++at;
      continue;
    }
    if (c == 0 || is_id(c) || kJoints.find(c) == std::u32string_view::npos) break;
    joined = true;
  }
  return at;
}

void find_wechat_id(const FoldedText& text, std::size_t at, bool joined, Findings& out) {
  constexpr std::size_t kIdMin = 6, kIdMax = 20;
  std::size_t end = at;
  bool marked = joined;
  while (end < text.size() && is_id(text.characters[end])) {
    marked = marked || !is_lower(text.characters[end]);
    ++end;
  }
  if (end - at < kIdMin || end - at > kIdMax || !is_lower(text.at(at)) || !marked) return;
  out.push_back({PersonalKind::kWechatId, at, end});
}

void find_wechat_ids(const FoldedText& text, Findings& out) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool in_word = at > 0 && is_id(text.characters[at - 1]);
    if (!in_word && text.has(at, U"wxid_")) {
      std::size_t end = at;
      while (is_id(text.at(end))) ++end;
      if (end - at >= 9) out.push_back({PersonalKind::kWechatId, at, end});
      at = end;
      continue;
    }
    for (const std::u32string_view label : kWechatLabels) {
      if (!text.has(at, label) || (in_word && is_lower(label[0]))) continue;
      bool joined = false;
      const std::size_t id = after_joint(text, at + label.size(), joined);
      if (id > at + label.size() || !is_lower(label.back())) find_wechat_id(text, id, joined, out);
      break;
    }
  }
}

constexpr std::u32string_view kProvinces =
    U"京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼";

void find_plates(const FoldedText& text, Findings& out) {
  for (std::size_t at = 0; at + 6 < text.size(); ++at) {
    if (kProvinces.find(text.characters[at]) == std::u32string_view::npos) continue;
    const char32_t office = text.characters[at + 1];
    if (!is_lower(office) || office == 'i') continue;
    std::size_t i = at + 2;
    if (text.at(i) == U'·' || text.at(i) == U'•' || text.at(i) == ' ' || text.at(i) == '.' ||
        text.at(i) == '-')
      ++i;
    std::size_t places = 0, digits = 0;
    while (places < 7 && (is_digit(text.at(i)) || is_lower(text.at(i)))) {
      if (text.at(i) == 'i' || text.at(i) == 'o') break;
      digits += is_digit(text.at(i)) ? 1 : 0;
      ++i, ++places;
    }
    constexpr std::u32string_view kLast = U"学警港澳挂使领";
    if (places == 4 && kLast.find(text.at(i)) != std::u32string_view::npos) ++i, ++places;
    const bool ends = !is_digit(text.at(i)) && !is_lower(text.at(i));
    if ((places == 5 || places == 6) && digits >= 2 && ends)
      out.push_back({PersonalKind::kPlate, at, i});
  }
}

}  // namespace

void find_accounts(const FoldedText& text, Findings& out) {
  find_emails(text, out);
  find_wechat_ids(text, out);
  find_plates(text, out);
}

}  // namespace zhiyin::text::detail
