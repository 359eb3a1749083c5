#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audience/people.h"
#include "base/json.h"

/// Traits come from `trait.set` events: each member of the event's properties sets the trait of
/// that name, null takes it away; the newest event decides, and between events of one moment the
/// greater text (null least), so that the order in which they arrived does not matter. Pure.
namespace zhiyin::audience {

inline constexpr std::size_t kTraitNameBytesMax = 128;
inline constexpr std::size_t kTraitTextBytesMax = 1024;

/// One trait as an event sets it. Without text and number it is taken away.
struct TraitSetting {
  std::string name;
  std::optional<std::string> text;  ///< strings as they are, all else as JSON
  std::optional<double> number;     ///< of numbers and of strings that are a plain decimal number
  Json value;
};

/// What the properties of a `trait.set` event set. Members with names or texts above the limits are
/// left out.
std::vector<TraitSetting> trait_settings(std::string_view properties);

/// A person's traits at `as_of`, by name.
std::map<std::string, TraitSetting> traits_of(const PersonView& view, Instant as_of);

}  // namespace zhiyin::audience
