#include "delivery/wechat_channel.h"

#include "delivery/mass_tag.h"

namespace zhiyin::delivery {

namespace {

constexpr Duration kRetryAfter = std::chrono::seconds(30);

Outcome sent(std::string provider_id) {
  return {OutcomeKind::kSent, std::move(provider_id), 0, {}, {}};
}

/// Before the platform was asked at all.
Outcome not_asked(const Error& error) {
  const bool passes = error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kDeadline;
  return {
      passes ? OutcomeKind::kFailedRetry : OutcomeKind::kRefused, {}, 0, error.text(), kRetryAfter};
}

Outcome unsupported(const Content& content, std::string_view channel) {
  return {OutcomeKind::kRefused,
          {},
          0,
          fmt::format("{}: cannot carry {} messages", channel, enum_name(content.type)),
          {}};
}

OutcomeKind kind_of(const wechat::SendError& error) {
  if (error.outcome_unknown()) return OutcomeKind::kUnknown;
  switch (error.error_class) {
    case wechat::ErrorClass::kUser:
      return OutcomeKind::kFailedRecipient;
    // A limit that passes within the minute is a matter of waiting; the day's quota is not.
    case wechat::ErrorClass::kQuota:
      return error.retry_after ? OutcomeKind::kFailedRetry : OutcomeKind::kQuota;
    case wechat::ErrorClass::kRetry:
    case wechat::ErrorClass::kTransport:
      return error.code == ErrorCode::kInvalidArgument ? OutcomeKind::kRefused
                                                       : OutcomeKind::kFailedRetry;
    default:
      return OutcomeKind::kRefused;
  }
}

}  // namespace

Outcome outcome_of(const wechat::SendError& error) {
  return {kind_of(error),
          {},
          static_cast<int>(error.errcode),
          error.message,
          error.retry_after.value_or(kRetryAfter)};
}

Outcome WechatChannel::send_mass(const AccountId& account, std::span<const std::string> openids,
                                 const Content& content, std::string_view client_msg_id) {
  if (content.type != ContentType::kText) return unsupported(content, "mass send");
  const auto found = accounts_.get(account);
  if (!found) return not_asked(found.error());
  wechat::MassMessage message;
  message.text = content.text;
  message.client_msg_id = std::string(client_msg_id);
  if (found->kind == wechat::AccountKind::kSubscription)
    return send_through_tag(wechat::api_account(*found), openids, std::move(message));
  const auto receipt = api_.mass_send_and_wait(
      wechat::api_account(*found), {openids.begin(), openids.end()}, std::move(message));
  return receipt ? sent(receipt->msg_id) : outcome_of(receipt.error());
}

Outcome WechatChannel::send_through_tag(const wechat::ApiAccount& account,
                                        std::span<const std::string> openids,
                                        wechat::MassMessage message) {
  wechat::PlatformApi* const platform = api_.platform();
  if (platform == nullptr)
    return {OutcomeKind::kRefused, {}, 0, "mass send: this process calls no platform", {}};
  const auto tag = hold_mass_tag(*platform, account, openids);
  if (!tag) return outcome_of(tag.error());
  const auto receipt = api_.mass_send_to_tag_and_wait(account, tag->id, std::move(message));
  return receipt ? sent(receipt->msg_id) : outcome_of(receipt.error());
}

Outcome WechatChannel::send_customer_service(const AccountId& account, std::string_view openid,
                                             const Content& content) {
  const auto found = accounts_.get(account);
  if (!found) return not_asked(found.error());
  wechat::CustomerServiceMessage message;
  message.openid = std::string(openid);
  if (content.type == ContentType::kText) {
    message.content = content.text;
  } else if (content.type == ContentType::kNews) {
    message.content =
        wechat::Article{content.title, content.description, content.url, content.picture_url};
  } else {
    return unsupported(content, "customer-service message");
  }
  const auto done =
      api_.send_customer_service_and_wait(wechat::api_account(*found), std::move(message));
  return done ? sent("") : outcome_of(done.error());
}

Outcome WechatChannel::send_template(const AccountId& account, std::string_view openid,
                                     const Content& content, std::string_view client_msg_id) {
  if (content.type != ContentType::kTemplate) return unsupported(content, "template message");
  const auto found = accounts_.get(account);
  if (!found) return not_asked(found.error());
  wechat::TemplateMessage message;
  message.openid = std::string(openid);
  message.template_id = content.template_id;
  message.url = content.url;
  message.client_msg_id = std::string(client_msg_id);
  message.data.assign(content.data.begin(), content.data.end());
  const auto msg_id = api_.send_template_and_wait(wechat::api_account(*found), std::move(message));
  return msg_id ? sent(*msg_id) : outcome_of(msg_id.error());
}

Outcome WechatChannel::preview_mass(const AccountId& account, std::string_view openid,
                                    const Content& content) {
  if (content.type != ContentType::kText) return unsupported(content, "mass send");
  const auto found = accounts_.get(account);
  if (!found) return not_asked(found.error());
  wechat::MassMessage message;
  message.text = content.text;
  const auto done = api_.mass_preview_and_wait(wechat::api_account(*found), std::string(openid),
                                               std::move(message));
  return done ? sent("") : outcome_of(done.error());
}

}  // namespace zhiyin::delivery
