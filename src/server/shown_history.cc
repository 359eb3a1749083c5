#include "server/shown_history.h"

#include <algorithm>
#include <array>
#include <deque>
#include <unordered_map>

#include "server/session_feedback.h"

namespace zhiyin::server {
namespace {

using recommend::Impression;

bool is_explored(const Impression& impression) {
  return std::ranges::any_of(impression.items,
                             [](const auto& item) { return item.source == "explore"; });
}

std::unexpected<Error> stopped() { return fail(ErrorCode::kDeadline, "impressions: stopped"); }

/// Lists of the range, in the order of the log; beyond `lists_max` the older ones go.
Result<std::deque<Impression>> read_stream(Services& s, const HistoryRange& range,
                                           ShownHistory& out,
                                           const std::function<bool(std::string)>& go_on) {
  constexpr std::size_t kBatch = 20'000;
  std::deque<Impression> lists;
  storage::Positions at = range.from;
  std::array<bool, storage::kPartitions> stays{};
  std::size_t seen = 0;
  while (true) {
    ZHIYIN_TRY(const auto batch, s.log.read(storage::Stream::kImpressions, at, kBatch));
    if (batch.empty()) {
      for (std::size_t p = 0; p < at.size(); ++p) {
        if (!stays[p]) out.resume[p] = at[p];
      }
      return lists;
    }
    at = s.log.advance(at, batch);
    seen += batch.size();
    for (const storage::StoredRecord& record : batch) {
      auto read = recommend::decode_impression(record.bytes);
      if (!read) {
        ++out.unreadable;
        continue;
      }
      const auto p = static_cast<std::size_t>(record.partition);
      if (read->at > range.unfinished_after && !stays[p]) {
        stays[p] = true;
        out.resume[p] = record.offset - 1;
      }
      if (read->at <= range.after || read->at > range.as_of) continue;
      if (read->person.value.empty()) {
        ++out.without_person;
        continue;
      }
      if (!range.ab.empty() && read->ab != range.ab) continue;
      if (range.explored_only && !is_explored(*read)) continue;
      lists.push_back(std::move(*read));
      if (lists.size() <= range.lists_max) continue;
      lists.pop_front();
      ++out.left_out;
    }
    if (!go_on(fmt::format("读取展示记录 {0} 条 / {0} impressions read", seen))) return stopped();
  }
}

/// Numbers for the people of today.
class PeopleNumbers {
 public:
  std::uint32_t of(const PersonId& person) {
    return numbers_.try_emplace(person.value, static_cast<std::uint32_t>(numbers_.size()))
        .first->second;
  }
  [[nodiscard]] const std::unordered_map<std::string, std::uint32_t>& all() const {
    return numbers_;
  }
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view person) const {
    const auto found = numbers_.find(std::string(person));
    return found == numbers_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  std::unordered_map<std::string, std::uint32_t> numbers_;
};

/// Who the people of the lists are today: ids change when people turn out to be one.
Result<std::unordered_map<std::string, PersonId>> people_today(
    Services& s, const std::deque<Impression>& lists) {
  std::unordered_map<std::string, PersonId> out;
  for (const Impression& list : lists) out.try_emplace(list.person.value);
  std::vector<PersonId> ids;
  for (auto& [id, now] : out) {
    if (is_session(id)) {
      now = PersonId(id);
    } else {
      ids.emplace_back(id);
    }
  }
  constexpr std::size_t kAtOnce = 10'000;
  for (std::size_t begin = 0; begin < ids.size(); begin += kAtOnce) {
    const auto part = std::span(ids).subspan(begin, std::min(kAtOnce, ids.size() - begin));
    ZHIYIN_TRY(const auto now, s.people.resolve_all(part));
    for (std::size_t i = 0; i < part.size(); ++i) out[part[i].value] = now[i];
  }
  return out;
}

}  // namespace

Result<ShownHistory> read_shown_history(Services& s, const HistoryRange& range,
                                        const std::function<bool(std::string)>& go_on) {
  ShownHistory out;
  ZHIYIN_TRY(auto lists, read_stream(s, range, out, go_on));
  ZHIYIN_TRY(const auto today, people_today(s, lists));
  PeopleNumbers people;
  Instant first = range.as_of;
  for (Impression& list : lists) {
    const PersonId& person = today.at(list.person.value);
    if (person.value.empty()) {
      ++out.without_person;
      continue;
    }
    first = std::min(first, list.at);
    out.lists.push_back({people.of(person), std::move(list)});
  }
  lists.clear();
  out.people = people.all();
  if (out.lists.empty()) return out;
  const auto take = [&](const recommend::InteractionRow& row) {
    const auto person = people.find(row.person);
    const auto response = recommend::response_of(row.kind);
    if (!person || !response) return;
    if (row.item.id.empty() && !recommend::is_of_account(*response)) return;
    out.feedback.push_back({*person, row.item, *response, row.at});
  };
  const Instant after = first - Duration(1) - range.did_before;
  ZHIYIN_TRY_VOID(recommend::response_rows(s.warehouse, after, range.as_of)(take));
  ZHIYIN_TRY_VOID(session_rows(s.state, after, range.as_of)(take));
  if (!go_on(fmt::format("{0} 张列表，{1} 次反馈 / {0} lists, {1} responses", out.lists.size(),
                         out.feedback.size())))
    return stopped();
  return out;
}

}  // namespace zhiyin::server
