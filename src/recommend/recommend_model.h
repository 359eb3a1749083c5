#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "ingest/event.h"
#include "recommend/ials.h"
#include "recommend/item_knn.h"
#include "storage/warehouse.h"

namespace zhiyin::recommend {

using ingest::ItemRef;

struct ItemRefHash {
  std::size_t operator()(const ItemRef& ref) const noexcept {
    const std::hash<std::string> hash;
    return hash(ref.kind) * 31 + hash(ref.id);
  }
};

/// What carries a message is nothing to recommend.
inline constexpr std::string_view kKindsNotRecommended[] = {"campaign", "message", "creative"};
/// Has a name, and is of another kind.
bool is_recommendable(const ItemRef& item);

/// One thing somebody did with an item.
struct InteractionRow {
  std::string_view person;
  ItemRef item;
  std::string_view kind;
  std::int64_t value = 0;
  Instant at;
};
/// Calls the function it is given for every row, in any order (the model does not depend on it).
using RowSource = std::function<Result<void>(const std::function<void(const InteractionRow&)>&)>;

class TrainingCheckpoint;
struct CountsUse;

/// Newest liked items of a person that count, unless a training says otherwise.
inline constexpr std::size_t kHistoryMax = 2000;

/// Item-item models that serve: `itemknn`, `rp3beta`, `ease`.
std::span<const std::string_view> serving_algorithms();
/// The parameters of one of them, `factors` of the iALS beside it included. Requires a known name.
std::vector<std::string_view> serving_parameters(std::string_view algorithm);

struct TrainParams {
  std::string algorithm = "itemknn";
  /// k is how many weights an item keeps, whatever the algorithm; but see left_out_max.
  ItemKnnParams knn;
  double alpha = 1;     ///< of rp3beta
  double beta = 0.3;    ///< of rp3beta
  double lambda = 300;  ///< of ease
  /// EASE in one piece keeps more than k weights of an item, the strongest, until what is left out
  /// is this share of the sum of their sizes …
  double left_out_max = 0.1;
  /// … as far as all of them take no more memory than this.
  std::size_t weights_bytes_max = std::size_t{128} << 20;
  std::size_t factors = 0;  ///< of iALS beside it; 0: none
  /// Kinds that count as liking, and how much. Of several actions on one item the strongest counts.
  std::map<std::string, double, std::less<>> kind_weights = default_kind_weights();
  std::int64_t rating_min = 3;                              ///< a lower rating is no liking
  Duration popularity_half_life = 14 * kDay;                ///< an action this old counts half
  Instant as_of{std::numeric_limits<std::int64_t>::max()};  ///< later rows do not count
  double recency = 0.9;                   ///< weight of a history item per place of age, (0, 1]
  std::size_t history_max = kHistoryMax;  ///< newest items of a person that count, 1 at least
  std::size_t people_min = 2;             ///< items touched by fewer have no neighbours
  std::size_t items_max = 200'000;        ///< the most popular are kept
  std::function<bool(double)> progress;
  TrainingCheckpoint* checkpoint = nullptr;  ///< null: a training that is killed begins anew
  CountsUse* counts = nullptr;               ///< null: EASE counts all anew; see kept_counts.h
  std::size_t memory_max = 0;  ///< bytes; a training that needs more is refused; 0: no bound

  static std::map<std::string, double, std::less<>> default_kind_weights();
};

/// What was learnt from everybody's behaviour. Immutable; thread-safe.
class RecommendModel {
 public:
  static constexpr std::string_view kKind = "recommend";

  [[nodiscard]] std::size_t items() const { return items_.size(); }
  [[nodiscard]] const ItemRef& item(std::uint32_t i) const { return items_[i]; }
  [[nodiscard]] std::optional<std::uint32_t> find(const ItemRef& item) const;
  /// Item-item weights by the algorithm; EASE's may be negative.
  [[nodiscard]] const ItemNeighbours& weights() const { return weights_; }
  [[nodiscard]] const std::string& algorithm() const { return algorithm_; }
  /// Item factors for folding people in, or null.
  [[nodiscard]] const Ials* ials() const { return ials_ ? &*ials_ : nullptr; }
  [[nodiscard]] double popularity(std::uint32_t i) const { return popularity_[i]; }
  /// How much an action counts as liking; 0: not at all.
  [[nodiscard]] double kind_weight(std::string_view kind, std::int64_t value) const;
  [[nodiscard]] double recency() const { return recency_; }
  /// Newest liked items of a person that count, as they did in training.
  [[nodiscard]] std::size_t history_max() const { return history_max_; }
  [[nodiscard]] std::size_t people() const { return people_; }
  [[nodiscard]] std::size_t interactions() const { return interactions_; }

  /// Knows no items, only what counts as liking by `params`.
  static RecommendModel of_weights(const TrainParams& params);

  /// Artefact of kind `recommend` (docs/formats/model.md). The same model gives the same bytes.
  [[nodiscard]] std::string encode() const;
  /// kDataLoss when the bytes are damaged, of another kind or version.
  static Result<RecommendModel> decode(std::string_view bytes);

 private:
  friend Result<RecommendModel> train_recommend(const RowSource&, const TrainParams&);
  void index_items();

  std::vector<ItemRef> items_;
  std::unordered_map<ItemRef, std::uint32_t, ItemRefHash> numbers_;
  std::string algorithm_ = "itemknn";
  ItemNeighbours weights_;
  std::optional<Ials> ials_;
  std::vector<float> popularity_;
  std::map<std::string, double, std::less<>> kind_weights_ = TrainParams::default_kind_weights();
  std::int64_t rating_min_ = 3;
  double recency_ = 0.9;
  std::size_t history_max_ = kHistoryMax;
  std::size_t people_ = 0;
  std::size_t interactions_ = 0;
};

/// An empty model (nobody did anything) is valid: it recommends by tags and freshness.
/// kLimitReached, with the figures, when it would need more than `memory_max`.
Result<RecommendModel> train_recommend(const RowSource& rows, const TrainParams& params);

/// Rows of the warehouse's `events` joined with `identity_person`, in pages. `kinds`: those wanted.
/// Only later than `since`.
RowSource warehouse_rows(storage::Warehouse& warehouse, std::vector<std::string> kinds,
                         Instant as_of,
                         Instant since = Instant{std::numeric_limits<std::int64_t>::min()});

}  // namespace zhiyin::recommend
