#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/json_binding.h"
#include "base/time.h"
#include "delivery/channel.h"
#include "delivery/recipient.h"

namespace zhiyin::campaign {

using delivery::ChannelKind;
using delivery::ContentType;
using delivery::Purpose;

/// The numbers are stored: never change them.
enum class CampaignState : int { kDraft = 1, kRunning = 2, kPaused = 3, kStopped = 4, kDone = 5 };

/// What is said. Texts may hold variables: `{{name|朋友}}` (with a fallback), `{{name}}` (whoever
/// has no such value gets no message), and `{{link}}`, the tracked form of `link`.
struct Message {
  ContentType type = ContentType::kText;
  std::string text;                         ///< of text
  std::string title;                        ///< of news
  std::string description;                  ///< of news
  std::string picture_url;                  ///< of news
  std::string template_id;                  ///< of template
  std::map<std::string, std::string> data;  ///< of template: keyword to text
  std::string link;  ///< http(s) target of `{{link}}`, of a news card and of a template message
};

/// What counts as success: at least one such event within `window` after the exposure.
struct Goal {
  std::string event = "purchase";
  Duration window = std::chrono::hours(7 * 24);
};

/// Touches of a campaign by state; read only.
struct Progress {
  std::int64_t audience = 0;  ///< decided so far
  std::int64_t planned = 0;
  std::int64_t held_out = 0;
  std::int64_t refused = 0;
  std::int64_t sending = 0;
  std::int64_t sent = 0;
  std::int64_t failed = 0;
  std::int64_t unknown = 0;
  std::int64_t cancelled = 0;
};

/// A campaign as operators write and read it. `version`, `state` and what follows are read only.
struct Campaign {
  CampaignId id;
  std::string name;
  AccountId account;
  SegmentId segment;
  double holdout = 0;  ///< share of the audience that gets nothing, [0, 0.9]
  ChannelKind channel = ChannelKind::kMass;
  Message message;
  std::optional<Instant> at;  ///< absent: when started
  std::optional<Goal> goal;   ///< absent: no effect is measured
  Purpose purpose = Purpose::kMarketing;
  std::int64_t version = 0;
  CampaignState state = CampaignState::kDraft;
  std::optional<Instant> created_at;
  std::optional<Instant> started_at;
  std::optional<Instant> exposed_at;  ///< when the audience was fixed; effects count from here
  std::optional<Instant> finished_at;
  std::optional<Instant> waiting_until;  ///< quiet hours or quota
  std::string note;  ///< why it paused or stopped, when not by the operator's wish
  std::optional<Progress> progress;
};

/// Checks everything that needs no other part's knowledge: names, lengths, shares, variables,
/// links, what a channel can carry. kInvalidArgument with the field path. Pure.
Result<void> validate(const Campaign& campaign);

/// Checks what depends on the sending account: mass sends need a verified service or subscription
/// account, template messages a verified service account. Pure.
Result<void> validate_for(const Campaign& campaign, const delivery::SenderAccount& account);

}  // namespace zhiyin::campaign

template <>
struct zhiyin::EnumNames<zhiyin::campaign::CampaignState> {
  static constexpr std::pair<campaign::CampaignState, std::string_view> list[] = {
      {campaign::CampaignState::kDraft, "draft"},
      {campaign::CampaignState::kRunning, "running"},
      {campaign::CampaignState::kPaused, "paused"},
      {campaign::CampaignState::kStopped, "stopped"},
      {campaign::CampaignState::kDone, "done"}};
};

template <>
struct zhiyin::Fields<zhiyin::campaign::Message> {
  using T = campaign::Message;
  static constexpr std::string_view name = "Message";
  static constexpr auto list =
      field_list(field("type", &T::type, "text, news or template").optional(),
                 field("text", &T::text, "of text; variables {{name|fallback}} and {{link}}")
                     .length(0, 8192)
                     .optional(),
                 field("title", &T::title, "of news").length(0, 256).optional(),
                 field("description", &T::description, "of news").length(0, 2048).optional(),
                 field("picture_url", &T::picture_url, "of news").length(0, 2048).optional(),
                 field("template_id", &T::template_id, "of template").length(0, 128).optional(),
                 field("data", &T::data, "of template: keyword to text").optional(),
                 field("link", &T::link, "where {{link}}, the card or the template leads")
                     .length(0, 2048)
                     .optional());
};

template <>
struct zhiyin::Fields<zhiyin::campaign::Goal> {
  using T = campaign::Goal;
  static constexpr std::string_view name = "Goal";
  static constexpr auto list = field_list(
      field("event", &T::event, "kind of event that counts as success").length(1, 64),
      field("window", &T::window, "how long after the exposure it counts, 7d").optional());
};

template <>
struct zhiyin::Fields<zhiyin::campaign::Progress> {
  using T = campaign::Progress;
  static constexpr std::string_view name = "CampaignProgress";
  static constexpr auto list = field_list(
      field("audience", &T::audience, "people decided on so far").optional(),
      field("planned", &T::planned, "waiting to be sent").optional(),
      field("held_out", &T::held_out, "kept back for comparison").optional(),
      field("refused", &T::refused, "stopped by a rule").optional(),
      field("sending", &T::sending, "under way").optional(),
      field("sent", &T::sent, "accepted by the platform").optional(),
      field("failed", &T::failed, "certainly not reached").optional(),
      field("unknown", &T::unknown, "closed without an answer, never repeated").optional(),
      field("cancelled", &T::cancelled, "stopped or skipped").optional());
};

template <>
struct zhiyin::Fields<zhiyin::campaign::Campaign> {
  using T = campaign::Campaign;
  static constexpr std::string_view name = "Campaign";
  static constexpr auto list = field_list(
      field("id", &T::id, "letters, digits, - and _").length(1, 64),
      field("name", &T::name, "for people").length(0, 200).optional(),
      field("account", &T::account, "who sends").length(1, 64),
      field("segment", &T::segment, "who may be reached").length(1, 64),
      field("holdout", &T::holdout, "share that gets nothing, for comparison")
          .range(0, 0.9)
          .optional(),
      field("channel", &T::channel, "mass, customer_service or template"),
      field("message", &T::message, "what is said"),
      field("at", &T::at, "when; absent: when started"),
      field("goal", &T::goal, "what counts as success"),
      field("purpose", &T::purpose, "marketing or notification").optional(),
      field("version", &T::version, "read only").optional(),
      field("state", &T::state, "read only").optional(),
      field("created_at", &T::created_at, "read only"),
      field("started_at", &T::started_at, "read only"),
      field("exposed_at", &T::exposed_at, "read only: when the audience was fixed"),
      field("finished_at", &T::finished_at, "read only"),
      field("waiting_until", &T::waiting_until, "read only: quiet hours or quota"),
      field("note", &T::note, "read only: why it paused or stopped").length(0, 1000).optional(),
      field("progress", &T::progress, "read only"));
};
