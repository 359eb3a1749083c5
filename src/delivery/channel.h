#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/ids.h"
#include "base/json_binding.h"
#include "base/time.h"

namespace zhiyin::delivery {

/// The numbers are stored: never change them.
enum class ChannelKind : int {
  kMass = 1,
  kCustomerService = 2,
  kTemplate = 3,
  kSubscribe = 4,
  kMassPreview = 5,   ///< a budget of its own; its touches are tests of `kMass`
  kTemplateOnce = 6,  ///< one message for one confirmation on a page
  // Of a company. Tasks and moments go out when its members confirm them.
  kWecomTask = 7,
  kWecomMoment = 8,
  kWecomMessage = 9,  ///< to its members
  kWecomWelcome = 10,
};

/// Why a message goes out. Template messages may only be notifications.
enum class Purpose : int { kMarketing = 1, kNotification = 2 };

enum class ContentType : int { kText = 1, kNews = 2, kTemplate = 3 };

/// What one recipient (or, for mass sends, all of them) gets, with every variable filled in.
struct Content {
  ContentType type = ContentType::kText;
  std::string text;   ///< of text
  std::string title;  ///< of news, as the following three
  std::string description;
  std::string picture_url;
  std::string url;          ///< target of news and of template messages
  std::string template_id;  ///< of template, as the following
  std::map<std::string, std::string> data;
};

/// What became of one call to the platform.
enum class OutcomeKind : int {
  kSent = 1,             ///< accepted; `provider_id` names it
  kFailedRecipient = 2,  ///< final for this recipient (not following, blacklisted, window closed)
  kRefused = 3,          ///< the request or the account is wrong: repeating it for others fails too
  kFailedRetry = 4,      ///< certainly not sent; may be tried again after `retry_after`
  kQuota = 5,            ///< certainly not sent; the platform's quota is used up until it rolls
  kUnknown = 6,          ///< sent, in part or whole, and no answer came
};

struct Outcome {
  OutcomeKind kind = OutcomeKind::kUnknown;
  std::string provider_id;
  int platform_code = 0;   ///< errcode of the platform, 0 when none came
  std::string error;       ///< for the operator; empty when sent
  Duration retry_after{};  ///< of kFailedRetry
};

/// Sends through a platform. Calls block until the outcome is known or given up; they never repeat
/// a call whose outcome is unknown (the caller decides). Thread-safe.
class MessageChannel {
 public:
  virtual ~MessageChannel() = default;

  /// One message to as many openids as `SenderAccount` says. The same `client_msg_id` within 24 h
  /// sends nothing again and gives the first call's outcome.
  virtual Outcome send_mass(const AccountId& account, std::span<const std::string> openids,
                            const Content& content, std::string_view client_msg_id) = 0;
  virtual Outcome send_customer_service(const AccountId& account, std::string_view openid,
                                        const Content& content) = 0;
  /// The same `client_msg_id` to the same openid within 10 minutes sends nothing again.
  virtual Outcome send_template(const AccountId& account, std::string_view openid,
                                const Content& content, std::string_view client_msg_id) = 0;
  /// Shows a mass message to one follower without sending it to anybody else.
  virtual Outcome preview_mass(const AccountId& account, std::string_view openid,
                               const Content& content) = 0;
};

}  // namespace zhiyin::delivery

template <>
struct zhiyin::EnumNames<zhiyin::delivery::ChannelKind> {
  static constexpr std::pair<delivery::ChannelKind, std::string_view> list[] = {
      {delivery::ChannelKind::kMass, "mass"},
      {delivery::ChannelKind::kCustomerService, "customer_service"},
      {delivery::ChannelKind::kTemplate, "template"},
      {delivery::ChannelKind::kSubscribe, "subscribe"},
      {delivery::ChannelKind::kMassPreview, "mass_preview"},
      {delivery::ChannelKind::kTemplateOnce, "template_once"},
      {delivery::ChannelKind::kWecomTask, "wecom_task"},
      {delivery::ChannelKind::kWecomMoment, "wecom_moment"},
      {delivery::ChannelKind::kWecomMessage, "wecom_message"},
      {delivery::ChannelKind::kWecomWelcome, "wecom_welcome"}};
};
template <>
struct zhiyin::EnumNames<zhiyin::delivery::Purpose> {
  static constexpr std::pair<delivery::Purpose, std::string_view> list[] = {
      {delivery::Purpose::kMarketing, "marketing"},
      {delivery::Purpose::kNotification, "notification"}};
};
template <>
struct zhiyin::EnumNames<zhiyin::delivery::ContentType> {
  static constexpr std::pair<delivery::ContentType, std::string_view> list[] = {
      {delivery::ContentType::kText, "text"},
      {delivery::ContentType::kNews, "news"},
      {delivery::ContentType::kTemplate, "template"}};
};
