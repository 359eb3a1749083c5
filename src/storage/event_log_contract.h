#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "storage/event_log.h"

/// What every event log promises. An adapter's test brings a `Harness` with
/// `std::unique_ptr<EventLog> open()`, which opens the same store again after it was closed, and
/// runs `INSTANTIATE_TYPED_TEST_SUITE_P(Name, EventLogContract, Harness)`.
namespace zhiyin::storage {

inline NewRecord record(int partition, std::string bytes) { return {partition, std::move(bytes)}; }

/// Reads everything after `after` as a consumer does, `page` records at a time.
inline std::vector<StoredRecord> read_all(EventLog& log, Stream stream, Positions after = {},
                                          std::size_t page = 100) {
  std::vector<StoredRecord> all;
  for (;;) {
    auto batch = log.read(stream, after, page);
    if (!batch) {
      ADD_FAILURE() << batch.error().text();
      return all;
    }
    if (batch->empty()) return all;
    after = log.advance(after, *batch);
    all.insert(all.end(), batch->begin(), batch->end());
  }
}

inline std::vector<std::string> texts(const std::vector<StoredRecord>& records,
                                      int partition = -1) {
  std::vector<std::string> out;
  for (const StoredRecord& r : records) {
    if (partition < 0 || r.partition == partition) out.push_back(r.bytes);
  }
  return out;
}

template <class Harness>
class EventLogContract : public ::testing::Test {
 protected:
  void SetUp() override {
    if constexpr (requires { Harness::unavailable(); }) {
      if (const std::string reason = Harness::unavailable(); !reason.empty())
        GTEST_SKIP() << reason;
    }
    log_ = harness_.open();
  }

  void append(int partition, const std::string& bytes, Stream stream = Stream::kEvents) {
    const auto outcome = log_->append_and_wait(stream, {record(partition, bytes)});
    ASSERT_TRUE(outcome) << outcome.error().text();
  }
  void reopen() {
    log_.reset();
    log_ = harness_.open();
  }

  Harness harness_;
  std::unique_ptr<EventLog> log_;
};
TYPED_TEST_SUITE_P(EventLogContract);

TYPED_TEST_P(EventLogContract, GivesThePartitionsRecordsInOrderOfAppends) {
  for (int i = 0; i < 10; ++i) this->append(i % 3, std::to_string(i));
  const auto all = read_all(*this->log_, Stream::kEvents);
  EXPECT_EQ(texts(all, 1), (std::vector<std::string>{"1", "4", "7"}));
  EXPECT_EQ(all.size(), 10U);
  Positions last{};
  for (const StoredRecord& r : all) {
    EXPECT_GT(r.offset, last[static_cast<std::size_t>(r.partition)]);
    last[static_cast<std::size_t>(r.partition)] = r.offset;
  }
}

TYPED_TEST_P(EventLogContract, KeepsBytesExactly) {
  std::string odd("a\0b\xff\n", 5);
  this->append(0, "");
  this->append(0, odd);
  this->append(63, std::string(kRecordBytesMax, 'x'));
  const auto all = read_all(*this->log_, Stream::kEvents);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].bytes, "");
  EXPECT_EQ(all[1].bytes, odd);
  EXPECT_EQ(all[2].bytes.size(), kRecordBytesMax);
  EXPECT_EQ(all[2].partition, 63);
}

TYPED_TEST_P(EventLogContract, ResumesWhereAConsumerStopped) {
  std::vector<NewRecord> many;
  for (int i = 0; i < 50; ++i) many.push_back(record(i % 5, std::to_string(i)));
  ASSERT_TRUE(this->log_->append_and_wait(Stream::kEvents, many));
  Positions after{};
  std::vector<StoredRecord> seen;
  for (int page = 0; page < 3; ++page) {
    const auto batch = this->log_->read(Stream::kEvents, after, 7);
    ASSERT_TRUE(batch);
    ASSERT_EQ(batch->size(), 7U);
    after = this->log_->advance(after, *batch);
    seen.insert(seen.end(), batch->begin(), batch->end());
  }
  this->reopen();
  const auto rest = read_all(*this->log_, Stream::kEvents, after, 7);
  seen.insert(seen.end(), rest.begin(), rest.end());
  std::vector<std::string> expected;
  for (int i = 0; i < 50; ++i) expected.push_back(std::to_string(i));
  auto got = texts(seen);
  std::ranges::sort(got);
  std::ranges::sort(expected);
  EXPECT_EQ(got, expected);
}

