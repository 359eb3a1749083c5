#include "measurement/report.h"

#include <gtest/gtest.h>

#include <cmath>

#include "audience/segment_query.h"
#include "audience/warehouse_people.h"
#include "base/random.h"
#include "campaign/store.h"
#include "delivery/holdout.h"
#include "delivery/short_link.h"
#include "delivery/test_state.h"
#include "ingest/warehouse_writer.h"

namespace zhiyin::measurement {
namespace {

using campaign::Campaign;
using delivery::Rule;
using delivery::Touch;
using delivery::TouchState;
using delivery::testing::at;
using delivery::testing::identity;
using delivery::testing::planned;
using delivery::testing::TestState;
using storage::Row;
using storage::Session;
using storage::Value;

const Instant kExposed = at("2026-03-10T12:00:00");
const Instant kWeekLater = kExposed + std::chrono::hours(7 * 24);
const CampaignId kSpring("spring");

/// A campaign of 300 people: 0-199 sent, 200-219 refused by the cap, 220-229 not following, 230-299
/// held out.
struct Case : TestState {
  Case() : TestState({campaign::migrations()}) {
    warehouse = *storage::open_warehouse("duckdb:" + (folder.path() / "w.duckdb").string(), 256,
                                         null_logger());
    EXPECT_TRUE(audience::create_segment_tables(*warehouse));
    Campaign c;
    c.id = kSpring;
    c.account = AccountId("shop");
    c.segment = SegmentId("all");
    c.holdout = 0.25;
    c.message.text = "你好";
    c.goal = campaign::Goal{"purchase", std::chrono::hours(7 * 24)};
    EXPECT_TRUE(campaign::Campaigns(*state).put(c, std::nullopt, kExposed));
    write([&](Session& s) { return fill(s); });
    std::vector<Row> people;
    for (int i = 0; i < 300; ++i) add_identity(people, i, i);
    EXPECT_TRUE(warehouse->insert(audience::identity_person_table(), people, "people"));
  }

  static void add_identity(std::vector<Row>& rows, int number, int person) {
    rows.push_back(
        {storage::to_hex(identity(number)), "p_" + std::to_string(person), std::int64_t{0}});
  }

  Result<void> fill(Session& s) {
    ZHIYIN_TRY_VOID(s.execute("UPDATE campaign SET state = 2, exposed_at = ?1", {kExposed.us}));
    for (int i = 0; i < 300; ++i) {
      Touch touch = planned(i, kExposed);
      if (i < 200) {
        touch.state = TouchState::kSent;
        touch.sent_at = kExposed + std::chrono::minutes(1);
      } else if (i < 230) {
        touch.state = TouchState::kRefused;
        touch.rule = i < 220 ? Rule::kFrequencyCap : Rule::kNotFollowing;
      } else {
        touch.state = TouchState::kHeldOut;
        touch.rule = Rule::kHeldOut;
      }
      ZHIYIN_TRY_VOID(delivery::SendLedger::add(s, touch));
      if (touch.rule == Rule::kNotFollowing) continue;
      ZHIYIN_TRY_VOID(
          s.execute("INSERT INTO holdout (campaign, person, identity, held_out, assigned_at) "
                    "VALUES (?1, ?2, ?3, "
                    "?4, ?5)",
                    {kSpring.value, touch.person.value, storage::to_blob(touch.identity),
                     std::int64_t{touch.state == TouchState::kHeldOut}, kExposed.us}));
    }
    ZHIYIN_TRY_VOID(
        s.execute("UPDATE touch SET clicked_at = ?1 WHERE person IN ('p_1', 'p_2', 'p_3')",
                  {(kExposed + std::chrono::hours(13)).us}));
    return {};
  }

  /// A purchase by identity `number`.
  void purchase(int number, Instant when, std::string kind = "purchase") {
    const std::int64_t offset = ++offset_;
    const storage::Table& table = ingest::events_table();
    Row row(table.columns.size());
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string_view name = table.columns[i].name;
      if (name == "part") row[i] = std::int64_t{0};
      if (name == "off") row[i] = offset;
      if (name == "event_id") row[i] = "e" + std::to_string(offset);
      if (name == "account") row[i] = std::string("shop");
      if (name == "identity") row[i] = storage::to_hex(identity(number));
      if (name == "kind") row[i] = kind;
      if (name == "occurred_at" || name == "received_at") row[i] = when.us;
      if (name == "value") row[i] = std::int64_t{100};
      if (name == "source") row[i] = std::string("api");
    }
    rows_.push_back(std::move(row));
  }
  Report report(Instant as_of) {
    EXPECT_TRUE(
        warehouse->insert(ingest::events_table(), rows_, "events" + std::to_string(offset_)));
    rows_.clear();
    const auto made = make_report(*state, *warehouse, kSpring, as_of);
    if (!made) throw std::runtime_error(made.error().text());
    return *made;
  }

