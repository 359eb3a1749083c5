#include "wechat/messages.h"

#include "wechat/template_values.h"

namespace zhiyin::wechat {
namespace {

Result<void> check_values(const Policy& policy, const std::map<std::string, KeywordValue>& data) {
  for (const auto& [keyword, content] : data)
    ZHIYIN_TRY_VOID(check_template_value(policy, keyword, content.value));
  return {};
}

}  // namespace

Result<void> CustomSendAsk::check(const Policy&) const {
  const std::pair<std::string_view, bool> contents[] = {
      {"text", text.has_value()},
      {"image", image.has_value()},
      {"voice", voice.has_value()},
      {"video", video.has_value()},
      {"music", music.has_value()},
      {"news", news.has_value()},
      {"mpnews", mpnews.has_value()},
      {"mpnewsarticle", mpnewsarticle.has_value()},
      {"msgmenu", msgmenu.has_value()},
      {"wxcard", wxcard.has_value()},
      {"miniprogrampage", miniprogrampage.has_value()},
      {"link", link.has_value()}};
  for (const auto& [name, is_there] : contents) {
    if (name == msgtype && !is_there) return fail_field(name, "is missing");
    if (name != msgtype && is_there)
      return fail_field(name, "does not belong to a message of the kind {}", msgtype);
  }
  return {};
}

Result<void> SubscribeBizAsk::check(const Policy& policy) const {
  return check_values(policy, data);
}

Result<void> SubscribeAsk::check(const Policy& policy) const { return check_values(policy, data); }

Result<void> MassDeleteAsk::check(const Policy&) const {
  if (!msg_id && url.empty()) return fail_field("msg_id", "is missing, and url too");
  return {};
}

}  // namespace zhiyin::wechat
