#include "server/segment_trends.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>

#include "audience/traits.h"
#include "recommend/recommend_model.h"

namespace zhiyin::server {
namespace {

using storage::Value;

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// Of which segments somebody is a member, and which values of traits somebody has, a bit each.
struct Groups {
  std::uint64_t segments = 0;
  std::uint64_t values = 0;
};
using Members = std::unordered_map<std::string, Groups>;

/// Adds a segment's members under its bit; false when there would be too many.
Result<bool> add_members(audience::Segments& segments, const SegmentId& id, std::uint64_t bit,
                         Members& members) {
  constexpr std::size_t kPage = 10'000;
  std::vector<std::string> found;
  std::string after;
  while (true) {
    ZHIYIN_TRY(const auto page, segments.live_members(id, after, kPage));
    for (const PersonId& person : page.people) found.push_back(person.value);
    if (members.size() + found.size() > SegmentTrends::kMembersMax) return false;
    if (page.next.empty()) break;
    after = page.next;
  }
  for (std::string& person : found) members[std::move(person)].segments |= bit;
  return true;
}

/// Everybody's newest value of a trait, as segments see it: WHERE may follow.
constexpr std::string_view kValues =
    " FROM (SELECT ip.person AS person, t.text AS text,"
    " ROW_NUMBER() OVER (PARTITION BY ip.person ORDER BY t.at DESC, t.text DESC NULLS LAST) AS"
    " place FROM traits t JOIN identity_person ip ON ip.identity = t.identity AND ip.person <> ''"
    " AND t.off > ip.after_off WHERE t.name = ? AND t.at <= ?) newest"
    " WHERE place = 1 AND text IS NOT NULL AND text <> ''";

/// The most frequent values of a trait.
Result<std::vector<std::string>> values_of(storage::Warehouse& warehouse, const std::string& trait,
                                           Instant now, std::size_t most) {
  const std::string sql =
      "SELECT text, COUNT(*)" + std::string(kValues) +
      " GROUP BY text HAVING COUNT(*) >= " + std::to_string(SegmentTrends::kPeopleMin) +
      " ORDER BY COUNT(*) DESC, text LIMIT " + std::to_string(most);
  ZHIYIN_TRY(const storage::Rows found, warehouse.query(sql, {Value(trait), Value(now.us)}));
  std::vector<std::string> out;
  for (const storage::Row& row : found.rows) {
    const auto text = storage::as_text(row[0]);
    if (text.size() <= SegmentTrends::kValueBytesMax) out.emplace_back(text);
  }
  return out;
}

/// Those who have the value, under its bit; false when there would be too many.
Result<bool> add_holders(storage::Warehouse& warehouse, const std::string& trait,
                         const std::string& value, Instant now, std::uint64_t bit,
                         Members& members) {
  constexpr std::size_t kPage = 200'000;
  const std::string sql = "SELECT person" + std::string(kValues) +
                          " AND text = ? AND person > ? ORDER BY person LIMIT " +
                          std::to_string(kPage);
  std::vector<std::string> holders;
  while (true) {
    const std::string after = holders.empty() ? std::string() : holders.back();
    ZHIYIN_TRY(const storage::Rows page,
               warehouse.query(sql, {Value(trait), Value(now.us), Value(value), Value(after)}));
    for (const storage::Row& row : page.rows) holders.emplace_back(storage::as_text(row[0]));
    if (members.size() + holders.size() > SegmentTrends::kMembersMax) return false;
    if (page.rows.size() < kPage) break;
  }
  for (std::string& person : holders) members[std::move(person)].values |= bit;
  return true;
}

}  // namespace

Result<std::vector<std::string>> trend_traits(std::string_view names) {
  std::vector<std::string> out;
  if (trimmed(names).empty()) return out;
  for (std::size_t at = 0; at <= names.size();) {
    const std::size_t end = std::min(names.find(',', at), names.size());
    const std::string_view name = trimmed(names.substr(at, end - at));
    at = end + 1;
    if (name.empty() || name.size() > audience::kTraitNameBytesMax)
      return fail(ErrorCode::kInvalidArgument,
                  "recommend.popular_by: '{}' is no name of a trait, expected 1 to {} bytes", name,
                  audience::kTraitNameBytesMax);
    if (std::ranges::find(out, name) != out.end())
      return fail(ErrorCode::kInvalidArgument, "recommend.popular_by: {} is there twice", name);
    out.emplace_back(name);
  }
  if (out.size() > SegmentTrends::kTraitsMax)
    return fail(ErrorCode::kInvalidArgument, "recommend.popular_by: {} names, at most {}",
                out.size(), SegmentTrends::kTraitsMax);
  return out;
}

std::vector<const recommend::SegmentItems*> trends_of_traits(
    std::span<const recommend::SegmentItems> trends, const audience::PersonView& person,
    Instant now) {
  std::vector<const recommend::SegmentItems*> out;
  if (std::ranges::all_of(trends, [](const auto& t) { return t.trait.empty(); })) return out;
  const auto traits = audience::traits_of(person, now);
  for (const recommend::SegmentItems& one : trends) {
    const auto own = one.trait.empty() ? traits.end() : traits.find(one.trait);
    if (own != traits.end() && own->second.text && *own->second.text == one.name)
      out.push_back(&one);
  }
  return out;
}

Result<std::shared_ptr<const SegmentTrends::Found>> SegmentTrends::count_when_due(Instant now) {
  ZHIYIN_TRY(const auto active, parts_.models.active(recommend::RecommendModel::kKind));
  const std::string model = active ? active->id : "none";
  if (counted_at_ && model == model_ && now - *counted_at_ < kEvery) return nullptr;
  ZHIYIN_TRY(Found found, count(now));
  counted_at_ = now;
  model_ = model;
  return std::make_shared<const Found>(std::move(found));
}

Result<SegmentTrends::Found> SegmentTrends::count(Instant now) const {
  std::vector<SegmentId> live;
  ZHIYIN_TRY_VOID(parts_.state.read([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY(live, audience::filled_live_segments(session));
    return {};
  }));
  if (live.size() > recommend::SegmentCounter::kSegmentsMax)
    live.resize(recommend::SegmentCounter::kSegmentsMax);
  Members members;
  Found counted;
  for (const SegmentId& id : live) {
    ZHIYIN_TRY(const auto segment, parts_.segments.get(id));
    ZHIYIN_TRY(const bool fits,
               add_members(parts_.segments, id, std::uint64_t{1} << counted.size(), members));
    if (!fits) {
      parts_.logger.warning("recommend", "segment_too_large", {{"segment", id.value}});
      continue;
    }
    counted.push_back({id.value, segment.name.empty() ? id.value : segment.name, {}});
  }
  Found by_value;
  for (const std::string& trait : parts_.traits) {
    const std::size_t places = kValuesMax / parts_.traits.size();
    ZHIYIN_TRY(const auto values, values_of(parts_.warehouse, trait, now, places));
    for (const std::string& value : values) {
      ZHIYIN_TRY(const bool fits, add_holders(parts_.warehouse, trait, value, now,
                                              std::uint64_t{1} << by_value.size(), members));
      if (fits) by_value.push_back({{}, value, {}, trait});
    }
  }
  if (members.empty()) return Found();
  const recommend::RecommendModel usual;  // how much an action is a liking
  std::vector<std::string> kinds;
  for (const auto& [kind, weight] : recommend::TrainParams::default_kind_weights())
    kinds.push_back(kind);
  recommend::SegmentCounter in_segments(counted.size(), now, kHalfLife);
  recommend::SegmentCounter by_values(by_value.size(), now, kHalfLife);
  const auto rows =
      recommend::warehouse_rows(parts_.warehouse, std::move(kinds), now, now - kLookedBack);
  ZHIYIN_TRY_VOID(rows([&](const recommend::InteractionRow& row) {
    const auto found = members.find(std::string(row.person));
    const Groups groups = found == members.end() ? Groups() : found->second;
    const double weight = usual.kind_weight(row.kind, row.value);
    if (!counted.empty()) in_segments.add(row, weight, groups.segments);
    if (!by_value.empty()) by_values.add(row, weight, groups.values);
  }));
  const auto take = [](Found& to, std::vector<recommend::SegmentItems> found) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i].items = std::move(found[i].items);
  };
  take(counted, in_segments.found());
  take(by_value, by_values.found());
  std::ranges::move(by_value, std::back_inserter(counted));
  return counted;
}

}  // namespace zhiyin::server
