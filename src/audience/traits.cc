#include "audience/traits.h"

#include <charconv>
#include <cmath>

namespace zhiyin::audience {
namespace {

/// Only what a person would write as a number: `-12.5`, not `0x1f`, `inf` or `1e3`.
std::optional<double> plain_number(std::string_view text) {
  constexpr std::size_t kDigitsMax = 30;
  if (text.empty() || text.size() > kDigitsMax) return std::nullopt;
  if (text.find_first_not_of("0123456789.-") != std::string_view::npos) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

TraitSetting setting_of(const std::string& name, const Json& value) {
  TraitSetting setting{name, {}, {}, value};
  if (value.is_null()) return setting;
  if (const std::string* text = value.if_string()) {
    setting.text = *text;
    setting.number = plain_number(*text);
  } else {
    setting.text = value.dump();
    if (value.is_number()) setting.number = value.number_or(0);
  }
  return setting;
}

}  // namespace

std::vector<TraitSetting> trait_settings(std::string_view properties) {
  std::vector<TraitSetting> list;
  if (properties.empty()) return list;
  const auto json = parse_json(properties);
  if (!json || json->if_object() == nullptr) return list;
  for (const auto& [name, value] : *json->if_object()) {
    if (name.empty() || name.size() > kTraitNameBytesMax) continue;
    TraitSetting setting = setting_of(name, value);
    if (setting.text && setting.text->size() > kTraitTextBytesMax) continue;
    list.push_back(std::move(setting));
  }
  return list;
}

std::map<std::string, TraitSetting> traits_of(const PersonView& view, Instant as_of) {
  struct Newest {
    Instant at;
    TraitSetting setting;
  };
  std::map<std::string, Newest> newest;
  for (const Activity& a : view.activity) {
    if (a.at > as_of) break;
    if (a.kind != "trait.set") continue;
    for (TraitSetting& setting : trait_settings(a.properties)) {
      const auto [place, added] = newest.try_emplace(setting.name, Newest{a.at, setting});
      // The place in the log tells nothing that a retry could not change, so texts decide between
      // settings of one moment.
      const bool wins = place->second.at < a.at || place->second.setting.text < setting.text;
      if (!added && wins) place->second = {a.at, std::move(setting)};
    }
  }
  std::map<std::string, TraitSetting> traits;
  for (auto& [name, last] : newest) {
    if (last.setting.text) traits.emplace(name, std::move(last.setting));
  }
  return traits;
}

}  // namespace zhiyin::audience
