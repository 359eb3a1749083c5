#include "ingest/import.h"

#include <gmock/gmock.h>
#include <zstd.h>

#include <map>
#include <set>

#include "ingest/detail/row_counter.h"
#include "ingest/detail/test_store.h"
#include "ingest/projection.h"
#include "ingest/quarantine.h"

namespace zhiyin::ingest {
namespace {

using testing::HasSubstr;

class ImportTest : public testing::Test {
 protected:
  std::filesystem::path write(std::string_view name, std::string_view bytes) {
    const auto path = store.folder.path() / name;
    EXPECT_TRUE(write_file(path, bytes));
    return path;
  }
  ImportRequest request(const std::filesystem::path& path, std::string_view toml = "") {
    ImportRequest r;
    r.path = path;
    r.account = "shop";
    if (!toml.empty()) {
      auto mapping = parse_mapping(toml, "test.toml");
      EXPECT_TRUE(mapping) << mapping.error().text();
      if (mapping) r.mapping = *mapping;
    }
    return r;
  }
  ImportContext context() {
    ImportContext c{intake, *store.state, store.clock};
    c.put_items = [this](std::vector<ImportedItem> some) -> Result<void> {
      for (ImportedItem& item : some) items[item.ref.id] = std::move(item);
      return {};
    };
    c.settle = [this] { return runner.catch_up(); };
    return c;
  }
  ImportReport import(const ImportRequest& r) {
    auto report = run_import(r, context());
    EXPECT_TRUE(report) << report.error().text();
    if (report) expect_sums(report->quality);
    return report ? std::move(*report) : ImportReport();
  }
  // Of every report.
  static void expect_sums(const QualityReport& q) {
    EXPECT_EQ(q.events, q.accepted + q.duplicates + q.refused);
    EXPECT_GE(q.rows, q.rows_good + q.rows_bad + q.rows_skipped)
        << "beside them there are dropped repetitions only";
    EXPECT_LE(q.rows, q.rows_good + q.rows_bad + q.rows_skipped + q.rows_repeated);
  }
  ImportReport import_text(std::string_view name, std::string_view bytes,
                           std::string_view toml = "") {
    return import(request(write(name, bytes), toml));
  }
  std::map<std::string, int> kinds() {
    std::map<std::string, int> n;
    for (const Event& e : store.logged()) ++n[e.kind];
    return n;
  }
  static const ColumnQuality& column(const ImportReport& report, std::string_view name) {
    for (const ColumnQuality& c : report.quality.columns) {
      if (c.name == name) return c;
    }
    ADD_FAILURE() << "no column " << name;
    return report.quality.columns.at(0);
  }

