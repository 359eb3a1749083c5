#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "recommend/recommend_model.h"

namespace zhiyin::recommend {

/// A list that editors keep, as far as lists are made from it. What it refers to outlives it.
struct EditorItems {
  std::string_view name;           ///< as readers see it
  std::span<const ItemRef> items;  ///< in the editors' order, none twice
  double share = 0;                ///< 0 … 0.5: of the places, kept for it
};

/// From so many places on a list with a share has one at least.
inline constexpr std::size_t kPlacesForOne = 5;

/// How many of `places` are kept for each list: its share, rounded down, but one at least from
/// kPlacesForOne on (where the share is above 0). All together at most half of the places, dealt
/// out in turn, in the order of the lists. Pure.
std::vector<std::size_t> places_kept(std::span<const EditorItems> lists, std::size_t places);

/// What an item is worth by its place in its editors' list, from 0 on: 1, 1/2, 1/3, …
inline double score_by_place(std::size_t place) { return 1.0 / static_cast<double>(place + 1); }

}  // namespace zhiyin::recommend
