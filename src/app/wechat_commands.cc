#include "app/wechat_commands.h"

#include "base/file.h"
#include "server/wechat_calls.h"
#include "server/wechat_draft.h"

namespace zhiyin::app {
namespace {

using server::Services;

constexpr std::size_t kFileBytesMax = 4 << 20;

std::string text_of(const Json& args, std::string_view name) {
  return std::string(args[name].string_or(""));
}
AccountId account_of(const Json& args) { return AccountId(text_of(args, "account")); }

Result<Json> json_of(const Json& args) {
  const std::string path = text_of(args, "file");
  if (path.empty()) return Json::object();
  ZHIYIN_TRY(const std::string text, read_file(path, kFileBytesMax));
  return parse_json(text);
}

/// Bytes cannot be shown: they go into a file.
Result<Json> shown(const http::Response& response, const Json& args) {
  const std::string out = text_of(args, "out");
  if (response.content_type.starts_with("application/json")) return parse_json(response.body);
  if (out.empty()) return fail_field("out", "is missing: the answer is {}", response.content_type);
  ZHIYIN_TRY_VOID(write_file(out, response.body));
  return Json().set("file", out).set("bytes", response.body.size());
}

Result<Json> methods(Services&, const Json&, const ProgressSink&) {
  return server::wechat_methods();
}

Result<Json> call(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY(const Json body, json_of(args));
  ZHIYIN_TRY(const http::Response response,
             server::wechat_call(s, account_of(args), text_of(args, "method"), body));
  return shown(response, args);
}

Result<Json> menu(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY(const Json body, json_of(args));
  const bool is_conditional = body.find("matchrule") != nullptr;
  ZHIYIN_TRY(const http::Response response,
             server::wechat_call(s, account_of(args),
                                 is_conditional ? "menu_conditional_add" : "menu_create", body));
  return parse_json(response.body);
}

Result<Json> draft(Services& s, const Json& args, const ProgressSink&) {
  const std::filesystem::path file = text_of(args, "file");
  server::MarkdownDraft draft;
  ZHIYIN_TRY(draft.markdown, read_file(file, kFileBytesMax));
  draft.title = text_of(args, "title");
  draft.cover = text_of(args, "cover");
  draft.author = text_of(args, "author");
  draft.folder = file.parent_path();
  return server::wechat_draft(s, account_of(args), draft);
}

Result<Json> qr(Services& s, const Json& args, const ProgressSink&) {
  std::optional<Duration> life;
  if (const std::string text = text_of(args, "for"); !text.empty()) {
    ZHIYIN_TRY(life, parse_duration(text));
  }
  return server::wechat_channel_code(s, account_of(args), text_of(args, "channel"), life);
}

Result<Json> send(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY(Json message, json_of(args));
  if (const std::string text = text_of(args, "text"); !text.empty()) {
    if (!text_of(args, "file").empty()) return fail_field("text", "stands beside --file");
    message = Json().set("msgtype", "text").set("text", Json().set("content", text));
  }
  return server::wechat_send(s, account_of(args), text_of(args, "openid"), message);
}

Result<Json> conversation(Services& s, const Json& args, const ProgressSink&) {
  return server::wechat_conversation(s, account_of(args), text_of(args, "openid"));
}

Result<Json> upload(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY(const server::UploadAsk ask, server::upload_ask([&args](std::string_view name) {
               return text_of(args, name == "kf_account" ? "kf-account" : name);
             }));
  const std::filesystem::path file = text_of(args, "file");
  return server::wechat_upload(s, account_of(args), ask, {file.filename().string(), file, {}});
}

Result<Json> wecom(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY(const Json body, json_of(args));
  return server::wechat_staff(s, account_of(args), text_of(args, "what"), body);
}

Result<Json> quota(Services& s, const Json& args, const ProgressSink&) {
  const AccountId account = account_of(args);
  return server::wechat_quota(s, account.empty() ? std::optional<AccountId>() : account);
}

}  // namespace

const std::map<std::string, InstallationCommand, std::less<>>& wechat_commands() {
  static const std::map<std::string, InstallationCommand, std::less<>> table = {
      {"wechat call", call},       {"wechat conversation", conversation},
      {"wechat draft", draft},     {"wechat menu", menu},
      {"wechat methods", methods}, {"wechat qr", qr},
      {"wechat quota", quota},     {"wechat send", send},
      {"wechat upload", upload},   {"wechat wecom", wecom}};
  return table;
}

}  // namespace zhiyin::app
