#include "recommend/editor_items.h"

#include <algorithm>

namespace zhiyin::recommend {

std::vector<std::size_t> places_kept(std::span<const EditorItems> lists, std::size_t places) {
  std::vector<std::size_t> wanted;
  for (const EditorItems& list : lists) {
    // A tenth of twenty is two, whatever the tenth is rounded to.
    constexpr double kRounding = 1e-9;
    auto own = static_cast<std::size_t>(list.share * static_cast<double>(places) + kRounding);
    if (own == 0 && list.share > 0 && places >= kPlacesForOne) own = 1;
    wanted.push_back(own);
  }
  std::vector<std::size_t> out(lists.size(), 0);
  std::size_t left = places / 2;
  for (bool more = true; more && left > 0;) {
    more = false;
    for (std::size_t l = 0; l < out.size() && left > 0; ++l) {
      if (out[l] == wanted[l]) continue;
      ++out[l];
      --left;
      more = true;
    }
  }
  return out;
}

}  // namespace zhiyin::recommend
