#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "storage/event_log.h"
#include "storage/state.h"

namespace zhiyin::storage {

/// The event log in two Kafka topics, `PREFIX.events` and `PREFIX.impressions`, of kPartitions
/// partitions each; made when they are not there, kUnsupported when they have another number.
/// `url`: `kafka://[user:password@]host[:port][,host[:port]…]/PREFIX[?NAME=VALUE&…]`,
/// percent-encoded. NAMEs: `replication` (of new topics; the broker's default), and of librdkafka's
/// settings `security.protocol`, `sasl.mechanism`, `ssl.ca.location`, `compression.type`. With a
/// user and without `security.protocol`: SASL_SSL.
///
/// What an acknowledgement means is the cluster's to say: the producer is idempotent and waits for
/// all in-sync replicas (acks=all). With replication 3 and min.insync.replicas 2 a record survives
/// the loss of a broker; a single broker acknowledges from the page cache, which survives kill -9
/// but no power loss, unless `log.flush.interval.messages=1`.
///
/// An append that ends in an error after some of its records were sent may be in the log all the
/// same, in part or whole: Kafka cannot take a record back. Event ids make the repetition harmless.
/// Thread-safe.
Result<std::unique_ptr<EventLog>> open_kafka_event_log(std::string_view url, Logger& logger);

/// For `zhiyin doctor`: brokers and replicas, by a connection of its own.
std::vector<Finding> examine_kafka(std::string_view url);

}  // namespace zhiyin::storage
