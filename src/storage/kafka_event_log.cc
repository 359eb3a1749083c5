#include "storage/kafka_event_log.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <list>
#include <map>
#include <optional>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "http/message.h"
#include "storage/advice.h"

namespace zhiyin::storage {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr Stream kStreams[] = {Stream::kEvents, Stream::kImpressions};
constexpr int kCallTimeoutMs = 10'000;
constexpr auto kReadPatience =
    std::chrono::seconds(10);  // without a single record, though there are some
constexpr auto kLeaderPause = std::chrono::milliseconds(50);
constexpr auto kLookEvery = std::chrono::milliseconds(200);
constexpr std::size_t kReadBytesMax = 8 << 20;
constexpr std::size_t kQueueBytesMax = 256 << 20;
constexpr std::size_t kReadersMax = 4;
constexpr int kPollMs = 50;
constexpr std::size_t kErrorTextBytes = 512;
constexpr std::size_t kRecordOverhead = 1024;  // of a batch of one record

struct Address {
  std::string brokers;
  std::string prefix;
  int replication = -1;
  std::vector<std::pair<std::string, std::string>> settings;
};

Result<Address> parse_url(std::string_view url) {
  constexpr std::string_view kScheme = "kafka://";
  const auto wrong = [](std::string_view what) {
    return fail(
        ErrorCode::kInvalidArgument,
        "event log: {}; expected kafka://[user:password@]host[:port][,…]/prefix[?name=value&…]",
        what);
  };
  if (!url.starts_with(kScheme)) return wrong("no kafka:// address");
  url.remove_prefix(kScheme.size());
  Address address;
  std::string_view options;
  if (const std::size_t at = url.find('?'); at != std::string_view::npos) {
    options = url.substr(at + 1);
    url = url.substr(0, at);
  }
  bool secured = false;
  while (!options.empty()) {
    const std::size_t end = std::min(options.find('&'), options.size());
    const std::string_view option = options.substr(0, end);
    options.remove_prefix(std::min(end + 1, options.size()));
    const std::size_t eq = std::min(option.find('='), option.size());
    const std::string_view name = option.substr(0, eq);
    const std::string value =
        http::percent_decode(option.substr(std::min(eq + 1, option.size())), false);
    if (name == "replication") {
      const auto [at, ec] =
          std::from_chars(value.data(), value.data() + value.size(), address.replication);
      if (ec != std::errc() || at != value.data() + value.size() || address.replication < 1)
        return wrong("replication is no number");
    } else if (name == "security.protocol" || name == "sasl.mechanism" ||
               name == "ssl.ca.location" || name == "compression.type") {
      secured = secured || name == "security.protocol";
      address.settings.emplace_back(name, value);
    } else {
      return wrong(fmt::format("'{}' is no setting", name.substr(0, 60)));
    }
  }
  if (const std::size_t at = url.rfind('@'); at != std::string_view::npos) {
    const std::string_view who = url.substr(0, at);
    const std::size_t colon = who.find(':');
    if (colon == std::string_view::npos) return wrong("a user without a password");
    address.settings.emplace_back("sasl.username",
                                  http::percent_decode(who.substr(0, colon), false));
    address.settings.emplace_back("sasl.password",
                                  http::percent_decode(who.substr(colon + 1), false));
    if (!secured) address.settings.emplace_back("security.protocol", "SASL_SSL");
    url.remove_prefix(at + 1);
  }
  const std::size_t slash = url.find('/');
  if (slash == std::string_view::npos || slash == 0) return wrong("no broker or no prefix");
  address.brokers = url.substr(0, slash);
  address.prefix = url.substr(slash + 1);
  const bool named =
      !address.prefix.empty() && address.prefix.size() <= 200 &&
      std::ranges::all_of(address.prefix, [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
      });
  if (!named) return wrong("the prefix is not of letters, digits, '_', '-' and '.'");
  return address;
}

std::string_view suffix_of(Stream stream) {
  return stream == Stream::kEvents ? "events" : "impressions";
}

std::unexpected<Error> away(std::string_view what, std::string_view why) {
  return fail(ErrorCode::kUnavailable, "event log: {}: {}", what, why);
}

struct Destroy {
  void operator()(rd_kafka_t* handle) const { rd_kafka_destroy(handle); }
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
  void operator()(rd_kafka_NewTopic_t* topic) const { rd_kafka_NewTopic_destroy(topic); }
  void operator()(rd_kafka_DeleteRecords_t* records) const {
    rd_kafka_DeleteRecords_destroy(records);
  }
};
using Handle = std::unique_ptr<rd_kafka_t, Destroy>;
using Conf = std::unique_ptr<rd_kafka_conf_t, Destroy>;
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t, Destroy>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Destroy>;
using Event = std::unique_ptr<rd_kafka_event_t, Destroy>;
using Message = std::unique_ptr<rd_kafka_message_t, Destroy>;

Result<void> set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char text[kErrorTextBytes];
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text, sizeof text) == RD_KAFKA_CONF_OK)
    return {};
  return fail(ErrorCode::kInvalidArgument, "event log: {}: {}", name, text);
}

