#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/time.h"

/// What the platform keeps for each family of endpoints: plain data, changed by the handlers in the
/// file that each struct names.
namespace zhiyin::sandbox {

/// people.cc
struct TagState {
  struct Tag {
    std::int64_t id = 0;
    std::string name;
  };
  std::vector<Tag> list;
  std::int64_t last_id = 99;  // below are the platform's own

  Tag* find(std::int64_t id) {
    const auto found = std::ranges::find(list, id, &Tag::id);
    return found == list.end() ? nullptr : &*found;
  }
};

/// mass.cc
struct MassState {
  struct Job {
    std::int64_t id = 0;
    std::string client_id;  ///< or a digest of scope and content
    std::string type;
    Instant at;
    Instant finished_at;
    bool failed = false;
    bool deleted = false;
    std::size_t articles = 0;
    std::size_t reached = 0;
    std::int64_t msg_data_id = 0;
  };
  std::vector<Job> jobs;
  std::int64_t to_all_day = -1;  ///< the last day of a send to all
  std::int64_t speed = 0;
};

/// templates.cc
struct TemplateState {
  struct Keyword {
    std::string key, label;
  };
  struct Template {
    std::string id, title;
    std::vector<Keyword> keywords;
  };
  struct Send {
    std::int64_t id = 0;
    Instant at;
  };
  struct Blocked {
    std::int64_t number = 0, msg_id = 0;
    std::string title, content, openid;
    Instant at;
  };
  std::vector<Template> list;
  std::map<std::string, Send, std::less<>> sends;  ///< by openid and client_msg_id
  std::vector<Blocked> blocked;
  std::string industries[2] = {"1", "4"};
  int industry_month = -1;
  std::map<std::string, int> confirmations;  ///< one-time: by openid, template and scene
};

/// subscriptions.cc
struct SubscriptionState {
  struct Template {
    std::string id, title;
    int type = 2;                       ///< 2 once, 3 long-term
    std::vector<std::string> keywords;  ///< `thing1`
    std::vector<std::string> labels;
    std::int64_t tid = 0;
  };
  std::vector<Template> list;
};

/// material.cc
struct MaterialState {
  struct File {
    std::string id, type, name, content_type, bytes, url, title, introduction;
    Instant at;
    bool permanent = false;
    bool for_mass = false;  ///< a video that mass sends take
  };
  std::vector<File> files;  ///< oldest first
  std::size_t bytes_held = 0;
};

/// drafts.cc, comments.cc
struct ArticleState {
  struct Draft {
    std::string media_id;
    Json::Array articles;
    Instant updated_at;
  };
  struct Publication {
    std::int64_t publish_id = 0;
    std::int64_t msg_data_id = 0;
    std::string article_id;
    Json::Array articles;
    std::vector<bool> deleted;
    Instant at, finished_at;
    int status = 0;            ///< when finished
    bool by_mass = false;      ///< sent, not published: not in the list of publications
    std::size_t audience = 0;  ///< people whom a mass send reached
  };
  struct Comment {
    std::int64_t id = 0;
    std::string openid, content, reply;
    Instant at, replied_at;
    bool elected = false;
    bool deleted = false;
  };
  struct Thread {
    bool open = false;
    std::vector<Comment> comments;
  };
  std::vector<Draft> drafts;
  std::vector<Publication> publications;
  std::map<std::pair<std::int64_t, std::int64_t>, Thread> threads;  ///< msg_data_id, index
  std::int64_t last_publish_id = 100'000'000;
  std::int64_t last_msg_data_id = 2'247'000'000;
};

/// staff.cc
struct StaffState {
  struct Member {
    std::string account, nickname, wechat_id, invited, picture;
    std::int64_t id = 0;
    Instant invited_until;
  };
  struct Session {
    std::string account;
    Instant at;
  };
  struct Record {
    std::string openid, text, worker;
    int opercode = 0;
    Instant at;
  };
  std::vector<Member> members;
  std::map<std::string, Session> sessions;  ///< by openid
  std::map<std::string, Instant> waiting;   ///< openids without session, by their last message
  std::deque<Record> records;
  std::int64_t last_id = 1000;
};

/// menus.cc
struct MenuState {
  struct Conditional {
    std::int64_t id = 0;
    Json buttons, rule;
  };
  std::optional<Json> buttons;  ///< for all
  std::int64_t id = 0;
  std::vector<Conditional> conditional;  ///< oldest first
  std::int64_t last_id = 208'000'000;
};

/// codes.cc
struct CodeState {
  struct Code {
    std::string scene;
    std::optional<Instant> ends_at;  ///< absent: permanent
  };
  struct ShortKey {
    std::string data;
    Instant at, ends_at;
  };
  std::map<std::string, Code, std::less<>> by_ticket;
  std::size_t permanent = 0;
  std::map<std::string, ShortKey, std::less<>> short_keys;
};

/// logins.cc
struct LoginState {
  /// Something that may be used once, for a person.
  struct Once {
    std::string kind;  ///< oauth, js, phone
    std::string openid, scope;
    Instant ends_at;
    bool used = false;
    bool snapshot = false;
  };
  struct UserToken {
    std::string openid, scope;
    Instant ends_at;
  };
  struct Ticket {
    std::string text;
    Instant ends_at;
  };
  std::map<std::string, Once, std::less<>> codes;
  std::map<std::string, UserToken, std::less<>> user_tokens;
  std::map<std::string, UserToken, std::less<>> refresh_tokens;
  std::map<std::string, Ticket, std::less<>> tickets;        ///< by type
  std::map<std::string, std::string, std::less<>> sessions;  ///< session_key by openid
};

/// mini_program.cc
struct MiniState {
  struct Link {
    std::string path, query, version;
    Instant at;
    std::optional<Instant> ends_at;
  };
  struct Order {
    std::string openid;
    Instant paid_at;
    std::size_t parcels = 0;
    bool all_delivered = false;
  };
  std::map<std::string, Link, std::less<>> url_links, schemes;
  std::size_t limited_codes = 0;  ///< of the 100,000
  std::size_t permanent_short_links = 0;
  std::map<std::string, Order, std::less<>> orders;       ///< by transaction_id or out_trade_no
  std::map<std::string, Instant, std::less<>> encrypted;  ///< when a hash was made
};

/// diagnosis.cc
struct RequestLog {
  struct Entry {
    std::string rid, url, body, answer;
    Instant at;
  };
  std::deque<Entry> entries;  ///< the latest
  int method_clears_month = -1;
  int method_clears = 0;
};

/// wecom_contacts.cc, wecom_groups.cc, wecom_handover.cc, wecom_tasks.cc
struct WecomState {
  /// How a member deals with tasks.
  struct Member {
    std::string userid, name;
    std::optional<Duration> confirms_after;  ///< absent: never
    std::int64_t department = 1;
  };
  struct Follow {
    std::string userid, remark, description, company, state;
    std::vector<std::string> mobiles, tags;
    Instant at;
    int add_way = 1;
    bool is_temporary = false;  ///< they met by a temporary way: the chat can be ended
  };
  struct Contact {
    std::string id, name, unionid;
    int type = 1;
    std::vector<Follow> follows;
    std::vector<Instant> handovers;  ///< from member to member
    int month = -1;
    int messages_in_month = 0;
  };
  struct Way {
    std::string id, state, remark, qr_code;
    int type = 1, scene = 2;
    bool skip_verify = false;
    bool is_temporary = false;
    std::vector<std::string> users;
    // Of a code into groups.
    bool is_group = false;
    bool makes_rooms = true;  ///< when the others are full
    std::string room_name;
    std::int64_t room_number = 0;
    std::vector<std::string> chats;
  };
  struct Tag {
    std::string id, name;
    std::int64_t order = 0;
    Instant at;
  };
  struct TagGroup {
    std::string id, name;
    std::int64_t order = 0;
    Instant at;
    std::vector<Tag> tags;
  };
  struct Welcome {
    Instant ends_at;
    std::string external_userid;
    bool used = false;
  };
  struct Result {
    std::string external_userid, chat_id, userid;
    int status = 0;
    Instant at;
  };
  struct GroupWelcome {
    std::string id;
    Json content;
  };
  /// A contact on the way from one member to another.
  struct Handover {
    std::string from, to, external_userid, words;
    Instant at, done_at;
    int status = 2;  ///< 1 done, 2 waiting, 3 the contact refused
  };
  struct Task {
    std::string id, chat_type, text;
    Instant at;
    bool cancelled = false;
    std::vector<Instant> reminders;
    std::vector<std::string> members;
    std::set<std::string> confirmed;
    std::vector<Result> results;
  };
  struct Moment {
    std::string id, job, text;
    Instant at;
    std::vector<std::string> members;
    std::vector<std::string> tags;  ///< who sees it; empty: all contacts of the member
  };
  struct Chat {
    std::string id, name, owner, notice;
    Instant at;
    std::vector<std::pair<std::string, Instant>> members;  ///< userids and external_userids
  };
  struct AppMessage {
    std::string id, digest;
    Instant at;
    std::int64_t remembered_s = 0;
    bool recalled = false;
  };
  std::vector<Member> members;
  std::vector<Contact> contacts;
  std::map<std::string, std::size_t, std::less<>> by_contact;
  std::vector<Way> ways;
  std::vector<TagGroup> groups;
  std::map<std::string, Welcome, std::less<>> welcomes;
  std::vector<GroupWelcome> group_welcomes;
  std::vector<Handover> handovers;  ///< oldest first
  std::vector<Task> tasks;
  std::vector<Moment> moments;
  std::vector<Chat> chats;
  std::vector<AppMessage> app_messages;
  std::set<std::string> archive_disagreed;
  std::int64_t agent_id = 1'000'002;
};

/// ads.cc
struct AdsState {
  struct Adgroup {
    std::int64_t id = 0;
    Json settings;
    Instant at;
    bool deleted = false;
  };
  struct Creative {
    std::int64_t id = 0, adgroup = 0;
    Json settings;
    Instant at;
    std::string objection;  ///< of the reviewer; empty: none
  };
  struct ActionSet {
    std::int64_t id = 0;
    std::string type;
  };
  struct Audience {
    std::int64_t id = 0;
    std::string name, type;
    Instant at;
    std::int64_t people = 0;
  };
  std::string access_token, refresh_token, previous_refresh_token;
  Instant access_ends_at, refresh_ends_at, previous_until;
  std::map<std::string, Instant, std::less<>> nonces;
  std::vector<Adgroup> adgroups;
  std::vector<Creative> creatives;
  std::vector<ActionSet> action_sets;
  std::vector<Audience> audiences;
  std::map<std::string, std::string, std::less<>> images;  ///< image_id by MD5
  std::int64_t last_id = 10'000'000;
};

}  // namespace zhiyin::sandbox
