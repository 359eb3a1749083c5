// The platform's rules, family by family: limits, units, errors, what comes later.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/crypto.h"
#include "sandbox/answer_members.h"
#include "sandbox/error_texts.h"
#include "sandbox/multipart.h"
#include "sandbox/openapi.h"
#include "sandbox/play.h"
#include "sandbox/tests/answer_check.h"
#include "sandbox/tests/platform_fixture.h"

namespace zhiyin::sandbox {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class EndpointsTest : public PlatformTest {
 protected:
  EndpointsTest() {
    for (const SandboxAccount& account : companion_accounts(1)) platform_.add(account);
    pass(hours(12));
  }
  ~EndpointsTest() override { EXPECT_THAT(answers_.faults(), testing::IsEmpty()); }

  static SandboxAccount companion(std::string_view id) {
    for (SandboxAccount& account : companion_accounts(1)) {
      if (account.id == id) return account;
    }
    return {};
  }
  std::string mini_token() { return token(companion("mini")); }
  std::string corp_token() {
    return std::string(
        get("/cgi-bin/gettoken", {{"corpid", companion("corp").app_id},
                                  {"corpsecret", companion("corp").app_secret}})["access_token"]
            .string_or(""));
  }
  Json ads_tokens(const std::string& refresh) {
    return get("/oauth/token", {{"client_id", companion("ads").app_id},
                                {"client_secret", companion("ads").app_secret},
                                {"grant_type", "refresh_token"},
                                {"refresh_token", refresh}});
  }
  Json play_at(const std::string& app_id, const Play& what) {
    const auto played = platform_.with(
        app_id, [&](AccountState& account, Instant now) { return play(account, what, now); });
    EXPECT_TRUE(played && *played) << (played && !*played ? played->error().text() : "");
    return played && *played ? **played : Json();
  }
  std::int64_t posted(const std::string& path, std::string_view body) {
    return code(post(path, token(), body));
  }
  Json upload(const std::string& path, const std::string& type, const std::string& name,
              const std::string& bytes, const std::string& extra = "") {
    const std::string body = fmt::format(
        "--b\r\n{}Content-Disposition: form-data; name=\"media\"; "
        "filename=\"{}\"\r\n\r\n{}\r\n--b--"
        "\r\n",
        extra, name, bytes);
    return platform_
        .call({"POST",
               path,
               {{"access_token", token()}, {"type", type}},
               body,
               "multipart/form-data; boundary=b"})
        .body;
  }
  std::string cover() {
    return text_of(upload("/cgi-bin/material/add_material", "image", "a.jpg", kJpeg)["media_id"]);
  }
  std::string draft_body(const std::string& cover, const std::string& title,
                         const std::string& content = "正文") {
    return fmt::format(
        R"({{"articles":[{{"title":"{}","content":"{}","thumb_media_id":"{}","need_open_comment":1}}]}})",
        title, content, cover);
  }
  std::vector<CallbackMessage> events(std::string_view name) {
    std::vector<CallbackMessage> found;
    for (CallbackMessage& message : platform_.take_due_callbacks()) {
      if (!message.fields.empty() && message.fields[0].value == name)
        found.push_back(std::move(message));
    }
    return found;
  }
  static const CallbackField* child(const CallbackField& field, std::string_view name) {
    for (const CallbackField& one : field.children) {
      if (one.name == name) return &one;
    }
    return nullptr;
  }

