#include "server/shown_items.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/packed_number.h"

namespace zhiyin::server {
namespace {

constexpr storage::Migration kMigrations[] = {
    {"recommend-002-shown",
     "CREATE TABLE recommend_shown (person TEXT PRIMARY KEY, shows TEXT NOT NULL,"
     " newest BIGINT NOT NULL)"}};

constexpr std::int64_t kSecondUs = 1'000'000;
/// Of a list node, its place in the table, and the allocator's own, about.
constexpr std::size_t kKeptBytes = 250;

/// A packed row, show by show. Each is the seconds since the one before (they may go back: then a
/// large number, which wraps around), the kind (0: as before, else its length + 1) and the id.
class Packed {
 public:
  explicit Packed(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool next() {
    if (at_ == end_) return false;
    seconds_ += take_packed(at_);
    if (const std::uint64_t size = take_packed(at_); size > 0) kind_ = text(size - 1);
    id_ = text(take_packed(at_));
    return true;
  }
  [[nodiscard]] Instant at() const {
    return Instant{static_cast<std::int64_t>(seconds_) * kSecondUs};
  }
  [[nodiscard]] std::string_view kind() const { return kind_; }
  [[nodiscard]] std::string_view id() const { return id_; }

 private:
  std::string_view text(std::uint64_t size) {
    const std::string_view out(at_, size);
    at_ += size;
    return out;
  }

  const char* at_;
  const char* end_;
  std::uint64_t seconds_ = 0;
  std::string_view kind_;
  std::string_view id_;
};

/// Takes the text up to `mark` off the front.
std::string_view taken(std::string_view& text, char mark) {
  const std::size_t end = std::min(text.find(mark), text.size());
  const std::string_view out = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return out;
}

}  // namespace

std::span<const storage::Migration> ShownItems::migrations() { return kMigrations; }

// A line for each show: seconds, kind and id, separated by blanks. Kinds have no blanks.
std::string ShownItems::encode(const Shows& shows) {
  std::string out;
  constexpr std::size_t kLine = 32;
  out.reserve(shows.size() * kLine);
  for (const Show& show : shows) {
    char number[24];
    const auto end = std::to_chars(std::begin(number), std::end(number), show.at.us / kSecondUs);
    out.append(number, end.ptr);
    ((out += ' ') += show.item.kind) += ' ';
    (out += show.item.id) += '\n';
  }
  return out;
}

ShownItems::Shows ShownItems::decode(std::string_view bytes) {
  Shows out;
  while (!bytes.empty() && out.size() < kPerPerson) {
    std::string_view line = taken(bytes, '\n');
    const std::string_view number = taken(line, ' ');
    std::int64_t seconds = 0;
    std::from_chars(number.data(), number.data() + number.size(), seconds);
    Show show;
    show.at = Instant{seconds * kSecondUs};
    show.item.kind = taken(line, ' ');
    show.item.id = line;
    out.push_back(std::move(show));
  }
  return out;
}

std::string ShownItems::pack(const Shows& shows) {
  std::string out;
  std::uint64_t before = 0;
  std::string_view kind;
  for (const Show& show : shows) {
    const auto seconds = static_cast<std::uint64_t>(show.at.us / kSecondUs);
    put_packed(out, seconds - before);
    before = seconds;
    const bool is_same = show.item.kind == kind;
    put_packed(out, is_same ? 0 : show.item.kind.size() + 1);
    if (!is_same) out += show.item.kind;
    kind = show.item.kind;
    put_packed(out, show.item.id.size());
    out += show.item.id;
  }
  out.shrink_to_fit();
  return out;
}

ShownItems::Shows ShownItems::unpack(std::string_view packed) {
  Shows out;
  for (Packed row(packed); row.next();)
    out.push_back({{std::string(row.kind()), std::string(row.id())}, row.at()});
  return out;
}

namespace {

/// The newest of them stay.
void keep_newest(auto& shows) {
  if (shows.size() > ShownItems::kPerPerson)
    shows.erase(shows.begin(), shows.end() - static_cast<std::ptrdiff_t>(ShownItems::kPerPerson));
}

}  // namespace

void ShownItems::shown(const PersonId& person, std::vector<recommend::ItemRef> items, Instant at) {
  if (rule_.shows == 0 || person.value.empty()) return;
  MutexLock lock(mutex_);
  if (gathered_.size() >= kGatheredMax && !gathered_.contains(person.value)) return;
  Shows& shows = gathered_[person.value];
  for (recommend::ItemRef& item : items) {
    // What would break a line is never tired.
    if (!item.id.contains('\n') && !item.kind.contains(' ')) shows.push_back({std::move(item), at});
  }
  keep_newest(shows);
}

Result<ShownItems::Shows> ShownItems::read(storage::Session& db, const PersonId& person) {
  ZHIYIN_TRY(const auto rows,
             db.query("SELECT shows FROM recommend_shown WHERE person = ?1", {person.value}));
  return rows.rows.empty() ? Shows() : decode(storage::as_text(rows.rows[0][0]));
}

std::vector<recommend::ItemRef> ShownItems::tired_of(std::string_view packed, const Shows& since,
                                                     Instant now) const {
  struct Seen {
    std::size_t hash;
    std::string_view kind;
    std::string_view id;
    bool operator==(const Seen&) const = default;
  };
  const auto is_before = [](const Seen& a, const Seen& b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    return a.id != b.id ? a.id < b.id : a.kind < b.kind;
  };
  std::vector<Seen> seen;
  seen.reserve(kPerPerson + since.size());
  const auto add = [&](std::string_view kind, std::string_view id, Instant at) {
    if (at <= now && now - at < rule_.window)
      seen.push_back({std::hash<std::string_view>()(id), kind, id});
  };
  for (Packed row(packed); row.next();) add(row.kind(), row.id(), row.at());
  for (const Show& show : since) add(show.item.kind, show.item.id, show.at);
  std::vector<recommend::ItemRef> out;
  const auto wanted = static_cast<std::size_t>(rule_.shows);
  if (seen.size() < wanted) return out;
  std::ranges::sort(seen, is_before);
  for (std::size_t begin = 0, end = 0; begin < seen.size(); begin = end) {
    while (end < seen.size() && seen[end] == seen[begin]) ++end;
    if (end - begin >= wanted)
      out.push_back({std::string(seen[begin].kind), std::string(seen[begin].id)});
  }
  std::ranges::sort(out);
  return out;
}

std::shared_ptr<const std::string> ShownItems::find(const std::string& person) {
  const auto found = by_person_.find(person);
  if (found == by_person_.end()) return nullptr;
  kept_.splice(kept_.begin(), kept_, found->second);
  return found->second->packed;
}

ShownItems::Shows ShownItems::since(const std::string& person) const {
  Shows out;
  const auto add = [&](const Gathered& from) {
    if (const auto own = from.find(person); own != from.end())
      out.insert(out.end(), own->second.begin(), own->second.end());
  };
  if (writing_) add(*writing_);
  add(gathered_);
  return out;
}

std::optional<std::vector<recommend::ItemRef>> ShownItems::known_tired(const PersonId& person,
                                                                       Instant now) {
  if (rule_.shows == 0 || person.value.empty()) return std::vector<recommend::ItemRef>();
  std::shared_ptr<const std::string> packed;
  Shows since;
  {
    MutexLock lock(mutex_);
    packed = find(person.value);
    if (!packed) return std::nullopt;
    since = this->since(person.value);
  }
  return tired_of(*packed, since, now);
}

Result<std::optional<ShownItems::Looked>> ShownItems::look(const PersonId& person) {
  std::uint64_t before = 0;
  {
    MutexLock lock(mutex_);
    before = changes_;
  }
  Shows row;
  ZHIYIN_TRY_VOID(state_.read([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY(row, read(db, person));
    return {};
  }));
  MutexLock lock(mutex_);
  const bool is_quiet = before % 2 == 0;
  // What a flush writes could be counted twice, or not at all.
  if (changes_ != before || (!is_quiet && writing_ && writing_->contains(person.value)))
    return std::nullopt;
  if (is_quiet) keep(person.value, row);
  return Looked{pack(row), since(person.value)};
}

Result<std::vector<recommend::ItemRef>> ShownItems::tired(const PersonId& person, Instant now) {
  if (auto known = known_tired(person, now)) return std::move(*known);
  ZHIYIN_TRY(auto looked, look(person));
  if (!looked) {
    MutexLock writing(writing_mutex_);
    ZHIYIN_TRY(looked, look(person));
  }
  return tired_of(looked->packed, looked->since, now);
}

void ShownItems::keep(const std::string& person, const Shows& shows) {
  if (const auto old = by_person_.find(person); old != by_person_.end()) drop(old->second);
  auto packed = std::make_shared<const std::string>(pack(shows));
  const std::size_t bytes = packed->size() + person.size() + kKeptBytes;
  if (bytes > bytes_max_) return;
  while (bytes_ + bytes > bytes_max_) drop(std::prev(kept_.end()));
  kept_.push_front({person, std::move(packed), shows.empty() ? Instant{} : shows.back().at, bytes});
  by_person_.emplace(kept_.front().person, kept_.begin());
  bytes_ += bytes;
}

void ShownItems::keep_written(const Written& written) {
  for (const auto& [person, row] : written) {
    const auto found = by_person_.find(person);
    if (found == by_person_.end()) continue;  // pushed out meanwhile
    Kept& kept = *found->second;
    bytes_ = bytes_ + row.packed->size() - kept.packed->size();
    kept.bytes = kept.bytes + row.packed->size() - kept.packed->size();
    kept.packed = row.packed;
    kept.newest = row.newest;
  }
  while (bytes_ > bytes_max_) drop(std::prev(kept_.end()));
}

void ShownItems::drop(Place place) {
  by_person_.erase(place->person);
  bytes_ -= place->bytes;
  kept_.erase(place);
}

ShownItems::Counts ShownItems::counts() const {
  MutexLock lock(mutex_);
  return {kept_.size(), bytes_};
}

Result<void> ShownItems::forget(const PersonId& person) {
  MutexLock writing(writing_mutex_);
  {
    MutexLock lock(mutex_);
    ++changes_;
    gathered_.erase(person.value);
    if (const auto kept = by_person_.find(person.value); kept != by_person_.end())
      drop(kept->second);
  }
  auto done = state_.write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY_VOID(db.execute("DELETE FROM recommend_shown WHERE person = ?1", {person.value}));
    return {};
  });
  MutexLock lock(mutex_);
  ++changes_;
  return done;
}

