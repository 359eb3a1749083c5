#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "sandbox/official_account.h"

// Customer-service and template messages, quotas.
namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kTextBytesMax = 2048;
constexpr Duration kTemplateRepeat = std::chrono::minutes(10);
constexpr Duration kTemplateDelay = std::chrono::seconds(3);
constexpr double kTemplateBlocked = 0.01;

struct TemplateField {
  std::string_view key;
  std::string_view label;
};
/// A notification template of the account's industry.
struct MessageTemplate {
  std::string_view id;
  std::string_view title;
  std::array<TemplateField, 3> fields;
};
constexpr MessageTemplate kTemplates[] = {
    {"ORDERSHIP_sb_4QwLr8vY2nKd0uTzXc5mJh1pGfEaBs",
     "订单发货通知",
     {{{"character_string1", "订单编号"}, {"thing2", "商品名称"}, {"time3", "发货时间"}}}},
    {"POINTSCHG_sb_9TbWm3kRz7vQe6yHnXu2sLd8cJfAgP",
     "积分变动提醒",
     {{{"thing1", "变动原因"}, {"number2", "当前积分"}, {"time3", "变动时间"}}}},
};

/// The longest value that a kind of field takes, in characters.
std::size_t value_length_max(std::string_view key) {
  if (key.starts_with("thing")) return 20;
  if (key.starts_with("phrase")) return 5;
  if (key.starts_with("name")) return 10;
  return 32;
}

/// What is wrong with the data of a template message; empty when nothing is.
std::string find_fault(const MessageTemplate& wanted, const Json& data) {
  for (const TemplateField& field : wanted.fields) {
    const std::string_view value = data[field.key]["value"].string_or("");
    if (value.empty()) return fmt::format("argument invalid! data.{}.value is empty", field.key);
    if (utf8::length(value) > value_length_max(field.key)) {
      return fmt::format("argument invalid! data.{}.value invalid", field.key);
    }
  }
  return {};
}

struct Shown {
  std::string text;
  std::string link;
};

/// The words and the address in a customer-service message of a known type.
Shown shown(std::string_view type, const Json& content) {
  if (type == "text") {
    const std::string text(content["content"].string_or(""));
    return {text, first_link(text)};
  }
  if (type == "news") {
    const Json::Array* articles = content["articles"].if_array();
    if (articles == nullptr || articles->size() != 1) return {};
    const Json& article = articles->front();
    return {
        fmt::format("{}\n{}", article["title"].string_or(""), article["description"].string_or("")),
        std::string(article["url"].string_or(""))};
  }
  std::string text(content["head_content"].string_or(""));  // msgmenu
  if (const Json::Array* list = content["list"].if_array()) {
    for (const Json& entry : *list) text += fmt::format("\n{}", entry["content"].string_or(""));
  }
  return {text + fmt::format("\n{}", content["tail_content"].string_or("")), {}};
}

}  // namespace

Json OfficialAccount::custom_send(const ApiCall&, const Json& body, Instant now) {
  Follower* follower = find(body["touser"].string_or(""));
  if (follower == nullptr) return refuse(40003, "invalid openid", now);
  const std::string_view type = body["msgtype"].string_or("");
  if (type == "image" || type == "voice" || type == "video" || type == "mpnews") {
    return refuse(40007, "invalid media_id", now);  // there is no media store
  }
  if (type != "text" && type != "news" && type != "msgmenu")
    return refuse(40008, "invalid message type", now);
  const Json& content = body[type];
  if (type == "news") {
    const Json::Array* articles = content["articles"].if_array();
    if (articles == nullptr || articles->empty()) return refuse(44003, "empty news data", now);
    if (articles->size() > 1) return refuse(45008, "article size out of limit", now);
  }
  const Shown words = shown(type, content);
  if (type == "text" && words.text.empty()) return refuse(44004, "empty content", now);
  if (words.text.size() > kTextBytesMax) return refuse(45002, "content size out of limit", now);
  if (!follower->following) return refuse(43004, "require subscribe", now);
  switch (follower->window.take(now)) {
    case ReplyWindow::Verdict::kClosed:
      return refuse(45015, "response out of time limit or subscription is canceled", now);
    case ReplyWindow::Verdict::kUsedUp:
      return refuse(45047, "out of response count limit", now);
    case ReplyWindow::Verdict::kOpen:
      break;
  }
  SentMessage message;
  message.channel = "customer_service";
  message.id = next_message_id();
  message.at = now;
  message.text = words.text;
  message.link = words.link;
  message.ai_label = body["aimsgcontext"]["is_ai_msg"].int_or(0) == 1;
  message.targeted = 1;
  message.recipients = {follower->openid};
  hand_over(std::move(message));
  return api_ok();
}