  std::unique_ptr<storage::Warehouse> warehouse;
  std::int64_t offset_ = 0;
  std::vector<Row> rows_;
};

TEST(Report, TheFunnelAndTheEffectOfACaseCountedByHand) {
  Case w;
  const Instant inside = kExposed + std::chrono::hours(30);
  for (int i = 0; i < 40; ++i) w.purchase(i, inside);     // sent to
  for (int i = 200; i < 204; ++i) w.purchase(i, inside);  // treated, but refused by the cap
  for (int i = 220; i < 225; ++i) w.purchase(i, inside);  // never eligible
  for (int i = 230; i < 237; ++i) w.purchase(i, inside);  // held out
  w.purchase(0, inside + std::chrono::hours(1));          // a second purchase counts once
  w.purchase(100, kExposed);                              // at the exposure: before the window
  w.purchase(101, kWeekLater + Duration(1));              // just after it
  w.purchase(102, kWeekLater);                            // its last moment
  w.purchase(103, inside, "read");                        // another kind
  const Report r = w.report(kWeekLater + std::chrono::hours(1));

  EXPECT_EQ(r.funnel.audience, 300);
  EXPECT_EQ(r.funnel.eligible, 290);
  EXPECT_EQ(r.funnel.held_out, 70);
  EXPECT_EQ(r.funnel.sent, 200);
  EXPECT_EQ(r.funnel.clicked, 3);
  EXPECT_EQ(r.funnel.converted, 41);
  ASSERT_EQ(r.funnel.refused.size(), 2U);
  EXPECT_EQ(r.funnel.refused[0].rule, "not_following");
  EXPECT_EQ(r.funnel.refused[0].count, 10);
  EXPECT_EQ(r.funnel.refused[1].count, 20);
  EXPECT_FALSE(r.funnel.delivered.count.has_value());

  ASSERT_TRUE(r.effect.has_value());
  EXPECT_EQ(r.effect->metric, "purchase within 7d");
  EXPECT_EQ(r.effect->treated.n, 220) << "everyone assigned, also who was refused afterwards";
  EXPECT_EQ(r.effect->treated.converted, 45);
  EXPECT_EQ(r.effect->control.n, 70);
  EXPECT_EQ(r.effect->control.converted, 7);
  const double treated = 45.0 / 220;
  EXPECT_NEAR(*r.effect->estimate, treated - 0.1, 1e-12);
  EXPECT_NEAR(*r.effect->se, std::sqrt(treated * (1 - treated) / 220 + 0.1 * 0.9 / 70), 1e-12);
  EXPECT_LT(*r.effect->p, 0.05);
  EXPECT_TRUE(r.effect->window_closed);
  EXPECT_NE(r.words.zh.find("提高了"), std::string::npos) << r.words.zh;
  ASSERT_TRUE(r.split.has_value());
  EXPECT_FALSE(r.split->alarm);
}

TEST(Report, CountsWhatASegmentWithTheSameWindowWouldCount) {
  Case w;
  Random random(5);
  for (int i = 0; i < 600; ++i) {
    const auto person = static_cast<int>(random.below(300));
    const auto minutes = static_cast<std::int64_t>(random.below(10 * 24 * 60));
    w.purchase(person, kExposed - std::chrono::hours(24) + std::chrono::minutes(minutes));
  }
  const Report r = w.report(kWeekLater);
  const auto tree = audience::SegmentTree::parse(R"({"event":"purchase","window":"7d"})");
  ASSERT_TRUE(tree) << tree.error().text();
  const auto members = audience::members(*w.warehouse, *tree, kWeekLater);
  ASSERT_TRUE(members) << members.error().text();
  const auto treated_or_held = [](const PersonId& person) {
    const int n = std::stoi(person.value.substr(2));
    return n < 220 || n >= 230;
  };
  EXPECT_EQ(r.effect->treated.converted + r.effect->control.converted,
            std::count_if(members->begin(), members->end(), treated_or_held));
}

TEST(Report, APurchaseOnAnotherIdentityOfThePersonCounts) {
  Case w;
  std::vector<Row> more;
  Case::add_identity(more, 1000, 5);  // the mini-program's openid of person 5
  ASSERT_TRUE(w.warehouse->insert(audience::identity_person_table(), more, "more"));
  w.purchase(1000, kExposed + std::chrono::hours(1));
  EXPECT_EQ(w.report(kWeekLater).funnel.converted, 1);
}

TEST(Report, AnOpenWindowAndTooLittleDataAreSaid) {
  Case w;
  w.purchase(1, kExposed + std::chrono::hours(1));
  const Report r = w.report(kExposed + std::chrono::hours(2));
  EXPECT_FALSE(r.effect->window_closed);
  EXPECT_TRUE(r.effect->refused.has_value());
  EXPECT_NE(r.words.zh.find("还没有足够的数据"), std::string::npos) << r.words.zh;
  EXPECT_TRUE(r.words.zh.starts_with("（观察期到 2026-03-17")) << r.words.zh;
}

TEST(Report, DaysAreThoseOfShanghai) {
  Case w;
  w.purchase(4, at("2026-03-12T00:30:00"));
  const Report r = w.report(kWeekLater);
  ASSERT_EQ(r.daily.size(), 3U);
  EXPECT_EQ(r.daily[0].day, "2026-03-10");
  EXPECT_EQ(r.daily[0].sent, 200);
  EXPECT_EQ(r.daily[1].day, "2026-03-11");
  EXPECT_EQ(r.daily[1].clicked, 3);
  EXPECT_EQ(r.daily[2].day, "2026-03-12");
  EXPECT_EQ(r.daily[2].converted, 1);
}

TEST(Report, DeliveryIsTheSumOfWhatWechatReported) {
  Case w;
  w.write([&](Session& s) -> Result<void> {
    delivery::SendBatch batch;
    batch.id = "zy1";
    batch.campaign = kSpring;
    batch.account = AccountId("shop");
    batch.state = TouchState::kSent;
    batch.provider_id = "1000";
    ZHIYIN_TRY_VOID(delivery::SendLedger::put_batch(s, batch));
    return delivery::SendLedger::record_mass_result(s, batch.account, "1000",
                                                    {"send success", 200, 200, 190, 10}, kExposed);
  });
  const Report r = w.report(kWeekLater);
  EXPECT_EQ(r.funnel.delivered.count, 190);
  EXPECT_NE(r.funnel.delivered.note.find("totals only"), std::string::npos);
}

TEST(Report, JsonHasTheFormOfTheDocument) {
  Case w;
  for (int i = 0; i < 20; ++i) w.purchase(i, kExposed + std::chrono::hours(1));
  const Json json = to_json(w.report(kWeekLater));
  EXPECT_EQ(json["campaign"].string_or(""), "spring");
  EXPECT_EQ(json["funnel"]["delivered"]["note"].type_name(), "string");
  EXPECT_EQ(json["effect"]["treated"]["n"].int_or(0), 220);
  EXPECT_TRUE(json["words"]["zh"].if_string() != nullptr);
  EXPECT_EQ(json["daily"].type_name(), "array");
  EXPECT_EQ(make_report(*w.state, *w.warehouse, CampaignId("none"), kWeekLater).error().code,
            ErrorCode::kNotFound);
}

TEST(ReportCsv, OneLinePerFigureAndNoFormulas) {
  Case w;
  const std::string csv = report_csv(w.report(kWeekLater));
  EXPECT_TRUE(csv.starts_with("\xEF\xBB\xBFsection,name,value\r\n"));
  EXPECT_NE(csv.find("funnel,sent,200\r\n"), std::string::npos);
  EXPECT_NE(csv.find("refused,frequency_cap,20\r\n"), std::string::npos);
  w.write([](Session& s) -> Result<void> {
    ZHIYIN_TRY_VOID(
        s.execute("UPDATE touch SET error = '=HYPERLINK(\"x\"),y' WHERE person = 'p_9'"));
    return {};
  });
  const auto touches = touches_csv(*w.state, kSpring);
  ASSERT_TRUE(touches);
  EXPECT_NE(touches->find("\"'=HYPERLINK(\"\"x\"\"),y\"\r\n"), std::string::npos);
  EXPECT_EQ(std::count(touches->begin(), touches->end(), '\n'), 301);
}

}  // namespace
}  // namespace zhiyin::measurement