Result<Conf> conf_of(const Address& address,
                     std::initializer_list<std::pair<const char*, const char*>> more) {
  Conf conf(rd_kafka_conf_new());
  ZHIYIN_TRY_VOID(set(conf.get(), "bootstrap.servers", address.brokers));
  ZHIYIN_TRY_VOID(set(conf.get(), "client.id", "zhiyin"));
  for (const auto& [name, value] : address.settings) ZHIYIN_TRY_VOID(set(conf.get(), name, value));
  for (const auto& [name, value] : more) ZHIYIN_TRY_VOID(set(conf.get(), name, value));
  rd_kafka_conf_set_log_cb(conf.get(), nullptr);
  return conf;
}

Result<Handle> make_handle(rd_kafka_type_t type, Conf conf) {
  char text[kErrorTextBytes];
  rd_kafka_t* raw = rd_kafka_new(type, conf.get(), text, sizeof text);
  if (raw == nullptr) return fail(ErrorCode::kInvalidArgument, "event log: {}", text);
  (void)conf.release();  // the handle's now
  return Handle(raw);
}

/// An append under way: its last delivery report answers it.
struct Pending {
  std::size_t left = 0;
  std::size_t bytes = 0;
  std::string error;
  EventLog::Done done;
  Stream stream = Stream::kEvents;
};

/// Where readers stand in one stream; used by one thread at a time.
struct Reader {
  Handle handle;
  Stream stream = Stream::kEvents;
  Positions next{};  ///< what the following read has to ask for so that it can go on
  bool busy = false;
  std::uint64_t used = 0;
};

class KafkaEventLog final : public EventLog {
 public:
  KafkaEventLog(Address address, Logger& logger) : address_(std::move(address)), logger_(logger) {}

