#include "ingest/intake.h"

#include <gmock/gmock.h>

#include <future>

#include "ingest/detail/test_store.h"
#include "ingest/quarantine.h"

namespace zhiyin::ingest {
namespace {

using testing::HasSubstr;

class IntakeTest : public testing::Test {
 protected:
  Result<std::vector<Answer>> send(std::string body, std::vector<std::string> accounts = {}) {
    std::promise<Result<std::vector<Answer>>> promise;
    intake.accept_body(
        std::move(body), "api", std::move(accounts),
        [&](Result<std::vector<Answer>> answers) { promise.set_value(std::move(answers)); });
    return promise.get_future().get();
  }
  static std::string event(std::string_view id, std::string_view more = "") {
    return fmt::format(
        R"({{"event_id":"{}","account":"shop","identities":[{{"kind":"openid","value":"o1"}}],"kind":"read"{}}})",
        id, more);
  }

  TestStore store;
  Intake intake{*store.log,
                *store.state,
                *store.vault,
                store.clock,
                store.metrics,
                {.events_max = 50,
                 .recent_ids = 1024,
                 .account_known = [](std::string_view a) { return a != "nobody"; },
                 .zone_of = {}}};
  Quarantine quarantine{*store.state, *store.vault};
};

TEST_F(IntakeTest, AnArrayAnObjectAndLinesAreTaken) {
  EXPECT_EQ(send("[" + event("a") + "," + event("b") + "]")->size(), 2u);
  EXPECT_EQ(send(" \n" + event("c") + "\n")->size(), 1u);
  EXPECT_EQ(send(event("d") + "\n\n" + event("e") + "\r\n")->size(), 2u);
  EXPECT_EQ(send("[]")->size(), 0u);
  EXPECT_EQ(store.logged().size(), 5u);
}

TEST_F(IntakeTest, WhatIsSentIsWhatIsLogged) {
  const auto answers = send(
      R"([{"event_id":"x","account":"shop","identities":[{"kind":"openid","value":"o1"},{"kind":"unionid","value":"u1"}],
    "kind":"read","item":{"kind":"article","id":"a1"},"value":12.0,
    "properties":{"city":"上海","n":[1,2.5,{"k":null}],"personal":{"text":"你好"}},"occurred_at":"2026-01-02T03:04:05","sent_at":1767294245000}])");
  ASSERT_TRUE(answers) << answers.error().text();
  EXPECT_EQ((*answers)[0].verdict, Verdict::kAccepted) << (*answers)[0].reason;
  const Event e = store.logged().at(0);
  EXPECT_EQ(e.event_id, "x");
  EXPECT_EQ(e.identities.size(), 2u);
  EXPECT_EQ(e.identities[0], store.vault->hash({"shop", "openid", "o1"}));
  EXPECT_EQ(e.item, (ItemRef{"article", "a1"}));
  EXPECT_EQ(e.value, 12);
  EXPECT_EQ(e.properties, R"({"city":"上海","n":[1,2.5,{"k":null}]})");
  EXPECT_EQ(store.vault->unseal(e.identities[0], e.sealed), R"({"text":"你好"})");
  EXPECT_EQ(e.occurred_at, *parse_time("2026-01-02T03:04:05+08:00", TimeZone::shanghai()));
  EXPECT_EQ(e.received_at, TestStore::kNow);
  EXPECT_EQ(e.source, "api");
}

TEST_F(IntakeTest, AClientsWrongClockIsCorrectedByWhenItSent) {
  const auto at = [&](Duration ago) { return TestStore::kNow - ago; };
  const auto logged = [&](Instant occurred, Instant sent, std::string_view properties = "{}") {
    const std::size_t n = store.logged().size();
    const auto answers = send(fmt::format(
        R"({{"account":"shop","identities":[{{"kind":"openid","value":"o"}}],"kind":"read","properties":{},"occurred_at":{},"sent_at":{}}})",
        properties, occurred.us / 1000, sent.us / 1000));
    EXPECT_EQ((*answers)[0].verdict, Verdict::kAccepted) << (*answers)[0].reason;
    return store.logged().at(n);
  };
  using std::chrono::hours;
  using std::chrono::minutes;
  using std::chrono::seconds;
  EXPECT_EQ(logged(at(minutes(10)), at(seconds(2))).occurred_at, at(minutes(10)))
      << "that is the network";
  const Event late = logged(at(hours(3)), at(hours(1)), R"({"a":1})");
  EXPECT_EQ(late.occurred_at, at(hours(2))) << "the clock is an hour slow";
  EXPECT_EQ(late.properties, R"({"a":1,"clock_error_ms":3600000})")
      << "so the client's own time can be had back";
  EXPECT_EQ(logged(at(-hours(50)), at(-hours(51))).occurred_at, at(hours(1)))
      << "nothing is sent in the future";
  EXPECT_EQ(logged(at(-hours(52)), at(-hours(51))).occurred_at, TestStore::kNow)
      << "nothing happened after it was sent";
  EXPECT_EQ(logged(at(-hours(48)), at(-hours(49))).properties.substr(0, 17),
            R"({"clock_error_ms")");
  EXPECT_EQ(logged(Instant{0}, Instant{60'000'000}).occurred_at, at(minutes(1)))
      << "a phone that believes in 1970";
  EXPECT_EQ(logged(at(hours(24 * 90)), at(hours(24 * 80))).occurred_at, at(hours(24 * 90)))
      << "an old export, sent again as it was";
}

