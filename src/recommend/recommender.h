#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "audience/people.h"
#include "recommend/candidate_index.h"
#include "recommend/editor_items.h"
#include "recommend/exploration.h"
#include "recommend/list_ranker.h"
#include "recommend/recommend_model.h"
#include "recommend/segment_popularity.h"

namespace zhiyin::recommend {

/// So that the impression of a list always fits a record of the log.
inline constexpr std::size_t kListMax = 300;
/// Fresh items among which one list's places of exploration are chosen: the newest.
inline constexpr std::size_t kArmsMax = 50;

struct ListInspection;

enum class Rerank { kMmr, kDpp };

/// Which items may be listed; what is empty or absent does not restrict.
struct ItemRules {
  std::vector<std::string> kinds;
  std::vector<std::string> categories;
  /// Read out of the texts: those unknown do not pass a list, but pass an exclusion.
  std::vector<std::string> topics;
  std::vector<std::string> sentiments;
  std::vector<std::string> exclude_topics;
  std::vector<std::string> exclude_sentiments;
  /// Accounts that the reader follows, or is asked about: what is for the followers of others is
  /// left out. Absent: does not matter.
  std::optional<std::vector<std::string>> accounts;
  std::optional<std::int64_t> price_min_fen;  ///< items without a price do not pass a band
  std::optional<std::int64_t> price_max_fen;
  std::vector<ItemRef> exclude;
  std::optional<std::vector<ItemRef>> eligible;  ///< only these
  /// Items dealt with longer ago than this may come back, but for those that the person turned
  /// down; absent: never.
  std::optional<Duration> return_after;
  /// Numbers of candidates that may be listed no longer since the recommender was made, ascending;
  /// they outlive the call.
  std::span<const std::uint32_t> withdrawn;
};

struct RecommendRequest {
  std::size_t n = 10;  ///< 1 … kListMax
  Instant now;
  ItemRules rules;
  /// Interests known from elsewhere (tag, weight); those of the person's own items are added.
  std::vector<std::pair<std::string, double>> interests;
  double diversity = 0;  ///< 0 … 1, see rerank.h
  Rerank rerank = Rerank::kMmr;
  /// Items of one author in the list; 0: any number. Places of chance keep to this and the next
  /// three, pinned items count.
  std::size_t author_max = 0;
  std::size_t category_max = 0;  ///< of one category; 0: any number
  std::size_t topic_max = 0;     ///< of one topic, as read out of the texts
  std::size_t campaign_max = 0;  ///< of one campaign
  std::vector<ItemRef> pinned;   ///< stand first, in this order, where the rules allow them
  std::size_t explore = 0;       ///< last places for fresh items chosen by chance, at most n / 5
  std::uint64_t seed = 0;        ///< of these
  /// What is known of a fresh item; empty: nothing.
  std::function<Arm(const ItemRef&)> arm_of;
  /// Segments that the person is in, with what is popular there; they outlive the call.
  std::vector<const SegmentItems*> segments;
  /// Lists of editors that are for the person now.
  std::vector<EditorItems> editors;
  bool explain = false;  ///< fill RecommendedItem::terms and responses, RecommendResponse::tired
  RequestContext context;
  /// Shown to the person again and again without effect: moved behind all others, or left out.
  std::vector<ItemRef> tired;
  bool leaves_out_tired = false;
};

/// kInvalidArgument with the field when a number is out of range.
Result<void> check_request(const RecommendRequest& request);

/// A part of a score, and the item of the history that it comes from.
struct ScoreTerm {
  ItemRef item;
  std::string title;
  double share = 0;  ///< terms of an item add up to its score
};

struct RecommendedItem {
  ItemRef item;
  std::string title;  ///< empty when the catalogue does not know it
  double score = 0;   ///< comparable within one source only
  /// `itemknn`, `rp3beta`, `ease`, `ials`, `text`, `tags`, `similar`, `editor`, `segment`,
  /// `popular`, `fresh`, `pinned` or `explore`
  std::string source;
  std::string reason;            ///< Chinese: 因为你读过《X》
  std::string reason_en;         ///< because you read "X"
  double propensity = 1;         ///< probability with which it was chosen: 1 outside `explore`
  std::vector<ScoreTerm> terms;  ///< largest first; of item-item, folded-in and text scores
  ShownFacts facts;              ///< what a ranker sees of it; `source` is empty
  /// What the list was ordered by, where a ranker ordered it: the owner's weights × the
  /// probabilities of the responses.
  std::optional<double> value;
  std::array<double, kResponses> responses{};  ///< these probabilities, with explain
  /// What trees behind the ranker added to `value`, by what they look at, largest first, with
  /// explain; `average` is what they add to all.
  std::vector<std::pair<std::string, double>> value_terms;
  std::uint8_t team = 0;  ///< of an interleaved list, see interleaving.h
};
struct RecommendResponse {
  std::vector<RecommendedItem> items;
  bool fallback = false;      ///< nothing came from behaviour: a cold person
  std::vector<ItemRef> arms;  ///< what the places of exploration were chosen among
  /// Of the request's tired items those that stood among the candidates, with explain.
  std::vector<ItemRef> tired;
};

/// Answers from one model and one catalogue, both immutable; make a new one when either changes.
/// Thread-safe.
///
/// Candidates come in this order: what goes with the person's own items (item-item weights); where
/// the model has factors, every third of these places from folding the person in; one place in five
/// is kept for items that nobody has dealt with yet, in turn those whose texts are close to what
/// the person liked and those that match the person's interests. Where that does not fill the list:
/// other items with texts close to it, others that match the interests, half of what is left from
/// editors' lists (each has places of its own before, editor_items.h), then two in three of what is
/// popular in the person's segments (one in ten places is kept for it), then popular ones, then new
/// ones. With `diversity` or caps the list is chosen from five times as many candidates. Items
/// that the person dealt with, excluded, expired and unavailable ones never appear.
///
/// With a ranker the list for a person is ordered by what the responses to be expected are worth:
/// chosen from kRankedPool candidates, which come as above.
class Recommender {
 public:
  /// `model` is shared by those who serve and those who replace it. `model_id` goes into
  /// impressions. For kinds without any item in the catalogue the model's own items are candidates.
  /// `texts`, shared likewise, may be null. Without a ranker lists stand in the order of their
  /// sources.
  static std::shared_ptr<const Recommender> create(
      std::shared_ptr<const RecommendModel> model, std::string model_id,
      std::vector<CandidateItem> catalogue, std::shared_ptr<const TextVectors> texts = nullptr,
      Ranking ranking = {});

