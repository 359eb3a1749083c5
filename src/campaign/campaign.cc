#include "campaign/campaign.h"

#include <algorithm>

#include "base/utf8.h"
#include "campaign/message_template.h"
#include "delivery/short_link.h"
#include "ingest/event_view.h"

namespace zhiyin::campaign {

namespace {

constexpr std::size_t kTextBytesMax = 2048;  // of every channel, before variables are filled in
constexpr std::size_t kDataMax = 20;
constexpr Duration kGoalWindowMax = std::chrono::hours(24 * 92);

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 && is_lower_or_digit(id.front()) &&
         std::all_of(id.begin(), id.end(),
                     [](char c) { return is_lower_or_digit(c) || c == '_' || c == '-'; });
}

Result<void> check_text(const Message& m, bool uses_link) {
  if (m.text.empty()) return fail_field("message.text", "is empty");
  if (m.text.size() > kTextBytesMax) {
    return fail_field("message.text", "has {} bytes, at most {} are allowed", m.text.size(),
                      kTextBytesMax);
  }
  if (uses_link && m.link.empty()) {
    return fail_field("message.link", "is missing: the text uses {{{{link}}}}");
  }
  if (!uses_link && !m.link.empty()) {
    return fail_field("message.text", "does not use the link: put {{{{link}}}} where it belongs");
  }
  return {};
}

Result<void> check_news(const Message& m) {
  if (m.title.empty()) return fail_field("message.title", "is empty");
  if (m.link.empty()) return fail_field("message.link", "is missing: a card leads somewhere");
  if (m.picture_url.empty()) return {};
  if (const auto url = delivery::ShortLinks::check_url(m.picture_url); !url) {
    return fail_field("message.picture_url", "{}", url.error().message);
  }
  return {};
}

Result<void> check_template(const Message& m) {
  if (m.template_id.empty()) return fail_field("message.template_id", "is empty");
  if (m.data.empty() || m.data.size() > kDataMax) {
    return fail_field("message.data", "has {} entries, 1 to {} are allowed", m.data.size(),
                      kDataMax);
  }
  for (const auto& [keyword, text] : m.data) {
    if (keyword.empty() || keyword.size() > 64 || text.empty() || text.size() > kTextBytesMax) {
      return fail_field("message.data." + std::string(utf8::truncate(keyword, 64)),
                        "is empty or longer than {} bytes", kTextBytesMax);
    }
  }
  return {};
}

/// Members that belong to another type of message would be lost silently.
Result<void> check_members(const Message& m) {
  struct Member {
    std::string_view name;
    bool is_set;
    ContentType type;
  };
  const Member members[] = {{"text", !m.text.empty(), ContentType::kText},
                            {"title", !m.title.empty(), ContentType::kNews},
                            {"description", !m.description.empty(), ContentType::kNews},
                            {"picture_url", !m.picture_url.empty(), ContentType::kNews},
                            {"template_id", !m.template_id.empty(), ContentType::kTemplate},
                            {"data", !m.data.empty(), ContentType::kTemplate}};
  for (const Member& member : members) {
    if (member.is_set && member.type != m.type) {
      return fail_field(fmt::format("message.{}", member.name), "does not belong to a {} message",
                        enum_name(m.type));
    }
  }
  return {};
}

Result<void> check_message(const Message& m, const MessageTemplate& parsed) {
  ZHIYIN_TRY_VOID(check_members(m));
  switch (m.type) {
    case ContentType::kText: {
      ZHIYIN_TRY(const TextTemplate text, TextTemplate::create(m.text));
      ZHIYIN_TRY_VOID(check_text(m, text.uses_link()));
      break;
    }
    case ContentType::kNews:
      ZHIYIN_TRY_VOID(check_news(m));
      break;
    case ContentType::kTemplate:
      ZHIYIN_TRY_VOID(check_template(m));
      break;
  }
  if (parsed.uses_link()) {
    if (const auto url = delivery::ShortLinks::check_url(m.link); !url) {
      return fail_field("message.link", "{}", url.error().message);
    }
  }
  return {};
}

Result<void> check_channel(const Campaign& c, const MessageTemplate& parsed) {
  switch (c.channel) {
    case ChannelKind::kMass:
      if (c.message.type != ContentType::kText) {
        return fail_field("message.type", "a mass send carries text only");
      }
      if (parsed.has_variables()) {
        return fail_field("message.text",
                          "a mass send is the same for everybody: variables cannot be filled in");
      }
      return {};
    case ChannelKind::kCustomerService:
      if (c.message.type == ContentType::kTemplate) {
        return fail_field("message.type", "a customer-service message is text or news");
      }
      return {};
    case ChannelKind::kSubscribe:
      return fail_field("channel", "campaigns do not send subscribe messages");
    case ChannelKind::kMassPreview:
      return fail_field("channel", "previews are for tests: choose mass");
    case ChannelKind::kTemplateOnce:
    case ChannelKind::kWecomTask:
    case ChannelKind::kWecomMoment:
    case ChannelKind::kWecomMessage:
    case ChannelKind::kWecomWelcome:
      return fail_field("channel", "campaigns do not send by {}", enum_name(c.channel));
    case ChannelKind::kTemplate:
      break;
  }
  if (c.message.type != ContentType::kTemplate) {
    return fail_field("message.type", "the template channel needs a template message");
  }
  if (c.purpose != Purpose::kNotification) {
    return fail_field("purpose",
                      "template messages may only be notifications: WeChat forbids marketing");
  }
  return {};
}

Result<void> check_goal(const Goal& goal) {
  if (!ingest::is_kind_name(goal.event)) {
    return fail_field("goal.event", "'{}' is not a kind of event: [a-z][a-z0-9_.]{{0,63}}",
                      utf8::truncate(goal.event, 64));
  }
  if (goal.window < std::chrono::minutes(1) || goal.window > kGoalWindowMax) {
    return fail_field("goal.window", "{} is not within 1 minute and 92 days",
                      format_duration(goal.window));
  }
  return {};
}

}  // namespace

Result<void> validate(const Campaign& c) {
  if (!is_id(c.id.value)) {
    return fail_field("id",
                      "'{}' is not made of a-z, 0-9, - and _ (1 to 64, a letter or digit first)",
                      utf8::truncate(c.id.value, 64));
  }
  if (!(c.holdout >= 0 && c.holdout <= 0.9))
    return fail_field("holdout", "is not within 0 and 0.9");
  Result<MessageTemplate> parsed = MessageTemplate::create(c.message);
  if (!parsed) return std::unexpected(within("message", std::move(parsed.error())));
  ZHIYIN_TRY_VOID(check_message(c.message, *parsed));
  ZHIYIN_TRY_VOID(check_channel(c, *parsed));
  return c.goal ? check_goal(*c.goal) : Result<void>();
}

Result<void> validate_for(const Campaign& campaign, const delivery::SenderAccount& account) {
  const auto refuse = [&](std::string_view need) -> Result<void> {
    return fail_field("account", "{}: {} needs a verified {}", account.id.value,
                      enum_name(campaign.channel), need);
  };
  if (campaign.channel == ChannelKind::kCustomerService) {
    return account.is_verified ? Result<void>() : refuse("account");
  }
  if (campaign.channel == ChannelKind::kMass && account.mass_by_tag)
    return account.is_verified ? Result<void>() : refuse("account");
  return account.is_verified && account.is_service ? Result<void>() : refuse("service account");
}

}  // namespace zhiyin::campaign
