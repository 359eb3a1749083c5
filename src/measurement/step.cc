#include "measurement/step.h"

#include "audience/segment_query.h"

namespace zhiyin::measurement {

Result<void> check(const EventFilter& filter, bool kind_needed) {
  if (kind_needed && filter.kind.empty()) return fail_field("kind", "is missing");
  if (!filter.item_id.empty() && filter.item_kind.empty())
    return fail_field("item_kind", "is needed beside item_id");
  return {};
}

std::string condition_of(const EventFilter& filter, std::vector<storage::Value>& parameters) {
  std::string sql = "(";
  const auto equal = [&](std::string_view column, const std::string& value) {
    if (value.empty()) return;
    sql += fmt::format(" AND e.{} = ?", column);
    parameters.emplace_back(value);
  };
  if (filter.kind.empty()) {
    sql += audience::behaviour_condition();
  } else {
    sql += "e.kind = ?";
    parameters.emplace_back(filter.kind);
  }
  equal("item_kind", filter.item_kind);
  equal("item_id", filter.item_id);
  equal("account", filter.account);
  if (!filter.tag.empty()) {
    sql +=
        " AND (e.item_kind, e.item_id) IN (SELECT item_kind, item_id FROM item_tags"
        " WHERE weight > 0 AND tag = ?)";
    parameters.emplace_back(filter.tag);
  }
  return sql + ")";
}

}  // namespace zhiyin::measurement
