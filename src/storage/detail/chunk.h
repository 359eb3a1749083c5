#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "storage/event_log.h"

/// Records as they lie in the embedded event log: docs/formats/event-log.md.
namespace zhiyin::storage::detail {

/// Bytes that a record takes beside its own.
inline constexpr std::size_t kRecordOverhead = 5;

/// Appends one record to a sequence of encoded records.
void encode_record(std::string& out, int partition, std::string_view bytes);

/// One encoded record.
struct EncodedRecord {
  int partition = 0;
  std::string_view bytes;
};
/// Takes the first record off `rest`. kDataLoss when the bytes are no record.
Result<EncodedRecord> next_record(std::string_view& rest);

/// Collects records that get consecutive offsets from `first` on. A pure value.
class ChunkBuilder {
 public:
  explicit ChunkBuilder(std::int64_t first);
  void add(int partition, std::string_view bytes);
  [[nodiscard]] std::int64_t first() const { return first_; }
  [[nodiscard]] std::int64_t count() const { return count_; }
  [[nodiscard]] std::size_t bytes() const { return out_.size(); }
  /// The whole chunk with its header.
  std::string finish() &&;

 private:
  std::int64_t first_;
  std::int64_t count_ = 0;
  std::string out_;
};

/// Calls `visit` with offset and record for each record of a chunk, until it returns false.
/// kDataLoss when version, checksum, place (`first`, `count`) or records are not right.
Result<void> read_chunk(std::string_view chunk, std::int64_t first, std::int64_t count,
                        const std::function<bool(std::int64_t, const EncodedRecord&)>& visit);

/// The last offset per partition, as stored.
std::string encode_positions(const Positions& positions);
Result<Positions> decode_positions(std::string_view bytes);

}  // namespace zhiyin::storage::detail
