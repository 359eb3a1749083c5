#include "sandbox/material.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/crypto.h"
#include "sandbox/multipart.h"

// Files: temporary ones, which live three days, and the permanent library.
namespace zhiyin::sandbox {
namespace {

constexpr Duration kTemporaryLife = kDay * 3;
constexpr std::size_t kHeldBytesMax = 256 << 20;  // of one account, in the sandbox's memory
constexpr std::size_t kUploadBytesMax = 12 << 20;
constexpr std::size_t kWecomBodyMax = 21 << 20;
constexpr std::size_t kLibraryMax = 100'000;  // pictures
constexpr std::size_t kOthersMax = 1'000;     // of each other type

/// What a type of file may be.
struct Kind {
  std::string_view type;
  std::size_t bytes_max;
  std::string_view endings;
  int too_large;
};
constexpr Kind kTemporary[] = {{"image", 10 << 20, "bmp png jpeg jpg gif", 40009},
                               {"voice", 2 << 20, "amr mp3", 40010},
                               {"video", 10 << 20, "mp4", 40011},
                               {"thumb", 64 << 10, "jpg jpeg", 40012}};
constexpr Kind kPermanent[] = {{"image", 10 << 20, "bmp png jpeg jpg gif", 40009},
                               {"voice", 2 << 20, "mp3 wma wav amr", 40010},
                               {"video", 10 << 20, "mp4", 40011},
                               {"thumb", 64 << 10, "jpg jpeg", 40012}};
constexpr Kind kWecomTemporary[] = {{"image", 10 << 20, "png jpeg jpg", 40009},
                                    {"voice", 2 << 20, "amr", 40010},
                                    {"video", 10 << 20, "mp4", 40011},
                                    {"file", 20 << 20, "", 40006}};
constexpr Kind kWecomAttachment[] = {{"image", 10 << 20, "png jpeg jpg", 40009},
                                     {"video", 10 << 20, "mp4", 40011},
                                     {"file", 10 << 20, "", 40006}};
constexpr std::size_t kWecomBytesMin = 6;
constexpr Kind kArticlePicture = {"image", (1 << 20) - 1, "jpg jpeg png", 40009};

std::string ending_of(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  std::string ending(dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1));
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return std::tolower(c); });
  return ending;
}

/// Whether the first bytes are those of a picture with that ending; other files are not looked
/// into.
bool looks_like(std::string_view ending, std::string_view bytes) {
  if (ending == "jpg" || ending == "jpeg") return bytes.starts_with("\xff\xd8\xff");
  if (ending == "png") return bytes.starts_with("\x89PNG");
  if (ending == "gif") return bytes.starts_with("GIF8");
  if (ending == "bmp") return bytes.starts_with("BM");
  return true;
}

std::string mime_of(std::string_view ending) {
  if (ending == "jpg" || ending == "jpeg") return "image/jpeg";
  if (ending == "mp3") return "audio/mp3";
  if (ending == "amr") return "audio/amr";
  if (ending == "mp4") return "video/mp4";
  return fmt::format("image/{}", ending);
}

/// The uploaded file, or the error that it meets.
std::expected<Multipart, int> read_upload(const Call& call, const Kind& kind) {
  Result<Multipart> form = parse_multipart(call.http.body, call.http.content_type);
  if (!form || form->part != "media") return std::unexpected(41005);
  if (form->bytes.empty()) return std::unexpected(44001);
  if (form->bytes.size() > kind.bytes_max) return std::unexpected(kind.too_large);
  const std::string ending = ending_of(form->file_name);
  const std::string endings = fmt::format(" {} ", kind.endings);
  const bool is_of_kind = endings.find(fmt::format(" {} ", ending)) != std::string::npos;
  if (ending.empty() || (!kind.endings.empty() && !is_of_kind)) return std::unexpected(40005);
  if (!looks_like(ending, form->bytes)) return std::unexpected(40137);
  return std::move(*form);
}

const Kind* find_kind(std::span<const Kind> kinds, std::string_view type) {
  const auto found = std::ranges::find(kinds, type, &Kind::type);
  return found == kinds.end() ? nullptr : &*found;
}

bool is_expired(const MaterialState::File& file, Instant now) {
  return !file.permanent && now - file.at > kTemporaryLife;
}

void drop(AccountState& account, auto&& should_go) {
  std::erase_if(account.material.files, [&](const MaterialState::File& file) {
    if (!should_go(file)) return false;
    account.material.bytes_held -= file.bytes.size();
    return true;
  });
}

/// False when there is no room left in the sandbox's memory.
bool keep(AccountState& account, MaterialState::File file, Instant now) {
  drop(account, [&](const MaterialState::File& old) { return is_expired(old, now); });
  if (account.material.bytes_held + file.bytes.size() > kHeldBytesMax) return false;
  account.material.bytes_held += file.bytes.size();
  account.material.files.push_back(std::move(file));
  return true;
}

