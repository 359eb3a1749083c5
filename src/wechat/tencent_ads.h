#pragma once

#include "wechat/media.h"
#include "wechat/method.h"

/// Tencent Ads v3 (Moments and the other places): ad groups, creatives, reports, actions of people,
/// audiences. Money is fen. An account is one authorisation (`TokenKind::kAds`: AppID is client_id,
/// AppSecret client_secret); `account_id` is the advertiser. Answers are what lies in `data`.
namespace zhiyin::wechat {

/// Where the owner of an advertiser grants us access. Pure.
std::string ads_authorise_url(const ApiAccount& account, std::string_view redirect_uri,
                              std::string_view state);

struct AdsPageInfo {
  std::int64_t page = 1, page_size = 0, total_number = 0, total_page = 0;
  static constexpr auto wire() {
    using S = AdsPageInfo;
    return field_list(member("page", &S::page, ""), member("page_size", &S::page_size, ""),
                      member("total_number", &S::total_number, ""),
                      member("total_page", &S::total_page, ""));
  }
};
template <class Row>
struct AdsPage {
  std::vector<Row> list;
  AdsPageInfo page_info;
  static constexpr auto wire() {
    return field_list(member("list", &AdsPage::list, ""),
                      member("page_info", &AdsPage::page_info, ""));
  }
};
/// `operator` EQUALS, CONTAINS, LESS, GREATER, IN …
struct AdsFilter {
  std::string field, op;
  std::vector<std::string> values;
  static constexpr auto wire() {
    using S = AdsFilter;
    return field_list(member("field", &S::field, ""), member("operator", &S::op, "EQUALS, IN …"),
                      member("values", &S::values, ""));
  }
};
struct AdsListAsk {
  std::int64_t account_id = 0;
  std::vector<AdsFilter> filtering;
  std::int64_t page = 1, page_size = 100;
  std::vector<std::string> fields;
  static constexpr auto wire() {
    using S = AdsListAsk;
    return field_list(member("account_id", &S::account_id, "advertiser"),
                      member("filtering", &S::filtering, ""), member("page", &S::page, "from 1"),
                      member("page_size", &S::page_size, "up to 100"),
                      member("fields", &S::fields, ""));
  }
};

// Accounts and money.
struct AdsAccountsAsk {
  std::optional<std::int64_t> account_id;
  std::vector<std::string> fields = {"account_id", "corporation_name", "system_status"};
  std::int64_t page = 1, page_size = 100;
  static constexpr auto wire() {
    using S = AdsAccountsAsk;
    return field_list(member("account_id", &S::account_id, ""), member("fields", &S::fields, ""),
                      member("page", &S::page, "from 1"),
                      member("page_size", &S::page_size, "up to 100"));
  }
};
struct AdsAccount {
  std::int64_t account_id = 0;
  std::string corporation_name, system_status, reject_message;
  static constexpr auto wire() {
    using S = AdsAccount;
    return field_list(member("account_id", &S::account_id, ""),
                      member("corporation_name", &S::corporation_name, ""),
                      member("system_status", &S::system_status, ""),
                      member("reject_message", &S::reject_message, ""));
  }
};
struct AdsFundsAsk {
  std::int64_t account_id = 0;
  static constexpr auto wire() {
    return field_list(member("account_id", &AdsFundsAsk::account_id, "advertiser"));
  }
};
struct AdsFund {
  std::string fund_type, fund_status;
  std::int64_t balance = 0, realtime_cost = 0;
  static constexpr auto wire() {
    using S = AdsFund;
    return field_list(
        member("fund_type", &S::fund_type, ""), member("fund_status", &S::fund_status, ""),
        member("balance", &S::balance, "fen"), member("realtime_cost", &S::realtime_cost, "fen"));
  }
};
inline constexpr Method<AdsAccountsAsk, AdsPage<AdsAccount>> kAdsAccounts{endpoint("ads_accounts")};
inline constexpr Method<AdsFundsAsk, AdsPage<AdsFund>> kAdsFunds{endpoint("ads_funds")};

// Ad groups: in version 3 they are the advertisements (there is no level of campaigns above).
struct AdsCarrier {
  std::string marketing_carrier_id;
  static constexpr auto wire() {
    return field_list(member("marketing_carrier_id", &AdsCarrier::marketing_carrier_id, ""));
  }
};
struct AdsAdgroupAsk {
  std::int64_t account_id = 0;
  std::string adgroup_name, marketing_goal, marketing_sub_goal, marketing_carrier_type;
  std::optional<AdsCarrier> marketing_carrier_detail;
  std::optional<std::int64_t> marketing_asset_id;
  std::string begin_date, end_date, first_day_begin_time;
  std::string time_series = std::string(336, '1');  ///< half hours of a week, Monday first
  std::string bid_mode, optimization_goal, smart_bid_type, bid_scene, configured_status;
  std::optional<std::int64_t> bid_amount, daily_budget, conversion_id;
  std::vector<std::string> site_set;
  std::optional<bool> automatic_site_enabled;
  Json targeting;
  std::vector<std::int64_t> user_action_sets;
  static constexpr auto wire() {
    using S = AdsAdgroupAsk;
    return field_list(
        member("account_id", &S::account_id, "advertiser"),
        member("adgroup_name", &S::adgroup_name, "up to 60 characters"),
        member("marketing_goal", &S::marketing_goal, "MARKETING_GOAL_…"),
        member("marketing_sub_goal", &S::marketing_sub_goal, ""),
        member("marketing_carrier_type", &S::marketing_carrier_type, "MARKETING_CARRIER_TYPE_…"),
        member("marketing_carrier_detail", &S::marketing_carrier_detail, ""),
        member("marketing_asset_id", &S::marketing_asset_id, ""),
        member("begin_date", &S::begin_date, "2026-01-31"),
        member("end_date", &S::end_date, "empty: for ever"),
        member("first_day_begin_time", &S::first_day_begin_time, "15:00:00"),
        member("time_series", &S::time_series, "336 of 0 and 1: half hours of a week"),
        member("bid_mode", &S::bid_mode, "BID_MODE_…"),
        member("optimization_goal", &S::optimization_goal, "OPTIMIZATIONGOAL_…"),
        member("smart_bid_type", &S::smart_bid_type, ""), member("bid_scene", &S::bid_scene, ""),
        member("configured_status", &S::configured_status, "AD_STATUS_NORMAL or _SUSPEND"),
        member("bid_amount", &S::bid_amount, "fen"),
        member("daily_budget", &S::daily_budget, "fen, 0: none"),
        member("conversion_id", &S::conversion_id, ""),
        member("site_set", &S::site_set, "SITE_SET_…"),
        member("automatic_site_enabled", &S::automatic_site_enabled, ""),
        member("targeting", &S::targeting, "age, gender, geo_location, custom_audience …"),
        member("user_action_sets", &S::user_action_sets, ""));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
/// What is not said stays.
struct AdsAdgroupUpdateAsk {
  std::int64_t account_id = 0, adgroup_id = 0;
  std::string adgroup_name, begin_date;
  std::optional<std::string> end_date;
  std::string time_series, configured_status;
  std::optional<std::int64_t> bid_amount, daily_budget;
  Json targeting;
  static constexpr auto wire() {
    using S = AdsAdgroupUpdateAsk;
    return field_list(
        member("account_id", &S::account_id, ""), member("adgroup_id", &S::adgroup_id, ""),
        member("adgroup_name", &S::adgroup_name, ""), member("begin_date", &S::begin_date, ""),
        member("end_date", &S::end_date, "empty: for ever"),
        member("time_series", &S::time_series, ""),
        member("configured_status", &S::configured_status, ""),
        member("bid_amount", &S::bid_amount, "fen"),
        member("daily_budget", &S::daily_budget, "fen"), member("targeting", &S::targeting, ""));
  }
};
struct AdsAdgroupIdAsk {
  std::int64_t account_id = 0, adgroup_id = 0;
  static constexpr auto wire() {
    return field_list(member("account_id", &AdsAdgroupIdAsk::account_id, ""),
                      member("adgroup_id", &AdsAdgroupIdAsk::adgroup_id, ""));
  }
};
struct AdsAdgroupId {
  std::int64_t adgroup_id = 0;
  static constexpr auto wire() {
    return field_list(member("adgroup_id", &AdsAdgroupId::adgroup_id, ""));
  }
};
struct AdsAdgroup {
  std::int64_t adgroup_id = 0, bid_amount = 0, daily_budget = 0, created_time = 0;
  std::string adgroup_name, marketing_goal, configured_status, system_status, begin_date, end_date;
  std::vector<std::string> site_set;
  static constexpr auto wire() {
    using S = AdsAdgroup;
    return field_list(
        member("adgroup_id", &S::adgroup_id, ""), member("bid_amount", &S::bid_amount, "fen"),
        member("daily_budget", &S::daily_budget, "fen"),
        member("created_time", &S::created_time, "seconds"),
        member("adgroup_name", &S::adgroup_name, ""),
        member("marketing_goal", &S::marketing_goal, ""),
        member("configured_status", &S::configured_status, ""),
        member("system_status", &S::system_status, ""), member("begin_date", &S::begin_date, ""),
        member("end_date", &S::end_date, ""), member("site_set", &S::site_set, ""));
  }
};
struct AdsBudgetSpec {
  std::int64_t adgroup_id = 0, daily_budget = 0;
  static constexpr auto wire() {
    return field_list(member("adgroup_id", &AdsBudgetSpec::adgroup_id, ""),
                      member("daily_budget", &AdsBudgetSpec::daily_budget, "fen"));
  }
};
struct AdsBudgetAsk {
  std::int64_t account_id = 0;
  std::vector<AdsBudgetSpec> update_daily_budget_spec;
  static constexpr auto wire() {
    return field_list(
        member("account_id", &AdsBudgetAsk::account_id, ""),
        member("update_daily_budget_spec", &AdsBudgetAsk::update_daily_budget_spec, "up to 100"));
  }
};
struct AdsBidSpec {
  std::int64_t adgroup_id = 0, bid_amount = 0;
  static constexpr auto wire() {
    return field_list(member("adgroup_id", &AdsBidSpec::adgroup_id, ""),
                      member("bid_amount", &AdsBidSpec::bid_amount, "fen"));
  }
};
struct AdsBidAsk {
  std::int64_t account_id = 0;
  std::vector<AdsBidSpec> update_bid_amount_spec;
  static constexpr auto wire() {
    return field_list(
        member("account_id", &AdsBidAsk::account_id, ""),
        member("update_bid_amount_spec", &AdsBidAsk::update_bid_amount_spec, "up to 100"));
  }
};
struct AdsStatusSpec {
  std::int64_t adgroup_id = 0;
  std::string configured_status;
  static constexpr auto wire() {
    return field_list(member("adgroup_id", &AdsStatusSpec::adgroup_id, ""),
                      member("configured_status", &AdsStatusSpec::configured_status, ""));
  }
};
struct AdsStatusAsk {
  std::int64_t account_id = 0;
  std::vector<AdsStatusSpec> update_configured_status_spec;
  static constexpr auto wire() {
    return field_list(member("account_id", &AdsStatusAsk::account_id, ""),
                      member("update_configured_status_spec",
                             &AdsStatusAsk::update_configured_status_spec, "up to 100"));
  }
};
/// One line for each ad group of a batch; `code` 0: done.
struct AdsBatchLine {
  std::int64_t code = 0, adgroup_id = 0;
  std::string message_cn;
  static constexpr auto wire() {
    using S = AdsBatchLine;
    return field_list(member("code", &S::code, "0: done"), member("adgroup_id", &S::adgroup_id, ""),
                      member("message_cn", &S::message_cn, ""));
  }
};
inline constexpr Method<AdsAdgroupAsk, AdsAdgroupId> kAdsAdgroupAdd{endpoint("ads_adgroup_add")};
inline constexpr Method<AdsAdgroupUpdateAsk, AdsAdgroupId> kAdsAdgroupUpdate{
    endpoint("ads_adgroup_update")};
inline constexpr Method<AdsAdgroupIdAsk, AdsAdgroupId> kAdsAdgroupDelete{
    endpoint("ads_adgroup_delete")};
inline constexpr Method<AdsListAsk, AdsPage<AdsAdgroup>> kAdsAdgroups{endpoint("ads_adgroups")};
inline constexpr Method<AdsBudgetAsk, AdsPage<AdsBatchLine>> kAdsBudget{
    endpoint("ads_adgroup_budget")};
inline constexpr Method<AdsBidAsk, AdsPage<AdsBatchLine>> kAdsBid{endpoint("ads_adgroup_bid")};
inline constexpr Method<AdsStatusAsk, AdsPage<AdsBatchLine>> kAdsStatus{
    endpoint("ads_adgroup_status")};

// Creatives.
struct AdsCreativeAsk {
  std::int64_t account_id = 0, adgroup_id = 0;
  std::string dynamic_creative_name;
  std::optional<std::int64_t> creative_template_id;
  std::string delivery_mode, dynamic_creative_type, configured_status, impression_tracking_url,
      click_tracking_url;
  Json creative_components;
  static constexpr auto wire() {
    using S = AdsCreativeAsk;
    return field_list(
        member("account_id", &S::account_id, ""), member("adgroup_id", &S::adgroup_id, ""),
        member("dynamic_creative_name", &S::dynamic_creative_name, "up to 60 characters"),
        member("creative_template_id", &S::creative_template_id, ""),
        member("delivery_mode", &S::delivery_mode, ""),
        member("dynamic_creative_type", &S::dynamic_creative_type, ""),
        member("configured_status", &S::configured_status, ""),
        member("impression_tracking_url", &S::impression_tracking_url, ""),
        member("click_tracking_url", &S::click_tracking_url, ""),
        member("creative_components", &S::creative_components,
               "title, description, image, brand, main_jump_info …: lists of {value} or "
               "{component_id}"));
  }
};
struct AdsCreativeId {
  std::int64_t dynamic_creative_id = 0;
  static constexpr auto wire() {
    return field_list(member("dynamic_creative_id", &AdsCreativeId::dynamic_creative_id, ""));
  }
};
struct AdsCreative {
  std::int64_t dynamic_creative_id = 0, adgroup_id = 0;
  std::string dynamic_creative_name, configured_status, system_status;
  static constexpr auto wire() {
    using S = AdsCreative;
    return field_list(member("dynamic_creative_id", &S::dynamic_creative_id, ""),
                      member("adgroup_id", &S::adgroup_id, ""),
                      member("dynamic_creative_name", &S::dynamic_creative_name, ""),
                      member("configured_status", &S::configured_status, ""),
                      member("system_status", &S::system_status, ""));
  }
};
struct AdsReviewsAsk {
  std::int64_t account_id = 0;
  std::vector<std::int64_t> dynamic_creative_id_list;
  static constexpr auto wire() {
    return field_list(
        member("account_id", &AdsReviewsAsk::account_id, ""),
        member("dynamic_creative_id_list", &AdsReviewsAsk::dynamic_creative_id_list, "up to 100"));
  }
};
struct AdsReview {
  std::int64_t dynamic_creative_id = 0;
  Json element_result_list;
  static constexpr auto wire() {
    return field_list(
        member("dynamic_creative_id", &AdsReview::dynamic_creative_id, ""),
        member("element_result_list", &AdsReview::element_result_list, "by part and place"));
  }
};
struct AdsImage {
  std::string image_id, signature, preview_url;
  std::int64_t image_width = 0, image_height = 0, image_file_size = 0;
  static constexpr auto wire() {
    using S = AdsImage;
    return field_list(
        member("image_id", &S::image_id, ""), member("signature", &S::signature, "MD5"),
        member("preview_url", &S::preview_url, ""), member("image_width", &S::image_width, ""),
        member("image_height", &S::image_height, ""),
        member("image_file_size", &S::image_file_size, "bytes"));
  }
};
inline constexpr Method<AdsCreativeAsk, AdsCreativeId> kAdsCreativeAdd{
    endpoint("ads_creative_add")};
inline constexpr Method<AdsListAsk, AdsPage<AdsCreative>> kAdsCreatives{endpoint("ads_creatives")};
inline constexpr Method<AdsReviewsAsk, AdsPage<AdsReview>> kAdsReviews{
    endpoint("ads_creative_reviews")};
/// A picture, read into memory: its MD5 goes with it, so the same picture is stored once.
Outcome<AdsImage> upload_ads_image_and_wait(PlatformApi& platform, const ApiAccount& account,
                                            std::int64_t account_id, Upload file);

// Reports.
struct AdsDateRange {
  std::string start_date, end_date;
  static constexpr auto wire() {
    return field_list(member("start_date", &AdsDateRange::start_date, "2026-01-31"),
                      member("end_date", &AdsDateRange::end_date, ""));
  }
};
struct AdsOrder {
  std::string sort_field, sort_type;
  static constexpr auto wire() {
    return field_list(member("sort_field", &AdsOrder::sort_field, ""),
                      member("sort_type", &AdsOrder::sort_type, "ASCENDING or DESCENDING"));
  }
};
struct AdsReportAsk {
  std::int64_t account_id = 0;
  std::string level = "REPORT_LEVEL_ADGROUP";
  AdsDateRange date_range;
  std::vector<std::string> group_by, fields;
  std::vector<AdsFilter> filtering;
  std::vector<AdsOrder> order_by;
  std::string time_line = "REQUEST_TIME";
  std::int64_t page = 1, page_size = 1'000;
  static constexpr auto wire() {
    using S = AdsReportAsk;
    return field_list(
        member("account_id", &S::account_id, ""),
        member("level", &S::level, "REPORT_LEVEL_ADVERTISER, _ADGROUP or _DYNAMIC_CREATIVE"),
        member("date_range", &S::date_range, ""), member("group_by", &S::group_by, "date …"),
        member("fields", &S::fields, "view_count, cost …"), member("filtering", &S::filtering, ""),
        member("order_by", &S::order_by, ""),
        member("time_line", &S::time_line, "REQUEST_TIME, REPORTING_TIME or ACTIVE_TIME"),
        member("page", &S::page, "from 1"), member("page_size", &S::page_size, "up to 2000"));
  }
};
/// Figures that were not asked for are 0.
struct AdsReportLine {
  std::string date;
  std::optional<std::int64_t> hour, adgroup_id, dynamic_creative_id;
  std::int64_t view_count = 0, valid_click_count = 0, cost = 0, conversions_count = 0,
               deep_conversions_count = 0, from_follow_uv = 0, biz_follow_uv = 0,
               scan_follow_count = 0, order_amount = 0, praise_count = 0, comment_count = 0,
               forward_count = 0;
  double ctr = 0, cpc = 0, thousand_display_price = 0, conversions_rate = 0, conversions_cost = 0;
  static constexpr auto wire() {
    using S = AdsReportLine;
    return field_list(member("date", &S::date, ""), member("hour", &S::hour, ""),
                      member("adgroup_id", &S::adgroup_id, ""),
                      member("dynamic_creative_id", &S::dynamic_creative_id, ""),
                      member("view_count", &S::view_count, ""),
                      member("valid_click_count", &S::valid_click_count, ""),
                      member("cost", &S::cost, "fen"),
                      member("conversions_count", &S::conversions_count, ""),
                      member("deep_conversions_count", &S::deep_conversions_count, ""),
                      member("from_follow_uv", &S::from_follow_uv, ""),
                      member("biz_follow_uv", &S::biz_follow_uv, ""),
                      member("scan_follow_count", &S::scan_follow_count, ""),
                      member("order_amount", &S::order_amount, "fen"),
                      member("praise_count", &S::praise_count, ""),
                      member("comment_count", &S::comment_count, ""),
                      member("forward_count", &S::forward_count, ""), member("ctr", &S::ctr, ""),
                      member("cpc", &S::cpc, "fen"),
                      member("thousand_display_price", &S::thousand_display_price, "fen"),
                      member("conversions_rate", &S::conversions_rate, ""),
                      member("conversions_cost", &S::conversions_cost, "fen"));
  }
};
inline constexpr Method<AdsReportAsk, AdsPage<AdsReportLine>> kAdsDailyReport{
    endpoint("ads_daily_reports")};
inline constexpr Method<AdsReportAsk, AdsPage<AdsReportLine>> kAdsHourlyReport{
    endpoint("ads_hourly_reports")};

// What people did, and audiences.
struct AdsActionSetAsk {
  std::int64_t account_id = 0;
  std::string type, wechat_app_id, name, description;
  static constexpr auto wire() {
    using S = AdsActionSetAsk;
    return field_list(member("account_id", &S::account_id, ""),
                      member("type", &S::type, "USER_ACTION_SET_TYPE_…"),
                      member("wechat_app_id", &S::wechat_app_id, ""), member("name", &S::name, ""),
                      member("description", &S::description, ""));
  }
};
struct AdsActionSetId {
  std::int64_t user_action_set_id = 0;
  static constexpr auto wire() {
    return field_list(member("user_action_set_id", &AdsActionSetId::user_action_set_id, ""));
  }
};
/// Hashes are lower-case hex of the normalised value.
struct AdsUserId {
  std::string hash_phone, sha256_phone, hash_imei, hash_idfa, hash_oaid, wechat_openid,
      wechat_unionid, wechat_app_id;
  static constexpr auto wire() {
    using S = AdsUserId;
    return field_list(
        member("hash_phone", &S::hash_phone, "MD5"), member("sha256_phone", &S::sha256_phone, ""),
        member("hash_imei", &S::hash_imei, "MD5"), member("hash_idfa", &S::hash_idfa, "MD5"),
        member("hash_oaid", &S::hash_oaid, "MD5"), member("wechat_openid", &S::wechat_openid, ""),
        member("wechat_unionid", &S::wechat_unionid, ""),
        member("wechat_app_id", &S::wechat_app_id, "of the openid"));
  }
};
struct AdsTrace {
  std::string click_id;
  static constexpr auto wire() {
    return field_list(member("click_id", &AdsTrace::click_id, "gdt_vid of the page"));
  }
};
struct AdsActionParameters {
  std::optional<std::int64_t> value;
  static constexpr auto wire() {
    return field_list(member("value", &AdsActionParameters::value, "fen"));
  }
};
/// `outer_action_id` is ours: an action with an id that was there before is not counted again.
struct AdsAction {
  std::int64_t action_time = 0;
  std::string action_type, outer_action_id, url;
  AdsUserId user_id;
  std::optional<AdsTrace> trace;
  std::optional<AdsActionParameters> action_param;
  static constexpr auto wire() {
    using S = AdsAction;
    return field_list(member("action_time", &S::action_time, "seconds"),
                      member("action_type", &S::action_type, "PURCHASE, REGISTER, VIEW_CONTENT …"),
                      member("outer_action_id", &S::outer_action_id, "ours"),
                      member("url", &S::url, ""), member("user_id", &S::user_id, ""),
                      member("trace", &S::trace, ""), member("action_param", &S::action_param, ""));
  }
};
struct AdsActionsAsk {
  std::int64_t account_id = 0, user_action_set_id = 0;
  std::vector<AdsAction> actions;
  static constexpr auto wire() {
    using S = AdsActionsAsk;
    return field_list(member("account_id", &S::account_id, ""),
                      member("user_action_set_id", &S::user_action_set_id, ""),
                      member("actions", &S::actions, "up to 50"));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
inline constexpr Method<AdsActionSetAsk, AdsActionSetId> kAdsActionSetAdd{
    endpoint("ads_action_set_add")};
/// An answer says only that the actions were accepted.
inline constexpr Method<AdsActionsAsk, Nothing> kAdsActionsAdd{endpoint("ads_actions_add")};

struct AdsAudienceAsk {
  std::int64_t account_id = 0;
  std::string name, type = "CUSTOMER_FILE", description;
  Json audience_spec;
  static constexpr auto wire() {
    using S = AdsAudienceAsk;
    return field_list(
        member("account_id", &S::account_id, ""), member("name", &S::name, "up to 32 characters"),
        member("type", &S::type, "CUSTOMER_FILE, LOOKALIKE …"),
        member("description", &S::description, ""), member("audience_spec", &S::audience_spec, ""));
  }
};
struct AdsAudienceId {
  std::int64_t audience_id = 0;
  static constexpr auto wire() {
    return field_list(member("audience_id", &AdsAudienceId::audience_id, ""));
  }
};
struct AdsAudience {
  std::int64_t audience_id = 0, user_count = 0, error_code = 0;
  std::string name, type, status;
  static constexpr auto wire() {
    using S = AdsAudience;
    return field_list(member("audience_id", &S::audience_id, ""),
                      member("user_count", &S::user_count, ""),
                      member("error_code", &S::error_code, ""), member("name", &S::name, ""),
                      member("type", &S::type, ""),
                      member("status", &S::status, "PENDING, PROCESSING, SUCCESS …"));
  }
};
struct AdsAudienceFileAsk {
  std::int64_t account_id = 0, audience_id = 0;
  std::string user_id_type, operation_type = "APPEND";
  static constexpr auto wire() {
    using S = AdsAudienceFileAsk;
    return field_list(member("account_id", &S::account_id, ""),
                      member("audience_id", &S::audience_id, ""),
                      member("user_id_type", &S::user_id_type, "HASH_PHONE, WECHAT_OPENID …"),
                      member("operation_type", &S::operation_type, "APPEND or REDUCE"));
  }
};
struct AdsAudienceFileId {
  std::int64_t custom_audience_file_id = 0;
  static constexpr auto wire() {
    return field_list(
        member("custom_audience_file_id", &AdsAudienceFileId::custom_audience_file_id, ""));
  }
};
inline constexpr Method<AdsAudienceAsk, AdsAudienceId> kAdsAudienceAdd{
    endpoint("ads_audience_add")};
inline constexpr Method<AdsListAsk, AdsPage<AdsAudience>> kAdsAudiences{endpoint("ads_audiences")};
/// A file with one id a line; it replaces nothing. Read while it is sent.
Outcome<AdsAudienceFileId> upload_audience_and_wait(PlatformApi& platform,
                                                    const ApiAccount& account,
                                                    const AdsAudienceFileAsk& ask,
                                                    const Upload& file);

/// What the headers of an answer say of the rate, where they do; -1: not said.
struct AdsRate {
  std::int64_t per_minute_left = -1;
  std::int64_t per_day_left = -1;
};
AdsRate ads_rate(const http::Headers& headers);

}  // namespace zhiyin::wechat
