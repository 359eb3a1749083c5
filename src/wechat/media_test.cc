#include "wechat/media.h"

#include "base/file.h"
#include "http/server.h"
#include "wechat/test_platform.h"

namespace zhiyin::wechat {
namespace {

using Media = PlatformTest;

TEST_F(Media, AnUploadIsMultipartWithNameLengthAndKind) {
  answers(R"({"type":"image","media_id":"MEDIA_ID","created_at":123456789})");
  const auto up = upload_media_and_wait(client_, account_, "image", {"cat.png", {}, "PNG\r\n--"});
  ASSERT_TRUE(up);
  EXPECT_EQ(up->media_id, "MEDIA_ID");
  EXPECT_EQ(up->created_at, 123'456'789);
  const auto request = sent("media/upload");
  EXPECT_EQ(request.url, "http://platform.test/cgi-bin/media/upload?access_token=AT&type=image");
  EXPECT_EQ(request.timeout, settings().upload_timeout);
  const std::string_view type = http::header(request.headers, "Content-Type");
  ASSERT_TRUE(type.starts_with("multipart/form-data; boundary="));
  const std::string boundary(type.substr(30));
  EXPECT_EQ(request.body,
            fmt::format("--{}\r\nContent-Disposition: form-data; name=\"media\"; "
                        "filename=\"cat.png\"; filelength=7\r\nContent-Type: image/png\r\n\r\n"
                        "PNG\r\n--\r\n--{}--\r\n",
                        boundary, boundary));
}

TEST_F(Media, AFileIsNotReadIntoMemory) {
  const TempFolder folder;
  const auto path = folder.path() / "film.mp4";
  ASSERT_TRUE(write_file(path, std::string(10 << 20, 'v')));
  ASSERT_TRUE(upload_media_and_wait(client_, account_, "video", {"film.mp4", path, {}}));
  const auto request = sent("media/upload");
  EXPECT_EQ(request.body_file, path);
  EXPECT_LT(request.body.size(), 300U);
  EXPECT_TRUE(request.body.ends_with("\r\n\r\n"));
  EXPECT_TRUE(request.body_end.starts_with("\r\n--zhiyin-"));
  ASSERT_TRUE(write_file(path, std::string((10 << 20) + 1, 'v')));
  const auto refused = upload_media_and_wait(client_, account_, "video", {"film.mp4", path, {}});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().message.starts_with("file: has 10485761 bytes"));
  const auto absent =
      upload_media_and_wait(client_, account_, "video", {"film.mp4", folder.path() / "no", {}});
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, ErrorCode::kNotFound);
}

TEST_F(Media, SizesAndKindsByType) {
  const auto refused = [&](std::string_view type, std::string name, std::size_t bytes) {
    const auto call = prepare_upload(kMediaUpload.endpoint, account_.policy,
                                     to_wire(MediaUploadAsk{std::string(type)}), {}, type,
                                     {std::move(name), {}, std::string(bytes, 'x')});
    return call ? std::string() : call.error().field;
  };
  EXPECT_EQ(refused("thumb", "a.jpg", 64 << 10), "");
  EXPECT_EQ(refused("thumb", "a.jpg", (64 << 10) + 1), "file");
  EXPECT_EQ(refused("thumb", "a.png", 10), "file");
  EXPECT_EQ(refused("voice", "a.AMR", 2 << 20), "");
  EXPECT_EQ(refused("voice", "a.amr", (2 << 20) + 1), "file");
  EXPECT_EQ(refused("image", "a.png", 0), "file");
  EXPECT_EQ(refused("image", "noextension", 1), "file");
  EXPECT_EQ(refused("image", "a\".png", 1), "file");
  EXPECT_EQ(refused("film", "a.png", 1), "type");
  account_.policy.field_limits["media_upload thumb"] = 5;
  EXPECT_EQ(refused("thumb", "a.jpg", 6), "file");
  EXPECT_TRUE(validate(account_.policy));
}

