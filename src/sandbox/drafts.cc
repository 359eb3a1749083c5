#include "sandbox/drafts.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/crypto.h"
#include "base/utf8.h"
#include "sandbox/material.h"
#include "sandbox/review.h"

// Drafts of articles, and publishing them.
namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kContentCharsMax = 19'999;
constexpr std::size_t kContentBytesMax = (1 << 20) - 1;
constexpr std::size_t kBodyBytesMax = 12 << 20;  // of a request: eight articles
constexpr std::size_t kDigestTaken = 54;
constexpr std::size_t kPicturesMax = 20;
constexpr Duration kPublishTakes = std::chrono::seconds(30);
constexpr int kDone = 0;
constexpr int kPublishing = 1;
constexpr int kCopied = 2;
constexpr int kRefused = 4;
constexpr int kAllDeleted = 5;
constexpr int kPiracy = 20013;

/// The text of a body, without tags.
std::string without_tags(std::string_view html) {
  std::string out;
  bool is_inside = false;
  for (const char c : html) {
    if (c == '<') is_inside = true;
    if (!is_inside) out += c;
    if (c == '>') is_inside = false;
  }
  return out;
}

/// The first characters of a text.
std::string head_of(std::string_view text, std::size_t characters) {
  std::size_t at = 0;
  while (at < text.size() && characters > 0) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) ++at;
    --characters;
  }
  return std::string(text.substr(0, at));
}

/// Scripts are taken out, as are pictures that are not on the platform's own host.
std::string cleaned(std::string html) {
  for (std::size_t at = 0; (at = html.find("<script", at)) != std::string::npos;) {
    const std::size_t end = html.find("</script>", at);
    html.erase(at, end == std::string::npos ? std::string::npos : end + 9 - at);
  }
  for (std::size_t at = 0; (at = html.find("<img", at)) != std::string::npos;) {
    const std::size_t end = html.find('>', at);
    const std::string_view tag = std::string_view(html).substr(
        at, end == std::string::npos ? std::string::npos : end + 1 - at);
    if (tag.find("//mmbiz.qpic.cn/") == std::string_view::npos) {
      html.erase(at, tag.size());
    } else {
      at += tag.size();
    }
  }
  return html;
}

/// The error of one article; 0: none.
int fault_of(const AccountState& account, const Json& article, Instant now) {
  const std::string type = text_of(article["article_type"]);
  const bool is_picture_post = type == "newspic";
  const std::string content = text_of(article["content"]);
  if (text_of(article["title"]).empty()) return 45003;
  if (utf8::length(content) > kContentCharsMax || content.size() > kContentBytesMax) return 45002;
  if (is_picture_post) {
    const Json::Array* pictures = article["image_info"]["image_list"].if_array();
    if (pictures == nullptr || pictures->empty() || pictures->size() > kPicturesMax) return 45166;
    for (const Json& picture : *pictures) {
      const MaterialState::File* file = find_file(account, text_of(picture["image_media_id"]), now);
      if (file == nullptr || !file->permanent) return 40007;
    }
    return 0;
  }
  if (content.empty()) return 44004;
  const MaterialState::File* cover = find_file(account, text_of(article["thumb_media_id"]), now);
  const bool is_picture = cover != nullptr && (cover->type == "image" || cover->type == "thumb");
  return is_picture && cover->permanent ? 0 : 40007;
}

/// As the platform keeps it.
Json kept(const AccountState& account, const Json& article, bool is_single, Instant now) {
  Json out = Json::object();
  const bool is_picture_post = text_of(article["article_type"]) == "newspic";
  out.set("article_type", is_picture_post ? "newspic" : "news");
  out.set("title", article["title"]);
  out.set("author", text_of(article["author"]));
  const std::string content = cleaned(text_of(article["content"]));
  std::string digest = text_of(article["digest"]);
  if (digest.empty() && is_single) digest = head_of(without_tags(content), kDigestTaken);
  out.set("digest", digest);
  out.set("content", content);
  out.set("content_source_url", text_of(article["content_source_url"]));
  out.set("thumb_media_id", text_of(article["thumb_media_id"]));
  out.set("show_cover_pic", 0);
  out.set("need_open_comment", number_of(article["need_open_comment"]));
  out.set("only_fans_can_comment", number_of(article["only_fans_can_comment"]));
  if (is_picture_post) out.set("image_info", article["image_info"]);
  if (const MaterialState::File* cover =
          find_file(account, text_of(article["thumb_media_id"]), now)) {
    out.set("thumb_url", cover->url);
  }
  return out;
}