  ~KafkaEventLog() override {
    stopping_ = true;
    if (watcher_.joinable()) watcher_.join();
    // Appends that wait get their answers before the end, or time out.
    if (producer_) (void)rd_kafka_flush(producer_.get(), kCallTimeoutMs);
    stopped_ = true;
    if (poller_.joinable()) poller_.join();
    if (producer_) {
      (void)rd_kafka_purge(producer_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
      while (rd_kafka_outq_len(producer_.get()) > 0) (void)rd_kafka_poll(producer_.get(), kPollMs);
    }
  }

  Result<void> start() {
    ZHIYIN_TRY(Conf conf, conf_of(address_, {{"enable.idempotence", "true"},
                                             {"acks", "all"},
                                             {"linger.ms", "2"},
                                             {"message.timeout.ms", "30000"},
                                             {"message.max.bytes", "1000000"},
                                             {"queue.buffering.max.messages", "10000000"},
                                             {"queue.buffering.max.kbytes", "1048576"}}));
    rd_kafka_conf_set_opaque(conf.get(), this);
    rd_kafka_conf_set_dr_msg_cb(conf.get(),
                                [](rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
                                  static_cast<KafkaEventLog*>(self)->delivered(*message);
                                });
    ZHIYIN_TRY(producer_, make_handle(RD_KAFKA_PRODUCER, std::move(conf)));
    {
      MutexLock lock(shown_mutex_);
      shown_.reset(rd_kafka_queue_new(producer_.get()));
    }
    ZHIYIN_TRY_VOID(create_topics());
    poller_ = std::thread([this] {
      while (!stopped_) (void)rd_kafka_poll(producer_.get(), kPollMs);
    });
    watcher_ = std::thread([this] { watch(); });
    return {};
  }

  void append(Stream stream, std::vector<NewRecord> records, Done done) override {
    for (const NewRecord& r : records) {
      if (r.partition < 0 || r.partition >= kPartitions) {
        return done(
            fail(ErrorCode::kInvalidArgument, "event log: {} is no partition", r.partition));
      }
      if (r.bytes.size() > kRecordBytesMax) {
        return done(fail(ErrorCode::kInvalidArgument,
                         "event log: a record has {} bytes, at most {} are possible",
                         r.bytes.size(), kRecordBytesMax));
      }
    }
    if (records.empty()) return done({});
    auto pending = std::make_unique<Pending>();
    for (const NewRecord& r : records) pending->bytes += r.bytes.size() + 100;
    if (queued_bytes_.fetch_add(pending->bytes) + pending->bytes > kQueueBytesMax) {
      queued_bytes_.fetch_sub(pending->bytes);
      return done(fail(ErrorCode::kLimitReached, "event log: too many bytes wait for the broker"));
    }
    pending->left = records.size();
    pending->done = std::move(done);
    pending->stream = stream;
    Pending* raw = pending.release();  // given back by its last report
    const std::string topic = topic_of(stream);
    // One append after the other, so that each caller's order is the log's.
    MutexLock lock(produce_mutex_);
    for (const NewRecord& r : records) {
      if (const std::string refused = produce(topic, r, raw); !refused.empty())
        report(raw, refused);
    }
  }

  Result<std::vector<StoredRecord>> read(Stream stream, const Positions& after,
                                         std::size_t records_max) override {
    ZHIYIN_TRY(const Positions last, end(stream));
    std::int64_t above = 0;
    for (int p = 0; p < kPartitions; ++p)
      above += std::max<std::int64_t>(0, last[index(p)] - after[index(p)]);
    if (above == 0 || records_max == 0) return std::vector<StoredRecord>();
    ZHIYIN_TRY(const Positions first, bounds(stream, RD_KAFKA_OFFSET_BEGINNING));
    std::size_t there = 0;
    for (int p = 0; p < kPartitions; ++p) {
      there += static_cast<std::size_t>(
          std::max<std::int64_t>(0, last[index(p)] - std::max(after[index(p)], first[index(p)])));
    }
    if (there == 0) return std::vector<StoredRecord>();  // trimmed
    ZHIYIN_TRY(Reader * reader, take_reader(stream, after));
    auto records = read_with(*reader, after, std::min(there, records_max));
    if (records) reader->next = advance(after, *records);
    give_back(reader, records.has_value());
    return records;
  }

  Result<Positions> end(Stream stream) override { return bounds(stream, RD_KAFKA_OFFSET_END); }

  Result<void> trim(Stream stream, const Positions& up_to) override {
    ZHIYIN_TRY(const Positions last, end(stream));
    PartitionList list(rd_kafka_topic_partition_list_new(kPartitions));
    const std::string topic = topic_of(stream);
    for (int p = 0; p < kPartitions; ++p) {
      const std::int64_t before =
          std::min(up_to[index(p)], last[index(p)]);  // our offsets are one more than Kafka's
      if (before > 0)
        rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), p)->offset = before;
    }
    if (list->cnt == 0) return {};
    const Queue queue(rd_kafka_queue_new(producer_.get()));
    std::unique_ptr<rd_kafka_DeleteRecords_t, Destroy> request(
        rd_kafka_DeleteRecords_new(list.get()));
    rd_kafka_DeleteRecords_t* requests[] = {request.get()};
    rd_kafka_DeleteRecords(producer_.get(), requests, 1, nullptr, queue.get());
    const Event event(rd_kafka_queue_poll(queue.get(), kCallTimeoutMs * 2));
    if (!event) return away("trim", "no answer");
    if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR)
      return away("trim", rd_kafka_event_error_string(event.get()));
    return {};
  }

  /// As the committed offsets of the group PREFIX.CONSUMER, which has no members.
  void show_position(Stream stream, std::string_view consumer, const Positions& at) override {
    MutexLock lock(shown_mutex_);
    hear_of_shown();
    PartitionList list(rd_kafka_topic_partition_list_new(kPartitions));
    const std::string topic = topic_of(stream);
    for (int p = 0; p < kPartitions; ++p) {
      // Our last offset is Kafka's next one.
      if (at[index(p)] > 0)
        rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), p)->offset = at[index(p)];
    }
    if (list->cnt == 0) return;
    const std::string group = fmt::format("{}.{}", address_.prefix, consumer);
    rd_kafka_AlterConsumerGroupOffsets_t* request =
        rd_kafka_AlterConsumerGroupOffsets_new(group.c_str(), list.get());
    rd_kafka_AlterConsumerGroupOffsets(producer_.get(), &request, 1, nullptr, shown_.get());
    rd_kafka_AlterConsumerGroupOffsets_destroy(request);
  }

  void set_wake(std::function<void(Stream)> wake) override {
    MutexLock lock(wake_mutex_);
    wake_ = std::move(wake);
  }

 private:
  static bool leaders_move(rd_kafka_resp_err_t code) {
    return code == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
           code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__WAIT_COORD;
  }
  /// Answers to earlier `show_position`s; said in the log when they begin to fail.
  void hear_of_shown() ZHIYIN_REQUIRES(shown_mutex_) {
    for (;;) {
      const Event event(rd_kafka_queue_poll(shown_.get(), 0));
      if (!event) return;
      const bool failed = rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR;
      if (failed && !show_fails_)
        logger_.warning("storage", "log.group_offsets_failed",
                        {{"error", rd_kafka_event_error_string(event.get())}});
      show_fails_ = failed;
    }
  }
  static std::size_t index(int partition) { return static_cast<std::size_t>(partition); }
  [[nodiscard]] std::string topic_of(Stream stream) const {
    return fmt::format("{}.{}", address_.prefix, suffix_of(stream));
  }

  Result<void> create_topics() {
    const Queue queue(rd_kafka_queue_new(producer_.get()));
    for (const Stream stream : kStreams) {
      char text[kErrorTextBytes];
      std::unique_ptr<rd_kafka_NewTopic_t, Destroy> topic(rd_kafka_NewTopic_new(
          topic_of(stream).c_str(), kPartitions, address_.replication, text, sizeof text));
      if (!topic) return fail(ErrorCode::kInvalidArgument, "event log: {}", text);
      // Records stay until `trim`; retention is ours to decide.
      (void)rd_kafka_NewTopic_set_config(topic.get(), "retention.ms", "-1");
      (void)rd_kafka_NewTopic_set_config(topic.get(), "retention.bytes", "-1");
      (void)rd_kafka_NewTopic_set_config(topic.get(), "cleanup.policy", "delete");
      rd_kafka_NewTopic_t* topics[] = {topic.get()};
      rd_kafka_CreateTopics(producer_.get(), topics, 1, nullptr, queue.get());
      const Event event(rd_kafka_queue_poll(queue.get(), kCallTimeoutMs));
      if (!event) return away("topics", "the broker does not answer");
      if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return away("topics", rd_kafka_event_error_string(event.get()));
      std::size_t n = 0;
      const auto* results =
          rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &n);
      const rd_kafka_resp_err_t code =
          n == 1 ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR_UNKNOWN;
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
        return away(topic_of(stream),
                    n == 1 && rd_kafka_topic_result_error_string(results[0]) != nullptr
                        ? rd_kafka_topic_result_error_string(results[0])
                        : rd_kafka_err2str(code));
      }
      ZHIYIN_TRY_VOID(check_partitions(stream));
    }
    return {};
  }

  /// A new topic takes a moment until every broker knows its leaders.
  Result<void> check_partitions(Stream stream) {
    const std::string topic = topic_of(stream);
    const auto deadline = SteadyClock::now() + std::chrono::milliseconds(kCallTimeoutMs);
    int partitions = 0;
    while (SteadyClock::now() < deadline) {
      const std::unique_ptr<rd_kafka_topic_t, decltype(&rd_kafka_topic_destroy)> handle(
          rd_kafka_topic_new(producer_.get(), topic.c_str(), nullptr), &rd_kafka_topic_destroy);
      const rd_kafka_metadata_t* raw = nullptr;
      const rd_kafka_resp_err_t code =
          rd_kafka_metadata(producer_.get(), 0, handle.get(), &raw, kCallTimeoutMs);
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return away(topic, rd_kafka_err2str(code));
      const std::unique_ptr<const rd_kafka_metadata_t, decltype(&rd_kafka_metadata_destroy)>
          metadata(raw, &rd_kafka_metadata_destroy);
      bool led = metadata->topic_cnt == 1 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR;
      partitions = led ? metadata->topics[0].partition_cnt : 0;
      for (int p = 0; led && p < partitions; ++p)
        led = metadata->topics[0].partitions[p].leader >= 0;
      if (led && partitions > 0) break;
      partitions = 0;
    }
    if (partitions == kPartitions) return {};
    if (partitions == 0) return away(topic, "has no leaders");
    return fail(ErrorCode::kUnsupported, "event log: {} has {} partitions, expected {}", topic,
                partitions, kPartitions);
  }

  /// Per partition the last offset of ours (`RD_KAFKA_OFFSET_END`), or that before the first
  /// (`…_BEGINNING`).
  Result<Positions> bounds(Stream stream, std::int64_t which) {
    const auto deadline = SteadyClock::now() + std::chrono::milliseconds(kCallTimeoutMs);
    for (;;) {
      bool again = false;
      auto out = bounds_once(stream, which, again);
      if (out || !again || stopping_ || SteadyClock::now() > deadline) return out;
      std::this_thread::sleep_for(kLeaderPause);
    }
  }

  /// `again`: leaders have just moved, or a new topic's are not known everywhere.
  Result<Positions> bounds_once(Stream stream, std::int64_t which, bool& again) {
    PartitionList list(rd_kafka_topic_partition_list_new(kPartitions));
    const std::string topic = topic_of(stream);
    for (int p = 0; p < kPartitions; ++p)
      rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), p)->offset = which;
    const rd_kafka_resp_err_t code =
        rd_kafka_offsets_for_times(producer_.get(), list.get(), kCallTimeoutMs);
    again = leaders_move(code);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return away("offsets", rd_kafka_err2str(code));
    Positions out{};
    for (int i = 0; i < list->cnt; ++i) {
      const rd_kafka_topic_partition_t& one = list->elems[i];
      again = again || leaders_move(one.err);
      if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR) return away("offsets", rd_kafka_err2str(one.err));
      out[index(one.partition)] = std::max<std::int64_t>(0, one.offset);
    }
    return out;
  }

  /// One that stands where the caller goes on, or another one, to be moved.
  Result<Reader*> take_reader(Stream stream, const Positions& after) {
    MutexLock lock(readers_mutex_);
    for (;;) {
      Reader* spare = nullptr;
      for (Reader& reader : readers_) {
        if (reader.busy || reader.stream != stream) continue;
        if (reader.next == after) return claim(reader);
        if (spare == nullptr || reader.used < spare->used) spare = &reader;
      }
      const auto of_stream = std::ranges::count(readers_, stream, &Reader::stream);
      if (static_cast<std::size_t>(of_stream) < kReadersMax) {
        ZHIYIN_TRY(Reader made, make_reader(stream));
        readers_.push_back(std::move(made));
        spare = &readers_.back();
      }
      if (spare != nullptr) {
        if (auto moved = move_to(*spare, after); !moved) {
          readers_.remove_if([&](const Reader& r) { return &r == spare; });
          return std::unexpected(moved.error());
        }
        return claim(*spare);
      }
      reader_free_.wait(readers_mutex_);
    }
  }

  Reader* claim(Reader& reader) ZHIYIN_REQUIRES(readers_mutex_) {
    reader.busy = true;
    reader.used = ++reads_;
    return &reader;
  }

  void give_back(Reader* reader, bool usable) {
    {
      MutexLock lock(readers_mutex_);
      reader->busy = false;
      if (!usable) readers_.remove_if([&](const Reader& r) { return &r == reader; });
    }
    reader_free_.notify_one();
  }

  Result<Reader> make_reader(Stream stream) {
    ZHIYIN_TRY(
        Conf conf,
        conf_of(address_, {{"group.id",
                            "zhiyin-unused"},  // positions are kept with the projections, not here
                           {"enable.auto.commit", "false"},
                           {"enable.auto.offset.store", "false"},
                           {"auto.offset.reset", "earliest"},  // behind what was trimmed
                           {"fetch.wait.max.ms", "20"},
                           {"queued.max.messages.kbytes", "16384"}}));
    Reader reader;
    reader.stream = stream;
    ZHIYIN_TRY(reader.handle, make_handle(RD_KAFKA_CONSUMER, std::move(conf)));
    (void)rd_kafka_poll_set_consumer(reader.handle.get());
    return reader;
  }

  Result<void> move_to(Reader& reader, const Positions& after) {
    PartitionList list(rd_kafka_topic_partition_list_new(kPartitions));
    const std::string topic = topic_of(reader.stream);
    for (int p = 0; p < kPartitions; ++p) {
      if (after[index(p)] != kNotWanted)
        rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), p)->offset = after[index(p)];
    }
    const rd_kafka_resp_err_t code = rd_kafka_assign(reader.handle.get(), list.get());
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return away("read", rd_kafka_err2str(code));
    reader.next = after;
    return {};
  }

  Result<std::vector<StoredRecord>> read_with(Reader& reader, const Positions& after,
                                              std::size_t count) {
    std::vector<StoredRecord> records;
    records.reserve(count);
    std::size_t bytes = 0;
    auto patience = SteadyClock::now() + kReadPatience;
    while (records.size() < count && bytes < kReadBytesMax) {
      const Message message(rd_kafka_consumer_poll(reader.handle.get(), kPollMs));
      if (!message) {
        if (SteadyClock::now() > patience) return away("read", "the broker sends nothing");
        continue;
      }
      if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) continue;
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (SteadyClock::now() > patience)
          return away("read", rd_kafka_message_errstr(message.get()));
        continue;  // librdkafka connects again by itself
      }
      if (message->offset < after[index(message->partition)])
        continue;  // fetched before the reader was moved
      patience = SteadyClock::now() + kReadPatience;
      bytes += message->len;
      records.push_back({message->partition, message->offset + 1,
                         std::string(static_cast<const char*>(message->payload), message->len)});
    }
    return records;
  }

  void delivered(const rd_kafka_message_t& message) {
    report(static_cast<Pending*>(message._private),
           message.err == RD_KAFKA_RESP_ERR_NO_ERROR ? "" : rd_kafka_message_errstr(&message));
  }

  /// Hands a copy to the client's queue; what is wrong when it refuses.
  std::string produce(const std::string& topic, const NewRecord& record, Pending* pending) {
    std::array<rd_kafka_vu_t, 5> values{};
    values[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    values[0].u.cstr = topic.c_str();
    values[1].vtype = RD_KAFKA_VTYPE_PARTITION;
    values[1].u.i32 = record.partition;
    values[2].vtype = RD_KAFKA_VTYPE_VALUE;
    values[2].u.mem = {const_cast<char*>(record.bytes.data()), record.bytes.size()};
    values[3].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    values[3].u.i = RD_KAFKA_MSG_F_COPY;
    values[4].vtype = RD_KAFKA_VTYPE_OPAQUE;
    values[4].u.ptr = pending;
    const std::unique_ptr<rd_kafka_error_t, decltype(&rd_kafka_error_destroy)> refused(
        rd_kafka_produceva(producer_.get(), values.data(), values.size()), &rd_kafka_error_destroy);
    return refused ? rd_kafka_error_string(refused.get()) : std::string();
  }

  /// One record's fate. Reports come on the polling thread, refusals at once on the caller's: never
  /// for the last record of an append at the same time, since a report needs the record to have
  /// been taken.
  void report(Pending* pending, std::string_view error) {
    bool is_last = false;
    {
      MutexLock lock(pending_mutex_);
      if (!error.empty() && pending->error.empty()) pending->error = error;
      is_last = --pending->left == 0;
    }
    if (!is_last) return;
    const std::unique_ptr<Pending> owned(pending);
    queued_bytes_.fetch_sub(pending->bytes);
    if (pending->error.empty()) {
      pending->done({});
      wake(pending->stream);
    } else {
      logger_.error("storage", "log.append_failed", {{"error", pending->error}});
      pending->done(away("append", pending->error));
    }
  }

  void wake(Stream stream) {
    MutexLock lock(wake_mutex_);
    if (wake_) wake_(stream);
  }

  /// Other processes append, too: looks for new ends.
  void watch() {
    Positions known{};
    while (!stopping_) {
      if (const auto now = end(Stream::kEvents); now && *now != known) {
        known = *now;
        wake(Stream::kEvents);
      }
      std::this_thread::sleep_for(kLookEvery);
    }
  }

  const Address address_;
  Logger& logger_;
  Handle producer_;
  Mutex shown_mutex_;
  Queue shown_ ZHIYIN_GUARDED_BY(shown_mutex_);  // answers; goes before the producer
  bool show_fails_ ZHIYIN_GUARDED_BY(shown_mutex_) = false;
  Mutex produce_mutex_;
  Mutex pending_mutex_;
  std::atomic<std::size_t> queued_bytes_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> stopped_ = false;
  Mutex readers_mutex_;
  CondVar reader_free_;
  std::list<Reader> readers_ ZHIYIN_GUARDED_BY(readers_mutex_);
  std::uint64_t reads_ ZHIYIN_GUARDED_BY(readers_mutex_) = 0;
  Mutex wake_mutex_;
  std::function<void(Stream)> wake_ ZHIYIN_GUARDED_BY(wake_mutex_);
  std::thread poller_;
  std::thread watcher_;
};

}  // namespace

