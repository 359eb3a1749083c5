#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_binding.h"
#include "wechat/reply.h"

namespace zhiyin::wechat {

struct Callback;

inline constexpr std::size_t kAnswerTokenChars = 4;  ///< 0-9 and a-z

/// The numbers are stored: never change them.
enum class KeywordMatch : int { kExact = 1, kContains = 2 };

/// If a person's text equals (or contains) one of the words, the account answers with `reply`.
struct KeywordRule {
  std::vector<std::string> words;
  KeywordMatch match = KeywordMatch::kExact;
  Reply reply;
};

/// An HTTP service of the operator that answers texts which no rule answers. It gets
/// `{"account","message_id","openid","text","at"}` by POST, signed with the account's callback
/// Token (`X-Zhiyin-Signature: sha256=` and the HMAC of the body), and answers `{"text": …}` or
/// `{"reply": …}`, with `"generated"` beside the text whether a model made it. It may take longer
/// than WeChat waits (delivery/answer_window.h).
struct AnswerService {
  std::string url;              ///< http or https; empty: there is none
  std::int64_t timeout_s = 60;  ///< 1 to 600
  std::string continue_word =
      "继续";  ///< with the token, or alone, asks for an answer that is late
  /// Shown when neither the answer is there nor a message may be sent later; `{token}` is replaced.
  std::string waiting_text = "正在为您查找答案，请稍后回复“继续 {token}”查看。";
  std::string failed_text = "暂时没有找到答案，请换个问法再试。";  ///< when the service fails
  /// Whether its answers, where they are pushed, show WeChat's line that a model made them. An
  /// answer may say otherwise of itself.
  bool generates = true;
};

/// What an account answers by itself. Kept with the account, as JSON. A pure value.
struct ReplyRules {
  Reply welcome;                      ///< to a new follower
  std::vector<KeywordRule> keywords;  ///< the first that matches answers
  std::vector<std::string> opt_out_words = {"TD",      "T",        "退订",     "取消订阅",
                                            "退订回T", "我要退订", "不再接收", "UNSUBSCRIBE"};
  std::vector<std::string> opt_in_words = {"订阅", "恢复订阅", "DY"};
  std::string opt_out_text = "您已退订，我们不会再主动给您发送消息。回复“订阅”可恢复。";
  std::string opt_in_text = "您已恢复订阅。回复“TD”可随时退订。";
  AnswerService service;
};

/// Why an answer was chosen. Opt-out and opt-in also change the person's consent (the caller
/// records it).
/// kAsk: the answer service is to be asked. kContinue: somebody asks for an answer that was late.
enum class ReplyReason { kNothing, kWelcome, kKeyword, kOptOut, kOptIn, kAsk, kContinue };

struct ReplyDecision {
  ReplyReason reason = ReplyReason::kNothing;
  Reply reply;                      ///< kNone: answer `success`
  std::optional<std::size_t> rule;  ///< index into `keywords`
  std::string token;                ///< kContinue: which answer; empty: the last one
};

/// Which answer a callback gets: opt-out and opt-in words win over keywords, these over the answer
/// service; a new follower is welcomed, everything else is acknowledged. Pure.
ReplyDecision decide_reply(const ReplyRules& rules, const Callback& callback);

/// Text as keywords compare it: full-width forms as ASCII, letters lower case, blanks and
/// punctuation at both ends removed. Pure.
std::string normalised_keyword(std::string_view text);

/// kInvalidArgument with the field when a reply or word is unusable. Pure.
Result<void> validate(const ReplyRules& rules);

}  // namespace zhiyin::wechat

namespace zhiyin {

template <>
struct EnumNames<wechat::KeywordMatch> {
  static constexpr std::pair<wechat::KeywordMatch, std::string_view> list[] = {
      {wechat::KeywordMatch::kExact, "exact"}, {wechat::KeywordMatch::kContains, "contains"}};
};

template <>
struct Fields<wechat::KeywordRule> {
  using S = wechat::KeywordRule;
  static constexpr std::string_view name = "KeywordRule";
  static constexpr auto list =
      field_list(field("words", &S::words, "words that trigger the answer").length(1, 50),
                 field("match", &S::match, "exact or contains").optional(),
                 field("reply", &S::reply, "the answer"));
};

template <>
struct Fields<wechat::AnswerService> {
  using S = wechat::AnswerService;
  static constexpr std::string_view name = "AnswerService";
  static constexpr auto list = field_list(
      field("url", &S::url, "address that answers texts without a rule").length(0, 2048).optional(),
      field("timeout_s", &S::timeout_s, "how long it may take").range(1, 600).optional(),
      field("continue_word", &S::continue_word, "asks for an answer that was late")
          .length(1, 32)
          .optional(),
      field("waiting_text", &S::waiting_text, "shown meanwhile; {token} is replaced")
          .length(1, 1024)
          .optional(),
      field("failed_text", &S::failed_text, "shown when the service fails; empty: nothing")
          .length(0, 2048)
          .optional(),
      field("generates", &S::generates,
            "pushed answers are marked as made by a model, unless they say otherwise")
          .optional());
};

template <>
struct Fields<wechat::ReplyRules> {
  using S = wechat::ReplyRules;
  static constexpr std::string_view name = "ReplyRules";
  static constexpr auto list = field_list(
      field("welcome", &S::welcome, "answer to a new follower").optional(),
      field("keywords", &S::keywords, "answers by keyword, the first match wins")
          .length(0, 200)
          .optional(),
      field("opt_out_words", &S::opt_out_words, "texts that end proactive messages")
          .length(1, 50)
          .optional(),
      field("opt_in_words", &S::opt_in_words, "texts that allow them again")
          .length(0, 50)
          .optional(),
      field("opt_out_text", &S::opt_out_text, "answer to an opt-out").length(0, 2048).optional(),
      field("opt_in_text", &S::opt_in_text, "answer to an opt-in").length(0, 2048).optional(),
      field("service", &S::service, "an HTTP service that answers the rest").optional());
};

}  // namespace zhiyin
