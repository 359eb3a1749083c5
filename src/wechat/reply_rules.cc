#include "wechat/reply_rules.h"

#include <algorithm>
#include <cstdint>

#include "text/code_point.h"
#include "wechat/callback.h"

namespace zhiyin::wechat {
namespace {

constexpr std::size_t kKeywordBytesMax = 128;

/// The code point at `at`, moving past it; a stray byte stands for itself.
char32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  const std::size_t extra = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
  if (extra == 0 || at + extra >= text.size()) {
    ++at;
    return first;
  }
  char32_t c = first & (0x3FU >> extra);
  for (std::size_t i = 1; i <= extra; ++i) c = c << 6 | (byte(at + i) & 0x3FU);
  at += extra + 1;
  return c;
}

char32_t folded(char32_t c) {
  if (c == 0x3000) return ' ';
  if (c >= 0xFF01 && c <= 0xFF5E)
    c -= 0xFEE0;  // full-width forms lie at a fixed distance from ASCII
  if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
  return c;
}

bool is_edge(char32_t c) {
  constexpr char32_t kPunctuation[] = {0xA0,   0x2026, 0x3001, 0x3002, 0x300C,
                                       0x300D, 0x201C, 0x201D, 0x2018, 0x2019};
  if (c <= ' ') return true;
  if (c < 0x80) return !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'));
  return std::ranges::find(kPunctuation, c) != std::end(kPunctuation);
}

bool is_one_of(const std::vector<std::string>& words, std::string_view normalised) {
  return std::ranges::any_of(
      words, [&](const std::string& w) { return normalised_keyword(w) == normalised; });
}

bool matches(const KeywordRule& rule, std::string_view normalised) {
  if (rule.match == KeywordMatch::kExact) return is_one_of(rule.words, normalised);
  return std::ranges::any_of(rule.words, [&](const std::string& word) {
    const std::string w = normalised_keyword(word);
    return !w.empty() && normalised.find(w) != std::string_view::npos;
  });
}

Reply text_or_nothing(const std::string& text) {
  Reply reply;
  if (text.empty()) return reply;
  reply.type = ReplyType::kText;
  reply.text = text;
  return reply;
}

/// What may follow the word that asks for a late answer: nothing, or a token.
bool is_token(std::string_view text) {
  return text.empty() || (text.size() == kAnswerTokenChars && std::ranges::all_of(text, [](char c) {
                            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
                          }));
}

Result<void> validate_service(const AnswerService& service) {
  if (service.url.empty()) return {};
  if (!service.url.starts_with("http://") && !service.url.starts_with("https://"))
    return fail_field("url", "is not an http or https address");
  if (service.timeout_s < 1 || service.timeout_s > 600)
    return fail_field("timeout_s", "{} is not 1 to 600", service.timeout_s);
  if (normalised_keyword(service.continue_word).empty())
    return fail_field("continue_word", "has no letter or digit");
  if (service.waiting_text.empty()) return fail_field("waiting_text", "is empty");
  return {};
}

Result<void> validate_words(const std::vector<std::string>& words, std::string_view field) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string path = fmt::format("{}[{}]", field, i);
    if (normalised_keyword(words[i]).empty()) return fail_field(path, "has no letter or digit");
    if (words[i].size() > kKeywordBytesMax)
      return fail_field(path, "has more than {} bytes", kKeywordBytesMax);
  }
  return {};
}

}  // namespace

std::string normalised_keyword(std::string_view text) {
  std::vector<char32_t> points;
  for (std::size_t at = 0; at < text.size();) points.push_back(folded(next_code_point(text, at)));
  const auto first = std::ranges::find_if_not(points, is_edge);
  auto last = points.end();
  while (last != first && is_edge(*(last - 1))) --last;
  std::string out;
  for (auto it = first; it != last; ++it) text::append_utf8(out, *it);
  return out;
}

ReplyDecision decide_reply(const ReplyRules& rules, const Callback& callback) {
  if (callback.kind == CallbackKind::kFollow) {
    // A company welcomes contacts by their code, not members who see an application.
    if (rules.welcome.type == ReplyType::kNone || callback.wecom) return {};
    return {ReplyReason::kWelcome, rules.welcome, {}, {}};
  }
  if (callback.kind != CallbackKind::kText) return {};
  const std::string text = normalised_keyword(callback.content);
  if (text.empty()) return {};
  if (is_one_of(rules.opt_out_words, text))
    return {ReplyReason::kOptOut, text_or_nothing(rules.opt_out_text), {}, {}};
  if (is_one_of(rules.opt_in_words, text))
    return {ReplyReason::kOptIn, text_or_nothing(rules.opt_in_text), {}, {}};
  for (std::size_t i = 0; i < rules.keywords.size(); ++i) {
    if (matches(rules.keywords[i], text))
      return {ReplyReason::kKeyword, rules.keywords[i].reply, i, {}};
  }
  if (rules.service.url.empty()) return {};
  const std::string word = normalised_keyword(rules.service.continue_word);
  if (text.starts_with(word)) {
    const std::string token = normalised_keyword(std::string_view(text).substr(word.size()));
    if (is_token(token)) return {ReplyReason::kContinue, {}, {}, token};
  }
  return {ReplyReason::kAsk, {}, {}, {}};
}

Result<void> validate(const ReplyRules& rules) {
  if (auto ok = validate(rules.welcome); !ok)
    return std::unexpected(within("welcome", std::move(ok.error())));
  ZHIYIN_TRY_VOID(validate_words(rules.opt_out_words, "opt_out_words"));
  ZHIYIN_TRY_VOID(validate_words(rules.opt_in_words, "opt_in_words"));
  if (auto ok = validate_service(rules.service); !ok)
    return std::unexpected(within("service", std::move(ok.error())));
  if (rules.opt_out_words.empty())
    return fail_field("opt_out_words", "is empty: people must be able to leave");
  for (std::size_t i = 0; i < rules.keywords.size(); ++i) {
    const std::string path = fmt::format("keywords[{}]", i);
    if (rules.keywords[i].words.empty()) return fail_field(path + ".words", "is empty");
    ZHIYIN_TRY_VOID(validate_words(rules.keywords[i].words, path + ".words"));
    const Reply& reply = rules.keywords[i].reply;
    auto ok = validate(reply);
    if (ok && reply.type == ReplyType::kNews && reply.articles.size() > 1) {
      ok = fail_field("articles", "has {} entries, WeChat shows one in answers to messages",
                      reply.articles.size());
    }
    if (!ok) return std::unexpected(within(path + ".reply", std::move(ok.error())));
  }
  return {};
}

}  // namespace zhiyin::wechat
