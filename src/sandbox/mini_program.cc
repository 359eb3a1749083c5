#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/crypto.h"
#include "sandbox/account_state.h"

// Codes and links that open a page of a mini-program, orders.
namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kLimitedCodesMax = 100'000;
constexpr std::size_t kPermanentLinksMax = 100'000;
constexpr std::int64_t kLinkDaysMax = 30;
constexpr std::string_view kSceneSigns = "!#$&'()*+,/:;=?@-._~";
/// Pages of the released version.
constexpr std::string_view kPages[] = {"pages/index/index", "pages/item/item", "pages/cart/cart"};

bool is_page(std::string_view path) {
  const std::string_view page = path.substr(0, path.find('?'));
  return page.empty() || std::ranges::find(kPages, page) != std::end(kPages);
}

Answer limited_code(AccountState& account, const Call& call) {
  if (account.mini.limited_codes >= kLimitedCodesMax) return account.refuse(45029, call.now);
  ++account.mini.limited_codes;
  Answer answer = Answer::file(one_dot_png(), "image/png");
  answer.headers.emplace_back("Num-Used", std::to_string(account.mini.limited_codes));
  return answer;
}

Answer unlimited_code(AccountState& account, const Call& call) {
  const std::string scene = call.text("scene");
  const bool is_plain = std::ranges::all_of(scene, [](unsigned char c) {
    return std::isalnum(c) || kSceneSigns.find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (!is_plain) return account.refuse(40129, call.now);
  const Json* check = call.body.find("check_path");
  const bool is_checked = check == nullptr || flag_of(*check);
  const std::string page = call.text("page");
  if (page.starts_with('/') || page.find('?') != std::string::npos ||
      (is_checked && !is_page(page))) {
    return account.refuse(41030, call.now);
  }
  return Answer::file(one_dot_png(), "image/png");
}

/// When a link ends, or the error of what is said about it. Without a word: after 30 days.
std::expected<Instant, int> end_of(const Json& body, Instant now) {
  const Instant latest = now + kDay * kLinkDaysMax;
  if (number_of(body["expire_type"]) == 1) {
    const std::int64_t days = number_of(body["expire_interval"]);
    if (days < 1 || days > kLinkDaysMax) return std::unexpected(85401);
    return now + kDay * days;
  }
  const std::int64_t at = number_of(body["expire_time"]);
  if (at == 0) return latest;
  const Instant end{at * 1'000'000};
  if (end < now + std::chrono::minutes(1) || end > latest) return std::unexpected(85401);
  return end;
}

std::expected<MiniState::Link, int> make_link(const Json& target, const Json& body, Instant now) {
  MiniState::Link link;
  link.path = text_of(target["path"]);
  link.query = text_of(target["query"]);
  link.version = text_of(target["env_version"]);
  if (link.version.empty()) link.version = "release";
  link.at = now;
  if (link.path.starts_with('/')) link.path.erase(0, 1);
  if (link.path.find('?') != std::string::npos ||
      (link.version == "release" && !is_page(link.path)))
    return std::unexpected(40165);
  const auto end = end_of(body, now);
  if (!end) return std::unexpected(end.error());
  link.ends_at = *end;
  return link;
}

Answer url_link(AccountState& account, const Call& call) {
  const auto link = make_link(call.body, call.body, call.now);
  if (!link) return account.refuse(link.error(), call.now);
  const std::string url = "https://wxaurl.cn/" + account.make_name(12);
  account.mini.url_links[url] = *link;
  Json answer = api_ok();
  answer.set("url_link", url);
  return answer;
}

Answer scheme(AccountState& account, const Call& call) {
  const auto link = make_link(call.body["jump_wxa"], call.body, call.now);
  if (!link) return account.refuse(link.error(), call.now);
  const std::string open = fmt::format("weixin://dl/business/?t={}", account.make_name(12));
  account.mini.schemes[open] = *link;
  Json answer = api_ok();
  answer.set("openlink", open);
  return answer;
}

Answer query_link(AccountState& account, const Call& call, std::string_view member,
                  const std::map<std::string, MiniState::Link, std::less<>>& links,
                  std::string_view info_name) {
  const auto found = links.find(call.text(member));
  if (found == links.end()) return account.refuse(85403, call.now);
  const MiniState::Link& link = found->second;
  Json info = Json::object();
  info.set("appid", account.identity.app_id);
  info.set("path", link.path);
  info.set("query", link.query);
  info.set("create_time", seconds_of(link.at));
  info.set("expire_time", link.ends_at ? seconds_of(*link.ends_at) : 0);
  info.set("env_version", link.version);
  Json answer = api_ok();
  answer.set(info_name, std::move(info));
  if (call.number("query_type") == 1) {
    Json quota = Json::object();
    quota.set("remain_visit_quota", 3'000'000);
    answer.set("quota_info", std::move(quota));
  }
  return answer;
}
Answer query_url_link(AccountState& account, const Call& call) {
  return query_link(account, call, "url_link", account.mini.url_links, "url_link_info");
}
Answer query_scheme(AccountState& account, const Call& call) {
  return query_link(account, call, "scheme", account.mini.schemes, "scheme_info");
}

Answer short_link(AccountState& account, const Call& call) {
  if (!is_page(call.text("page_url"))) return account.refuse(40165, call.now);
  if (flag_of(call.body["is_permanent"])) {
    if (account.mini.permanent_short_links >= kPermanentLinksMax)
      return account.refuse(85400, call.now);
    ++account.mini.permanent_short_links;
  }
  Json answer = api_ok();
  answer.set("link", fmt::format("#小程序://知音小店/{}", account.make_name(14)));
  return answer;
}

/// The unionid of who paid: orders are made by `/sandbox/order`, and tell it for five minutes.
Answer paid_unionid(AccountState& account, const Call& call) {
  constexpr Duration kTold = std::chrono::minutes(5);
  const auto order = account.mini.orders.find(call.text("transaction_id"));
  const Follower* person = account.people.find(call.text("openid"));
  const bool is_theirs = order != account.mini.orders.end() && person != nullptr &&
                         order->second.openid == person->openid;
  if (!is_theirs || call.now - order->second.paid_at > kTold)
    return account.refuse(40003, call.now);
  Json answer = api_ok();
  answer.set("unionid", person->unionid);
  return answer;
}

Answer upload_shipping(AccountState& account, const Call& call) {
  const Json& key = call.body["order_key"];
  const bool by_platform = number_of(key["order_number_type"]) == 2;
  const auto order =
      account.mini.orders.find(text_of(key[by_platform ? "transaction_id" : "out_trade_no"]));
  if (order == account.mini.orders.end()) return account.refuse(268485194, call.now);
  if (order->second.openid != text_of(call.body["payer"]["openid"]))
    return account.refuse(268485228, call.now);
  if (!parse_time(call.text("upload_time"), TimeZone::shanghai()))
    return account.refuse(268485216, call.now);
  const std::size_t parcels = call.body["shipping_list"].if_array()->size();
  const bool in_parts = call.number("delivery_mode") == 2;
  if (!in_parts && parcels != 1) return account.refuse(268485224, call.now);
  order->second.parcels += parcels;
  order->second.all_delivered = !in_parts || flag_of(call.body["is_all_delivered"]);
  return api_ok();
}

/// Whether the platform encrypted something: a page makes it by `/sandbox/encrypted`.
Answer check_encrypted(AccountState& account, const Call& call) {
  constexpr Duration kKnown = kDay * 3;
  const auto found = account.mini.encrypted.find(call.text("encrypted_msg_hash"));
  const bool is_known = found != account.mini.encrypted.end() && call.now - found->second <= kKnown;
  Json answer = api_ok();
  answer.set("vaild", is_known);  // the platform's spelling
  if (is_known) answer.set("create_time", seconds_of(found->second));
  return answer;
}

}  // namespace

const std::string& one_dot_png() {
  static const std::string kPng = crypto::unbase64(
                                      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
                                      "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
                                      .value_or("");
  return kPng;
}

std::vector<Endpoint> mini_endpoints() {
  const Field width = number("width", 280, 1280, 40097).optional();
  const Field version = one_of("env_version", "release trial develop", 85402).optional();
  const std::vector<Field> ends = {number("expire_type", 0, 1, 85401).optional(),
                                   number("expire_time", 0, kAnyNumber, 85401).optional(),
                                   number("expire_interval", 1, 30, 85401).optional()};
  const auto with_ends = [&](std::vector<Field> fields) {
    fields.insert(fields.end(), ends.begin(), ends.end());
    return fields;
  };
  return {
      {.method = "POST",
       .path = "/wxa/getwxacode",
       .summary = "A code for a path; 100,000 together with createwxaqrcode",
       .handler = limited_code,
       .fields = {bytes("path", 1, 1024, 40159).or_missing(40159), width, flag("auto_color"),
                  flag("is_hyaline"), version},
       .access = kMiniOnly,
       .errors = {45029},
       .answers_bytes = true},
      {.method = "POST",
       .path = "/wxa/getwxacodeunlimit",
       .summary = "A code with a scene of up to 32 bytes, as many as one likes",
       .handler = unlimited_code,
       .fields = {bytes("scene", 1, 32, 40169), bytes("page", 0, 1024, 41030), flag("check_path"),
                  width, version},
       .access = kMiniOnly,
       .per_minute = 5'000,
       .errors = {40129, 41030},
       .answers_bytes = true},
      {.method = "POST",
       .path = "/cgi-bin/wxaapp/createwxaqrcode",
       .summary = "A square code for a path",
       .handler = limited_code,
       .fields = {bytes("path", 1, 128, 40159), width},
       .access = kMiniOnly,
       .errors = {45029},
       .answers_bytes = true},
      {.method = "POST",
       .path = "/wxa/generate_urllink",
       .summary = "An https link that opens a page; 30 days at most",
       .handler = url_link,
       .answers = "url_link",
       .fields =
           with_ends({bytes("path", 0, 1024, 40165), bytes("query", 0, 1024, 40212), version}),
       .access = kMiniOnly,
       .per_day = 500'000,
       .errors = {40165}},
      {.method = "POST",
       .path = "/wxa/generatescheme",
       .summary = "A weixin:// link that opens a page; 30 days at most",
       .handler = scheme,
       .answers = "openlink",
       .fields = with_ends(
           {bytes("jump_wxa?.path", 0, 1024, 40165), bytes("jump_wxa?.query", 0, 1024, 40212),
            one_of("jump_wxa?.env_version", "release trial develop", 85402).optional()}),
       .access = kMiniOnly,
       .per_day = 500'000,
       .counted_as = "/wxa/generate_urllink",
       .errors = {40165}},
      {.method = "POST",
       .path = "/wxa/query_urllink",
       .summary = "What an https link opens",
       .handler = query_url_link,
       .answers = "url_link_info{appid path query create_time:n expire_time:n env_version} "
                  "quota_info{remain_visit_quota:n}",
       .fields = {text("url_link", 1, 256, 85403), number("query_type", 0, 1).optional()},
       .access = kMiniOnly},
      {.method = "POST",
       .path = "/wxa/queryscheme",
       .summary = "What a weixin:// link opens",
       .handler = query_scheme,
       .answers = "scheme_info{appid path query create_time:n expire_time:n env_version}",
       .fields = {text("scheme", 1, 256, 85403), number("query_type", 0, 1).optional()},
       .access = kMiniOnly},
      {.method = "POST",
       .path = "/wxa/genwxashortlink",
       .summary = "A link inside WeChat; 100,000 permanent ones",
       .handler = short_link,
       .answers = "link",
       .fields = {bytes("page_url", 1, 1024, 40165), text("page_title", 0, 20, 40225),
                  flag("is_permanent")},
       .access = kMiniOnly,
       .per_day = 10'000'000,
       .errors = {85400}},
      {.method = "GET",
       .path = "/wxa/getpaidunionid",
       .summary = "The unionid of who paid in the last five minutes",
       .handler = paid_unionid,
       .answers = "unionid",
       .fields = {text("openid", 1, 128, 40003), text("transaction_id", 1, 64, 40035)},
       .access = kMiniOnly},
      {.method = "POST",
       .path = "/wxa/sec/order/upload_shipping_info",
       .summary = "Tells that an order was sent",
       .handler = upload_shipping,
       .fields = {object("order_key"), number("order_key.order_number_type", 1, 2),
                  number("logistics_type", 1, 4), number("delivery_mode", 1, 2),
                  list("shipping_list", 1, 15, 268485224),
                  text("shipping_list[].item_desc", 1, 120), object("payer"),
                  text("payer.openid", 1, 128), text("upload_time", 1, 64, 268485216)},
       .access = kMiniOnly,
       .errors = {268485194, 268485216, 268485224, 268485228}},
      {.method = "POST",
       .path = "/wxa/business/checkencryptedmsg",
       .summary = "Whether the platform encrypted something in the last three days",
       .handler = check_encrypted,
       .answers = "vaild:b create_time:n",
       .fields = {text("encrypted_msg_hash", 64, 64)},
       .access = kMiniOnly},
  };
}

}  // namespace zhiyin::sandbox
