#include "server/shown_items.h"

#include <algorithm>
#include <charconv>
#include <map>

namespace zhiyin::server {
namespace {

constexpr storage::Migration kMigrations[] = {
    {"recommend-002-shown",
     "CREATE TABLE recommend_shown (person TEXT PRIMARY KEY, shows TEXT NOT NULL,"
     " newest BIGINT NOT NULL)"}};

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
  for (const Show& show : shows)
    out += fmt::format("{} {} {}\n", show.at.us / 1'000'000, show.item.kind, show.item.id);
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
    show.at = Instant{seconds * 1'000'000};
    show.item.kind = taken(line, ' ');
    show.item.id = line;
    out.push_back(std::move(show));
  }
  return out;
}

void ShownItems::shown(const PersonId& person, std::vector<recommend::ItemRef> items, Instant at) {
  if (rule_.shows == 0 || person.value.empty()) return;
  MutexLock lock(mutex_);
  if (gathered_.size() >= kGatheredMax && !gathered_.contains(person.value)) return;
  Shows& shows = gathered_[person.value];
  for (recommend::ItemRef& item : items) {
    // What would break a line is never tired.
    if (!item.id.contains('\n') && !item.kind.contains(' ')) shows.push_back({std::move(item), at});
  }
  if (shows.size() > kPerPerson)
    shows.erase(shows.begin(), shows.end() - static_cast<std::ptrdiff_t>(kPerPerson));
}

Result<ShownItems::Shows> ShownItems::read(storage::Session& db, const PersonId& person) {
  ZHIYIN_TRY(const auto rows,
             db.query("SELECT shows FROM recommend_shown WHERE person = ?1", {person.value}));
  return rows.rows.empty() ? Shows() : decode(storage::as_text(rows.rows[0][0]));
}

Result<std::vector<recommend::ItemRef>> ShownItems::tired(const PersonId& person,
                                                          Instant now) const {
  std::vector<recommend::ItemRef> out;
  if (rule_.shows == 0 || person.value.empty()) return out;
  Shows shows;
  ZHIYIN_TRY_VOID(state_.read([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY(shows, read(db, person));
    return {};
  }));
  {
    MutexLock lock(mutex_);
    if (const auto own = gathered_.find(person.value); own != gathered_.end())
      shows.insert(shows.end(), own->second.begin(), own->second.end());
  }
  std::map<recommend::ItemRef, std::int64_t> counts;
  for (const Show& show : shows) {
    if (show.at <= now && now - show.at < rule_.window) ++counts[show.item];
  }
  for (const auto& [item, count] : counts) {
    if (count >= rule_.shows) out.push_back(item);
  }
  return out;
}

Result<void> ShownItems::forget(const PersonId& person) {
  {
    MutexLock lock(mutex_);
    gathered_.erase(person.value);
  }
  return state_.write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY_VOID(db.execute("DELETE FROM recommend_shown WHERE person = ?1", {person.value}));
    return {};
  });
}

Result<void> ShownItems::tidy(Instant now) {
  return state_.write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY_VOID(
        db.execute("DELETE FROM recommend_shown WHERE newest < ?1", {(now - rule_.window).us}));
    return {};
  });
}

Result<void> ShownItems::flush() {
  std::unordered_map<std::string, Shows> gathered;
  {
    MutexLock lock(mutex_);
    gathered = gathered_;
  }
  if (gathered.empty()) return {};
  // In one order, so that processes never wait for each other in a circle.
  std::vector<std::string> people;
  for (const auto& [person, shows] : gathered) people.push_back(person);
  std::ranges::sort(people);
  ZHIYIN_TRY_VOID(state_.write([&](storage::Session& db) -> Result<void> {
    for (const std::string& person : people) {
      ZHIYIN_TRY(Shows shows, read(db, PersonId(person)));
      const Shows& own = gathered[person];
      shows.insert(shows.end(), own.begin(), own.end());
      if (shows.size() > kPerPerson)
        shows.erase(shows.begin(), shows.end() - static_cast<std::ptrdiff_t>(kPerPerson));
      ZHIYIN_TRY_VOID(db.execute(
          "INSERT INTO recommend_shown (person, shows, newest) VALUES (?1, ?2, ?3) ON CONFLICT "
          "(person) DO UPDATE SET shows = ?2, newest = ?3",
          {person, encode(shows), shows.back().at.us}));
    }
    return {};
  }));
  MutexLock lock(mutex_);
  for (const auto& [person, shows] : gathered) {
    // What came meanwhile stays. Of a list so long that its beginning was dropped all goes.
    Shows& now = gathered_[person];
    now.erase(now.begin(),
              now.begin() + static_cast<std::ptrdiff_t>(std::min(now.size(), shows.size())));
    if (now.empty()) gathered_.erase(person);
  }
  return {};
}

}  // namespace zhiyin::server
