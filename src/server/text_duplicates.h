#pragma once

#include <string>
#include <vector>

#include "base/json_binding.h"

namespace zhiyin::server {

/// Body of `POST /v1/duplicates`.
struct DuplicatesRequest {
  std::vector<std::string> texts;
  double similarity = 0.7;  ///< of short texts at least so much
  std::int64_t most = 10;   ///< named for one text
};
inline constexpr std::size_t kDuplicateTextsMax = 20'000;

/// Which of the texts are nearly the same (text/near_duplicate.h): {"items":[{"near":[{"text",
/// "similarity"}]}] (for each text the earlier ones, by their places, the most similar first),
/// "groups":[[places]] (what hangs together, largest first)}. Pure.
Json find_duplicates(const DuplicatesRequest& request);

}  // namespace zhiyin::server

namespace zhiyin {
template <>
struct Fields<server::DuplicatesRequest> {
  using D = server::DuplicatesRequest;
  [[maybe_unused]] static constexpr std::string_view name = "Duplicates";
  static constexpr auto list =
      field_list(field("texts", &D::texts, "to be compared").length(1, server::kDuplicateTextsMax),
                 field("similarity", &D::similarity, "of short texts at least so much")
                     .range(0.3, 1)
                     .optional(),
                 field("most", &D::most, "named for one text").range(1, 100).optional());
};
}  // namespace zhiyin
