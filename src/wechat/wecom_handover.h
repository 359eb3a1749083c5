#pragma once

#include "wechat/method.h"

/// WeCom: contacts of a member who goes on working, handed over to another. It takes a day, in
/// which a contact may decline; each contact twice in 90 days.
namespace zhiyin::wechat {

struct WecomHandoverAsk {
  std::string handover_userid, takeover_userid;
  std::vector<std::string> external_userid;
  std::string transfer_success_msg;
  static constexpr auto wire() {
    using S = WecomHandoverAsk;
    return field_list(
        member("handover_userid", &S::handover_userid, "member who has them"),
        member("takeover_userid", &S::takeover_userid, "member who is to have them"),
        member("external_userid", &S::external_userid, "up to 100 contacts"),
        member("transfer_success_msg", &S::transfer_success_msg,
               "what a contact is told then, up to 200 characters; empty: the platform's words"));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
/// `errcode` 0: under way. Others are of this contact alone.
struct WecomHandoverOne {
  std::string external_userid;
  std::int64_t errcode = 0;
  static constexpr auto wire() {
    return field_list(member("external_userid", &WecomHandoverOne::external_userid, ""),
                      member("errcode", &WecomHandoverOne::errcode, "0: under way"));
  }
};
struct WecomHandovers {
  std::vector<WecomHandoverOne> customer;
  static constexpr auto wire() {
    return field_list(member("customer", &WecomHandovers::customer, ""));
  }
};
struct WecomHandoverResultAsk {
  std::string handover_userid, takeover_userid, cursor;
  static constexpr auto wire() {
    using S = WecomHandoverResultAsk;
    return field_list(member("handover_userid", &S::handover_userid, ""),
                      member("takeover_userid", &S::takeover_userid, ""),
                      member("cursor", &S::cursor, "empty begins"));
  }
};
struct WecomHandoverState {
  std::string external_userid;
  std::int64_t status = 0, takeover_time = 0;
  static constexpr auto wire() {
    using S = WecomHandoverState;
    return field_list(
        member("external_userid", &S::external_userid, ""),
        member("status", &S::status, "1 done, 2 waiting, 3 declined, 4 the member is full"),
        member("takeover_time", &S::takeover_time, "seconds, when done"));
  }
};
struct WecomHandoverPage {
  std::vector<WecomHandoverState> customer;
  std::string next_cursor;
  static constexpr auto wire() {
    return field_list(member("customer", &WecomHandoverPage::customer, ""),
                      member("next_cursor", &WecomHandoverPage::next_cursor, ""));
  }
};
inline constexpr Method<WecomHandoverAsk, WecomHandovers> kWecomHandover{
    endpoint("wecom_handover")};
inline constexpr Method<WecomHandoverResultAsk, WecomHandoverPage> kWecomHandoverResult{
    endpoint("wecom_handover_result")};

}  // namespace zhiyin::wechat
