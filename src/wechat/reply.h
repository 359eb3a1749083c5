#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_binding.h"

namespace zhiyin::wechat {

/// The numbers are stored: never change them.
enum class ReplyType : int { kNone = 0, kText = 1, kImage = 2, kNews = 3, kTransfer = 4 };

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
  std::string media_id;           ///< kImage
  std::vector<Article> articles;  ///< kNews; the platform shows one in answers to messages
  bool operator==(const Reply&) const = default;
};

/// kInvalidArgument with the field when a part is missing or too long. Pure.
Result<void> validate(const Reply& reply);

}  // namespace zhiyin::wechat

namespace zhiyin {

template <>
struct EnumNames<wechat::ReplyType> {
  static constexpr std::pair<wechat::ReplyType, std::string_view> list[] = {
      {wechat::ReplyType::kNone, "none"},
      {wechat::ReplyType::kText, "text"},
      {wechat::ReplyType::kImage, "image"},
      {wechat::ReplyType::kNews, "news"},
      {wechat::ReplyType::kTransfer, "transfer"}};
};

template <>
struct Fields<wechat::Article> {
  using S = wechat::Article;
  static constexpr std::string_view name = "Article";
  static constexpr auto list = std::make_tuple(
      field("title", &S::title, "title").length(1, 256),
      field("description", &S::description, "lines below the title").length(0, 1024).optional(),
      field("url", &S::url, "page that opens").length(1, 2048),
      field("picture_url", &S::picture_url, "picture").length(0, 2048).optional());
};

template <>
struct Fields<wechat::Reply> {
  using S = wechat::Reply;
  static constexpr std::string_view name = "Reply";
  static constexpr auto list = std::make_tuple(
      field("type", &S::type, "none, text, image, news or transfer"),
      field("text", &S::text, "text of the answer").length(0, 2048).optional(),
      field("media_id", &S::media_id, "uploaded picture").length(0, 256).optional(),
      field("articles", &S::articles, "articles of the answer").length(0, 8).optional());
};

}  // namespace zhiyin
