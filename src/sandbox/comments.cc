#include <algorithm>

#include "base/utf8.h"
#include "sandbox/account_state.h"
#include "sandbox/drafts.h"

// Comments on articles. Readers write some under each article that takes comments, in the hours
// after it came out.
namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kElectedMax = 100;
constexpr std::size_t kReplyCharsMax = 300;
constexpr std::int64_t kPageMax = 50;

constexpr std::string_view kWords[] = {"写得真好，收藏了", "请问什么时候有活动？",
                                       "上次买的还没收到", "这个颜色还有货吗", "支持！"};

/// What readers have written by now.
void let_readers_write(AccountState& account, ArticleState::Thread& thread,
                       const ArticleState::Publication& publication, Instant now) {
  const std::vector<Follower>& people = account.people.list();
  if (people.empty()) return;
  const auto first = static_cast<std::size_t>(publication.msg_data_id) % people.size();
  for (std::size_t i = thread.comments.size(); i < std::size(kWords); ++i) {
    const Instant at = publication.finished_at + std::chrono::hours(static_cast<int>(i) + 1);
    if (at > now) return;
    ArticleState::Comment comment;
    comment.id = static_cast<std::int64_t>(i) + 1;
    comment.openid = people[(first + i) % people.size()].openid;
    comment.content = kWords[i];
    comment.at = at;
    thread.comments.push_back(std::move(comment));
  }
}

/// The comments of the article that a call names; null with an error when there are none.
ArticleState::Thread* find_thread(AccountState& account, const Call& call) {
  const std::int64_t index = call.number("index");
  const ArticleState::Publication* publication =
      find_publication(account, call.number("msg_data_id"));
  if (publication == nullptr || publication->status != 0 ||
      index >= static_cast<std::int64_t>(publication->articles.size())) {
    return nullptr;
  }
  ArticleState::Thread& thread = account.articles.threads[{publication->msg_data_id, index}];
  if (thread.open) let_readers_write(account, thread, *publication, call.now);
  return &thread;
}

Answer set_open(AccountState& account, const Call& call, bool is_open) {
  ArticleState::Thread* thread = find_thread(account, call);
  if (thread == nullptr) return account.refuse(88001, call.now);
  thread->open = is_open;
  return api_ok();
}
Answer open(AccountState& account, const Call& call) { return set_open(account, call, true); }
Answer close(AccountState& account, const Call& call) { return set_open(account, call, false); }

Answer list_comments(AccountState& account, const Call& call) {
  const ArticleState::Thread* thread = find_thread(account, call);
  if (thread == nullptr) return account.refuse(88001, call.now);
  const std::int64_t type = call.number("type");
  std::int64_t skip = call.number("begin");
  const auto most = static_cast<std::size_t>(call.number("count"));
  Json list = Json::array();
  std::int64_t total = 0;
  for (auto comment = thread->comments.rbegin(); comment != thread->comments.rend(); ++comment) {
    const bool is_asked = type == 0 || (type == 2) == comment->elected;
    if (comment->deleted || !is_asked) continue;
    ++total;
    if (skip-- > 0 || list.if_array()->size() >= most) continue;
    Json one = Json::object();
    one.set("user_comment_id", comment->id);
    one.set("openid", comment->openid);
    one.set("create_time", seconds_of(comment->at));
    one.set("content", comment->content);
    one.set("comment_type", comment->elected ? 1 : 0);
    if (!comment->reply.empty()) {
      Json reply = Json::object();
      reply.set("content", comment->reply);
      reply.set("create_time", seconds_of(comment->replied_at));
      one.set("reply", std::move(reply));
    }
    list.push(std::move(one));
  }
  Json answer = api_ok();
  answer.set("total", total);
  answer.set("comment", std::move(list));
  return answer;
}

/// Does something to the comment that a call names.
template <class Change>
Answer change(AccountState& account, const Call& call, Change change_comment) {
  ArticleState::Thread* thread = find_thread(account, call);
  if (thread == nullptr) return account.refuse(88001, call.now);
  const auto comment = std::ranges::find(thread->comments, call.number("user_comment_id"),
                                         &ArticleState::Comment::id);
  if (comment == thread->comments.end() || comment->deleted) return account.refuse(88008, call.now);
  const int error = change_comment(*thread, *comment);
  if (error != 0) return account.refuse(error, call.now);
  return api_ok();
}

