#include <fmt/format.h>

#include <algorithm>

#include "sandbox/account_state.h"
#include "sandbox/material.h"

// Customer-service messages: to who did something in the last 48 hours.
namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kTextBytesMax = 2048;
constexpr Duration kTypingNeeds = std::chrono::seconds(30);
constexpr Duration kTypingLasts = std::chrono::seconds(15);

struct Shown {
  int error = 0;
  std::string text;
  std::string link;
};

Shown show_news(const Json& content) {
  const Json::Array* articles = content["articles"].if_array();
  if (articles == nullptr || articles->empty()) return {44003};
  if (articles->size() > 1) return {45008};
  const Json& article = articles->front();
  return {
      0,
      fmt::format("{}\n{}", article["title"].string_or(""), article["description"].string_or("")),
      std::string(article["url"].string_or(""))};
}

Shown show_menu(const Json& content) {
  std::string text(content["head_content"].string_or(""));
  const Json::Array* list = content["list"].if_array();
  if (list == nullptr || list->empty()) return {40035};
  for (const Json& entry : *list) text += fmt::format("\n{}", entry["content"].string_or(""));
  return {0, text + fmt::format("\n{}", content["tail_content"].string_or(""))};
}

bool is_published(const AccountState& account, const std::string& article_id) {
  return std::ranges::any_of(account.articles.publications, [&](const auto& p) {
    return p.article_id == article_id && !p.by_mass && p.status == 0;
  });
}

/// The words and the address in a message, or why it cannot be sent.
Shown show(const AccountState& account, std::string_view type, const Json& content, Instant now) {
  if (content.if_object() == nullptr) return {40008};
  const auto file = [&](std::string_view member, std::string_view kind) {
    return has_file(account, text_of(content[member]), kind, now);
  };
  if (type == "text") {
    const std::string text(content["content"].string_or(""));
    return {text.empty() ? 44004 : 0, text, first_link(text)};
  }
  if (type == "image") return {file("media_id", "image") ? 0 : 40007, "[图片]"};
  if (type == "link") {
    return {0, fmt::format("{}\n{}", text_of(content["title"]), text_of(content["description"])),
            text_of(content["url"])};
  }
  if (type == "miniprogrampage") {
    if (!file("thumb_media_id", "image") && !file("thumb_media_id", "thumb")) return {40007};
    return {0, "[小程序] " + text_of(content["title"])};
  }
  if (account.identity.kind == AccountKind::kMiniProgram) return {40008};
  if (type == "voice") return {file("media_id", "voice") ? 0 : 40007, "[语音]"};
  if (type == "video") {
    const bool is_whole = file("media_id", "video") &&
                          (file("thumb_media_id", "thumb") || file("thumb_media_id", "image"));
    return {is_whole ? 0 : 40007, "[视频] " + text_of(content["title"])};
  }
  if (type == "music") {
    if (!file("thumb_media_id", "thumb") && !file("thumb_media_id", "image")) return {40007};
    return {0, "[音乐] " + text_of(content["title"]), text_of(content["musicurl"])};
  }
  if (type == "news") return show_news(content);
  if (type == "msgmenu") return show_menu(content);
  if (type == "mpnewsarticle")
    return {is_published(account, text_of(content["article_id"])) ? 0 : 40007, "[文章]"};
  if (type == "mpnews") {
    const auto& drafts = account.articles.drafts;
    const auto draft =
        std::ranges::find(drafts, text_of(content["media_id"]), &ArticleState::Draft::media_id);
    if (draft == drafts.end()) return {40007};
    return {draft->articles.size() > 1 ? 45008 : 0, text_of(draft->articles[0]["title"])};
  }
  if (type == "wxcard") return {48001};
  return {40008};
}

Answer custom_send(AccountState& account, const Call& call) {
  Follower* follower = account.people.find(call.text("touser"));
  if (follower == nullptr) return account.refuse(40003, call.now);
  const std::string type = call.text("msgtype");
  const Shown words = show(account, type, call.body[type], call.now);
  if (words.error != 0) return account.refuse(words.error, call.now);
  if (words.text.size() > kTextBytesMax) return account.refuse(45002, call.now);
  const std::string worker = text_of(call.body["customservice"]["kf_account"]);
  const auto& staff = account.staff.members;
  const bool is_known =
      std::ranges::find(staff, worker, &StaffState::Member::account) != staff.end();
  if (!worker.empty() && !is_known) return account.refuse(61452, call.now);
  const bool is_mini = account.identity.kind == AccountKind::kMiniProgram;
  if (!is_mini && !follower->following) return account.refuse(43004, call.now);
  if (follower->blacklisted) return account.refuse(43019, call.now);
  switch (follower->window.take(call.now)) {
    case ReplyWindow::Verdict::kClosed:
      return account.refuse(45015, call.now);
    case ReplyWindow::Verdict::kUsedUp:
      return account.refuse(45047, call.now);
    case ReplyWindow::Verdict::kOpen:
      break;
  }
  note_person(account, *follower);
  account.staff.records.push_back({follower->openid, words.text, worker, 2002, call.now});
  SentMessage message;
  message.channel = "customer_service";
  message.id = account.next_message_id();
  message.at = call.now;
  message.text = words.text;
  message.link = words.link;
  message.ai_label = number_of(call.body["aimsgcontext"]["is_ai_msg"]) == 1;
  message.targeted = 1;
  message.recipients = {follower->openid};
  account.hand_over(std::move(message));
  return api_ok();
}

Answer typing(AccountState& account, const Call& call) {
  Follower* follower = account.people.find(call.text("touser"));
  if (follower == nullptr) return account.refuse(40003, call.now);
  if (call.now - follower->last_seen > kTypingNeeds) return account.refuse(45080, call.now);
  if (call.text("command") == "CancelTyping") {
    follower->typing_until = {};
    return api_ok();
  }
  if (call.now < follower->typing_until) return account.refuse(45081, call.now);
  follower->typing_until = call.now + kTypingLasts;
  return api_ok();
}

}  // namespace

std::vector<Endpoint> message_endpoints() {
  const Field touser = text("touser", 1, 128, 40003);
  return {
      {.method = "POST",
       .path = "/cgi-bin/message/custom/send",
       .summary = "A message to somebody whose window is open: 5 in 48 hours after a message, 3 in "
                  "a minute after a menu tap, a follow or a scan",
       .handler = custom_send,
       .fields = {touser,
                  one_of("msgtype",
                         "text image voice video music news mpnews mpnewsarticle msgmenu wxcard "
                         "miniprogrampage link",
                         40008),
                  bytes("text?.content", 0, 2048, 45002)},
       .access = kVerified,
       .per_day = 500'000,
       .errors = {40007, 43004, 43019, 44003, 44004, 45002, 45008, 45015, 45047, 61452}},
      {.method = "POST",
       .path = "/cgi-bin/message/custom/typing",
       .summary = "Shows that somebody is typing; within 30 seconds of an interaction",
       .handler = typing,
       .fields = {touser, one_of("command", "Typing CancelTyping", 45072)},
       .access = kVerified,
       .per_day = 500'000,
       .errors = {45080, 45081}},
  };
}

}  // namespace zhiyin::sandbox
