#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "sandbox/callback.h"
#include "sandbox/fields.h"
#include "sandbox/wx_crypto.h"

// What a server answers to a callback, looked at as the platform does.
namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kAnswerBytesMax = 64 << 10;
constexpr std::size_t kTextBytesMax = 2048;
constexpr std::int64_t kArticlesMax = 8;

std::unexpected<Error> bad(std::string_view what) {
  return fail(ErrorCode::kInvalidArgument, "callback answer: {}", what);
}

/// One answer, XML or JSON: the names are the same.
class Answered {
 public:
  static Result<Answered> read(std::string_view text) {
    Answered out;
    if (text.starts_with("<xml>")) {
      out.xml_ = text;
      return out;
    }
    Result<Json> json = parse_json(text);
    if (!json || json->if_object() == nullptr) return bad("neither success nor XML nor JSON");
    out.json_ = std::move(*json);
    return out;
  }
  [[nodiscard]] bool is_json() const { return !json_.is_null(); }
  [[nodiscard]] bool has(std::string_view name) const {
    return is_json() ? json_.find(name) != nullptr
                     : xml_.find(fmt::format("<{}>", name)) != std::string::npos;
  }
  /// A member, or one within a member.
  [[nodiscard]] std::string text(std::string_view name) const {
    return is_json() ? text_of(json_[name]) : xml_text(xml_, name);
  }
  [[nodiscard]] std::string text(std::string_view outer, std::string_view name) const {
    return is_json() ? text_of(json_[outer][name]) : xml_text(xml_text(xml_, outer), name);
  }
  [[nodiscard]] std::int64_t articles() const {
    if (is_json()) {
      const Json::Array* list = json_["Articles"].if_array();
      return list == nullptr ? 0 : static_cast<std::int64_t>(list->size());
    }
    std::int64_t n = 0;
    for (std::size_t at = 0; (at = xml_.find("<item>", at)) != std::string::npos; ++at) ++n;
    return n;
  }

 private:
  std::string xml_;
  Json json_;
};

Result<void> check_news(const Answered& answer, const CallbackMessage& message) {
  // Answers to what people write show one article only.
  constexpr std::string_view kSingle[] = {"text", "image", "voice", "video", "location"};
  const bool one_only = std::ranges::find(kSingle, message.msg_type) != std::end(kSingle);
  const std::int64_t articles = answer.articles();
  if (articles < 1 || articles > (one_only ? 1 : kArticlesMax))
    return bad(fmt::format("{} articles", articles));
  if (answer.text("ArticleCount") != std::to_string(articles))
    return bad("ArticleCount is not the number of articles");
  return {};
}

/// What each kind must hold.
Result<void> check_content(const Answered& answer, std::string_view type,
                           const CallbackMessage& message) {
  if (type == "text") {
    const std::string content = answer.text("Content");
    if (content.empty()) return bad("Content is empty");
    if (content.size() > kTextBytesMax)
      return bad(fmt::format("Content has {} bytes, at most {}", content.size(), kTextBytesMax));
    return {};
  }
  constexpr std::pair<std::string_view, std::string_view> kFiles[] = {
      {"image", "Image"}, {"voice", "Voice"}, {"video", "Video"}};
  for (const auto& [name, element] : kFiles) {
    if (type == name && answer.text(element, "MediaId").empty())
      return bad(fmt::format("{} without MediaId", element));
  }
  if (type == "music" && answer.text("Music", "ThumbMediaId").empty())
    return bad("Music without ThumbMediaId");
  return type == "news" ? check_news(answer, message) : Result<void>();
}