Json OfficialAccount::template_send(const ApiCall&, const Json& body, Instant now) {
  Follower* follower = find(body["touser"].string_or(""));
  if (follower == nullptr) return refuse(40003, "invalid openid", now);
  const std::string_view id = body["template_id"].string_or("");
  const auto wanted = std::ranges::find(kTemplates, id, &MessageTemplate::id);
  if (wanted == std::end(kTemplates)) return refuse(40037, "invalid template_id", now);
  if (const std::string fault = find_fault(*wanted, body["data"]); !fault.empty()) {
    return refuse(47003, fault, now);
  }
  if (!follower->following) return refuse(43004, "require subscribe", now);
  const std::string client_id(body["client_msg_id"].string_or(""));
  std::erase_if(template_sends_,
                [&](const auto& entry) { return entry.second.at + kTemplateRepeat <= now; });
  const std::string key = follower->openid + "\n" + client_id;
  const auto earlier = template_sends_.find(key);
  const bool repeated = !client_id.empty() && earlier != template_sends_.end();
  const std::int64_t msg_id = repeated ? earlier->second.id : next_message_id();
  if (!repeated) {
    if (!client_id.empty()) template_sends_[key] = {msg_id, now};
    const bool blocked = random_.uniform() < kTemplateBlocked;
    SentMessage message;
    message.channel = "template";
    message.id = msg_id;
    message.client_id = client_id;
    message.at = now;
    message.text = wanted->title;
    for (const TemplateField& field : wanted->fields) {
      message.text +=
          fmt::format("\n{}：{}", field.label, body["data"][field.key]["value"].string_or(""));
    }
    message.link = body["url"].string_or("");
    message.targeted = 1;
    if (!blocked) message.recipients = {follower->openid};
    hand_over(std::move(message));
    call_back(now + kTemplateDelay,
              event_message(follower->openid, now + kTemplateDelay, "TEMPLATESENDJOBFINISH",
                            {{"MsgID", std::to_string(msg_id), true},
                             {"Status", blocked ? "failed:user block" : "success", false}}));
  }
  Json answer = api_ok();
  answer.set("msgid", msg_id);
  return answer;
}

Json OfficialAccount::template_list(const ApiCall&, const Json&, Instant) {
  Json list = Json::array();
  for (const MessageTemplate& known : kTemplates) {
    Json one = Json::object();
    one.set("template_id", known.id);
    one.set("title", known.title);
    one.set("primary_industry", "IT科技");
    one.set("deputy_industry", "互联网|电子商务");
    std::string content, example;
    for (const TemplateField& field : known.fields) {
      content += fmt::format("{}:{{{{{}.DATA}}}}\n", field.label, field.key);
      example += fmt::format("{}:示例\n", field.label);
    }
    one.set("content", content);
    one.set("example", example);
    list.push(std::move(one));
  }
  Json answer = Json::object();
  answer.set("template_list", std::move(list));
  return answer;
}

Json OfficialAccount::quota_get(const ApiCall&, const Json& body, Instant now) {
  const std::string_view path = body["cgi_path"].string_or("");
  if (!has_path(path) || !quota_.has_limit(path))
    return refuse(76021, "cgi_path not found, please check", now);
  const QuotaCounters::Usage usage = quota_.usage(path, now);
  Json quota = Json::object();
  quota.set("daily_limit", usage.limit);
  quota.set("used", usage.used);
  quota.set("remain", usage.limit - usage.used);
  Json answer = api_ok();
  answer.set("quota", std::move(quota));
  return answer;
}

Json OfficialAccount::quota_clear(const ApiCall&, const Json& body, Instant now) {
  if (body["appid"].string_or("") != account_.app_id) return refuse(40013, "invalid appid", now);
  if (!quota_.clear(now))
    return refuse(48006, "forbid to clear quota because of reaching the limit", now);
  return api_ok();
}

}  // namespace zhiyin::sandbox