TEST_F(IntakeTest, WhatABotSendsIsKeptUnderItsMarkAlsoWhenItIsSentAgain) {
  std::promise<void> done;
  intake.accept_body("[" + event("a") + R"(,{"account":"shop","kind":"read"}])", {"page", {}, true},
                     [&](auto) { done.set_value(); });
  done.get_future().wait();
  const Event e = store.logged().at(0);
  EXPECT_EQ(e.kind.substr(0, 4), "bot.");
  EXPECT_EQ(e.source, "page:bot");
  const auto entries = *quarantine.list("", 0, 10);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].source, "page:bot");
  const Json mended = *parse_json(
      R"({"account":"shop","kind":"like","identities":[{"kind":"openid","value":"o"}]})");
  ASSERT_TRUE(quarantine.resubmit(intake, entries[0].id, mended));
  EXPECT_EQ(store.logged().at(1).kind, "bot.like");
  EXPECT_EQ(
      (*send(
          R"({"account":"shop","kind":"bot.like","identities":[{"kind":"openid","value":"o"}]})"))
          [0]
              .verdict,
      Verdict::kQuarantined)
      << "the mark is ours to give";
}

TEST_F(IntakeTest, RefusedEventsCanBeSentAgainTogether) {
  Intake::Settings settings;
  bool known = false;
  settings.account_known = [&](std::string_view) { return known; };
  Intake strict(*store.log, *store.state, *store.vault, store.clock, store.metrics,
                std::move(settings));
  std::vector<WireEvent> events;
  for (int i = 0; i < 250; ++i) {
    WireEvent e;
    e.account = "shop";
    e.identities = {{"shop", "openid", fmt::format("o{}", i)}};
    e.kind = i % 2 == 0 ? "read" : "like";
    events.push_back(std::move(e));
  }
  ASSERT_TRUE(strict.accept_and_wait(events, "api"));
  QuarantineFilter likes;
  likes.kind = "like";
  likes.field = "account";
  const auto always = [](double) { return true; };
  const auto refused = *quarantine.resubmit_all(strict, likes, always);
  EXPECT_EQ(refused.refused, 125);
  EXPECT_EQ(refused.reasons.size(), 1u);
  known = true;
  EXPECT_EQ(quarantine.resubmit_all(strict, likes, always)->accepted, 125);
  EXPECT_EQ(*quarantine.count(), 125) << "those that were not asked for stay";
  QuarantineFilter other;
  other.source = "import:1";
  EXPECT_EQ(quarantine.resubmit_all(strict, other, always)->accepted, 0);
  other.limit = Quarantine::kResubmitMax + 1;
  EXPECT_FALSE(quarantine.resubmit_all(strict, other, always));
}

TEST_F(IntakeTest, NoPersonalTextLiesInTheLogInClear) {
  ASSERT_TRUE(send(event("x", R"(,"properties":{"personal":{"text":"geheim-4711"}})")));
  store.reopen();
  for (const auto& entry : std::filesystem::directory_iterator(store.folder.path())) {
    const auto bytes = read_file(entry.path());
    ASSERT_TRUE(bytes);
    EXPECT_EQ(bytes->find("geheim-4711"), std::string::npos) << entry.path();
  }
}

