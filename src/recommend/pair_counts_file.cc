#include "recommend/pair_counts_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <numeric>

#include "base/crypto.h"
#include "base/mapped_file.h"

namespace zhiyin::recommend {
namespace {

static_assert(std::endian::native == std::endian::little, "the file is little-endian");

constexpr std::string_view kMagic = "ZYPAIRS\n";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kWord = sizeof(std::uint64_t);
constexpr std::uint16_t kForgotten = 0xffff;  ///< in place of each item of a row
constexpr std::size_t kNamesBytesMax = std::size_t{64} << 20;

struct Header {
  char magic[8] = {};
  std::uint32_t version = kVersion;
  std::uint32_t items = 0;
  std::uint64_t rows = 0;
  std::uint64_t entries = 0;
  std::uint64_t names_bytes = 0;
  std::uint64_t body_sum = 0;
  std::uint64_t header_sum = 0;  ///< xxh64 of what stands before it
};
static_assert(sizeof(Header) == PairCountsView::kHeaderBytes);

std::string_view bytes_of(const Header& header) {
  return {reinterpret_cast<const char*>(&header), sizeof header};
}

void seal(Header& header) {
  header.header_sum = crypto::xxh64(bytes_of(header).substr(0, sizeof header - kWord));
}

/// What a word adds to the sum of the body: depends on its place, so that nothing can change places
/// unnoticed, and on nothing else, so that a word can be exchanged without reading the others.
/// (The last steps are those of SplitMix64.)
std::uint64_t share(std::uint64_t word, std::uint64_t place) {
  std::uint64_t x = word + (place + 1) * 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

std::uint64_t word_at(std::string_view bytes, std::size_t offset) {
  std::uint64_t out = 0;
  std::memcpy(&out, bytes.data() + offset, kWord);
  return out;
}

std::uint64_t sum_of(std::string_view body, std::uint64_t first_place = 0) {
  std::uint64_t out = 0;
  for (std::size_t at = 0; at + kWord <= body.size(); at += kWord)
    out += share(word_at(body, at), first_place + at / kWord);
  return out;
}

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::kDataLoss, "counts kept: {}", what);
}

std::unexpected<Error> not_written(const std::filesystem::path& file) {
  return fail(ErrorCode::kUnavailable, "{}: cannot be written: {}", file.string(),
              std::strerror(errno));
}

struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};

bool write_at(int fd, std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    offset += static_cast<std::uint64_t>(n);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

/// The body from front to back, gathered into pieces; keeps its sum.
class BodyWriter {
 public:
  explicit BodyWriter(int fd) : fd_(fd) { piece_.reserve(kPiece + kWord); }

  template <class T>
  void put(std::span<const T> values) {
    put_bytes({reinterpret_cast<const char*>(values.data()), values.size_bytes()});
  }
  void put_bytes(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t taken = std::min(bytes.size(), kPiece - piece_.size());
      piece_.append(bytes.substr(0, taken));
      bytes.remove_prefix(taken);
      if (piece_.size() == kPiece) write_piece();
    }
  }
  /// Filled up with zeros to a whole word. False when something could not be written.
  bool finish() {
    piece_.resize((piece_.size() + kWord - 1) / kWord * kWord, '\0');
    write_piece();
    return good_;
  }
  [[nodiscard]] std::uint64_t sum() const { return sum_; }

 private:
  static constexpr std::size_t kPiece = 1 << 20;

  void write_piece() {
    sum_ += sum_of(piece_, written_ / kWord);
    good_ = good_ && write_at(fd_, PairCountsView::kHeaderBytes + written_, piece_);
    written_ += piece_.size();
    piece_.clear();
  }

  const int fd_;
  std::string piece_;
  std::uint64_t written_ = 0;
  std::uint64_t sum_ = 0;
  bool good_ = true;
};