Answer add(AccountState& account, const Call& call) {
  const Json::Array& articles = *call.body["articles"].if_array();
  ArticleState::Draft draft;
  for (const Json& article : articles) {
    if (const int error = fault_of(account, article, call.now); error != 0)
      return account.refuse(error, call.now);
    draft.articles.push_back(kept(account, article, articles.size() == 1, call.now));
  }
  draft.media_id = account.make_name(64);
  draft.updated_at = call.now;
  for (Json& article : draft.articles)
    article.set("url", fmt::format("http://mp.weixin.qq.com/s?__biz=&tempkey={}",
                                   draft.media_id.substr(0, 32)));
  Json answer = Json::object();
  answer.set("media_id", draft.media_id);
  account.articles.drafts.push_back(std::move(draft));
  return answer;
}

Answer update(AccountState& account, const Call& call) {
  ArticleState::Draft* draft = find_draft(account, call.text("media_id"));
  if (draft == nullptr) return account.refuse(40007, call.now);
  const auto index = static_cast<std::size_t>(call.number("index"));
  if (index >= draft->articles.size()) return account.refuse(40114, call.now);
  const Json& article = call.body["articles"];
  if (const int error = fault_of(account, article, call.now); error != 0)
    return account.refuse(error, call.now);
  draft->articles[index] = kept(account, article, draft->articles.size() == 1, call.now);
  draft->updated_at = call.now;
  return api_ok();
}

Json news_items(const Json::Array& articles, bool no_content,
                const std::vector<bool>& deleted = {}) {
  Json items = Json::array();
  for (std::size_t i = 0; i < articles.size(); ++i) {
    Json item = articles[i];
    if (no_content) item.set("content", "");
    item.set("is_deleted", i < deleted.size() && deleted[i]);
    items.push(std::move(item));
  }
  Json out = Json::object();
  out.set("news_item", std::move(items));
  return out;
}

Answer get(AccountState& account, const Call& call) {
  const ArticleState::Draft* draft = find_draft(account, call.text("media_id"));
  if (draft == nullptr) return account.refuse(40007, call.now);
  return news_items(draft->articles, false);
}

Answer remove(AccountState& account, const Call& call) {
  const std::string id = call.text("media_id");
  if (std::erase_if(account.articles.drafts, [&](const auto& d) { return d.media_id == id; }) == 0)
    return account.refuse(40007, call.now);
  return api_ok();
}

Answer count(AccountState& account, const Call&) {
  Json answer = Json::object();
  answer.set("total_count", account.articles.drafts.size());
  return answer;
}

Answer list_drafts(AccountState& account, const Call& call) {
  const auto& drafts = account.articles.drafts;
  const auto offset = static_cast<std::size_t>(call.number("offset"));
  const auto most = static_cast<std::size_t>(call.number("count"));
  const bool no_content = call.number("no_content") == 1;
  Json items = Json::array();
  for (std::size_t i = offset; i < drafts.size() && items.if_array()->size() < most; ++i) {
    const ArticleState::Draft& draft = drafts[drafts.size() - 1 - i];  // the newest first
    Json item = Json::object();
    item.set("media_id", draft.media_id);
    item.set("content", news_items(draft.articles, no_content));
    item.set("update_time", seconds_of(draft.updated_at));
    items.push(std::move(item));
  }
  Json answer = Json::object();
  answer.set("total_count", drafts.size());
  answer.set("item_count", items.if_array()->size());
  answer.set("item", std::move(items));
  return answer;
}

int status_of(const ArticleState::Publication& publication, Instant now) {
  if (now < publication.finished_at) return kPublishing;
  const bool is_gone =
      publication.status == kDone && std::ranges::all_of(publication.deleted, std::identity());
  return is_gone ? kAllDeleted : publication.status;
}

