#include "audience/segments.h"

#include <algorithm>

#include "audience/recent_people.h"
#include "audience/segment_query.h"

namespace zhiyin::audience {
namespace {

using storage::Row;
using storage::Rows;
using storage::Session;

Result<Segment> segment_of(const Row& row) {
  SegmentId id{std::string(storage::as_text(row[0]))};
  auto tree = SegmentTree::parse_stored(storage::as_text(row[2]));
  if (!tree)
    return fail(ErrorCode::kDataLoss, "segment {}: its stored tree cannot be read: {}", id.value,
                tree.error().text());
  return Segment{std::move(id),
                 std::string(storage::as_text(row[1])),
                 std::move(*tree),
                 storage::as_int(row[3]),
                 {storage::as_int(row[4])},
                 storage::as_int(row[5]) != 0};
}

constexpr std::string_view kSelect =
    "SELECT id, name, tree, version, updated_at, live FROM segment ";

Result<std::optional<Segment>> find(Session& session, const SegmentId& id) {
  ZHIYIN_TRY(const Rows rows, session.query(fmt::format("{} WHERE id = ?1", kSelect), {id.value}));
  if (rows.rows.empty()) return std::optional<Segment>();
  ZHIYIN_TRY(auto segment, segment_of(rows.rows[0]));
  return std::optional(std::move(segment));
}

std::unexpected<Error> missing(const SegmentId& id) {
  return fail(ErrorCode::kNotFound, "segment {}: does not exist", id.value.substr(0, 64));
}

std::unexpected<Error> moved_on(const SegmentId& id, std::int64_t version) {
  return fail(ErrorCode::kConflict, "segment {}: is at version {} now", id.value, version);
}

bool is_segment_id(std::string_view id) {
  constexpr std::size_t kBytesMax = 64;
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !id.empty() && id.size() <= kBytesMax && plain(id[0]) &&
         std::ranges::all_of(id, [&](char c) { return plain(c) || c == '_' || c == '-'; });
}

Result<SegmentTree> checked_tree(const SegmentDefinition& definition) {
  if (!is_segment_id(definition.id.value)) {
    return fail_field("id", "'{}' is not of the form [a-z0-9][a-z0-9_-]{{0,63}}",
                      definition.id.value.substr(0, 64));
  }
  constexpr std::size_t kNameBytesMax = 200;
  if (definition.name.size() > kNameBytesMax)
    return fail_field("name", "is longer than {} bytes", kNameBytesMax);
  auto tree = SegmentTree::from_json(definition.tree);
  if (!tree) return std::unexpected(within("tree", std::move(tree.error())));
  return tree;
}

Result<void> set_live_told(Session& session, const Segment& segment, bool live, bool changed,
                           RecentPeople* recent) {
  ZHIYIN_TRY_VOID(set_live(session, segment.id, segment.version, live, changed));
  return recent == nullptr ? Result<void>() : recent->live_segments_changed(session);
}

Result<Segment> store(Session& session, Segment segment, const std::optional<Segment>& before,
                      RecentPeople* recent) {
  const std::string tree = segment.tree.to_json().dump();
  ZHIYIN_TRY_VOID(session.execute(
      "INSERT INTO segment(id, name, tree, version, updated_at, live) VALUES(?1, ?2, ?3, ?4, ?5, "
      "?6)"
      " ON CONFLICT(id) DO UPDATE SET name = excluded.name, tree = excluded.tree, version ="
      " excluded.version, updated_at = excluded.updated_at, live = excluded.live",
      {segment.id.value, segment.name, tree, segment.version, segment.updated_at.us,
       std::int64_t{segment.live}}));
  const bool changed = !before || before->tree.to_json().dump() != tree;
  ZHIYIN_TRY_VOID(set_live_told(session, segment, segment.live, changed, recent));
  return segment;
}

Result<void> check_room(Session& session) {
  ZHIYIN_TRY(const Rows rows, session.query("SELECT COUNT(*) FROM segment"));
  if (storage::as_int(rows.rows.at(0).at(0)) < static_cast<std::int64_t>(Segments::kSegmentsMax))
    return {};
  return fail(ErrorCode::kLimitReached, "segments: there are {} already", Segments::kSegmentsMax);
}

TagLookup lookup_in(std::shared_ptr<const catalogue::ItemIndex> index) {
  return [index = std::move(index)](const ingest::ItemRef& ref) { return index->tags(ref); };
}

}  // namespace

Result<std::vector<Segment>> Segments::list() const {
  ZHIYIN_TRY(const Rows rows, state_.query(fmt::format("{} ORDER BY id", kSelect)));
  std::vector<Segment> list;
  for (const Row& row : rows.rows) {
    ZHIYIN_TRY(auto segment, segment_of(row));
    list.push_back(std::move(segment));
  }
  return list;
}

Result<Segment> Segments::get(const SegmentId& id) const {
  std::optional<Segment> found;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(found, find(session, id));
    return {};
  }));
  if (!found) return missing(id);
  return std::move(*found);
}