/// Words to be exchanged, asked for in ascending order of their places.
class Edits {
 public:
  explicit Edits(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  void set(const T& place, T value) {
    const auto offset =
        static_cast<std::size_t>(reinterpret_cast<const char*>(&place) - bytes_.data());
    const std::size_t word = offset / kWord * kWord;
    if (list_.empty() || list_.back().offset != word)
      list_.push_back({word, word_at(bytes_, word)});
    std::memcpy(reinterpret_cast<char*>(&list_.back().word) + offset % kWord, &value, sizeof value);
  }

  /// With the header that belongs to them.
  std::vector<PairCountsView::Edit> finish() && {
    Header header;
    std::memcpy(&header, bytes_.data(), sizeof header);
    for (const auto& edit : list_) {
      const std::uint64_t place = (edit.offset - sizeof header) / kWord;
      header.body_sum += share(edit.word, place) - share(word_at(bytes_, edit.offset), place);
    }
    seal(header);
    for (std::size_t at = 0; at < sizeof header; at += kWord)
      list_.push_back({at, word_at(bytes_of(header), at)});
    return std::move(list_);
  }

 private:
  std::string_view bytes_;
  std::vector<PairCountsView::Edit> list_;
};

/// Takes `count` values from the front; what is asked for must be there.
template <class T>
std::span<const T> take(std::string_view& bytes, std::size_t count) {
  const std::span out(reinterpret_cast<const T*>(bytes.data()), count);
  bytes.remove_prefix(out.size_bytes());
  return out;
}

/// Names of the items: a length (u32) before each.
bool take_names(std::string_view bytes, std::size_t count, std::vector<std::string_view>& out) {
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t length = 0;
    if (bytes.size() < sizeof length) return false;
    std::memcpy(&length, bytes.data(), sizeof length);
    bytes.remove_prefix(sizeof length);
    if (bytes.size() < length) return false;
    out.push_back(bytes.substr(0, length));
    if (i > 0 && !(out[i - 1] < out[i])) return false;
    bytes.remove_prefix(length);
  }
  return bytes.empty();
}

}  // namespace

PersonKey person_key(std::string_view person) { return crypto::xxh3_128(person); }

CountedRows::CountedRows(const Interactions& all, std::span<const PersonKey> all_keys,
                         std::vector<std::string> names)
    : matrix(all), keys(all_keys), items(std::move(names)) {
  // Keys beside the numbers that are sorted by them: a sort that looks them up takes three times as
  // long.
  std::vector<std::pair<PersonKey, std::uint32_t>> order;
  order.reserve(matrix.users());
  for (std::uint32_t u = 0; u < matrix.users(); ++u) {
    if (!matrix.columns(u).empty()) order.emplace_back(keys[u], u);
  }
  std::ranges::sort(order);
  by_key.reserve(order.size());
  for (const auto& [key, user] : order) by_key.push_back(user);
}

Result<PairCountsView> PairCountsView::lay_out(std::string_view bytes) {
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % kWord != 0)
    return fail(ErrorCode::kInternal, "counts kept: not at a multiple of 8");
  Header header;
  if (bytes.size() < sizeof header) return damaged("the bytes end too early");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::string_view(header.magic, sizeof header.magic) != kMagic)
    return damaged("this is no such file");
  if (header.version != kVersion)
    return damaged(fmt::format("version {} is not known", header.version));
  Header right = header;
  seal(right);
  if (right.header_sum != header.header_sum) return damaged("the header's checksum is wrong");
  const std::size_t body = bytes.size() - sizeof header;
  if (header.items > kItemsMax || header.rows > body / sizeof(PersonKey) ||
      header.entries > std::numeric_limits<std::uint32_t>::max() ||
      header.names_bytes > kNamesBytesMax)
    return damaged("a size is out of bounds");
  const std::size_t cells = CoOccurrence::cells_of(header.items);
  // None of these is above some 2^40.
  const std::size_t needed = header.rows * (sizeof(PersonKey) + sizeof(std::uint32_t)) +
                             cells * sizeof(std::uint32_t) +
                             header.entries * sizeof(std::uint16_t) + header.names_bytes;
  if (body != (needed + kWord - 1) / kWord * kWord) return damaged("it is longer or shorter");
  PairCountsView out;
  out.bytes_ = bytes;
  std::string_view left = bytes.substr(sizeof header);
  out.keys_ = take<PersonKey>(left, header.rows);
  out.cells_ = take<std::uint32_t>(left, cells);
  out.ends_ = take<std::uint32_t>(left, header.rows);
  out.entries_ = take<std::uint16_t>(left, header.entries);
  if (!take_names(left.substr(0, header.names_bytes), header.items, out.items_))
    return damaged("the names of the items are wrong");
  return out;
}

