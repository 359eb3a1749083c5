#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_binding.h"

namespace zhiyin::wechat {

/// The numbers are stored: never change them.
enum class ReplyType : int {
  kNone = 0,
  kText = 1,
  kImage = 2,
  kNews = 3,
  kTransfer = 4,
  kVoice = 5,
  kVideo = 6,
  kMusic = 7
};

/// One article of a news reply or customer-service news message.
struct Article {
  std::string title;
  std::string description;
  std::string url;
  std::string picture_url;
  bool operator==(const Article&) const = default;
};

/// What an account answers to a message within the five seconds. `kNone` is the bare `success`;
/// `kTransfer` hands the conversation to human customer service. Holds what the operator wrote,
/// never anything about a person. A pure value.
struct Reply {
  ReplyType type = ReplyType::kNone;
  std::string text;               ///< kText, at most 2048 bytes
  std::string media_id;           ///< kImage, kVoice, kVideo
  std::vector<Article> articles;  ///< kNews; the platform shows one in answers to messages
  std::string title;              ///< kVideo, kMusic; may be empty, as the description
  std::string description;
  std::string music_url;       ///< kMusic: an http or https address
  std::string hq_music_url;    ///< kMusic: preferred on Wi-Fi; may be empty
  std::string thumb_media_id;  ///< kMusic: picture of the player; kVideo: where it is pushed
  std::string kf_account;      ///< kTransfer: which member of staff; empty: any
  std::optional<bool> generated = {};  ///< whether a model made it; absent: not said
  bool operator==(const Reply&) const = default;
};

/// kInvalidArgument with the field when a part is missing or too long. Pure.
Result<void> validate(const Reply& reply);
/// The same of one that may be sent as a customer-service message, which asks for more. Pure.
Result<void> validate_pushed(const Reply& reply);

}  // namespace zhiyin::wechat

namespace zhiyin {

template <>
struct EnumNames<wechat::ReplyType> {
  static constexpr std::pair<wechat::ReplyType, std::string_view> list[] = {
      {wechat::ReplyType::kNone, "none"},         {wechat::ReplyType::kText, "text"},
      {wechat::ReplyType::kImage, "image"},       {wechat::ReplyType::kNews, "news"},
      {wechat::ReplyType::kTransfer, "transfer"}, {wechat::ReplyType::kVoice, "voice"},
      {wechat::ReplyType::kVideo, "video"},       {wechat::ReplyType::kMusic, "music"}};
};

template <>
struct Fields<wechat::Article> {
  using S = wechat::Article;
  static constexpr std::string_view name = "Article";
  static constexpr auto list = field_list(
      field("title", &S::title, "title").length(1, 256),
      field("description", &S::description, "lines below the title").length(0, 1024).optional(),
      field("url", &S::url, "page that opens").length(1, 2048),
      field("picture_url", &S::picture_url, "picture").length(0, 2048).optional());
};

template <>
struct Fields<wechat::Reply> {
  using S = wechat::Reply;
  static constexpr std::string_view name = "Reply";
  static constexpr auto list = field_list(
      field("type", &S::type, "none, text, image, voice, video, music, news or transfer"),
      field("text", &S::text, "text of the answer").length(0, 2048).optional(),
      field("media_id", &S::media_id, "uploaded picture, voice or video").length(0, 256).optional(),
      field("articles", &S::articles, "articles of the answer").length(0, 8).optional(),
      field("title", &S::title, "of a video or music").length(0, 256).optional(),
      field("description", &S::description, "of a video or music").length(0, 1024).optional(),
      field("music_url", &S::music_url, "address of the music").length(0, 2048).optional(),
      field("hq_music_url", &S::hq_music_url, "the same in better quality")
          .length(0, 2048)
          .optional(),
      field("thumb_media_id", &S::thumb_media_id,
            "uploaded picture of the music, or of a video that is pushed")
          .length(0, 256)
          .optional(),
      field("kf_account", &S::kf_account, "staff member who takes over").length(0, 128).optional(),
      field("generated", &S::generated, "whether a model made it: shown when it is pushed"));
};

}  // namespace zhiyin