  /// kInvalidArgument when a number is out of range. `person` may be empty (cold).
  [[nodiscard]] Result<RecommendResponse> recommend(const audience::PersonView& person,
                                                    const RecommendRequest& request) const;
  /// What goes with one item: by behaviour, then by text, then by tags. kNotFound when it is no
  /// candidate.
  [[nodiscard]] Result<RecommendResponse> similar(const ItemRef& item,
                                                  const RecommendRequest& request) const;
  /// The same for everybody: most popular, or newest.
  [[nodiscard]] Result<RecommendResponse> popular(const RecommendRequest& request) const;
  [[nodiscard]] Result<RecommendResponse> latest(const RecommendRequest& request) const;
  /// What editors chose: the request's `editors` (with several, of each in turn) in their order.
  [[nodiscard]] Result<RecommendResponse> edited(const RecommendRequest& request) const;
  /// How `recommend` makes its list: see list_inspection.h. `depth`: how many of each source are
  /// told, 1 to kInspectionDepthMax. Looks into every candidate.
  [[nodiscard]] Result<ListInspection> inspect(const audience::PersonView& person,
                                               const RecommendRequest& request,
                                               std::size_t depth) const;
  [[nodiscard]] const std::string& model_id() const { return model_id_; }
  [[nodiscard]] const RecommendModel& model() const { return *model_; }
  [[nodiscard]] const CandidateIndex& candidates() const { return candidates_; }
  /// Null: none.
  [[nodiscard]] const ListRanker* ranker() const { return ranker_ ? &*ranker_ : nullptr; }

 private:
  struct Key {};

 public:
  /// Through `create` only.
  Recommender(Key, std::shared_ptr<const RecommendModel> model, std::string model_id,
              std::vector<CandidateItem> catalogue, std::shared_ptr<const TextVectors> texts,
              Ranking ranking);

 private:
  /// Shared with those who replace it; immutable.
  const std::shared_ptr<const RecommendModel> model_;
  const std::string model_id_;
  const CandidateIndex candidates_;
  std::optional<ListRanker> ranker_;
};

}  // namespace zhiyin::recommend
