#include <fmt/format.h>

#include <algorithm>

#include "sandbox/account_state.h"
#include "sandbox/keyword_rules.h"
#include "sandbox/review.h"

// Subscribe messages: one message for each permission that a person gave.
namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kTemplatesMax = 50;
constexpr Duration kDelay = std::chrono::seconds(2);
constexpr std::int64_t kCategory = 616;

struct Keyword {
  std::int64_t kid;
  std::string_view key, name, example;
};
struct Title {
  std::int64_t tid;
  std::string_view title;
  int type;
  Keyword keywords[4];
};
constexpr Title kTitles[] = {
    {307,
     "活动开始提醒",
     2,
     {{1, "thing", "活动名称", "会员日"},
      {2, "time", "活动时间", "2026年1月1日 10:00"},
      {3, "thing", "活动地点", "线上"},
      {4, "phrase", "活动状态", "即将开始"}}},
    {1128,
     "到货通知",
     2,
     {{1, "thing", "商品名称", "咖啡豆"},
      {2, "amount", "商品价格", "68元"},
      {3, "date", "到货时间", "2026-01-01"},
      {4, "thing", "备注", "数量有限"}}},
    {5221,
     "课程更新通知",
     3,
     {{1, "thing", "课程名称", "手冲入门"},
      {2, "number", "更新章节", "3"},
      {3, "time", "更新时间", "2026年1月1日 10:00"},
      {4, "name", "老师", "张三"}}},
};

const Title* find_title(std::int64_t tid) {
  const auto found = std::ranges::find(kTitles, tid, &Title::tid);
  return found == std::end(kTitles) ? nullptr : &*found;
}

SubscriptionState::Template* find_template(AccountState& account, std::string_view id) {
  auto& list = account.subscriptions.list;
  const auto found = std::ranges::find(list, id, &SubscriptionState::Template::id);
  return found == list.end() ? nullptr : &*found;
}

CallbackField sent_event(const std::string& template_id, std::int64_t msg_id, bool is_blocked) {
  return {"SubscribeMsgSentEvent",
          {},
          false,
          {{"List",
            {},
            false,
            {{"TemplateId", template_id, false, {}},
             {"MsgID", std::to_string(msg_id), false, {}},
             {"ErrorCode", is_blocked ? "43019" : "0", false, {}},
             {"ErrorStatus", is_blocked ? "user block" : "success", false, {}}}}}};
}

/// Both kinds of accounts: only what opens is named differently.
Answer subscribe_send(AccountState& account, const Call& call) {
  Follower* person = account.people.find(call.text("touser"));
  if (person == nullptr) return account.refuse(40003, call.now);
  const SubscriptionState::Template* wanted = find_template(account, call.text("template_id"));
  if (wanted == nullptr) return account.refuse(40037, call.now);
  std::string words = wanted->title;
  for (std::size_t i = 0; i < wanted->keywords.size(); ++i) {
    const std::string& key = wanted->keywords[i];
    const std::string value = text_of(call.body["data"][key]["value"]);
    if (value.empty() || !is_right_value(key, value)) {
      return api_error(47003,
                       fmt::format("argument invalid! data.{}.value {}", key,
                                   value.empty() ? "is empty" : "invalid"),
                       call.now, account.random);
    }
    words += fmt::format("\n{}：{}", wanted->labels[i], value);
  }
  if (review(words).label != kNothingWrong) return account.refuse(45168, call.now);
  int& left = person->grants[wanted->id];
  if (left == 0) return account.refuse(43101, call.now);
  if (wanted->type == 2) --left;  // a long-term permission stays
  note_person(account, *person);
  const std::int64_t msg_id = account.next_message_id();
  SentMessage message;
  message.channel = "subscribe";
  message.id = msg_id;
  message.at = call.now;
  message.text = words;
  message.link = call.text("page");
  message.targeted = 1;
  if (!person->blacklisted) message.recipients = {person->openid};
  account.hand_over(std::move(message));
  account.call_back(call.now + kDelay,
                    event_message(person->openid, call.now + kDelay, "subscribe_msg_sent_event",
                                  {sent_event(wanted->id, msg_id, person->blacklisted)}));
  return api_ok();
}

Answer add(AccountState& account, const Call& call) {
  const Title* title = find_title(call.number("tid"));
  if (title == nullptr) return account.refuse(200014, call.now);
  if (account.subscriptions.list.size() >= kTemplatesMax) return account.refuse(200012, call.now);
  SubscriptionState::Template added;
  added.title = title->title;
  added.type = title->type;
  added.tid = title->tid;
  for (const Json& kid : *call.body["kidList"].if_array()) {
    const auto keyword = std::ranges::find(title->keywords, number_of(kid), &Keyword::kid);
    if (keyword == std::end(title->keywords)) return account.refuse(200020, call.now);
    added.keywords.push_back(fmt::format("{}{}", keyword->key, keyword->kid));
    added.labels.emplace_back(keyword->name);
  }
  const auto is_same = [&](const auto& t) {
    return t.tid == added.tid && t.keywords == added.keywords;
  };
  if (std::ranges::any_of(account.subscriptions.list, is_same))
    return account.refuse(200022, call.now);
  added.id = account.make_name(43);
  Json answer = api_ok();
  answer.set("priTmplId", added.id);
  account.subscriptions.list.push_back(std::move(added));
  return answer;
}

