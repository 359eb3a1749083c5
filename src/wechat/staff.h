#pragma once

#include "wechat/messages.h"
#include "wechat/users.h"

/// Customer-service staff of an official account: accounts, sessions, what was written.
namespace zhiyin::wechat {

struct KfAsk {
  std::string kf_account, nickname;
  static constexpr auto wire() {
    return field_list(member("kf_account", &KfAsk::kf_account, "name@gh_id"),
                      member("nickname", &KfAsk::nickname, "up to 16 characters"));
  }
};
struct KfInviteAsk {
  std::string kf_account, invite_wx;
  static constexpr auto wire() {
    return field_list(member("kf_account", &KfInviteAsk::kf_account, "name@gh_id"),
                      member("invite_wx", &KfInviteAsk::invite_wx, "WeChat id"));
  }
};
struct Kf {
  std::string kf_account, kf_nick, kf_id, kf_headimgurl, kf_wx, invite_wx, invite_status;
  std::int64_t invite_expire_time = 0;
  static constexpr auto wire() {
    using S = Kf;
    return field_list(member("kf_account", &S::kf_account, ""), member("kf_nick", &S::kf_nick, ""),
                      member("kf_id", &S::kf_id, ""),
                      member("kf_headimgurl", &S::kf_headimgurl, ""),
                      member("kf_wx", &S::kf_wx, ""), member("invite_wx", &S::invite_wx, ""),
                      member("invite_status", &S::invite_status, "waiting, rejected or expired"),
                      member("invite_expire_time", &S::invite_expire_time, "seconds"));
  }
};
struct KfList {
  std::vector<Kf> kf_list;
  static constexpr auto wire() { return field_list(member("kf_list", &KfList::kf_list, "")); }
};
struct KfOnline {
  std::string kf_account, kf_id;
  std::int64_t status = 0, accepted_case = 0;
  static constexpr auto wire() {
    using S = KfOnline;
    return field_list(member("kf_account", &S::kf_account, ""), member("kf_id", &S::kf_id, ""),
                      member("status", &S::status, ""),
                      member("accepted_case", &S::accepted_case, "sessions"));
  }
};
struct KfOnlineList {
  std::vector<KfOnline> kf_online_list;
  static constexpr auto wire() {
    return field_list(member("kf_online_list", &KfOnlineList::kf_online_list, ""));
  }
};
inline constexpr Method<KfAsk, Nothing> kKfAdd{endpoint("kf_add")};
inline constexpr Method<KfAsk, Nothing> kKfUpdate{endpoint("kf_update")};
inline constexpr Method<KfInviteAsk, Nothing> kKfInvite{endpoint("kf_invite")};
inline constexpr Method<KfAccountRef, Nothing> kKfDelete{endpoint("kf_delete")};
/// With a picture: `upload_portrait_and_wait`.
inline constexpr Method<KfAccountRef, Nothing> kKfHeadImage{endpoint("kf_headimg")};
inline constexpr Method<Nothing, KfList> kKfList{endpoint("kf_list")};
inline constexpr Method<Nothing, KfOnlineList> kKfOnline{endpoint("kf_online")};

struct KfSessionAsk {
  std::string kf_account, openid;
  static constexpr auto wire() {
    return field_list(member("kf_account", &KfSessionAsk::kf_account, "name@gh_id"),
                      member("openid", &KfSessionAsk::openid, ""));
  }
};
struct KfSession {
  std::string kf_account, openid;  ///< `kf_account` empty: nobody has the session
  std::int64_t createtime = 0;
  static constexpr auto wire() {
    using S = KfSession;
    return field_list(member("kf_account", &S::kf_account, ""), member("openid", &S::openid, ""),
                      member("createtime", &S::createtime, "seconds"));
  }
};
struct KfSessions {
  std::vector<KfSession> sessionlist;
  static constexpr auto wire() {
    return field_list(member("sessionlist", &KfSessions::sessionlist, ""));
  }
};
struct KfWaitingCase {
  std::int64_t latest_time = 0;
  std::string openid;
  static constexpr auto wire() {
    return field_list(member("latest_time", &KfWaitingCase::latest_time, "seconds"),
                      member("openid", &KfWaitingCase::openid, ""));
  }
};
struct KfWaiting {
  std::int64_t count = 0;
  std::vector<KfWaitingCase> waitcaselist;
  static constexpr auto wire() {
    return field_list(member("count", &KfWaiting::count, ""),
                      member("waitcaselist", &KfWaiting::waitcaselist, "up to 100"));
  }
};
inline constexpr Method<KfSessionAsk, Nothing> kKfSessionCreate{endpoint("kf_session_create")};
inline constexpr Method<KfSessionAsk, Nothing> kKfSessionClose{endpoint("kf_session_close")};
inline constexpr Method<OpenidAsk, KfSession> kKfSessionGet{endpoint("kf_session_get")};
inline constexpr Method<KfAccountRef, KfSessions> kKfSessionList{endpoint("kf_session_list")};
inline constexpr Method<Nothing, KfWaiting> kKfWaiting{endpoint("kf_waiting")};

/// What staff and people wrote within a day. The last page has fewer than asked for.
struct KfRecordsAsk {
  std::int64_t starttime = 0, endtime = 0, msgid = 1, number = 10'000;
  static constexpr auto wire() {
    using S = KfRecordsAsk;
    return field_list(member("starttime", &S::starttime, "seconds"),
                      member("endtime", &S::endtime, "seconds, at most a day later"),
                      member("msgid", &S::msgid, "where the page begins, from 1"),
                      member("number", &S::number, "1 to 10000"));
  }
  [[nodiscard]] Result<void> check(const Policy&) const {
    constexpr std::int64_t kDaySeconds = 86'400;
    if (endtime <= starttime || endtime - starttime > kDaySeconds)
      return fail_field("endtime", "is not within a day after starttime");
    return {};
  }
};
/// `opercode` 2002: staff, 2003: the person.
struct KfRecord {
  std::string openid, text, worker;
  std::int64_t opercode = 0, time = 0;
  static constexpr auto wire() {
    using S = KfRecord;
    return field_list(member("openid", &S::openid, ""), member("text", &S::text, ""),
                      member("worker", &S::worker, ""),
                      member("opercode", &S::opercode, "2002 staff, 2003 person"),
                      member("time", &S::time, "seconds"));
  }
};
struct KfRecords {
  std::vector<KfRecord> recordlist;
  std::int64_t number = 0, msgid = 0;
  static constexpr auto wire() {
    using S = KfRecords;
    return field_list(member("recordlist", &S::recordlist, ""), member("number", &S::number, ""),
                      member("msgid", &S::msgid, "where the next page begins"));
  }
};
inline constexpr Method<KfRecordsAsk, KfRecords> kKfRecords{endpoint("kf_records")};

}  // namespace zhiyin::wechat
