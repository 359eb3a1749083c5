#pragma once

#include "wechat/method.h"

/// The platform's own figures (data cube) of an account, by day. Each report has its longest span,
/// and ends yesterday at the latest (Asia/Shanghai); a day's figures are ready about 08:00 of the
/// next (61503 before).
namespace zhiyin::wechat {

struct DatesAsk {
  std::string begin_date, end_date;  ///< `2026-01-31`, both counted
  static constexpr auto wire() {
    return field_list(member("begin_date", &DatesAsk::begin_date, "2026-01-31"),
                      member("end_date", &DatesAsk::end_date, "the same or later"));
  }
};

/// kInvalidArgument (field end_date) unless the day lies before the day of `now` in Asia/Shanghai.
/// `end_date` as `2026-01-31` or `20260131`. Pure.
Result<void> check_report_end(std::string_view end_date, Instant now);

struct UserSummary {
  std::string ref_date;
  std::int64_t user_source = 0, new_user = 0, cancel_user = 0;
  static constexpr auto wire() {
    using S = UserSummary;
    return field_list(
        member("ref_date", &S::ref_date, ""), member("user_source", &S::user_source, ""),
        member("new_user", &S::new_user, ""), member("cancel_user", &S::cancel_user, ""));
  }
};
struct UserCumulate {
  std::string ref_date;
  std::int64_t user_source = 0, cumulate_user = 0;
  static constexpr auto wire() {
    using S = UserCumulate;
    return field_list(member("ref_date", &S::ref_date, ""),
                      member("user_source", &S::user_source, ""),
                      member("cumulate_user", &S::cumulate_user, ""));
  }
};
/// How an article was read: in the app (int_page), on the linked page (ori_page), shared, kept.
struct ReadFigures {
  std::string ref_date, msgid, title;
  std::optional<std::int64_t> ref_hour, user_source;
  std::int64_t int_page_read_user = 0, int_page_read_count = 0, ori_page_read_user = 0,
               ori_page_read_count = 0, share_user = 0, share_count = 0, add_to_fav_user = 0,
               add_to_fav_count = 0;
  static constexpr auto wire() {
    using S = ReadFigures;
    return field_list(
        member("ref_date", &S::ref_date, ""), member("msgid", &S::msgid, "id_index"),
        member("title", &S::title, ""), member("ref_hour", &S::ref_hour, "hour times 100"),
        member("user_source", &S::user_source, ""),
        member("int_page_read_user", &S::int_page_read_user, ""),
        member("int_page_read_count", &S::int_page_read_count, ""),
        member("ori_page_read_user", &S::ori_page_read_user, ""),
        member("ori_page_read_count", &S::ori_page_read_count, ""),
        member("share_user", &S::share_user, ""), member("share_count", &S::share_count, ""),
        member("add_to_fav_user", &S::add_to_fav_user, ""),
        member("add_to_fav_count", &S::add_to_fav_count, ""));
  }
};
struct ArticleDay {
  std::string stat_date;
  std::int64_t target_user = 0, int_page_read_user = 0, int_page_read_count = 0,
               ori_page_read_user = 0, ori_page_read_count = 0, share_user = 0, share_count = 0,
               add_to_fav_user = 0, add_to_fav_count = 0;
  static constexpr auto wire() {
    using S = ArticleDay;
    return field_list(
        member("stat_date", &S::stat_date, ""), member("target_user", &S::target_user, ""),
        member("int_page_read_user", &S::int_page_read_user, ""),
        member("int_page_read_count", &S::int_page_read_count, ""),
        member("ori_page_read_user", &S::ori_page_read_user, ""),
        member("ori_page_read_count", &S::ori_page_read_count, ""),
        member("share_user", &S::share_user, ""), member("share_count", &S::share_count, ""),
        member("add_to_fav_user", &S::add_to_fav_user, ""),
        member("add_to_fav_count", &S::add_to_fav_count, ""));
  }
};
struct ArticleTotal {
  std::string ref_date, msgid, title, url;
  std::vector<ArticleDay> details;
  static constexpr auto wire() {
    using S = ArticleTotal;
    return field_list(member("ref_date", &S::ref_date, ""), member("msgid", &S::msgid, ""),
                      member("title", &S::title, ""), member("url", &S::url, ""),
                      member("details", &S::details, "7 days of follow-up"));
  }
};
struct ShareFigures {
  std::string ref_date;
  std::optional<std::int64_t> ref_hour;
  std::int64_t share_scene = 0, share_count = 0, share_user = 0;
  static constexpr auto wire() {
    using S = ShareFigures;
    return field_list(
        member("ref_date", &S::ref_date, ""), member("ref_hour", &S::ref_hour, ""),
        member("share_scene", &S::share_scene, "1 friends, 2 Moments, 5 and 255 others"),
        member("share_count", &S::share_count, ""), member("share_user", &S::share_user, ""));
  }
};
struct UpstreamFigures {
  std::string ref_date;
  std::optional<std::int64_t> ref_hour, msg_type, count_interval;
  std::int64_t msg_user = 0, msg_count = 0;
  static constexpr auto wire() {
    using S = UpstreamFigures;
    return field_list(
        member("ref_date", &S::ref_date, ""), member("ref_hour", &S::ref_hour, ""),
        member("msg_type", &S::msg_type, "1 text, 2 image, 3 voice, 4 video, 6 link"),
        member("count_interval", &S::count_interval, "0: none, 1: 1-5, 2: 6-10, 3: more"),
        member("msg_user", &S::msg_user, ""), member("msg_count", &S::msg_count, ""));
  }
};
struct InterfaceFigures {
  std::string ref_date;
  std::optional<std::int64_t> ref_hour;
  std::int64_t callback_count = 0, fail_count = 0, total_time_cost = 0, max_time_cost = 0;
  static constexpr auto wire() {
    using S = InterfaceFigures;
    return field_list(member("ref_date", &S::ref_date, ""), member("ref_hour", &S::ref_hour, ""),
                      member("callback_count", &S::callback_count, ""),
                      member("fail_count", &S::fail_count, ""),
                      member("total_time_cost", &S::total_time_cost, "milliseconds"),
                      member("max_time_cost", &S::max_time_cost, "milliseconds"));
  }
};
// The newer set, for published articles.
struct ReadSource {
  std::int64_t user_count = 0;
  std::string scene_desc;
  static constexpr auto wire() {
    return field_list(member("user_count", &ReadSource::user_count, ""),
                      member("scene_desc", &ReadSource::scene_desc, ""));
  }
};
struct ReadPosition {
  double position = 0, rate = 0;
  static constexpr auto wire() {
    return field_list(member("position", &ReadPosition::position, ""),
                      member("rate", &ReadPosition::rate, ""));
  }
};
struct PublishedFigures {
  std::string stat_date;
  std::int64_t read_user = 0, share_user = 0, zaikan_user = 0, like_user = 0, comment_count = 0,
               collection_user = 0, redirect_ori_page_user = 0, send_page_count = 0,
               praise_money = 0, read_subscribe_user = 0;
  double read_delivery_rate = 0, read_finish_rate = 0, read_avg_activetime = 0;
  std::vector<ReadSource> read_user_source;
  std::vector<ReadPosition> read_jump_position;
  static constexpr auto wire() {
    using S = PublishedFigures;
    return field_list(
        member("stat_date", &S::stat_date, ""), member("read_user", &S::read_user, ""),
        member("share_user", &S::share_user, ""), member("zaikan_user", &S::zaikan_user, ""),
        member("like_user", &S::like_user, ""), member("comment_count", &S::comment_count, ""),
        member("collection_user", &S::collection_user, ""),
        member("redirect_ori_page_user", &S::redirect_ori_page_user, ""),
        member("send_page_count", &S::send_page_count, ""),
        member("praise_money", &S::praise_money, "fen"),
        member("read_subscribe_user", &S::read_subscribe_user, ""),
        member("read_delivery_rate", &S::read_delivery_rate, ""),
        member("read_finish_rate", &S::read_finish_rate, ""),
        member("read_avg_activetime", &S::read_avg_activetime, "seconds"),
        member("read_user_source", &S::read_user_source, ""),
        member("read_jump_position", &S::read_jump_position, ""));
  }
};
struct PublishedDay {
  std::string ref_date, msgid, title, content_url;
  std::optional<std::int64_t> publish_type;
  PublishedFigures detail;
  std::vector<PublishedFigures> detail_list;
  static constexpr auto wire() {
    using S = PublishedDay;
    return field_list(member("ref_date", &S::ref_date, ""), member("msgid", &S::msgid, ""),
                      member("title", &S::title, ""), member("content_url", &S::content_url, ""),
                      member("publish_type", &S::publish_type, ""),
                      member("detail", &S::detail, ""), member("detail_list", &S::detail_list, ""));
  }
};

template <class Row>
struct Report {
  std::vector<Row> list;
  bool is_delay = false;  ///< the figures are not complete yet
  static constexpr auto wire() {
    return field_list(member("list", &Report::list, ""),
                      member("is_delay", &Report::is_delay, "not complete yet"));
  }
};
template <class Row>
using ReportMethod = Method<DatesAsk, Report<Row>>;

inline constexpr ReportMethod<UserSummary> kUserSummary{endpoint("datacube_usersummary")};
inline constexpr ReportMethod<UserCumulate> kUserCumulate{endpoint("datacube_usercumulate")};
inline constexpr ReportMethod<ReadFigures> kArticleSummary{endpoint("datacube_articlesummary")};
inline constexpr ReportMethod<ArticleTotal> kArticleTotal{endpoint("datacube_articletotal")};
inline constexpr ReportMethod<ReadFigures> kUserRead{endpoint("datacube_userread")};
inline constexpr ReportMethod<ReadFigures> kUserReadHour{endpoint("datacube_userreadhour")};
inline constexpr ReportMethod<ShareFigures> kUserShare{endpoint("datacube_usershare")};
inline constexpr ReportMethod<ShareFigures> kUserShareHour{endpoint("datacube_usersharehour")};
inline constexpr ReportMethod<PublishedDay> kArticleRead{endpoint("datacube_articleread")};
inline constexpr ReportMethod<PublishedDay> kArticleShare{endpoint("datacube_articleshare")};
inline constexpr ReportMethod<PublishedDay> kBizSummary{endpoint("datacube_bizsummary")};
inline constexpr ReportMethod<PublishedDay> kArticleTotalDetail{
    endpoint("datacube_articletotaldetail")};
inline constexpr ReportMethod<UpstreamFigures> kUpstream{endpoint("datacube_upstreammsg")};
inline constexpr ReportMethod<UpstreamFigures> kUpstreamHour{endpoint("datacube_upstreammsghour")};
inline constexpr ReportMethod<UpstreamFigures> kUpstreamWeek{endpoint("datacube_upstreammsgweek")};
inline constexpr ReportMethod<UpstreamFigures> kUpstreamMonth{
    endpoint("datacube_upstreammsgmonth")};
inline constexpr ReportMethod<UpstreamFigures> kUpstreamDist{endpoint("datacube_upstreammsgdist")};
inline constexpr ReportMethod<UpstreamFigures> kUpstreamDistWeek{
    endpoint("datacube_upstreammsgdistweek")};
inline constexpr ReportMethod<UpstreamFigures> kUpstreamDistMonth{
    endpoint("datacube_upstreammsgdistmonth")};
inline constexpr ReportMethod<InterfaceFigures> kInterface{endpoint("datacube_interfacesummary")};
inline constexpr ReportMethod<InterfaceFigures> kInterfaceHour{
    endpoint("datacube_interfacesummaryhour")};

/// Dates of mini-program reports: `20260131`. Weeks begin on Monday, months on the first.
struct MiniDatesAsk {
  std::string begin_date, end_date;
  static constexpr auto wire() {
    return field_list(member("begin_date", &MiniDatesAsk::begin_date, "20260131"),
                      member("end_date", &MiniDatesAsk::end_date, "20260131"));
  }
};
struct MiniWeekAsk {
  std::string begin_date, end_date;
  static constexpr auto wire() {
    return field_list(member("begin_date", &MiniWeekAsk::begin_date, "a Monday"),
                      member("end_date", &MiniWeekAsk::end_date, "its Sunday"));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
struct MiniMonthAsk {
  std::string begin_date, end_date;
  static constexpr auto wire() {
    return field_list(member("begin_date", &MiniMonthAsk::begin_date, "the first of a month"),
                      member("end_date", &MiniMonthAsk::end_date, "its last day"));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
/// One day, seven or thirty.
struct MiniPortraitAsk {
  std::string begin_date, end_date;
  static constexpr auto wire() {
    return field_list(member("begin_date", &MiniPortraitAsk::begin_date, "20260131"),
                      member("end_date", &MiniPortraitAsk::end_date, "1, 7 or 30 days"));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
struct MiniSummary {
  std::string ref_date;
  std::int64_t visit_total = 0, share_pv = 0, share_uv = 0;
  static constexpr auto wire() {
    using S = MiniSummary;
    return field_list(member("ref_date", &S::ref_date, ""),
                      member("visit_total", &S::visit_total, ""),
                      member("share_pv", &S::share_pv, ""), member("share_uv", &S::share_uv, ""));
  }
};
struct MiniVisits {
  std::string ref_date;
  std::int64_t session_cnt = 0, visit_pv = 0, visit_uv = 0, visit_uv_new = 0;
  double stay_time_uv = 0, stay_time_session = 0, visit_depth = 0;
  static constexpr auto wire() {
    using S = MiniVisits;
    return field_list(member("ref_date", &S::ref_date, ""),
                      member("session_cnt", &S::session_cnt, ""),
                      member("visit_pv", &S::visit_pv, ""), member("visit_uv", &S::visit_uv, ""),
                      member("visit_uv_new", &S::visit_uv_new, ""),
                      member("stay_time_uv", &S::stay_time_uv, "seconds"),
                      member("stay_time_session", &S::stay_time_session, "seconds"),
                      member("visit_depth", &S::visit_depth, ""));
  }
};
struct KeyedCount {
  std::int64_t key = 0, value = 0;
  static constexpr auto wire() {
    return field_list(member("key", &KeyedCount::key, ""), member("value", &KeyedCount::value, ""));
  }
};
struct MiniRetained {
  std::string ref_date;
  std::vector<KeyedCount> visit_uv_new, visit_uv;  ///< by days (weeks, months) after
  static constexpr auto wire() {
    using S = MiniRetained;
    return field_list(member("ref_date", &S::ref_date, ""),
                      member("visit_uv_new", &S::visit_uv_new, ""),
                      member("visit_uv", &S::visit_uv, ""));
  }
};
struct MiniPage {
  std::string page_path;
  std::int64_t page_visit_pv = 0, page_visit_uv = 0, entrypage_pv = 0, exitpage_pv = 0,
               page_share_pv = 0, page_share_uv = 0;
  double page_staytime_pv = 0;
  static constexpr auto wire() {
    using S = MiniPage;
    return field_list(
        member("page_path", &S::page_path, ""), member("page_visit_pv", &S::page_visit_pv, ""),
        member("page_visit_uv", &S::page_visit_uv, ""),
        member("entrypage_pv", &S::entrypage_pv, ""), member("exitpage_pv", &S::exitpage_pv, ""),
        member("page_share_pv", &S::page_share_pv, ""),
        member("page_share_uv", &S::page_share_uv, ""),
        member("page_staytime_pv", &S::page_staytime_pv, "seconds"));
  }
};
struct MiniShares {
  std::string index;  ///< access_source_session_cnt, access_staytime_info or access_depth_info
  std::vector<KeyedCount> item_list;
  static constexpr auto wire() {
    return field_list(member("index", &MiniShares::index, ""),
                      member("item_list", &MiniShares::item_list, ""));
  }
};
/// Groups of people by a quality (`province`, `city`, `genders`, `platforms`, `devices`, `ages`).
struct PortraitItem {
  std::int64_t id = 0, value = 0;
  std::string name;
  static constexpr auto wire() {
    using S = PortraitItem;
    return field_list(member("id", &S::id, ""), member("value", &S::value, ""),
                      member("name", &S::name, ""));
  }
};
struct MiniPortrait {
  std::string ref_date;
  std::map<std::string, std::vector<PortraitItem>> visit_uv_new, visit_uv;
  static constexpr auto wire() {
    using S = MiniPortrait;
    return field_list(member("ref_date", &S::ref_date, ""),
                      member("visit_uv_new", &S::visit_uv_new, ""),
                      member("visit_uv", &S::visit_uv, ""));
  }
};
inline constexpr Method<MiniDatesAsk, Report<MiniSummary>> kMiniSummary{
    endpoint("datacube_mini_summary")};
inline constexpr Method<MiniDatesAsk, Report<MiniVisits>> kMiniVisits{
    endpoint("datacube_mini_visit")};
inline constexpr Method<MiniWeekAsk, Report<MiniVisits>> kMiniVisitsWeek{
    endpoint("datacube_mini_visit_week")};
inline constexpr Method<MiniMonthAsk, Report<MiniVisits>> kMiniVisitsMonth{
    endpoint("datacube_mini_visit_month")};
inline constexpr Method<MiniDatesAsk, MiniRetained> kMiniRetained{endpoint("datacube_mini_retain")};
inline constexpr Method<MiniWeekAsk, MiniRetained> kMiniRetainedWeek{
    endpoint("datacube_mini_retain_week")};
inline constexpr Method<MiniMonthAsk, MiniRetained> kMiniRetainedMonth{
    endpoint("datacube_mini_retain_month")};
inline constexpr Method<MiniDatesAsk, Report<MiniPage>> kMiniPages{endpoint("datacube_mini_pages")};
inline constexpr Method<MiniDatesAsk, Report<MiniShares>> kMiniDistribution{
    endpoint("datacube_mini_distribution")};
inline constexpr Method<MiniPortraitAsk, MiniPortrait> kMiniPortrait{
    endpoint("datacube_mini_portrait")};

/// One report, with its end compared with `now`.
template <class Ask, class Answer>
Outcome<Answer> report_and_wait(PlatformApi& platform, const ApiAccount& account,
                                const Method<Ask, Answer>& method,
                                const std::type_identity_t<Ask>& ask, Instant now) {
  Result<ApiCall> prepared = prepare(method, account.policy, ask);
  if (prepared) {
    if (Result<void> end = check_report_end(ask.end_date, now); !end)
      prepared = std::unexpected(end.error());
  }
  return read_answer<Answer>(platform.perform_and_wait(account, std::move(prepared)));
}

}  // namespace zhiyin::wechat