Result<PairCountsView> PairCountsView::read(std::string_view bytes) {
  ZHIYIN_TRY(PairCountsView out, lay_out(bytes));
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (sum_of(bytes.substr(sizeof header)) != header.body_sum)
    return damaged("the checksum is wrong");
  std::vector<std::uint32_t> people_of(out.items_.size(), 0);
  std::uint32_t begin = 0;
  for (std::size_t r = 0; r < out.rows(); ++r) {
    const std::uint32_t end = out.ends_[r];
    if (end <= begin || end > out.entries_.size()) return damaged("a row has no items");
    if (r > 0 && out.keys_[r] < out.keys_[r - 1]) return damaged("the rows are not in order");
    const auto row = out.entries_.subspan(begin, end - begin);
    begin = end;
    if (row[0] == kForgotten) continue;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (row[i] >= people_of.size() || (i > 0 && row[i] <= row[i - 1]))
        return damaged("a row's items are not in order");
      ++people_of[row[i]];
    }
  }
  if (begin != out.entries_.size()) return damaged("the rows end too early");
  // Of the counts the rows tell the diagonal at no cost: files of which only the sums fit stop
  // here.
  for (std::size_t i = 0; i < people_of.size(); ++i) {
    if (out.cells_[CoOccurrence::cells_of(i + 1) - 1] != people_of[i])
      return damaged("the counts are not those of the rows");
  }
  return out;
}

std::span<const std::uint16_t> PairCountsView::row(std::size_t row) const {
  const std::uint32_t begin = row == 0 ? 0 : ends_[row - 1];
  const auto out = entries_.subspan(begin, ends_[row] - begin);
  return out[0] == kForgotten ? std::span<const std::uint16_t>() : out;
}

Result<std::vector<PairCountsView::Edit>> PairCountsView::edits_to_forget(
    const PersonKey& person) const {
  const auto same = std::ranges::equal_range(keys_, person);
  const auto first = static_cast<std::size_t>(same.begin() - keys_.begin());
  std::span<const std::uint16_t> own;
  for (std::size_t r = first; r < first + same.size(); ++r) {
    const std::uint32_t begin = r == 0 ? 0 : ends_[r - 1];
    if (begin >= ends_[r] || ends_[r] > entries_.size()) return damaged("a row is out of bounds");
    if (entries_[begin] == kForgotten) continue;
    if (!own.empty()) return damaged("two people have one hash");
    own = entries_.subspan(begin, ends_[r] - begin);
  }
  if (own.empty()) return std::vector<Edit>();
  Edits edits(bytes_);
  // In the place of the hash stands the one before it, so that all stay in order.
  const PersonKey before = first > 0 ? keys_[first - 1] : PersonKey{};
  for (const PersonKey& key : same) {
    edits.set(key[0], before[0]);
    edits.set(key[1], before[1]);
  }
  for (std::size_t a = 0; a < own.size(); ++a) {
    if (own[a] >= items_.size() || (a > 0 && own[a] <= own[a - 1]))
      return damaged("a row's items are not in order");
    const auto cells = cells_.subspan(CoOccurrence::cells_of(own[a]));
    for (std::size_t b = 0; b <= a; ++b) {
      const std::uint32_t& cell = cells[own[b]];
      if (cell == 0) return damaged("a row was not counted");
      edits.set(cell, cell - 1);
    }
  }
  for (const std::uint16_t& item : own) edits.set(item, kForgotten);
  return std::move(edits).finish();
}

