#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "recommend/candidate_index.h"

/// The catalogue as a map: what is alike lies near. Pure; the same input gives the same map.
namespace zhiyin::recommend {

/// Rows with few entries: row r has columns[starts[r] … starts[r + 1]) and the values beside them.
struct SparseRows {
  std::vector<std::size_t> starts = {0};
  std::vector<std::uint32_t> columns;
  std::vector<float> values;
  std::size_t width = 0;  ///< columns are below it

  [[nodiscard]] std::size_t rows() const { return starts.size() - 1; }
  void end_row() { starts.push_back(columns.size()); }
};

/// The first two principal components of the rows about their mean.
struct Plane {
  std::vector<std::array<float, 2>> places;  ///< of each row
  std::array<double, 2> shares = {0, 0};     ///< of the variance that each axis shows, 0 … 1
};
/// By subspace iteration from a fixed start, in double precision. An axis points where its largest
/// loading (the first of equal ones) is positive. Rows without spread lie at 0. Values must be
/// finite.
Plane principal_plane(const SparseRows& rows);

/// What an item is described by.
enum class MapBy {
  kFactors,    ///< item factors of iALS
  kBehaviour,  ///< item-item weights: who goes with the same items
  kTags,       ///< tags, category and author
  kText,       ///< what the encoder makes of their texts
};
/// `factors`, `behaviour`, `tags`, `text`; kInvalidArgument, field `by`, otherwise.
Result<MapBy> map_by_of(std::string_view name);
std::string_view name_of(MapBy by);

struct CatalogueMap {
  std::vector<std::uint32_t> candidates;  ///< those on the map
  Plane plane;                            ///< their places, in the same order
  std::size_t left_out = 0;               ///< candidates of which nothing is known in this way
  std::size_t beyond = 0;                 ///< known ones beyond `most`
};
/// The `most` most popular of the candidates that the description knows, then others in the order
/// of freshness. Rows are brought to length 1, so that popularity is no direction. `kinds`: only
/// these; empty: all. kNotFound when the model has no factors, or no text was read.
Result<CatalogueMap> map_catalogue(MapBy by, const RecommendModel& model,
                                   const CandidateIndex& candidates,
                                   std::span<const std::string> kinds, std::size_t most);

}  // namespace zhiyin::recommend