Answer remove(AccountState& account, const Call& call) {
  const std::string id = call.text("priTmplId");
  if (std::erase_if(account.subscriptions.list, [&](const auto& t) { return t.id == id; }) == 0)
    return account.refuse(200001, call.now);
  return api_ok();
}

Answer list_templates(AccountState& account, const Call&) {
  Json data = Json::array();
  for (const SubscriptionState::Template& known : account.subscriptions.list) {
    std::string content, example;
    for (std::size_t i = 0; i < known.keywords.size(); ++i) {
      content += fmt::format("{}:{{{{{}.DATA}}}}\n", known.labels[i], known.keywords[i]);
      example += fmt::format("{}:示例\n", known.labels[i]);
    }
    Json one = Json::object();
    one.set("priTmplId", known.id);
    one.set("title", known.title);
    one.set("content", content);
    one.set("example", example);
    one.set("type", known.type);
    data.push(std::move(one));
  }
  Json answer = api_ok();
  answer.set("data", std::move(data));
  return answer;
}

Answer categories(AccountState&, const Call&) {
  Json one = Json::object();
  one.set("id", kCategory);
  one.set("name", "生活服务");
  Json answer = api_ok();
  answer.set("data", Json(Json::Array{std::move(one)}));
  return answer;
}

Answer titles(AccountState& account, const Call& call) {
  if (call.text("ids").find(std::to_string(kCategory)) == std::string::npos)
    return account.refuse(200018, call.now);
  const auto start = static_cast<std::size_t>(call.number("start"));
  const auto limit = static_cast<std::size_t>(call.number("limit"));
  Json data = Json::array();
  for (std::size_t i = start; i < std::size(kTitles) && data.if_array()->size() < limit; ++i) {
    Json one = Json::object();
    one.set("tid", kTitles[i].tid);
    one.set("title", kTitles[i].title);
    one.set("type", kTitles[i].type);
    one.set("categoryId", std::to_string(kCategory));
    data.push(std::move(one));
  }
  Json answer = api_ok();
  answer.set("count", std::size(kTitles));
  answer.set("data", std::move(data));
  return answer;
}

Answer keywords(AccountState& account, const Call& call) {
  const Title* title = find_title(call.number("tid"));
  if (title == nullptr) return account.refuse(200014, call.now);
  Json data = Json::array();
  for (const Keyword& keyword : title->keywords) {
    Json one = Json::object();
    one.set("kid", keyword.kid);
    one.set("name", keyword.name);
    one.set("example", keyword.example);
    one.set("rule", keyword.key);
    data.push(std::move(one));
  }
  Json answer = api_ok();
  answer.set("count", std::size(title->keywords));
  answer.set("data", std::move(data));
  return answer;
}

}  // namespace

std::vector<Endpoint> subscription_endpoints() {
  const Field touser = text("touser", 1, 128, 40003);
  const Field id = bytes("template_id", 1, 64, 40037);
  const Field data = object("data", 47003);
  const std::vector<int> errors = {40037, 43101, 45168, 47003};
  return {
      {.method = "POST",
       .path = "/cgi-bin/message/subscribe/bizsend",
       .summary = "A subscribe message of an official account; uses one permission up",
       .handler = subscribe_send,
       .fields = {touser, id, bytes("page", 0, 1024, 40039), data},
       .access = kVerified | kOfficialOnly,
       .errors = errors},
      {.method = "POST",
       .path = "/cgi-bin/message/subscribe/send",
       .summary = "A subscribe message of a mini-program; uses one permission up",
       .handler = subscribe_send,
       .fields = {touser, id, bytes("page", 0, 1024, 40165),
                  one_of("miniprogram_state", "developer trial formal").optional(),
                  one_of("lang", "zh_CN en_US zh_HK zh_TW").optional(), data},
       .access = kMiniOnly,
       .errors = errors},
      {.method = "POST",
       .path = "/wxaapi/newtmpl/addtemplate",
       .summary = "Takes a title with 2 to 5 keywords from the library; 50 at once",
       .handler = add,
       .answers = "priTmplId",
       .fields = {number("tid", 1, kAnyNumber, 200014), list("kidList", 2, 5, 200020),
                  text("sceneDesc", 0, 15, 200021)},
       .errors = {200012, 200020, 200022}},
      {.method = "POST",
       .path = "/wxaapi/newtmpl/deltemplate",
       .summary = "Gives a template up",
       .handler = remove,
       .fields = {text("priTmplId", 1, 64, 200001)}},
      {.method = "GET",
       .path = "/wxaapi/newtmpl/gettemplate",
       .summary = "The account's templates of subscribe messages",
       .handler = list_templates,
       .answers = "data[]{priTmplId title content example type:n}"},
      {.method = "GET",
       .path = "/wxaapi/newtmpl/getcategory",
       .summary = "The account's categories",
       .handler = categories,
       .answers = "data[]{id:n name}"},
      {.method = "GET",
       .path = "/wxaapi/newtmpl/getpubtemplatetitles",
       .summary = "Titles of the library",
       .handler = titles,
       .answers = "count:n data[]{tid:n title type:n categoryId}",
       .fields = {text("ids", 1, 256, 200018), number("start", 0, kAnyNumber, 200016),
                  number("limit", 1, 30, 200017)}},
      {.method = "GET",
       .path = "/wxaapi/newtmpl/getpubtemplatekeywords",
       .summary = "Keywords of a title",
       .handler = keywords,
       .answers = "count:n data[]{kid:n name example rule}",
       .fields = {number("tid", 1, kAnyNumber, 200014)}},
  };
}

}  // namespace zhiyin::sandbox