TYPED_TEST_P(EventLogContract, RespectsThePositionOfEachPartition) {
  for (int i = 0; i < 10; ++i) this->append(i % 2, std::to_string(i));
  const auto all = read_all(*this->log_, Stream::kEvents);
  Positions after{};
  for (const StoredRecord& r : all) {
    if (r.bytes == "7") after[1] = r.offset;  // partition 1 is ahead, partition 0 at the beginning
  }
  const auto rest = read_all(*this->log_, Stream::kEvents, after);
  EXPECT_EQ(texts(rest, 0), (std::vector<std::string>{"0", "2", "4", "6", "8"}));
  EXPECT_EQ(texts(rest, 1), (std::vector<std::string>{"9"}));
}

TYPED_TEST_P(EventLogContract, KeepsEverythingWhenReopened) {
  this->append(4, "first");
  const auto before = read_all(*this->log_, Stream::kEvents);
  this->reopen();
  this->append(4, "second");
  const auto after = read_all(*this->log_, Stream::kEvents);
  ASSERT_EQ(texts(after), (std::vector<std::string>{"first", "second"}));
  EXPECT_EQ(after[0].offset, before[0].offset);
  EXPECT_GT(after[1].offset, after[0].offset);
}

TYPED_TEST_P(EventLogContract, ConcurrentAppendsKeepEachCallersOrder) {
  constexpr int kCallers = 4;
  constexpr int kEach = 50;
  std::atomic<int> answered = 0;
  std::atomic<int> acknowledged = 0;
  {
    std::vector<std::jthread> callers;
    for (int c = 0; c < kCallers; ++c) {
      callers.emplace_back([&, c] {
        for (int i = 0; i < kEach; ++i) {
          this->log_->append(Stream::kEvents, {record(c, std::to_string(i)), record(60, "shared")},
                             [&](Result<void> done) {
                               acknowledged += done ? 1 : 0;
                               ++answered;
                             });
        }
      });
    }
  }
  ASSERT_TRUE(this->log_->append_and_wait(Stream::kEvents, {record(61, "last")}));
  while (answered < kCallers * kEach)
    std::this_thread::yield();  // partitions do not wait for each other
  EXPECT_EQ(acknowledged, kCallers * kEach);
  const auto all = read_all(*this->log_, Stream::kEvents);
  std::vector<std::string> expected;
  for (int i = 0; i < kEach; ++i) expected.push_back(std::to_string(i));
  for (int c = 0; c < kCallers; ++c) EXPECT_EQ(texts(all, c), expected);
  EXPECT_EQ(texts(all, 60).size(), static_cast<std::size_t>(kCallers * kEach));
}

TYPED_TEST_P(EventLogContract, ReadersFollowWriters) {
  std::atomic<bool> done = false;
  std::jthread writer([&] {
    for (int i = 0; i < 30; ++i) {
      (void)this->log_->append_and_wait(Stream::kEvents, {record(i % 8, std::to_string(i))});
    }
    done = true;
  });
  Positions after{};
  std::vector<StoredRecord> seen;
  for (bool last_round = false; !last_round;) {
    last_round = done;
    const auto more = read_all(*this->log_, Stream::kEvents, after);
    after = this->log_->advance(after, more);
    seen.insert(seen.end(), more.begin(), more.end());
  }
  EXPECT_EQ(seen.size(), 30U);
}

TYPED_TEST_P(EventLogContract, StreamsAreSeparate) {
  this->append(1, "event");
  this->append(1, "impression", Stream::kImpressions);
  EXPECT_EQ(texts(read_all(*this->log_, Stream::kEvents)), std::vector<std::string>{"event"});
  EXPECT_EQ(texts(read_all(*this->log_, Stream::kImpressions)),
            std::vector<std::string>{"impression"});
}

