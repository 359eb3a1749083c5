#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "sandbox/account_state.h"
#include "sandbox/keyword_rules.h"

// Template messages of service accounts, and messages for one confirmation.
namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kTemplatesMax = 25;
constexpr Duration kRepeat = std::chrono::minutes(10);
constexpr Duration kDelay = std::chrono::seconds(3);
constexpr double kBlocked = 0.01;

/// Industries by their number, as far as the sandbox knows them.
struct Industry {
  std::string_view id, first, second;
};
constexpr Industry kIndustries[] = {{"1", "IT科技", "互联网|电子商务"},
                                    {"2", "IT科技", "IT软件与服务"},
                                    {"4", "IT科技", "电子技术"},
                                    {"10", "餐饮", "餐饮"},
                                    {"16", "教育", "培训"},
                                    {"31", "商业服务", "法律"}};

/// Templates that may be added, by their number in the library.
struct LibraryTemplate {
  std::string_view number, title;
  std::pair<std::string_view, std::string_view> keywords[3];
};
constexpr LibraryTemplate kLibrary[] = {
    {"TM00015",
     "订单支付成功",
     {{"character_string1", "订单编号"}, {"amount2", "支付金额"}, {"time3", "支付时间"}}},
    {"OPENTM200444326",
     "课程开始提醒",
     {{"thing1", "课程名称"}, {"time2", "开始时间"}, {"thing3", "上课地点"}}},
    {"43216",
     "预约成功通知",
     {{"thing1", "预约项目"}, {"time2", "预约时间"}, {"phrase3", "预约状态"}}},
};

TemplateState::Template* find_template(AccountState& account, std::string_view id) {
  auto& list = account.templates.list;
  const auto found = std::ranges::find(list, id, &TemplateState::Template::id);
  return found == list.end() ? nullptr : &*found;
}

/// What is wrong with the data of a message; empty when nothing is.
std::string find_fault(const TemplateState::Template& wanted, const Json& data) {
  for (const TemplateState::Keyword& keyword : wanted.keywords) {
    const std::string value = text_of(data[keyword.key]["value"]);
    if (value.empty()) return fmt::format("argument invalid! data.{}.value is empty", keyword.key);
    if (!is_right_value(keyword.key, value))
      return fmt::format("argument invalid! data.{}.value invalid", keyword.key);
  }
  return {};
}

std::string words_of(const TemplateState::Template& wanted, const Json& data) {
  std::string text = wanted.title;
  for (const TemplateState::Keyword& keyword : wanted.keywords)
    text += fmt::format("\n{}：{}", keyword.label, text_of(data[keyword.key]["value"]));
  return text;
}

Answer template_send(AccountState& account, const Call& call) {
  Follower* follower = account.people.find(call.text("touser"));
  if (follower == nullptr) return account.refuse(40003, call.now);
  const TemplateState::Template* wanted = find_template(account, call.text("template_id"));
  if (wanted == nullptr) return account.refuse(40037, call.now);
  if (const std::string fault = find_fault(*wanted, call.body["data"]); !fault.empty())
    return api_error(47003, fault, call.now, account.random);
  if (!follower->following) return account.refuse(43004, call.now);
  if (follower->blacklisted) return account.refuse(43019, call.now);
  const std::string client_id = call.text("client_msg_id");
  auto& sends = account.templates.sends;
  std::erase_if(sends, [&](const auto& entry) { return entry.second.at + kRepeat <= call.now; });
  const std::string key = follower->openid + "\n" + client_id;
  const auto earlier = sends.find(key);
  const bool repeated = !client_id.empty() && earlier != sends.end();
  const std::int64_t msg_id = repeated ? earlier->second.id : account.next_message_id();
  if (!repeated) {
    if (!client_id.empty()) {
      sends[key] = {msg_id, call.now};
      note_template(account, key, sends[key]);
    }
    const bool blocked = account.random.uniform() < kBlocked;
    SentMessage message;
    message.channel = "template";
    message.id = msg_id;
    message.client_id = client_id;
    message.at = call.now;
    message.text = words_of(*wanted, call.body["data"]);
    message.link = call.text("url");
    message.targeted = 1;
    if (blocked) {
      account.templates.blocked.push_back(
          {static_cast<std::int64_t>(account.templates.blocked.size()) + 1, msg_id, wanted->title,
           message.text, follower->openid, call.now});
    } else {
      message.recipients = {follower->openid};
    }
    account.hand_over(std::move(message));
    account.call_back(
        call.now + kDelay,
        event_message(follower->openid, call.now + kDelay, "TEMPLATESENDJOBFINISH",
                      {{"MsgID", std::to_string(msg_id), true, {}},
                       {"Status", blocked ? "failed:user block" : "success", false, {}}}));
  }
  Json answer = api_ok();
  answer.set("msgid", msg_id);
  return answer;
}