namespace {

Finding replicas_of(const rd_kafka_metadata_topic_t& topic, int brokers) {
  int replicas = brokers;
  int in_sync = brokers;
  bool led = topic.err == RD_KAFKA_RESP_ERR_NO_ERROR && topic.partition_cnt == kPartitions;
  for (int p = 0; p < topic.partition_cnt; ++p) {
    const rd_kafka_metadata_partition_t& partition = topic.partitions[p];
    led = led && partition.leader >= 0;
    replicas = std::min(replicas, partition.replica_cnt);
    in_sync = std::min(in_sync, partition.isr_cnt);
  }
  constexpr int kBrokersForReplicas = 3;
  const bool lonely = brokers >= kBrokersForReplicas && replicas < 2;
  const std::string_view advice =
      topic.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
          ? "主题不存在：启动 zhiyin 会建它；若曾有过，数据已丢失，恢复它 / the topic does not "
            "exist: a "
            "start of zhiyin makes it; if there was one, its data is gone: bring it back"
      : topic.err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED
          ? "Kafka 权限不足：给该用户这些主题的 Create、Read、Write、Describe / a right is missing "
            "in "
            "Kafka: give the user Create, Read, Write and Describe on the topics"
      : topic.partition_cnt != kPartitions ? "主题的分区数必须是 64：换一个前缀 / the topic must "
                                             "have 64 partitions: take another prefix"
      : !led   ? "有分区没有 leader：启动停掉的 broker / some partitions have no leader: start the "
                 "brokers that are down"
      : lonely ? "有多台 broker 却只有一个副本：用 kafka-reassign-partitions 提高到 3 / several "
                 "brokers, but one replica: raise it to 3 with kafka-reassign-partitions"
               : "有副本落后：检查那台 broker 的磁盘与网络 / a replica is behind: look at disk and "
                 "network of its broker";
  return {
      fmt::format("log_topic {}", topic.topic), led && in_sync == replicas && !lonely,
      fmt::format("{} partitions, {}; {} replica(s), {} in sync{}", topic.partition_cnt,
                  led ? "all led" : "some without a leader", replicas, in_sync,
                  replicas == 1 ? ": what was acknowledged is lost with that broker's disk" : ""),
      std::string(advice)};
}

/// What a setting of a topic is; nothing when the broker does not tell.
std::map<std::string, std::string, std::less<>> settings_of_topic(rd_kafka_t* handle,
                                                                  const std::string& topic) {
  std::map<std::string, std::string, std::less<>> out;
  const Queue queue(rd_kafka_queue_new(handle));
  rd_kafka_ConfigResource_t* resource =
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str());
  rd_kafka_DescribeConfigs(handle, &resource, 1, nullptr, queue.get());
  rd_kafka_ConfigResource_destroy(resource);
  const Event event(rd_kafka_queue_poll(queue.get(), kCallTimeoutMs));
  if (!event || rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) return out;
  std::size_t resources = 0;
  const auto* described = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event.get()), &resources);
  for (std::size_t r = 0; r < resources; ++r) {
    std::size_t entries = 0;
    const auto* configs = rd_kafka_ConfigResource_configs(described[r], &entries);
    for (std::size_t e = 0; e < entries; ++e) {
      const char* value = rd_kafka_ConfigEntry_value(configs[e]);
      if (value != nullptr) out[rd_kafka_ConfigEntry_name(configs[e])] = value;
    }
  }
  return out;
}