MaterialState::File file_of(AccountState& account, Multipart form, std::string_view type,
                            const Call& call) {
  MaterialState::File file;
  file.id = account.make_name(64);
  file.type = type;
  file.name = form.file_name;
  file.content_type = mime_of(ending_of(form.file_name));
  file.bytes = std::move(form.bytes);
  file.at = call.now;
  return file;
}

Answer upload(AccountState& account, const Call& call) {
  const Kind* kind = find_kind(kTemporary, call.query("type"));
  auto form = read_upload(call, *kind);
  if (!form) return account.refuse(form.error(), call.now);
  MaterialState::File file = file_of(account, std::move(*form), kind->type, call);
  Json answer = Json::object();
  answer.set("type", kind->type);
  answer.set(kind->type == "thumb" ? "thumb_media_id" : "media_id", file.id);
  answer.set("created_at", seconds_of(call.now));
  if (!keep(account, std::move(file), call.now)) return account.refuse(-1, call.now);
  return answer;
}

/// A file of a company: for messages, or as what goes with a moment.
Answer keep_for_wecom(AccountState& account, const Call& call, const Kind& kind) {
  auto form = read_upload(call, kind);
  if (!form) return account.refuse(form.error(), call.now);
  if (form->bytes.size() < kWecomBytesMin) return account.refuse(40006, call.now);
  MaterialState::File file = file_of(account, std::move(*form), kind.type, call);
  Json answer = api_ok();
  answer.set("type", kind.type);
  answer.set("media_id", file.id);
  answer.set("created_at", std::to_string(seconds_of(call.now)));  // a text here
  if (!keep(account, std::move(file), call.now)) return account.refuse(-1, call.now);
  return answer;
}

Answer upload_wecom(AccountState& account, const Call& call) {
  return keep_for_wecom(account, call, *find_kind(kWecomTemporary, call.query("type")));
}

Answer upload_attachment(AccountState& account, const Call& call) {
  return keep_for_wecom(account, call, *find_kind(kWecomAttachment, call.query("media_type")));
}

Json video_facts(const MaterialState::File& file) {
  Json facts = Json::object();
  facts.set("title", file.title);
  facts.set("description", file.introduction);
  facts.set("down_url", file.url);
  return facts;
}

Answer get(AccountState& account, const Call& call) {
  const MaterialState::File* file = find_file(account, call.text("media_id"), call.now);
  if (file == nullptr) return account.refuse(40007, call.now);
  if (file->type == "video") {
    Json answer = Json::object();
    answer.set("video_url",
               fmt::format("http://203.0.113.7/vweixinp.tc.qq.com/{}.mp4", file->id.substr(0, 16)));
    return answer;
  }
  Answer answer = Answer::file(file->bytes, file->content_type);
  answer.headers.emplace_back("Content-disposition",
                              fmt::format("attachment; filename=\"{}\"", file->name));
  return answer;
}

/// A voice as pages recorded it, in speex. Pages here record nothing: any temporary voice of the
/// account is taken for one. That other files are refused so is unverified.
Answer get_recording(AccountState& account, const Call& call) {
  const MaterialState::File* file = find_file(account, call.text("media_id"), call.now);
  if (file == nullptr || file->type != "voice") return account.refuse(40007, call.now);
  Answer answer = Answer::file(file->bytes, "voice/speex");
  answer.headers.emplace_back("Content-disposition",
                              fmt::format("attachment; filename=\"{}.speex\"", file->id));
  return answer;
}

/// A picture for the body of an article: it has an address, and is not in the library.
Answer upload_picture(AccountState& account, const Call& call) {
  auto form = read_upload(call, kArticlePicture);
  if (!form) return account.refuse(form.error(), call.now);
  Json answer = Json::object();
  answer.set("url", fmt::format("http://mmbiz.qpic.cn/mmbiz_{}/{}/0",
                                ending_of(form->file_name) == "png" ? "png" : "jpg",
                                crypto::hex(crypto::sha1(form->bytes))));
  return answer;
}

Answer upload_video(AccountState& account, const Call& call) {
  const MaterialState::File* file = find_file(account, call.text("media_id"), call.now);
  if (file == nullptr || file->type != "video") return account.refuse(40007, call.now);
  MaterialState::File made = *file;
  made.id = account.make_name(64);
  made.title = call.text("title");
  made.introduction = call.text("description");
  made.at = call.now;
  made.for_mass = true;
  made.permanent = false;
  Json answer = Json::object();
  answer.set("type", "video");
  answer.set("media_id", made.id);
  answer.set("created_at", seconds_of(call.now));
  if (!keep(account, std::move(made), call.now)) return account.refuse(-1, call.now);
  return answer;
}