  inline static const std::string kJpeg = std::string("\xff\xd8\xff") + std::string(40, 'x');
  AnswerCheck answers_{platform_};
};

// The table itself.

TEST_F(EndpointsTest, EveryEndpointIsWholeAndStandsOnce) {
  std::set<std::pair<std::string_view, Family>> paths;
  for (const Endpoint& e : endpoints()) {
    EXPECT_TRUE(paths.emplace(e.path, e.family).second) << e.path;
    EXPECT_NE(e.handler, nullptr) << e.path;
    EXPECT_FALSE(e.summary.empty()) << e.path;
    EXPECT_TRUE(e.method == "GET" || e.method == "POST") << e.path;
    if (!e.counted_as.empty()) {
      EXPECT_NE(find_endpoint(e.counted_as), nullptr) << e.path;
    }
    if (e.family == Family::kAds) continue;
    for (const int error : e.errors)
      EXPECT_NE(error_text(error), "error") << e.path << " " << error;
    for (const Field& f : e.fields)
      EXPECT_NE(error_text(f.error), "error") << e.path << " " << f.path;
  }
  EXPECT_GT(paths.size(), 200u);
}

TEST_F(EndpointsTest, TheDescriptionHoldsLimitsQuotasAndErrors) {
  const Json document = describe_platform(Family::kOfficial);
  const Json& tag = document["paths"]["/cgi-bin/tags/members/batchtagging"]["post"];
  const Json& schema = tag["requestBody"]["content"]["application/json"]["schema"];
  EXPECT_EQ(schema["properties"]["openid_list"]["maxItems"].int_or(0), 50);
  EXPECT_EQ(schema["properties"]["openid_list"]["items"]["maxLength"].int_or(0), 128);
  EXPECT_THAT(schema["required"].dump(), testing::HasSubstr("tagid"));
  EXPECT_EQ(tag["x-calls-per-day"].int_or(0), 100'000);
  EXPECT_EQ(tag["x-errors"]["45159"].string_or(""), "invalid tag id");
  const Json& send = document["paths"]["/cgi-bin/message/mass/send"]["post"];
  const Json& touser =
      send["requestBody"]["content"]["application/json"]["schema"]["properties"]["touser"];
  EXPECT_EQ(touser["minItems"].int_or(0), 2);
  EXPECT_EQ(touser["maxItems"].int_or(0), 10'000);
  EXPECT_EQ(describe_platform(Family::kOfficial), document);
}

TEST_F(EndpointsTest, AnswersAreDescribedMemberByMember) {
  const auto answer = [](Family family, std::string_view path, std::string_view method) {
    const Json document = describe_platform(family);
    return document["paths"][path][method]["responses"]["200"]["content"]["application/json"]
                   ["schema"]["properties"];
  };
  const Json tags = answer(Family::kOfficial, "/cgi-bin/tags/get", "get");
  EXPECT_EQ(tags["errcode"]["type"].string_or(""), "integer");
  EXPECT_EQ(tags["tags"]["type"].string_or(""), "array");
  const Json& tag = tags["tags"]["items"]["properties"];
  EXPECT_EQ(tag["id"]["type"].string_or(""), "integer");
  EXPECT_EQ(tag["name"]["type"].string_or(""), "string");
  // Two platforms have this path; each is described as itself.
  const std::string_view upload = "/cgi-bin/media/upload";
  EXPECT_NE(answer(Family::kOfficial, upload, "post").find("created_at"), nullptr);
  EXPECT_NE(answer(Family::kWecom, upload, "post").find("created_at"), nullptr);
  const Json funds = answer(Family::kAds, "/v3.0/funds/get", "get");
  EXPECT_EQ(
      funds["data"]["properties"]["list"]["items"]["properties"]["balance"]["type"].string_or(""),
      "integer");
  EXPECT_EQ(funds.find("errcode"), nullptr);
}

/// What is wrong with a schema; empty: nothing.
std::string fault_of_schema(const Json& schema, const std::string& where) {
  static const std::set<std::string_view> kTypes = {"string",  "integer", "number",
                                                    "boolean", "array",   "object"};
  if (schema.if_object() == nullptr) return where + " is no object";
  const std::string_view type = schema["type"].string_or("");
  if (schema.find("not") != nullptr || (!type.empty() && !kTypes.contains(type)))
    return where + " has no type that exists";
  if (type.empty() && !schema.if_object()->empty()) return where + " has no type";
  if ((type == "array") != (schema.find("items") != nullptr)) return where + " has odd items";
  for (const auto& [low, high] :
       {std::pair{"minLength", "maxLength"}, {"minimum", "maximum"}, {"minItems", "maxItems"}}) {
    if (schema[low].int_or(0) > schema[high].int_or(kAnyNumber)) return where + " has no room";
  }
  if (type == "array") {
    if (std::string fault = fault_of_schema(schema["items"], where + "[]"); !fault.empty())
      return fault;
  }
  const Json::Object none;
  const Json::Object* members = schema["properties"].if_object();
  for (const auto& [name, one] : members == nullptr ? none : *members) {
    if (name.empty() || name.find_first_of(".:[]? ") != std::string::npos)
      return where + " has a member '" + name + "'";
    if (std::string fault = fault_of_schema(one, where + "." + name); !fault.empty()) return fault;
  }
  const Json::Array* required = schema["required"].if_array();
  for (const Json& name : required == nullptr ? Json::Array() : *required) {
    if (schema["properties"].find(name.string_or("")) == nullptr)
      return where + " requires " + name.dump();
  }
  return {};
}

TEST_F(EndpointsTest, TheDescriptionsAreValid) {
  std::size_t described = 0;
  for (const Family family : {Family::kOfficial, Family::kWecom, Family::kAds}) {
    const Json document = describe_platform(family);
    EXPECT_EQ(document["openapi"].string_or(""), "3.1.0");
    EXPECT_FALSE(document["info"]["title"].string_or("").empty());
    EXPECT_FALSE(document["info"]["version"].string_or("").empty());
    EXPECT_EQ(document["servers"].if_array()->size(), 2u);
    std::set<std::string> paths, ids;
    for (const auto& [path, item] : *document["paths"].if_object()) {
      EXPECT_TRUE(paths.insert(path).second) << path;
      EXPECT_TRUE(path.starts_with('/')) << path;
      EXPECT_EQ(path.find_first_of("#?{} "), std::string::npos) << path;
      ++described;
      for (const auto& [method, operation] : *item.if_object()) {
        EXPECT_TRUE(method == "get" || method == "post") << path << " " << method;
        const std::string id(operation["operationId"].string_or(""));
        EXPECT_TRUE(ids.insert(id).second) << id;
        std::set<std::string> parameters;
        for (const Json& one : *operation["parameters"].if_array()) {
          EXPECT_TRUE(parameters.insert(std::string(one["name"].string_or(""))).second)
              << path << " " << one["name"].dump();
          EXPECT_EQ(fault_of_schema(one["schema"], path), "");
        }
        EXPECT_EQ(operation.find("requestBody") != nullptr, method == "post") << path;
        for (const Json* holder : {&operation["requestBody"], &operation["responses"]["200"]}) {
          const Json::Object* contents = (*holder)["content"].if_object();
          for (const auto& [type, media] : contents == nullptr ? Json::Object() : *contents) {
            EXPECT_NE(type.find('/'), std::string::npos) << path;
            EXPECT_EQ(fault_of_schema(media["schema"], path), "");
          }
        }
        EXPECT_NE(operation["responses"].find("200"), nullptr) << path;
      }
    }
  }
  EXPECT_EQ(described, endpoints().size());
}

TEST(AnswerSchema, ReadsPathsAndTypes) {
  const Json schema = answer_schema("total:n data{openid[]} tags[]{id:n open:b} rest:o x:q");
  const Json& members = schema["properties"];
  EXPECT_EQ(members["total"].dump(), R"({"type":"integer"})");
  EXPECT_EQ(members["data"]["properties"]["openid"].dump(),
            R"({"type":"array","items":{"type":"string"}})");
  EXPECT_EQ(members["tags"]["items"]["properties"]["id"]["type"].string_or(""), "integer");
  EXPECT_EQ(members["tags"]["items"]["properties"]["open"]["type"].string_or(""), "boolean");
  EXPECT_EQ(members["rest"].dump(), R"({"type":"object"})");
  EXPECT_EQ(fault_of_schema(schema, "s"), "s.x has no type that exists");
  EXPECT_EQ(answer_schema("").dump(), R"({"type":"object"})");
  for (const std::string_view bad : {"a{b", "a}b", "[]", "a:", "{b}", "a{b]}"})
    EXPECT_NE(fault_of_schema(answer_schema(bad), "s"), "") << bad;
}

// Fields: units, types, what may be missing.

TEST_F(EndpointsTest, LengthsCountBytesWhereThePlatformCountsBytes) {
  const auto make_tag = [&](const std::string& name) {
    return posted("/cgi-bin/tags/create", fmt::format(R"({{"tag":{{"name":"{}"}}}})", name));
  };
  EXPECT_EQ(make_tag("一二三四五六七八九十"), 0);       // 30 bytes
  EXPECT_EQ(make_tag("一二三四五六七八九十a"), 45158);  // 31
  const auto remark = [&](const std::string& text) {
    return posted("/cgi-bin/user/info/updateremark",
                  fmt::format(R"({{"openid":"{}","remark":"{}"}})", openid(0), text));
  };
  std::string characters;
  for (int i = 0; i < 29; ++i) characters += "字";
  EXPECT_EQ(remark(characters), 0);  // 29 characters, 87 bytes
  EXPECT_EQ(remark(characters + "字"), 40035);
}

TEST_F(EndpointsTest, WrongTypesAndMissingMembersAreNamed) {
  EXPECT_EQ(posted("/cgi-bin/tags/create", R"({"tag":{}})"), 45157);
  EXPECT_EQ(posted("/cgi-bin/tags/create", R"({})"), 45157);
  const Json wrong = post("/cgi-bin/tags/create", token(), R"({"tag":{"name":["a"]}})");
  EXPECT_EQ(code(wrong), 47001);
  EXPECT_THAT(std::string(wrong["errmsg"].string_or("")),
              testing::HasSubstr("hint: [tag.name] rid: "));
  EXPECT_EQ(posted("/cgi-bin/tags/members/batchtagging", R"({"openid_list":"x","tagid":1})"),
            47001);
  EXPECT_EQ(posted("/cgi-bin/tags/members/batchtagging", R"({"openid_list":["x"],"tagid":"y"})"),
            45159);
  // Numbers may come as texts.
  EXPECT_EQ(posted("/cgi-bin/tags/members/batchtagging", R"({"openid_list":["x"],"tagid":"7"})"),
            45159);
  EXPECT_EQ(posted("/cgi-bin/tags/create", ""), 44002);
  EXPECT_EQ(posted("/cgi-bin/tags/create", "[]"), 47001);
  EXPECT_EQ(posted("/cgi-bin/tags/create", R"({"tag":{"name":"\u5e38\u5ba2"}})"), 40033);
}

// People.

TEST_F(EndpointsTest, TagsHaveTheirLimits) {
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(posted("/cgi-bin/tags/create", fmt::format(R"({{"tag":{{"name":"t{}"}}}})", i)), 0);
  EXPECT_EQ(posted("/cgi-bin/tags/create", R"({"tag":{"name":"t100"}})"), 45056);
  EXPECT_EQ(posted("/cgi-bin/tags/create", R"({"tag":{"name":"t0"}})"), 45157);
  EXPECT_EQ(posted("/cgi-bin/tags/delete", R"({"tag":{"id":2}})"), 45058);
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(posted("/cgi-bin/tags/members/batchtagging",
                     fmt::format(R"({{"openid_list":["{}"],"tagid":{}}})", openid(0), 100 + i)),
              0);
  }
  EXPECT_EQ(posted("/cgi-bin/tags/members/batchtagging",
                   fmt::format(R"({{"openid_list":["{}"],"tagid":120}})", openid(0))),
            45059);
  platform_.unfollow(service_.app_id, openid(1));
  EXPECT_EQ(posted("/cgi-bin/tags/members/batchtagging",
                   fmt::format(R"({{"openid_list":["{}"],"tagid":100}})", openid(1))),
            49003);
}

TEST_F(EndpointsTest, WhoIsBlockedGetsNothing) {
  const std::string body = fmt::format(R"({{"openid_list":["{}"]}})", openid(0));
  EXPECT_EQ(posted("/cgi-bin/tags/members/batchblacklist", body), 0);
  platform_.trigger(service_.app_id, openid(0), Trigger::kMessage, clock_.now());
  EXPECT_EQ(posted("/cgi-bin/message/custom/send", custom_body(0)), 43019);
  EXPECT_EQ(posted("/cgi-bin/message/mass/send", mass_body({0, 1, 2}, "m1")), 0);
  pass(minutes(2));
  const auto jobs = events("MASSSENDJOBFINISH");
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(field_of(jobs[0], "TotalCount"), "3");
  EXPECT_EQ(field_of(jobs[0], "FilterCount"), "2");
}

// Files.

TEST_F(EndpointsTest, FilesAreCheckedForSizeKindAndContent) {
  const std::string path = "/cgi-bin/media/upload";
  EXPECT_EQ(code(upload(path, "image", "a.jpg", kJpeg)), 0);
  EXPECT_EQ(code(upload(path, "image", "a.txt", kJpeg)), 40005);
  EXPECT_EQ(code(upload(path, "image", "a.jpg", "no picture")), 40137);
  EXPECT_EQ(code(upload(path, "image", "a.jpg", "")), 44001);
  EXPECT_EQ(code(upload(path, "music", "a.mp3", "x")), 40004);
  const std::string head = kJpeg.substr(0, 3);
  EXPECT_EQ(code(upload(path, "thumb", "a.jpg", head + std::string((64 << 10) - 3, 'x'))), 0);
  EXPECT_EQ(code(upload(path, "thumb", "a.jpg", head + std::string(64 << 10, 'x'))), 40012);
  EXPECT_EQ(code(upload(path, "voice", "a.mp3", std::string((2 << 20) + 1, 'x'))), 40010);
  EXPECT_EQ(code(upload("/cgi-bin/media/uploadimg", "", "a.gif", "GIF8")), 40005);
  EXPECT_EQ(code(platform_
                     .call({"POST",
                            path,
                            {{"access_token", token()}, {"type", "image"}},
                            "{}",
                            "application/json"})
                     .body),
            41005);
}

TEST_F(EndpointsTest, ACoverInUseIsNotDeleted) {
  const std::string id = cover();
  ASSERT_EQ(posted("/cgi-bin/draft/add", draft_body(id, "一")), 0);
  const std::string body = fmt::format(R"({{"media_id":"{}"}})", id);
  EXPECT_EQ(posted("/cgi-bin/material/del_material", body), 48005);
}

TEST(Multipart, ReadsFieldsAndOneFileAndRefusesWhatHasNoEnd) {
  const auto form = parse_multipart(
      "--x\r\nContent-Disposition: form-data; name=\"description\"\r\n\r\n{\"a\":1}\r\n--x\r\n"
      "content-disposition: form-data; name=\"media\"; filename=\"a b.mp4\"; filelength=4\r\n"
      "Content-Type: video/mp4\r\n\r\nab\r\n\r\n--x--\r\n",
      "multipart/form-data; boundary=\"x\"");
  ASSERT_TRUE(form);
  EXPECT_EQ(form->fields.at("description"), "{\"a\":1}");
  EXPECT_EQ(form->part, "media");
  EXPECT_EQ(form->file_name, "a b.mp4");
  EXPECT_EQ(form->bytes, "ab\r\n");
  EXPECT_FALSE(parse_multipart("--x\r\nContent-Disposition: form-data\r\n\r\n",
                               "multipart/form-data; boundary=x"));
  EXPECT_FALSE(parse_multipart("--x--", "multipart/form-data"));
  EXPECT_FALSE(parse_multipart("", "application/json; boundary=x"));
}

TEST(Multipart, HasBounds) {
  const auto form = [](std::size_t parts, std::size_t name_bytes, const std::string& boundary) {
    std::string body;
    for (std::size_t i = 0; i < parts; ++i) {
      body += fmt::format("--{}\r\nContent-Disposition: form-data; name=\"{}{}\"\r\n\r\nv\r\n",
                          boundary, std::string(name_bytes, 'n'), i);
    }
    return parse_multipart(body + "--" + boundary + "--",
                           "multipart/form-data; boundary=" + boundary);
  };
  const auto most = form(kFormPartsMax, 1, "x");
  ASSERT_TRUE(most) << most.error().text();
  EXPECT_EQ(most->fields.size(), kFormPartsMax);
  EXPECT_NE(form(kFormPartsMax + 1, 1, "x").error().message.find("more than 64 parts"),
            std::string::npos);
  EXPECT_TRUE(form(1, kPartHeadBytesMax - 60, "x"));
  EXPECT_NE(form(1, kPartHeadBytesMax, "x").error().message.find("head of a part is too long"),
            std::string::npos);
  EXPECT_TRUE(form(1, 1, std::string(kBoundaryBytesMax, 'b')));
  EXPECT_FALSE(form(1, 1, std::string(kBoundaryBytesMax + 1, 'b')));
  EXPECT_FALSE(
      parse_multipart(std::string(kFormBytesMax + 1, 'x'), "multipart/form-data; boundary=x"));
}

// Articles.

TEST_F(EndpointsTest, DraftsAreCheckedAndCleaned) {
  const std::string id = cover();
  const std::string path = "/cgi-bin/draft/add";
  EXPECT_EQ(posted(path, R"({"articles":[]})"), 44003);
  EXPECT_EQ(posted(path, R"({"articles":[{"content":"x"}]})"), 45003);
  std::string title;
  for (int i = 0; i < 33; ++i) title += "字";
  EXPECT_EQ(posted(path, draft_body(id, title)), 45003);
  EXPECT_EQ(posted(path, draft_body("nothing", "一")), 40007);
  EXPECT_EQ(posted(path, draft_body(id, "一", std::string(20'000, 'x'))), 45002);
  EXPECT_EQ(posted(path, draft_body(id, "一", std::string(19'999, 'x'))), 0);
  const Json made = post(path, token(),
                         draft_body(id, "一",
                                    "<p>好<img src='http://other.example/a.jpg'/>"
                                    "<img src='http://mmbiz.qpic.cn/b/0'/></p>"));
  const Json draft = post("/cgi-bin/draft/get", token(),
                          fmt::format(R"({{"media_id":"{}"}})", text_of(made["media_id"])));
  EXPECT_EQ(draft["news_item"].if_array()->front()["content"].string_or(""),
            "<p>好<img src='http://mmbiz.qpic.cn/b/0'/></p>");
}

TEST_F(EndpointsTest, ReviewersRefuseAndTheDraftStays) {
  const std::string id = cover();
  const Json made = post("/cgi-bin/draft/add", token(), draft_body(id, "刷单赚钱"));
  const std::string which = fmt::format(R"({{"media_id":"{}"}})", text_of(made["media_id"]));
  const Json submitted = post("/cgi-bin/freepublish/submit", token(), which);
  ASSERT_EQ(code(submitted), 0);
  pass(minutes(1));
  const auto jobs = events("PUBLISHJOBFINISH");
  ASSERT_EQ(jobs.size(), 1u);
  const CallbackField& info = jobs[0].fields.at(1);
  EXPECT_EQ(info.name, "PublishEventInfo");
  EXPECT_EQ(child(info, "publish_status")->value, "4");
  EXPECT_NE(child(info, "fail_idx"), nullptr);
  EXPECT_EQ(code(post("/cgi-bin/draft/get", token(), which)), 0);
  EXPECT_EQ(posted("/cgi-bin/message/mass/send",
                   fmt::format(R"({{"touser":["{}","{}"],"msgtype":"mpnews","mpnews":{}}})",
                               openid(0), openid(1), which)),
            0);
  pass(minutes(2));
  const auto sent = events("MASSSENDJOBFINISH");
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(field_of(sent[0], "Status"), "err(20008)");
  EXPECT_EQ(field_of(sent[0], "SentCount"), "0");
}

TEST_F(EndpointsTest, UnverifiedAccountsMayDraftButNotPublish) {
  const std::string t = token(unverified_);
  EXPECT_EQ(code(get("/cgi-bin/draft/count", {{"access_token", t}})), 0);
  EXPECT_EQ(code(post("/cgi-bin/freepublish/submit", t, R"({"media_id":"x"})")), 48001);
  EXPECT_EQ(code(post("/wxa/msg_sec_check", token(), "{}")), 48001);  // of mini-programs
  EXPECT_EQ(code(post("/cgi-bin/menu/create", mini_token(), "{}")), 48001);
}

// Messages.

TEST_F(EndpointsTest, MessagesOfEveryKindAreChecked) {
  platform_.trigger(service_.app_id, openid(0), Trigger::kMessage, clock_.now());
  const auto send = [&](const std::string& type, const std::string& content) {
    return posted(
        "/cgi-bin/message/custom/send",
        fmt::format(R"({{"touser":"{}","msgtype":"{}","{}":{}}})", openid(0), type, type, content));
  };
  EXPECT_EQ(send("image", R"({"media_id":"nothing"})"), 40007);
  EXPECT_EQ(send("text", R"({"content":""})"), 44004);
  EXPECT_EQ(send("text", fmt::format(R"({{"content":"{}"}})", std::string(2049, 'x'))), 45002);
  EXPECT_EQ(send("news", R"({"articles":[{"title":"a"},{"title":"b"}]})"), 45008);
  EXPECT_EQ(send("msgmenu", R"({"list":[]})"), 40035);
  EXPECT_EQ(send("wxcard", R"({"card_id":"c"})"), 48001);
  EXPECT_EQ(send("poem", R"({})"), 40008);
  EXPECT_EQ(posted("/cgi-bin/message/custom/send",
                   fmt::format(R"({{"touser":"{}","msgtype":"text","text":{{"content":"x"}},)"
                               R"("customservice":{{"kf_account":"no@body"}}}})",
                               openid(0))),
            61452);
  const std::string picture =
      text_of(upload("/cgi-bin/media/upload", "image", "a.jpg", kJpeg)["media_id"]);
  EXPECT_EQ(send("image", fmt::format(R"({{"media_id":"{}"}})", picture)), 0);
}

TEST_F(EndpointsTest, WhateverPeopleSendCanBeOrdered) {
  const std::string app_id = companion("mini").app_id;
  Play what{.kind = "deliver", .account = "mini", .openid = "oM"};
  what.msg_type = "location";
  what.fields = *parse_json(R"({"Location_X":"23.1","Scale":20,"Label":"<&]]>"})");
  play_at(app_id, what);
  what.msg_type = "event";
  what.fields = *parse_json(R"({"Event":"e","A":{"List":[{"B":"1"},{"B":"2"}]}})");
  play_at(app_id, what);
  const std::vector<CallbackMessage> told = platform_.take_due_callbacks();
  ASSERT_EQ(told.size(), 2U);
  const std::string place = render_xml(told[0], "gh_1");
  EXPECT_EQ(xml_text(place, "MsgType"), "location");
  EXPECT_EQ(xml_text(place, "Scale"), "20");
  EXPECT_EQ(xml_text(place, "Label"), "<&]]>");
  EXPECT_FALSE(xml_text(place, "MsgId").empty());
  EXPECT_NE(render_xml(told[1], "gh_1").find("<B><![CDATA[2]]></B>"), std::string::npos);
  what.fields = *parse_json(R"({"<a>":1})");
  const auto refused =
      platform_.with(app_id, [&](AccountState& a, Instant now) { return play(a, what, now); });
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->error().field, "fields");
}

TEST_F(EndpointsTest, OpeningAConversationOfAMiniProgramAllowsTwoMessagesInAMinute) {
  const std::string app_id = companion("mini").app_id;
  play_at(app_id, {.kind = "enter", .account = "mini", .openid = "oM"});
  const std::string t = mini_token();
  const std::string body = R"({"touser":"oM","msgtype":"text","text":{"content":"hi"}})";
  EXPECT_EQ(code(post("/cgi-bin/message/custom/send", t, body)), 0);
  EXPECT_EQ(code(post("/cgi-bin/message/custom/send", t, body)), 0);
  EXPECT_EQ(code(post("/cgi-bin/message/custom/send", t, body)), 45047);
  pass(minutes(1));
  EXPECT_EQ(code(post("/cgi-bin/message/custom/send", t, body)), 45015);
  EXPECT_EQ(code(post("/cgi-bin/message/custom/send", t,
                      R"({"touser":"oM","msgtype":"voice","voice":{"media_id":"x"}})")),
            40008);
}

TEST_F(EndpointsTest, SubscribeMessagesNeedAPermissionEachAndRightValues) {
  const std::string id =
      text_of(get("/wxaapi/newtmpl/gettemplate", {{"access_token", token()}})["data"]
                  .if_array()
                  ->front()["priTmplId"]);
  const auto send = [&](const std::string& amount) {
    return posted("/cgi-bin/message/subscribe/bizsend",
                  fmt::format(R"({{"touser":"{}","template_id":"{}","data":{{)"
                              R"("thing1":{{"value":"咖啡豆"}},"amount2":{{"value":"{}"}},)"
                              R"("date3":{{"value":"2026-03-01"}}}}}})",
                              openid(0), id, amount));
  };
  EXPECT_EQ(send("六十八"), 47003);
  EXPECT_EQ(send("¥68.00元"), 43101);
  play_at(service_.app_id,
          {.kind = "grant", .account = "shop", .openid = openid(0), .template_id = id});
  EXPECT_EQ(send("68"), 0);
  EXPECT_EQ(send("68"), 43101);
  const auto popups = events("subscribe_msg_popup_event");
  ASSERT_EQ(popups.size(), 1u);
  EXPECT_EQ(child(*child(popups[0].fields.at(1), "List"), "SubscribeStatusString")->value,
            "accept");
  play_at(service_.app_id,
          {.kind = "grant", .account = "shop", .openid = openid(0), .template_id = id});
  play_at(service_.app_id,
          {.kind = "refuse", .account = "shop", .openid = openid(0), .template_id = id});
  EXPECT_EQ(send("68"), 43101);
}

// Codes, menus, sign-in.

TEST_F(EndpointsTest, ScenesHaveTheirBounds) {
  const auto make = [&](const std::string& action, const std::string& scene,
                        const std::string& more = "") {
    return posted("/cgi-bin/qrcode/create",
                  fmt::format(R"({{"action_name":"{}","action_info":{{"scene":{{{}}}}}{}}})",
                              action, scene, more));
  };
  EXPECT_EQ(make("QR_LIMIT_SCENE", R"("scene_id":100000)"), 0);
  EXPECT_EQ(make("QR_LIMIT_SCENE", R"("scene_id":100001)"), 40129);
  EXPECT_EQ(make("QR_SCENE", R"("scene_id":0)"), 40129);
  EXPECT_EQ(make("QR_SCENE", R"("scene_id":4294967295)"), 0);
  EXPECT_EQ(make("QR_STR_SCENE", fmt::format(R"("scene_str":"{}")", std::string(65, 'x'))), 40129);
  EXPECT_EQ(make("QR_STR_SCENE", R"("scene_str":"a")", R"(,"expire_seconds":2592001)"), 40035);
  EXPECT_EQ(make("QR_OTHER", R"("scene_str":"a")"), 40035);
}

TEST_F(EndpointsTest, MenusCountBytesAndDepth) {
  const auto create = [&](const std::string& buttons) {
    return posted("/cgi-bin/menu/create", fmt::format(R"({{"button":[{}]}})", buttons));
  };
  const std::string click = R"({"type":"click","name":"一二三四五","key":"k"})";  // 15 bytes
  EXPECT_EQ(create(click), 0);
  EXPECT_EQ(create(R"({"type":"click","name":"一二三四五六","key":"k"})"), 40018);
  EXPECT_EQ(create(click + "," + click + "," + click + "," + click), 40016);
  EXPECT_EQ(create(R"({"type":"view","name":"a","url":"ftp://x"})"), 40020);
  EXPECT_EQ(create(R"({"type":"dance","name":"a"})"), 40017);
  EXPECT_EQ(create(R"({"name":"a","sub_button":[{"type":"click","name":"b","key":""}]})"), 40026);
  std::string six;
  for (int i = 0; i < 6; ++i) six += (i > 0 ? "," : "") + click;
  EXPECT_EQ(create(R"({"name":"a","sub_button":[)" + six + "]}"), 40023);
  EXPECT_EQ(create(R"({"name":"a","sub_button":[{"name":"b","sub_button":[)" + click + "]}]}"),
            40022);
}

TEST_F(EndpointsTest, CodesOfPagesAreGoodOnceForFiveMinutes) {
  const auto exchange = [&](const std::string& text) {
    return get("/sns/oauth2/access_token", {{"appid", service_.app_id},
                                            {"secret", service_.app_secret},
                                            {"code", text},
                                            {"grant_type", "authorization_code"}});
  };
  const auto sign_in = [&] {
    return text_of(play_at(service_.app_id,
                           {.kind = "sign_in", .account = "shop", .openid = openid(0)})["code"]);
  };
  const std::string first = sign_in();
  const Json token_answer = exchange(first);
  EXPECT_EQ(text_of(token_answer["openid"]), openid(0));
  EXPECT_EQ(code(exchange(first)), 40163);
  const std::string late = sign_in();
  pass(minutes(5));
  EXPECT_EQ(code(exchange(late)), 42003);
  EXPECT_EQ(code(exchange("nonsense")), 40029);
  // snsapi_base brings no profile.
  EXPECT_EQ(code(get("/sns/userinfo", {{"access_token", text_of(token_answer["access_token"])},
                                       {"openid", openid(0)}})),
            48001);
}

// Data cube.

TEST_F(EndpointsTest, ReportsKeepTheirDatesAndAreReadyAtEight) {
  const auto report = [&](const std::string& begin, const std::string& end) {
    return posted("/datacube/getusersummary",
                  fmt::format(R"({{"begin_date":"{}","end_date":"{}"}})", begin, end));
  };
  EXPECT_EQ(report("2026-02-22", "2026-02-28"), 0);
  EXPECT_EQ(report("2026-02-21", "2026-02-28"), 61501);  // eight days
  EXPECT_EQ(report("2026-03-01", "2026-03-01"), 61501);  // today
  EXPECT_EQ(report("2026-02-30", "2026-02-28"), 61500);
  EXPECT_EQ(report("20260228", "20260228"), 61500);
  pass(hours(12) + minutes(1));  // next day, just after midnight
  EXPECT_EQ(report("2026-03-01", "2026-03-01"), 61503);
  EXPECT_EQ(report("2026-02-28", "2026-02-28"), 0);
  pass(hours(8));
  EXPECT_EQ(report("2026-03-01", "2026-03-01"), 0);
}

TEST_F(EndpointsTest, GrowthIsWhatReallyHappened) {
  platform_.follow(service_.app_id, "oNew1", "", clock_.now(), "ADD_SCENE_QR_CODE");
  platform_.follow(service_.app_id, "oNew2", "", clock_.now(), "ADD_SCENE_QR_CODE");
  platform_.unfollow(service_.app_id, openid(0));
  platform_.unfollow(service_.app_id, openid(0));
  pass(kDay);
  const Json summary = post("/datacube/getusersummary", token(),
                            R"({"begin_date":"2026-03-01","end_date":"2026-03-01"})");
  EXPECT_THAT(summary["list"].dump(),
              testing::HasSubstr(R"("user_source":30,"new_user":2,"cancel_user":0)"));
  EXPECT_THAT(summary["list"].dump(),
              testing::HasSubstr(R"("user_source":0,"new_user":0,"cancel_user":1)"));
  const Json cumulated = post("/datacube/getusercumulate", token(),
                              R"({"begin_date":"2026-03-01","end_date":"2026-03-01"})");
  EXPECT_EQ(cumulated["list"].if_array()->front()["cumulate_user"].int_or(0), 6);
}

// Safety and mini-programs.

TEST_F(EndpointsTest, TextsAreCheckedForWhoWasHereWithinTwoHours) {
  const std::string app_id = companion("mini").app_id;
  play_at(app_id, {.kind = "open_mini", .account = "mini", .openid = "oM"});
  std::string t = mini_token();
  const auto check = [&](const std::string& text) {
    return post("/wxa/msg_sec_check", t,
                fmt::format(R"({{"openid":"oM","scene":2,"version":2,"content":"{}"}})", text));
  };
  EXPECT_EQ(text_of(check("好喝")["result"]["suggest"]), "pass");
  EXPECT_EQ(text_of(check("色情")["result"]["suggest"]), "risky");
  EXPECT_EQ(text_of(check("有点低俗")["result"]["suggest"]), "review");
  EXPECT_EQ(code(check(std::string(2501, 'x'))), 47001);
  pass(hours(2) + seconds(1));
  t = mini_token();
  EXPECT_EQ(code(check("好喝")), 61010);
}

TEST_F(EndpointsTest, MinuteQuotasAnswer45011) {
  platform_.set_minute_limit("/cgi-bin/tags/get", 2);
  const std::string t = token();
  const auto read = [&] { return code(get("/cgi-bin/tags/get", {{"access_token", t}})); };
  EXPECT_EQ(read(), 0);
  EXPECT_EQ(read(), 0);
  EXPECT_EQ(read(), 45011);
  pass(minutes(1));
  EXPECT_EQ(read(), 0);
}

// WeCom.

TEST_F(EndpointsTest, WelcomeCodesAreGoodOnceForTwentySeconds) {
  const std::string app_id = companion("corp").app_id;
  const auto meet = [&](const std::string& who) {
    return text_of(play_at(app_id, {.kind = "meet",
                                    .account = "corp",
                                    .userid = "lili",
                                    .external_userid = who})["welcome_code"]);
  };
  const auto welcome = [&](const std::string& welcome_code) {
    return code(
        post("/cgi-bin/externalcontact/send_welcome_msg", corp_token(),
             fmt::format(R"({{"welcome_code":"{}","text":{{"content":"您好"}}}})", welcome_code)));
  };
  const std::string first = meet("wm1");
  pass(seconds(20));
  EXPECT_EQ(welcome(first), 0);
  EXPECT_EQ(welcome(first), 41051);
  const std::string second = meet("wm2");
  pass(seconds(21));
  EXPECT_EQ(welcome(second), 41050);
}

TEST_F(EndpointsTest, ACustomerGetsFourTasksAMonthAndTheFifthSaysSo) {
  const std::string app_id = companion("corp").app_id;
  play_at(app_id, {.kind = "meet", .account = "corp", .userid = "lili", .external_userid = "wm1"});
  std::string last;
  for (int i = 0; i < 5; ++i) {
    last = text_of(post(
        "/cgi-bin/externalcontact/add_msg_template", corp_token(),
        fmt::format(R"({{"external_userid":["wm1"],"text":{{"content":"{}"}}}})", i))["msgid"]);
    pass(minutes(11));  // lili confirms after ten
  }
  const Json results = post("/cgi-bin/externalcontact/get_groupmsg_send_result", corp_token(),
                            fmt::format(R"({{"msgid":"{}","userid":"lili"}})", last));
  EXPECT_EQ(results["send_list"].if_array()->front()["status"].int_or(0), 3);
  pass(kDay * 31);
  EXPECT_EQ(code(post("/cgi-bin/externalcontact/add_msg_template", corp_token(),
                      R"({"external_userid":["wm1"],"text":{"content":"x"}})")),
            0);
  EXPECT_EQ(code(post("/cgi-bin/externalcontact/add_msg_template", corp_token(),
                      R"({"external_userid":["wmNobody"],"text":{"content":"x"}})")),
            84061);
}

TEST_F(EndpointsTest, WhoDeletedTheMemberGetsNothingAndRemindersAreThreeADay) {
  const std::string app_id = companion("corp").app_id;
  play_at(app_id,
          {.kind = "meet", .account = "corp", .userid = "zhangmin", .external_userid = "wm1"});
  const std::string id =
      text_of(post("/cgi-bin/externalcontact/add_msg_template", corp_token(),
                   R"({"external_userid":["wm1"],"text":{"content":"x"}})")["msgid"]);
  const std::string which = fmt::format(R"({{"msgid":"{}","userid":"zhangmin"}})", id);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(code(post("/cgi-bin/externalcontact/remind_groupmsg_send", corp_token(), which)), 0);
  const std::int64_t now = clock_.now().us / 1'000'000;
  const auto listed = [&](std::string_view more) {
    const std::string body = fmt::format(
        R"({{"chat_type":"single","start_time":{},"end_time":{}{}}})", now - 86'400, now, more);
    return post("/cgi-bin/externalcontact/get_groupmsg_list_v2", corp_token(),
                body)["group_msg_list"]
        .if_array()
        ->size();
  };
  EXPECT_GE(listed(""), 1U);
  EXPECT_EQ(listed(R"(,"creator":"nobody")"), 0U);
  EXPECT_EQ(listed(R"(,"filter_type":1)"), 0U) << "nobody makes any by himself";
  EXPECT_EQ(code(post("/cgi-bin/externalcontact/remind_groupmsg_send", corp_token(), which)),
            45009);
  play_at(app_id,
          {.kind = "part", .account = "corp", .userid = "zhangmin", .external_userid = "wm1"});
  pass(hours(1) + seconds(1));  // reminded: within the hour instead of four
  const Json results =
      post("/cgi-bin/externalcontact/get_groupmsg_send_result", corp_token(), which);
  EXPECT_EQ(results["send_list"].if_array()->front()["status"].int_or(0), 2);
}

TEST_F(EndpointsTest, TokensOfOtherPlatformsAreNoTokensHere) {
  EXPECT_EQ(code(get("/cgi-bin/user/get", {{"access_token", corp_token()}})), 40001);
  EXPECT_EQ(code(get("/cgi-bin/externalcontact/get_follow_user_list", {{"access_token", token()}})),
            40014);
  const std::string first = corp_token();
  EXPECT_EQ(corp_token(), first);  // the same as long as it lives
}

// Tencent Ads.

TEST_F(EndpointsTest, AdsWantATimestampAndANewNonce) {
  const Json tokens = ads_tokens(companion("ads").refresh_token);
  ASSERT_EQ(tokens["code"].int_or(-1), 0) << tokens.dump();
  const std::string t = text_of(tokens["data"]["access_token"]);
  const auto read = [&](const std::string& access, std::int64_t at, const std::string& nonce) {
    return platform_.call(
        {"GET",
         "/v3.0/advertiser/get",
         {{"access_token", access}, {"timestamp", std::to_string(at)}, {"nonce", nonce}},
         ""});
  };
  const std::int64_t now = seconds_of(clock_.now());
  const PlatformAnswer good = read(t, now, "n1");
  EXPECT_EQ(good.body["code"].int_or(-1), 0) << good.body.dump();
  EXPECT_EQ(http::header(good.headers, "X-RateLimit-Minute-Remaining"), "599");
  EXPECT_EQ(read(t, now, "n1").body["code"].int_or(0), 12100);
  EXPECT_EQ(read(t, now, "").body["code"].int_or(0), 12000);
  EXPECT_EQ(read(t, now - 301, "n2").body["code"].int_or(0), 12101);
  EXPECT_EQ(read("other", now, "n3").body["code"].int_or(0), 11002);
  EXPECT_EQ(read("", now, "n4").body["code"].int_or(0), 11005);
  pass(kDay);
  EXPECT_EQ(read(t, seconds_of(clock_.now()), "n5").body["code"].int_or(0), 11000);
}

TEST_F(EndpointsTest, RefreshTokensAreGoodForOneUse) {
  const std::string first = companion("ads").refresh_token;
  const Json one = ads_tokens(first);
  const std::string second = text_of(one["data"]["refresh_token"]);
  EXPECT_NE(second, first);
  // Whoever lost the answer may ask again for five minutes, and gets the same.
  EXPECT_EQ(text_of(ads_tokens(first)["data"]["refresh_token"]), second);
  pass(minutes(5));
  EXPECT_NE(ads_tokens(first)["code"].int_or(0), 0);
  EXPECT_EQ(ads_tokens(second)["code"].int_or(-1), 0);
}

// Faults.

TEST_F(EndpointsTest, FaultsComeInTheirNumberForOnePathOrAny) {
  const std::string t = token();
  const auto read = [&] {
    return platform_.call({"GET", "/cgi-bin/tags/get", {{"access_token", t}}, ""});
  };
  platform_.inject({.path = "/cgi-bin/tags/get", .times = 2, .kind = FaultKind::kMinuteLimit});
  EXPECT_EQ(code(read().body), 45011);
  EXPECT_EQ(code(read().body), 45011);
  EXPECT_EQ(code(read().body), 0);
  platform_.inject({.path = "*", .kind = FaultKind::kServerError, .status = 502});
  EXPECT_EQ(read().status, 502);
  platform_.inject({.path = "*", .kind = FaultKind::kHalfSent});
  EXPECT_TRUE(read().half_sent);
  platform_.inject({.path = "/cgi-bin/tags/get", .times = 5, .kind = FaultKind::kDayLimit});
  EXPECT_EQ(platform_.faults().size(), 1u);
  platform_.clear_faults();
  EXPECT_EQ(code(read().body), 0);
}

TEST_F(EndpointsTest, FaultsOfTencentAdsAreInItsForm) {
  const std::pair<FaultKind, int> expected[] = {{FaultKind::kBusy, 10000},
                                                {FaultKind::kErrcode, 12700},
                                                {FaultKind::kMinuteLimit, 11017},
                                                {FaultKind::kDayLimit, 11018}};
  for (const auto& [kind, code] : expected) {
    platform_.inject({.path = "/v3.0/funds/get", .kind = kind, .errcode = 12700});
    const Json body = platform_.call({"GET", "/v3.0/funds/get", {}, ""}).body;
    EXPECT_EQ(body["code"].int_or(0), code);
    EXPECT_NE(text_of(body["trace_id"]), "");
    EXPECT_EQ(body.find("errcode"), nullptr);
  }
}

TEST(FaultText, HasPathKindTimesAndDetail) {
  const auto slow = parse_fault("*,slow,10,800");
  ASSERT_TRUE(slow);
  EXPECT_EQ(slow->path, "*");
  EXPECT_EQ(slow->kind, FaultKind::kSlow);
  EXPECT_EQ(slow->times, 10);
  EXPECT_EQ(slow->delay_ms, 800);
  EXPECT_EQ(parse_fault("/cgi-bin/token,busy")->times, 1);
  EXPECT_EQ(parse_fault("/cgi-bin/token,errcode,1,40164")->errcode, 40164);
  for (const std::string_view bad :
       {"", "*", "*,dance", "*,busy,0", "*,busy,x", "*,busy,1,2", "*,errcode,1", "/nowhere,busy",
        "*,server_error,1,200", "*,slow,1,2,3"}) {
    const auto fault = parse_fault(bad);
    ASSERT_FALSE(fault) << bad;
    EXPECT_EQ(fault.error().field, "fault") << bad;
  }
}

}  // namespace
}  // namespace zhiyin::sandbox