TEST_F(IntakeTest, AMissingIdIsMadeAndReturned) {
  const auto answers =
      send(R"({"account":"shop","identities":[{"kind":"openid","value":"o1"}],"kind":"like"})");
  ASSERT_TRUE(answers);
  EXPECT_EQ((*answers)[0].event_id.size(), 36u);
  EXPECT_EQ(store.logged()[0].event_id, (*answers)[0].event_id);
  EXPECT_EQ(store.logged()[0].occurred_at, TestStore::kNow);
}

TEST_F(IntakeTest, TheSameIdAgainIsADuplicateAndNotLogged) {
  ASSERT_TRUE(send("[" + event("a") + "]"));
  const auto again = send("[" + event("a") + "," + event("b") + "," + event("b") + "]");
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)[0].verdict, Verdict::kDuplicate);
  EXPECT_EQ((*again)[1].verdict, Verdict::kAccepted);
  EXPECT_EQ((*again)[2].verdict, Verdict::kDuplicate);
  EXPECT_EQ(store.logged().size(), 2u);
}

TEST_F(IntakeTest, AWrongEventIsQuarantinedAndTheRestGoesOn) {
  const auto answers = send("[" + event("a", R"(,"valu":3)") + "," + event("b") +
                            R"(,{"event_id":"c","account":"shop","kind":"read"}])");
  ASSERT_TRUE(answers);
  EXPECT_EQ((*answers)[0].verdict, Verdict::kQuarantined);
  EXPECT_THAT((*answers)[0].reason, HasSubstr("did you mean 'value'"));
  EXPECT_EQ((*answers)[1].verdict, Verdict::kAccepted);
  EXPECT_EQ((*answers)[2].verdict, Verdict::kQuarantined);
  EXPECT_THAT((*answers)[2].reason, HasSubstr("identities"));
  const auto list = quarantine.list("", 0, 10);
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 2u);
  EXPECT_EQ((*list)[0].field, "identities");
  EXPECT_EQ((*list)[1].event["valu"].int_or(0), 3);
  EXPECT_EQ((*list)[1].source, "api");
}

TEST_F(IntakeTest, WrongTypesAreNamedWithTheirField) {
  const auto answers =
      send("[" + event("a", R"(,"value":1.5)") + "," + event("b", R"(,"occurred_at":"gestern")") +
           "," + event("c", R"(,"item":{"kind":"article","id":5})") +
           R"(,17,{"account":"shop","kind":"x","identities":[{"kind":"openid","value":7}]}])");
  ASSERT_TRUE(answers);
  EXPECT_THAT((*answers)[0].reason, HasSubstr("value: expected an integer"));
  EXPECT_THAT((*answers)[1].reason, HasSubstr("occurred_at: time: 'gestern'"));
  EXPECT_THAT((*answers)[2].reason, HasSubstr("item.id: expected a string, got integer"));
  EXPECT_THAT((*answers)[3].reason, HasSubstr("expected an object"));
  EXPECT_THAT((*answers)[4].reason, HasSubstr("identities[0].value: expected a string"));
}

TEST_F(IntakeTest, AMalformedArrayFailsAsAWholeWithThePosition) {
  const auto answers = send("[" + event("a") + ",\n{\"event_id\": }]");
  ASSERT_FALSE(answers);
  EXPECT_EQ(answers.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(answers.error().message, HasSubstr("line 2, column 14"));
  EXPECT_THAT(send("[" + event("a")).error().message, HasSubstr("ends too early"));
  EXPECT_FALSE(send(""));
  EXPECT_FALSE(send("   "));
  EXPECT_FALSE(send("{\"event_id\":"));
  EXPECT_FALSE(send("not json\nat all\n"));
  EXPECT_FALSE(send("[\"\xff\xfe\"]"));
  EXPECT_TRUE(store.logged().empty());
  EXPECT_EQ(quarantine.count(), 0);
}

TEST_F(IntakeTest, WhatIsWrongInTheTextIsSaidAndWhere) {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {R"([{"a":"\ud800 x"}])", "line 1, column 8: half of a surrogate pair"},
      {R"([{"a":"\ud83d\u0041"}])", "line 1, column 8: half of a surrogate pair"},
      {R"([{"a":"\udc00"}])", "line 1, column 8: half of a surrogate pair"},
      {"[{\"a\":\"张\xff\"}]", "line 1, column 9: not UTF-8"},
      {"[{\"a\":\"\xe5\xbc\"}]", "line 1, column 8: not UTF-8"},
      {"[\n{\"v\":1e400}]", "line 2, column 6: a number that is too large"},
      {"[{\"v\":-1e400}]", "line 1, column 7: a number that is too large"},
      {"[{\"v\":99999999999999999999}]",
       "line 1, column 7: a whole number that does not fit into 64 bits"},
      {"[{\"v\":01}]", "line 1, column 7: a number must not begin with 0"},
      {R"([{"a":"\u12g4"}])", "line 1, column 8: \\u needs four hex digits"},
      {R"([{"a":"\x"}])", "line 1, column 8: an unknown escape"},
      {"[{\"a\":\"x\ty\"}]", "line 1, column 9: a control character"},
      {"[{\"a\" 1}]", "line 1, column 7: a colon was expected"},
      {"[{\"a\":1 2}]", "line 1, column 9: a comma or } was expected"},
      {"[{}] x", "line 1, column 6: something follows"},
      {"[{\"a\":tru", "line 1, column 7: a value was expected"},
      {"[{\"a\":1", "the text ends too early"},
      {"[{\"a\":\"x", "the text ends too early"}};
  for (const auto& [body, expected] : kCases) {
    const auto answers = send(std::string(body));
    ASSERT_FALSE(answers) << body;
    EXPECT_THAT(answers.error().message, HasSubstr(std::string(expected))) << body;
  }
  // Whole pairs and numbers near to 0 are no fault, so they cannot be what a message names.
  EXPECT_THAT(
      send(R"([{"a":"\ud83d\ude00","v":1e-400,"w":18446744073709551615},])").error().message,
      HasSubstr("a value was expected"));
}

