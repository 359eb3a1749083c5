#pragma once

#include <span>
#include <string_view>

namespace zhiyin {

/// The candidate with the smallest edit distance to `name`, for "did you mean". Empty when there
/// are none, or when even the nearest differs in more than half of its letters.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace zhiyin
