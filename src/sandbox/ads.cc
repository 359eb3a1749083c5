#include "sandbox/ads.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <set>

#include "base/crypto.h"
#include "base/utf8.h"
#include "sandbox/logins.h"
#include "sandbox/multipart.h"
#include "sandbox/review.h"

// Tencent Ads, version 3: ad groups, creatives, reports, actions of people, audiences. Money is
// fen.
namespace zhiyin::sandbox {
namespace {

constexpr Duration kAccessLife = std::chrono::seconds(86'400);
constexpr Duration kRefreshLife = std::chrono::seconds(2'592'000);
/// A refresh token that was used is good a little longer, for whoever did not get the answer.
constexpr Duration kRefreshOverlap = std::chrono::minutes(5);
constexpr std::int64_t kClockDifference = 300;
constexpr std::size_t kNoncesMax = 1'000'000;
constexpr Duration kReviewTakes = std::chrono::minutes(30);
constexpr std::int64_t kUsualBudget = 500'00;
constexpr std::int64_t kLeastBudget = 50'00;
constexpr int kNotFound = 31001;
constexpr int kNotYours = 12201;
constexpr int kIncomplete = 12000;

struct AdsText {
  int code;
  std::string_view english, chinese;
};
constexpr AdsText kTexts[] = {
    {kAdsTokenMissing, "access_token is missing", "缺少 access_token"},
    {kAdsTokenInvalid, "access_token is invalid", "access_token 无效"},
    {kAdsTokenExpired, "access_token is expired", "access_token 已过期"},
    {kNotYours, "no permission to the account", "没有该账户的操作权限"},
    {kAdsNonceUsed, "the nonce was used before", "nonce 已被使用"},
    {kAdsTimestamp, "the timestamp is expired", "timestamp 超出范围"},
    {12000, "access_token, timestamp or nonce is missing", "缺少 access_token、timestamp 或 nonce"},
    {kAdsParameter, "parameter is invalid", "参数错误"},
    {kNotFound, "the object does not exist", "对象不存在"},
    {31002, "daily_budget is too small", "日预算低于最低限额"},
    {31003, "signature does not match the file", "文件签名不一致"},
    {kAdsBusy, "the request cannot be processed now", "系统繁忙，请稍后重试"},
    {kAdsMinuteUsedUp, "too many calls in this minute", "每分钟调用次数达到上限"},
    {kAdsDayUsedUp, "too many calls on this day", "当日调用次数达到上限"},
};

std::string trace_id(AccountState& account) {
  return crypto::hex(crypto::sha1(account.make_name(32))).substr(0, 32);
}

Answer ads_ok(AccountState& account, Json data) {
  Json answer = Json::object();
  answer.set("code", 0);
  answer.set("message", "");
  answer.set("message_cn", "");
  answer.set("data", std::move(data));
  answer.set("trace_id", trace_id(account));
  return answer;
}

Json page_info(std::int64_t page, std::int64_t size, std::int64_t total) {
  Json info = Json::object();
  info.set("page", page);
  info.set("page_size", size);
  info.set("total_number", total);
  info.set("total_page", (total + size - 1) / size);
  return info;
}

/// One page of rows that are there already.
Answer paged(AccountState& account, const Call& call, const Json::Array& rows,
             std::int64_t usual_size = 10) {
  const std::int64_t page = call.number("page", 1);
  const std::int64_t size = call.number("page_size", usual_size);
  Json list = Json::array();
  for (std::int64_t i = (page - 1) * size; i < page * size && i < std::ssize(rows); ++i)
    list.push(rows[static_cast<std::size_t>(i)]);
  Json data = Json::object();
  data.set("list", std::move(list));
  data.set("page_info", page_info(page, size, std::ssize(rows)));
  return ads_ok(account, std::move(data));
}

std::int64_t advertiser_of(const AccountState& account) {
  return 20'000'000 + static_cast<std::int64_t>(crypto::xxh64(account.identity.app_id) % 1'000'000);
}

bool is_ours(const AccountState& account, const Json& body) {
  return number_of(body["account_id"]) == advertiser_of(account);
}

// Authorisation.

Json grant(AccountState& account, Instant now) {
  AdsState& ads = account.ads;
  ads.previous_refresh_token = std::exchange(ads.refresh_token, account.make_name(43));
  ads.previous_until = now + kRefreshOverlap;
  ads.access_token = account.make_name(32);
  ads.access_ends_at = now + kAccessLife;
  ads.refresh_ends_at = now + kRefreshLife;
  Json who = Json::object();
  who.set("account_id", advertiser_of(account));
  who.set("account_uin", advertiser_of(account));
  who.set("wechat_account_id", account.identity.original_id);
  who.set("scope_list", Json(Json::Array{Json("ads_management"), Json("ads_insights")}));
  Json data = Json::object();
  data.set("authorizer_info", std::move(who));
  data.set("access_token", ads.access_token);
  data.set("refresh_token", ads.refresh_token);
  data.set("access_token_expires_in", kAccessLife.count() / 1'000'000);
  data.set("refresh_token_expires_in", kRefreshLife.count() / 1'000'000);
  return data;
}

Answer token(AccountState& account, const Call& call) {
  if (call.text("client_secret") != account.identity.app_secret)
    return ads_error(account, kAdsParameter, "client_secret");
  if (call.text("grant_type") == "authorization_code") {
    const std::string code = call.text("authorization_code");
    if (const int fault = use_up(account, "ads", code, call.now); fault != 0)
      return ads_error(account, kAdsParameter, "authorization_code");
    return ads_ok(account, grant(account, call.now));
  }
  const std::string refresh = call.text("refresh_token");
  const AdsState& ads = account.ads;
  const bool is_current = refresh == ads.refresh_token && call.now < ads.refresh_ends_at;
  const bool is_previous =
      !refresh.empty() && refresh == ads.previous_refresh_token && call.now < ads.previous_until;
  if (!is_current && !is_previous) return ads_error(account, kAdsParameter, "refresh_token");
  if (is_previous) {  // the same tokens again: the answer had been lost
    Json data = Json::object();
    data.set("access_token", ads.access_token);
    data.set("refresh_token", ads.refresh_token);
    data.set("access_token_expires_in", (ads.access_ends_at - call.now).count() / 1'000'000);
    data.set("refresh_token_expires_in", (ads.refresh_ends_at - call.now).count() / 1'000'000);
    return ads_ok(account, std::move(data));
  }
  return ads_ok(account, grant(account, call.now));
}

// Accounts.

Answer accounts(AccountState& account, const Call& call) {
  if (call.body.find("account_id") != nullptr && !is_ours(account, call.body))
    return ads_error(account, kNotYours, "account_id");
  Json one = Json::object();
  one.set("account_id", advertiser_of(account));
  one.set("corporation_name", "知音小店（沙箱）");
  one.set("system_status", "CUSTOMER_STATUS_NORMAL");
  return paged(account, call, {std::move(one)});
}

bool is_running(const AdsState& ads, const AdsState::Adgroup& adgroup, std::int64_t day,
                Instant now);
std::int64_t cost_on(const AdsState::Adgroup& adgroup, std::int64_t day);

Answer funds(AccountState& account, const Call& call) {
  constexpr std::int64_t kPaidIn = 1'000'000'00;
  if (!is_ours(account, call.body)) return ads_error(account, kNotYours, "account_id");
  const std::int64_t today = local_day(call.now, TimeZone::shanghai());
  std::int64_t spent = 0, spent_today = 0;
  for (const AdsState::Adgroup& adgroup : account.ads.adgroups) {
    for (std::int64_t day = local_day(adgroup.at, TimeZone::shanghai()); day <= today; ++day) {
      if (!is_running(account.ads, adgroup, day, call.now)) continue;
      spent += cost_on(adgroup, day);
      if (day == today) spent_today += cost_on(adgroup, day);
    }
  }
  Json one = Json::object();
  one.set("fund_type", "FUND_TYPE_CASH");
  one.set("balance", std::max<std::int64_t>(kPaidIn - spent, 0));
  one.set("fund_status", "FUND_STATUS_NORMAL");
  one.set("realtime_cost", spent_today);
  return paged(account, call, {std::move(one)});
}

// Ad groups.

AdsState::Adgroup* find_adgroup(AccountState& account, std::int64_t id) {
  auto& all = account.ads.adgroups;
  const auto found = std::ranges::find(all, id, &AdsState::Adgroup::id);
  return found == all.end() || found->deleted ? nullptr : &*found;
}

/// The name of what is wrong with an ad group's settings; empty: nothing. A budget of 0 is none.
std::string_view fault_of(const Json& settings) {
  const std::string series = text_of(settings["time_series"]);
  if (series.size() != 336 || series.find_first_not_of("01") != std::string::npos ||
      series.find('1') == std::string::npos) {
    return "time_series";
  }
  const auto begin = day_number(text_of(settings["begin_date"]));
  const std::string end = text_of(settings["end_date"]);
  if (!begin) return "begin_date";
  if (!end.empty() && (!day_number(end) || *day_number(end) < *begin)) return "end_date";
  const Json::Array* sites = settings["site_set"].if_array();
  const bool has_sites = sites != nullptr && !sites->empty();
  if (!has_sites && !flag_of(settings["automatic_site_enabled"])) return "site_set";
  if (const Json::Array* audiences = settings["targeting"]["custom_audience"].if_array();
      audiences != nullptr && audiences->size() > 500) {
    return "targeting.custom_audience";
  }
  return {};
}

bool is_budget(std::int64_t fen) { return fen == 0 || fen >= kLeastBudget; }

Json id_data(std::string_view name, std::int64_t id) {
  Json data = Json::object();
  data.set(name, id);
  return data;
}

Answer adgroup_add(AccountState& account, const Call& call) {
  if (!is_ours(account, call.body)) return ads_error(account, kNotYours, "account_id");
  if (const std::string_view fault = fault_of(call.body); !fault.empty())
    return ads_error(account, kAdsParameter, fault);
  if (!is_budget(call.number("daily_budget"))) return ads_error(account, 31002, "daily_budget");
  AdsState::Adgroup adgroup;
  adgroup.id = ++account.ads.last_id;
  adgroup.settings = call.body;
  if (text_of(adgroup.settings["configured_status"]).empty())
    adgroup.settings.set("configured_status", "AD_STATUS_NORMAL");
  adgroup.at = call.now;
  account.ads.adgroups.push_back(std::move(adgroup));
  return ads_ok(account, id_data("adgroup_id", account.ads.last_id));
}

Answer adgroup_update(AccountState& account, const Call& call) {
  if (!is_ours(account, call.body)) return ads_error(account, kNotYours, "account_id");
  AdsState::Adgroup* adgroup = find_adgroup(account, call.number("adgroup_id"));
  if (adgroup == nullptr) return ads_error(account, kNotFound, "adgroup_id");
  Json changed = adgroup->settings;
  for (const auto& [name, value] : *call.body.if_object()) changed.set(name, value);
  if (const std::string_view fault = fault_of(changed); !fault.empty())
    return ads_error(account, kAdsParameter, fault);
  if (!is_budget(number_of(changed["daily_budget"])))
    return ads_error(account, 31002, "daily_budget");
  adgroup->settings = std::move(changed);
  return ads_ok(account, id_data("adgroup_id", adgroup->id));
}

Answer adgroup_delete(AccountState& account, const Call& call) {
  if (!is_ours(account, call.body)) return ads_error(account, kNotYours, "account_id");
  AdsState::Adgroup* adgroup = find_adgroup(account, call.number("adgroup_id"));
  if (adgroup == nullptr) return ads_error(account, kNotFound, "adgroup_id");
  adgroup->deleted = true;
  return ads_ok(account, id_data("adgroup_id", adgroup->id));
}

/// Whether a row passes the filters that it can answer: EQUALS and IN on its own members.
bool passes(const Json& row, const Json& filters) {
  const Json::Array* list = filters.if_array();
  return list == nullptr || std::ranges::all_of(*list, [&](const Json& filter) {
           const Json* member = row.find(text_of(filter["field"]));
           const Json::Array* values = filter["values"].if_array();
           if (member == nullptr || values == nullptr) return true;
           return std::ranges::any_of(
               *values, [&](const Json& v) { return text_of(v) == text_of(*member); });
         });
}

Answer adgroups(AccountState& account, const Call& call) {
  if (!is_ours(account, call.body)) return ads_error(account, kNotYours, "account_id");
  Json::Array rows;
  for (const AdsState::Adgroup& adgroup : account.ads.adgroups) {
    if (adgroup.deleted != flag_of(call.body["is_deleted"])) continue;
    Json row = Json::object();
    row.set("adgroup_id", adgroup.id);
    for (const auto& [name, value] : *adgroup.settings.if_object()) {
      if (name != "account_id") row.set(name, value);
    }
    row.set("created_time", seconds_of(adgroup.at));
    const bool is_on = text_of(adgroup.settings["configured_status"]) == "AD_STATUS_NORMAL";
    row.set("system_status", is_on ? "ADGROUP_STATUS_ACTIVE" : "ADGROUP_STATUS_SUSPEND");
    if (passes(row, call.body["filtering"])) rows.push_back(std::move(row));
  }
  return paged(account, call, rows);
}

/// Changes one member of several ad groups; each has its own line in the answer.
Answer change_many(AccountState& account, const Call& call, std::string_view list_name,
                   std::string_view member) {
  if (!is_ours(account, call.body)) return ads_error(account, kNotYours, "account_id");
  Json lines = Json::array();
  for (const Json& spec : *call.body[list_name].if_array()) {
    AdsState::Adgroup* adgroup = find_adgroup(account, number_of(spec["adgroup_id"]));
    const std::string value = text_of(spec[member]);
    const bool is_status = member == "configured_status";
    int code = adgroup == nullptr ? kNotFound : 0;
    if (code == 0 && is_status && value != "AD_STATUS_NORMAL" && value != "AD_STATUS_SUSPEND")
      code = kAdsParameter;
    if (code == 0 && member == "bid_amount" && number_of(spec[member]) < 1) code = kAdsParameter;
    if (code == 0 && member == "daily_budget" && !is_budget(number_of(spec[member]))) code = 31002;
    if (code == 0) adgroup->settings.set(member, spec[member]);
    Json line = Json::object();
    const Answer refused = ads_error(account, code == 0 ? kAdsParameter : code);
    line.set("code", code);
    line.set("message", code == 0 ? Json("") : refused.body["message"]);
    line.set("message_cn", code == 0 ? Json("") : refused.body["message_cn"]);
    line.set("adgroup_id", spec["adgroup_id"]);
    lines.push(std::move(line));
  }
  Json data = Json::object();
  data.set("list", std::move(lines));
  return ads_ok(account, std::move(data));
}
Answer change_budget(AccountState& account, const Call& call) {
  return change_many(account, call, "update_daily_budget_spec", "daily_budget");
}
Answer change_bid(AccountState& account, const Call& call) {
  return change_many(account, call, "update_bid_amount_spec", "bid_amount");
}
Answer change_status(AccountState& account, const Call& call) {
  return change_many(account, call, "update_configured_status_spec", "configured_status");
}

// Creatives.

Answer creative_add(AccountState& account, const Call& call) {
  if (!is_ours(account, call.body)) return ads_error(account, kNotYours, "account_id");
  if (find_adgroup(account, call.number("adgroup_id")) == nullptr)
    return ads_error(account, kNotFound, "adgroup_id");
  if (call.body["creative_components"].if_object()->empty())
    return ads_error(account, kAdsParameter, "creative_components");
  AdsState::Creative creative;
  creative.id = ++account.ads.last_id;
  creative.adgroup = call.number("adgroup_id");
  creative.settings = call.body;
  creative.at = call.now;
  creative.objection = review(call.body["creative_components"].dump()).keyword;
  account.ads.creatives.push_back(std::move(creative));
  return ads_ok(account, id_data("dynamic_creative_id", account.ads.last_id));
}

std::string_view status_of(const AdsState::Creative& creative, Instant now) {
  if (now < creative.at + kReviewTakes) return "DYNAMIC_CREATIVE_STATUS_PENDING";
  return creative.objection.empty() ? "DYNAMIC_CREATIVE_STATUS_NORMAL"
                                    : "DYNAMIC_CREATIVE_STATUS_DENIED";
}

Answer creatives(AccountState& account, const Call& call) {
  if (!is_ours(account, call.body)) return ads_error(account, kNotYours, "account_id");
  Json::Array rows;
  for (const AdsState::Creative& creative : account.ads.creatives) {
    Json row = Json::object();
    row.set("dynamic_creative_id", creative.id);
    for (const auto& [name, value] : *creative.settings.if_object()) {
      if (name != "account_id") row.set(name, value);
    }
    row.set("created_time", seconds_of(creative.at));
    row.set("system_status", status_of(creative, call.now));
    if (passes(row, call.body["filtering"])) rows.push_back(std::move(row));
  }
  return paged(account, call, rows);
}

Answer creative_reviews(AccountState& account, const Call& call) {
  if (!is_ours(account, call.body)) return ads_error(account, kNotYours, "account_id");
  Json list = Json::array();
  for (const Json& id : *call.body["dynamic_creative_id_list"].if_array()) {
    const auto& all = account.ads.creatives;
    const auto found = std::ranges::find(all, number_of(id), &AdsState::Creative::id);
    if (found == all.end()) return ads_error(account, kNotFound, "dynamic_creative_id_list");
    Json elements = Json::array();
    if (call.now >= found->at + kReviewTakes) {
      Json element = Json::object();
      element.set("element_name", "title");
      element.set("review_status",
                  found->objection.empty() ? "REVIEW_STATUS_NORMAL" : "REVIEW_STATUS_DENIED");
      if (!found->objection.empty())
        element.set("element_reject_detail_info",
                    fmt::format("素材含有不允许的内容：{}", found->objection));
      elements.push(std::move(element));
    }
    Json one = Json::object();
    one.set("dynamic_creative_id", found->id);
    one.set("element_result_list", std::move(elements));
    list.push(std::move(one));
  }
  Json data = Json::object();
  data.set("list", std::move(list));
  return ads_ok(account, std::move(data));
}

std::string md5_hex(std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_md5(), nullptr);
  return crypto::hex(std::string_view(reinterpret_cast<const char*>(digest), size));
}

Answer image_add(AccountState& account, const Call& call) {
  const Result<Multipart> form = parse_multipart(call.http.body, call.http.content_type);
  if (!form || form->part != "file") return ads_error(account, kAdsParameter, "file");
  const auto field = [&](std::string_view name) {
    const auto found = form->fields.find(name);
    return found == form->fields.end() ? std::string() : found->second;
  };
  if (field("account_id") != std::to_string(advertiser_of(account)))
    return ads_error(account, kNotYours, "account_id");
  if (field("upload_type") != "UPLOAD_TYPE_FILE")
    return ads_error(account, kAdsParameter, "upload_type");
  const std::string md5 = md5_hex(form->bytes);
  if (field("signature") != md5) return ads_error(account, 31003, "signature");
  std::string& id = account.ads.images[md5];
  if (id.empty()) id = std::to_string(++account.ads.last_id);
  Json data = Json::object();
  data.set("image_id", id);
  data.set("image_width", 800);
  data.set("image_height", 800);
  data.set("image_file_size", form->bytes.size());
  data.set("image_signature", md5);
  data.set("signature", md5);
  data.set("preview_url", fmt::format("https://pgdt.gtimg.cn/{}", md5));
  return ads_ok(account, std::move(data));
}

// Reports: made up from budget and day, the same at every call.

bool is_running(const AdsState& ads, const AdsState::Adgroup& adgroup, std::int64_t day,
                Instant now) {
  const Json& s = adgroup.settings;
  const std::int64_t begin = day_number(text_of(s["begin_date"])).value_or(day + 1);
  const auto end = day_number(text_of(s["end_date"]));
  const bool is_on = !adgroup.deleted && text_of(s["configured_status"]) == "AD_STATUS_NORMAL";
  if (!is_on || day < begin || (end && day > *end)) return false;
  return std::ranges::any_of(ads.creatives, [&](const AdsState::Creative& creative) {
    return creative.adgroup == adgroup.id && creative.objection.empty() &&
           creative.at + kReviewTakes <= now && local_day(creative.at, TimeZone::shanghai()) <= day;
  });
}

double draw(std::int64_t id, std::int64_t day, std::string_view what) {
  return static_cast<double>(crypto::xxh64(fmt::format("{} {} {}", id, day, what)) % 1000) / 1000;
}

std::int64_t cost_on(const AdsState::Adgroup& adgroup, std::int64_t day) {
  const std::int64_t budget = number_of(adgroup.settings["daily_budget"]);
  const auto most = static_cast<double>(budget == 0 ? kUsualBudget : budget);
  return static_cast<std::int64_t>(most * (0.7 + 0.3 * draw(adgroup.id, day, "cost")));
}

/// What was counted; ratios follow from it.
struct Delivery {
  std::int64_t views = 0, clicks = 0, cost = 0, conversions = 0, follows = 0, orders = 0;
  Delivery& operator+=(const Delivery& o) {
    views += o.views;
    clicks += o.clicks;
    cost += o.cost;
    conversions += o.conversions;
    follows += o.follows;
    orders += o.orders;
    return *this;
  }
};

Delivery delivery_on(const AdsState::Adgroup& adgroup, std::int64_t day, double part) {
  Delivery d;
  d.cost = static_cast<std::int64_t>(static_cast<double>(cost_on(adgroup, day)) * part);
  const double price = 15'00 + 20'00 * draw(adgroup.id, day, "price");  // a thousand views
  d.views = static_cast<std::int64_t>(static_cast<double>(d.cost) * 1000 / price);
  d.clicks = static_cast<std::int64_t>(static_cast<double>(d.views) *
                                       (0.01 + 0.02 * draw(adgroup.id, day, "click")));
  d.conversions = d.clicks / 20;
  d.follows = d.clicks / 12;
  d.orders = d.conversions * 128'00;
  return d;
}

Json figures(const Delivery& d) {
  const auto ratio = [](std::int64_t a, std::int64_t b) {
    return b == 0 ? 0.0 : static_cast<double>(a) / static_cast<double>(b);
  };
  Json row = Json::object();
  row.set("view_count", d.views);
  row.set("valid_click_count", d.clicks);
  row.set("cost", d.cost);
  row.set("conversions_count", d.conversions);
  row.set("deep_conversions_count", d.conversions / 4);
  row.set("from_follow_uv", d.follows);
  row.set("biz_follow_uv", d.follows);
  row.set("scan_follow_count", d.follows / 3);
  row.set("order_amount", d.orders);
  row.set("praise_count", d.clicks / 15);
  row.set("comment_count", d.clicks / 40);
  row.set("forward_count", d.clicks / 60);
  row.set("ctr", ratio(d.clicks, d.views));
  row.set("cpc", ratio(d.cost, d.clicks));
  row.set("thousand_display_price", ratio(d.cost * 1000, d.views));
  row.set("conversions_rate", ratio(d.conversions, d.clicks));
  row.set("conversions_cost", ratio(d.cost, d.conversions));
  return row;
}

Answer report(AccountState& account, const Call& call, bool by_hour) {
  constexpr std::int64_t kDaysMax = 366;
  constexpr std::int64_t kHourlyDaysMax = 7;
  if (!is_ours(account, call.body)) return ads_error(account, kNotYours, "account_id");
  const auto begin = day_number(text_of(call.body["date_range"]["start_date"]));
  const auto end = day_number(text_of(call.body["date_range"]["end_date"]));
  if (!begin || !end || *end < *begin || *end - *begin >= (by_hour ? kHourlyDaysMax : kDaysMax))
    return ads_error(account, kAdsParameter, "date_range");
  std::set<std::string> groups;
  for (const Json& name : *call.body["group_by"].if_array()) groups.insert(text_of(name));
  for (const std::string& name : groups) {
    if (name != "date" && name != "hour" && name != "adgroup_id" && name != "dynamic_creative_id")
      return ads_error(account, kAdsParameter, "group_by");
  }
  using Key = std::vector<std::int64_t>;  // day, hour, adgroup, creative; -1: not asked for
  std::map<Key, Delivery> sums;
  const std::int64_t today = local_day(call.now, TimeZone::shanghai());
  const auto hour_now = static_cast<std::int64_t>(to_civil(call.now, TimeZone::shanghai()).hour);
  for (const AdsState::Adgroup& adgroup : account.ads.adgroups) {
    Json names = Json::object();
    names.set("adgroup_id", adgroup.id);
    if (!passes(names, call.body["filtering"])) continue;
    std::int64_t creative_id = -1;
    for (const AdsState::Creative& creative : account.ads.creatives) {
      if (creative.adgroup == adgroup.id && creative.objection.empty()) creative_id = creative.id;
    }
    for (std::int64_t day = *begin; day <= std::min(*end, today); ++day) {
      if (!is_running(account.ads, adgroup, day, call.now)) continue;
      const auto key = [&](std::int64_t hour) {
        return Key{groups.contains("date") ? day : -1, groups.contains("hour") ? hour : -1,
                   groups.contains("adgroup_id") ? adgroup.id : -1,
                   groups.contains("dynamic_creative_id") ? creative_id : -1};
      };
      const std::int64_t hours = day == today ? hour_now : 24;
      if (!by_hour) sums[key(-1)] += delivery_on(adgroup, day, static_cast<double>(hours) / 24);
      for (std::int64_t hour = 0; by_hour && hour < hours; ++hour)
        sums[key(hour)] += delivery_on(adgroup, day, 1.0 / 24);
    }
  }
  Json::Array rows;
  for (const auto& [key, sum] : sums) {
    Json row = Json::object();
    if (key[0] >= 0) row.set("date", date_text(key[0]));
    if (key[1] >= 0) row.set("hour", key[1]);
    if (key[2] >= 0) row.set("adgroup_id", key[2]);
    if (key[3] >= 0) row.set("dynamic_creative_id", key[3]);
    const Json all = figures(sum);
    for (const Json& name : *call.body["fields"].if_array()) {
      if (const Json* value = all.find(text_of(name))) row.set(text_of(name), *value);
    }
    rows.push_back(std::move(row));
  }
  if (const Json::Array* orders = call.body["order_by"].if_array(); orders && !orders->empty()) {
    const std::string by = text_of(orders->front()["sort_field"]);
    const bool is_down = text_of(orders->front()["sort_type"]) == "DESCENDING";
    std::ranges::stable_sort(rows, [&](const Json& a, const Json& b) {
      const double x = a[by].number_or(0), y = b[by].number_or(0);
      return is_down ? x > y : x < y;
    });
  }
  return paged(account, call, rows);
}
Answer daily_report(AccountState& account, const Call& call) {
  return report(account, call, false);
}
Answer hourly_report(AccountState& account, const Call& call) {
  return report(account, call, true);
}

// What people did, and audiences.

Answer action_set_add(AccountState& account, const Call& call) {
  if (!is_ours(account, call.body)) return ads_error(account, kNotYours, "account_id");
  const std::string type = call.text("type");
  if (type.find("WECHAT") != std::string::npos && call.text("wechat_app_id").empty())
    return ads_error(account, kAdsParameter, "wechat_app_id");
  account.ads.action_sets.push_back({++account.ads.last_id, type});
  return ads_ok(account, id_data("user_action_set_id", account.ads.last_id));
}

/// Whether an action says who did it, in the form that the platform wants.
bool names_somebody(const Json& user) {
  const auto is_hash = [](const std::string& text, std::size_t size) {
    return text.size() == size && std::ranges::all_of(text, [](char c) {
             return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
  };
  for (const std::string_view name :
       {"hash_phone", "hash_imei", "hash_idfa", "hash_oaid", "hash_android_id"}) {
    const std::string text = text_of(user[name]);
    if (!text.empty()) return is_hash(text, 32);
  }
  if (const std::string phone = text_of(user["sha256_phone"]); !phone.empty())
    return is_hash(phone, 64);
  const bool by_wechat =
      !text_of(user["wechat_openid"]).empty() || !text_of(user["wechat_unionid"]).empty();
  return by_wechat && !text_of(user["wechat_app_id"]).empty();
}

Answer actions_add(AccountState& account, const Call& call) {
  if (!is_ours(account, call.body)) return ads_error(account, kNotYours, "account_id");
  auto& sets = account.ads.action_sets;
  const auto set =
      std::ranges::find(sets, call.number("user_action_set_id"), &AdsState::ActionSet::id);
  if (set == sets.end()) return ads_error(account, kNotFound, "user_action_set_id");
  for (const Json& action : *call.body["actions"].if_array()) {
    if (!names_somebody(action["user_id"]))
      return ads_error(account, kAdsParameter, "actions.user_id");
    if (number_of(action["action_time"]) > seconds_of(call.now) + kClockDifference)
      return ads_error(account, kAdsParameter, "actions.action_time");
  }
  return ads_ok(account, Json::object());
}

Answer audience_add(AccountState& account, const Call& call) {
  if (!is_ours(account, call.body)) return ads_error(account, kNotYours, "account_id");
  AdsState::Audience audience;
  audience.id = ++account.ads.last_id;
  audience.name = call.text("name");
  audience.type = call.text("type");
  audience.at = call.now;
  account.ads.audiences.push_back(std::move(audience));
  return ads_ok(account, id_data("audience_id", account.ads.last_id));
}

Answer audiences(AccountState& account, const Call& call) {
  if (!is_ours(account, call.body)) return ads_error(account, kNotYours, "account_id");
  constexpr Duration kWorks = std::chrono::hours(1);
  Json::Array rows;
  for (const AdsState::Audience& audience : account.ads.audiences) {
    if (const std::int64_t id = call.number("audience_id"); id != 0 && id != audience.id) continue;
    const bool is_ready = audience.people > 0 && call.now >= audience.at + kWorks;
    Json row = Json::object();
    row.set("audience_id", audience.id);
    row.set("account_id", advertiser_of(account));
    row.set("name", audience.name);
    row.set("type", audience.type);
    row.set("status", is_ready ? "SUCCESS" : audience.people > 0 ? "PROCESSING" : "PENDING");
    row.set("user_count", is_ready ? audience.people : 0);
    row.set("created_time", seconds_of(audience.at));
    rows.push_back(std::move(row));
  }
  return paged(account, call, rows);
}

Answer audience_file_add(AccountState& account, const Call& call) {
  const Result<Multipart> form = parse_multipart(call.http.body, call.http.content_type);
  if (!form || form->part != "file") return ads_error(account, kAdsParameter, "file");
  const auto number = [&](std::string_view name) {
    const auto found = form->fields.find(name);
    return found == form->fields.end() ? 0 : number_of(Json(found->second));
  };
  if (number("account_id") != advertiser_of(account))
    return ads_error(account, kNotYours, "account_id");
  if (!form->fields.contains("user_id_type"))
    return ads_error(account, kAdsParameter, "user_id_type");
  auto& all = account.ads.audiences;
  const auto audience = std::ranges::find(all, number("audience_id"), &AdsState::Audience::id);
  if (audience == all.end() || audience->type != "CUSTOMER_FILE")
    return ads_error(account, kNotFound, "audience_id");
  const bool is_packed = form->file_name.ends_with(".zip");
  const std::int64_t lines =
      std::ranges::count(form->bytes, '\n') + (form->bytes.ends_with('\n') ? 0 : 1);
  const auto operation = form->fields.find("operation_type");
  const bool reduces = operation != form->fields.end() && operation->second == "REDUCE";
  if (!is_packed)
    audience->people = std::max<std::int64_t>(0, audience->people + (reduces ? -lines : lines));
  audience->at = call.now;
  return ads_ok(account, id_data("custom_audience_file_id", ++account.ads.last_id));
}

}  // namespace

Answer ads_error(AccountState& account, int code, std::string_view field) {
  const auto text = std::ranges::find(kTexts, code, &AdsText::code);
  const bool is_known = text != std::end(kTexts);
  const std::string where = field.empty() ? std::string() : fmt::format(": {}", field);
  Json answer = Json::object();
  answer.set("code", code);
  answer.set("message", fmt::format("{}{}", is_known ? text->english : "error", where));
  answer.set("message_cn", fmt::format("{}{}", is_known ? text->chinese : "错误", where));
  answer.set("trace_id", trace_id(account));
  if (!field.empty()) {
    Json one = Json::object();
    one.set("code", code);
    one.set("field", field);
    answer.set("errors", Json(Json::Array{std::move(one)}));
  }
  return answer;
}

std::optional<Answer> check_ads_call(AccountState& account, const ApiCall& call, Instant now) {
  const auto query = [&](std::string_view name) {
    const auto found = call.query.find(name);
    return found == call.query.end() ? std::string() : found->second;
  };
  const std::int64_t at = number_of(Json(query("timestamp")));
  if (at < seconds_of(now) - kClockDifference || at > seconds_of(now) + kClockDifference)
    return ads_error(account, kAdsTimestamp, "timestamp");
  const std::string nonce = query("nonce");
  constexpr std::size_t kNonceMax = 32;
  if (nonce.empty() || nonce.size() > kNonceMax) return ads_error(account, kIncomplete, "nonce");
  auto& nonces = account.ads.nonces;
  if (nonces.size() >= kNoncesMax) {
    std::erase_if(nonces, [&](const auto& n) {
      return now - n.second > std::chrono::seconds(2 * kClockDifference);
    });
  }
  if (!nonces.emplace(nonce, now).second) return ads_error(account, kAdsNonceUsed, "nonce");
  return std::nullopt;
}

void add_ads_rate(AccountState& account, const Endpoint& endpoint, Answer& answer, Instant now) {
  const QuotaCounters::Usage usage = account.quota.usage(endpoint, now);
  const QuotaCounters::Usage minute = account.quota.minute_usage(endpoint, now);
  const auto add = [&](std::string_view what, const QuotaCounters::Usage& u) {
    answer.headers.emplace_back(fmt::format("X-RateLimit-{}-Limit", what), std::to_string(u.limit));
    answer.headers.emplace_back(fmt::format("X-RateLimit-{}-Remaining", what),
                                std::to_string(std::max<std::int64_t>(u.limit - u.used, 0)));
  };
  add("Minute", minute);
  add("Day", usage);
}

TokenState check_ads_token(const AccountState& account, std::string_view token, Instant now) {
  if (token.empty() || token != account.ads.access_token) return TokenState::kUnknown;
  return now < account.ads.access_ends_at ? TokenState::kValid : TokenState::kExpired;
}

std::vector<Endpoint> ads_endpoints() {
  const std::string kPage = "page_info{page:n page_size:n total_number:n total_page:n}";
  const std::string kChanges = "list[]{code:n message message_cn adgroup_id:n}";
  const std::string kReport =
      "date hour:n adgroup_id:n dynamic_creative_id:n view_count:n valid_click_count:n cost:n "
      "conversions_count:n deep_conversions_count:n from_follow_uv:n biz_follow_uv:n "
      "scan_follow_count:n order_amount:n praise_count:n comment_count:n forward_count:n ctr:d "
      "cpc:d thousand_display_price:d conversions_rate:d conversions_cost:d";
  constexpr std::size_t kFileMax = 101 << 20;
  const auto endpoint = [](std::string_view method, std::string_view path, std::string_view summary,
                           Handler handler, std::string answers, std::vector<Field> fields,
                           std::vector<int> errors = {}) {
    return Endpoint{.method = method,
                    .path = path,
                    .summary = summary,
                    .handler = handler,
                    .answers = std::move(answers),
                    .fields = std::move(fields),
                    .per_day = 100'000,
                    .per_minute = 600,
                    .errors = std::move(errors),
                    .family = Family::kAds};
  };
  constexpr int kBad = kAdsParameter;
  const Field account_id = number("account_id", 1, kAnyNumber, kBad);
  const Field adgroup_id = number("adgroup_id", 1, kAnyNumber, kBad);
  const Field page = number("page", 1, 99'999, kBad).optional();
  const Field page_size = number("page_size", 1, 100, kBad).optional();
  const Field filtering = list("filtering", 0, 20, kBad);
  const Field status =
      one_of("configured_status", "AD_STATUS_NORMAL AD_STATUS_SUSPEND", kBad).optional();
  const std::vector<Field> report_fields = {
      account_id,
      one_of("level", "REPORT_LEVEL_ADVERTISER REPORT_LEVEL_ADGROUP REPORT_LEVEL_DYNAMIC_CREATIVE",
             kBad),
      object("date_range", kBad),
      date("date_range.start_date", kBad),
      date("date_range.end_date", kBad),
      list("group_by", 1, 16, kBad),
      list("fields", 1, 256, kBad),
      filtering,
      list("order_by", 0, 1, kBad),
      one_of("time_line", "REQUEST_TIME REPORTING_TIME ACTIVE_TIME", kBad).optional(),
      page,
      number("page_size", 1, 2000, kBad).optional()};
  Endpoint grant_token = endpoint(
      "GET", "/oauth/token",
      "Tokens for an authorisation code, or for a refresh token, which is good for one use", token,
      "authorizer_info{account_id:n account_uin:n wechat_account_id scope_list[]} access_token "
      "refresh_token access_token_expires_in:n refresh_token_expires_in:n",
      {one_of("grant_type", "authorization_code refresh_token", kBad),
       text("client_secret", 1, 128, kBad)});
  grant_token.caller = Caller::kClientSecret;
  Endpoint image = endpoint("POST", "/v3.0/images/add", "A picture, with its MD5", image_add,
                            "image_id image_width:n image_height:n image_file_size:n "
                            "image_signature signature preview_url",
                            {}, {kNotYours, 31003});
  image.file_part = "file";
  image.body_max = 12 << 20;
  Endpoint audience_file =
      endpoint("POST", "/v3.0/custom_audience_files/add", "People of an audience, one a line",
               audience_file_add, "custom_audience_file_id:n", {}, {kNotYours, 31001});
  audience_file.file_part = "file";
  audience_file.body_max = kFileMax;
  return {
      grant_token,
      endpoint("GET", "/v3.0/advertiser/get", "Advertisers that were granted to us", accounts,
               "list[]{account_id:n corporation_name system_status} " + kPage,
               {account_id.optional(), list("fields", 0, 64, kBad), page, page_size}, {kNotYours}),
      endpoint("GET", "/v3.0/funds/get", "Money of an advertiser", funds,
               "list[]{fund_type balance:n fund_status realtime_cost:n} " + kPage, {account_id},
               {kNotYours}),
      endpoint("POST", "/v3.0/adgroups/add", "An ad group", adgroup_add, "adgroup_id:n",
               {account_id, text("adgroup_name", 1, 60, kBad),
                one_of("marketing_goal",
                       "MARKETING_GOAL_USER_GROWTH MARKETING_GOAL_PRODUCT_SALES "
                       "MARKETING_GOAL_LEAD_RETENTION MARKETING_GOAL_BRAND_PROMOTION "
                       "MARKETING_GOAL_INCREASE_FANS_INTERACTION",
                       kBad),
                date("begin_date", kBad), date("end_date", kBad).optional(),
                bytes("time_series", 336, 336, kBad),
                number("bid_amount", 1, kAnyNumber, kBad).optional(),
                number("daily_budget", 0, 400'000'000, kBad).optional(), status},
               {kNotYours, 31002}),
      endpoint("POST", "/v3.0/adgroups/update", "Changes an ad group", adgroup_update,
               "adgroup_id:n",
               {account_id, adgroup_id, text("adgroup_name", 0, 60, kBad),
                date("begin_date", kBad).optional(), date("end_date", kBad).optional(),
                number("bid_amount", 1, kAnyNumber, kBad).optional(),
                number("daily_budget", 0, 400'000'000, kBad).optional(), status},
               {kNotYours, 31001, 31002}),
      endpoint("POST", "/v3.0/adgroups/delete", "Deletes an ad group", adgroup_delete,
               "adgroup_id:n", {account_id, adgroup_id}, {kNotYours, 31001}),
      endpoint("POST", "/v3.0/adgroups/update_daily_budget", "Budgets of up to 100 ad groups",
               change_budget, kChanges,
               {account_id, list("update_daily_budget_spec", 1, 100, kBad)}, {kNotYours}),
      endpoint("POST", "/v3.0/adgroups/update_bid_amount", "Bids of up to 100 ad groups",
               change_bid, kChanges, {account_id, list("update_bid_amount_spec", 1, 100, kBad)},
               {kNotYours}),
      endpoint("POST", "/v3.0/adgroups/update_configured_status",
               "Switches up to 100 ad groups on or off", change_status, kChanges,
               {account_id, list("update_configured_status_spec", 1, 100, kBad)}, {kNotYours}),
      endpoint("GET", "/v3.0/adgroups/get", "Ad groups", adgroups,
               "list[]{adgroup_id:n adgroup_name marketing_goal marketing_sub_goal "
               "marketing_carrier_type marketing_carrier_detail:o marketing_asset_id:n begin_date "
               "end_date first_day_begin_time time_series bid_mode optimization_goal "
               "smart_bid_type bid_scene bid_amount:n daily_budget:n conversion_id:n site_set[] "
               "automatic_site_enabled:b targeting:o user_action_sets[]:n configured_status "
               "created_time:n system_status} " +
                   kPage,
               {account_id, filtering, page, page_size, list("fields", 0, 64, kBad),
                flag("is_deleted", kBad)},
               {kNotYours}),
      endpoint("POST", "/v3.0/dynamic_creatives/add",
               "A creative; reviewers look at it within 30 minutes", creative_add,
               "dynamic_creative_id:n",
               {account_id, adgroup_id, text("dynamic_creative_name", 1, 60, kBad),
                object("creative_components", kBad), status},
               {kNotYours, 31001}),
      endpoint(
          "GET", "/v3.0/dynamic_creatives/get", "Creatives", creatives,
          "list[]{dynamic_creative_id:n adgroup_id:n dynamic_creative_name creative_template_id:n "
          "delivery_mode dynamic_creative_type configured_status impression_tracking_url "
          "click_tracking_url creative_components:o created_time:n system_status} " +
              kPage,
          {account_id, filtering, page, page_size, list("fields", 0, 64, kBad)}, {kNotYours}),
      endpoint("GET", "/v3.0/dynamic_creative_review_results/get", "What the reviewers said",
               creative_reviews,
               "list[]{dynamic_creative_id:n element_result_list[]{element_name review_status "
               "element_reject_detail_info}}",
               {account_id, list("dynamic_creative_id_list", 1, 100, kBad)}, {kNotYours, 31001}),
      image,
      endpoint("GET", "/v3.0/daily_reports/get", "Figures by day", daily_report,
               "list[]{" + kReport + "} " + kPage, report_fields, {kNotYours}),
      endpoint("GET", "/v3.0/hourly_reports/get", "Figures by hour, of up to 7 days", hourly_report,
               "list[]{" + kReport + "} " + kPage, report_fields, {kNotYours}),
      endpoint("POST", "/v3.0/user_action_sets/add", "A set for what people do", action_set_add,
               "user_action_set_id:n",
               {account_id,
                one_of("type",
                       "USER_ACTION_SET_TYPE_WEB USER_ACTION_SET_TYPE_IOS "
                       "USER_ACTION_SET_TYPE_ANDROID USER_ACTION_SET_TYPE_WECHAT "
                       "USER_ACTION_SET_TYPE_WECHAT_MINI_PROGRAM "
                       "USER_ACTION_SET_TYPE_WECHAT_MINI_GAME",
                       kBad),
                text("name", 0, 64, kBad)},
               {kNotYours}),
      endpoint("POST", "/v3.0/user_actions/add", "Up to 50 things that people did", actions_add, "",
               {account_id, number("user_action_set_id", 1, kAnyNumber, kBad),
                list("actions", 1, 50, kBad), number("actions[].action_time", 1, kAnyNumber, kBad),
                text("actions[].action_type", 1, 64, kBad),
                text("actions[].outer_action_id", 0, 128, kBad)},
               {kNotYours, 31001}),
      endpoint(
          "POST", "/v3.0/custom_audiences/add", "An audience", audience_add, "audience_id:n",
          {account_id, text("name", 1, 32, kBad),
           one_of("type", "CUSTOMER_FILE LOOKALIKE USER_ACTION KEYWORD AD COMBINE LABEL", kBad)},
          {kNotYours}),
      endpoint("GET", "/v3.0/custom_audiences/get", "Audiences", audiences,
               "list[]{audience_id:n account_id:n name type status user_count:n created_time:n} " +
                   kPage,
               {account_id, number("audience_id", 1, kAnyNumber, kBad).optional(), page, page_size},
               {kNotYours}),
      audience_file,
  };
}

}  // namespace zhiyin::sandbox