CallbackField job_result(const AccountState& account,
                         const ArticleState::Publication& publication) {
  CallbackField info{"PublishEventInfo", {}, false, {}};
  info.children = {{"publish_id", std::to_string(publication.publish_id), false, {}},
                   {"publish_status", std::to_string(publication.status), true, {}}};
  if (publication.status == kDone) {
    info.children.push_back({"article_id", publication.article_id, false, {}});
    CallbackField detail{"article_detail", {}, false, {}};
    detail.children.push_back({"count", std::to_string(publication.articles.size()), true, {}});
    for (std::size_t i = 0; i < publication.articles.size(); ++i) {
      detail.children.push_back(
          {"item",
           {},
           false,
           {{"idx", std::to_string(i + 1), true, {}},
            {"article_url", article_url(account, publication, i), false, {}}}});
    }
    info.children.push_back(std::move(detail));
  } else {
    info.children.push_back({"fail_idx", "1", true, {}});
  }
  return info;
}

Answer submit(AccountState& account, const Call& call) {
  const std::string media_id = call.text("media_id");
  const ArticleState::Draft* draft = find_draft(account, media_id);
  if (draft == nullptr) return account.refuse(40007, call.now);
  const Objection objection = review(words_of(draft->articles));
  const ArticleState::Draft kept_draft = *draft;
  ArticleState::Publication* made = publish_draft(account, media_id, call.now);
  made->finished_at = call.now + kPublishTakes;
  if (objection.label != kNothingWrong && !objection.doubtful) {
    made->status = objection.label == kPiracy ? kCopied : kRefused;
    account.articles.drafts.push_back(kept_draft);  // only what is published is used up
  }
  account.call_back(made->finished_at,
                    event_message("mphelper", made->finished_at, "PUBLISHJOBFINISH",
                                  {job_result(account, *made)}));
  Json answer = api_ok();
  answer.set("publish_id", std::to_string(made->publish_id));
  answer.set("msg_data_id", made->msg_data_id);
  return answer;
}

ArticleState::Publication* find_article(AccountState& account, std::string_view article_id,
                                        Instant now) {
  auto& all = account.articles.publications;
  const auto found = std::ranges::find(all, article_id, &ArticleState::Publication::article_id);
  const bool is_public =
      found != all.end() && !found->by_mass && found->status == kDone && found->finished_at <= now;
  return is_public ? &*found : nullptr;
}

Answer publish_get(AccountState& account, const Call& call) {
  const auto& all = account.articles.publications;
  const auto found =
      std::ranges::find(all, call.number("publish_id"), &ArticleState::Publication::publish_id);
  if (found == all.end() || found->by_mass)
    return account.refuse(kInvalidParameter, call.now, "publish_id");
  const int status = status_of(*found, call.now);
  Json answer = Json::object();
  answer.set("publish_id", std::to_string(found->publish_id));
  answer.set("publish_status", status);
  Json failed = Json::array();
  if (status == kDone) {
    answer.set("article_id", found->article_id);
    Json items = Json::array();
    for (std::size_t i = 0; i < found->articles.size(); ++i) {
      Json item = Json::object();
      item.set("idx", i + 1);
      item.set("article_url", article_url(account, *found, i));
      items.push(std::move(item));
    }
    Json detail = Json::object();
    detail.set("count", found->articles.size());
    detail.set("item", std::move(items));
    answer.set("article_detail", std::move(detail));
  } else if (status == kCopied || status == kRefused) {
    failed.push(1);
  }
  answer.set("fail_idx", std::move(failed));
  return answer;
}

Answer publish_article(AccountState& account, const Call& call) {
  const ArticleState::Publication* found = find_article(account, call.text("article_id"), call.now);
  if (found == nullptr) return account.refuse(kInvalidParameter, call.now, "article_id");
  return news_items(found->articles, false, found->deleted);
}

