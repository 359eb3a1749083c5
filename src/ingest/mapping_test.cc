#include "ingest/mapping.h"

#include <gmock/gmock.h>

#include "ingest/detail/time_format.h"

namespace zhiyin::ingest {
namespace {

using testing::HasSubstr;

std::string error_of(std::string_view toml) {
  const auto mapping = parse_mapping(toml, "m.toml");
  return mapping ? "" : mapping.error().message;
}

TEST(Mapping, ReadsWhatItSays) {
  const auto m = parse_mapping(R"(
identity = "user"
time = "when"
[file]
format = "tsv"
[[event]]
kind_column = "action"
kind_translate = { "点赞" = "like" }
properties = ["city", "device"]
[[event]]
list = "history"
kind = "read"
where = [{ column = "x", above = 1 }]
[[item]]
id = "item"
published_at = { column = "p", format = "%Y" }
)",
                               "dir/my-file.toml");
  ASSERT_TRUE(m) << m.error().text();
  EXPECT_EQ(m->name, "my-file");
  EXPECT_EQ(m->file.kind, TableKind::kTsv);
  EXPECT_EQ(m->time->column, "when");
  EXPECT_EQ(m->event[0].kind_translate.at("点赞"), "like");
  EXPECT_EQ(m->event[0].properties.at("city").column, "city");
  EXPECT_EQ(m->event[1].where[0].above, 1.0);
  EXPECT_EQ(m->item[0].published_at->format, "%Y");
}

TEST(Mapping, UnknownKeysAreRefusedWithTheNearest) {
  EXPECT_THAT(error_of("identiy = 'u'\n[[event]]\nkind='a'\n"),
              HasSubstr("did you mean 'identity'"));
  EXPECT_THAT(error_of("identity='u'\n[[event]]\nkind='a'\nvalue_scal=2\n"),
              HasSubstr("did you mean 'value_scale'"));
  EXPECT_THAT(error_of("identity='u'\n[[event]]\nkind='a'\nvalue_scal=2\n"), HasSubstr("event[0]"));
  EXPECT_THAT(
      error_of("identity='u'\n[[event]]\nkind='a'\nproperties={x={column='y', tpye='text'}}\n"),
      HasSubstr("did you mean 'type'"));
}

TEST(Mapping, WrongValuesAreRefusedWithTheirPlace) {
  EXPECT_THAT(error_of(""), HasSubstr("at least one [[event]] or [[item]]"));
  EXPECT_THAT(error_of("[[event]]\nkind='a'\n"), HasSubstr("event[0].identity"));
  EXPECT_THAT(error_of("identity='u'\n[[event]]\n"), HasSubstr("exactly one of kind"));
  EXPECT_THAT(error_of("identity='u'\n[[event]]\nkind='a'\nkind_column='b'\n"),
              HasSubstr("exactly one of kind"));
  EXPECT_THAT(error_of("identity='u'\n[[event]]\nkind='Not A Kind'\n"), HasSubstr("Not A Kind"));
  EXPECT_THAT(error_of("identity='u'\nidentity_kind='opneid'\n[[event]]\nkind='a'\n"),
              HasSubstr("did you mean 'openid'"));
  EXPECT_THAT(error_of("identity='u'\nzone='Mars/Base'\n[[event]]\nkind='a'\n"),
              HasSubstr("Mars/Base"));
  EXPECT_THAT(error_of("identity='u'\ntime={column='t',format='%Q'}\n[[event]]\nkind='a'\n"),
              HasSubstr("unknown directive"));
  EXPECT_THAT(error_of("identity='u'\ntime={column='t',format='epoch'}\n[[event]]\nkind='a'\n"),
              HasSubstr("epoch_s"));
  EXPECT_THAT(
      error_of("identity='u'\ntime={column='t',format='day_number'}\n[[event]]\nkind='a'\n"),
      HasSubstr("epoch"));
  EXPECT_THAT(error_of("identity='u'\ntime={format='auto'}\n[[event]]\nkind='a'\n"),
              HasSubstr("either a column or a constant"));
  EXPECT_THAT(error_of("identity='u'\n[[event]]\nkind='a'\nwhere=[{column='x'}]\n"),
              HasSubstr("says nothing about 'x'"));
  EXPECT_THAT(error_of("identity='u'\n[[event]]\nkind='a'\nlist='x'\nitem='y'\n"),
              HasSubstr("cannot stand beside list"));
  EXPECT_THAT(error_of("identity='u'\n[[event]]\nkind=5\n"), HasSubstr("expected a string"));
}

TEST(Mapping, BrokenTomlNamesTheLine) {
  EXPECT_THAT(error_of("identity='u'\n[[event\n"), HasSubstr("line 2"));
  EXPECT_THAT(error_of(std::string(kMappingBytesMax + 1, ' ')), HasSubstr("at most"));
}

TEST(Mapping, AllShippedMappingsAreGood) {
  ASSERT_GE(shipped_mappings().size(), 8u);
  for (const ShippedMapping& shipped : shipped_mappings()) {
    const auto m = parse_mapping(shipped.toml, shipped.name);
    ASSERT_TRUE(m) << shipped.name << ": " << m.error().text();
    EXPECT_EQ(m->name, shipped.name);
    EXPECT_FALSE(m->title.empty());
  }
  EXPECT_TRUE(find_shipped_mapping("yidian"));
  EXPECT_THAT(find_shipped_mapping("ml-100").error().message, HasSubstr("did you mean 'ml-100k'"));
}

TEST(SimpleTables, OneRowPerPersonIsUnderstoodInTwoLanguages) {
  for (const std::vector<std::string>& columns :
       {std::vector<std::string>{"id", "likes", "transfers", "comments", "time_spent", "segment"},
        std::vector<std::string>{"用户", "点赞", "转发", "评论", "阅读时长", "segment"}}) {
    const auto m = detect_mapping(columns);
    ASSERT_TRUE(m) << m.error().text();
    ASSERT_EQ(m->event.size(), 2u);
    EXPECT_EQ(m->identity, columns[0]);
    EXPECT_EQ(m->event[0].columns.at(columns[1]), "like");
    EXPECT_EQ(m->event[0].columns.at(columns[2]), "share");
    EXPECT_EQ(m->event[0].columns.at(columns[3]), "comment");
    EXPECT_EQ(m->event[0].columns.at(columns[4]), "read");
    EXPECT_EQ(m->event[1].kind, "trait.set");
    EXPECT_EQ(m->event[1].properties.at("segment").column, "segment");
  }
  EXPECT_EQ(detect_mapping(std::vector<std::string>{"OpenID", "Likes"})->identity_kind, "openid");
}

TEST(SimpleTables, EventRowsAreUnderstood) {
  const auto m =
      detect_mapping(std::vector<std::string>{"user_id", "item_id", "kind", "time", "value"});
  ASSERT_TRUE(m) << m.error().text();
  ASSERT_EQ(m->event.size(), 1u);
  EXPECT_EQ(m->event[0].kind_column, "kind");
  EXPECT_EQ(m->event[0].kind_translate.at("transfer"), "share");
  EXPECT_EQ(m->event[0].value, "value");
  EXPECT_EQ(m->time->column, "time");
  const auto ratings =
      detect_mapping(std::vector<std::string>{"userId", "movieId", "rating", "timestamp"});
  EXPECT_EQ(ratings->event[0].kind, "rating");
  EXPECT_EQ(ratings->event[0].value, "rating");
}

TEST(SimpleTables, AnotherHeaderIsRefusedWithWhatItHas) {
  const auto nobody = detect_mapping(std::vector<std::string>{"city", "likes"});
  ASSERT_FALSE(nobody);
  EXPECT_THAT(nobody.error().message, HasSubstr("city, likes"));
  const auto nothing = detect_mapping(std::vector<std::string>{"user", "city"});
  ASSERT_FALSE(nothing);
  EXPECT_THAT(nothing.error().message, HasSubstr("user, city"));
}

std::string time_of(std::string_view text, std::string_view format, std::string_view zone = "Z") {
  TimeRule rule;
  rule.column = "t";
  rule.format = format;
  rule.epoch = "2021-05-01";
  rule.epoch_day = 1;
  const auto f = detail::TimeFormat::create(rule, zone);
  if (!f) return "format: " + f.error().message;
  const auto at = f->parse(text);
  return at ? format_utc(*at) : "refused";
}

TEST(TimeFormat, ReadsTheFormsOfExports) {
  EXPECT_EQ(time_of("11/12/2019 2:14:46 PM", "%m/%d/%Y %I:%M:%S %p"), "2019-11-12T14:14:46Z");
  EXPECT_EQ(time_of("11/12/2019 12:14:46 AM", "%m/%d/%Y %I:%M:%S %p"), "2019-11-12T00:14:46Z");
  EXPECT_EQ(time_of("881250949", "epoch_s"), "1997-12-04T15:55:49Z");
  EXPECT_EQ(time_of("881250949.5", "epoch_s"), "1997-12-04T15:55:49.500000Z");
  EXPECT_EQ(time_of("1624843756147", "epoch_ms"), "2021-06-28T01:29:16.147000Z");
  EXPECT_EQ(time_of("1624843756147000", "epoch_us"), "2021-06-28T01:29:16.147000Z");
  EXPECT_EQ(time_of("1", "day_number", "Asia/Shanghai"), "2021-04-30T16:00:00Z");
  EXPECT_EQ(time_of("3", "day_number", "Asia/Shanghai"), "2021-05-02T16:00:00Z");
  EXPECT_EQ(time_of("2021年6月1日 8:05", "auto", "Asia/Shanghai"), "2021-06-01T00:05:00Z");
  EXPECT_EQ(time_of("2021/6/1 8:05", "auto", "Asia/Shanghai"), "2021-06-01T00:05:00Z");
  EXPECT_EQ(time_of("05-Jan-21 10:00 +0530", "%d-%b-%y %H:%M %z"), "2021-01-05T04:30:00Z");
}

TEST(TimeFormat, AutoTellsEpochsBySize) {
  EXPECT_EQ(time_of("1624843756", "auto"), "2021-06-28T01:29:16Z");
  EXPECT_EQ(time_of("1624843756147", "auto"), "2021-06-28T01:29:16.147000Z");
  EXPECT_EQ(time_of("1624843756147000", "auto"), "2021-06-28T01:29:16.147000Z");
  EXPECT_EQ(time_of("1.624843756e9", "auto"), "2021-06-28T01:29:16Z");
  EXPECT_EQ(time_of("2021-06-28T01:29:16Z", "auto"), "2021-06-28T01:29:16Z");
}

TEST(TimeFormat, RefusesWhatIsNoTime) {
  for (const char* text : {"", "17", "20210601", "2021-13-01", "2021-02-30", "yesterday",
                           "2021-06-01 25:00", "99999999999999999999", "-5"}) {
    EXPECT_EQ(time_of(text, "auto"), "refused") << text;
  }
  EXPECT_EQ(time_of("13/12/2019 2:14:46 PM", "%m/%d/%Y %I:%M:%S %p"), "refused");
  EXPECT_EQ(time_of("11/12/2019 13:14:46 PM", "%m/%d/%Y %I:%M:%S %p"), "refused");
  EXPECT_EQ(time_of("11/12/2019 2:14:46 PM x", "%m/%d/%Y %I:%M:%S %p"), "refused");
  EXPECT_EQ(time_of("nan", "epoch_s"), "refused");
}

}  // namespace
}  // namespace zhiyin::ingest
