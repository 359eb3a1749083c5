#include "wechat/media.h"

#include "base/crypto.h"
#include "wechat/detail/lenient.h"

namespace zhiyin::wechat {
namespace {

std::string_view mime_of(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kKinds[] = {
      {"jpg", "image/jpeg"}, {"jpeg", "image/jpeg"}, {"png", "image/png"},  {"gif", "image/gif"},
      {"bmp", "image/bmp"},  {"amr", "audio/amr"},   {"mp3", "audio/mpeg"}, {"mp4", "video/mp4"}};
  const std::string extension = lower(name.substr(std::min(name.rfind('.'), name.size() - 1) + 1));
  for (const auto& [known, mime] : kKinds) {
    if (known == extension) return mime;
  }
  return "application/octet-stream";
}

Result<std::int64_t> size_of(const Upload& file) {
  if (file.path.empty()) return static_cast<std::int64_t>(file.bytes.size());
  std::error_code error;
  const auto size = std::filesystem::file_size(file.path, error);
  if (error) {
    return std::unexpected(Error{ErrorCode::kNotFound,
                                 fmt::format("'{}' cannot be read", file.path.filename().string()),
                                 "file"});
  }
  return static_cast<std::int64_t>(size);
}

/// Names of parts and files stand in quotes in the head of a part.
Result<void> check_name(std::string_view name) {
  if (name.empty()) return fail_field("file", "has no name");
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\' || c == '/')
      return fail_field("file", "its name has a character that may not stand there");
  }
  return {};
}

std::string form_field(std::string_view boundary, std::string_view name, std::string_view value) {
  return fmt::format("--{}\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{}\r\n", boundary,
                     name, value);
}

/// A boundary that does not occur in what is sent: of what lies on the disk it is not known, but a
/// hash of 128 bits does not stand there by chance.
std::string boundary_of(const Upload& file, std::int64_t size, const FormFields& fields) {
  std::string all = fmt::format("{}\n{}\n{}", file.name, size, file.bytes);
  for (const auto& [name, value] : fields) all += name + "\n" + value + "\n";
  return "zhiyin-" + crypto::hex(crypto::sha256(all)).substr(0, 32);
}

}  // namespace

Result<ApiCall> prepare_upload(const Endpoint& endpoint, const Policy& policy, const Json& ask,
                               const FormFields& fields, std::string_view type, const Upload& file,
                               std::string_view part) {
  ZHIYIN_TRY_VOID(check_body(endpoint, policy, ask));
  ZHIYIN_TRY_VOID(check_name(file.name));
  ZHIYIN_TRY(const std::int64_t size, size_of(file));
  ZHIYIN_TRY_VOID(check_file(endpoint, policy, type, file.name, size));
  const std::string boundary = boundary_of(file, size, fields);
  ApiCall call{&endpoint};
  call.query = method_detail::query_of(ask);
  call.content_type = "multipart/form-data; boundary=" + boundary;
  for (const auto& [name, value] : fields) call.body += form_field(boundary, name, value);
  // `filelength` is what the platform's own examples send with the name.
  call.body += fmt::format(
      "--{}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"; filelength={}\r\n"
      "Content-Type: {}\r\n\r\n{}",
      boundary, part, file.name, size, mime_of(file.name), file.bytes);
  call.body_file = file.path;
  call.body_end = fmt::format("\r\n--{}--\r\n", boundary);
  if (file.path.empty()) call.body += std::exchange(call.body_end, {});
  return call;
}

Outcome<MediaUploaded> upload_media_and_wait(PlatformApi& platform, const ApiAccount& account,
                                             std::string_view type, const Upload& file) {
  const Json ask = to_wire(MediaUploadAsk{std::string(type)});
  const bool is_wecom = account.token_kind == TokenKind::kWecom;
  const Endpoint& at = is_wecom ? kWecomMediaUpload.endpoint : kMediaUpload.endpoint;
  return read_answer<MediaUploaded>(
      platform.perform_and_wait(account, prepare_upload(at, account.policy, ask, {}, type, file)));
}

Outcome<MediaUploaded> upload_attachment_and_wait(PlatformApi& platform, const ApiAccount& account,
                                                  std::string_view type, const Upload& file) {
  const Json ask = to_wire(WecomAttachmentFileAsk{std::string(type)});
  return read_answer<MediaUploaded>(platform.perform_and_wait(
      account,
      prepare_upload(kWecomAttachmentUpload.endpoint, account.policy, ask, {}, type, file)));
}

Outcome<std::string> upload_picture_and_wait(PlatformApi& platform, const ApiAccount& account,
                                             const Upload& file) {
  auto answer = read_answer<UploadedPicture>(platform.perform_and_wait(
      account,
      prepare_upload(kPictureUpload.endpoint, account.policy, Json::object(), {}, "image", file)));
  if (!answer) return std::unexpected(std::move(answer.error()));
  return std::move(answer->url);
}

Outcome<MaterialAdded> add_material_and_wait(PlatformApi& platform, const ApiAccount& account,
                                             std::string_view type, const Upload& file,
                                             const std::optional<VideoDescription>& video) {
  FormFields fields;
  Result<ApiCall> call = fail_field("title", "is missing: a video needs one");
  const bool is_complete = type != "video" || (video && !video->title.empty());
  if (is_complete) {
    if (video) {
      fields.emplace_back(
          "description",
          Json().set("title", video->title).set("introduction", video->introduction).dump());
    }
    call = prepare_upload(kMaterialAdd.endpoint, account.policy,
                          to_wire(MaterialAddAsk{std::string(type)}), fields, type, file);
  }
  return read_answer<MaterialAdded>(platform.perform_and_wait(account, std::move(call)));
}

Outcome<Nothing> upload_portrait_and_wait(PlatformApi& platform, const ApiAccount& account,
                                          const std::string& kf_account, const Upload& file) {
  return read_answer<Nothing>(platform.perform_and_wait(
      account, prepare_upload(endpoint("kf_headimg"), account.policy,
                              Json().set("kf_account", kf_account), {}, "image", file)));
}

}  // namespace zhiyin::wechat
