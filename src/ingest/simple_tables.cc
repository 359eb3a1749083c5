#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/visible_text.h"
#include "ingest/mapping.h"

namespace zhiyin::ingest {
namespace {

// The names under which a column is known, lower case, without blanks, `_` and `-`.
struct Known {
  std::string_view what;
  std::vector<std::string_view> names;
};

const std::vector<Known>& known_columns() {
  static const std::vector<Known> known = {
      {"openid", {"openid", "微信openid", "粉丝openid"}},
      {"unionid", {"unionid"}},
      {"user",
       {"user",   "userid",   "uid",      "id",     "customer", "customerid", "member", "memberid",
        "person", "personid", "用户",     "用户id", "用户编号", "用户标识",   "粉丝",   "粉丝id",
        "会员",   "会员id",   "会员编号", "客户",   "客户id",   "编号"}},
      {"like", {"likes", "like", "likecount", "点赞", "点赞数", "点赞量", "点赞次数", "赞"}},
      {"share",
       {"transfers", "transfer", "shares", "share", "forwards", "forward", "reposts", "repost",
        "转发", "转发数", "转发量", "转发次数", "分享", "分享数", "分享次数"}},
      {"comment",
       {"comments", "comment", "评论", "评论数", "评论量", "评论次数", "留言", "留言数"}},
      {"favorite",
       {"favorites", "favorite", "favourites", "favourite", "collects", "收藏", "收藏数",
        "收藏次数"}},
      {"click", {"clicks", "点击", "点击数", "点击次数"}},
      {"read",
       {"timespent", "readingtime", "readtime", "readseconds", "readingseconds", "duration",
        "dwell", "阅读时长", "阅读时间", "停留时长", "停留时间", "时长", "阅读秒数"}},
      {"item", {"item",      "itemid",  "article", "articleid", "content", "contentid", "product",
                "productid", "goods",   "goodsid", "news",      "newsid",  "video",     "videoid",
                "movie",     "movieid", "feedid",  "文章",      "文章id",  "内容",      "内容id",
                "商品",      "商品id",  "物品",    "物品id",    "视频id"}},
      {"kind",
       {"kind", "event", "eventtype", "action", "actiontype", "behavior", "behaviour",
        "behaviortype", "type", "行为", "行为类型", "事件", "事件类型", "动作", "类型"}},
      {"time",
       {"time", "timestamp", "ts", "date", "datetime", "occurredat", "createdat", "eventtime",
        "时间", "时间戳", "日期", "发生时间", "行为时间"}},
      {"value",
       {"value", "数值", "值", "amountfen", "pricefen", "revenuefen", "金额分", "实付分",
        "价格分"}},
      // Amounts in yuan, for which a purchase is told …
      {"money", {"amount",     "revenue",     "paid",     "totalamount", "payamount", "orderamount",
                 "amountyuan", "revenueyuan", "金额",     "金额元",      "实付",      "实付款",
                 "实付金额",   "支付金额",    "付款金额", "订单金额",    "成交金额",  "交易金额",
                 "消费金额",   "退款金额",    "总金额",   "总价",        "销售额"}},
      // … and those that also stand where nothing was bought.
      {"price", {"price", "priceyuan", "unitprice", "价格", "价格元", "单价", "售价"}},
      {"rating", {"rating", "score", "stars", "评分", "打分"}},
      {"currency", {"currency", "currencycode", "币种", "货币", "货币代码"}},
      {"event_id", {"eventid", "messageid", "事件id"}},
  };
  return known;
}

const std::map<std::string, std::string>& kind_words() {
  static const std::map<std::string, std::string> words = {
      {"transfer", "share"},     {"transfers", "share"},  {"forward", "share"},
      {"repost", "share"},       {"likes", "like"},       {"comments", "comment"},
      {"shares", "share"},       {"clicks", "click"},     {"views", "view"},
      {"reads", "read"},         {"pv", "view"},          {"buy", "purchase"},
      {"pay", "purchase"},       {"order", "purchase"},   {"fav", "favorite"},
      {"favourite", "favorite"}, {"collect", "favorite"}, {"add_to_cart", "cart"},
      {"impression", "show"},    {"subscribe", "follow"}, {"unsubscribe", "unfollow"},
      {"点赞", "like"},          {"赞", "like"},          {"转发", "share"},
      {"分享", "share"},         {"评论", "comment"},     {"留言", "comment"},
      {"阅读", "read"},          {"浏览", "view"},        {"点击", "click"},
      {"收藏", "favorite"},      {"购买", "purchase"},    {"下单", "purchase"},
      {"支付", "purchase"},      {"退款", "refund"},      {"加购", "cart"},
      {"曝光", "show"},          {"展示", "show"},        {"关注", "follow"},
      {"取消关注", "unfollow"},  {"取关", "unfollow"},    {"扫码", "scan"},
      {"播放", "play"},          {"搜索", "search"}};
  return words;
}

// `User_ID:token` and `user id` are both `userid`.
std::string plain(std::string_view name) {
  std::string out;
  for (const char c : name.substr(0, name.find(':'))) {
    if (c == ' ' || c == '_' || c == '-' || c == '(' || c == ')') continue;
    out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  for (const std::string_view bracket : {"（", "）"}) {
    for (std::size_t at = out.find(bracket); at != std::string::npos; at = out.find(bracket))
      out.erase(at, bracket.size());
  }
  // Units that people write behind a name.
  for (const std::string_view unit : {"seconds", "秒", "sec"}) {
    if (out.size() > unit.size() && out.ends_with(unit) && !out.starts_with("read"))
      out.resize(out.size() - unit.size());
  }
  return out;
}

std::string_view meaning_of(std::string_view column) {
  const std::string name = plain(column);
  for (const Known& known : known_columns()) {
    if (std::ranges::find(known.names, name) != known.names.end()) return known.what;
  }
  return {};
}

// The columns of a header by what they mean; of two with one meaning the first counts.
struct Found {
  std::map<std::string, std::string, std::less<>> by_meaning;
  std::vector<std::string> others;

  [[nodiscard]] std::string get(std::string_view meaning) const {
    const auto at = by_meaning.find(meaning);
    return at == by_meaning.end() ? std::string() : at->second;
  }
};

Found look_at(std::span<const std::string> columns) {
  Found found;
  for (const std::string& column : columns) {
    const std::string_view meaning = meaning_of(column);
    if (meaning.empty() || !found.by_meaning.emplace(meaning, column).second)
      found.others.push_back(column);
  }
  return found;
}

constexpr std::string_view kMeasures[] = {"like", "share", "comment", "favorite", "click", "read"};

void set_identity(Mapping& mapping, const Found& found) {
  for (const auto& [meaning, kind] :
       {std::pair{"openid", "openid"}, std::pair{"unionid", "unionid"},
        std::pair{"user", "user_id"}}) {
    if (found.get(meaning).empty()) continue;
    mapping.identity = found.get(meaning);
    mapping.identity_kind = kind;
    return;
  }
}

void set_time(Mapping& mapping, const Found& found) {
  if (found.get("time").empty()) return;
  mapping.time.emplace();
  mapping.time->column = found.get("time");
}

// One row per person (or per person and item): counts in columns, everything else is a label.
void add_measures(Mapping& mapping, const Found& found) {
  EventRule measures;
  for (const std::string_view kind : kMeasures) {
    if (const std::string column = found.get(kind); !column.empty())
      measures.columns[column] = kind;
  }
  measures.item = found.get("item");
  mapping.event.push_back(std::move(measures));
  EventRule labels;
  labels.kind = "trait.set";
  labels.item = "";
  for (const std::string& column : found.others) labels.properties[column] = {column};
  for (const std::string_view meaning : {"kind", "value", "money", "price", "rating", "currency"}) {
    if (const std::string column = found.get(meaning); !column.empty())
      labels.properties[column] = {column};
  }
  if (!labels.properties.empty()) mapping.event.push_back(std::move(labels));
}

void add_event_rows(Mapping& mapping, const Found& found) {
  EventRule rule;
  rule.item = found.get("item");
  const std::string rating = found.get("rating");
  const std::string money = found.get("money");
  if (const std::string kind = found.get("kind"); !kind.empty()) {
    rule.kind_column = kind;
    rule.kind_translate = kind_words();
    rule.kind_other = true;
  } else {
    rule.kind = !rating.empty() ? "rating" : !money.empty() ? "purchase" : "view";
  }
  // Of several that could be it, the first; the others are properties.
  std::vector<std::string_view> values = {"value", "money"};
  if (rule.kind != "view") values.push_back("price");
  values.push_back("rating");
  if (rule.kind == "rating") std::ranges::rotate(values, values.end() - 1);
  for (const std::string_view meaning : values) {
    if (!rule.value.empty() || found.get(meaning).empty()) continue;
    rule.value = found.get(meaning);
    rule.value_is_yuan = meaning == "money" || meaning == "price";
  }
  if (rule.value_is_yuan) rule.currency = found.get("currency");
  rule.event_id = found.get("event_id");
  for (const std::string& column : found.others) rule.properties[column] = {column};
  for (const std::string_view meaning : {"like", "share", "comment", "favorite", "click", "read",
                                         "value", "money", "price", "rating", "currency"}) {
    if (const std::string column = found.get(meaning); !column.empty() && column != rule.value)
      rule.properties[column] = {column};
  }
  mapping.event.push_back(std::move(rule));
}

// A column that names people, but not one of them alone.
std::string name_column(std::span<const std::string> columns) {
  constexpr std::string_view kNames[] = {"name", "nickname", "fullname", "realname", "username",
                                         "昵称", "姓名",     "名字",     "微信昵称", "用户名"};
  for (const std::string& column : columns) {
    if (std::ranges::find(kNames, plain(column)) != std::end(kNames)) return column;
  }
  return {};
}

std::unexpected<Error> nobody_named(std::span<const std::string> columns, bool could_be_people) {
  std::string more;
  if (const std::string name = name_column(columns); !name.empty()) {
    more = fmt::format("; '{}' does not say it, because names are not unique", visible_text(name));
  }
  std::vector<std::string> shown;
  for (const std::string& column : columns.first(std::min<std::size_t>(columns.size(), 30)))
    shown.push_back(visible_text(column));
  return fail(ErrorCode::kInvalidArgument,
              "import: no column says whose rows these are (openid, unionid, user_id, id, 用户){}; "
              "the file has {}; "
              "name the columns in a mapping file{}",
              more, fmt::join(shown, ", "),
              could_be_people ? ", or say --rows-are-people (rows_are_people=true over HTTP): each "
                                "row is a person then, known by its number"
                              : "");
}

}  // namespace

Result<Mapping> detect_mapping(std::span<const std::string> columns, bool rows_are_people) {
  const Found found = look_at(columns);
  Mapping mapping;
  mapping.name = kSimpleMapping;
  set_identity(mapping, found);
  set_time(mapping, found);
  const bool has_kind = !found.get("kind").empty();
  const bool has_measure =
      std::ranges::any_of(kMeasures, [&](std::string_view m) { return !found.get(m).empty(); });
  if (rows_are_people) {
    if (!mapping.identity.empty()) {
      return fail_field(
          "rows_are_people",
          "import: the column '{}' says whose rows these are; leave --rows-are-people out",
          visible_text(mapping.identity));
    }
    mapping.rows_are_people = true;
  }
  if (mapping.identity.empty() && !rows_are_people)
    return nobody_named(columns, has_measure && !has_kind);
  if (has_measure && !(has_kind && !found.get("item").empty())) {
    add_measures(mapping, found);
  } else if (!rows_are_people && (has_kind || !found.get("item").empty())) {
    add_event_rows(mapping, found);
  } else {
    return fail(ErrorCode::kInvalidArgument,
                "import: the header fits neither one row per person (likes, transfers, comments, "
                "time_spent; 点赞, 转发, 评论, "
                "阅读时长) nor event rows (user, item, kind, time, value); the file has {}; name "
                "the columns in a mapping file",
                visible_text(fmt::format("{}", fmt::join(columns, ", "))));
  }
  return mapping;
}

}  // namespace zhiyin::ingest
