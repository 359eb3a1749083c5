#include "wechat/reply.h"

namespace zhiyin::wechat {
namespace {

constexpr std::size_t kTextBytesMax = 2048;

bool is_web_address(std::string_view url) {
  return url.starts_with("http://") || url.starts_with("https://");
}

Result<void> validate_articles(const std::vector<Article>& articles) {
  if (articles.empty()) return fail_field("articles", "is empty");
  for (std::size_t i = 0; i < articles.size(); ++i) {
    const std::string path = fmt::format("articles[{}]", i);
    if (articles[i].title.empty()) return fail_field(path + ".title", "is empty");
    if (!is_web_address(articles[i].url))
      return fail_field(path + ".url", "is not an http or https address");
    if (!articles[i].picture_url.empty() && !is_web_address(articles[i].picture_url)) {
      return fail_field(path + ".picture_url", "is not an http or https address");
    }
  }
  return {};
}

Result<void> validate_music(const Reply& reply) {
  if (!is_web_address(reply.music_url))
    return fail_field("music_url", "is not an http or https address");
  if (!reply.hq_music_url.empty() && !is_web_address(reply.hq_music_url))
    return fail_field("hq_music_url", "is not an http or https address");
  if (reply.thumb_media_id.empty()) return fail_field("thumb_media_id", "is empty");
  return {};
}

}  // namespace

Result<void> validate(const Reply& reply) {
  switch (reply.type) {
    case ReplyType::kNone:
    case ReplyType::kTransfer:
      return {};
    case ReplyType::kText:
      if (reply.text.empty()) return fail_field("text", "is empty");
      if (reply.text.size() > kTextBytesMax) {
        return fail_field("text", "has {} bytes, at most {} are allowed", reply.text.size(),
                          kTextBytesMax);
      }
      return {};
    case ReplyType::kImage:
    case ReplyType::kVoice:
    case ReplyType::kVideo:
      if (reply.media_id.empty()) return fail_field("media_id", "is empty");
      return {};
    case ReplyType::kMusic:
      return validate_music(reply);
    case ReplyType::kNews:
      return validate_articles(reply.articles);
  }
  return fail_field("type", "is unknown");
}

Result<void> validate_pushed(const Reply& reply) {
  ZHIYIN_TRY_VOID(validate(reply));
  if (reply.type == ReplyType::kVideo && reply.thumb_media_id.empty())
    return fail_field("thumb_media_id", "is empty: a video that is pushed shows this picture");
  return {};
}

}  // namespace zhiyin::wechat
