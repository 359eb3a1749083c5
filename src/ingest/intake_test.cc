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
    intake.accept_body(std::move(body), "api", std::move(accounts),
                       [&](Result<std::vector<Answer>> answers) { promise.set_value(std::move(answers)); });
    return promise.get_future().get();
  }
  static std::string event(std::string_view id, std::string_view more = "") {
    return fmt::format(R"({{"event_id":"{}","account":"shop","identities":[{{"kind":"openid","value":"o1"}}],"kind":"read"{}}})", id, more);
  }

  TestStore store;
  Intake intake{*store.log, *store.state, *store.vault, store.clock, store.metrics,
                {.events_max = 50, .recent_ids = 1024, .account_known = [](std::string_view a) { return a != "nobody"; }, .zone_of = {}}};
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
  const auto answers = send(R"([{"event_id":"x","account":"shop","identities":[{"kind":"openid","value":"o1"},{"kind":"unionid","value":"u1"}],
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
  const auto answers = send(R"({"account":"shop","identities":[{"kind":"openid","value":"o1"}],"kind":"like"})");
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
  const auto answers = send("[" + event("a", R"(,"valu":3)") + "," + event("b") + R"(,{"event_id":"c","account":"shop","kind":"read"}])");
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
  const auto answers = send("[" + event("a", R"(,"value":1.5)") + "," + event("b", R"(,"occurred_at":"gestern")") + "," +
                            event("c", R"(,"item":{"kind":"article","id":5})") + R"(,17,{"account":"shop","kind":"x","identities":[{"kind":"openid","value":7}]}])");
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
  EXPECT_EQ(send("{\n\"event_id\":\"a\",\"account\":\"shop\",\n\"identities\":[\n{\"kind\":\"openid\",\"value\":\"o\"}\n],\"kind\":\"read\"\n}")->size(), 1u);
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
  const auto unknown = send(R"({"account":"nobody","identities":[{"kind":"openid","value":"o"}],"kind":"like"})");
  EXPECT_THAT((*unknown)[0].reason, HasSubstr("no account 'nobody'"));
  const auto foreign = send(R"({"account":"shop","identities":[{"kind":"openid","value":"o"},{"account":"b","kind":"openid","value":"p"}],"kind":"like"})", {"shop"});
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
  const auto answer = quarantine.resubmit(intake, entry.id, *parse_json(event("a", R"(,"value":3)")));
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->verdict, Verdict::kAccepted);
  EXPECT_EQ(quarantine.count(), 0);
  EXPECT_EQ(store.logged().at(0).value, 3);
  EXPECT_EQ(quarantine.resubmit(intake, entry.id, std::nullopt).error().code, ErrorCode::kNotFound);
}

TEST_F(IntakeTest, AResubmittedEventWithoutIdGetsOneThatIsTheSameNextTime) {
  ASSERT_TRUE(send(R"({"account":"nobody","identities":[{"kind":"openid","value":"o"}],"kind":"like"})"));
  const QuarantinedEvent entry = quarantine.list("", 0, 1)->at(0);
  const auto corrected = *parse_json(R"({"account":"shop","identities":[{"kind":"openid","value":"o"}],"kind":"like"})");
  ASSERT_TRUE(quarantine.resubmit(intake, entry.id, corrected));
  EXPECT_EQ(store.logged().at(0).event_id, fmt::format("quarantine_{}_{}", entry.id, entry.received_at.us));
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
  Result<std::vector<storage::StoredRecord>> read(storage::Stream, const storage::Positions&, std::size_t) override {
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
