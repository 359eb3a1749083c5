#include "storage/kafka_event_log.h"

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <cstdlib>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "base/mutex.h"
#include "storage/event_log_contract.h"
#include "storage/examine.h"
#include "storage/migrations.h"
#include "storage/open.h"
#include "storage/projection.h"
#include "storage/testing.h"

namespace zhiyin::storage {
namespace {

/// `host:port` of a broker that the test run has started (tests/servers/kafka.sh); empty: none.
std::string broker() {
  const char* text = std::getenv("KAFKA_BROKER");
  return text == nullptr ? "" : text;
}

std::string fresh_prefix() {
  static int number = 0;
  return fmt::format("t{}-{}", SystemClock().now().us, ++number);
}

struct KafkaHarness {
  static std::string unavailable() {
    return broker().empty() ? "KAFKA_BROKER is not set: ./dev test --cluster starts one" : "";
  }
  std::string url = fmt::format("kafka://{}/{}", broker(), fresh_prefix());
  std::unique_ptr<EventLog> open() { return open_event_log(url, null_logger()).value(); }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Kafka, EventLogContract, KafkaHarness);

class KafkaTest : public testing::Test {
 protected:
  void SetUp() override {
    if (broker().empty()) GTEST_SKIP() << KafkaHarness::unavailable();
  }
};

TEST_F(KafkaTest, TwoProcessesSeeEachOthersRecordsAndAreWoken) {
  const std::string url = fmt::format("kafka://{}/{}", broker(), fresh_prefix());
  const auto one = open_kafka_event_log(url, null_logger()).value();
  const auto other = open_kafka_event_log(url, null_logger()).value();
  Mutex mutex;
  CondVar woken;
  int wakes = 0;
  other->set_wake([&](Stream) {
    MutexLock lock(mutex);
    ++wakes;
    woken.notify_all();
  });
  ASSERT_TRUE(one->append_and_wait(Stream::kEvents, {record(5, "x")}));
  {
    MutexLock lock(mutex);
    while (wakes == 0) woken.wait(mutex);
  }
  EXPECT_EQ(texts(read_all(*other, Stream::kEvents)), std::vector<std::string>{"x"});
  other->set_wake({});
}

TEST_F(KafkaTest, ManyRecordsComeBackWholeAndInOrder) {
  const auto log =
      open_kafka_event_log(fmt::format("kafka://{}/{}", broker(), fresh_prefix()), null_logger())
          .value();
  constexpr int kBatches = 100;
  constexpr int kEach = 500;
  std::atomic<int> acknowledged = 0;
  for (int b = 0; b < kBatches; ++b) {
    std::vector<NewRecord> batch;
    for (int i = 0; i < kEach; ++i)
      batch.push_back(record((b * kEach + i) % kPartitions, std::to_string(b * kEach + i)));
    log->append(Stream::kEvents, std::move(batch),
                [&](Result<void> done) { acknowledged += done ? 1 : 0; });
  }
  ASSERT_TRUE(log->append_and_wait(Stream::kEvents, {record(0, "50048")}));
  std::map<int, int> last;
  const auto all = read_all(*log, Stream::kEvents, {}, 5000);
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kBatches * kEach + 1));
  for (const StoredRecord& r : all) {
    const int n = std::stoi(r.bytes);
    EXPECT_TRUE(!last.contains(r.partition) || n > last[r.partition]);
    last[r.partition] = n;
  }
  while (acknowledged < kBatches) std::this_thread::yield();
}

TEST_F(KafkaTest, TellsItsBrokersAndReplicas) {
  const std::string url = fmt::format("kafka://{}/{}", broker(), fresh_prefix());
  const auto log = open_kafka_event_log(url, null_logger()).value();
  const auto findings = examine_log(url);
  ASSERT_EQ(findings.size(), 5U);
  for (const Finding& finding : findings)
    EXPECT_TRUE(finding.ok) << finding.name << ": " << finding.detail;
  EXPECT_EQ(findings[0].detail, "1 broker(s)");
  EXPECT_TRUE(findings[1].detail.starts_with("64 partitions, all led; 1 replica(s), 1 in sync"))
      << findings[1].detail;
  EXPECT_TRUE(findings[2].detail.starts_with("acks=all, min.insync.replicas 1"))
      << findings[2].detail;
}

/// What `kafka-consumer-groups` would show as the group's offset of a partition.
std::int64_t offset_of_group(const std::string& group, const std::string& topic, int partition) {
  char text[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", broker().c_str(), text, sizeof text);
  rd_kafka_conf_set(conf, "group.id", group.c_str(), text, sizeof text);
  rd_kafka_t* handle = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic.c_str(), partition);
  EXPECT_EQ(rd_kafka_committed(handle, list, 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  const std::int64_t offset = list->elems[0].offset;
  rd_kafka_topic_partition_list_destroy(list);
  rd_kafka_destroy(handle);
  return offset;
}

TEST_F(KafkaTest, ShowsKafkasToolsHowFarAConsumerHasCome) {
  const std::string prefix = fresh_prefix();
  const auto log =
      open_kafka_event_log(fmt::format("kafka://{}/{}", broker(), prefix), null_logger()).value();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(log->append_and_wait(Stream::kEvents, {{7, "x"}}));
  const TempFolder folder;
  const auto state = open_test_state(folder.path() / "state.db");
  ASSERT_TRUE(state->migrate(migrations()));
  Positions at{};
  at[7] = 3;
  ASSERT_TRUE(state->write(
      [&](Session& session) { return save_positions(session, "events", Stream::kEvents, at); }));
  ASSERT_TRUE(show_positions(*state, *log));
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (offset_of_group(prefix + ".events", prefix + ".events", 7) != 3 &&
         std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  EXPECT_EQ(offset_of_group(prefix + ".events", prefix + ".events", 7), 3) << "two behind";
}

TEST(KafkaUrl, SaysWhatIsWrong) {
  for (const char* url :
       {"kafka://", "kafka://host", "kafka:///p", "kafka://host/a b", "kafka://host/p?acks=0",
        "kafka://user@host/p", "kafka://host/p?replication=0"}) {
    EXPECT_EQ(open_kafka_event_log(url, null_logger()).error().code, ErrorCode::kInvalidArgument)
        << url;
  }
}

TEST(KafkaUrl, ABrokerThatIsAwayIsSaid) {
  EXPECT_EQ(open_kafka_event_log("kafka://127.0.0.1:1/p", null_logger()).error().code,
            ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace zhiyin::storage