Answer template_list(AccountState& account, const Call&) {
  Json list = Json::array();
  for (const TemplateState::Template& known : account.templates.list) {
    Json one = Json::object();
    one.set("template_id", known.id);
    one.set("title", known.title);
    one.set("primary_industry", "IT科技");
    one.set("deputy_industry", "互联网|电子商务");
    std::string content, example;
    for (const TemplateState::Keyword& keyword : known.keywords) {
      content += fmt::format("{}:{{{{{}.DATA}}}}\n", keyword.label, keyword.key);
      example += fmt::format("{}:示例\n", keyword.label);
    }
    one.set("content", content);
    one.set("example", example);
    list.push(std::move(one));
  }
  Json answer = Json::object();
  answer.set("template_list", std::move(list));
  return answer;
}

Answer template_add(AccountState& account, const Call& call) {
  const std::string number = call.text("template_id_short");
  const auto found = std::ranges::find(kLibrary, number, &LibraryTemplate::number);
  if (found == std::end(kLibrary)) return account.refuse(40037, call.now);
  if (account.templates.list.size() >= kTemplatesMax) return account.refuse(45026, call.now);
  TemplateState::Template added{account.make_name(43), std::string(found->title), {}};
  const Json::Array* wanted = call.body["keyword_name_list"].if_array();
  for (const auto& [key, label] : found->keywords) {
    const bool is_wanted =
        wanted == nullptr || wanted->empty() ||
        std::ranges::any_of(*wanted, [&](const Json& name) { return name.string_or("") == label; });
    if (is_wanted) added.keywords.push_back({std::string(key), std::string(label)});
  }
  if (added.keywords.empty())
    return account.refuse(kInvalidParameter, call.now, "keyword_name_list");
  Json answer = api_ok();
  answer.set("template_id", added.id);
  account.templates.list.push_back(std::move(added));
  return answer;
}

Answer template_delete(AccountState& account, const Call& call) {
  const std::string id = call.text("template_id");
  if (std::erase_if(account.templates.list, [&](const auto& t) { return t.id == id; }) == 0)
    return account.refuse(40037, call.now);
  return api_ok();
}

Json describe_industry(const std::string& id) {
  const auto found = std::ranges::find(kIndustries, id, &Industry::id);
  Json industry = Json::object();
  industry.set("first_class", found == std::end(kIndustries) ? "其它" : found->first);
  industry.set("second_class", found == std::end(kIndustries) ? "其它" : found->second);
  return industry;
}

Answer industry_get(AccountState& account, const Call&) {
  Json answer = Json::object();
  answer.set("primary_industry", describe_industry(account.templates.industries[0]));
  answer.set("secondary_industry", describe_industry(account.templates.industries[1]));
  return answer;
}

Answer industry_set(AccountState& account, const Call& call) {
  TemplateState& state = account.templates;
  const int month = shanghai_month(call.now);
  if (state.industry_month == month) return account.refuse(43100, call.now);
  const std::string first = call.text("industry_id1");
  const std::string second = call.text("industry_id2");
  const bool has_changed = first != state.industries[0] || second != state.industries[1];
  state.industry_month = month;
  state.industries[0] = first;
  state.industries[1] = second;
  if (has_changed) state.list.clear();  // templates of the old industries go
  return api_ok();
}

Answer template_blocked(AccountState& account, const Call& call) {
  const std::string message = call.text("tmpl_msg_id");
  const std::int64_t after = call.number("largest_id");
  const auto limit = static_cast<std::size_t>(call.number("limit", 100));
  Json list = Json::array();
  for (const TemplateState::Blocked& blocked : account.templates.blocked) {
    const bool is_asked = message.empty() || message == std::to_string(blocked.msg_id);
    if (!is_asked || blocked.number <= after || list.if_array()->size() >= limit) continue;
    Json one = Json::object();
    one.set("id", blocked.number);
    one.set("tmpl_msg_id", std::to_string(blocked.msg_id));
    one.set("title", blocked.title);
    one.set("content", blocked.content);
    one.set("send_timestamp", seconds_of(blocked.at));
    one.set("openid", blocked.openid);
    list.push(std::move(one));
  }
  Json answer = api_ok();
  answer.set("msginfo", std::move(list));
  return answer;
}

