#include "delivery/touch_line.h"

namespace zhiyin::delivery {

namespace {

RuleWords state_words(TouchState state) {
  switch (state) {
    case TouchState::kPlanned:
      return {"等待发送", "waiting to be sent"};
    case TouchState::kSending:
      return {"正在发送", "being sent"};
    case TouchState::kSent:
      return {"微信已接收", "accepted by WeChat"};
    case TouchState::kFailed:
      return {"发送失败", "not reached"};
    case TouchState::kUnknown:
      return {"结果未知，按已发送计数，不再重发",
              "outcome unknown: counted as sent, never repeated"};
    case TouchState::kCancelled:
      return {"已取消", "cancelled"};
    case TouchState::kRefused:
    case TouchState::kHeldOut:
      break;
  }
  return {};
}

std::string with_detail(std::string_view words, std::string_view separator,
                        std::string_view detail) {
  if (detail.empty()) return std::string(words);
  return fmt::format("{}{}{}", words, separator, detail);
}

}  // namespace

TouchLine line_of(const Touch& touch) {
  const bool by_rule = touch.rule != Rule::kNone;
  const RuleWords words = by_rule ? rule_words(touch.rule) : state_words(touch.state);
  TouchLine out;
  out.touch = touch.id;
  out.campaign = touch.campaign;
  out.channel = touch.channel;
  out.state = touch.state;
  if (by_rule) out.rule = std::string(enum_name(touch.rule));
  out.explanation = with_detail(words.zh, "：", touch.error);
  out.explanation_en = with_detail(words.en, ": ", touch.error);
  out.is_test = touch.is_test;
  out.at = touch.sent_at.value_or(touch.decided_at);
  out.clicked_at = touch.clicked_at;
  return out;
}

}  // namespace zhiyin::delivery