Result<void> write_pair_counts(const std::filesystem::path& file, const CountedRows& rows,
                               const CoOccurrence& counts) {
  Header header;
  std::memcpy(header.magic, kMagic.data(), kMagic.size());
  header.items = static_cast<std::uint32_t>(rows.items.size());
  header.rows = rows.by_key.size();
  for (const std::uint32_t u : rows.by_key) header.entries += rows.matrix.columns(u).size();
  for (const std::string& name : rows.items)
    header.names_bytes += sizeof(std::uint32_t) + name.size();
  if (rows.items.size() > PairCountsView::kItemsMax || header.names_bytes > kNamesBytesMax ||
      header.entries > std::numeric_limits<std::uint32_t>::max())
    return fail(ErrorCode::kLimitReached, "counts kept: {} items and {} entries are too many",
                rows.items.size(), header.entries);
  const Descriptor out{
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR)};
  if (out.value < 0) return not_written(file);
  BodyWriter body(out.value);
  for (const std::uint32_t u : rows.by_key) body.put(std::span<const std::uint64_t>(rows.keys[u]));
  body.put(counts.cells());
  std::uint32_t end = 0;
  for (const std::uint32_t u : rows.by_key) {
    end += static_cast<std::uint32_t>(rows.matrix.columns(u).size());
    body.put(std::span<const std::uint32_t>(&end, 1));
  }
  std::vector<std::uint16_t> row;
  for (const std::uint32_t u : rows.by_key) {
    row.assign(rows.matrix.columns(u).begin(), rows.matrix.columns(u).end());
    body.put(std::span<const std::uint16_t>(row));
  }
  for (const std::string& name : rows.items) {
    const auto length = static_cast<std::uint32_t>(name.size());
    body.put(std::span<const std::uint32_t>(&length, 1));
    body.put_bytes(name);
  }
  const bool written = body.finish();
  header.body_sum = body.sum();
  seal(header);
  if (!written || !write_at(out.value, 0, bytes_of(header)) || ::fsync(out.value) != 0)
    return not_written(file);
  return {};
}

Result<bool> forget_in_pair_counts(const std::filesystem::path& file, const PersonKey& person) {
  ZHIYIN_TRY(const MappedFile mapped, MappedFile::open(file, std::numeric_limits<size_t>::max()));
  ZHIYIN_TRY(const PairCountsView view, PairCountsView::lay_out(mapped.bytes()));
  ZHIYIN_TRY(const auto edits, view.edits_to_forget(person));
  if (edits.empty()) return false;
  const Descriptor out{::open(file.c_str(), O_WRONLY | O_CLOEXEC)};
  if (out.value < 0) return not_written(file);
  // While words are exchanged the header's checksum is wrong.
  const std::uint64_t no_sum = ~word_at(mapped.bytes(), PairCountsView::kHeaderBytes - kWord);
  bool good = write_at(out.value, PairCountsView::kHeaderBytes - kWord,
                       {reinterpret_cast<const char*>(&no_sum), kWord});
  std::string run;
  const std::size_t body = edits.size() - PairCountsView::kHeaderBytes / kWord;
  for (std::size_t i = 0; i < edits.size() && good; ++i) {
    // What changed is on the disk before the header says that it is whole.
    if (i == body) good = ::fdatasync(out.value) == 0;
    run.append(reinterpret_cast<const char*>(&edits[i].word), kWord);
    const bool goes_on = i + 1 < edits.size() && edits[i + 1].offset == edits[i].offset + kWord;
    if (goes_on) continue;
    good = good && write_at(out.value, edits[i].offset + kWord - run.size(), run);
    run.clear();
  }
  if (!good || ::fdatasync(out.value) != 0) return not_written(file);
  return true;
}

}  // namespace zhiyin::recommend
