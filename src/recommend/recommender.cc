#include "recommend/recommender.h"

#include <algorithm>

#include "recommend/reason.h"
#include "recommend/taste.h"

namespace zhiyin::recommend {
namespace {

constexpr std::size_t kPlacesPerColdItem = 5;

struct Scored {
  std::uint32_t candidate = 0;
  double score = 0;
  std::uint32_t why = 0;  ///< number of the liked item, or of the interest, that speaks most for it
};

/// Sums of weights per candidate, with the largest single term and where it came from.
class Sums {
 public:
  explicit Sums(std::size_t candidates) : cells_(candidates) {}

  void add(std::uint32_t candidate, double term, std::uint32_t why) {
    if (!(term > 0)) return;
    Cell& cell = cells_[candidate];
    if (cell.score == 0) touched_.push_back(candidate);
    cell.score += term;
    if (term > cell.largest) {
      cell.largest = term;
      cell.why = why;
    }
  }

  [[nodiscard]] std::vector<Scored> scored() const {
    std::vector<Scored> out;
    out.reserve(touched_.size());
    for (const std::uint32_t c : touched_) out.push_back({c, cells_[c].score, cells_[c].why});
    return out;
  }

 private:
  struct Cell {
    double score = 0;
    double largest = 0;
    std::uint32_t why = 0;
  };
  std::vector<Cell> cells_;
  std::vector<std::uint32_t> touched_;
};

/// One list in the making.
class ListBuilder {
 public:
  ListBuilder(const RecommendModel& model, const CandidateIndex& candidates,
              const audience::PersonView& person, const RecommendRequest& request)
      : model_(model),
        candidates_(candidates),
        request_(request),
        taste_(taste_of(person, model, candidates, request.interests, request.now)) {
    for (const ItemRef& ref : request.exclude) {
      const std::uint32_t candidate = candidates.find(ref);
      if (candidate != CandidateIndex::kNone) taste_.seen[candidate] = true;
    }
  }

  RecommendResponse build() {
    const std::vector<Scored> by_tags = tag_scores();
    std::vector<Scored> cold = by_tags;
    std::erase_if(cold, [&](const Scored& s) { return candidates_.is_known(s.candidate); });
    const std::vector<Scored> cold_best = best(std::move(cold), request_.n / kPlacesPerColdItem);
    const std::size_t for_behaviour = request_.n - cold_best.size();

    for (const Scored& s : best(behaviour_scores(), for_behaviour)) add_from_behaviour(s);
    out_.fallback = out_.items.empty();
    for (const Scored& s : cold_best) add_from_tags(s);
    for (const Scored& s : best(by_tags, request_.n)) add_from_tags(s);
    for (const std::uint32_t c : candidates_.by_popularity()) {
      if (is_full()) break;
      add(c, candidates_.popularity(c), "popular", reason_popular());
    }
    for (const std::uint32_t c : candidates_.unknown_by_freshness()) {
      if (is_full()) break;
      add(c, 0, "fresh", reason_fresh());
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] bool is_full() const { return out_.items.size() >= request_.n; }
  [[nodiscard]] bool may_be_listed(std::uint32_t candidate) const {
    return !taste_.seen[candidate] &&
           candidates_.may_be_shown(candidate, request_.kind, request_.now);
  }

  [[nodiscard]] std::vector<Scored> behaviour_scores() const {
    Sums sums(candidates_.size());
    for (std::uint32_t i = 0; i < taste_.liked.size(); ++i) {
      const Liked& liked = taste_.liked[i];
      for (const Neighbour& neighbour : model_.knn().row(liked.model_item)) {
        const std::uint32_t candidate = candidates_.of_model(neighbour.item);
        if (candidate == CandidateIndex::kNone) continue;
        sums.add(candidate, liked.weight * neighbour.similarity, i);
      }
    }
    return sums.scored();
  }

  [[nodiscard]] std::vector<Scored> tag_scores() const {
    if (taste_.interests.empty()) return {};
    Sums sums(candidates_.size());
    for (std::uint32_t i = 0; i < taste_.interests.size(); ++i) {
      const auto& [tag, weight] = taste_.interests[i];
      for (const CandidateIndex::Tagged& tagged : candidates_.with_tag(tag)) {
        sums.add(tagged.candidate, weight * tagged.share, i);
      }
    }
    return sums.scored();
  }

  /// The best that may be listed, in order; equal scores by item.
  [[nodiscard]] std::vector<Scored> best(std::vector<Scored> scored, std::size_t count) const {
    std::erase_if(scored,
                  [&](const Scored& s) { return s.score <= 0 || !may_be_listed(s.candidate); });
    const auto better = [&](const Scored& a, const Scored& b) {
      if (a.score != b.score) return a.score > b.score;
      return candidates_.item(a.candidate).ref < candidates_.item(b.candidate).ref;
    };
    const std::size_t kept = std::min(count, scored.size());
    std::ranges::partial_sort(scored, scored.begin() + static_cast<std::ptrdiff_t>(kept), better);
    scored.resize(kept);
    return scored;
  }

  void add_from_behaviour(const Scored& s) {
    const audience::Activity& activity = *taste_.liked[s.why].activity;
    const std::uint32_t liked = candidates_.find(*activity.item);
    const std::string_view title =
        liked == CandidateIndex::kNone ? std::string_view() : candidates_.item(liked).title;
    add(s.candidate, s.score, "itemknn", reason_from_item(activity.kind, *activity.item, title));
  }

  void add_from_tags(const Scored& s) {
    add(s.candidate, s.score, "tags", reason_from_tag(taste_.interests[s.why].first));
  }

  void add(std::uint32_t candidate, double score, std::string_view source, Reason reason) {
    if (is_full() || !may_be_listed(candidate)) return;
    // Never twice in one list.
    taste_.seen[candidate] = true;
    const CandidateItem& item = candidates_.item(candidate);
    out_.items.push_back({item.ref, item.title, score, std::string(source), std::move(reason.zh),
                          std::move(reason.en), 1});
  }

  const RecommendModel& model_;
  const CandidateIndex& candidates_;
  const RecommendRequest& request_;
  Taste taste_;
  RecommendResponse out_;
};

}  // namespace

Recommender::Recommender(Key, std::shared_ptr<const RecommendModel> model, std::string model_id,
                         std::vector<CandidateItem> catalogue)
    : model_(std::move(model)),
      model_id_(std::move(model_id)),
      candidates_(*model_, std::move(catalogue)) {}

std::shared_ptr<const Recommender> Recommender::create(std::shared_ptr<const RecommendModel> model,
                                                       std::string model_id,
                                                       std::vector<CandidateItem> catalogue) {
  return std::make_shared<const Recommender>(Key{}, std::move(model), std::move(model_id),
                                             std::move(catalogue));
}

Result<RecommendResponse> Recommender::recommend(const audience::PersonView& person,
                                                 const RecommendRequest& request) const {
  if (request.n < 1 || request.n > kListMax) {
    return fail_field("n", "is {}, expected 1 to {}", request.n, kListMax);
  }
  return ListBuilder(*model_, candidates_, person, request).build();
}

}  // namespace zhiyin::recommend