TEST_F(IntakeTest, AMalformedLineIsQuarantinedAloneInItsPlace) {
  const auto answers = send(event("a") + "\n{broken\n" + event("b") + "\n17\n" + event("c"));
  ASSERT_TRUE(answers) << answers.error().text();
  ASSERT_EQ(answers->size(), 5u);
  EXPECT_EQ((*answers)[0].event_id, "a");
  EXPECT_EQ((*answers)[1].verdict, Verdict::kQuarantined);
  EXPECT_THAT((*answers)[1].reason, HasSubstr("line 2"));
  EXPECT_EQ((*answers)[2].event_id, "b");
  EXPECT_EQ((*answers)[3].verdict, Verdict::kQuarantined);
  EXPECT_EQ((*answers)[4].event_id, "c");
  EXPECT_EQ(store.logged().size(), 3u);
  EXPECT_EQ(quarantine.list("", 0, 10)->at(1).event, Json("{broken"));
}

TEST_F(IntakeTest, ObjectsSpreadOverLinesAreOneObjectNotManyLines) {
  EXPECT_EQ(send("{\n\"event_id\":\"a\",\"account\":\"shop\",\n\"identities\":[\n{\"kind\":"
                 "\"openid\",\"value\":\"o\"}\n],\"kind\":\"read\"\n}")
                ->size(),
            1u);
}

TEST_F(IntakeTest, TooManyEventsAreRefusedTogether) {
  std::string array = "[";
  std::string lines;
  for (int i = 0; i < 51; ++i) {
    array += (i == 0 ? "" : ",") + event(std::to_string(i));
    lines += event(std::to_string(i)) + "\n";
  }
  EXPECT_EQ(send(array + "]").error().code, ErrorCode::kLimitReached);
  EXPECT_EQ(send(lines).error().code, ErrorCode::kLimitReached);
  EXPECT_EQ(send("{broken\n" + lines).error().code, ErrorCode::kLimitReached);
  EXPECT_TRUE(store.logged().empty());
}

TEST_F(IntakeTest, OnlyAllowedAndKnownAccountsAreWrittenFor) {
  const auto answers = send("[" + event("a") + "]", {"other"});
  ASSERT_TRUE(answers);
  EXPECT_EQ((*answers)[0].verdict, Verdict::kQuarantined);
  EXPECT_THAT((*answers)[0].reason, HasSubstr("may not write for 'shop'"));
  const auto unknown =
      send(R"({"account":"nobody","identities":[{"kind":"openid","value":"o"}],"kind":"like"})");
  EXPECT_THAT((*unknown)[0].reason, HasSubstr("no account 'nobody'"));
  const auto foreign = send(
      R"({"account":"shop","identities":[{"kind":"openid","value":"o"},{"account":"b","kind":"openid","value":"p"}],"kind":"like"})",
      {"shop"});
  EXPECT_THAT((*foreign)[0].reason, HasSubstr("may not write for 'b'"));
}

