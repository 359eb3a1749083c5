#include <fmt/format.h>

#include <algorithm>

#include "base/crypto.h"
#include "sandbox/account_state.h"
#include "sandbox/drafts.h"
#include "sandbox/material.h"
#include "sandbox/review.h"

// Mass sends: one message to a tag, to all, or to a list of people.
namespace zhiyin::sandbox {
namespace {

constexpr std::int64_t kTextBytesMax = 2048;
constexpr int kPerPersonAndMonth = 4;
constexpr Duration kRepeatWindow = kDay;
constexpr Duration kJobMemory = kDay * 60;
constexpr Duration kRepeatPause = std::chrono::minutes(1);
constexpr Duration kJobDelay = std::chrono::minutes(2);
constexpr double kLostOnTheWay = 0.004;
constexpr std::int64_t kRealSpeeds[] = {80, 60, 45, 30, 10};  // 10,000 people a minute

/// What a mass message shows, or why it cannot be sent.
struct Content {
  int error = 0;
  std::string words;
  std::string link;
  std::string draft;  ///< media_id of the articles; empty: none
};

Content text_content(const Json& content) {
  const std::string text(content["content"].string_or(""));
  if (text.empty()) return {44004};
  if (text.size() > kTextBytesMax) return {45002};
  return {0, text, first_link(text)};
}

Content read_content(AccountState& account, const Json& body, Instant now) {
  const std::string_view type = body["msgtype"].string_or("");
  const Json& content = body[type];
  if (content.if_object() == nullptr) return {40008};
  if (type == "text") return text_content(content);
  const std::string id = text_of(content["media_id"]);
  if (type == "mpnews") {
    const ArticleState::Draft* draft = find_draft(account, id);
    if (draft == nullptr) return {40007};
    return {0, words_of(draft->articles), {}, id};
  }
  if (type == "image" || type == "images") {
    const Json::Array* ids = content["media_ids"].if_array();
    const Json::Array one = {Json(id)};
    for (const Json& picture : ids != nullptr ? *ids : one) {
      if (!has_file(account, text_of(picture), "image", now)) return {40007};
    }
    return {0, fmt::format("[图片] {}", text_of(content["recommend"]))};
  }
  if (type == "voice") {
    if (!has_file(account, id, "voice", now)) return {40007};
    return {0, "[语音]"};
  }
  if (type == "mpvideo") {
    const MaterialState::File* file = find_file(account, id, now);
    // Of videos only those that went through uploadvideo may be sent.
    if (file == nullptr || file->type != "video" || !file->for_mass) return {40007};
    return {0, fmt::format("[视频] {}\n{}", file->title, file->introduction)};
  }
  if (type == "wxcard") return {48008};
  return {40008};
}

bool may_receive(const AccountState& account, Follower& follower, Instant now) {
  if (!follower.following || follower.blacklisted) return false;
  const int month = shanghai_month(now);
  if (follower.mass_month != month) {
    follower.mass_month = month;
    follower.mass_in_month = 0;
  }
  // Subscription accounts are held by one send a day instead.
  return account.identity.kind == AccountKind::kSubscription ||
         follower.mass_in_month < kPerPersonAndMonth;
}

/// The answer to a repetition of a job of the last 24 hours; absent when there is none.
std::optional<Json> repetition_of(AccountState& account, const std::string& client_id,
                                  Instant now) {
  auto& jobs = account.mass.jobs;
  std::erase_if(jobs, [&](const MassState::Job& job) { return now - job.at > kJobMemory; });
  const auto known = std::ranges::find_if(jobs, [&](const MassState::Job& job) {
    return job.client_id == client_id && now - job.at < kRepeatWindow;
  });
  if (known == jobs.end()) return std::nullopt;
  if (now - known->at < kRepeatPause) return account.refuse(45066, now);
  Json answer = account.refuse(45065, now);
  answer.set("msg_id", known->id);
  return answer;
}

MassState::Job* find_job(AccountState& account, const Json& msg_id) {
  auto& jobs = account.mass.jobs;
  const auto job = std::ranges::find(jobs, number_of(msg_id, -1), &MassState::Job::id);
  return job == jobs.end() ? nullptr : &*job;
}

CallbackField article_results(const AccountState& account, const ArticleState::Publication* sent) {
  CallbackField results{"ArticleUrlResult", {}, false, {}};
  CallbackField items{"ResultList", {}, false, {}};
  const std::size_t count = sent == nullptr ? 0 : sent->articles.size();
  for (std::size_t i = 0; i < count; ++i) {
    items.children.push_back({"item",
                              {},
                              false,
                              {{"ArticleIdx", std::to_string(i + 1), true, {}},
                               {"ArticleUrl", article_url(account, *sent, i), false, {}}}});
  }
  results.children = {{"Count", std::to_string(count), true, {}}, std::move(items)};
  return results;
}

Answer start(AccountState& account, const Json& body, const std::vector<Follower*>& scope,
             std::size_t targeted, const std::string& client_id, Instant now) {
  Content content = read_content(account, body, now);
  if (content.error != 0) return account.refuse(content.error, now);
  SentMessage message;
  message.channel = "mass";
  message.id = account.next_message_id();
  message.client_id = std::string(body["clientmsgid"].string_or(""));
  message.at = now;
  message.text = content.words;
  message.link = content.link;
  message.targeted = targeted;
  const Objection objection = review(content.words);
  const bool is_refused = objection.label != kNothingWrong && !objection.doubtful;
  ArticleState::Publication* articles = nullptr;
  if (!content.draft.empty() && !is_refused) {
    articles = publish_draft(account, content.draft, now);
    articles->by_mass = true;
    message.link = article_url(account, *articles, 0);
  }
  std::size_t filtered = 0;
  for (Follower* follower : scope) {
    if (!may_receive(account, *follower, now)) continue;
    ++filtered;
    if (is_refused || account.random.uniform() < kLostOnTheWay) continue;
    ++follower->mass_in_month;
    note_person(account, *follower);
    message.recipients.push_back(follower->openid);
  }
  const std::size_t sent = message.recipients.size();
  if (articles != nullptr) articles->audience = sent;
  MassState::Job job;
  job.id = message.id;
  job.client_id = client_id;
  job.type = body["msgtype"].string_or("");
  job.at = now;
  job.finished_at = now + kJobDelay;
  job.failed = sent == 0;
  job.reached = sent;
  job.articles = articles == nullptr ? 0 : articles->articles.size();
  job.msg_data_id = articles == nullptr ? 0 : articles->msg_data_id;
  account.mass.jobs.push_back(job);
  note_job(account, job);
  const auto number = [](std::size_t n) { return std::to_string(n); };
  const std::string status = is_refused ? fmt::format("err({})", objection.label)
                             : sent > 0 ? "send success"
                                        : "send fail";
  std::vector<CallbackField> fields = {{"MsgID", std::to_string(message.id), true, {}},
                                       {"Status", status, false, {}},
                                       {"TotalCount", number(targeted), true, {}},
                                       {"FilterCount", number(filtered), true, {}},
                                       {"SentCount", number(sent), true, {}},
                                       {"ErrorCount", number(filtered - sent), true, {}}};
  if (job.type == "mpnews") {
    fields.push_back(
        {"CopyrightCheckResult",
         {},
         false,
         {{"Count", "0", true, {}}, {"ResultList", {}, false, {}}, {"CheckState", "1", true, {}}}});
    fields.push_back(article_results(account, articles));
  }
  account.call_back(now + kJobDelay, event_message("mphelper", now + kJobDelay, "MASSSENDJOBFINISH",
                                                   std::move(fields)));
  Json answer = Json::object();
  answer.set("errcode", 0);
  answer.set("errmsg", "send job submission success");
  answer.set("msg_id", message.id);
  if (job.msg_data_id != 0) answer.set("msg_data_id", job.msg_data_id);
  if (!is_refused) account.hand_over(std::move(message));
  return answer;
}

/// Without an id of the caller, scope and content stand for it.
std::string key_of(const Json& body, const std::string& scope) {
  const std::string client_id(body["clientmsgid"].string_or(""));
  if (!client_id.empty()) return client_id;
  return crypto::hex(crypto::sha1(scope + body[body["msgtype"].string_or("")].dump()));
}

Answer mass_send(AccountState& account, const Call& call) {
  const Json::Array& list = *call.body["touser"].if_array();
  std::string scope_text;
  std::vector<Follower*> scope;
  for (const Json& openid : list) {
    scope_text += openid.string_or("");
    if (Follower* follower = account.people.find(openid.string_or(""))) scope.push_back(follower);
  }
  std::ranges::sort(scope);
  const auto surplus = std::ranges::unique(scope);
  scope.erase(surplus.begin(), surplus.end());
  if (scope.empty()) return account.refuse(40003, call.now);
  const std::string key = key_of(call.body, scope_text);
  if (auto answer = repetition_of(account, key, call.now)) return std::move(*answer);
  return start(account, call.body, scope, list.size(), key, call.now);
}

Answer mass_send_all(AccountState& account, const Call& call) {
  const bool to_all = flag_of(call.body["filter"]["is_to_all"]);
  const std::int64_t tag = number_of(call.body["filter"]["tag_id"]);
  if (!to_all && account.tags.find(tag) == nullptr) return account.refuse(45159, call.now);
  const std::string key = key_of(call.body, call.body["filter"].dump());
  if (auto answer = repetition_of(account, key, call.now)) return std::move(*answer);
  const std::int64_t today = local_day(call.now, TimeZone::shanghai());
  const bool once_a_day = to_all || account.identity.kind == AccountKind::kSubscription;
  if (once_a_day && account.mass.to_all_day == today) return account.refuse(45028, call.now);
  std::vector<Follower*> scope;
  for (Follower& follower : account.people.list()) {
    const bool tagged = std::ranges::find(follower.tags, tag) != follower.tags.end();
    if (follower.following && (to_all || tagged)) scope.push_back(&follower);
  }
  Answer answer = start(account, call.body, scope, scope.size(), key, call.now);
  if (once_a_day && answer.body["errcode"].int_or(-1) == 0) account.mass.to_all_day = today;
  return answer;
}

Answer mass_preview(AccountState& account, const Call& call) {
  Follower* follower = account.people.find(call.text("touser"));
  if (follower == nullptr) return account.refuse(40003, call.now);
  Content content = read_content(account, call.body, call.now);
  if (content.error != 0) return account.refuse(content.error, call.now);
  if (!follower->following) return account.refuse(43004, call.now);
  SentMessage message;
  message.channel = "preview";
  message.id = account.next_message_id();
  message.at = call.now;
  message.text = content.words;
  message.link = content.link;
  message.targeted = 1;
  message.recipients = {follower->openid};
  Json answer = Json::object();
  answer.set("errcode", 0);
  answer.set("errmsg", "preview success");
  answer.set("msg_id", message.id);
  account.hand_over(std::move(message));
  return answer;
}

Answer mass_get(AccountState& account, const Call& call) {
  const MassState::Job* job = find_job(account, call.body["msg_id"]);
  if (job == nullptr) return account.refuse(40059, call.now);
  const std::string_view outcome = job->deleted  ? "DELETE"
                                   : job->failed ? "SEND_FAIL"
                                                 : "SEND_SUCCESS";
  Json answer = Json::object();
  answer.set("msg_id", job->id);
  answer.set("msg_status", call.now < job->finished_at ? "SENDING" : outcome);
  return answer;
}

Answer mass_delete(AccountState& account, const Call& call) {
  MassState::Job* job = find_job(account, call.body["msg_id"]);
  const std::string url = call.text("url");
  if (job == nullptr && !url.empty()) {
    const auto has_url = [&](const MassState::Job& j) {
      const ArticleState::Publication* p = find_publication(account, j.msg_data_id);
      for (std::size_t i = 0; p != nullptr && i < p->articles.size(); ++i) {
        if (article_url(account, *p, i) == url) return true;
      }
      return false;
    };
    const auto found = std::ranges::find_if(account.mass.jobs, has_url);
    job = found == account.mass.jobs.end() ? nullptr : &*found;
  }
  if (job == nullptr) return account.refuse(40059, call.now);
  // Only the page of an article or a video can be withdrawn; other messages have none.
  if (job->type != "mpnews" && job->type != "mpvideo") return account.refuse(40008, call.now);
  const std::int64_t index = call.number("article_idx");
  if (index < 0 || index > static_cast<std::int64_t>(std::max<std::size_t>(job->articles, 1)))
    return account.refuse(40114, call.now);
  ArticleState::Publication* articles = find_publication(account, job->msg_data_id);
  for (std::size_t i = 0; articles != nullptr && i < articles->deleted.size(); ++i) {
    if (index == 0 || static_cast<std::size_t>(index) == i + 1) articles->deleted[i] = true;
  }
  job->deleted = articles == nullptr || std::ranges::all_of(articles->deleted, std::identity());
  return api_ok();
}

Answer speed_get(AccountState& account, const Call&) {
  Json answer = Json::object();
  answer.set("speed", account.mass.speed);
  answer.set("realspeed", kRealSpeeds[account.mass.speed]);
  return answer;
}

Answer speed_set(AccountState& account, const Call& call) {
  account.mass.speed = call.number("speed");
  return api_ok();
}

}  // namespace

std::vector<Endpoint> mass_endpoints() {
  constexpr std::string_view kTypes = "text image images voice mpvideo mpnews wxcard";
  const Field type = one_of("msgtype", kTypes, 40008);
  const Field client_id = bytes("clientmsgid", 0, 64, 45067);
  const Field reprint = flag("send_ignore_reprint");
  const std::vector<int> content = {40007, 44004, 45002, 48008};
  std::vector<int> job = content;
  job.insert(job.end(), {40003, 45028, 45065, 45066, 45159});
  return {
      {.method = "POST",
       .path = "/cgi-bin/message/mass/sendall",
       .summary = "Sends to a tag or to all; ends with MASSSENDJOBFINISH",
       .handler = mass_send_all,
       .answers = "msg_id:n msg_data_id:n",
       .fields = {object("filter"), flag("filter.is_to_all"),
                  number("filter.tag_id", 0, kAnyNumber, 45159).optional(), type, client_id,
                  reprint},
       .access = kVerified | kOfficialOnly,
       .per_day = 100,
       .per_minute = 60,
       .counted_as = "/cgi-bin/message/mass/send",
       .errors = job},
      {.method = "POST",
       .path = "/cgi-bin/message/mass/send",
       .summary = "Sends to 2 to 10,000 openids; ends with MASSSENDJOBFINISH",
       .handler = mass_send,
       .answers = "msg_id:n",
       .fields = {list("touser", 2, kAnyNumber, 40130), list("touser", 0, 10'000, 40032), type,
                  client_id, reprint},
       .access = kVerified | kServiceOnly | kOfficialOnly,
       .per_day = 100,
       .per_minute = 60,
       .errors = job},
      {.method = "POST",
       .path = "/cgi-bin/message/mass/preview",
       .summary = "Shows a mass message to one person",
       .handler = mass_preview,
       .answers = "msg_id:n",
       .fields = {text("touser", 0, 128), text("towxname", 0, 64), type},
       .access = kVerified | kOfficialOnly,
       .per_day = 100,
       .errors = content},
      {.method = "POST",
       .path = "/cgi-bin/message/mass/get",
       .summary = "How far a mass send is",
       .handler = mass_get,
       .answers = "msg_id:n msg_status",
       .fields = {number("msg_id", 1, kAnyNumber, 40059)},
       .access = kVerified | kOfficialOnly,
       .per_day = 10'000},
      {.method = "POST",
       .path = "/cgi-bin/message/mass/delete",
       .summary = "Withdraws the pages of a mass send",
       .handler = mass_delete,
       .fields = {number("msg_id", 1, kAnyNumber, 40059).optional(),
                  number("article_idx", 0, 8, 40114).optional(), text("url", 0, 2048, 40066)},
       .access = kVerified | kOfficialOnly,
       .per_day = 10,
       .errors = {40008}},
      {.method = "GET",
       .path = "/cgi-bin/message/mass/speed/get",
       .summary = "How fast mass sends go",
       .handler = speed_get,
       .answers = "speed:n realspeed:n",
       .access = kVerified | kOfficialOnly},
      {.method = "POST",
       .path = "/cgi-bin/message/mass/speed/set",
       .summary = "0 is the fastest, 4 the slowest",
       .handler = speed_set,
       .fields = {number("speed", 0, 4, 45083).or_missing(45084)},
       .access = kVerified | kOfficialOnly},
  };
}

}  // namespace zhiyin::sandbox