Answer publish_list(AccountState& account, const Call& call) {
  std::int64_t skip = call.number("offset");
  const auto most = static_cast<std::size_t>(call.number("count"));
  const bool no_content = call.number("no_content") == 1;
  Json items = Json::array();
  std::int64_t total = 0;
  auto& all = account.articles.publications;
  for (auto p = all.rbegin(); p != all.rend(); ++p) {
    if (p->by_mass || status_of(*p, call.now) != kDone) continue;
    ++total;
    if (skip-- > 0 || items.if_array()->size() >= most) continue;
    Json item = Json::object();
    item.set("article_id", p->article_id);
    item.set("content", news_items(p->articles, no_content, p->deleted));
    item.set("update_time", seconds_of(p->finished_at));
    items.push(std::move(item));
  }
  Json answer = Json::object();
  answer.set("total_count", total);
  answer.set("item_count", items.if_array()->size());
  answer.set("item", std::move(items));
  return answer;
}

Answer publish_delete(AccountState& account, const Call& call) {
  ArticleState::Publication* found = find_article(account, call.text("article_id"), call.now);
  if (found == nullptr) return account.refuse(kInvalidParameter, call.now, "article_id");
  const auto index = static_cast<std::size_t>(call.number("index"));
  if (index > found->articles.size()) return account.refuse(40114, call.now);
  for (std::size_t i = 0; i < found->deleted.size(); ++i) {
    if (index == 0 || index == i + 1) found->deleted[i] = true;
  }
  return api_ok();
}

}  // namespace

ArticleState::Draft* find_draft(AccountState& account, std::string_view media_id) {
  auto& drafts = account.articles.drafts;
  const auto found = std::ranges::find(drafts, media_id, &ArticleState::Draft::media_id);
  return found == drafts.end() ? nullptr : &*found;
}

std::string words_of(const Json::Array& articles) {
  std::string words;
  for (const Json& article : articles) {
    words += fmt::format("{}\n{}\n{}\n", text_of(article["title"]), text_of(article["digest"]),
                         without_tags(text_of(article["content"])));
  }
  return words;
}

ArticleState::Publication* publish_draft(AccountState& account, std::string_view media_id,
                                         Instant now) {
  ArticleState& state = account.articles;
  const auto draft = std::ranges::find(state.drafts, media_id, &ArticleState::Draft::media_id);
  ArticleState::Publication made;
  made.publish_id = ++state.last_publish_id;
  made.msg_data_id = ++state.last_msg_data_id;
  made.article_id = account.make_name(43);
  made.articles = std::move(draft->articles);
  made.deleted.assign(made.articles.size(), false);
  made.at = made.finished_at = now;
  for (std::size_t i = 0; i < made.articles.size(); ++i) {
    made.articles[i].set("url", article_url(account, made, i));
    if (number_of(made.articles[i]["need_open_comment"]) == 1)
      state.threads[{made.msg_data_id, static_cast<std::int64_t>(i)}].open = true;
  }
  state.drafts.erase(draft);
  return &state.publications.emplace_back(std::move(made));
}

ArticleState::Publication* find_publication(AccountState& account, std::int64_t msg_data_id) {
  auto& all = account.articles.publications;
  const auto found = std::ranges::find(all, msg_data_id, &ArticleState::Publication::msg_data_id);
  return found == all.end() ? nullptr : &*found;
}

std::string article_url(const AccountState& account, const ArticleState::Publication& publication,
                        std::size_t index) {
  return fmt::format("http://mp.weixin.qq.com/s?__biz={}&mid={}&idx={}&sn={}#rd",
                     crypto::base64(account.identity.original_id), publication.msg_data_id,
                     index + 1, publication.article_id.substr(0, 32));
}