TEST_F(IntakeTest, DeepNestingIsRefusedNotFollowed) {
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "{\"a\":";
  deep += "1" + std::string(200, '}');
  const auto answers = send("[" + event("a", ",\"properties\":" + deep) + "]");
  ASSERT_TRUE(answers);
  EXPECT_THAT((*answers)[0].reason, HasSubstr("nested deeper"));
}

TEST_F(IntakeTest, EventsFromInsideGoTheSameWay) {
  WireEvent e;
  e.account = "shop";
  e.identities = {{"", "openid", "o9"}};
  e.kind = "message";
  Json personal = Json::object();
  personal.set("text", "你好");
  e.properties.set("type", "text").set("personal", personal);
  WireEvent bad = e;
  bad.kind = "No";
  const auto answers = intake.accept_and_wait({e, bad}, "wechat");
  ASSERT_TRUE(answers);
  EXPECT_EQ((*answers)[0].verdict, Verdict::kAccepted);
  EXPECT_EQ((*answers)[1].verdict, Verdict::kQuarantined);
  const Event logged = store.logged().at(0);
  EXPECT_EQ(logged.properties, R"({"type":"text"})");
  EXPECT_EQ(*store.vault->unseal(logged.identities[0], logged.sealed), R"({"text":"你好"})");
  EXPECT_EQ(quarantine.list("wechat", 0, 1)->at(0).event["kind"].string_or(""), "No");
}

TEST_F(IntakeTest, RecordsOfAnIdentityLieInItsPartition) {
  ASSERT_TRUE(send("[" + event("a") + "," + event("b") + "]"));
  const auto records = store.log->read(storage::Stream::kEvents, {}, 10);
  ASSERT_EQ(records->size(), 2u);
  EXPECT_EQ((*records)[0].partition, storage::partition_of("shop", "openid", "o1"));
  EXPECT_EQ((*records)[1].partition, (*records)[0].partition);
}

TEST_F(IntakeTest, ACorrectedEntryLeavesTheQuarantineForTheLog) {
  ASSERT_TRUE(send(event("a", R"(,"valu":3)")));
  const QuarantinedEvent entry = quarantine.list("", 0, 1)->at(0);
  const auto as_it_is = quarantine.resubmit(intake, entry.id, std::nullopt);
  ASSERT_FALSE(as_it_is);
  EXPECT_EQ(as_it_is.error().field, "valu");
  EXPECT_EQ(quarantine.count(), 1);
  const auto answer =
      quarantine.resubmit(intake, entry.id, *parse_json(event("a", R"(,"value":3)")));
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->verdict, Verdict::kAccepted);
  EXPECT_EQ(quarantine.count(), 0);
  EXPECT_EQ(store.logged().at(0).value, 3);
  EXPECT_EQ(quarantine.resubmit(intake, entry.id, std::nullopt).error().code, ErrorCode::kNotFound);
}

TEST_F(IntakeTest, AResubmittedEventWithoutIdGetsOneThatIsTheSameNextTime) {
  ASSERT_TRUE(
      send(R"({"account":"nobody","identities":[{"kind":"openid","value":"o"}],"kind":"like"})"));
  const QuarantinedEvent entry = quarantine.list("", 0, 1)->at(0);
  const auto corrected = *parse_json(
      R"({"account":"shop","identities":[{"kind":"openid","value":"o"}],"kind":"like"})");
  ASSERT_TRUE(quarantine.resubmit(intake, entry.id, corrected));
  EXPECT_EQ(store.logged().at(0).event_id,
            fmt::format("quarantine_{}_{}", entry.id, entry.received_at.us));
}

TEST_F(IntakeTest, WhatIsSentAgainHappenedWhenItDid) {
  const std::string without =
      R"("account":"shop","identities":[{"kind":"openid","value":"o"}],"kind":)";
  const Instant hour_ago = TestStore::kNow - std::chrono::hours(1);
  // A client whose clock is right, and one that says no time.
  ASSERT_TRUE(send(fmt::format(R"({{{}"Bad Kind","occurred_at":"{}","sent_at":"{}"}})", without,
                               format_utc(hour_ago), format_utc(TestStore::kNow))));
  ASSERT_TRUE(send(fmt::format("{{{}\"Bad Kind\"}}", without)));
  ASSERT_TRUE(store.clock.advance_to(TestStore::kNow + std::chrono::hours(6)));
  const auto entries = *quarantine.list("", 0, 10);
  ASSERT_EQ(entries.size(), 2u);
  for (const QuarantinedEvent& entry : entries) {
    Json mended = entry.event;
    mended.set("kind", "read");
    ASSERT_TRUE(quarantine.resubmit(intake, entry.id, mended));
  }
  const auto logged = store.logged();
  ASSERT_EQ(logged.size(), 2u);
  EXPECT_EQ(logged[0].occurred_at, TestStore::kNow) << "when it came in";
  EXPECT_EQ(logged[1].occurred_at, hour_ago) << "its clock was right when it came in";
  EXPECT_EQ(logged[1].received_at, TestStore::kNow + std::chrono::hours(6));
}

