#include "storage/detail/chunk.h"

#include "base/crypto.h"
#include "storage/detail/little_endian.h"

namespace zhiyin::storage::detail {
namespace {

constexpr char kVersion = 1;
// version (1), checksum (8) of everything after it, first (8), count (4)
constexpr std::size_t kChecksumAt = 1;
constexpr std::size_t kSummedAt = 9;
constexpr std::size_t kHeaderBytes = 21;

std::unexpected<Error> damaged(std::int64_t first, std::string_view why) {
  return fail(ErrorCode::kDataLoss, "event log: chunk at offset {}: {}", first, why);
}

}  // namespace

void encode_record(std::string& out, int partition, std::string_view bytes) {
  out += static_cast<char>(partition);
  put_int(out, static_cast<std::uint32_t>(bytes.size()));
  out += bytes;
}

Result<EncodedRecord> next_record(std::string_view& rest) {
  if (rest.size() < kRecordOverhead) return fail(ErrorCode::kDataLoss, "event log: record is cut");
  const int partition = static_cast<unsigned char>(rest[0]);
  const auto size = get_int<std::uint32_t>(rest.data() + 1);
  rest.remove_prefix(kRecordOverhead);
  if (partition >= kPartitions || size > rest.size()) {
    return fail(ErrorCode::kDataLoss, "event log: record has partition {} and {} bytes", partition,
                size);
  }
  const EncodedRecord record{partition, rest.substr(0, size)};
  rest.remove_prefix(size);
  return record;
}

ChunkBuilder::ChunkBuilder(std::int64_t first) : first_(first), out_(kHeaderBytes, '\0') {}

void ChunkBuilder::add(int partition, std::string_view bytes) {
  encode_record(out_, partition, bytes);
  ++count_;
}

std::string ChunkBuilder::finish() && {
  std::string header(1, kVersion);
  put_int<std::uint64_t>(header, 0);
  put_int(header, first_);
  put_int(header, static_cast<std::uint32_t>(count_));
  out_.replace(0, kHeaderBytes, header);
  std::string sum;
  put_int(sum, crypto::xxh64(std::string_view(out_).substr(kSummedAt)));
  out_.replace(kChecksumAt, sum.size(), sum);
  return std::move(out_);
}

Result<void> read_chunk(std::string_view chunk, std::int64_t first, std::int64_t count,
                        const std::function<bool(std::int64_t, const EncodedRecord&)>& visit) {
  if (chunk.size() < kHeaderBytes) return damaged(first, "is cut");
  if (chunk[0] != kVersion) return damaged(first, fmt::format("has version {}", int{chunk[0]}));
  if (get_int<std::uint64_t>(chunk.data() + kChecksumAt) !=
      crypto::xxh64(chunk.substr(kSummedAt))) {
    return damaged(first, "checksum does not match");
  }
  if (get_int<std::int64_t>(chunk.data() + kSummedAt) != first ||
      get_int<std::uint32_t>(chunk.data() + kSummedAt + 8) != count) {
    return damaged(first, "lies in another chunk's place");
  }
  std::string_view rest = chunk.substr(kHeaderBytes);
  for (std::int64_t i = 0; i < count; ++i) {
    auto record = next_record(rest);
    if (!record) return damaged(first, record.error().message);
    if (!visit(first + i, *record)) return {};
  }
  if (!rest.empty()) return damaged(first, "has bytes after its last record");
  return {};
}

std::string encode_positions(const Positions& positions) {
  std::string out;
  for (const std::int64_t offset : positions) put_int(out, offset);
  return out;
}

Result<Positions> decode_positions(std::string_view bytes) {
  if (bytes.size() != kPartitions * sizeof(std::int64_t)) {
    return fail(ErrorCode::kDataLoss, "event log: positions have {} bytes", bytes.size());
  }
  Positions positions{};
  for (std::size_t i = 0; i < positions.size(); ++i) {
    positions[i] = get_int<std::int64_t>(bytes.data() + i * sizeof(std::int64_t));
  }
  return positions;
}

}  // namespace zhiyin::storage::detail
