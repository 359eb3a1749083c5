// The stored form of an index of near-duplicates: docs/formats/near-duplicates.md.
#include <xxhash.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "base/file.h"
#include "text/near_duplicate.h"

namespace zhiyin::text {
namespace {

constexpr std::size_t kFileBytesMax = std::size_t{64} << 30;

struct Header {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t bits_max;
  double similarity_min;
  std::uint64_t candidates_max;
  std::uint64_t texts;  ///< that were numbered
  std::uint64_t shorts, longs;
  std::uint64_t checksum;  ///< xxh64, seed 0, of all bytes behind the header
};
constexpr std::array<char, 8> kMagic = {'Z', 'Y', 'N', 'E', 'A', 'R', 'S', '\n'};
constexpr std::uint32_t kVersion = 1;
static_assert(std::endian::native == std::endian::little && sizeof(Header) == 64);

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::kDataLoss, "near-duplicates: {}", what);
}

template <class T>
void append(std::string& out, const std::vector<T>& rows) {
  out.append(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(T));
}

/// Takes rows from the front; there are enough bytes.
template <class T>
std::vector<T> take(std::string_view& bytes, std::size_t count) {
  std::vector<T> rows(count);
  if (count > 0) std::memcpy(rows.data(), bytes.data(), count * sizeof(T));
  bytes.remove_prefix(count * sizeof(T));
  return rows;
}

/// Every number is of a text, and they ascend.
bool are_numbers(const std::vector<std::uint32_t>& numbers, std::uint64_t texts) {
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (numbers[i] >= texts || (i > 0 && numbers[i - 1] >= numbers[i])) return false;
  return true;
}

}  // namespace

std::string NearDuplicateIndex::to_bytes() const {
  Header header{};
  header.magic = kMagic;
  header.version = kVersion;
  header.bits_max = static_cast<std::uint32_t>(options_.bits_max);
  header.similarity_min = options_.similarity_min;
  header.candidates_max = options_.candidates_max;
  header.texts = size_;
  header.shorts = short_.signatures.size();
  header.longs = long_.fingerprints.size();
  std::string out(sizeof(Header), '\0');
  out.reserve(out.size() + header.shorts * (sizeof(MinHash) + 4) + header.longs * 12);
  append(out, short_.signatures);
  append(out, short_.numbers);
  append(out, long_.numbers);
  append(out, long_.fingerprints);
  header.checksum = XXH64(out.data() + sizeof(Header), out.size() - sizeof(Header), 0);
  std::memcpy(out.data(), &header, sizeof(Header));
  return out;
}

Result<NearDuplicateIndex> NearDuplicateIndex::from_bytes(std::string_view bytes) {
  Header header;
  if (bytes.size() < sizeof(header)) return damaged("too short");
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.magic != kMagic) return damaged("is no such file");
  if (header.version != kVersion)
    return fail(ErrorCode::kUnsupported, "near-duplicates: version {}, known is {}", header.version,
                kVersion);
  bytes.remove_prefix(sizeof(header));
  const std::uint64_t rows_max = bytes.size() / sizeof(std::uint32_t);
  if (header.shorts > rows_max || header.longs > rows_max ||
      header.shorts * (sizeof(MinHash) + 4) + header.longs * 12 != bytes.size())
    return damaged("has another length than it says");
  if (header.checksum != XXH64(bytes.data(), bytes.size(), 0))
    return damaged("checksum does not fit");
  if (header.texts > std::uint64_t{0xffffffff} || !std::isfinite(header.similarity_min))
    return damaged("a number of the header is out of range");
  NearDuplicateIndex out({.similarity_min = header.similarity_min,
                          .bits_max = static_cast<int>(std::min(header.bits_max, 64U)),
                          .candidates_max = header.candidates_max});
  out.size_ = header.texts;
  out.short_.signatures = take<MinHash>(bytes, header.shorts);
  out.short_.numbers = take<std::uint32_t>(bytes, header.shorts);
  const auto numbers = take<std::uint32_t>(bytes, header.longs);
  const auto fingerprints = take<std::uint64_t>(bytes, header.longs);
  if (!are_numbers(out.short_.numbers, header.texts) || !are_numbers(numbers, header.texts))
    return damaged("a text's number is out of range");
  for (auto& links : out.short_.next) links.resize(header.shorts);
  if (header.shorts > 0) out.short_.link_all();
  for (std::size_t i = 0; i < numbers.size(); ++i) out.long_.add(fingerprints[i], numbers[i]);
  return out;
}

Result<void> NearDuplicateIndex::save(const std::filesystem::path& path) const {
  return write_file(path, to_bytes());
}

Result<NearDuplicateIndex> NearDuplicateIndex::load(const std::filesystem::path& path) {
  ZHIYIN_TRY(const std::string bytes, read_file(path, kFileBytesMax));
  auto index = from_bytes(bytes);
  if (!index) return fail(index.error().code, "{}: {}", path.string(), index.error().message);
  return index;
}

}  // namespace zhiyin::text