/// One message for one confirmation on the platform's page.
Answer template_once(AccountState& account, const Call& call) {
  const Follower* person = account.people.find(call.text("touser"));
  if (person == nullptr) return account.refuse(40003, call.now);
  if (find_template(account, call.text("template_id")) == nullptr)
    return account.refuse(40037, call.now);
  const auto confirmed = account.templates.confirmations.find(
      fmt::format("{}\n{}\n{}", person->openid, call.text("template_id"), call.number("scene")));
  if (confirmed == account.templates.confirmations.end() || confirmed->second == 0)
    return account.refuse(43101, call.now);
  --confirmed->second;
  SentMessage message;
  message.channel = "template";
  message.id = account.next_message_id();
  message.at = call.now;
  message.text =
      fmt::format("{}\n{}", call.text("title"), text_of(call.body["data"]["content"]["value"]));
  message.link = call.text("url");
  message.targeted = 1;
  message.recipients = {person->openid};
  account.hand_over(std::move(message));
  return api_ok();
}

}  // namespace

std::vector<Endpoint> template_endpoints() {
  constexpr unsigned kAccess = kVerified | kServiceOnly | kOfficialOnly;
  const Field touser = text("touser", 1, 128, 40003);
  const Field id = bytes("template_id", 1, 64, 40036).or_missing(40037);
  return {
      {.method = "POST",
       .path = "/cgi-bin/message/template/send",
       .summary = "A template message; ends with TEMPLATESENDJOBFINISH",
       .handler = template_send,
       .answers = "msgid:n",
       .fields = {touser, id, object("data", 47003).optional(), bytes("url", 0, 1024, 40039),
                  bytes("client_msg_id", 0, 64)},
       .access = kAccess,
       .per_day = 100'000,
       .errors = {40037, 43004, 43019, 47003}},
      {.method = "GET",
       .path = "/cgi-bin/template/get_all_private_template",
       .summary = "The account's templates",
       .handler = template_list,
       .answers =
           "template_list[]{template_id title primary_industry deputy_industry content example}",
       .access = kAccess,
       .per_day = 10'000},
      {.method = "POST",
       .path = "/cgi-bin/template/api_add_template",
       .summary = "Takes a template from the library; 25 at once",
       .handler = template_add,
       .answers = "template_id",
       .fields = {bytes("template_id_short", 1, 64, 40036).or_missing(40037),
                  list("keyword_name_list", 0, 5)},
       .access = kAccess,
       .errors = {40037, 45026}},
      {.method = "POST",
       .path = "/cgi-bin/template/del_private_template",
       .summary = "Gives a template up",
       .handler = template_delete,
       .fields = {id},
       .access = kAccess,
       .errors = {40037}},
      {.method = "GET",
       .path = "/cgi-bin/template/get_industry",
       .summary = "The account's industries",
       .handler = industry_get,
       .answers = "primary_industry{first_class second_class} secondary_industry{first_class "
                  "second_class}",
       .access = kAccess},
      {.method = "POST",
       .path = "/cgi-bin/template/api_set_industry",
       .summary = "Sets the industries, once a month; templates of the old ones go",
       .handler = industry_set,
       .fields = {number("industry_id1", 1, 41), number("industry_id2", 1, 41)},
       .access = kAccess,
       .errors = {43100}},
      {.method = "POST",
       .path = "/wxa/sec/queryblocktmplmsg",
       .summary = "Template messages that the platform held back",
       .handler = template_blocked,
       .answers = "msginfo[]{id:n tmpl_msg_id title content send_timestamp:n openid}",
       .fields = {text("tmpl_msg_id", 0, 64), number("largest_id", 0, kAnyNumber).optional(),
                  number("limit", 1, 100).optional()},
       .access = kAccess},
      {.method = "POST",
       .path = "/cgi-bin/message/template/subscribe",
       .summary = "One message for one confirmation",
       .handler = template_once,
       .fields = {touser, id, text("title", 1, 15, 45003), number("scene", 0, 10'000),
                  object("data", 47003), text("data.content.value", 1, 200, 47003),
                  bytes("url", 0, 1024, 40039)},
       .access = kVerified | kOfficialOnly,
       .errors = {40037, 43101}},
  };
}

}  // namespace zhiyin::sandbox
