#include "model/tokeniser/precompiled_map.h"

#include <cstring>

#include "base/utf8.h"
#include "model/tokeniser/character_classes.h"
#include "text/code_point.h"

namespace zhiyin::model {
namespace {

// darts-clone's units: label in the low byte (with the top bit for leaves), a flag for "ends here",
// and the offset to the children, whose bit 9 scales it.
std::uint32_t label_of(std::uint32_t unit) { return unit & 0x800000FFU; }
bool has_leaf(std::uint32_t unit) { return (unit >> 8 & 1U) != 0; }
std::uint32_t offset_of(std::uint32_t unit) { return (unit >> 10) << ((unit & 0x200U) >> 6); }
std::uint32_t value_of(std::uint32_t unit) { return unit & 0x7FFFFFFFU; }

std::vector<char32_t> points_of(std::string_view text) {
  std::vector<char32_t> out;
  for (std::size_t at = 0; at < text.size();) {
    const text::CodePoint c = text::code_point_at(text, at);
    out.push_back(c.value);
    at += c.bytes;
  }
  return out;
}

/// `old_count` characters become `by`.
void replace(std::vector<Change>& changes, int old_count, std::string_view by) {
  const std::vector<char32_t> points = points_of(by);
  const int difference = static_cast<int>(points.size()) - old_count;
  for (const char32_t c : points) changes.emplace_back(c, 0);
  for (int i = 0; i < difference; ++i)
    changes[changes.size() - 1 - static_cast<std::size_t>(i)].second = 1;
  if (difference < 0 && !changes.empty()) changes.back().second += difference;
}

}  // namespace

Result<PrecompiledMap> PrecompiledMap::create(std::string_view bytes) {
  const auto wrong = [](std::string_view what) {
    return fail(ErrorCode::kInvalidArgument, "precompiled_charsmap: {}", what);
  };
  if (bytes.size() > kBytesMax) return wrong("is too large");
  PrecompiledMap out;
  std::uint32_t size = 0;
  if (bytes.size() < sizeof(size)) return wrong("is too short");
  std::memcpy(&size, bytes.data(), sizeof(size));
  bytes.remove_prefix(sizeof(size));
  if (size % 4 != 0 || size == 0 || size > bytes.size())
    return wrong("its array has a length that is not possible");
  out.units_.resize(size / 4);
  std::memcpy(out.units_.data(), bytes.data(), size);
  out.replacements_ = std::string(bytes.substr(size));
  if (!utf8::is_valid(out.replacements_)) return wrong("its replacements are not UTF-8");
  return out;
}

std::optional<std::string_view> PrecompiledMap::find(std::string_view text) const {
  std::size_t node = offset_of(units_[0]);
  for (const char byte : text) {
    const auto label = static_cast<unsigned char>(byte);
    if (label == 0) return std::nullopt;
    node ^= label;
    if (node >= units_.size() || label_of(units_[node]) != label) return std::nullopt;
    const std::uint32_t unit = units_[node];
    node ^= offset_of(unit);
    if (!has_leaf(unit)) continue;
    if (node >= units_.size()) return std::nullopt;
    const std::uint32_t place = value_of(units_[node]);
    if (place >= replacements_.size()) return std::string_view();
    // A place inside a character would give half of it.
    if (text::is_continuation_byte(replacements_[place])) return std::nullopt;
    const std::string_view rest = std::string_view(replacements_).substr(place);
    return rest.substr(0, rest.find('\0'));
  }
  return std::nullopt;
}

void PrecompiledMap::apply(AlignedText& text) const {
  constexpr std::size_t kWholeBelow = 6;
  const std::string_view all = text.text;
  std::vector<Change> changes;
  bool changed = false;
  for (std::size_t at = 0; at < all.size();) {
    const std::string_view cluster = all.substr(at, grapheme_bytes(all, at));
    at += cluster.size();
    if (cluster.size() < kWholeBelow) {
      if (const auto by = find(cluster)) {
        replace(changes, static_cast<int>(points_of(cluster).size()), *by);
        changed = true;
        continue;
      }
    }
    for (std::size_t i = 0; i < cluster.size();) {
      const text::CodePoint c = text::code_point_at(cluster, i);
      if (const auto by = find(cluster.substr(i, c.bytes))) {
        replace(changes, 1, *by);
        changed = true;
      } else {
        changes.emplace_back(c.value, 0);
      }
      i += c.bytes;
    }
  }
  if (changed) transform(text, changes);
}

}  // namespace zhiyin::model
