#include "recommend/recommend_model.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/json_binding.h"
#include "model/artefact.h"

namespace zhiyin::recommend {

/// The header of a stored recommend model.
struct StoredRecommend {
  std::vector<std::vector<std::string>> items;
  std::map<std::string, double> kind_weights;
  std::int64_t rating_min = 0;
  double recency = 1;
  std::uint64_t people = 0;
  std::uint64_t interactions = 0;
  // Absent in versions before there was a choice.
  std::string algorithm = "itemknn";
  std::uint64_t ials_factors = 0;
  double ials_weight = 0.1;
  double ials_regularization = 0.01;
  std::uint64_t history_max = 500;  ///< what it was before it was stored
};

}  // namespace zhiyin::recommend

template <>
struct zhiyin::Fields<zhiyin::recommend::StoredRecommend> {
  using Stored = recommend::StoredRecommend;
  static constexpr std::string_view name = "StoredRecommend";
  static constexpr auto list = field_list(
      field("items", &Stored::items, "").length(0, 1 << 24),
      field("kind_weights", &Stored::kind_weights, ""),
      field("rating_min", &Stored::rating_min, ""), field("recency", &Stored::recency, ""),
      field("people", &Stored::people, ""), field("interactions", &Stored::interactions, ""),
      field("algorithm", &Stored::algorithm, "").optional(),
      field("ials_factors", &Stored::ials_factors, "").optional(),
      field("ials_weight", &Stored::ials_weight, "").optional(),
      field("ials_regularization", &Stored::ials_regularization, "").optional(),
      field("history_max", &Stored::history_max, "").optional());
};

namespace zhiyin::recommend {
namespace {

static_assert(std::endian::native == std::endian::little, "the payload is little-endian");
static_assert(sizeof(Neighbour) == 8);

template <class T>
void put_array(std::string& out, std::span<const T> values) {
  if (!values.empty())
    out.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

/// The next `count` values of the payload; empty when it is too short.
template <class T>
std::optional<std::vector<T>> take_array(std::string_view& payload, std::size_t count) {
  if (payload.size() / sizeof(T) < count) return std::nullopt;
  std::vector<T> out(count);
  if (count > 0) std::memcpy(out.data(), payload.data(), count * sizeof(T));
  payload.remove_prefix(count * sizeof(T));
  return out;
}

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::kDataLoss, "recommend model: {}", what);
}

constexpr std::string_view kAlgorithms[] = {"itemknn", "rp3beta", "ease"};

}  // namespace

std::span<const std::string_view> serving_algorithms() { return kAlgorithms; }

std::vector<std::string_view> serving_parameters(std::string_view algorithm) {
  if (algorithm == "itemknn") return {"k", "shrink", "factors"};
  if (algorithm == "rp3beta") return {"k", "alpha", "beta", "factors"};
  return {"k", "lambda", "factors"};
}

std::map<std::string, double, std::less<>> TrainParams::default_kind_weights() {
  return {{"click", 0.5},   {"read", 1},  {"rating", 1},   {"like", 1.5},
          {"comment", 1.5}, {"share", 2}, {"favorite", 2}, {"purchase", 3}};
}

bool is_recommendable(const ItemRef& item) {
  return !item.kind.empty() && !item.id.empty() &&
         std::ranges::find(kKindsNotRecommended, item.kind) == std::end(kKindsNotRecommended);
}

RecommendModel RecommendModel::of_weights(const TrainParams& params) {
  RecommendModel out;
  out.kind_weights_ = params.kind_weights;
  out.rating_min_ = params.rating_min;
  out.recency_ = params.recency;
  out.history_max_ = params.history_max;
  return out;
}

std::optional<std::uint32_t> RecommendModel::find(const ItemRef& item) const {
  const auto found = numbers_.find(item);
  if (found == numbers_.end()) return std::nullopt;
  return found->second;
}

double RecommendModel::kind_weight(std::string_view kind, std::int64_t value) const {
  const auto found = kind_weights_.find(kind);
  if (found == kind_weights_.end()) return 0;
  if (kind == "rating" && value < rating_min_) return 0;
  return found->second;
}

void RecommendModel::index_items() {
  numbers_.reserve(items_.size());
  for (std::uint32_t i = 0; i < items_.size(); ++i) numbers_.emplace(items_[i], i);
}

