#include "wechat/wecom.h"

#include <algorithm>

#include "wechat/wecom_handover.h"

namespace zhiyin::wechat {
namespace {

constexpr std::int64_t kDaySeconds = 86'400;

/// The member of an attachment that is missing; empty: none.
std::string_view missing_of(const WecomAttachment& a) {
  if (a.image && a.image->media_id.empty() && a.image->pic_url.empty()) return "image.media_id";
  if (a.video && a.video->media_id.empty()) return "video.media_id";
  if (a.file && a.file->media_id.empty()) return "file.media_id";
  if (a.link && a.link->title.empty()) return "link.title";
  if (a.link && a.link->url.empty()) return "link.url";
  if (!a.miniprogram) return {};
  const WecomMiniProgram& page = *a.miniprogram;
  if (page.title.empty()) return "miniprogram.title";
  if (page.pic_media_id.empty()) return "miniprogram.pic_media_id";
  if (page.appid.empty()) return "miniprogram.appid";
  return page.page.empty() ? "miniprogram.page" : "";
}

Result<void> check_attachments(const std::vector<WecomAttachment>& attachments) {
  for (std::size_t i = 0; i < attachments.size(); ++i) {
    const WecomAttachment& a = attachments[i];
    const std::pair<std::string_view, bool> contents[] = {
        {"image", a.image.has_value()},
        {"video", a.video.has_value()},
        {"file", a.file.has_value()},
        {"link", a.link.has_value()},
        {"miniprogram", a.miniprogram.has_value()}};
    for (const auto& [name, is_there] : contents) {
      if ((name == a.msgtype) != is_there)
        return fail_field(fmt::format("attachments[{}].{}", i, name), "{}",
                          is_there ? "does not belong to this msgtype" : "is missing");
    }
    if (const std::string_view missing = missing_of(a); !missing.empty())
      return fail_field(fmt::format("attachments[{}].{}", i, missing), "is missing");
  }
  return {};
}

bool is_empty(const std::optional<WecomText>& text) { return !text || text->content.empty(); }

Result<void> check_content(const std::optional<WecomText>& text,
                           const std::vector<WecomAttachment>& attachments) {
  if (is_empty(text) && attachments.empty())
    return fail_field("text", "is missing, and attachments too");
  return check_attachments(attachments);
}

Result<void> check_period(std::int64_t begin, std::int64_t end, std::int64_t days_max) {
  if (end < begin || end - begin > days_max * kDaySeconds)
    return fail_field("end_time", "is not within {} days after start_time", days_max);
  return {};
}

}  // namespace

Result<void> WecomWayAsk::check(const Policy&) const {
  if (user.empty() && party.empty() && !is_temp.value_or(false))
    return fail_field("user", "is missing: who is it that contacts come to");
  if (type == 1 && user.size() > 1)
    return fail_field("user", "has {} members; a way of type 1 has one", user.size());
  return {};
}

Result<void> WecomMarkAsk::check(const Policy&) const {
  if (add_tag.empty() && remove_tag.empty())
    return fail_field("add_tag", "is missing, and remove_tag too");
  return {};
}

Result<void> WecomWelcomeAsk::check(const Policy&) const {
  return check_content(text, attachments);
}

Result<void> WecomMassAsk::check(const Policy&) const {
  const bool is_group = chat_type == "group";
  if (is_group && sender.empty()) return fail_field("sender", "is missing: a group has an owner");
  if (is_group && !external_userid.empty())
    return fail_field("external_userid", "does not belong to a message to groups");
  if (!is_group && external_userid.empty() && sender.empty() && !tag_filter)
    return fail_field("external_userid", "is missing, and sender and tag_filter too");
  return check_content(text, attachments);
}

Result<void> WecomMassListAsk::check(const Policy&) const {
  constexpr std::int64_t kMonthDays = 31;
  return check_period(start_time, end_time, kMonthDays);
}

Result<void> WecomMomentAsk::check(const Policy&) const { return check_content(text, attachments); }

Result<void> WecomHandoverAsk::check(const Policy&) const {
  if (handover_userid == takeover_userid)
    return fail_field("takeover_userid", "is the member who has the contacts");
  return {};
}

Result<void> WecomBehaviourAsk::check(const Policy&) const {
  constexpr std::int64_t kDaysMax = 30;
  if (userid.empty() && partyid.empty()) return fail_field("userid", "is missing, and partyid too");
  return check_period(start_time, end_time, kDaysMax);
}

Result<void> WecomAppSendAsk::check(const Policy&) const {
  constexpr std::int64_t kMembersMax = 1'000;
  if (touser.empty() && toparty.empty() && totag.empty())
    return fail_field("touser", "is missing, and toparty and totag too");
  if (std::ranges::count(touser, '|') >= kMembersMax)
    return fail_field("touser", "names more than {} members", kMembersMax);
  if (enable_duplicate_check != 1)
    return fail_field("enable_duplicate_check", "is not 1: a repeated call would send twice");
  const std::pair<std::string_view, bool> contents[] = {
      {"text", text.has_value()},
      {"markdown", markdown.has_value()},
      {"image", image.has_value()},
      {"voice", voice.has_value()},
      {"video", video.has_value()},
      {"file", file.has_value()},
      {"textcard", textcard.has_value()},
      {"news", news.has_value()},
      {"mpnews", mpnews.has_value()},
      {"miniprogram_notice", miniprogram_notice.has_value()},
      {"template_card", !template_card.is_null()}};
  for (const auto& [name, is_there] : contents) {
    if ((name == msgtype) != is_there)
      return fail_field(name, "{}", is_there ? "does not belong to this msgtype" : "is missing");
  }
  return {};
}

}  // namespace zhiyin::wechat
