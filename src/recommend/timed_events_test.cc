#include "recommend/timed_events.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "base/random.h"
#include "recommend/evaluate.h"

namespace zhiyin::recommend {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
Instant at(std::int64_t seconds) { return {seconds * kSecond}; }

std::vector<std::int64_t> times(std::string_view text) {
  const auto read = parse_events(text, "f.csv");
  EXPECT_TRUE(read) << read.error().text();
  std::vector<std::int64_t> out;
  if (!read) return out;
  for (const TimedEvent& row : read->rows) out.push_back(row.at.us);
  return out;
}

TEST(EventFile, ReadsTimesInWhateverUnitTheFileHas) {
  const std::vector<std::int64_t> expected = {1'700'000'000'000'000, 1'700'000'000'500'000};
  EXPECT_EQ(times("user,item,timestamp\na,x,1700000000\nb,y,1700000000.5\n"), expected);
  EXPECT_EQ(times("userID,itemID,time\na,x,1700000000000\nb,y,1700000000500\n"), expected);
  EXPECT_EQ(times("timestamp:float\titem_id:token\tuser_id:token\n1700000000000000\tx\ta\n"
                  "1700000000500000\ty\tb\n"),
            expected);
  EXPECT_EQ(times("item,occurred_at,user\nx,2023-11-14T22:13:20Z,a\ny,2023-11-15 06:13:20.5,b\n"),
            expected);
  // One unit for all of a file: 1970 in milliseconds is not 33658 in seconds.
  EXPECT_EQ(times("user,item,ts\na,x,1000\na,y,1700000000000\n"),
            (std::vector<std::int64_t>{kSecond, 1'700'000'000'000'000}));
  EXPECT_EQ(times("user,item,date\na,x,1998-03-01\n"),
            (std::vector<std::int64_t>{888'681'600 * kSecond}));
}

TEST(EventFile, NamesTheLineThatIsWrong) {
  const auto message = [](std::string_view text) {
    const auto read = parse_events(text, "f.csv");
    return read ? "" : read.error().message;
  };
  EXPECT_EQ(message("user,item\na,x\n"),
            "f.csv: line 1: a header of events has the columns user, item and timestamp");
  EXPECT_EQ(message("a,x,1700000000\n"),
            "f.csv: line 1: a header of events has the columns user, item and timestamp");
  EXPECT_EQ(message("user,item,time\na,x\n"),
            "f.csv: line 2: has too few cells for a user, an item and a time");
  EXPECT_EQ(message("user,item,time\na,x,1\na,,1\n"),
            "f.csv: line 3: the user, the item or the time is empty");
  EXPECT_NE(message("user,item,time\na,x,soon\n").find("line 2"), std::string::npos);
  EXPECT_EQ(message("user,item,time\na,x,-5\n"), "f.csv: line 2: the time '-5' is before 1970");
  EXPECT_NE(message("user,item,time\na,x,1e30\n").find("f.csv: a time of"), std::string::npos);
}

TEST(TimeCut, IsADurationADateOrATime) {
  EXPECT_EQ(parse_cut("7d")->newest, 7 * kDay);
  EXPECT_EQ(parse_cut("1998-03-01")->at, at(888'681'600));
  EXPECT_EQ(parse_cut("1998-03-01T00:00:00Z")->at, at(888'710'400));
  EXPECT_FALSE(parse_cut("")->at || parse_cut("")->newest);
  EXPECT_EQ(parse_cut("last week").error().field, "cut");
}

/// Of `people` each reads items 0 to 8, one a second, in an order of its own; the last is the same
/// as the first.
TimedEvents readers(int people) {
  TimedEvents out;
  for (int step = 0; step < 10; ++step) {
    for (int person = 0; person < people; ++person)
      out.add(std::to_string(person), std::to_string((person + step) % 9), at(100 + step));
  }
  return out;
}

TEST(TimeSplit, TheNewestTenthIsTestAndWhatIsKnownIsNotLookedFor) {
  TimedEvents events = readers(30);
  const auto known = split_by_time(events, {.at = at(108), .newest = {}});
  ASSERT_TRUE(known) << known.error().text();
  // At second 108 comes an item that is new to the person, at 109 the first again.
  EXPECT_EQ(known->data.test.size(), 30U);
  EXPECT_EQ(known->wanted, 30U);
  EXPECT_EQ(known->wanted_unseen, 0U);
  for (const EvaluationCase& one : known->data.test) {
    EXPECT_EQ(one.wanted, (std::vector<std::uint32_t>{(one.user + 8) % 9}));
    EXPECT_EQ(known->data.histories[one.user].front(), one.user % 9);  // oldest first
    EXPECT_EQ(known->data.histories[one.user].size(), 8U);
  }
  EXPECT_EQ(known->events_before, 240U);
  EXPECT_EQ(known->events_after, 60U);
  EXPECT_EQ(known->first, at(100));
  EXPECT_EQ(known->last, at(109));
  // Nobody, who is there only later, and an item that nobody knew.
  events.add("late", "0", at(109));
  events.add("late", "1", at(109));
  events.add("0", "new", at(109));
  const auto split = split_by_time(events, {.at = {}, .newest = Duration(kSecond)});
  ASSERT_TRUE(split) << split.error().text();
  EXPECT_EQ(split->cut, at(108));
  EXPECT_EQ(split->people_before, 30U);
  EXPECT_EQ(split->people_only_after, 1U);
  EXPECT_EQ(split->wanted, 31U);
  EXPECT_EQ(split->wanted_unseen, 1U);
  EXPECT_EQ(split->data.items(), 10U);
}

TEST(TimeSplit, WithoutACutTheNewestTenthOrPeopleEnough) {
  TimedEvents many;
  for (int i = 0; i < 2000; ++i)
    many.add(std::to_string(i % 100), std::to_string(i / 20), at(1000 + i));
  const auto tenth = split_by_time(many, {});
  ASSERT_TRUE(tenth) << tenth.error().text();
  EXPECT_EQ(tenth->cut, at(2800));
  EXPECT_EQ(tenth->events_after, 200U);
  // 30 people in the newest tenth: it begins earlier, at half of them at most.
  TimedEvents slow;
  for (int i = 0; i < 1200; ++i)
    slow.add(std::to_string(i / 20), std::to_string(i % 7 + i / 600 * 7), at(1000 + i));
  for (int i = 0; i < 300; ++i) slow.add(std::to_string(i / 5), "last", at(3000 + i));
  const auto wider = split_by_time(slow, {});
  ASSERT_TRUE(wider) << wider.error().text();
  EXPECT_EQ(wider->cut, at(3054));  // the fiftieth read at last then
  EXPECT_EQ(wider->events_after, 246U);
  EXPECT_EQ(wider->data.test.size(), 49U);  // who had read the same before
  // With too few people half of the events at most; those of one moment are never on both sides.
  const auto half = split_by_time(readers(30), {});
  ASSERT_TRUE(half) << half.error().text();
  EXPECT_EQ(half->cut, at(105));
  EXPECT_EQ(half->events_after, 150U);
}

TEST(TimeSplit, TheOrderOfTheEventsDoesNotMatter) {
  const TimedEvents events = readers(30);
  TimedEvents turned;
  for (auto row = events.rows.rbegin(); row != events.rows.rend(); ++row)
    turned.add(events.users.name(row->user), events.items.name(row->item), row->at);
  const TimeCut cut{.at = at(107), .newest = {}};
  const auto one = split_by_time(events, cut);
  const auto other = split_by_time(turned, cut);
  ASSERT_TRUE(one && other);
  EXPECT_EQ(one->data.histories, other->data.histories);
  ASSERT_EQ(one->data.test.size(), other->data.test.size());
  for (std::size_t i = 0; i < one->data.test.size(); ++i) {
    EXPECT_EQ(one->data.test[i].user, other->data.test[i].user);
    EXPECT_EQ(one->data.test[i].wanted, other->data.test[i].wanted);
  }
}

TEST(TimeSplit, RefusesWithTheFigures) {
  const auto few = split_by_time(readers(19), {.at = at(108), .newest = {}});
  ASSERT_FALSE(few);
  EXPECT_EQ(few.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(few.error().message.find("19 people have events before it and something new after it, "
                                     "at least 20 are needed (152 events by 19 people before, 38 "
                                     "events after, 0 people only after)"),
            std::string::npos)
      << few.error().message;
  EXPECT_EQ(split_by_time({}, {}).error().code, ErrorCode::kUnsupported);
  for (const std::int64_t second : {50, 100, 500}) {
    const auto outside = split_by_time(readers(30), {.at = at(second), .newest = {}});
    ASSERT_FALSE(outside) << second;
    EXPECT_EQ(outside.error().field, "cut");
    EXPECT_NE(outside.error().message.find(second > 109 ? "nothing is after" : "nothing is before"),
              std::string::npos);
  }
}

/// Two tastes: who read one item of a taste reads the others of it sooner or later.
std::string tastes() {
  Random random(3);
  std::string out = "user,item,timestamp\n";
  for (int step = 0; step < 12; ++step) {
    for (int person = 0; person < 60; ++person) {
      const int item = static_cast<int>(random.below(20)) * 2 + person % 2;
      out += "u" + std::to_string(person) + ",i" + std::to_string(item) + "," +
             std::to_string(1'700'000'000 + step * 1000 + person) + "\n";
    }
  }
  return out;
}

TEST(EvaluateByTime, MeasuresWhatCameLaterAndTunesOnWhatCameBefore) {
  TempFolder folder;
  EvaluateArgs args;
  args.protocol = "time";
  args.events = folder.path() / "events.csv";
  ASSERT_TRUE(write_file(args.events, tastes()));
  args.model = "ease";
  args.at = {5, 20};
  args.cut.newest = Duration(3000 * kSecond);
  const auto measured = evaluate_recommend(args);
  ASSERT_TRUE(measured) << measured.error().text();
  EXPECT_EQ((*measured)["protocol"].string_or(""), "time");
  EXPECT_EQ((*measured)["items"].int_or(0), 40);
  const Json& split = (*measured)["split"];
  EXPECT_EQ(split["people"]["both"].int_or(0), (*measured)["people"].int_or(1));
  EXPECT_EQ(split["events"]["before"].int_or(0) + split["events"]["after"].int_or(0), 720);
  EXPECT_TRUE(split["validation_from"].is_null());
  EXPECT_TRUE((*measured)["lists"]["coverage"].is_number());
  args.model = "popular";
  const auto popular = evaluate_recommend(args);
  ASSERT_TRUE(popular);
  // Half of what is popular is of the other taste.
  EXPECT_GT((*measured)["metrics"]["recall@20"].number_or(0),
            (*popular)["metrics"]["recall@20"].number_or(1) + 0.2);
  args.model = "ease";
  args.tune = true;
  args.trials = 5;
  const auto tuned = evaluate_recommend(args);
  ASSERT_TRUE(tuned) << tuned.error().text();
  EXPECT_EQ((*tuned)["tried"].if_array()->size(), 5U);
  EXPECT_LT((*tuned)["split"]["validation_from"].string_or("9"),
            (*tuned)["split"]["cut"].string_or("0"));
  // The winner learnt from all that was before the cut.
  EvaluateArgs again = args;
  again.tune = false;
  for (const auto& [name, value] : *(*tuned)["params"].if_object())
    if (name != "neighbours") again.params[name] = value.dump();
  const auto same = evaluate_recommend(again);
  ASSERT_TRUE(same) << same.error().text();
  EXPECT_EQ((*same)["metrics"].dump(), (*tuned)["metrics"].dump());
}

TEST(EvaluateByTime, RefusesAModelThatNeedsMoreMemoryThanIsAllowed) {
  EvaluateArgs args;
  args.protocol = "time";
  args.model = "ease";
  args.cut.at = at(108);
  args.memory_max = 8 * 9 * 9 - 1;
  EXPECT_EQ(evaluate_recommend(args, readers(30)).error().code, ErrorCode::kLimitReached);
  args.memory_max = 8 * 9 * 9;
  EXPECT_TRUE(evaluate_recommend(args, readers(30)));
}

}  // namespace
}  // namespace zhiyin::recommend
