#pragma once

#include <filesystem>

#include "wechat/method.h"

/// Files: temporary media (3 days; of WeCom too), permanent material, pictures for articles, what
/// goes with WeCom's moments. Limits by type are
/// in `rule_table.cc`.
namespace zhiyin::wechat {

/// A file to be uploaded: from the disk, read while it is sent, or from memory.
struct Upload {
  std::string name;            ///< with its extension, which tells the kind
  std::filesystem::path path;  ///< empty: `bytes`
  std::string bytes;
};

/// Form fields that go with a file, in order.
using FormFields = std::vector<std::pair<std::string, std::string>>;

/// An upload made ready: `ask` in the query, `fields` and the file as multipart. `type` chooses the
/// limits; `part` is the name of the file's part. kInvalidArgument with the field, kNotFound when
/// the file is not there. The boundary comes from the content's hash, so equal calls are equal.
Result<ApiCall> prepare_upload(const Endpoint& endpoint, const Policy& policy, const Json& ask,
                               const FormFields& fields, std::string_view type, const Upload& file,
                               std::string_view part = "media");

struct MediaUploadAsk {
  std::string type = "image";  ///< image, voice, video or thumb; of WeCom file instead of thumb
  static constexpr auto wire() {
    return field_list(
        member("type", &MediaUploadAsk::type, "image, voice, video or thumb; WeCom: file"));
  }
};
struct MediaUploaded {
  std::string type, media_id, thumb_media_id;
  std::int64_t created_at = 0;  ///< seconds; it lives 3 days
  static constexpr auto wire() {
    using S = MediaUploaded;
    return field_list(member("type", &S::type, ""), member("media_id", &S::media_id, ""),
                      member("thumb_media_id", &S::thumb_media_id, "of a thumb"),
                      member("created_at", &S::created_at, "seconds"));
  }
};
inline constexpr Method<MediaUploadAsk, MediaUploaded> kMediaUpload{endpoint("media_upload")};
inline constexpr Method<MediaUploadAsk, MediaUploaded> kWecomMediaUpload{
    endpoint("wecom_media_upload")};

/// What goes with a moment (`attachment_type` 1) or an album of products (2).
struct WecomAttachmentFileAsk {
  std::string media_type = "image";  ///< image, video or file
  std::int64_t attachment_type = 1;
  static constexpr auto wire() {
    using S = WecomAttachmentFileAsk;
    return field_list(member("media_type", &S::media_type, "image, video or file"),
                      member("attachment_type", &S::attachment_type, "1 moment, 2 album"));
  }
};
inline constexpr Method<WecomAttachmentFileAsk, MediaUploaded> kWecomAttachmentUpload{
    endpoint("wecom_attachment_upload")};

struct UploadedPicture {
  std::string url;
  static constexpr auto wire() { return field_list(member("url", &UploadedPicture::url, "")); }
};
/// A picture for the body of an article; not counted in the library.
inline constexpr Method<Nothing, UploadedPicture> kPictureUpload{endpoint("media_uploadimg")};

struct MaterialAddAsk {
  std::string type = "image";
  static constexpr auto wire() {
    return field_list(member("type", &MaterialAddAsk::type, "image, voice, video or thumb"));
  }
};
struct MaterialAdded {
  std::string media_id, url;
  static constexpr auto wire() {
    return field_list(member("media_id", &MaterialAdded::media_id, ""),
                      member("url", &MaterialAdded::url, "of pictures"));
  }
};
inline constexpr Method<MaterialAddAsk, MaterialAdded> kMaterialAdd{endpoint("material_add")};

/// What goes with a permanent video; without a title it is refused.
struct VideoDescription {
  std::string title, introduction;
};

/// A temporary file, at the platform that the account's tokens are of.
Outcome<MediaUploaded> upload_media_and_wait(PlatformApi& platform, const ApiAccount& account,
                                             std::string_view type, const Upload& file);
/// What goes with a moment of WeCom.
Outcome<MediaUploaded> upload_attachment_and_wait(PlatformApi& platform, const ApiAccount& account,
                                                  std::string_view type, const Upload& file);
Outcome<std::string> upload_picture_and_wait(PlatformApi& platform, const ApiAccount& account,
                                             const Upload& file);
Outcome<MaterialAdded> add_material_and_wait(PlatformApi& platform, const ApiAccount& account,
                                             std::string_view type, const Upload& file,
                                             const std::optional<VideoDescription>& video = {});

/// The picture (jpg) of a member of customer service, `name@gh_id`.
Outcome<Nothing> upload_portrait_and_wait(PlatformApi& platform, const ApiAccount& account,
                                          const std::string& kf_account, const Upload& file);

struct MediaIdAsk {
  std::string media_id;
  static constexpr auto wire() { return field_list(member("media_id", &MediaIdAsk::media_id, "")); }
};
/// Bytes, or for a video JSON with `video_url`.
inline constexpr Method<MediaIdAsk, ApiAnswer> kMediaGet{endpoint("media_get")};
/// What somebody said into a page with the JS-SDK, in speex; `kMediaGet` gives it in AMR.
inline constexpr Method<MediaIdAsk, ApiAnswer> kMediaRecording{endpoint("media_get_jssdk")};
/// Bytes, or JSON: a video's `title`, `description`, `down_url`.
inline constexpr Method<MediaIdAsk, ApiAnswer> kMaterialGet{endpoint("material_get")};
inline constexpr Method<MediaIdAsk, Nothing> kMaterialDelete{endpoint("material_delete")};

struct MassVideoAsk {
  std::string media_id, title, description;
  static constexpr auto wire() {
    using S = MassVideoAsk;
    return field_list(member("media_id", &S::media_id, "of an uploaded video"),
                      member("title", &S::title, ""), member("description", &S::description, ""));
  }
};
/// Makes an uploaded video into one that mass sends take.
inline constexpr Method<MassVideoAsk, MediaUploaded> kMassVideo{endpoint("media_uploadvideo")};

struct MaterialListAsk {
  std::string type = "image";
  std::int64_t offset = 0, count = 20;
  static constexpr auto wire() {
    using S = MaterialListAsk;
    return field_list(member("type", &S::type, "image, video, voice or news"),
                      member("offset", &S::offset, ""), member("count", &S::count, "1 to 20"));
  }
};
struct Material {
  std::string media_id, name, url;
  std::int64_t update_time = 0;
  static constexpr auto wire() {
    using S = Material;
    return field_list(member("media_id", &S::media_id, ""), member("name", &S::name, ""),
                      member("url", &S::url, ""),
                      member("update_time", &S::update_time, "seconds"));
  }
};
struct MaterialPage {
  std::int64_t total_count = 0, item_count = 0;
  std::vector<Material> item;
  static constexpr auto wire() {
    using S = MaterialPage;
    return field_list(member("total_count", &S::total_count, ""),
                      member("item_count", &S::item_count, ""), member("item", &S::item, ""));
  }
};
inline constexpr Method<MaterialListAsk, MaterialPage> kMaterialList{endpoint("material_list")};

struct MaterialCount {
  std::int64_t voice_count = 0, video_count = 0, image_count = 0, news_count = 0;
  static constexpr auto wire() {
    using S = MaterialCount;
    return field_list(
        member("voice_count", &S::voice_count, ""), member("video_count", &S::video_count, ""),
        member("image_count", &S::image_count, ""), member("news_count", &S::news_count, ""));
  }
};
inline constexpr Method<Nothing, MaterialCount> kMaterialCount{endpoint("material_count")};

}  // namespace zhiyin::wechat
