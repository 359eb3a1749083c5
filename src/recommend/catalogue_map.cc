#include "recommend/catalogue_map.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/random.h"

namespace zhiyin::recommend {
namespace {

/// A few more directions than wanted make the wanted ones converge sooner.
constexpr std::size_t kDirections = 8;
constexpr int kIterations = 60;
using Directions = std::vector<std::array<double, kDirections>>;  ///< by column, or by row

std::vector<double> means_of(const SparseRows& rows) {
  std::vector<double> out(rows.width, 0);
  for (std::size_t e = 0; e < rows.columns.size(); ++e) out[rows.columns[e]] += rows.values[e];
  for (double& mean : out) mean /= static_cast<double>(std::max<std::size_t>(rows.rows(), 1));
  return out;
}

/// (rows - means) · directions.
Directions projected(const SparseRows& rows, const std::vector<double>& means,
                     const Directions& directions) {
  std::array<double, kDirections> shift{};
  for (std::size_t c = 0; c < rows.width; ++c) {
    for (std::size_t d = 0; d < kDirections; ++d) shift[d] += means[c] * directions[c][d];
  }
  Directions out(rows.rows());
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    for (std::size_t d = 0; d < kDirections; ++d) out[r][d] = -shift[d];
    for (std::size_t e = rows.starts[r]; e < rows.starts[r + 1]; ++e) {
      for (std::size_t d = 0; d < kDirections; ++d)
        out[r][d] += rows.values[e] * directions[rows.columns[e]][d];
    }
  }
  return out;
}

/// (rows - means)' · places.
Directions gathered(const SparseRows& rows, const std::vector<double>& means,
                    const Directions& places) {
  Directions out(rows.width);
  for (auto& cells : out) cells.fill(0);
  std::array<double, kDirections> sums{};
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    for (std::size_t d = 0; d < kDirections; ++d) sums[d] += places[r][d];
    for (std::size_t e = rows.starts[r]; e < rows.starts[r + 1]; ++e) {
      for (std::size_t d = 0; d < kDirections; ++d)
        out[rows.columns[e]][d] += rows.values[e] * places[r][d];
    }
  }
  for (std::size_t c = 0; c < rows.width; ++c) {
    for (std::size_t d = 0; d < kDirections; ++d) out[c][d] -= means[c] * sums[d];
  }
  return out;
}

double product(const Directions& v, std::size_t a, std::size_t b) {
  double sum = 0;
  for (const auto& cells : v) sum += cells[a] * cells[b];
  return sum;
}

/// Gram-Schmidt, each direction twice; one that depends on those before it becomes 0. Lengths
/// before are what the iteration stretched them to.
std::array<double, kDirections> make_orthonormal(Directions& v) {
  std::array<double, kDirections> lengths{};
  for (std::size_t d = 0; d < kDirections; ++d) {
    const double before = std::sqrt(product(v, d, d));
    for (int pass = 0; pass < 2; ++pass) {
      for (std::size_t other = 0; other < d; ++other) {
        const double share = product(v, d, other);
        for (auto& cells : v) cells[d] -= share * cells[other];
      }
    }
    lengths[d] = std::sqrt(product(v, d, d));
    constexpr double kDependent = 1e-10;
    const double scale = lengths[d] > kDependent * before && lengths[d] > 0 ? 1 / lengths[d] : 0;
    if (scale == 0) lengths[d] = 0;
    for (auto& cells : v) cells[d] *= scale;
  }
  return lengths;
}

double total_variance(const SparseRows& rows, const std::vector<double>& means) {
  double squares = 0;
  for (const float value : rows.values) squares += static_cast<double>(value) * value;
  double centre = 0;
  for (const double mean : means) centre += mean * mean;
  return std::max(0.0, squares - centre * static_cast<double>(rows.rows()));
}

/// The two directions among all that show most, by their variance.
std::array<std::size_t, 2> strongest(const Directions& places) {
  std::array<std::size_t, kDirections> order{};
  std::array<double, kDirections> variance{};
  for (std::size_t d = 0; d < kDirections; ++d) {
    order[d] = d;
    variance[d] = product(places, d, d);
  }
  std::ranges::stable_sort(order,
                           [&](std::size_t a, std::size_t b) { return variance[a] > variance[b]; });
  return {order[0], order[1]};
}

double sign_of(const Directions& directions, std::size_t d) {
  double largest = 0;
  for (const auto& cells : directions) {
    // Beyond rounding, so that the first of equal ones decides.
    if (std::abs(cells[d]) > std::abs(largest) * (1 + 1e-9)) largest = cells[d];
  }
  return largest < 0 ? -1 : 1;
}

void add_unit_row(SparseRows& rows, std::vector<std::pair<std::uint32_t, float>>& entries) {
  std::ranges::sort(entries);
  double squares = 0;
  for (const auto& [column, value] : entries) squares += static_cast<double>(value) * value;
  const double scale = squares > 0 ? 1 / std::sqrt(squares) : 0;
  for (const auto& [column, value] : entries) {
    rows.columns.push_back(column);
    rows.values.push_back(static_cast<float>(value * scale));
  }
  rows.end_row();
  entries.clear();
}

/// Words of an item, numbered as they come.
class Words {
 public:
  std::uint32_t number(std::string_view what, std::string_view word) {
    std::string key(what);
    key.append(1, '\0').append(word);
    return numbers_.try_emplace(std::move(key), static_cast<std::uint32_t>(numbers_.size()))
        .first->second;
  }
  [[nodiscard]] std::size_t size() const { return numbers_.size(); }