Result<void> ShownItems::tidy(Instant now) {
  MutexLock writing(writing_mutex_);
  const Instant before = now - rule_.window;
  {
    MutexLock lock(mutex_);
    ++changes_;
    for (Place place = kept_.begin(); place != kept_.end();) {
      const Place one = place++;
      if (one->newest < before) drop(one);
    }
  }
  auto done = state_.write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY_VOID(db.execute("DELETE FROM recommend_shown WHERE newest < ?1", {before.us}));
    return {};
  });
  MutexLock lock(mutex_);
  ++changes_;
  return done;
}

Result<ShownItems::Written> ShownItems::write(const Gathered& gathered, const Written& kept) {
  // In one order, so that processes never wait for each other in a circle.
  std::vector<std::string> people;
  for (const auto& [person, shows] : gathered) people.push_back(person);
  std::ranges::sort(people);
  Written out;
  ZHIYIN_TRY_VOID(state_.write([&](storage::Session& db) -> Result<void> {
    out.clear();
    for (const std::string& person : people) {
      const auto base = kept.find(person);
      Shows shows;
      if (base != kept.end()) {
        shows = unpack(*base->second.packed);
      } else {
        ZHIYIN_TRY(shows, read(db, PersonId(person)));
      }
      const Shows& own = gathered.at(person);
      shows.insert(shows.end(), own.begin(), own.end());
      keep_newest(shows);
      if (shows.empty()) continue;
      const Instant newest = shows.back().at;
      ZHIYIN_TRY_VOID(db.execute(
          "INSERT INTO recommend_shown (person, shows, newest) VALUES (?1, ?2, ?3) ON CONFLICT "
          "(person) DO UPDATE SET shows = ?2, newest = ?3",
          {person, encode(shows), newest.us}));
      if (base != kept.end())
        out.emplace(person, Row{std::make_shared<const std::string>(pack(shows)), newest});
    }
    return {};
  }));
  return out;
}

Result<void> ShownItems::flush() {
  MutexLock writing(writing_mutex_);
  std::shared_ptr<const Gathered> batch;
  Written kept;
  {
    MutexLock lock(mutex_);
    if (gathered_.empty()) return {};
    batch = writing_ = std::make_shared<const Gathered>(std::exchange(gathered_, {}));
    ++changes_;
    for (const auto& [person, shows] : *batch) {
      if (const auto found = by_person_.find(person); found != by_person_.end())
        kept.emplace(person, Row{found->second->packed, found->second->newest});
    }
  }
  auto written = write(*batch, kept);
  MutexLock lock(mutex_);
  ++changes_;
  writing_ = nullptr;
  if (written) {
    keep_written(*written);
    return {};
  }
  for (const auto& [person, shows] : *batch) {
    if (gathered_.size() >= kGatheredMax && !gathered_.contains(person)) continue;
    Shows& own = gathered_[person];
    own.insert(own.begin(), shows.begin(), shows.end());
    keep_newest(own);
  }
  return std::unexpected(std::move(written.error()));
}

}  // namespace zhiyin::server