std::vector<Endpoint> draft_endpoints() {
  const std::string kArticles =
      "news_item[]{article_type title author digest content content_source_url thumb_media_id "
      "show_cover_pic:n need_open_comment:n only_fans_can_comment:n thumb_url url is_deleted:b "
      "image_info{image_list[]{image_media_id}}}";
  constexpr unsigned kPublish = kVerified | kOfficialOnly;
  const Field media_id = bytes("media_id", 1, 256, 40007);
  const std::vector<Field> add_fields = {
      list("articles", 1, 8, 45008).or_missing(44003),
      one_of("articles[].article_type", "news newspic", 45166).optional(),
      text("articles[].title", 1, 32, 45003),
      text("articles[].author", 0, 16, 45110),
      text("articles[].digest", 0, 120, 45004),
      bytes("articles[].content_source_url", 0, 1024, 45005),
      flag("articles[].need_open_comment"),
      flag("articles[].only_fans_can_comment")};
  const std::vector<Field> update_fields = {
      media_id,
      number("index", 0, 7, 40114),
      object("articles", 44003),
      one_of("articles.article_type", "news newspic", 45166).optional(),
      text("articles.title", 1, 32, 45003),
      text("articles.author", 0, 16, 45110),
      text("articles.digest", 0, 120, 45004),
      bytes("articles.content_source_url", 0, 1024, 45005),
      flag("articles.need_open_comment"),
      flag("articles.only_fans_can_comment")};
  const std::vector<Field> page = {number("offset", 0, kAnyNumber), number("count", 1, 20),
                                   number("no_content", 0, 1).optional()};
  const Field article_id = bytes("article_id", 1, 64);
  const std::vector<int> content = {40007, 44004, 45002, 45166};
  return {
      {.method = "POST",
       .path = "/cgi-bin/draft/add",
       .summary = "A draft of 1 to 8 articles; bodies below 20,000 characters and 1 MB",
       .handler = add,
       .answers = "media_id",
       .fields = add_fields,
       .access = kOfficialOnly,
       .per_day = 1'000,
       .errors = content,
       .body_max = kBodyBytesMax},
      {.method = "POST",
       .path = "/cgi-bin/draft/update",
       .summary = "Writes one article of a draft anew",
       .handler = update,
       .fields = update_fields,
       .access = kOfficialOnly,
       .per_day = 1'000,
       .errors = content,
       .body_max = kBodyBytesMax},
      {.method = "POST",
       .path = "/cgi-bin/draft/get",
       .summary = "A draft",
       .handler = get,
       .answers = kArticles,
       .fields = {media_id},
       .access = kOfficialOnly,
       .per_day = 500},
      {.method = "POST",
       .path = "/cgi-bin/draft/delete",
       .summary = "Deletes a draft",
       .handler = remove,
       .fields = {media_id},
       .access = kOfficialOnly,
       .per_day = 1'000},
      {.method = "GET",
       .path = "/cgi-bin/draft/count",
       .summary = "How many drafts there are",
       .handler = count,
       .answers = "total_count:n",
       .access = kOfficialOnly,
       .per_day = 1'000},
      {.method = "POST",
       .path = "/cgi-bin/draft/batchget",
       .summary = "Drafts, newest first",
       .handler = list_drafts,
       .answers =
           "total_count:n item_count:n item[]{media_id content{" + kArticles + "} update_time:n}",
       .fields = page,
       .access = kOfficialOnly,
       .per_day = 1'000},
      {.method = "POST",
       .path = "/cgi-bin/freepublish/submit",
       .summary = "Publishes a draft; ends with PUBLISHJOBFINISH",
       .handler = submit,
       .answers = "publish_id msg_data_id:n",
       .fields = {media_id},
       .access = kPublish,
       .per_day = 100},
      {.method = "POST",
       .path = "/cgi-bin/freepublish/get",
       .summary = "How far publishing is: 0 done, 1 under way, 2 not original, 4 refused",
       .handler = publish_get,
       .answers = "publish_id publish_status:n fail_idx[]:n article_id article_detail{count:n "
                  "item[]{idx:n article_url}}",
       .fields = {number("publish_id", 1, kAnyNumber)},
       .access = kPublish,
       .per_day = 100},
      {.method = "POST",
       .path = "/cgi-bin/freepublish/getarticle",
       .summary = "A published article",
       .handler = publish_article,
       .answers = kArticles,
       .fields = {article_id},
       .access = kPublish,
       .per_day = 100},
      {.method = "POST",
       .path = "/cgi-bin/freepublish/batchget",
       .summary = "Published articles, newest first",
       .handler = publish_list,
       .answers =
           "total_count:n item_count:n item[]{article_id content{" + kArticles + "} update_time:n}",
       .fields = page,
       .access = kPublish,
       .per_day = 100},
      {.method = "POST",
       .path = "/cgi-bin/freepublish/delete",
       .summary = "Takes a published article away; index 0: all of its articles",
       .handler = publish_delete,
       .fields = {article_id, number("index", 0, 8, 40114).optional()},
       .access = kPublish,
       .per_day = 10},
  };
}

}  // namespace zhiyin::sandbox
