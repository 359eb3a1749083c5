// The searchable form of an index of near-duplicates: docs/formats/near-duplicates.md.
#include "text/near_duplicate_table.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <memory>

#include "base/check.h"
#include "text/detail/signature_bands.h"

namespace zhiyin::text {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFileBytesMax = std::size_t{256} << 30;
constexpr std::size_t kFingerprintKeys = 1 << 16;

struct Header {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t key_bits;  ///< 2^key_bits keys in each band
  std::uint64_t owner, end;
  std::uint64_t shorts, longs;
  std::uint64_t checksum;         ///< xxh64, seed 0, of all bytes behind the header
  std::uint64_t header_checksum;  ///< xxh64, seed 0, of the 56 bytes before it
};
constexpr std::size_t kHeaderSummed = sizeof(Header) - sizeof(std::uint64_t);
constexpr std::array<char, 8> kMagic = {'Z', 'Y', 'N', 'T', 'A', 'B', 'L', '\n'};
constexpr std::uint32_t kVersion = 1, kKeyBitsMax = 31;
static_assert(std::endian::native == std::endian::little && sizeof(Header) == 64);
static_assert(sizeof(MinHash) == 48);

std::unexpected<Error> damaged(const fs::path& path, std::string_view what) {
  return fail(ErrorCode::kDataLoss, "{}: table of near-duplicates: {}", path.string(), what);
}

/// About two texts for a key.
std::uint32_t key_bits_of(std::size_t shorts) {
  const auto bits = static_cast<std::uint32_t>(std::bit_width(shorts / 2));
  return std::min(bits, kKeyBitsMax);
}

/// Bytes behind the header.
std::uint64_t bytes_of(std::uint64_t shorts, std::uint64_t longs, std::uint32_t key_bits) {
  const std::uint64_t keys = (std::uint64_t{1} << key_bits) + 1;
  const std::uint64_t bands = detail::kBands * 4 * (keys + shorts);
  const std::uint64_t tables =
      detail::kFingerprintTables * (4 * (kFingerprintKeys + 1 + longs) + 2 * (longs + longs % 2));
  return longs * 12 + shorts * (sizeof(MinHash) + 4) + bands + tables;
}

/// Writes and sums up what it has written.
class Writer {
 public:
  explicit Writer(const fs::path& path) : out_(path, std::ios::binary | std::ios::trunc) {
    XXH64_reset(sum_.get(), 0);
  }
  template <class T>
  void put(std::span<const T> rows) {
    const auto* bytes = reinterpret_cast<const char*>(rows.data());
    out_.write(bytes, static_cast<std::streamsize>(rows.size_bytes()));
    XXH64_update(sum_.get(), bytes, rows.size_bytes());
  }
  template <class T>
  void put(const std::vector<T>& rows) {
    put(std::span<const T>(rows));
  }
  /// The header, over the place that was left for it. False where anything could not be written.
  bool finish(Header header) {
    header.checksum = XXH64_digest(sum_.get());
    header.header_checksum = XXH64(&header, kHeaderSummed, 0);
    out_.seekp(0);
    out_.write(reinterpret_cast<const char*>(&header), sizeof header);
    out_.close();
    return !out_.fail();
  }
  void leave_header() {
    const Header empty{};
    out_.write(reinterpret_cast<const char*>(&empty), sizeof empty);
  }