std::size_t count_of(const AccountState& account, std::string_view type) {
  return static_cast<std::size_t>(std::ranges::count_if(
      account.material.files,
      [&](const MaterialState::File& file) { return file.permanent && file.type == type; }));
}

Answer add(AccountState& account, const Call& call) {
  const Kind* kind = find_kind(kPermanent, call.query("type"));
  auto form = read_upload(call, *kind);
  if (!form) return account.refuse(form.error(), call.now);
  const std::size_t most = kind->type == "image" ? kLibraryMax : kOthersMax;
  if (count_of(account, kind->type) >= most) return account.refuse(45001, call.now);
  const std::string description = form->fields["description"];
  MaterialState::File file = file_of(account, std::move(*form), kind->type, call);
  file.permanent = true;
  if (kind->type == "video") {
    const Result<Json> facts = parse_json(description);
    file.title = facts ? text_of((*facts)["title"]) : std::string();
    if (file.title.empty()) return account.refuse(47001, call.now, "description");
    file.introduction = text_of((*facts)["introduction"]);
  }
  Json answer = Json::object();
  answer.set("media_id", file.id);
  if (kind->type == "image" || kind->type == "thumb") {
    file.url =
        fmt::format("http://mmbiz.qpic.cn/mmbiz_jpg/{}/0?wx_fmt=jpeg", file.id.substr(0, 40));
    answer.set("url", file.url);
  } else {
    file.url = fmt::format("http://203.0.113.7/{}", file.id.substr(0, 40));
  }
  if (!keep(account, std::move(file), call.now)) return account.refuse(-1, call.now);
  return answer;
}

Answer material_get(AccountState& account, const Call& call) {
  const std::string id = call.text("media_id");
  const MaterialState::File* file = find_file(account, id, call.now);
  if (file == nullptr || !file->permanent) return account.refuse(40007, call.now);
  if (file->type == "video") return video_facts(*file);
  return Answer::file(file->bytes, file->content_type);
}

Answer material_list(AccountState& account, const Call& call) {
  const std::string type = call.text("type");
  std::int64_t skip = call.number("offset");
  const auto count = static_cast<std::size_t>(call.number("count"));
  Json items = Json::array();
  // The newest first.
  for (auto file = account.material.files.rbegin(); file != account.material.files.rend(); ++file) {
    if (!file->permanent || file->type != type || skip-- > 0) continue;
    if (items.if_array()->size() >= count) break;
    Json item = Json::object();
    item.set("media_id", file->id);
    item.set("name", file->name);
    item.set("update_time", seconds_of(file->at));
    if (type == "image") item.set("url", file->url);
    if (type == "news") {
      std::erase_if(*item.if_object(), [](const Json::Member& m) { return m.first == "name"; });
      const Result<Json> content = parse_json(file->bytes);
      if (content) item.set("content", *content);
    }
    items.push(std::move(item));
  }
  Json answer = Json::object();
  answer.set("total_count", count_of(account, type));
  answer.set("item_count", items.if_array()->size());
  answer.set("item", std::move(items));
  return answer;
}

Answer material_count(AccountState& account, const Call&) {
  Json answer = Json::object();
  for (const std::string_view type : {"voice", "video", "image", "news"})
    answer.set(fmt::format("{}_count", type), count_of(account, type));
  return answer;
}

bool is_in_use(const AccountState& account, const std::string& id) {
  return std::ranges::any_of(account.articles.drafts, [&](const ArticleState::Draft& draft) {
    return std::ranges::any_of(draft.articles, [&](const Json& article) {
      return text_of(article["thumb_media_id"]) == id;
    });
  });
}

Answer material_delete(AccountState& account, const Call& call) {
  const std::string id = call.text("media_id");
  const MaterialState::File* file = find_file(account, id, call.now);
  if (file == nullptr || !file->permanent) return account.refuse(40007, call.now);
  if (is_in_use(account, id)) return account.refuse(48005, call.now);
  drop(account, [&](const MaterialState::File& old) { return old.id == id; });
  return api_ok();
}

}  // namespace

const MaterialState::File* find_file(const AccountState& account, std::string_view media_id,
                                     Instant now) {
  const auto& files = account.material.files;
  const auto file = std::ranges::find(files, media_id, &MaterialState::File::id);
  return file == files.end() || is_expired(*file, now) ? nullptr : &*file;
}

bool add_news(AccountState& account, const Json::Array& articles, Instant now) {
  MaterialState::File file;
  file.id = account.make_name(64);
  file.type = "news";
  file.bytes = Json().set("news_item", Json(articles)).dump();
  file.at = now;
  file.permanent = true;
  return keep(account, std::move(file), now);
}

bool has_file(const AccountState& account, std::string_view media_id, std::string_view type,
              Instant now) {
  const MaterialState::File* file = find_file(account, media_id, now);
  return file != nullptr && file->type == type;
}

