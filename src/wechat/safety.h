#pragma once

#include "wechat/method.h"

/// Checks of texts and pictures by the platform (a mini-program's token). Suggestions: pass, review
/// (a person decides), risky (do not send).
namespace zhiyin::wechat {

struct TextCheckAsk {
  std::string openid;      ///< somebody who was in the mini-program within two hours (else 61010)
  std::int64_t scene = 0;  ///< 1 profile, 2 comment, 3 forum, 4 social log
  std::string content;     ///< up to 2500 characters
  std::int64_t version = 2;
  std::string title, nickname, signature;
  static constexpr auto wire() {
    using S = TextCheckAsk;
    return field_list(member("openid", &S::openid, "in the mini-program within two hours"),
                      member("scene", &S::scene, "1 profile, 2 comment, 3 forum, 4 social log"),
                      member("content", &S::content, "up to 2500 characters"),
                      member("version", &S::version, "2"), member("title", &S::title, ""),
                      member("nickname", &S::nickname, ""),
                      member("signature", &S::signature, "of scene 1"));
  }
};
struct CheckResult {
  std::string suggest;
  std::int64_t label = 0;  ///< 100 normal, 10001 ads, 20001 politics, 20002 porn, 20003 abuse …
  static constexpr auto wire() {
    return field_list(member("suggest", &CheckResult::suggest, "pass, review or risky"),
                      member("label", &CheckResult::label, "100 normal"));
  }
};
struct CheckDetail {
  std::string strategy, suggest, keyword;
  std::int64_t errcode = 0, label = 0, prob = 0, level = 0;
  static constexpr auto wire() {
    using S = CheckDetail;
    return field_list(member("strategy", &S::strategy, ""), member("suggest", &S::suggest, ""),
                      member("keyword", &S::keyword, ""), member("errcode", &S::errcode, ""),
                      member("label", &S::label, ""), member("prob", &S::prob, ""),
                      member("level", &S::level, ""));
  }
};
/// `trace_id` is kept as evidence.
struct TextCheck {
  std::string trace_id;
  CheckResult result;
  std::vector<CheckDetail> detail;
  static constexpr auto wire() {
    using S = TextCheck;
    return field_list(member("trace_id", &S::trace_id, ""), member("result", &S::result, ""),
                      member("detail", &S::detail, ""));
  }
};
inline constexpr Method<TextCheckAsk, TextCheck> kTextCheck{endpoint("msg_sec_check")};

/// The result comes as `wxa_media_check` with the same trace_id within 30 minutes.
struct MediaCheckAsk {
  std::string media_url;
  std::int64_t media_type = 2;  ///< 1 audio, 2 picture
  std::int64_t version = 2, scene = 0;
  std::string openid;
  static constexpr auto wire() {
    using S = MediaCheckAsk;
    return field_list(member("media_url", &S::media_url, "up to 10 MB"),
                      member("media_type", &S::media_type, "1 audio, 2 picture"),
                      member("version", &S::version, "2"),
                      member("scene", &S::scene, "1 profile, 2 comment, 3 forum, 4 social log"),
                      member("openid", &S::openid, ""));
  }
};
struct TraceId {
  std::string trace_id;
  static constexpr auto wire() { return field_list(member("trace_id", &TraceId::trace_id, "")); }
};
inline constexpr Method<MediaCheckAsk, TraceId> kMediaCheck{endpoint("media_check_async")};

struct RiskAsk {
  std::string appid, openid;
  std::int64_t scene = 1;  ///< 0 register, 1 abuse of marketing, 2 content of users
  std::string client_ip, mobile_no, email_address, extended_info;
  std::optional<bool> is_test;
  static constexpr auto wire() {
    using S = RiskAsk;
    return field_list(
        member("appid", &S::appid, ""), member("openid", &S::openid, ""),
        member("scene", &S::scene, "0 register, 1 marketing, 2 content"),
        member("client_ip", &S::client_ip, ""), member("mobile_no", &S::mobile_no, ""),
        member("email_address", &S::email_address, ""),
        member("extended_info", &S::extended_info, ""), member("is_test", &S::is_test, ""));
  }
};
struct Risk {
  std::int64_t risk_rank = 0;  ///< 0 to 4
  std::string unoin_id;        ///< the platform's spelling
  static constexpr auto wire() {
    return field_list(member("risk_rank", &Risk::risk_rank, "0 to 4"),
                      member("unoin_id", &Risk::unoin_id, "the platform's spelling"));
  }
};
inline constexpr Method<RiskAsk, Risk> kUserRisk{endpoint("user_risk_rank")};

}  // namespace zhiyin::wechat