 private:
  struct Free {
    void operator()(XXH64_state_t* state) const { XXH64_freeState(state); }
  };
  std::ofstream out_;
  std::unique_ptr<XXH64_state_t, Free> sum_{XXH64_createState()};
};

struct Sorted {
  std::vector<std::uint32_t> offsets, places;
};
/// Places by their key, ascending within one (counting sort).
template <class Key>
Sorted by_key(std::size_t places, std::size_t keys, const Key& key) {
  Sorted out{std::vector<std::uint32_t>(keys + 1), std::vector<std::uint32_t>(places)};
  for (std::size_t i = 0; i < places; ++i) ++out.offsets[key(i) + 1];
  for (std::size_t k = 0; k < keys; ++k) out.offsets[k + 1] += out.offsets[k];
  std::vector<std::uint32_t> next(out.offsets.begin(), out.offsets.end() - 1);
  for (std::size_t i = 0; i < places; ++i)
    out.places[next[key(i)]++] = static_cast<std::uint32_t>(i);
  return out;
}

/// Numbers that stand in one list or in both, which ascend.
std::size_t in_either(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
  std::size_t both = 0;
  for (std::size_t i = 0, k = 0; i < a.size() && k < b.size();) {
    if (a[i] == b[k])
      ++both, ++i, ++k;
    else if (a[i] < b[k])
      ++i;
    else
      ++k;
  }
  return a.size() + b.size() - both;
}

/// Takes rows from the front; there are enough bytes, and they lie as T must.
template <class T>
std::span<const T> take(std::string_view& bytes, std::size_t count) {
  const std::span<const T> rows(reinterpret_cast<const T*>(bytes.data()), count);
  bytes.remove_prefix(rows.size_bytes());
  return rows;
}

}  // namespace

void NearDuplicateTableBuilder::add(std::uint32_t number, const TextSignature& signature) {
  if (signature.minhash) {
    signatures_.push_back(*signature.minhash);
    short_numbers_.push_back(number);
  }
  if (signature.fingerprint) {
    fingerprints_.push_back(*signature.fingerprint);
    long_numbers_.push_back(number);
  }
}

Result<void> NearDuplicateTableBuilder::write(const fs::path& path, std::uint64_t owner,
                                              std::uint64_t end) const {
  const std::size_t shorts = signatures_.size(), longs = fingerprints_.size();
  const std::uint32_t key_bits = key_bits_of(shorts);
  const fs::path part = path.string() + ".part";
  Writer out(part);
  out.leave_header();
  out.put(fingerprints_);
  out.put(signatures_);
  out.put(short_numbers_);
  out.put(long_numbers_);
  const std::uint64_t mask = (std::uint64_t{1} << key_bits) - 1;
  for (std::size_t band = 0; band < detail::kBands; ++band) {
    const Sorted sorted = by_key(shorts, mask + 1, [&](std::size_t i) {
      return detail::band_key(signatures_[i], band) & mask;
    });
    out.put(sorted.offsets);
    out.put(sorted.places);
  }
  for (std::size_t t = 0; t < detail::kFingerprintTables; ++t) {
    const Sorted sorted = by_key(longs, kFingerprintKeys, [&](std::size_t i) {
      return std::size_t{detail::fingerprint_part(fingerprints_[i], t)};
    });
    std::vector<std::uint16_t> beside(longs + longs % 2);
    for (std::size_t i = 0; i < longs; ++i)
      beside[i] = detail::fingerprint_part(fingerprints_[sorted.places[i]], t + 1);
    out.put(sorted.offsets);
    out.put(sorted.places);
    out.put(beside);
  }
  Header header{};
  header.magic = kMagic;
  header.version = kVersion;
  header.key_bits = key_bits;
  header.owner = owner;
  header.end = end;
  header.shorts = shorts;
  header.longs = longs;
  std::error_code error;
  if (out.finish(header))
    fs::rename(part, path, error);
  else
    error = std::make_error_code(std::errc::io_error);
  if (!error) return {};
  std::error_code ignored;
  fs::remove(part, ignored);
  return fail(ErrorCode::kUnavailable, "{}: cannot be written: {}", path.string(), error.message());
}

