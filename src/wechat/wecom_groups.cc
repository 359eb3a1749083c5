#include "wechat/wecom_groups.h"

namespace zhiyin::wechat {
namespace {

/// Texts and things of a welcome: one thing at most, since the platform takes the first and drops
/// the others without a word.
template <class Ask>
Result<void> check_welcome(const Ask& ask) {
  const std::pair<std::string_view, bool> things[] = {{"image", ask.image.has_value()},
                                                      {"link", ask.link.has_value()},
                                                      {"miniprogram", ask.miniprogram.has_value()},
                                                      {"file", ask.file.has_value()},
                                                      {"video", ask.video.has_value()}};
  std::string_view first;
  for (const auto& [name, is_there] : things) {
    if (!is_there) continue;
    if (!first.empty()) return fail_field(name, "is one thing too many, beside {}", first);
    first = name;
  }
  const bool has_text = ask.text && !ask.text->content.empty();
  if (!has_text && first.empty())
    return fail_field("text", "is missing, and image, link, miniprogram, file and video too");
  if (ask.image && ask.image->media_id.empty() && ask.image->pic_url.empty())
    return fail_field("image.media_id", "is missing");
  return {};
}

Result<void> check_days(std::int64_t begin, std::optional<std::int64_t> end) {
  constexpr std::int64_t kDaySeconds = 86'400;
  constexpr std::int64_t kDaysMax = 180;
  if (!end) return {};
  if (*end < begin) return fail_field("day_end_time", "lies before day_begin_time");
  if (*end - begin > kDaysMax * kDaySeconds)
    return fail_field("day_end_time", "is not within {} days after day_begin_time", kDaysMax);
  return {};
}

}  // namespace

Result<void> WecomGroupWelcomeAsk::check(const Policy&) const { return check_welcome(*this); }

Result<void> WecomGroupWelcomeEditAsk::check(const Policy&) const { return check_welcome(*this); }

Result<void> WecomGroupFiguresAsk::check(const Policy&) const {
  return check_days(day_begin_time, day_end_time);
}

Result<void> WecomGroupDaysAsk::check(const Policy&) const {
  return check_days(day_begin_time, day_end_time);
}

}  // namespace zhiyin::wechat