TYPED_TEST_P(EventLogContract, RefusesWhatIsNoRecordAndKeepsNothingOfTheAppend) {
  const NewRecord bad[] = {record(-1, "x"), record(kPartitions, "x"),
                           record(0, std::string(kRecordBytesMax + 1, 'x'))};
  for (const NewRecord& one : bad) {
    const auto outcome = this->log_->append_and_wait(Stream::kEvents, {record(0, "good"), one});
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_TRUE(read_all(*this->log_, Stream::kEvents).empty());
  EXPECT_TRUE(this->log_->append_and_wait(Stream::kEvents, {}));
}

TYPED_TEST_P(EventLogContract, KnowsItsEndAndWhoIsBehind) {
  EXPECT_EQ(*this->log_->end(Stream::kEvents), Positions{});
  EXPECT_EQ(*this->log_->behind(Stream::kEvents, {}), 0);
  for (int i = 0; i < 4; ++i) this->append(i % 2, "x");
  const auto all = read_all(*this->log_, Stream::kEvents);
  const Positions end = *this->log_->end(Stream::kEvents);
  EXPECT_EQ(end[1], all.back().offset);
  EXPECT_EQ(end[2], 0);
  EXPECT_GE(*this->log_->behind(Stream::kEvents, {}), 4);
  EXPECT_EQ(*this->log_->behind(Stream::kEvents, end), 0);
  this->append(0, "y");
  EXPECT_GE(*this->log_->behind(Stream::kEvents, end), 1);
}

TYPED_TEST_P(EventLogContract, TrimsOnlyWhatIsBeforeThePositions) {
  for (int i = 0; i < 8; ++i) this->append(i % 2, std::to_string(i));
  const auto all = read_all(*this->log_, Stream::kEvents);
  const std::vector<StoredRecord> dealt_with(all.begin(), all.begin() + 4);
  ASSERT_TRUE(this->log_->trim(Stream::kEvents, this->log_->advance({}, dealt_with)));
  auto rest = texts(read_all(*this->log_, Stream::kEvents));
  for (std::size_t i = 4; i < all.size(); ++i) EXPECT_THAT(rest, testing::Contains(all[i].bytes));
  auto whole = texts(all);
  std::ranges::sort(rest);
  std::ranges::sort(whole);
  EXPECT_TRUE(std::ranges::includes(whole, rest));
}

TYPED_TEST_P(EventLogContract, GivesNewOffsetsAfterEverythingWasTrimmed) {
  for (int i = 0; i < 4; ++i) this->append(7, "old");
  const Positions end = *this->log_->end(Stream::kEvents);
  ASSERT_TRUE(this->log_->trim(Stream::kEvents, end));
  this->reopen();
  EXPECT_EQ(*this->log_->end(Stream::kEvents), end);
  this->append(7, "new");
  const auto rest = read_all(*this->log_, Stream::kEvents, end);
  ASSERT_EQ(texts(rest), std::vector<std::string>{"new"});
  EXPECT_GT(rest[0].offset, end[7]);
}

TYPED_TEST_P(EventLogContract, WakesAfterAnAppend) {
  std::atomic<int> events = 0;
  std::atomic<int> impressions = 0;
  this->log_->set_wake(
      [&](Stream stream) { ++(stream == Stream::kEvents ? events : impressions); });
  this->append(0, "x");
  this->append(0, "y");
  this->reopen();  // ends the threads of the log
  EXPECT_GE(events, 1);
  EXPECT_EQ(impressions, 0);
}

REGISTER_TYPED_TEST_SUITE_P(EventLogContract, GivesThePartitionsRecordsInOrderOfAppends,
                            KeepsBytesExactly, ResumesWhereAConsumerStopped,
                            RespectsThePositionOfEachPartition, KeepsEverythingWhenReopened,
                            ConcurrentAppendsKeepEachCallersOrder, ReadersFollowWriters,
                            StreamsAreSeparate, RefusesWhatIsNoRecordAndKeepsNothingOfTheAppend,
                            KnowsItsEndAndWhoIsBehind, TrimsOnlyWhatIsBeforeThePositions,
                            GivesNewOffsetsAfterEverythingWasTrimmed, WakesAfterAnAppend);

}  // namespace zhiyin::storage