Result<NearDuplicateTable> NearDuplicateTable::open(const fs::path& path) {
  NearDuplicateTable out;
  ZHIYIN_TRY(out.file_, MappedFile::open(path, kFileBytesMax));
  std::string_view bytes = out.file_.bytes();
  Header header;
  if (bytes.size() < sizeof header) return damaged(path, "too short");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != kMagic) return damaged(path, "is no such file");
  if (header.version != kVersion)
    return fail(ErrorCode::kUnsupported, "{}: version {}, known is {}", path.string(),
                header.version, kVersion);
  bytes.remove_prefix(sizeof header);
  const std::uint64_t rows_max = bytes.size() / sizeof(std::uint32_t);
  if (header.shorts > rows_max || header.longs > rows_max || header.key_bits > kKeyBitsMax ||
      bytes_of(header.shorts, header.longs, header.key_bits) != bytes.size())
    return damaged(path, "has another length than it says");
  if (XXH64(&header, kHeaderSummed, 0) != header.header_checksum ||
      XXH64(bytes.data(), bytes.size(), 0) != header.checksum)
    return damaged(path, "checksum does not fit");
  out.owner_ = header.owner;
  out.end_ = header.end;
  out.fingerprints_ = take<std::uint64_t>(bytes, header.longs);
  out.signatures_ = take<MinHash>(bytes, header.shorts);
  out.short_numbers_ = take<std::uint32_t>(bytes, header.shorts);
  out.long_numbers_ = take<std::uint32_t>(bytes, header.longs);
  out.size_ = in_either(out.short_numbers_, out.long_numbers_);
  const std::size_t keys = (std::size_t{1} << header.key_bits) + 1;
  for (Buckets& band : out.bands_) {
    band.offsets = take<std::uint32_t>(bytes, keys);
    band.places = take<std::uint32_t>(bytes, header.shorts);
  }
  for (std::size_t t = 0; t < out.tables_.size(); ++t) {
    out.tables_[t].offsets = take<std::uint32_t>(bytes, kFingerprintKeys + 1);
    out.tables_[t].places = take<std::uint32_t>(bytes, header.longs);
    out.beside_[t] = take<std::uint16_t>(bytes, header.longs + header.longs % 2);
  }
  return out;
}

/// Whoever makes the checksum fit to other bytes gets no more than wrong answers.
std::span<const std::uint32_t> NearDuplicateTable::Buckets::of(std::size_t key) const {
  const std::size_t end = std::min<std::size_t>(offsets[key + 1], places.size());
  const std::size_t begin = std::min<std::size_t>(offsets[key], end);
  return places.subspan(begin, end - begin);
}

void NearDuplicateTable::find_short(const MinHash& signature, const NearDuplicateOptions& options,
                                    std::vector<NearDuplicate>& out) const {
  for (std::size_t band = 0; band < bands_.size(); ++band) {
    const std::uint64_t mask = bands_[band].offsets.size() - 2;
    const auto places = bands_[band].of(detail::band_key(signature, band) & mask);
    const std::size_t tried = std::min(places.size(), options.candidates_max);
    for (const std::uint32_t place : places.last(tried)) {  // the newest
      if (place >= signatures_.size()) continue;
      const double alike = similarity(signature, signatures_[place]);
      if (alike >= options.similarity_min) out.push_back({short_numbers_[place], alike});
    }
  }
}

void NearDuplicateTable::find_long(std::uint64_t fingerprint, const NearDuplicateOptions& options,
                                   std::vector<NearDuplicate>& out) const {
  for (std::size_t t = 0; t < tables_.size(); ++t) {
    const auto places = tables_[t].of(detail::fingerprint_part(fingerprint, t));
    const auto* const all = tables_[t].places.data();
    const std::uint16_t beside = detail::fingerprint_part(fingerprint, t + 1);
    const std::size_t tried = std::min(places.size(), options.candidates_max);
    for (const std::uint32_t& at : places.last(tried)) {
      const std::uint16_t other = beside_[t][static_cast<std::size_t>(&at - all)];
      if (std::popcount(static_cast<unsigned>(other ^ beside)) > options.bits_max) continue;
      if (at >= fingerprints_.size()) continue;
      const int bits = bits_apart(fingerprint, fingerprints_[at]);
      if (bits <= options.bits_max) out.push_back({long_numbers_[at], 1 - bits / 64.0});
    }
  }
}

std::vector<NearDuplicate> NearDuplicateTable::find(const TextSignature& signature,
                                                    const NearDuplicateOptions& options,
                                                    std::size_t most) const {
  std::vector<NearDuplicate> found;
  const NearDuplicateOptions within = detail::within_range(options);
  if (signature.minhash) find_short(*signature.minhash, within, found);
  if (signature.fingerprint) find_long(*signature.fingerprint, within, found);
  detail::best_first(found, most);
  return found;
}

}  // namespace zhiyin::text
