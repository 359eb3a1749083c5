#include "audience/recent_people.h"

#include <algorithm>

#include "audience/identity_ref.h"
#include "base/packed_number.h"

namespace zhiyin::audience {
namespace {

using storage::Session;

/// The row of `people_cursor` that counts the transactions that changed what views hold.
constexpr std::string_view kCursor = "views";

/// Of a list node, its places in two tables, and the allocator's own, about.
constexpr std::size_t kEntryBytes = 320;
constexpr std::size_t kIdentityBytes = 96;
/// So that one person does not push out all others.
constexpr std::size_t kShareOfOne = 64;

/// Small numbers of either sign are short.
void put_signed(std::string& out, std::int64_t value) {
  put_packed(out, static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
}

/// 0: as in the event before.
void put_text(std::string& out, std::string_view text, std::string_view before) {
  if (text == before) {
    put_packed(out, 0);
    return;
  }
  put_packed(out, text.size() + 1);
  out += text;
}

/// Differences that would not fit wrap around, and back.
std::int64_t minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

struct Reader {
  const char* at;

  std::uint64_t number() { return take_packed(at); }
  std::int64_t signed_number() {
    const std::uint64_t value = number();
    return static_cast<std::int64_t>(value >> 1 ^ (0 - (value & 1)));
  }
  std::string_view bytes(std::size_t size) {
    const std::string_view out(at, size);
    at += size;
    return out;
  }
  std::string_view text(std::string_view before) {
    const std::uint64_t size = number();
    return size == 0 ? before : bytes(size - 1);
  }
};

/// What an event is told by the difference to.
struct Before {
  std::int64_t at = 0;
  std::int64_t offset = 0;
  std::string_view kind;
  std::string_view item_kind;
  std::string_view item_id;
  std::string_view account;
  std::string_view properties;
};

std::size_t mark_of(const IdentityHash& identity, std::size_t marks) {
  return HashOfIdentity()(identity) % marks;
}
/// A person's segments have a mark of their own among them.
std::size_t mark_of(std::string_view person, std::size_t marks) {
  return std::hash<std::string_view>()(person) % marks;
}

Result<std::int64_t> number_of(Session& session) {
  ZHIYIN_TRY(const auto rows, session.query("SELECT value FROM people_cursor WHERE name = ?1",
                                            {std::string(kCursor)}));
  return rows.rows.empty() ? 0 : storage::as_int(rows.rows[0][0]);
}

}  // namespace

namespace detail {

std::string pack(const PersonView& view) {
  std::string out;
  put_text(out, view.id.value, {});
  put_packed(out, view.identities.size());
  for (const IdentityHash& identity : view.identities)
    out.append(reinterpret_cast<const char*>(identity.data()), identity.size());
  put_packed(out, view.activity.size());
  Before before;
  for (const Activity& a : view.activity) {
    put_signed(out, minus(a.at.us, before.at));
    put_signed(out, minus(a.offset, before.offset));
    put_signed(out, a.partition);
    put_packed(out, a.identity);
    put_signed(out, a.value);
    put_text(out, a.kind, before.kind);
    put_text(out, a.account, before.account);
    put_text(out, a.properties, before.properties);
    put_packed(out, a.item ? 1 : 0);
    before.at = a.at.us;
    before.offset = a.offset;
    before.kind = a.kind;
    before.account = a.account;
    before.properties = a.properties;
    if (!a.item) continue;
    put_text(out, a.item->kind, before.item_kind);
    put_text(out, a.item->id, before.item_id);
    before.item_kind = a.item->kind;
    before.item_id = a.item->id;
  }
  out.shrink_to_fit();
  return out;
}

PersonView unpack(std::string_view packed) {
  Reader in{packed.data()};
  PersonView view;
  view.id.value = in.text({});
  view.identities.resize(in.number());
  for (IdentityHash& identity : view.identities) {
    const std::string_view bytes = in.bytes(identity.size());
    std::ranges::copy(bytes, reinterpret_cast<char*>(identity.data()));
  }
  view.activity.resize(in.number());
  Before before;
  for (Activity& a : view.activity) {
    a.at.us = before.at = plus(before.at, in.signed_number());
    a.offset = before.offset = plus(before.offset, in.signed_number());
    a.partition = static_cast<int>(in.signed_number());
    a.identity = in.number();
    a.value = in.signed_number();
    a.kind = before.kind = in.text(before.kind);
    a.account = before.account = in.text(before.account);
    a.properties = before.properties = in.text(before.properties);
    if (in.number() == 0) continue;
    ingest::ItemRef& item = a.item.emplace();
    item.kind = before.item_kind = in.text(before.item_kind);
    item.id = before.item_id = in.text(before.item_id);
  }
  return view;
}

}  // namespace detail

std::shared_ptr<const std::string> RecentPeople::find(const People& people, std::string_view ref) {
  // An id from before a merge, a hash in hex and what is no reference at all are state's to answer.
  std::optional<IdentityHash> identity;
  if (!ref.starts_with("p_")) {
    if (const auto named = parse_identity(ref)) identity = people.vault().hash(*named);
  }
  MutexLock lock(mutex_);
  Place place;
  if (identity) {
    const auto found = by_identity_.find(*identity);
    if (found == by_identity_.end()) return nullptr;
    place = found->second;
  } else {
    const auto found = by_person_.find(ref);
    if (found == by_person_.end()) return nullptr;
    place = found->second;
  }
  ++counts_.found;
  entries_.splice(entries_.begin(), entries_, place);
  return place->packed;
}

Result<PersonView> RecentPeople::view_of(const People& people, std::string_view ref) {
  if (bytes_max_ == 0) return people.view_of(ref);
  if (const auto packed = find(people, ref)) return detail::unpack(*packed);
  std::optional<Read> read;
  const bool has_names = this->has_names();
  ZHIYIN_TRY_VOID(people.state().read([&](Session& session) -> Result<void> {
    Read& out = read.emplace();
    ZHIYIN_TRY(out.as_of, number_of(session));
    ZHIYIN_TRY(out.view, people.view_of(ref));
    ZHIYIN_TRY(out.segments, live_numbers_of(session, out.view.id));
    if (!has_names) {
      ZHIYIN_TRY(auto names, filled_live_names(session));
      out.names = std::make_shared<const std::vector<LiveName>>(std::move(names));
    }
    return {};
  }));
  keep(*read);
  return std::move(read->view);
}

bool RecentPeople::has_names() const {
  MutexLock lock(mutex_);
  return names_ != nullptr;
}

std::optional<std::vector<SegmentId>> RecentPeople::known_segments(const PersonId& person) {
  MutexLock lock(mutex_);
  const auto found = by_person_.find(person.value);
  if (found == by_person_.end() || !names_) return std::nullopt;
  return segments_of_numbers(found->second->segments, *names_);
}

Result<std::vector<SegmentId>> RecentPeople::segments_of(storage::State& state,
                                                         const PersonId& person) {
  if (auto known = known_segments(person)) return std::move(*known);
  LiveNumbers numbers;
  std::int64_t as_of = 0;
  Names names;
  ZHIYIN_TRY_VOID(state.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(as_of, number_of(session));
    ZHIYIN_TRY(numbers, live_numbers_of(session, person));
    ZHIYIN_TRY(auto read, filled_live_names(session));
    names = std::make_shared<const std::vector<LiveName>>(std::move(read));
    return {};
  }));
  if (bytes_max_ > 0) {
    MutexLock lock(mutex_);
    keep_names(names, as_of);
  }
  return segments_of_numbers(numbers, *names);
}