TEST_F(IntakeTest, QuarantineIsListedNewestFirstInPages) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(send(event(std::to_string(i), R"(,"x":1)")));
  const auto first = quarantine.list("", 0, 2);
  ASSERT_EQ(first->size(), 2u);
  EXPECT_EQ((*first)[0].event["event_id"].string_or(""), "4");
  const auto second = quarantine.list("api", (*first)[1].id, 2);
  EXPECT_EQ((*second)[0].event["event_id"].string_or(""), "2");
  EXPECT_TRUE(quarantine.remove((*first)[0].id));
  EXPECT_EQ(quarantine.count(), 4);
  EXPECT_EQ(quarantine.list("wechat", 0, 10)->size(), 0u);
}

TEST_F(IntakeTest, QuarantinedTextIsSealedOnDisk) {
  ASSERT_TRUE(send(event("a", R"(,"x":"verborgen-1234")")));
  store.state->query("PRAGMA wal_checkpoint");
  for (const auto& entry : std::filesystem::directory_iterator(store.folder.path())) {
    EXPECT_EQ(read_file(entry.path())->find("verborgen-1234"), std::string::npos) << entry.path();
  }
}

// Appends fail as on a full disk, until told otherwise.
class FullLog final : public storage::EventLog {
 public:
  bool full = true;
  std::vector<storage::NewRecord> kept;
  void append(storage::Stream, std::vector<storage::NewRecord> records, Done done) override {
    if (full) return done(fail(ErrorCode::kUnavailable, "event log: no space left on the device"));
    for (auto& r : records) kept.push_back(std::move(r));
    done({});
  }
  Result<std::vector<storage::StoredRecord>> read(storage::Stream, const storage::Positions&,
                                                  std::size_t) override {
    return std::vector<storage::StoredRecord>();
  }
  Result<storage::Positions> end(storage::Stream) override { return storage::Positions{}; }
  Result<void> trim(storage::Stream, const storage::Positions&) override { return {}; }
  void set_wake(std::function<void(storage::Stream)>) override {}
};

TEST(Intake, AFailedAppendIsReportedAndItsIdsAreNoDuplicatesLater) {
  TestStore store;
  FullLog log;
  Intake intake(log, *store.state, *store.vault, store.clock, store.metrics, {});
  WireEvent e;
  e.event_id = "a";
  e.account = "shop";
  e.identities = {{"", "openid", "o"}};
  e.kind = "like";
  const auto refused = intake.accept_and_wait({e}, "api");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  log.full = false;
  EXPECT_EQ(intake.accept_and_wait({e}, "api")->at(0).verdict, Verdict::kAccepted);
  EXPECT_EQ(intake.accept_and_wait({e}, "api")->at(0).verdict, Verdict::kDuplicate);
  EXPECT_EQ(log.kept.size(), 1u);
}

TEST(Intake, ManyThreadsAtOnceGetEveryEventAnswered) {
  TestStore store;
  Intake intake(*store.log, *store.state, *store.vault, store.clock, store.metrics, {});
  std::vector<std::thread> threads;
  std::atomic<int> accepted{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        WireEvent e;
        e.event_id = fmt::format("{}-{}", t, i);
        e.account = "shop";
        e.identities = {{"", "openid", fmt::format("o{}", i)}};
        e.kind = i % 10 == 0 ? "BAD" : "like";
        const auto answers = intake.accept_and_wait({e}, "api");
        if (answers && answers->at(0).verdict == Verdict::kAccepted) ++accepted;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(accepted, 4 * 18);
  EXPECT_EQ(store.logged().size(), 4u * 18u);
  EXPECT_EQ(Quarantine(*store.state, *store.vault).count(), 8);
}

}  // namespace
}  // namespace zhiyin::ingest