 private:
  std::unordered_map<std::string, std::uint32_t> numbers_;
};

using Entries = std::vector<std::pair<std::uint32_t, float>>;

void describe_by_tags(const CandidateItem& item, Words& words, Entries& out) {
  // Enough to keep a category together, too little to outweigh what an item is about.
  constexpr float kCategory = 0.5F;
  constexpr float kAuthor = 0.25F;
  for (const auto& [tag, weight] : item.tags) {
    if (weight > 0) out.emplace_back(words.number("t", tag), static_cast<float>(weight));
  }
  if (!item.category.empty()) out.emplace_back(words.number("c", item.category), kCategory);
  if (!item.author.empty()) out.emplace_back(words.number("a", item.author), kAuthor);
}

bool is_wanted(const CandidateItem& item, std::span<const std::string> kinds) {
  return kinds.empty() || std::ranges::find(kinds, item.ref.kind) != kinds.end();
}

}  // namespace

Plane principal_plane(const SparseRows& rows) {
  Plane out;
  out.places.assign(rows.rows(), {0, 0});
  const std::vector<double> means = means_of(rows);
  const double total = total_variance(rows, means);
  // Below what rounding leaves of rows that are all the same.
  if (rows.rows() < 2 || total <= 1e-9 * static_cast<double>(rows.rows())) return out;
  Random random(1);
  Directions directions(rows.width);
  for (auto& cells : directions) {
    for (double& cell : cells) cell = random.normal();
  }
  make_orthonormal(directions);
  for (int i = 0; i < kIterations; ++i) {
    directions = gathered(rows, means, projected(rows, means, directions));
    make_orthonormal(directions);
  }
  const Directions places = projected(rows, means, directions);
  const auto axes = strongest(places);
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::size_t d = axes[axis];
    const double sign = sign_of(directions, d);
    out.shares[axis] = std::min(1.0, product(places, d, d) / total);
    for (std::size_t r = 0; r < rows.rows(); ++r)
      out.places[r][axis] = static_cast<float>(sign * places[r][d]);
  }
  return out;
}

std::string_view name_of(MapBy by) {
  switch (by) {
    case MapBy::kFactors:
      return "factors";
    case MapBy::kBehaviour:
      return "behaviour";
    case MapBy::kTags:
      return "tags";
    case MapBy::kText:
      return "text";
  }
  return "";
}

Result<MapBy> map_by_of(std::string_view name) {
  for (const MapBy by : {MapBy::kFactors, MapBy::kBehaviour, MapBy::kTags, MapBy::kText}) {
    if (name == name_of(by)) return by;
  }
  return fail_field("by", "'{}' is not factors, behaviour, tags or text", name.substr(0, 20));
}

Result<CatalogueMap> map_catalogue(MapBy by, const RecommendModel& model,
                                   const CandidateIndex& candidates,
                                   std::span<const std::string> kinds, std::size_t most) {
  if (by == MapBy::kFactors && model.ials() == nullptr) {
    return fail(ErrorCode::kNotFound,
                "map: the version has no item factors; train it with factors, or draw it by "
                "behaviour or tags");
  }
  const TextVectors* const texts = candidates.texts();
  if (by == MapBy::kText && texts == nullptr) {
    return fail(ErrorCode::kNotFound,
                "map: no text was read by an encoder; install one (zhiyin model install), or draw "
                "it by behaviour or tags");
  }
  CatalogueMap out;
  SparseRows rows;
  Words words;
  Entries entries;
  const auto add = [&](std::uint32_t c) {
    const CandidateItem& item = candidates.item(c);
    if (!is_wanted(item, kinds)) return;
    if (by == MapBy::kTags) {
      describe_by_tags(item, words, entries);
    } else if (by == MapBy::kText) {
      const std::uint32_t row = candidates.text_row(c);
      if (row != TextVectors::kNone) {
        const auto values = texts->row(row);
        for (std::uint32_t v = 0; v < values.size(); ++v) {
          if (values[v] != 0) entries.emplace_back(v, static_cast<float>(values[v]));
        }
        if (rows.width < values.size()) rows.width = values.size();
      }
    } else if (candidates.is_known(c)) {
      const std::uint32_t m = candidates.model_item(c);
      if (by == MapBy::kBehaviour) {
        for (const Neighbour& n : model.weights().row(m))
          entries.emplace_back(n.item, n.similarity);
      } else {
        const auto factors = model.ials()->item(m);
        for (std::uint32_t f = 0; f < factors.size(); ++f) entries.emplace_back(f, factors[f]);
      }
    }
    if (std::ranges::none_of(entries, [](const auto& entry) { return entry.second != 0; })) {
      entries.clear();
      ++out.left_out;
      return;
    }
    if (out.candidates.size() >= most) {
      entries.clear();
      ++out.beyond;
      return;
    }
    out.candidates.push_back(c);
    add_unit_row(rows, entries);
  };
  for (const std::uint32_t c : candidates.by_popularity()) add(c);
  for (const std::uint32_t c : candidates.unknown_by_freshness()) add(c);
  if (by != MapBy::kText) {
    rows.width = by == MapBy::kTags      ? words.size()
                 : by == MapBy::kFactors ? model.ials()->width()
                                         : model.items();
  }
  out.plane = principal_plane(rows);
  return out;
}

}  // namespace zhiyin::recommend