std::string RecommendModel::encode() const {
  StoredRecommend stored;
  for (const ItemRef& item : items_) stored.items.push_back({item.kind, item.id});
  stored.kind_weights = {kind_weights_.begin(), kind_weights_.end()};
  stored.rating_min = rating_min_;
  stored.recency = recency_;
  stored.history_max = history_max_;
  stored.people = people_;
  stored.interactions = interactions_;
  stored.algorithm = algorithm_;
  if (ials_) {
    stored.ials_factors = ials_->params().factors;
    stored.ials_weight = ials_->params().weight;
    stored.ials_regularization = ials_->params().regularization;
  }
  std::string payload;
  put_array(payload, std::span<const float>(popularity_));
  if (!items_.empty()) {
    if (ials_) {
      put_array(payload, ials_->diagonal());
      put_array(payload, ials_->factors());
    }
    put_array(payload, weights_.starts());
    put_array(payload, weights_.neighbours());
  }
  return model::encode_artefact({std::string(kKind), to_json(stored), std::move(payload)});
}

Result<RecommendModel> RecommendModel::decode(std::string_view bytes) {
  ZHIYIN_TRY(const model::Artefact artefact, model::decode_artefact(bytes));
  if (artefact.kind != kKind) return damaged(fmt::format("kind is '{}'", artefact.kind));
  auto stored = from_json<StoredRecommend>(artefact.header);
  if (!stored) return damaged(stored.error().text());
  RecommendModel out;
  for (std::vector<std::string>& item : stored->items) {
    if (item.size() != 2) return damaged("an item is not a pair of kind and id");
    out.items_.push_back({std::move(item[0]), std::move(item[1])});
  }
  out.kind_weights_ = {stored->kind_weights.begin(), stored->kind_weights.end()};
  out.rating_min_ = stored->rating_min;
  out.recency_ = stored->recency;
  out.history_max_ = stored->history_max;
  out.people_ = stored->people;
  out.interactions_ = stored->interactions;
  if (!(out.recency_ > 0 && out.recency_ <= 1))
    return damaged(fmt::format("recency is {}", out.recency_));
  constexpr std::size_t kHistoryMost = 100'000;
  if (out.history_max_ < 1 || out.history_max_ > kHistoryMost)
    return damaged(fmt::format("history_max is {}", out.history_max_));
  for (const auto& [kind, weight] : out.kind_weights_) {
    if (!std::isfinite(weight)) return damaged(fmt::format("the weight of {} is not finite", kind));
  }
  const std::size_t n = out.items_.size();
  std::string_view payload = artefact.payload;
  auto popularity = take_array<float>(payload, n);
  if (!popularity) return damaged("the payload is too short");
  out.popularity_ = std::move(*popularity);
  // Lists are sorted by these: one that is no number would break their order.
  if (!std::ranges::all_of(out.popularity_, [](float x) { return std::isfinite(x); }))
    return damaged("a popularity is not finite");
  if (std::ranges::find(kAlgorithms, stored->algorithm) == std::end(kAlgorithms))
    return damaged(fmt::format("algorithm is '{}'", stored->algorithm));
  out.algorithm_ = std::move(stored->algorithm);
  if (n > 0 && stored->ials_factors > 0) {
    if (stored->ials_factors > Ials::kFactorsMax) return damaged("too many factors");
    const std::size_t width = (stored->ials_factors + 15) / 16 * 16;
    auto diagonal = take_array<float>(payload, width);
    auto factors = diagonal ? take_array<float>(payload, n * width) : std::nullopt;
    if (!factors) return damaged("the payload is too short");
    auto ials = Ials::from_parts({.factors = stored->ials_factors,
                                  .weight = stored->ials_weight,
                                  .regularization = stored->ials_regularization},
                                 std::move(*factors), std::move(*diagonal));
    if (!ials) return damaged(ials.error().message);
    out.ials_ = std::move(*ials);
  }
  if (n > 0) {
    auto starts = take_array<std::uint64_t>(payload, n + 1);
    if (!starts) return damaged("the payload is too short");
    auto neighbours = take_array<Neighbour>(payload, payload.size() / sizeof(Neighbour));
    auto weights = ItemNeighbours::from_rows(std::move(*starts), std::move(*neighbours));
    if (!weights) return damaged(weights.error().message);
    out.weights_ = std::move(*weights);
  }
  if (!payload.empty()) return damaged("there are bytes after the neighbours");
  out.index_items();
  return out;
}

}  // namespace zhiyin::recommend