TEST_F(Media, PermanentVideosNeedATitle) {
  EXPECT_FALSE(add_material_and_wait(client_, account_, "video", {"a.mp4", {}, "v"}));
  EXPECT_EQ(platform_.count("add_material"), 0U);
  answers(R"({"media_id":"M","url":"http://mmbiz.qpic.cn/x"})");
  const auto added = add_material_and_wait(client_, account_, "video", {"a.mp4", {}, "v"},
                                           VideoDescription{"春", "新品"});
  ASSERT_TRUE(added);
  EXPECT_EQ(added->media_id, "M");
  EXPECT_NE(sent("add_material")
                .body.find("name=\"description\"\r\n\r\n"
                           "{\"title\":\"春\",\"introduction\":\"新品\"}\r\n"),
            std::string::npos);
}

TEST_F(Media, BytesOrJsonByContentType) {
  platform_.other = [](const auto&) {
    return http::ClientResponse{200, {{"Content-Type", "image/jpeg"}}, "{\"x\":1}"};
  };
  const auto picture = ask(kMediaGet, {"M"});
  ASSERT_TRUE(picture);
  EXPECT_EQ(picture->bytes, "{\"x\":1}");
  EXPECT_EQ(picture->content_type, "image/jpeg");
  answers(R"({"video_url":"http://v"})");
  EXPECT_EQ(ask(kMediaGet, {"M"})->json["video_url"].string_or(""), "http://v");
  refuses(40007);
  const auto expired = ask(kMediaGet, {"M"});
  ASSERT_FALSE(expired);
  EXPECT_EQ(expired.error().errcode, 40007);
}

TEST_F(Media, TheLibraryIsCountedAndListed) {
  answers(R"({"voice_count":1,"video_count":"2","image_count":3,"news_count":4})");
  EXPECT_EQ(ask(kMaterialCount, {})->video_count, 2);
  answers(R"({"total_count":1,"item_count":1,"item":[{"media_id":"M","name":"a.png",)"
          R"("update_time":1,"url":"http://u"}]})");
  EXPECT_EQ(ask(kMaterialList, {})->item.at(0).name, "a.png");
  EXPECT_EQ(refused_field(kMaterialList, {"image", 0, 21}), "count");
  EXPECT_EQ(refused_field(kMaterialList, {"image", 0, 0}), "count");
  EXPECT_EQ(refused_field(kMaterialList, {"film", 0, 1}), "type");
  EXPECT_EQ(refused_field(kMaterialDelete, {""}), "media_id");
}

TEST_F(Media, AnUploadOfUnknownOutcomeIsNotRepeated) {
  answers({answer_silence(http::SendProgress::kOutcomeUnknown)});
  const auto up = upload_picture_and_wait(client_, account_, {"a.png", {}, "x"});
  ASSERT_FALSE(up);
  EXPECT_TRUE(up.error().outcome_unknown());
  EXPECT_EQ(platform_.count("uploadimg"), 1U);
}

TEST_F(Media, ErrorsHaveTheirMeaning) {
  for (const std::int64_t code :
       {40004, 40005, 40006, 40007, 40009, 40012, 40137, 41005, 44001, 45001, 45007, 46001}) {
    refuses(code);
    const auto up = upload_media_and_wait(client_, account_, "image", {"a.png", {}, "x"});
    ASSERT_FALSE(up);
    EXPECT_EQ(up.error().error_class, ErrorClass::kNever) << code;
    EXPECT_EQ(up.error().message.find("未知错误"), std::string::npos) << code;
  }
}

// Over a socket: what arrives is what a form would send.
TEST(MediaOverHttp, TheWholeFileArrives) {
  ThreadPool pool(1, 4);
  std::string got;
  http::Router router;
  router.add_blocking("POST", "/cgi-bin/stable_token", pool, [](http::Request&) {
    return http::Response::json(Json().set("access_token", "AT").set("expires_in", 7200));
  });
  router.add_blocking(
      "POST", "/cgi-bin/media/upload", pool,
      [&](http::Request& r) {
        got = r.body;
        return http::Response::json(Json().set("media_id", "M"));
      },
      16 << 20);
  MetricsRegistry metrics;
  auto server = http::Server::start({}, std::move(router), {}, metrics, null_logger());
  ASSERT_TRUE(server);
  auto http = http::Client::create({});
  SteppedClock clock(Instant{1'767'225'600'000'000});
  PlatformClient::Settings settings;
  settings.base_url = fmt::format("http://127.0.0.1:{}", (*server)->port());
  TokenKeeper tokens(*http, clock, metrics, null_logger(), settings.base_url);
  PlatformClient client(*http, tokens, metrics, null_logger(), settings);
  const TempFolder folder;
  const std::string film(3 << 20, 'v');
  ASSERT_TRUE(write_file(folder.path() / "f", film));
  const auto up =
      upload_media_and_wait(client, test_account(), "video", {"film.mp4", folder.path() / "f", {}});
  ASSERT_TRUE(up) << up.error().message;
  EXPECT_NE(got.find("\r\n\r\n" + film + "\r\n--zhiyin-"), std::string::npos);
}

}  // namespace
}  // namespace zhiyin::wechat
