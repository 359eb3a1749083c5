#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json_binding.h"
#include "base/time.h"
#include "storage/warehouse.h"

namespace zhiyin::measurement {

/// Which events are meant. What is absent does not matter.
struct EventFilter {
  std::string kind;  ///< empty: everything that a person does
  std::string item_kind;
  std::string item_id;
  std::string tag;  ///< of the item, as it is tagged now
  std::string account;

  bool operator==(const EventFilter&) const = default;
};

/// kInvalidArgument naming the field.
Result<void> check(const EventFilter& filter, bool kind_needed);

/// The condition on `e`, a row of `events`, in the shared subset; its parameters are appended.
std::string condition_of(const EventFilter& filter, std::vector<storage::Value>& parameters);

}  // namespace zhiyin::measurement

template <>
struct zhiyin::Fields<zhiyin::measurement::EventFilter> {
  using T = measurement::EventFilter;
  static constexpr std::string_view name = "EventFilter";
  static constexpr auto list = field_list(
      field("kind", &T::kind, "kind of event; absent: everything that a person does")
          .length(0, 64)
          .optional(),
      field("item_kind", &T::item_kind, "kind of the item").length(0, 64).optional(),
      field("item_id", &T::item_id, "id of the item").length(0, 128).optional(),
      field("tag", &T::tag, "a tag that the item has now").length(0, 200).optional(),
      field("account", &T::account, "account in which it happened").length(0, 64).optional());
};