/// Whether what is acknowledged stays: with several replicas one must not be enough (acks=all only
/// waits for those in sync), nobody behind may lead, and only we remove records.
std::optional<Finding> settings_of(rd_kafka_t* handle, const std::string& topic, int replicas) {
  const auto settings = settings_of_topic(handle, topic);
  if (settings.empty()) return std::nullopt;
  const auto value = [&](std::string_view name) {
    const auto at = settings.find(name);
    return at == settings.end() ? std::string() : at->second;
  };
  const std::string in_sync = value("min.insync.replicas");
  Finding out{fmt::format("log_durable {}", topic), true,
              fmt::format("acks=all, min.insync.replicas {}, unclean.leader.election {}, "
                          "retention.ms {}, cleanup.policy {}",
                          in_sync, value("unclean.leader.election.enable"), value("retention.ms"),
                          value("cleanup.policy"))};
  const auto wrong = [&](std::string_view advice) {
    out.ok = false;
    out.advice = advice;
    return out;
  };
  if (value("retention.ms") != "-1" || value("cleanup.policy") != "delete")
    return wrong(
        "Kafka 会自行删除事件：把该主题的 retention.ms 设为 -1、cleanup.policy 设为 delete / Kafka "
        "removes events by itself: set retention.ms of the topic to -1, cleanup.policy to delete");
  if (std::atoll(value("max.message.bytes").c_str()) <
      static_cast<long long>(kRecordBytesMax + kRecordOverhead))
    return wrong(
        "主题的 max.message.bytes 太小，较大的事件会一直写不进去：设为 1000000 / max.message.bytes "
        "of "
        "the topic is too small, and larger events can never be written: set it to 1000000");
  if (value("unclean.leader.election.enable") == "true")
    return wrong(
        "落后的副本可能当选并丢掉已确认的事件：把 unclean.leader.election.enable 设为 false / a "
        "replica that is behind may come to lead and lose what was acknowledged: set "
        "unclean.leader.election.enable to false");
  if (replicas > 1 && in_sync == "1")
    return wrong(
        "多副本但 min.insync.replicas=1：只剩一个副本时也会确认；设为 2 / several replicas, but "
        "min.insync.replicas is 1: with one left it still acknowledges; set it to 2");
  return out;
}

}  // namespace

