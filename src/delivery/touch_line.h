#pragma once

#include <string>

#include "base/json_binding.h"
#include "delivery/touch.h"

namespace zhiyin::delivery {

/// A touch as a person's page shows it.
struct TouchLine {
  TouchId touch;
  CampaignId campaign;
  ChannelKind channel = ChannelKind::kMass;
  TouchState state = TouchState::kPlanned;
  std::string rule;         ///< empty unless a rule decided
  std::string explanation;  ///< Chinese: why it was not sent, or what went wrong
  std::string explanation_en;
  bool is_test = false;
  Instant at;  ///< when it was sent, or else decided
  std::optional<Instant> clicked_at;
};

/// Pure.
TouchLine line_of(const Touch& touch);

}  // namespace zhiyin::delivery

template <>
struct zhiyin::Fields<zhiyin::delivery::TouchLine> {
  using T = delivery::TouchLine;
  static constexpr std::string_view name = "TouchLine";
  static constexpr auto list = field_list(
      field("touch", &T::touch, "which"), field("campaign", &T::campaign, "of which campaign"),
      field("channel", &T::channel, "mass, customer_service or template"),
      field("state", &T::state,
            "planned, refused, held_out, sending, sent, failed, unknown, cancelled"),
      field("rule", &T::rule, "which rule decided"),
      field("explanation", &T::explanation, "why not sent, in Chinese"),
      field("explanation_en", &T::explanation_en, "the same in English"),
      field("is_test", &T::is_test, "a test send"), field("at", &T::at, "sent, or else decided"),
      field("clicked_at", &T::clicked_at, "first click"));
};