  TestStore store;
  Intake intake{*store.log, *store.state, *store.vault, store.clock, store.metrics, {}};
  EventPipeline pipeline{kDay * 30};
  storage::ProjectionRunner runner{*store.log, *store.state, pipeline, null_logger(), {}};
  std::map<std::string, ImportedItem> items;
};

constexpr std::string_view kRows = R"(
identity = "user"
item_column = "item"
[[event]]
kind_column = "kind"
value = "value"
time = "time"
)";

TEST_F(ImportTest, TheMarketersTableWorksAsItIs) {
  const auto report = import_text(
      "people.csv",
      "用户,点赞,转发,评论,阅读时长,城市\nu1,3,0,1,120,上海\nu2,,2,0,30,北京\nu3,0,0,0,0,\n");
  EXPECT_EQ(report.state, ImportState::kDone);
  EXPECT_EQ(report.quality.rows, 3);
  EXPECT_EQ(report.quality.events, 7);
  EXPECT_EQ(report.quality.accepted, 7);
  EXPECT_EQ(kinds(),
            (std::map<std::string, int>{
                {"like", 1}, {"comment", 1}, {"read", 2}, {"share", 1}, {"trait.set", 2}}));
  for (const Event& e : store.logged()) {
    if (e.kind == "trait.set" && e.identities[0] == store.vault->hash({"shop", "user_id", "u1"})) {
      EXPECT_EQ(e.properties, R"({"城市":"上海"})");
    }
    if (e.kind == "like") {
      EXPECT_EQ(e.value, 3);
    }
    EXPECT_EQ(e.occurred_at, TestStore::kNow);
    EXPECT_EQ(e.source, "import:" + report.run.value);
  }
}

TEST_F(ImportTest, EventRowsWorkAsTheyAre) {
  const auto report = import_text("events.csv",
                                  "user_id,item_id,kind,time,value\nu1,a1,transfer,2026-01-01 "
                                  "10:00:00,1\nu1,a2,点赞,1767232800,\n");
  EXPECT_EQ(report.quality.accepted, 2);
  const auto events = store.logged();
  EXPECT_EQ(events[0].kind, "share");
  EXPECT_EQ(format_utc(events[0].occurred_at), "2026-01-01T02:00:00Z");
  EXPECT_EQ(events[0].item, (ItemRef{"article", "a1"}));
  EXPECT_EQ(events[1].kind, "like");
  EXPECT_EQ(events[1].value, std::nullopt);
}

TEST_F(ImportTest, TheSameFileAgainMakesOnlyDuplicates) {
  const auto path = write("e.csv",
                          "user,item,kind,time,value\nu1,a,like,2026-01-01,1\nu2,a,like,2026-01-01,"
                          "1\nu2,a,like,2026-01-01,1\n");
  EXPECT_EQ(import(request(path)).quality.accepted, 3) << "equal rows are kept";
  const auto again = import(request(path));
  EXPECT_EQ(again.state, ImportState::kDone);
  EXPECT_EQ(again.quality.accepted, 0);
  EXPECT_EQ(again.quality.duplicates, 3);
  EXPECT_THAT(again.quality.notes.at(0), HasSubstr("imported before"));
  // Also in another process, with nothing in its memory.
  Intake fresh(*store.log, *store.state, *store.vault, store.clock, store.metrics, {});
  ImportContext c{fresh, *store.state, store.clock};
  c.settle = [this] { return runner.catch_up(); };
  const auto third = run_import(request(path), c);
  ASSERT_TRUE(third);
  EXPECT_EQ(third->quality.duplicates, 3);
}

TEST_F(ImportTest, ACorrectedRowIsANewEvent) {
  import_text("e.csv",
              "user,item,kind,time,value\nu1,a,like,2026-01-01,1\nu2,a,like,2026-01-01,1\n");
  const auto corrected = import_text(
      "e.csv", "user,item,kind,time,value\nu1,a,like,2026-01-01,1\nu2,a,like,2026-01-01,2\n");
  EXPECT_EQ(corrected.quality.accepted, 1);
  EXPECT_EQ(corrected.quality.duplicates, 1) << "the row that stayed as it was";
}

TEST_F(ImportTest, AGrownOrResortedFileAddsOnlyWhatIsNew) {
  const std::string head = "user,item,kind,time,value\n";
  const std::string equal = "u1,a,like,2026-01-01,1\n";
  const std::string other = "u2,a,like,2026-01-02,1\n";
  EXPECT_EQ(import_text("day1.csv", head + equal + other + equal).quality.accepted, 3)
      << "equal rows are two events";
  // Grown at its end, by a third of the equal rows too.
  const auto grown =
      import_text("day2.csv", head + equal + other + equal + "u3,a,like,2026-01-03,1\n" + equal);
  EXPECT_EQ(grown.quality.events, 5);
  EXPECT_EQ(grown.quality.duplicates, 3);
  EXPECT_EQ(grown.quality.accepted, 2);
  EXPECT_THAT(grown.quality.notes.at(0), HasSubstr("3 events were known already"));
  // In another order, with other line ends, without the last one, and in another encoding.
  const auto sorted = import_text("day3.csv", head + "u3,a,like,2026-01-03,1\r\n" + equal + equal +
                                                  equal + other.substr(0, other.size() - 1));
  EXPECT_EQ(sorted.quality.duplicates, 5);
  EXPECT_EQ(sorted.quality.accepted, 0);
  // Of the projections' view, too: what lies in the log twice counts once.
  ASSERT_TRUE(runner.catch_up());
  EXPECT_EQ(storage::as_int(store.state->query("SELECT COUNT(*) FROM seen_event")->rows[0][0]), 5);
  EXPECT_EQ(store.logged().size(), 5u);
}

TEST_F(ImportTest, RowsOfAnotherHeaderMappingAccountOrConstantTimeAreOthers) {
  const auto accepted = [&](std::string_view text, std::string_view toml, std::string account) {
    ImportRequest r = request(write("e.csv", text), toml);
    r.account = std::move(account);
    return import(r).quality.accepted;
  };
  const std::string toml = "identity = \"user\"\n[[event]]\nkind = \"view\"\n";
  EXPECT_EQ(accepted("user,likes\nu1,3\n", "", "shop"), 1);
  EXPECT_EQ(accepted("user,shares\nu1,3\n", "", "shop"), 1) << "the same cells say something else";
  EXPECT_EQ(accepted("user,likes\nu1,3\n", "", "shop2"), 1);
  EXPECT_EQ(accepted("user,likes\nu1,3\n", toml, "shop"), 1);
  EXPECT_EQ(accepted("user,likes\nu1,3\n", "name = \"b\"\n" + toml, "shop"), 1);
  EXPECT_EQ(accepted("user,likes\nu1,3\n", "time = { constant = \"2026-01-01\" }\n" + toml, "shop"),
            1);
  EXPECT_EQ(accepted("user,likes\nu1,3\n", "time = { constant = \"2026-01-02\" }\n" + toml, "shop"),
            1);
  EXPECT_EQ(accepted("user,likes\nu1,3\n", "time = { constant = \"2026-01-02\" }\n" + toml, "shop"),
            0);
}

TEST_F(ImportTest, JsonLinesWithFurtherMembersKeepTheIdsOfTheirRows) {
  const std::string toml = "identity = \"user\"\n[[event]]\nkind = \"view\"\n";
  EXPECT_EQ(import_text("a.jsonl", "{\"user\":\"u1\"}\n{\"user\":\"u2\"}\n", toml).quality.accepted,
            2);
  const auto grown = import_text(
      "a.jsonl", "{\"city\":\"x\",\"user\":\"u3\"}\n{\"user\":\"u1\"}\n{\"user\":\"u2\"}\n", toml);
  EXPECT_EQ(grown.quality.accepted, 1);
  EXPECT_EQ(grown.quality.duplicates, 2);
}

TEST(RowCounter, CountsEachRowAndSaysWhenItCanKeepNoMore) {
  detail::RowCounter counter(5000);
  for (std::uint64_t round = 1; round <= 3; ++round) {
    for (std::uint64_t i = 0; i < 5000; ++i)
      ASSERT_EQ(counter.next(i * 0x9e3779b97f4a7c15u), round) << i;
  }
  EXPECT_TRUE(counter.full());
  EXPECT_EQ(counter.next(12345), 0u) << "a new row";
  EXPECT_EQ(counter.next(0x9e3779b97f4a7c15u), 4u) << "one that is known";
}

TEST_F(ImportTest, EqualRowsCanBeDropped) {
  const auto report = import_text(
      "e.csv", "user,item,kind,time,value\nu1,a,like,2026-01-01,1\nu1,a,like,2026-01-01,1\n",
      std::string("repeated_rows = \"drop\"\n") + std::string(kRows));
  EXPECT_EQ(report.quality.accepted, 1);
  EXPECT_EQ(report.quality.rows_repeated, 1);
}

TEST_F(ImportTest, BadRowsAreReportedAndTheRestGoesOn) {
  const auto report = import_text("e.csv",
                                  "user,item,kind,time,value\n"
                                  "u1,a,like,2026-01-01,1\n"
                                  "u2,a,like,2036-01-01,1\n"      // future
                                  "null,a,like,2026-01-01,1\n"    // nobody
                                  "u3,a,like,gestern,1\n"         // no time
                                  "u4,a,like,2026-01-01,many\n"   // no number
                                  "u5,a,BAD KIND,2026-01-01,1\n"  // no kind
                                  "u6,a\n"                        // cells
                                  "u7,,like,2026-01-01,1\n"       // no item
                                  "u8,a,like,1989-12-31,1\n"      // too old
                                  "u9,a,like,2026-01-01,2\n",
                                  kRows);
  EXPECT_EQ(report.state, ImportState::kDone);
  EXPECT_EQ(report.quality.rows, 10);
  EXPECT_EQ(report.quality.accepted, 2);
  EXPECT_EQ(report.quality.rows_bad, 8);
  EXPECT_EQ(report.quality.rows_good, 2);
  EXPECT_EQ(report.quality.refused, 2) << "future and too old are refused by intake";
  std::map<std::int64_t, std::string> reasons;
  for (const BadRow& bad : report.quality.bad_rows)
    reasons[bad.row] = bad.column + ": " + bad.reason;
  EXPECT_THAT(reasons[2], HasSubstr("future"));
  EXPECT_THAT(reasons[3], HasSubstr("user: is missing"));
  EXPECT_THAT(reasons[4], HasSubstr("time: time: 'gestern'"));
  EXPECT_THAT(reasons[5], HasSubstr("value: 'many' is no number"));
  EXPECT_THAT(reasons[6], HasSubstr("BAD KIND"));
  EXPECT_THAT(reasons[7], HasSubstr("has 2 cells, the header has 5"));
  EXPECT_THAT(reasons[8], HasSubstr("item: is missing"));
  EXPECT_THAT(reasons[9], HasSubstr("before 1990"));
  EXPECT_EQ(column(report, "value").invalid, 1);
  EXPECT_EQ(column(report, "user").missing, 1);
  Quarantine quarantine(*store.state, *store.vault);
  EXPECT_EQ(quarantine.count("import:" + report.run.value), 8);
}

TEST_F(ImportTest, TheFiguresAddUpForEveryKindOfFault) {
  const std::string good = "u1,a,like,2026-01-01,1\n";
  const std::pair<std::string_view, std::int64_t> kFaults[] = {
      // a row, and how many events of it are refused by intake
      {"u2,a,like,2036-01-01,1\n", 1},
      {"u2,a,like,1989-12-31,1\n", 1},
      {"0,a,like,2026-01-01,1\n", 1},
      {"null,a,like,2026-01-01,1\n", 0},
      {"u2,a,like,gestern,1\n", 0},
      {"u2,a,like,,1\n", 0},
      {"u2,a,like,2026-01-01,many\n", 0},
      {"u2,a,like,2026-01-01,1e300\n", 0},
      {"u2,a,BAD KIND,2026-01-01,1\n", 0},
      {"u2,a,,2026-01-01,1\n", 0},
      {"u2,a\n", 0},
      {"u2,a,like,2026-01-01,1,1\n", 0},
      {"u2,,like,2026-01-01,1\n", 0},
      {"u\xff,a,like,2026-01-01,1\n", 0},
      {"\"u2\"x,a,like,2026-01-01,1\n", 0}};
  for (const auto& [row, refused] : kFaults) {
    SCOPED_TRACE(row);
    const auto report =
        import_text("e.csv", "user,item,kind,time,value\n" + good + std::string(row), kRows);
    EXPECT_EQ(report.quality.rows, 2);
    EXPECT_EQ(report.quality.rows_good, 1);
    EXPECT_EQ(report.quality.rows_bad, 1);
    EXPECT_EQ(report.quality.refused, refused);
    EXPECT_EQ(report.quality.events, 1 + refused);
  }
}

TEST_F(ImportTest, TheFiguresOfAResumedImportAddUp) {
  std::string text = "user,item,kind,time,value\n";
  for (int i = 0; i < 60'000; ++i)
    text += fmt::format("u{},a{},like,{}-01-01,1\n", i % 50, i, i % 1000 == 7 ? 2036 : 2026);
  const auto path = write("big.csv", text);
  ImportContext c = context();
  int asked = 0;
  c.cancelled = [&] { return ++asked > 2; };
  const auto first = run_import(request(path), std::move(c));
  ASSERT_TRUE(first);
  expect_sums(first->quality);
  EXPECT_GT(first->quality.refused, 0);
  const auto second = import(request(path));
  EXPECT_EQ(second.quality.events, 60'000);
  EXPECT_EQ(second.quality.duplicates, first->quality.events)
      << "those of the rows that were brought in before";
  EXPECT_EQ(first->quality.refused + second.quality.refused, 60);
}

TEST_F(ImportTest, ARepeatedHeadingIsRefusedWhereItIsUsedAndElseNoted) {
  const std::string text = "openid,likes,city,likes\no1,1,x,2\n";
  const auto detected = run_import(request(write("e.csv", text)), context());
  ASSERT_FALSE(detected);
  EXPECT_EQ(detected.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(detected.error().message, HasSubstr("the heading 'likes' stands over columns 2, 4"));
  const std::string toml = "identity = \"openid\"\n[[event]]\n";
  for (const std::string column : {"likes", "likes_2"}) {
    const auto used = run_import(
        request(write("e.csv", text), toml + "columns = { " + column + " = \"like\" }\n"),
        context());
    ASSERT_FALSE(used) << column;
    EXPECT_THAT(used.error().message, HasSubstr("'likes' stands over columns 2, 4"));
  }
  const auto unused =
      import_text("e.csv", text, toml + "kind = \"view\"\nproperties = [\"city\"]\n");
  EXPECT_EQ(unused.quality.accepted, 1);
  EXPECT_THAT(unused.quality.notes.at(0),
              HasSubstr("'likes' stands over columns 2, 4; the mapping uses none of them"));
  const auto named = import_text("e.csv", text + "o2,1,x,2\n",
                                 "[[event]]\nidentity = \"who\"\ncolumns = { likes = \"like\" "
                                 "}\n[file]\ncolumns = [\"who\", \"likes\", \"city\", \"more\"]\n");
  EXPECT_EQ(named.quality.accepted, 2);
  EXPECT_TRUE(named.quality.notes.empty());
}

TEST_F(ImportTest, AChineseSpreadsheetIsReadInItsEncodingAndThatIsNoted) {
  // 用户,点赞,城市 / 张三,3,上海 in GB18030, and the same rows in UTF-8.
  const std::string gb =
      "\xd3\xc3\xbb\xa7,\xb5\xe3\xd4\xde,\xb3\xc7\xca\xd0\n\xd5\xc5\xc8\xfd,3,\xc9\xcf\xba\xa3\n";
  const auto report = import_text("e.csv", gb);
  EXPECT_EQ(report.quality.accepted, 2);
  EXPECT_THAT(report.quality.notes.at(0), HasSubstr("read as gb18030"));
  const auto again = import_text("utf8.csv", "用户,点赞,城市\n张三,3,上海\n");
  EXPECT_EQ(again.quality.duplicates, 2) << "the rows are the same, however they are written";
}

TEST_F(ImportTest, AFutureRowCanBeCorrectedAndSentAgain) {
  const auto report =
      import_text("e.csv", "user,item,kind,time,value\nu2,a,like,2036-01-01,1\n", kRows);
  EXPECT_EQ(report.quality.refused, 1);
  Quarantine quarantine(*store.state, *store.vault);
  const auto entry = quarantine.list("", 0, 1)->at(0);
  Json event = entry.event;
  EXPECT_EQ(event["identities"].if_array()->at(0)["value"].string_or(""), "u2");
  event.set("occurred_at", "2026-01-01T00:00:00Z");
  ASSERT_TRUE(quarantine.resubmit(intake, entry.id, event));
  EXPECT_EQ(store.logged().size(), 1u);
}

TEST_F(ImportTest, AMissingColumnIsNamedWithThoseThatExist) {
  const auto report =
      run_import(request(write("e.csv", "user,item,kind,tme\nu,i,like,1\n"), kRows), context());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(report.error().message, HasSubstr("no column 'value'"));
  EXPECT_THAT(report.error().message, HasSubstr("user, item, kind, tme"));
  EXPECT_EQ(report.error().field, "event[0].value");
}

TEST_F(ImportTest, NumbersAreReadAsPeopleWriteThemAndThatIsCounted) {
  const auto report = import_text("p.csv", "id,likes,time_spent\n u1 ,\"1,234\",１２\nu2,3.6,-4\n");
  EXPECT_EQ(column(report, "likes").normalised.at(0).what, "thousands_separator");
  EXPECT_EQ(column(report, "likes").normalised.at(1).what, "rounded");
  EXPECT_EQ(column(report, "time_spent").normalised.at(0).what, "full_width_digits");
  EXPECT_EQ(column(report, "id").normalised.at(0).what, "trimmed");
  EXPECT_EQ(column(report, "likes").numbers, 2) << "corrected numbers are numbers";
  EXPECT_EQ(column(report, "likes").maximum, 1234);
  EXPECT_EQ(column(report, "time_spent").maximum, 12);
  std::set<std::int64_t> values;
  for (const Event& e : store.logged()) values.insert(*e.value);
  EXPECT_EQ(values, (std::set<std::int64_t>{1234, 12, 4}));
  EXPECT_EQ(report.quality.rows_bad, 1) << "a negative time is refused";
}

TEST_F(ImportTest, PersonalPropertiesAreSealed) {
  import_text("p.csv", "user,phone,city\nu1,13800138000,上海\n", R"(
identity = "user"
[[event]]
kind = "trait.set"
[event.properties]
city = "city"
phone = { column = "phone", personal = true, type = "text" }
)");
  const Event e = store.logged().at(0);
  EXPECT_EQ(e.properties, R"({"city":"上海"})");
  EXPECT_EQ(*store.vault->unseal(e.identities[0], e.sealed), R"({"phone":"13800138000"})");
}

TEST_F(ImportTest, FiltersConditionsAndListsWork) {
  const auto report =
      import_text("l.tsv", "u1\t2026-01-01\tN1-0 N2-1 N3\tok\nu2\t2026-01-01\tN1-1\tdrop\n", R"(
identity = "user"
time = "time"
skip = [{ column = "state", in = ["drop"] }]
[file]
header = false
columns = ["user", "time", "list", "state"]
[[event]]
kind = "show"
list = "list"
list_response_separator = "-"
[[event]]
kind = "click"
list = "list"
list_response_separator = "-"
list_response = ["1"]
)");
  EXPECT_EQ(report.quality.rows_skipped, 1);
  EXPECT_EQ(kinds(), (std::map<std::string, int>{{"show", 2}, {"click", 1}}));
  EXPECT_EQ(report.quality.rows_bad, 1) << "N3 has no response";
}

TEST_F(ImportTest, EventIdsOfAColumnAreKeptAndFoundAgain) {
  const std::string toml = std::string(kRows) + "event_id = \"id\"\n";
  import_text("a.csv",
              "id,user,item,kind,time,value\nx1,u,a,like,2026-01-01,1\nx2,u,a,like,2026-01-01,"
              "1\nx2,u,a,like,2026-01-01,1\n",
              toml);
  EXPECT_EQ(store.logged().size(), 2u);
  EXPECT_EQ(store.logged()[0].event_id, "x1");
  ASSERT_TRUE(runner.catch_up());
  const auto later = import_text(
      "b.csv", "id,user,item,kind,time,value\nx2,u,a,like,2026-01-01,1\nx3,u,a,like,2026-01-01,1\n",
      toml);
  EXPECT_EQ(later.quality.accepted, 1);
  EXPECT_EQ(later.quality.duplicates, 1);
}

TEST_F(ImportTest, MadeIdsBeginWithTheTimeThatTheRowNames) {
  import_text("a.csv",
              "user,item,kind,time,value\nu1,a,like,2026-01-01T00:00:00Z,1\nu1,a,like,"
              "2026-01-01T00:00:00Z,1\n");
  const auto logged = store.logged();
  ASSERT_EQ(logged.size(), 2u);
  for (const Event& e : logged) {
    EXPECT_EQ(e.event_id.size(), 36u);
    EXPECT_TRUE(e.event_id.starts_with("019b76da-a800-7")) << e.event_id;
  }
  EXPECT_NE(logged[0].event_id, logged[1].event_id) << "two equal rows are two events";
}

TEST_F(ImportTest, ItemsComeWithTagsPriceAndTime) {
  import_text(
      "items.csv",
      "id,title,tags,price,date\np1,茶杯,\"瓷器;茶:0.9\",\"1,299.5\",2026-01-01\n,none,,,\n", R"(
[[item]]
kind = "product"
id = "id"
title = "title"
tags = ["tags"]
tags_separator = ";"
tags_cut = ":"
price = "price"
published_at = "date"
)");
  ASSERT_EQ(items.size(), 1u);
  const ImportedItem& item = items.at("p1");
  EXPECT_EQ(item.title, "茶杯");
  EXPECT_EQ(item.tags, (std::vector<std::string>{"瓷器", "茶"}));
  EXPECT_EQ(item.price, Fen{129'950});
  EXPECT_EQ(format_utc(*item.published_at), "2025-12-31T16:00:00Z");
}

TEST_F(ImportTest, ATableOfItemsHasStockAndValidity) {
  const auto mapping = find_shipped_mapping("items");
  ASSERT_TRUE(mapping);
  ImportRequest r;
  r.path = write("items.csv",
                 "id,kind,title,stock,valid_from,valid_until,cover,campaign,price,url\n"
                 "p1,product,茶杯,3,2026-01-01,2026-02-01,https://a.cn/1.jpg,spring,12.5,\n"
                 "c1,coupon,券,0,,,,,,\n"
                 "a1,,文章,,,,,,,\n"
                 "p2,product,坏库存,x,,,,,,\n"
                 "p3,product,坏期限,1,,soon,,,,\n"
                 "p4,product,坏网址,1,,,,,,a.cn/4\n");
  r.mapping = *mapping;
  ImportContext c = context();
  c.check_item = [](const ImportedItem& item) -> Result<void> {
    if (item.url == "a.cn/4") return fail_field("url", "is not an http or https address");
    return {};
  };
  const auto report = run_import(r, std::move(c));
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->quality.rows, 6);
  EXPECT_EQ(report->quality.items, 3) << "a bad row does not stop the rest";
  ASSERT_EQ(items.size(), 3u);
  const ImportedItem& cup = items.at("p1");
  EXPECT_EQ(cup.ref.kind, "product");
  EXPECT_EQ(cup.stock, 3);
  EXPECT_EQ(cup.price, Fen{1250});
  EXPECT_EQ(cup.cover, "https://a.cn/1.jpg");
  EXPECT_EQ(cup.campaign, "spring");
  EXPECT_EQ(format_utc(*cup.valid_from), "2025-12-31T16:00:00Z");
  EXPECT_EQ(format_utc(*cup.valid_until), "2026-01-31T16:00:00Z");
  EXPECT_EQ(items.at("c1").stock, 0);
  EXPECT_EQ(items.at("a1").ref.kind, "article");
  EXPECT_FALSE(items.at("a1").stock);
  std::vector<std::string> columns;
  for (const BadRow& bad : report->quality.bad_rows) columns.push_back(bad.column);
  EXPECT_EQ(columns, (std::vector<std::string>{"stock", "valid_until", "url"}));
}

TEST_F(ImportTest, ACancelledImportGoesOnWhereItStopped) {
  std::string text = "user,item,kind,time,value\n";
  for (int i = 0; i < 60'000; ++i) text += fmt::format("u{},a{},like,2026-01-01,1\n", i % 50, i);
  const auto path = write("big.csv", text);
  ImportContext c = context();
  int asked = 0;
  c.cancelled = [&] { return ++asked > 2; };
  std::int64_t shown = 0;
  c.progress = [&](const ImportProgress& p) { shown = p.rows; };
  const auto first = run_import(request(path), std::move(c));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->state, ImportState::kCancelled);
  EXPECT_GT(first->quality.accepted, 0);
  EXPECT_LT(first->quality.accepted, 60'000);
  EXPECT_EQ(shown, first->quality.rows);
  expect_sums(first->quality);
  const auto second = import(request(path));
  EXPECT_EQ(second.state, ImportState::kDone);
  EXPECT_EQ(second.resumed_from_row, first->quality.rows);
  EXPECT_EQ(first->quality.accepted + second.quality.accepted, 60'000);
  EXPECT_EQ(second.quality.rows, 60'000) << "the report covers the whole file";
  std::set<std::string> ids;
  for (const Event& e : store.logged()) ids.insert(e.event_id);
  EXPECT_EQ(ids.size(), 60'000u);
}

TEST_F(ImportTest, WhatAKilledRunHadSentWithoutNotingItBecomesADuplicate) {
  const auto path =
      write("e.csv", "user,item,kind,time,value\nu1,a,like,2026-01-01,1\nu2,a,like,2026-01-01,1\n");
  import(request(path));
  // As if it had died between the append and the note of it.
  ASSERT_TRUE(store.state->write([](storage::Session& s) -> Result<void> {
    ZHIYIN_TRY_VOID(s.execute("UPDATE import_run SET state = 'running', rows_done = 0"));
    return {};
  }));
  Intake fresh(*store.log, *store.state, *store.vault, store.clock, store.metrics, {});
  const auto again = run_import(request(path), ImportContext{fresh, *store.state, store.clock});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->quality.accepted, 2) << "intake cannot know";
  ASSERT_TRUE(runner.catch_up());
  EXPECT_EQ(storage::as_int(store.state->query("SELECT COUNT(*) FROM seen_event")->rows[0][0]), 2);
  EXPECT_EQ(
      storage::as_int(store.state->query("SELECT COUNT(*) FROM duplicate_offset")->rows[0][0]), 2);
}

TEST_F(ImportTest, ADamagedEndIsReportedAfterWhatCameBefore) {
  std::string text = "user,item,kind,time,value\n";
  for (int i = 0; i < 30'000; ++i)
    text += fmt::format("u{},a{},like,2026-01-01,1\n", i % 50, i * 7919 % 100'003);
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 1));
  packed.resize(packed.size() * 3 / 4);
  const auto report = import_text("e.csv.zst", packed);  // its figures add up all the same
  EXPECT_EQ(report.state, ImportState::kFailed);
  ASSERT_TRUE(report.error);
  EXPECT_EQ(code_of(*report.error), ErrorCode::kDataLoss);
  EXPECT_THAT(report.error->message, HasSubstr("too early"));
  EXPECT_EQ(report.quality.rows_bad, 0) << "the row that the damage cut is nobody's fault";
  EXPECT_GT(report.quality.accepted, 1000);
  EXPECT_EQ(report.quality.accepted, static_cast<std::int64_t>(store.logged().size()));
  EXPECT_THAT(report.quality.notes.at(0), HasSubstr("too early"));
}

TEST_F(ImportTest, NothingOfADamagedPackedFileIsTaken) {
  std::string text = "user,item,kind,time,value\n";
  for (int i = 0; i < 30'000; ++i)
    text += fmt::format("u{},a{},like,2026-01-01,1\n", i % 50, i * 7919 % 100'003);
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  ZSTD_CCtx* const writer = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(writer, ZSTD_c_checksumFlag, 1);  // as the zstd program writes
  packed.resize(ZSTD_compress2(writer, packed.data(), packed.size(), text.data(), text.size()));
  ZSTD_freeCCtx(writer);
  packed[packed.size() * 3 / 4] ^= 4;
  const auto report = run_import(request(write("e.csv.zst", packed)), context());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kDataLoss);
  EXPECT_THAT(report.error().message, HasSubstr("nothing of it was taken"));
  EXPECT_TRUE(store.logged().empty());
}

TEST_F(ImportTest, ContactDataAreSealedWhereNobodySaidOtherwise) {
  const auto report =
      import_text("p.csv", "用户,点赞,手机号,姓名,城市,Email\nu1,1,13800138000,张三,上海,z@x.cn\n");
  EXPECT_EQ(report.quality.rows_good, 1);
  bool seen = false;
  for (const Event& e : store.logged()) {
    if (e.kind != "trait.set") continue;
    seen = true;
    EXPECT_EQ(e.properties, R"({"城市":"上海"})");
    EXPECT_EQ(*store.vault->unseal(e.identities[0], e.sealed),
              R"({"Email":"z@x.cn","姓名":"张三","手机号":13800138000})");
  }
  EXPECT_TRUE(seen);
  EXPECT_THAT(report.quality.notes.at(0), HasSubstr("sealed"));
  for (const std::string name : {"手机号", "姓名", "Email"})
    EXPECT_THAT(report.quality.notes.at(0), HasSubstr(name));
  // Of event rows as well; there a thing may have a name.
  import_text("e.csv",
              "user,item,kind,time,收货地址,name\nu1,a,purchase,2026-01-01,上海市南京路1号,茶杯\n");
  const Event order = store.logged().back();
  EXPECT_EQ(order.properties, R"({"name":"茶杯"})");
  EXPECT_EQ(*store.vault->unseal(order.identities[0], order.sealed),
            R"({"收货地址":"上海市南京路1号"})");
}

TEST_F(ImportTest, AMappingDecidesWhatIsPersonalWhereItSaysSo) {
  const std::string toml =
      "identity = \"user\"\n[[event]]\nkind = \"trait.set\"\n[event.properties]\nphone = "
      "\"phone\"\n";
  const auto by_name = import_text("p.csv", "user,phone\nu1,1\n", toml);
  EXPECT_EQ(store.logged().back().properties, "");
  EXPECT_THAT(by_name.quality.notes.at(0), HasSubstr("phone"));
  EXPECT_TRUE(column(by_name, "phone").personal);
  const auto open = import_text(
      "p2.csv", "user,phone\nu2,1\n",
      "name = \"b\"\nidentity = \"user\"\n[[event]]\nkind = \"trait.set\"\n[event.properties]\n"
      "phone = { column = \"phone\", personal = false }\n");
  EXPECT_EQ(store.logged().back().properties, R"({"phone":1})");
  EXPECT_TRUE(open.quality.notes.empty());
}

TEST_F(ImportTest, TheReportKeepsNoPersonalValues) {
  const std::string toml = R"(
identity = "openid"
[[event]]
kind = "trait.set"
[event.properties]
phone = { column = "phone", type = "number" }
birthday = { column = "birthday", type = "number" }
[[event]]
kind = "purchase"
value = "paid"
time = "birthday"
)";
  const auto report = import_text("p.csv",
                                  "openid,phone,birthday,paid\n7700001111,13800138000,19900203,"
                                  "5\n7700001112,1380013800x,gestern,5\n7700001113,13800138002\n",
                                  toml);
  const std::string json = to_json(report).dump();
  for (const std::string personal : {"1380013800", "19900203", "gestern", "770000111"}) {
    EXPECT_EQ(json.find(personal), std::string::npos) << personal << " in " << json;
    EXPECT_EQ(to_text(report.quality).find(personal), std::string::npos) << personal;
  }
  EXPECT_EQ(column(report, "phone").numbers, 1);
  EXPECT_EQ(column(report, "phone").maximum, std::nullopt);
  EXPECT_EQ(column(report, "openid").median, std::nullopt);
  EXPECT_GT(report.quality.rows_bad, 0);
  EXPECT_EQ(report.quality.faults, static_cast<std::int64_t>(report.quality.bad_rows.size()));
  Quarantine quarantine(*store.state, *store.vault);
  const auto entries = quarantine.list("", 0, 100);
  ASSERT_TRUE(entries);
  EXPECT_FALSE(entries->empty());
  for (const auto& entry : *entries) {
    EXPECT_EQ(entry.event.dump().find("1380013800"), std::string::npos) << entry.event.dump();
    EXPECT_EQ(entry.reason.find("1380013800"), std::string::npos) << entry.reason;
  }
}

TEST_F(ImportTest, MoneyOfPurchasesIsReadAsYuan) {
  const auto report = import_text(
      "o.csv",
      "用户,商品,行为,时间,金额\nu1,p1,购买,2026-01-02,199.00\nu1,p1,退款,2026-01-03,¥19.9\nu2,p1,"
      "下单,2026-01-02,\"1,299.00\"\n"
      "u3,p1,支付,2026-01-02,199元\nu4,p1,点赞,2026-01-02,5\nu5,p1,购买,2026-01-02,12.5O\n");
  std::multiset<std::pair<std::string, std::int64_t>> values;
  for (const Event& e : store.logged()) values.emplace(e.kind, *e.value);
  EXPECT_EQ(values, (std::multiset<std::pair<std::string, std::int64_t>>{{"like", 5},
                                                                         {"purchase", 19'900},
                                                                         {"purchase", 19'900},
                                                                         {"purchase", 129'900},
                                                                         {"refund", 1'990}}));
  EXPECT_EQ(report.quality.rows_bad, 1);
  EXPECT_THAT(report.quality.notes.at(0), HasSubstr("yuan"));
  EXPECT_EQ(column(report, "金额").maximum, 1299.0) << "as the file has it";
}

TEST_F(ImportTest, MoneyOfOtherCurrenciesIsCountedApart) {
  using Values = std::multiset<std::pair<std::string, std::int64_t>>;
  const auto report = import_text(
      "o.csv",
      "用户,商品,行为,时间,金额,币种\nu1,p1,购买,2026-01-02,19.90,USD\nu2,p1,购买,2026-01-02,5,"
      "CNY\n"
      "u3,p1,退款,2026-01-02,$3,\nu4,p1,购买,2026-01-02,100,积分\nu5,p1,购买,2026-01-02,$1,EUR\n"
      "u6,p1,购买,2026-01-02,7,\nu7,p1,购买,2026-01-02,300,jpy\n");
  Values values;
  for (const Event& e : store.logged()) values.emplace(e.kind, *e.value);
  EXPECT_EQ(values, (Values{{"purchase", 500},
                            {"purchase", 700},
                            {"purchase.jpy", 30'000},
                            {"purchase.usd", 1'990},
                            {"refund.usd", 300}}));
  EXPECT_EQ(report.quality.rows_bad, 2) << "points are no currency, and a dollar is no euro";
  ASSERT_EQ(report.quality.currencies.size(), 2u);
  EXPECT_EQ(report.quality.currencies[1].currency, "usd");
  EXPECT_EQ(report.quality.currencies[1].events, 2);
  EXPECT_EQ(report.quality.currencies[1].sum, 2'290);
  EXPECT_THAT(report.quality.notes,
              ::testing::Contains(HasSubstr("2 amounts are in USD, 22.90 in all")));
}

TEST_F(ImportTest, MoneyInFenStaysAndAnOrderTableIsPurchases) {
  import_text("fen.csv", "user,item,kind,time,amount_fen\nu1,p1,purchase,2026-01-02,199\n");
  EXPECT_EQ(store.logged().back().value, 199);
  import_text("value.csv", "user,item,kind,time,value\nu1,p1,purchase,2026-01-02,199\n");
  EXPECT_EQ(store.logged().back().value, 199);
  const auto orders = import_text("orders.csv", "user,item,time,实付金额\nu1,p1,2026-01-02,199\n");
  EXPECT_EQ(store.logged().back().kind, "purchase");
  EXPECT_EQ(store.logged().back().value, 19'900);
  EXPECT_THAT(orders.quality.notes.at(1), HasSubstr("each row is taken for a purchase"));
  import_text("views.csv", "user,item,time,price\nu1,p1,2026-01-02,199\n");
  EXPECT_EQ(store.logged().back().kind, "view");
  EXPECT_EQ(store.logged().back().properties, R"({"price":199})");
}

TEST_F(ImportTest, ReadingTimesAndCountsAreReadAsPeopleWriteThem) {
  const auto report = import_text(
      "p.csv",
      "id,likes,time_spent\nu1,1.2万,7分30秒\nu2,1 000,00:07:30\nu3,3.5,1小时\nu4,7分,07:30\n");
  std::multiset<std::pair<std::string, std::int64_t>> values;
  for (const Event& e : store.logged()) values.emplace(e.kind, *e.value);
  EXPECT_EQ(values, (std::multiset<std::pair<std::string, std::int64_t>>{{"like", 4},
                                                                         {"like", 1'000},
                                                                         {"like", 12'000},
                                                                         {"read", 450},
                                                                         {"read", 450},
                                                                         {"read", 3'600}}));
  EXPECT_EQ(report.quality.rows_bad, 1);
  EXPECT_EQ(report.quality.faults, 2);
  EXPECT_THAT(to_text(report.quality), HasSubstr("faults (first 2 of 2, in 1 rows)"));
  EXPECT_THAT(report.quality.notes.at(0), HasSubstr("1 values of column 'likes' were rounded"));
}

TEST_F(ImportTest, ATableWithoutIdsIsTakenWhenRowsArePeople) {
  const auto path =
      write("t.csv", "likes,transfers,comments,time_spent,label\n3,1,0,420,loyal\n0,0,2,35,new\n");
  const auto refused = run_import(request(path), context());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("--rows-are-people"));
  ImportRequest r = request(path);
  r.rows_are_people = true;
  const auto report = import(r);
  EXPECT_EQ(report.quality.accepted, 7);
  std::set<storage::IdentityHash> people;
  for (const Event& e : store.logged()) people.insert(e.identities[0]);
  EXPECT_EQ(people.size(), 2u);
  EXPECT_EQ(import(r).quality.duplicates, 7);
  const auto named = run_import(request(write("n.csv", "昵称,点赞\n张三,1\n")), context());
  EXPECT_THAT(named.error().message,
              HasSubstr("'昵称' does not say it, because names are not unique"));
  ImportRequest with_ids = request(write("i.csv", "openid,likes\no1,1\n"));
  with_ids.rows_are_people = true;
  EXPECT_EQ(run_import(with_ids, context()).error().field, "rows_are_people");
}

TEST_F(ImportTest, OtherDelimitersAreFoundAndNoted) {
  const auto report = import_text("s.csv", "openid;likes;city\no1;3;\"a;b\"\no2;1;x\n");
  EXPECT_EQ(report.quality.rows_good, 2);
  EXPECT_THAT(report.quality.notes.at(0), HasSubstr("separated by ';'"));
  // Spreadsheets call this "Unicode text": UTF-16 with tabs, and people rename it.
  std::string wide = "\xff\xfe";
  for (const char c : std::string("openid\tlikes\r\no3\t3\r\n")) wide += {c, '\0'};
  const auto utf16 = import_text("w.csv", wide);
  EXPECT_EQ(utf16.quality.accepted, 1);
  EXPECT_THAT(utf16.quality.notes.at(0), HasSubstr("tab"));
}

TEST_F(ImportTest, WhatTheFileHoldsCannotActOnATerminal) {
  const auto report =
      import_text("c.csv", "openid,likes,\"city\x1b[2J\"\no1,\"\x1b[31m5\",\"x\"\n");
  const std::string text = to_text(report.quality);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_THAT(text, HasSubstr("\\x1b[31m5"));
  EXPECT_THAT(text, HasSubstr("city\\x1b[2J"));
}

TEST_F(ImportTest, ASpreadsheetsDayNumbersAreNamed) {
  const auto report =
      import_text("d.csv", "user,item,kind,time\nu1,a,like,45292\nu1,a,like,45292.5\n");
  ASSERT_EQ(report.quality.bad_rows.size(), 2u);
  for (const BadRow& bad : report.quality.bad_rows)
    EXPECT_THAT(bad.reason, HasSubstr("day_number"));
  import_text("d2.csv", "user,item,kind,time\nu1,a,like,45292\nu1,a,like,45292.5\n",
              "identity = \"user\"\ntime = { column = \"time\", format = \"day_number\", epoch = "
              "\"2000-01-01\", epoch_day = 36526 }\n[[event]]\nkind = \"like\"\nitem = \"item\"\n");
  const auto events = store.logged();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(format_utc(events[0].occurred_at), "2023-12-31T16:00:00Z");
  EXPECT_EQ(format_utc(events[1].occurred_at), "2024-01-01T04:00:00Z");
}

TEST_F(ImportTest, TheMedianIsExactOfFewNumbersAndInsideTheRangeOfMany) {
  const auto median = [&](std::string_view name, const std::vector<double>& values) {
    std::string text = "openid,likes\n";
    int i = 0;
    for (const double v : values) text += fmt::format("{}{},{}\n", name, i++, v);
    return column(import_text(std::string(name) + ".csv", text), "likes");
  };
  EXPECT_EQ(median("a", {1'000'003}).median, 1'000'003.0);
  EXPECT_DOUBLE_EQ(median("b", {19.9, 120}).median.value_or(0), 69.95);
  EXPECT_EQ(median("c", {5, 10}).median, 7.5);
  EXPECT_EQ(median("d", {5, 10, 1000}).median, 10.0);
  const ColumnQuality many = median("e", std::vector<double>(10'001, 1'000'003.0));
  EXPECT_TRUE(many.median_approximate);
  EXPECT_EQ(many.median, 1'000'003.0);
  const ColumnQuality few = median("f", std::vector<double>(10'000, 1'000'003.0));
  EXPECT_FALSE(few.median_approximate);
}

TEST_F(ImportTest, AWaitThatWasCancelledEndsTheImportBeforeItBegins) {
  const auto path = write("e.csv", "user,item,kind,time,value\nu1,a,like,2026-01-01,1\n");
  import(request(path));
  ImportContext c = context();
  c.settle = [] { return fail(ErrorCode::kConflict, "cancelled"); };
  EXPECT_EQ(run_import(request(path), std::move(c)).error().code, ErrorCode::kConflict);
}

TEST_F(ImportTest, AccountIsNeededAndGarbageIsRefused) {
  ImportRequest r = request(write("e.csv", "user,likes\nu,1\n"));
  r.account.clear();
  EXPECT_EQ(run_import(r, context()).error().field, "account");
  std::string noise;
  for (int i = 0; i < 5000; ++i) noise += static_cast<char>(i * 7919 % 251);
  EXPECT_FALSE(run_import(request(write("noise.csv", noise)), context()));
  EXPECT_EQ(run_import(request("/nonexistent/x.csv"), context()).error().code,
            ErrorCode::kNotFound);
}

TEST_F(ImportTest, TheReportSaysWhatWasInTheColumns) {
  std::string text = "user,likes,city\n";
  for (int i = 0; i < 1000; ++i)
    text +=
        fmt::format("u{},{},{}\n", i, i == 500 ? 100'000 : 1 + i % 20, i % 4 == 0 ? "" : "上海<b>");
  const auto report = import_text("p.csv", text);
  const ColumnQuality& likes = column(report, "likes");
  EXPECT_EQ(likes.role, "like");
  EXPECT_EQ(likes.numbers, 1000);
  EXPECT_EQ(likes.maximum, 100'000.0);
  EXPECT_EQ(likes.median, 11.0);
  EXPECT_EQ(likes.outliers, 1);
  EXPECT_EQ(column(report, "city").missing, 250);
  EXPECT_EQ(column(report, "city").distinct, 1);
  EXPECT_NEAR(static_cast<double>(column(report, "user").distinct), 1000.0, 30.0);
  const std::string page = to_html(report.quality);
  EXPECT_THAT(page, HasSubstr("数据质量报告"));
  EXPECT_THAT(page, HasSubstr("<td>likes</td>"));
  EXPECT_THAT(to_text(report.quality), HasSubstr("1000"));
  const auto back = from_json<ImportReport>(to_json(report));
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->quality.columns.size(), 3u);
}

TEST(QualityReport, TextsOfTheFileCannotBecomeMarkup) {
  QualityReport r;
  r.file = "<script>alert(1)</script>.csv";
  r.columns.push_back({.name = "<img src=x>"});
  r.bad_rows.push_back({1, "a&b", "\"quoted\" <b>"});
  const std::string page = to_html(r);
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("<img"), std::string::npos);
  EXPECT_THAT(page, HasSubstr("a&amp;b"));
}

// Files that others published; skipped where they are not.
class SharedDataTest : public ImportTest {
 protected:
  ImportReport import_shared(std::string_view file, std::string_view mapping) {
    ImportRequest r = request(data(file));
    auto found = find_shipped_mapping(mapping);
    EXPECT_TRUE(found) << found.error().text();
    if (found) r.mapping = *found;
    return import(r);
  }
  static std::filesystem::path data(std::string_view file) {
    const char* shared = std::getenv("ZHIYIN_SHARED");
    const std::filesystem::path root = shared != nullptr
                                           ? std::filesystem::path(shared)
                                           : std::filesystem::path(ZHIYIN_SOURCE_DIR) / "../shared";
    return root / "data" / "recommend" / file;
  }
  void SetUp() override {
    if (!std::filesystem::exists(data("ml-100k/ml-100k.inter.gz"))) {
      GTEST_SKIP()
          << "shared data are not here: set ZHIYIN_SHARED to the folder that holds data/recommend";
    }
  }
};

TEST_F(SharedDataTest, Ml100kRatings) {
  const auto report = import_shared("ml-100k/ml-100k.inter.gz", "ml-100k");
  EXPECT_EQ(report.quality.rows, 100'000);
  EXPECT_EQ(report.quality.accepted, 100'000);
  EXPECT_EQ(report.quality.rows_bad, 0);
  EXPECT_EQ(format_utc(store.logged()[0].occurred_at), "1997-12-04T15:55:49Z");
  EXPECT_EQ(column(report, "rating:float").minimum, 1.0);
  EXPECT_EQ(column(report, "rating:float").maximum, 5.0);
  EXPECT_NEAR(*column(report, "rating:float").mean, 3.52986, 1e-9);
  EXPECT_NEAR(static_cast<double>(column(report, "user_id:token").distinct), 943, 30);
}

TEST_F(SharedDataTest, Ml100kItemsAndUsers) {
  const auto films = import_shared("ml-100k/ml-100k.item", "ml-100k-items");
  EXPECT_EQ(films.quality.items, 1682);
  EXPECT_EQ(items.at("1").title, "Toy Story");
  EXPECT_EQ(items.at("1").tags, (std::vector<std::string>{"Animation", "Children's", "Comedy"}));
  const auto people = import_shared("ml-100k/ml-100k.user", "ml-100k-users");
  EXPECT_EQ(people.quality.accepted, 943);
  EXPECT_THAT(store.logged()[0].properties, HasSubstr("\"zip_code\":\"85711\""));
  EXPECT_THAT(store.logged()[0].properties, HasSubstr("\"age\":24"));
}

TEST_F(SharedDataTest, NewsImpressions) {
  const auto report = import_shared("news-impressions/behaviors.tsv.gz", "news-impressions");
  EXPECT_EQ(report.quality.rows, 5000);
  EXPECT_EQ(kinds(),
            (std::map<std::string, int>{{"read", 159'802}, {"show", 189'359}, {"click", 7'542}}));
}

TEST_F(SharedDataTest, YidianFeed) {
  const auto report = import_shared("news-impressions/yidian_news_sampled.csv", "yidian");
  EXPECT_EQ(report.quality.rows, 1000);
  EXPECT_EQ(kinds().at("show"), 1000);
}

TEST_F(SharedDataTest, WechatChannels) {
  const auto report =
      import_shared("wechat-channels-mini/user_action_mini.csv", "wechat-channels-actions");
  EXPECT_EQ(report.quality.rows, 99);
  EXPECT_EQ(kinds().at("show"), 99);
  EXPECT_EQ(format_utc(store.logged()[0].occurred_at), "2021-04-30T16:00:00Z");
  const auto feeds =
      import_shared("wechat-channels-mini/feed_info_mini.csv.gz", "wechat-channels-feeds");
  EXPECT_EQ(feeds.quality.items, 99);
  EXPECT_EQ(items.at("43549").tags.front(), "tag_81");
}

}  // namespace
}  // namespace zhiyin::ingest