/// Which kinds a platform takes.
Result<void> check_type(std::string_view type, const CallbackMessage& message, AccountKind kind) {
  const auto is_in = [&](std::initializer_list<std::string_view> types) {
    return std::ranges::find(types, type) != types.end();
  };
  if (kind == AccountKind::kMiniProgram) {
    if (type != "transfer_customer_service")
      return bad(fmt::format("a mini-program may not answer with {}", type.substr(0, 40)));
    if (message.msg_type == "event") return bad("an event may not be handed over to staff");
    return {};
  }
  const bool is_company = kind == AccountKind::kWecom;
  const bool is_known = is_in({"text", "image", "voice", "video", "news"}) ||
                        (!is_company && is_in({"music", "transfer_customer_service"}));
  if (!is_known) return bad(fmt::format("MsgType is unknown: {}", type.substr(0, 40)));
  return {};
}

Result<CallbackReply> check_reply(const Answered& answer, const CallbackMessage& message,
                                  const SandboxAccount& account) {
  const bool wants_json = account.format == CallbackFormat::kJson;
  if (answer.is_json() && !wants_json) return bad("JSON, but the account's callbacks are XML");
  CallbackReply reply;
  reply.is_reply = true;
  reply.msg_type = answer.text("MsgType");
  reply.content = answer.text("Content");
  if (answer.text("ToUserName") != message.openid) return bad("ToUserName is not the sender");
  if (answer.text("FromUserName") != account.callback_name())
    return bad("FromUserName is not the account");
  const std::string at = answer.text("CreateTime");
  if (at.empty() || at.find_first_not_of("0123456789") != std::string::npos)
    return bad("CreateTime is missing or no number");
  ZHIYIN_TRY_VOID(check_type(reply.msg_type, message, account.kind));
  ZHIYIN_TRY_VOID(check_content(answer, reply.msg_type, message));
  return reply;
}

Result<CallbackReply> check_encrypted(const Answered& envelope, const CallbackMessage& message,
                                      const SandboxAccount& account) {
  const std::string encrypted = envelope.text("Encrypt");
  const std::string expected = message_signature(account.token, envelope.text("TimeStamp"),
                                                 envelope.text("Nonce"), encrypted);
  if (envelope.text("MsgSignature") != expected) return bad("MsgSignature is wrong");
  ZHIYIN_TRY(const MessageCipher cipher,
             MessageCipher::create(account.encoding_aes_key, account.app_id));
  ZHIYIN_TRY(const std::string plain, cipher.decrypt(encrypted));
  ZHIYIN_TRY(const Answered inner, Answered::read(plain));
  ZHIYIN_TRY(CallbackReply reply, check_reply(inner, message, account));
  reply.encrypted = true;
  return reply;
}

}  // namespace

Result<CallbackReply> check_answer(std::string_view body, const CallbackMessage& message,
                                   const SandboxAccount& account) {
  if (body.empty() || body == "success") return CallbackReply{};
  if (body.size() > kAnswerBytesMax) return bad("longer than 64 KiB");
  ZHIYIN_TRY(const Answered answer, Answered::read(body));
  const bool is_company = account.kind == AccountKind::kWecom;
  if (answer.has("Encrypt")) {
    if (account.mode == CallbackMode::kPlain && !is_company)
      return bad("encrypted, but the account's mode is plain");
    return check_encrypted(answer, message, account);
  }
  if (account.mode == CallbackMode::kSecure || is_company)
    return bad("not encrypted, but the account's mode is secure");
  return check_reply(answer, message, account);
}

std::string xml_text(std::string_view xml, std::string_view name) {
  const std::string open = fmt::format("<{}>", name), close = fmt::format("</{}>", name);
  const std::size_t at = xml.find(open);
  if (at == std::string_view::npos) return {};
  std::string_view rest = xml.substr(at + open.size());
  constexpr std::string_view kOpen = "<![CDATA[", kClose = "]]>";
  if (!rest.starts_with(kOpen)) return std::string(rest.substr(0, rest.find(close)));
  std::string text;
  while (rest.starts_with(kOpen)) {  // split values come as several sections in a row
    rest.remove_prefix(kOpen.size());
    const std::size_t end = rest.find(kClose);
    if (end == std::string_view::npos) return {};
    text += rest.substr(0, end);
    rest.remove_prefix(end + kClose.size());
  }
  return text;
}

}  // namespace zhiyin::sandbox