std::vector<Finding> examine_kafka(std::string_view url) {
  const auto refused = [](const Error& error) {
    return std::vector<Finding>{
        {"log_server", false, error.text(), advice_for(error, "storage.log")}};
  };
  const auto address = parse_url(url);
  if (!address) return refused(address.error());
  auto conf = conf_of(*address, {});
  if (!conf) return refused(conf.error());
  std::string heard;  // why brokers cannot be reached; the call itself only says that they cannot
  rd_kafka_conf_set_opaque(conf->get(), &heard);
  rd_kafka_conf_set_error_cb(conf->get(), [](rd_kafka_t*, int, const char* reason, void* out) {
    *static_cast<std::string*>(out) += fmt::format("; {}", reason);
  });
  const auto handle = make_handle(RD_KAFKA_PRODUCER, std::move(*conf));
  if (!handle) return refused(handle.error());
  std::vector<Finding> findings;
  for (const Stream stream : kStreams) {
    const std::string name = fmt::format("{}.{}", address->prefix, suffix_of(stream));
    const std::unique_ptr<rd_kafka_topic_t, decltype(&rd_kafka_topic_destroy)> topic(
        rd_kafka_topic_new(handle->get(), name.c_str(), nullptr), &rd_kafka_topic_destroy);
    const rd_kafka_metadata_t* raw = nullptr;
    const rd_kafka_resp_err_t code =
        rd_kafka_metadata(handle->get(), 0, topic.get(), &raw, kCallTimeoutMs);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      (void)rd_kafka_poll(handle->get(), kPollMs);
      return refused({ErrorCode::kUnavailable, rd_kafka_err2str(code) + heard.substr(0, 1000)});
    }
    const std::unique_ptr<const rd_kafka_metadata_t, decltype(&rd_kafka_metadata_destroy)> metadata(
        raw, &rd_kafka_metadata_destroy);
    if (findings.empty())
      findings.push_back({"log_server", true, fmt::format("{} broker(s)", metadata->broker_cnt)});
    for (int t = 0; t < metadata->topic_cnt; ++t)
      findings.push_back(replicas_of(metadata->topics[t], metadata->broker_cnt));
    const int replicas = metadata->topic_cnt == 1 && metadata->topics[0].partition_cnt > 0
                             ? metadata->topics[0].partitions[0].replica_cnt
                             : 0;
    if (auto finding = settings_of(handle->get(), name, replicas); finding && replicas > 0)
      findings.push_back(std::move(*finding));
  }
  return findings;
}

Result<std::unique_ptr<EventLog>> open_kafka_event_log(std::string_view url, Logger& logger) {
  ZHIYIN_TRY(Address address, parse_url(url));
  auto log = std::make_unique<KafkaEventLog>(std::move(address), logger);
  ZHIYIN_TRY_VOID(log->start());
  return log;
}

}  // namespace zhiyin::storage
