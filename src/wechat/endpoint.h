#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>

namespace zhiyin::wechat {

/// Which platform an endpoint belongs to: it decides the host, the kind of access token and how an
/// answer says that it failed.
enum class Family : std::uint8_t {
  kOfficial,  ///< official accounts and mini-programs: `errcode`
  kWecom,     ///< WeCom: `errcode`, one token per application
  kAds,       ///< Tencent Ads v3: `code`, timestamp and nonce in the query
};

/// Where a family is reached unless an account says otherwise.
constexpr std::string_view default_base(Family family) {
  switch (family) {
    case Family::kWecom:
      return "https://qyapi.weixin.qq.com";
    case Family::kAds:
      return "https://api.e.qq.com";
    case Family::kOfficial:
      break;
  }
  return "https://api.weixin.qq.com";
}

/// How a call says who asks.
enum class Credential : std::uint8_t {
  kAccessToken,    ///< `access_token` in the query
  kAppSecret,      ///< `appid` and `secret` in the query (web login, mini-program login)
  kAppId,          ///< `appid` in the query; the secret stays at home
  kAppSecretBody,  ///< `appid` and `appsecret` in the body (emergency reset of quotas)
  kUserToken,      ///< the caller's own `access_token` of a user, already in the query
};

/// Whether a call may be repeated by itself when its outcome is unknown.
enum class Repeat : std::uint8_t {
  kSafe,   ///< reads, and writes that leave the same state when done twice
  kOwnId,  ///< carries an id of ours by which the platform recognises a repetition
  kNever,  ///< a repetition would do it twice
};

/// One endpoint of a platform. `per_minute` and `per_day` are documented calls of a new, verified
/// service account; 0: none is documented. An account's policy may set others.
struct Endpoint {
  std::string_view name;         ///< in metrics, logs, the policy and on the command line
  std::string_view http_method;  ///< GET or POST
  std::string_view path;
  Repeat repeat = Repeat::kNever;
  std::int64_t per_minute = 0;
  std::int64_t per_day = 0;
  bool sends = false;  ///< reaches people: goes through the quota ledger only
  Credential credential = Credential::kAccessToken;
  Family family = Family::kOfficial;
};

namespace table {

inline constexpr auto kSafe = Repeat::kSafe;
inline constexpr auto kOwnId = Repeat::kOwnId;
inline constexpr auto kNever = Repeat::kNever;
inline constexpr std::string_view kGet = "GET";
inline constexpr std::string_view kPost = "POST";

constexpr Endpoint wecom(std::string_view name, std::string_view method, std::string_view path,
                         Repeat repeat, bool sends = false) {
  return {name, method, path, repeat, 0, 0, sends, Credential::kAccessToken, Family::kWecom};
}
constexpr Endpoint ads(std::string_view name, std::string_view method, std::string_view path,
                       Repeat repeat) {
  return {name, method, path, repeat, 0, 0, false, Credential::kAccessToken, Family::kAds};
}

/// Every endpoint that Zhiyin calls. Names are stored in policies: never change them.
inline constexpr Endpoint kEndpoints[] = {
    // Users
    {"user_get", kGet, "/cgi-bin/user/get", kSafe, 0, 500},
    {"user_info", kGet, "/cgi-bin/user/info", kSafe, 0, 5'000'000},
    {"user_info_batchget", kPost, "/cgi-bin/user/info/batchget", kSafe, 0, 5'000'000},
    {"user_remark", kPost, "/cgi-bin/user/info/updateremark", kSafe, 0, 10'000},
    {"changeopenid", kPost, "/cgi-bin/changeopenid", kSafe},
    // Tags and blacklist
    {"tags_create", kPost, "/cgi-bin/tags/create", kNever, 0, 1'000},
    {"tags_get", kGet, "/cgi-bin/tags/get", kSafe, 0, 1'000},
    {"tags_update", kPost, "/cgi-bin/tags/update", kSafe, 0, 1'000},
    {"tags_delete", kPost, "/cgi-bin/tags/delete", kSafe, 0, 1'000},
    {"tag_users", kPost, "/cgi-bin/user/tag/get", kSafe},
    {"tags_batchtagging", kPost, "/cgi-bin/tags/members/batchtagging", kSafe, 0, 100'000},
    {"tags_batchuntagging", kPost, "/cgi-bin/tags/members/batchuntagging", kSafe, 0, 100'000},
    {"tags_of_user", kPost, "/cgi-bin/tags/getidlist", kSafe},
    {"blacklist_get", kPost, "/cgi-bin/tags/members/getblacklist", kSafe},
    {"blacklist_add", kPost, "/cgi-bin/tags/members/batchblacklist", kSafe},
    {"blacklist_remove", kPost, "/cgi-bin/tags/members/batchunblacklist", kSafe},
    // Media and material
    {"media_upload", kPost, "/cgi-bin/media/upload", kNever, 0, 100'000},
    {"media_get", kGet, "/cgi-bin/media/get", kSafe, 0, 200'000},
    {"media_get_jssdk", kGet, "/cgi-bin/media/get/jssdk", kSafe},
    {"media_uploadimg", kPost, "/cgi-bin/media/uploadimg", kNever},
    {"media_uploadvideo", kPost, "/cgi-bin/media/uploadvideo", kNever},
    {"material_add", kPost, "/cgi-bin/material/add_material", kNever},
    {"material_get", kPost, "/cgi-bin/material/get_material", kSafe},
    {"material_list", kPost, "/cgi-bin/material/batchget_material", kSafe},
    {"material_count", kGet, "/cgi-bin/material/get_materialcount", kSafe},
    {"material_delete", kPost, "/cgi-bin/material/del_material", kSafe},
    // Drafts and publishing
    {"draft_add", kPost, "/cgi-bin/draft/add", kNever, 0, 1'000},
    {"draft_update", kPost, "/cgi-bin/draft/update", kSafe, 0, 1'000},
    {"draft_get", kPost, "/cgi-bin/draft/get", kSafe, 0, 500},
    {"draft_delete", kPost, "/cgi-bin/draft/delete", kSafe, 0, 1'000},
    {"draft_count", kGet, "/cgi-bin/draft/count", kSafe, 0, 1'000},
    {"draft_list", kPost, "/cgi-bin/draft/batchget", kSafe, 0, 1'000},
    {"publish_submit", kPost, "/cgi-bin/freepublish/submit", kNever, 0, 100},
    {"publish_get", kPost, "/cgi-bin/freepublish/get", kSafe, 0, 100},
    {"publish_article", kPost, "/cgi-bin/freepublish/getarticle", kSafe, 0, 100},
    {"publish_list", kPost, "/cgi-bin/freepublish/batchget", kSafe, 0, 100},
    {"publish_delete", kPost, "/cgi-bin/freepublish/delete", kSafe, 0, 10},
    // Comments on articles
    {"comment_open", kPost, "/cgi-bin/comment/open", kSafe},
    {"comment_close", kPost, "/cgi-bin/comment/close", kSafe},
    {"comment_list", kPost, "/cgi-bin/comment/list", kSafe},
    {"comment_elect", kPost, "/cgi-bin/comment/markelect", kSafe},
    {"comment_unelect", kPost, "/cgi-bin/comment/unmarkelect", kSafe},
    {"comment_delete", kPost, "/cgi-bin/comment/delete", kSafe},
    {"comment_reply", kPost, "/cgi-bin/comment/reply/add", kNever},
    {"comment_reply_delete", kPost, "/cgi-bin/comment/reply/delete", kSafe},
    // Mass send
    {"mass_sendall", kPost, "/cgi-bin/message/mass/sendall", kOwnId, 60, 100, true},
    {"mass_send", kPost, "/cgi-bin/message/mass/send", kOwnId, 60, 100, true},
    {"mass_preview", kPost, "/cgi-bin/message/mass/preview", kNever, 60, 100, true},
    {"mass_get", kPost, "/cgi-bin/message/mass/get", kSafe},
    {"mass_delete", kPost, "/cgi-bin/message/mass/delete", kSafe, 0, 10},
    {"mass_speed_get", kPost, "/cgi-bin/message/mass/speed/get", kSafe},
    {"mass_speed_set", kPost, "/cgi-bin/message/mass/speed/set", kSafe},
    // Template messages
    {"template_industry_set", kPost, "/cgi-bin/template/api_set_industry", kSafe},
    {"template_industry_get", kGet, "/cgi-bin/template/get_industry", kSafe},
    {"template_add", kPost, "/cgi-bin/template/api_add_template", kNever},
    {"template_list", kGet, "/cgi-bin/template/get_all_private_template", kSafe},
    {"template_delete", kPost, "/cgi-bin/template/del_private_template", kSafe},
    {"template_send", kPost, "/cgi-bin/message/template/send", kOwnId, 0, 100'000, true},
    {"template_blocked", kPost, "/wxa/sec/queryblocktmplmsg", kSafe},
    {"template_once", kPost, "/cgi-bin/message/template/subscribe", kNever, 0, 0, true},
    // Subscribe messages
    {"subscribe_bizsend", kPost, "/cgi-bin/message/subscribe/bizsend", kNever, 0, 0, true},
    {"subscribe_send", kPost, "/cgi-bin/message/subscribe/send", kNever, 0, 0, true},
    {"newtmpl_add", kPost, "/wxaapi/newtmpl/addtemplate", kNever},
    {"newtmpl_delete", kPost, "/wxaapi/newtmpl/deltemplate", kSafe},
    {"newtmpl_categories", kGet, "/wxaapi/newtmpl/getcategory", kSafe},
    {"newtmpl_titles", kGet, "/wxaapi/newtmpl/getpubtemplatetitles", kSafe},
    {"newtmpl_keywords", kGet, "/wxaapi/newtmpl/getpubtemplatekeywords", kSafe},
    {"newtmpl_list", kGet, "/wxaapi/newtmpl/gettemplate", kSafe},
    // Customer service
    {"custom_send", kPost, "/cgi-bin/message/custom/send", kNever, 0, 500'000, true},
    {"custom_typing", kPost, "/cgi-bin/message/custom/typing", kSafe},
    {"kf_add", kPost, "/customservice/kfaccount/add", kNever},
    {"kf_update", kPost, "/customservice/kfaccount/update", kSafe},
    {"kf_invite", kPost, "/customservice/kfaccount/inviteworker", kNever},
    {"kf_delete", kPost, "/customservice/kfaccount/del", kSafe},
    {"kf_headimg", kPost, "/customservice/kfaccount/uploadheadimg", kSafe},
    {"kf_list", kGet, "/cgi-bin/customservice/getkflist", kSafe},
    {"kf_online", kGet, "/cgi-bin/customservice/getonlinekflist", kSafe},
    {"kf_session_create", kPost, "/customservice/kfsession/create", kSafe},
    {"kf_session_close", kPost, "/customservice/kfsession/close", kSafe},
    {"kf_session_get", kGet, "/customservice/kfsession/getsession", kSafe},
    {"kf_session_list", kGet, "/customservice/kfsession/getsessionlist", kSafe},
    {"kf_waiting", kGet, "/customservice/kfsession/getwaitcase", kSafe},
    {"kf_records", kPost, "/customservice/msgrecord/getmsglist", kSafe},
    // JS-SDK and web login
    {"ticket_get", kGet, "/cgi-bin/ticket/getticket", kSafe},
    {"oauth_token", kGet, "/sns/oauth2/access_token", kNever, 0, 0, false, Credential::kAppSecret},
    {"oauth_refresh", kGet, "/sns/oauth2/refresh_token", kSafe, 0, 0, false, Credential::kAppId},
    {"oauth_check", kGet, "/sns/auth", kSafe, 0, 0, false, Credential::kUserToken},
    {"oauth_userinfo", kGet, "/sns/userinfo", kSafe, 0, 0, false, Credential::kUserToken},
    // Menus
    {"menu_create", kPost, "/cgi-bin/menu/create", kSafe, 0, 1'000},
    {"menu_get", kGet, "/cgi-bin/menu/get", kSafe, 0, 10'000},
    {"menu_delete", kGet, "/cgi-bin/menu/delete", kSafe, 0, 1'000},
    {"menu_current", kGet, "/cgi-bin/get_current_selfmenu_info", kSafe},
    {"menu_conditional_add", kPost, "/cgi-bin/menu/addconditional", kNever, 0, 2'000},
    {"menu_conditional_delete", kPost, "/cgi-bin/menu/delconditional", kSafe, 0, 2'000},
    {"menu_try", kPost, "/cgi-bin/menu/trymatch", kSafe, 0, 20'000},
    // Scene QR codes and short keys
    {"qrcode_create", kPost, "/cgi-bin/qrcode/create", kNever, 0, 100'000},
    {"shorten_gen", kPost, "/cgi-bin/shorten/gen", kSafe},
    {"shorten_fetch", kPost, "/cgi-bin/shorten/fetch", kSafe},
    // Content safety
    {"msg_sec_check", kPost, "/wxa/msg_sec_check", kSafe, 4'000, 2'000'000},
    {"media_check_async", kPost, "/wxa/media_check_async", kSafe, 2'000, 200'000},
    {"user_risk_rank", kPost, "/wxa/getuserriskrank", kSafe},
    // Mini-programs
    {"code_to_session", kGet, "/sns/jscode2session", kNever, 0, 0, false, Credential::kAppSecret},
    {"session_check", kGet, "/wxa/checksession", kSafe},
    {"session_reset", kGet, "/wxa/resetusersessionkey", kNever, 60'000},
    {"phone_number", kPost, "/wxa/business/getuserphonenumber", kNever},
    {"paid_unionid", kGet, "/wxa/getpaidunionid", kSafe},
    {"check_encrypted", kPost, "/wxa/business/checkencryptedmsg", kSafe},
    {"wxacode_get", kPost, "/wxa/getwxacode", kNever},
    {"wxacode_unlimited", kPost, "/wxa/getwxacodeunlimit", kSafe, 5'000},
    {"wxacode_qrcode", kPost, "/cgi-bin/wxaapp/createwxaqrcode", kNever},
    {"url_link", kPost, "/wxa/generate_urllink", kNever, 0, 500'000},
    {"url_scheme", kPost, "/wxa/generatescheme", kNever, 0, 500'000},
    {"url_link_query", kPost, "/wxa/query_urllink", kSafe},
    {"url_scheme_query", kPost, "/wxa/queryscheme", kSafe},
    {"short_link", kPost, "/wxa/genwxashortlink", kNever, 0, 10'000'000},
    {"order_upload", kPost, "/wxa/sec/order/upload_shipping_info", kSafe},
    // Quotas and diagnosis
    {"clear_quota", kPost, "/cgi-bin/clear_quota", kNever},
    {"clear_quota_by_secret", kPost, "/cgi-bin/clear_quota/v2", kNever, 0, 0, false,
     Credential::kAppSecretBody},
    {"quota_get", kPost, "/cgi-bin/openapi/quota/get", kSafe},
    {"quota_clear", kPost, "/cgi-bin/openapi/quota/clear", kNever},
    {"rid_get", kPost, "/cgi-bin/openapi/rid/get", kSafe},
    {"api_domain_ip", kGet, "/cgi-bin/get_api_domain_ip", kSafe},
    {"callback_ip", kGet, "/cgi-bin/getcallbackip", kSafe},
    {"callback_check", kPost, "/cgi-bin/callback/check", kSafe},
    // Data cube
    {"datacube_usersummary", kPost, "/datacube/getusersummary", kSafe},
    {"datacube_usercumulate", kPost, "/datacube/getusercumulate", kSafe},
    {"datacube_articlesummary", kPost, "/datacube/getarticlesummary", kSafe},
    {"datacube_articletotal", kPost, "/datacube/getarticletotal", kSafe},
    {"datacube_userread", kPost, "/datacube/getuserread", kSafe},
    {"datacube_userreadhour", kPost, "/datacube/getuserreadhour", kSafe},
    {"datacube_usershare", kPost, "/datacube/getusershare", kSafe},
    {"datacube_usersharehour", kPost, "/datacube/getusersharehour", kSafe},
    {"datacube_articleread", kPost, "/datacube/getarticleread", kSafe},
    {"datacube_articleshare", kPost, "/datacube/getarticleshare", kSafe},
    {"datacube_bizsummary", kPost, "/datacube/getbizsummary", kSafe},
    {"datacube_articletotaldetail", kPost, "/datacube/getarticletotaldetail", kSafe},
    {"datacube_upstreammsg", kPost, "/datacube/getupstreammsg", kSafe},
    {"datacube_upstreammsghour", kPost, "/datacube/getupstreammsghour", kSafe},
    {"datacube_upstreammsgweek", kPost, "/datacube/getupstreammsgweek", kSafe},
    {"datacube_upstreammsgmonth", kPost, "/datacube/getupstreammsgmonth", kSafe},
    {"datacube_upstreammsgdist", kPost, "/datacube/getupstreammsgdist", kSafe},
    {"datacube_upstreammsgdistweek", kPost, "/datacube/getupstreammsgdistweek", kSafe},
    {"datacube_upstreammsgdistmonth", kPost, "/datacube/getupstreammsgdistmonth", kSafe},
    {"datacube_interfacesummary", kPost, "/datacube/getinterfacesummary", kSafe},
    {"datacube_interfacesummaryhour", kPost, "/datacube/getinterfacesummaryhour", kSafe},
    {"datacube_mini_summary", kPost, "/datacube/getweanalysisappiddailysummarytrend", kSafe},
    {"datacube_mini_visit", kPost, "/datacube/getweanalysisappiddailyvisittrend", kSafe},
    {"datacube_mini_visit_week", kPost, "/datacube/getweanalysisappidweeklyvisittrend", kSafe},
    {"datacube_mini_visit_month", kPost, "/datacube/getweanalysisappidmonthlyvisittrend", kSafe},
    {"datacube_mini_retain", kPost, "/datacube/getweanalysisappiddailyretaininfo", kSafe},
    {"datacube_mini_retain_week", kPost, "/datacube/getweanalysisappidweeklyretaininfo", kSafe},
    {"datacube_mini_retain_month", kPost, "/datacube/getweanalysisappidmonthlyretaininfo", kSafe},
    {"datacube_mini_pages", kPost, "/datacube/getweanalysisappidvisitpage", kSafe},
    {"datacube_mini_distribution", kPost, "/datacube/getweanalysisappidvisitdistribution", kSafe},
    {"datacube_mini_portrait", kPost, "/datacube/getweanalysisappiduserportrait", kSafe},
    // WeCom
    wecom("wecom_media_upload", kPost, "/cgi-bin/media/upload", kNever),
    wecom("wecom_attachment_upload", kPost, "/cgi-bin/media/upload_attachment", kNever),
    wecom("wecom_members", kGet, "/cgi-bin/externalcontact/get_follow_user_list", kSafe),
    wecom("wecom_contacts", kGet, "/cgi-bin/externalcontact/list", kSafe),
    wecom("wecom_contact", kGet, "/cgi-bin/externalcontact/get", kSafe),
    wecom("wecom_contacts_of", kPost, "/cgi-bin/externalcontact/batch/get_by_user", kSafe),
    wecom("wecom_remark", kPost, "/cgi-bin/externalcontact/remark", kSafe),
    wecom("wecom_way_add", kPost, "/cgi-bin/externalcontact/add_contact_way", kNever),
    wecom("wecom_way_get", kPost, "/cgi-bin/externalcontact/get_contact_way", kSafe),
    wecom("wecom_way_update", kPost, "/cgi-bin/externalcontact/update_contact_way", kSafe),
    wecom("wecom_way_delete", kPost, "/cgi-bin/externalcontact/del_contact_way", kSafe),
    wecom("wecom_close_temporary", kPost, "/cgi-bin/externalcontact/close_temp_chat", kSafe),
    wecom("wecom_contact_by_unionid", kPost, "/cgi-bin/idconvert/unionid_to_external_userid",
          kSafe),
    wecom("wecom_handover", kPost, "/cgi-bin/externalcontact/transfer_customer", kNever),
    wecom("wecom_handover_result", kPost, "/cgi-bin/externalcontact/transfer_result", kSafe),
    wecom("wecom_tags", kPost, "/cgi-bin/externalcontact/get_corp_tag_list", kSafe),
    wecom("wecom_tag_add", kPost, "/cgi-bin/externalcontact/add_corp_tag", kNever),
    wecom("wecom_tag_edit", kPost, "/cgi-bin/externalcontact/edit_corp_tag", kSafe),
    wecom("wecom_tag_delete", kPost, "/cgi-bin/externalcontact/del_corp_tag", kSafe),
    wecom("wecom_mark_tag", kPost, "/cgi-bin/externalcontact/mark_tag", kSafe),
    wecom("wecom_welcome", kPost, "/cgi-bin/externalcontact/send_welcome_msg", kNever, true),
    wecom("wecom_mass_add", kPost, "/cgi-bin/externalcontact/add_msg_template", kNever, true),
    wecom("wecom_mass_remind", kPost, "/cgi-bin/externalcontact/remind_groupmsg_send", kNever),
    wecom("wecom_mass_cancel", kPost, "/cgi-bin/externalcontact/cancel_groupmsg_send", kSafe),
    wecom("wecom_mass_list", kPost, "/cgi-bin/externalcontact/get_groupmsg_list_v2", kSafe),
    wecom("wecom_mass_task", kPost, "/cgi-bin/externalcontact/get_groupmsg_task", kSafe),
    wecom("wecom_mass_result", kPost, "/cgi-bin/externalcontact/get_groupmsg_send_result", kSafe),
    wecom("wecom_groups", kPost, "/cgi-bin/externalcontact/groupchat/list", kSafe),
    wecom("wecom_group", kPost, "/cgi-bin/externalcontact/groupchat/get", kSafe),
    wecom("wecom_group_way_add", kPost, "/cgi-bin/externalcontact/groupchat/add_join_way", kNever),
    wecom("wecom_group_way_get", kPost, "/cgi-bin/externalcontact/groupchat/get_join_way", kSafe),
    wecom("wecom_group_way_update", kPost, "/cgi-bin/externalcontact/groupchat/update_join_way",
          kSafe),
    wecom("wecom_group_way_delete", kPost, "/cgi-bin/externalcontact/groupchat/del_join_way",
          kSafe),
    wecom("wecom_group_welcome_add", kPost, "/cgi-bin/externalcontact/group_welcome_template/add",
          kNever),
    wecom("wecom_group_welcome_edit", kPost, "/cgi-bin/externalcontact/group_welcome_template/edit",
          kSafe),
    wecom("wecom_group_welcome_get", kPost, "/cgi-bin/externalcontact/group_welcome_template/get",
          kSafe),
    wecom("wecom_group_welcome_delete", kPost,
          "/cgi-bin/externalcontact/group_welcome_template/del", kSafe),
    wecom("wecom_group_figures", kPost, "/cgi-bin/externalcontact/groupchat/statistic", kSafe),
    wecom("wecom_group_days", kPost, "/cgi-bin/externalcontact/groupchat/statistic_group_by_day",
          kSafe),
    wecom("wecom_moment_add", kPost, "/cgi-bin/externalcontact/add_moment_task", kNever, true),
    wecom("wecom_moment_result", kGet, "/cgi-bin/externalcontact/get_moment_task_result", kSafe),
    wecom("wecom_moment_list", kPost, "/cgi-bin/externalcontact/get_moment_list", kSafe),
    wecom("wecom_moment_task", kPost, "/cgi-bin/externalcontact/get_moment_task", kSafe),
    wecom("wecom_moment_send_result", kPost, "/cgi-bin/externalcontact/get_moment_send_result",
          kSafe),
    wecom("wecom_moment_comments", kPost, "/cgi-bin/externalcontact/get_moment_comments", kSafe),
    wecom("wecom_behaviour", kPost, "/cgi-bin/externalcontact/get_user_behavior_data", kSafe),
    wecom("wecom_app_send", kPost, "/cgi-bin/message/send", kOwnId, true),
    wecom("wecom_app_recall", kPost, "/cgi-bin/message/recall", kSafe),
    wecom("wecom_archive_members", kPost, "/cgi-bin/msgaudit/get_permit_user_list", kSafe),
    wecom("wecom_archive_consent", kPost, "/cgi-bin/msgaudit/check_single_agree", kSafe),
    wecom("wecom_archive_room_consent", kPost, "/cgi-bin/msgaudit/check_room_agree", kSafe),
    wecom("wecom_archive_room", kPost, "/cgi-bin/msgaudit/groupchat/get", kSafe),
    // Tencent Ads
    ads("ads_adgroup_add", kPost, "/v3.0/adgroups/add", kNever),
    ads("ads_adgroup_update", kPost, "/v3.0/adgroups/update", kSafe),
    ads("ads_adgroup_delete", kPost, "/v3.0/adgroups/delete", kSafe),
    ads("ads_adgroup_budget", kPost, "/v3.0/adgroups/update_daily_budget", kSafe),
    ads("ads_adgroup_bid", kPost, "/v3.0/adgroups/update_bid_amount", kSafe),
    ads("ads_adgroup_status", kPost, "/v3.0/adgroups/update_configured_status", kSafe),
    ads("ads_adgroups", kGet, "/v3.0/adgroups/get", kSafe),
    ads("ads_creative_add", kPost, "/v3.0/dynamic_creatives/add", kNever),
    ads("ads_creatives", kGet, "/v3.0/dynamic_creatives/get", kSafe),
    ads("ads_creative_reviews", kGet, "/v3.0/dynamic_creative_review_results/get", kSafe),
    ads("ads_image_add", kPost, "/v3.0/images/add", kSafe),
    ads("ads_daily_reports", kGet, "/v3.0/daily_reports/get", kSafe),
    ads("ads_hourly_reports", kGet, "/v3.0/hourly_reports/get", kSafe),
    ads("ads_action_set_add", kPost, "/v3.0/user_action_sets/add", kNever),
    ads("ads_actions_add", kPost, "/v3.0/user_actions/add", kOwnId),
    ads("ads_audience_add", kPost, "/v3.0/custom_audiences/add", kNever),
    ads("ads_audiences", kGet, "/v3.0/custom_audiences/get", kSafe),
    ads("ads_audience_file_add", kPost, "/v3.0/custom_audience_files/add", kNever),
    ads("ads_accounts", kGet, "/v3.0/advertiser/get", kSafe),
    ads("ads_funds", kGet, "/v3.0/funds/get", kSafe),
};

}  // namespace table

inline constexpr std::span<const Endpoint> endpoints() { return table::kEndpoints; }

/// The endpoint of that name, or null. Lives as long as the program.
constexpr const Endpoint* find_endpoint(std::string_view name) {
  const auto found = std::ranges::find(table::kEndpoints, name, &Endpoint::name);
  return found == std::end(table::kEndpoints) ? nullptr : found;
}

/// The endpoint of that name; one that does not exist does not compile.
consteval const Endpoint& endpoint(std::string_view name) { return *find_endpoint(name); }

}  // namespace zhiyin::wechat