void RecentPeople::keep_names(const Names& names, std::int64_t as_of) {
  if (names && names_mark_ <= as_of) names_ = names;
}

std::optional<PersonView> RecentPeople::known(const People& people, std::string_view ref) {
  if (bytes_max_ == 0) return std::nullopt;
  const auto packed = find(people, ref);
  return packed ? std::optional(detail::unpack(*packed)) : std::nullopt;
}

void RecentPeople::keep(const Read& read) {
  const PersonView& view = read.view;
  auto packed = std::make_shared<const std::string>(detail::pack(view));
  const std::size_t bytes = packed->size() + read.segments.size() * sizeof(read.segments[0]) +
                            kEntryBytes + view.identities.size() * kIdentityBytes;
  MutexLock lock(mutex_);
  ++counts_.read;
  keep_names(read.names, read.as_of);
  if (bytes > bytes_max_ / kShareOfOne || view.identities.empty()) return;
  // Changed since, or about to be: what was read is the past, or soon will be.
  if (marks_[mark_of(view.id.value, kMarks)] > read.as_of) return;
  for (const IdentityHash& identity : view.identities) {
    if (marks_[mark_of(identity, kMarks)] > read.as_of) return;
  }
  if (const auto old = by_person_.find(view.id.value); old != by_person_.end()) drop(old->second);
  for (const IdentityHash& identity : view.identities) {
    if (const auto old = by_identity_.find(identity); old != by_identity_.end()) drop(old->second);
  }
  while (!entries_.empty() && counts_.bytes + bytes > bytes_max_) drop(std::prev(entries_.end()));
  entries_.push_front({view.id.value, view.identities, std::move(packed), read.segments, bytes});
  const Place place = entries_.begin();
  by_person_.emplace(place->person, place);
  for (const IdentityHash& identity : place->identities) by_identity_.emplace(identity, place);
  counts_.bytes += bytes;
  ++counts_.people;
}