Answer elect(AccountState& account, const Call& call) {
  return change(account, call, [](ArticleState::Thread& thread, ArticleState::Comment& comment) {
    const auto elected = std::ranges::count_if(thread.comments, &ArticleState::Comment::elected);
    if (!comment.elected && static_cast<std::size_t>(elected) >= kElectedMax) return 88003;
    comment.elected = true;
    return 0;
  });
}

Answer unelect(AccountState& account, const Call& call) {
  return change(account, call, [](ArticleState::Thread&, ArticleState::Comment& comment) {
    comment.elected = false;
    return 0;
  });
}

Answer remove(AccountState& account, const Call& call) {
  return change(account, call, [](ArticleState::Thread&, ArticleState::Comment& comment) {
    comment.deleted = true;
    return 0;
  });
}

Answer reply(AccountState& account, const Call& call) {
  const std::string content = call.text("content");
  return change(account, call, [&](ArticleState::Thread&, ArticleState::Comment& comment) {
    if (content.empty() || utf8::length(content) > kReplyCharsMax) return 88007;
    if (!comment.reply.empty()) return 88005;
    comment.reply = content;
    comment.replied_at = call.now;
    return 0;
  });
}

Answer delete_reply(AccountState& account, const Call& call) {
  return change(account, call, [](ArticleState::Thread&, ArticleState::Comment& comment) {
    if (comment.reply.empty()) return 87009;
    comment.reply.clear();
    return 0;
  });
}

}  // namespace

std::vector<Endpoint> comment_endpoints() {
  constexpr unsigned kAccess = kVerified | kOfficialOnly;
  const std::vector<Field> article = {number("msg_data_id", 1, kAnyNumber, 88001),
                                      number("index", 0, 7, 88001).optional()};
  const auto with = [&](std::vector<Field> more) {
    std::vector<Field> fields = article;
    fields.insert(fields.end(), more.begin(), more.end());
    return fields;
  };
  const Field id = number("user_comment_id", 1, kAnyNumber, 88008);
  const auto endpoint = [&](std::string_view path, std::string_view summary, Handler handler,
                            std::string answers, std::vector<Field> fields,
                            std::vector<int> errors) {
    return Endpoint{.method = "POST",
                    .path = path,
                    .summary = summary,
                    .handler = handler,
                    .answers = std::move(answers),
                    .fields = std::move(fields),
                    .access = kAccess,
                    .errors = std::move(errors)};
  };
  return {
      endpoint("/cgi-bin/comment/open", "Lets readers comment an article", open, "", article,
               {88001}),
      endpoint("/cgi-bin/comment/close", "Ends comments", close, "", article, {88001}),
      endpoint("/cgi-bin/comment/list", "Comments of an article, newest first", list_comments,
               "total:n comment[]{user_comment_id:n openid create_time:n content comment_type:n "
               "reply{content create_time:n}}",
               with({number("begin", 0, kAnyNumber, 88010).optional(),
                     number("count", 1, kPageMax, 88010), number("type", 0, 2).optional()}),
               {88001, 88010}),
      endpoint("/cgi-bin/comment/markelect", "Features a comment", elect, "", with({id}),
               {88001, 88003, 88008}),
      endpoint("/cgi-bin/comment/unmarkelect", "Features it no longer", unelect, "", with({id}),
               {88001, 88008}),
      endpoint("/cgi-bin/comment/delete", "Deletes a comment", remove, "", with({id}),
               {88001, 88008}),
      endpoint("/cgi-bin/comment/reply/add", "Answers a comment, once", reply, "",
               with({id, text("content", 0, 100'000, 88007)}), {88001, 88005, 88007, 88008}),
      endpoint("/cgi-bin/comment/reply/delete", "Takes the answer back", delete_reply, "",
               with({id}), {87009, 88001, 88008}),
  };
}

}  // namespace zhiyin::sandbox
