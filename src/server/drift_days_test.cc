// Drift over days, restarts and processes; classifiers are provided, no encoder.
#include "server/drift_days.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "model/classify/train_text.h"
#include "storage/migrations.h"
#include "storage/sqlite_state.h"

namespace zhiyin::server {
namespace {

model::LabelledTexts reviews() {
  model::LabelledTexts out;
  out.classes = {"negative", "positive"};
  for (int i = 0; i < 100; ++i) {
    out.texts.push_back(fmt::format("{}太差了{}", i % 7, i % 3));
    out.labels.push_back(0);
    out.texts.push_back(fmt::format("{}很好用{}", i % 7, i % 3));
    out.labels.push_back(1);
  }
  return out;
}

std::vector<std::string> texts_of(std::string_view what, int n) {
  std::vector<std::string> out;
  for (int i = 0; i < n; ++i) out.push_back(fmt::format("{}{}{}", i % 7, what, i % 3));
  return out;
}

const Json& nth(const Json& list, std::size_t i) { return list.if_array()->at(i); }

class DriftDaysTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { trained_ = *model::train_text(reviews(), {}); }
  static void TearDownTestSuite() { trained_.reset(); }

  /// One process on the same state.
  struct Process {
    Process(storage::State& state, const Clock& clock)
        : registry(state),
          language(Language::Settings{}, registry, metrics, null_logger()),
          drift(language, state, clock, null_logger()) {
      language.provide("mood", {"mood-1", *trained_});
    }
    void read(std::string_view what, int n) {
      const auto texts = texts_of(what, n);
      const std::vector<std::string_view> views(texts.begin(), texts.end());
      language.classify("mood", **language.classifier("mood"), views, {});
    }
    Json report(std::string_view window = "7d") {
      return drift.report("mood", *DriftWindow::parse(window)).value_or(Json());
    }
    MetricsRegistry metrics;
    model::Registry registry;
    Language language;
    DriftDays drift;
  };

  void SetUp() override {
    auto state = storage::open_sqlite_state(folder_.path() / "state.db");
    ASSERT_TRUE(state.has_value()) << state.error().text();
    state_ = std::move(*state);
    auto tables = storage::migrations();
    for (const auto& table : model::Registry::migrations()) tables.push_back(table);
    for (const auto& table : DriftDays::migrations()) tables.push_back(table);
    ASSERT_TRUE(state_->migrate(tables).has_value());
  }