Result<Segment> Segments::put(const SegmentDefinition& definition,
                              std::optional<std::int64_t> if_match, Instant now) {
  ZHIYIN_TRY(const SegmentTree tree, checked_tree(definition));
  Segment stored;
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const auto before, find(session, definition.id));
    if (before && !if_match)
      return fail(ErrorCode::kConflict, "segment {}: exists already", definition.id.value);
    if (!before && if_match) return missing(definition.id);
    if (before && before->version != *if_match) return moved_on(definition.id, before->version);
    if (!before) ZHIYIN_TRY_VOID(check_room(session));
    ZHIYIN_TRY(stored, store(session,
                             {definition.id, definition.name, tree,
                              before ? before->version + 1 : 1, now, definition.live},
                             before, recent_));
    return {};
  }));
  return stored;
}

Result<Segment> Segments::apply(const SegmentDefinition& definition, Instant now) {
  ZHIYIN_TRY(const SegmentTree tree, checked_tree(definition));
  Segment stored;
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(auto before, find(session, definition.id));
    if (before && before->name == definition.name && before->live == definition.live &&
        before->tree.to_json() == tree.to_json()) {
      stored = std::move(*before);
      return {};
    }
    if (!before) ZHIYIN_TRY_VOID(check_room(session));
    ZHIYIN_TRY(stored, store(session,
                             {definition.id, definition.name, tree,
                              before ? before->version + 1 : 1, now, definition.live},
                             before, recent_));
    return {};
  }));
  return stored;
}

Result<void> Segments::remove(const SegmentId& id, std::optional<std::int64_t> if_match) {
  return state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const auto before, find(session, id));
    if (!before) return missing(id);
    if (if_match && before->version != *if_match) return moved_on(id, before->version);
    ZHIYIN_TRY_VOID(session.execute("DELETE FROM segment WHERE id = ?1", {id.value}));
    return set_live_told(session, *before, false, true, recent_);
  });
}

Result<std::vector<PersonId>> Segments::members(const SegmentId& id, Instant as_of) const {
  ZHIYIN_TRY(const Segment segment, get(id));
  return audience::members(warehouse_, segment.tree, as_of);
}

Result<SegmentCount> Segments::count(const SegmentId& id, Instant as_of, Duration age_max) const {
  ZHIYIN_TRY(const Segment segment, get(id));
  {
    const MutexLock lock(mutex_);
    const auto cached = counts_.find(id);
    if (cached != counts_.end() && cached->second.version == segment.version) {
      const Instant then = cached->second.count.as_of;
      if (then <= as_of && as_of - then <= age_max) return cached->second.count;
    }
  }
  ZHIYIN_TRY(const std::int64_t n, audience::count(warehouse_, segment.tree, as_of));
  const SegmentCount fresh{n, as_of};
  const MutexLock lock(mutex_);
  if (counts_.size() >= kSegmentsMax) counts_.clear();
  counts_.insert_or_assign(id, CachedCount{segment.version, fresh});
  return fresh;
}

Result<std::optional<LiveCount>> Segments::live(const SegmentId& id, Instant now) const {
  std::optional<LiveCount> found;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(found, live_count(session, id, now));
    return {};
  }));
  return found;
}

Result<LiveMembers> Segments::live_members(const SegmentId& id, std::string_view after,
                                           std::size_t limit) const {
  LiveMembers page;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const auto known, live_count(session, id, Instant{}));
    if (!known || !known->filled)
      return fail(ErrorCode::kConflict, "segment {}: {}", id.value,
                  known ? "is still being filled" : "is not live");
    ZHIYIN_TRY(page, audience::live_members(session, id, after, limit));
    return {};
  }));
  return page;
}

Result<SegmentPreview> Segments::preview(const SegmentTree& tree, Instant as_of,
                                         std::size_t sample_size) const {
  SegmentPreview preview;
  preview.as_of = as_of;
  ZHIYIN_TRY(preview.count, audience::count(warehouse_, tree, as_of));
  ZHIYIN_TRY(preview.sample, audience::sample(warehouse_, tree, as_of, sample_size));
  return preview;
}

Result<Membership> Segments::why(const SegmentId& id, const PersonId& person, Instant as_of) const {
  ZHIYIN_TRY(const Segment segment, get(id));
  ZHIYIN_TRY(const PersonView view, people_.view(person, kActivityAll));
  ZHIYIN_TRY(auto index, items_.index());
  const TagLookup tags = lookup_in(std::move(index));
  return Membership{evaluate(segment.tree, view, tags, as_of), as_of,
                    explain(segment.tree, view, tags, as_of)};
}

Result<std::vector<SegmentId>> Segments::segments_of(const PersonView& view, Instant as_of) const {
  ZHIYIN_TRY(const auto all, list());
  ZHIYIN_TRY(auto index, items_.index());
  const TagLookup tags = lookup_in(std::move(index));
  std::vector<SegmentId> kept;
  std::vector<SegmentId> found;
  std::vector<SegmentId> filled;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(kept, live_segments_of(session, view.id));
    ZHIYIN_TRY(filled, filled_live_segments(session));
    return {};
  }));
  for (const Segment& segment : all) {
    if (std::ranges::find(filled, segment.id) != filled.end()) {
      if (std::ranges::find(kept, segment.id) != kept.end()) found.push_back(segment.id);
      continue;
    }
    if (evaluate(segment.tree, view, tags, as_of)) found.push_back(segment.id);
  }
  return found;
}

}  // namespace zhiyin::audience
