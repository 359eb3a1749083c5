#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_binding.h"
#include "wechat/reply.h"

namespace zhiyin::wechat {

struct Callback;

/// The numbers are stored: never change them.
enum class KeywordMatch : int { kExact = 1, kContains = 2 };

/// If a person's text equals (or contains) one of the words, the account answers with `reply`.
struct KeywordRule {
  std::vector<std::string> words;
  KeywordMatch match = KeywordMatch::kExact;
  Reply reply;
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
};

/// Why an answer was chosen. Opt-out and opt-in also change the person's consent (the caller
/// records it).
enum class ReplyReason { kNothing, kWelcome, kKeyword, kOptOut, kOptIn };

struct ReplyDecision {
  ReplyReason reason = ReplyReason::kNothing;
  Reply reply;                      ///< kNone: answer `success`
  std::optional<std::size_t> rule;  ///< index into `keywords`
};

/// Which answer a callback gets: opt-out and opt-in words win over keywords, a new follower is
/// welcomed, everything else is acknowledged. Pure.
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
      std::make_tuple(field("words", &S::words, "words that trigger the answer").length(1, 50),
                      field("match", &S::match, "exact or contains").optional(),
                      field("reply", &S::reply, "the answer"));
};

template <>
struct Fields<wechat::ReplyRules> {
  using S = wechat::ReplyRules;
  static constexpr std::string_view name = "ReplyRules";
  static constexpr auto list = std::make_tuple(
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
      field("opt_in_text", &S::opt_in_text, "answer to an opt-in").length(0, 2048).optional());
};

}  // namespace zhiyin