  static std::optional<model::TextClassifier> trained_;
  TempFolder folder_;
  std::unique_ptr<storage::State> state_;
  SteppedClock clock_{*parse_time("2026-11-30T12:00:00Z", TimeZone::shanghai())};
};
std::optional<model::TextClassifier> DriftDaysTest::trained_;

TEST_F(DriftDaysTest, WhatDriftsIsReportedWithItsVerdict) {
  Process one(*state_, clock_);
  EXPECT_EQ(one.report()["texts"].int_or(-1), 0);
  EXPECT_TRUE(one.report()["days"].if_array()->empty());
  one.read("很好用", 300);
  const Json report = one.report();
  EXPECT_EQ(report["texts"].int_or(0), 300);  // not saved yet, and counted
  EXPECT_EQ(nth(report["labels"], 1)["label"].string_or(""), "positive");
  EXPECT_EQ(nth(report["labels"], 1)["now"].number_or(0), 1);
  // Half of those learnt from were negative.
  EXPECT_EQ(report["verdicts"]["labels"].string_or(""), "shifted");
  EXPECT_EQ(report["verdict"].string_or(""), "shifted");
  EXPECT_EQ(one.drift.report("absent", {}).error().code, ErrorCode::kNotFound);
}

TEST_F(DriftDaysTest, CountsStayOverARestartAndTheUnsavedDoNot) {
  {
    Process first(*state_, clock_);
    first.read("很好用", 40);
    first.read("太差了", 60);
    ASSERT_TRUE(first.drift.save().has_value());
    EXPECT_EQ(first.report()["texts"].int_or(0), 100);  // once, not twice
    first.read("太差了", 7);                            // never saved: the process is killed
    EXPECT_EQ(first.report()["texts"].int_or(0), 107);
  }
  Process second(*state_, clock_);
  const Json report = second.report();
  EXPECT_EQ(report["texts"].int_or(0), 100);
  EXPECT_NEAR(nth(report["labels"], 0)["now"].number_or(0), 0.6, 1e-12);
  EXPECT_EQ(second.report("last")["texts"].int_or(-1), 0);  // of this process
}

TEST_F(DriftDaysTest, ProcessesAddUp) {
  Process one(*state_, clock_), two(*state_, clock_);
  one.read("很好用", 30);
  two.read("太差了", 70);
  ASSERT_TRUE(one.drift.save().has_value());
  ASSERT_TRUE(two.drift.save().has_value());
  two.read("太差了", 5);
  EXPECT_EQ(one.report()["texts"].int_or(0), 100);
  EXPECT_EQ(two.report()["texts"].int_or(0), 105);
  Process both(*state_, clock_);
  both.read("很好用", 30);
  both.read("太差了", 70);
  const Json together = both.report("last"), apart = one.report();
  EXPECT_EQ(apart["psi"], together["psi"]);
  EXPECT_EQ(apart["ngrams"], together["ngrams"]);
}

TEST_F(DriftDaysTest, AWindowTakesItsDaysAndOldOnesGo) {
  Process one(*state_, clock_);
  one.read("很好用", 10);
  ASSERT_TRUE(one.drift.save().has_value());
  ASSERT_TRUE(clock_.advance_to(clock_.now() + kDay * 3));
  one.read("太差了", 20);
  ASSERT_TRUE(one.drift.save().has_value());
  EXPECT_EQ(one.report("3d")["texts"].int_or(0), 20);
  const Json four = one.report("4d");
  EXPECT_EQ(four["texts"].int_or(0), 30);
  ASSERT_EQ(four["days"].if_array()->size(), 2);
  EXPECT_EQ(nth(four["days"], 0)["day"].string_or(""), "2026-11-30");
  EXPECT_EQ(nth(four["days"], 1)["day"].string_or(""), "2026-12-03");
  EXPECT_EQ(nth(four["days"], 1)["texts"].int_or(0), 20);
  ASSERT_TRUE(clock_.advance_to(clock_.now() + kDay * DriftDays::kDaysKept));
  one.read("太差了", 1);
  ASSERT_TRUE(one.drift.save().has_value());
  const auto rows = state_->query("SELECT COUNT(*) FROM drift_day");
  EXPECT_EQ(storage::as_int(rows->rows[0][0]), 2);  // the day exactly kDaysKept ago, and today
}

TEST_F(DriftDaysTest, AnotherVersionCountsForItselfAndDamagedCountsAreRefusedThenReplaced) {
  Process one(*state_, clock_);
  one.read("很好用", 10);
  one.language.provide("mood", {"mood-2", *trained_});
  one.read("太差了", 5);
  ASSERT_TRUE(one.drift.save().has_value());
  EXPECT_EQ(one.report()["version"].string_or(""), "mood-2");
  EXPECT_EQ(one.report()["texts"].int_or(0), 5);
  Process old(*state_, clock_);
  EXPECT_EQ(old.report()["texts"].int_or(0), 10);
  ASSERT_TRUE(state_->write([](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY_VOID(db.execute("UPDATE drift_day SET counts = '{\"rows\":3}'"));
    return {};
  }));
  EXPECT_EQ(one.drift.report("mood", {}).error().code, ErrorCode::kDataLoss);
  one.read("太差了", 5);
  ASSERT_TRUE(one.drift.save().has_value());
  EXPECT_EQ(one.report()["texts"].int_or(0), 5);
}

TEST_F(DriftDaysTest, AnAlertOpensOverDaysAndRestarts) {
  {
    Process first(*state_, clock_);
    first.read("很好用", 300);
    ASSERT_TRUE(first.drift.save().has_value());
    EXPECT_EQ(first.report()["alert"]["state"].string_or(""), "idle");  // one day is not two
    EXPECT_TRUE(first.drift.alerts()->if_array()->empty());
  }
  ASSERT_TRUE(clock_.advance_to(clock_.now() + kDay));
  Process second(*state_, clock_);
  second.read("很好用", 199);
  EXPECT_TRUE(second.drift.alerts()->if_array()->empty());  // too few today
  second.read("很好用", 1);
  EXPECT_EQ(second.drift.alerts()->if_array()->size(), 1);  // not saved yet, and counted
  ASSERT_TRUE(second.drift.save().has_value());
  const Json kept = *second.drift.alerts();
  ASSERT_EQ(kept.if_array()->size(), 1);
  EXPECT_EQ(nth(kept, 0)["name"].string_or(""), "mood");
  EXPECT_EQ(nth(kept, 0)["version"].string_or(""), "mood-1");
  EXPECT_EQ(nth(kept, 0)["since"].string_or(""), "2026-12-01");
  EXPECT_EQ(nth(kept, 0)["above"].number_or(0), 0.25);
  for (const char* window : {"last", "1d", "7d"})
    EXPECT_TRUE(second.report(window)["alert"]["state"].string_or("") == "open" ||
                second.report(window)["alert"]["state"].string_or("") == "escalated")
        << window;
  EXPECT_EQ(second.report("1d")["texts"].int_or(0), 200);
  // A new version has a history of its own.
  second.language.provide("mood", {"mood-2", *trained_});
  EXPECT_TRUE(second.drift.alerts()->if_array()->empty());
  EXPECT_EQ(second.report()["alert"]["state"].string_or(""), "idle");
}

TEST_F(DriftDaysTest, WhatCannotBeKeptIsTriedAgain) {
  Process one(*state_, clock_);
  one.read("很好用", 10);
  const auto rename = [&](const char* from, const char* to) {
    return state_->write([&](storage::Session& db) -> Result<void> {
      ZHIYIN_TRY_VOID(db.execute(fmt::format("ALTER TABLE {} RENAME TO {}", from, to)));
      return {};
    });
  };
  ASSERT_TRUE(rename("drift_day", "away"));
  EXPECT_FALSE(one.drift.save().has_value());
  one.read("很好用", 10);
  ASSERT_TRUE(rename("away", "drift_day"));
  ASSERT_TRUE(one.drift.save().has_value());
  Process next(*state_, clock_);
  EXPECT_EQ(next.report()["texts"].int_or(0), 20);
}

TEST(DriftWindow, IsLastOrDays) {
  EXPECT_EQ(DriftWindow::parse("last")->days, 0);
  EXPECT_EQ(DriftWindow::parse("30d")->days, 30);
  for (const char* wrong :
       {"", "d", "0d", "-1d", "7", "7h", "366d", "1d ", "99999999999999999999d"})
    EXPECT_EQ(DriftWindow::parse(wrong).error().field, "window") << wrong;
}

}  // namespace
}  // namespace zhiyin::server