void RecentPeople::drop(Place place) {
  by_person_.erase(place->person);
  for (const IdentityHash& identity : place->identities) by_identity_.erase(identity);
  counts_.bytes -= place->bytes;
  --counts_.people;
  entries_.erase(place);
}

Result<std::int64_t> RecentPeople::next_number(Session& session) {
  ZHIYIN_TRY(const auto rows,
             session.query("INSERT INTO people_cursor(name, value) VALUES(?1, 1) ON CONFLICT(name)"
                           " DO UPDATE SET value = people_cursor.value + 1 RETURNING value",
                           {std::string(kCursor)}));
  return storage::as_int(rows.rows.at(0).at(0));
}

Result<void> RecentPeople::changed(Session& session, std::span<const IdentityHash> identities) {
  if (bytes_max_ == 0 || identities.empty()) return {};
  ZHIYIN_TRY(const std::int64_t number, next_number(session));
  MutexLock lock(mutex_);
  for (const IdentityHash& identity : identities) {
    std::int64_t& mark = marks_[mark_of(identity, kMarks)];
    mark = std::max(mark, number);
    if (const auto found = by_identity_.find(identity); found != by_identity_.end())
      drop(found->second);
  }
  return {};
}

Result<void> RecentPeople::memberships_changed(Session& session,
                                               std::span<const std::string> people) {
  if (bytes_max_ == 0 || people.empty()) return {};
  ZHIYIN_TRY(const std::int64_t number, next_number(session));
  MutexLock lock(mutex_);
  for (const std::string& person : people) {
    std::int64_t& mark = marks_[mark_of(person, kMarks)];
    mark = std::max(mark, number);
    if (const auto found = by_person_.find(person); found != by_person_.end()) drop(found->second);
  }
  return {};
}

Result<void> RecentPeople::live_segments_changed(Session& session) {
  if (bytes_max_ == 0) return {};
  ZHIYIN_TRY(const std::int64_t number, next_number(session));
  MutexLock lock(mutex_);
  names_mark_ = std::max(names_mark_, number);
  names_ = nullptr;
  return {};
}

RecentPeople::Counts RecentPeople::counts() const {
  MutexLock lock(mutex_);
  return counts_;
}

Result<void> RecentPeopleProjection::apply(Session& session,
                                           std::span<const ingest::LoggedEvent> events) {
  std::vector<IdentityHash> identities;
  for (const ingest::LoggedEvent& logged : events) {
    identities.insert(identities.end(), logged.event.identities.begin(),
                      logged.event.identities.end());
  }
  std::ranges::sort(identities);
  identities.erase(std::ranges::unique(identities).begin(), identities.end());
  return recent_.changed(session, identities);
}

}  // namespace zhiyin::audience