std::vector<Endpoint> material_endpoints() {
  const std::vector<int> upload_errors = {40005, 40009, 40010, 40011, 40012, 40137, 41005, 44001};
  const Field type = one_of("type", "image voice video thumb", 40004);
  const Field media_id = bytes("media_id", 1, 256, 40118).or_missing(40007);
  return {
      {.method = "POST",
       .path = "/cgi-bin/media/upload",
       .summary = "A temporary file, for 3 days: image 10 MB, voice 2 MB, video 10 MB, thumb 64 KB",
       .handler = upload,
       .answers = "type media_id created_at:n thumb_media_id",
       .per_day = 100'000,
       .errors = upload_errors,
       .query = {type},
       .file_part = "media",
       .body_max = kUploadBytesMax},
      {.method = "POST",
       .path = "/cgi-bin/media/upload",
       .summary = "A file for messages of a company, for 3 days: image 10 MB, voice 2 MB, video "
                  "10 MB, file 20 MB",
       .handler = upload_wecom,
       .answers = "type media_id created_at",
       .errors = {40005, 40006, 40009, 40010, 40011, 40137, 41005, 44001},
       .family = Family::kWecom,
       .query = {one_of("type", "image voice video file", 40004)},
       .file_part = "media",
       .body_max = kWecomBodyMax},
      {.method = "POST",
       .path = "/cgi-bin/media/upload_attachment",
       .summary = "A file of up to 10 MB that goes with a moment, for 3 days",
       .handler = upload_attachment,
       .answers = "type media_id created_at",
       .errors = {40005, 40006, 40009, 40011, 40137, 41005, 44001},
       .family = Family::kWecom,
       .query = {one_of("media_type", "image video file", 40004),
                 number("attachment_type", 1, 2, 40058)},
       .file_part = "media",
       .body_max = kUploadBytesMax},
      {.method = "GET",
       .path = "/cgi-bin/media/get",
       .summary = "A temporary file; of a video its address",
       .handler = get,
       .answers = "video_url",
       .fields = {media_id},
       .per_day = 200'000,
       .errors = {40007},
       .answers_bytes = true},
      {.method = "GET",
       .path = "/cgi-bin/media/get/jssdk",
       .summary = "A voice that a page recorded with the JS-SDK, in speex",
       .handler = get_recording,
       .fields = {media_id},
       .access = kOfficialOnly,
       .errors = {40007},
       .answers_bytes = true},
      {.method = "POST",
       .path = "/cgi-bin/media/uploadimg",
       .summary = "A picture for the body of an article: jpg or png below 1 MB",
       .handler = upload_picture,
       .answers = "url",
       .access = kOfficialOnly,
       .errors = upload_errors,
       .file_part = "media",
       .body_max = kUploadBytesMax},
      {.method = "POST",
       .path = "/cgi-bin/media/uploadvideo",
       .summary = "Makes an uploaded video into one that mass sends take",
       .handler = upload_video,
       .answers = "type media_id created_at:n",
       .fields = {media_id, text("title", 0, 64, 45003), text("description", 0, 512, 45004)},
       .access = kOfficialOnly,
       .errors = {40007}},
      {.method = "POST",
       .path = "/cgi-bin/material/add_material",
       .summary = "A permanent file: 100,000 pictures, 1,000 of each other type; a video needs "
                  "`description`",
       .handler = add,
       .answers = "media_id url",
       .access = kOfficialOnly,
       .errors = upload_errors,
       .query = {type},
       .file_part = "media",
       .body_max = kUploadBytesMax},
      {.method = "POST",
       .path = "/cgi-bin/material/get_material",
       .summary = "A permanent file; of a video its address",
       .handler = material_get,
       .answers = "title description down_url",
       .fields = {media_id},
       .access = kOfficialOnly,
       .errors = {40007},
       .answers_bytes = true},
      {.method = "POST",
       .path = "/cgi-bin/material/batchget_material",
       .summary = "The library, newest first",
       .handler = material_list,
       .answers = "total_count:n item_count:n item[]{media_id name update_time:n url content:o}",
       .fields = {one_of("type", "image video voice news", 40004), number("offset", 0, kAnyNumber),
                  number("count", 1, 20)},
       .access = kOfficialOnly},
      {.method = "GET",
       .path = "/cgi-bin/material/get_materialcount",
       .summary = "How many files of each type the library has",
       .handler = material_count,
       .answers = "voice_count:n video_count:n image_count:n news_count:n",
       .access = kOfficialOnly},
      {.method = "POST",
       .path = "/cgi-bin/material/del_material",
       .summary = "Deletes a permanent file",
       .handler = material_delete,
       .fields = {media_id},
       .access = kOfficialOnly,
       .errors = {40007, 48005}},
  };
}

}  // namespace zhiyin::sandbox
