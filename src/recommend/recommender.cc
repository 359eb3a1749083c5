#include "recommend/recommender.h"

#include "recommend/list_builder.h"

namespace zhiyin::recommend {

Result<void> check_request(const RecommendRequest& r) {
  if (r.n < 1 || r.n > kListMax) return fail_field("n", "is {}, expected 1 to {}", r.n, kListMax);
  if (!(r.diversity >= 0 && r.diversity <= 1))
    return fail_field("diversity", "is {}, expected 0 to 1", r.diversity);
  constexpr std::size_t kPlacesPerChance = 5;
  if (r.explore > r.n / kPlacesPerChance) {
    return fail_field("explore", "is {}, at most one place in {} of the list may be left to chance",
                      r.explore, kPlacesPerChance);
  }
  if (r.rules.price_min_fen && r.rules.price_max_fen &&
      *r.rules.price_min_fen > *r.rules.price_max_fen)
    return fail_field("price_min", "is {}, above price_max {}", *r.rules.price_min_fen,
                      *r.rules.price_max_fen);
  return {};
}

Recommender::Recommender(Key, std::shared_ptr<const RecommendModel> model, std::string model_id,
                         std::vector<CandidateItem> catalogue,
                         std::shared_ptr<const TextVectors> texts, Ranking ranking)
    : model_(std::move(model)),
      model_id_(std::move(model_id)),
      candidates_(*model_, std::move(catalogue), std::move(texts)) {
  if (ranking.ranker) ranker_.emplace(std::move(ranking), candidates_, model_id_);
}

std::shared_ptr<const Recommender> Recommender::create(std::shared_ptr<const RecommendModel> model,
                                                       std::string model_id,
                                                       std::vector<CandidateItem> catalogue,
                                                       std::shared_ptr<const TextVectors> texts,
                                                       Ranking ranking) {
  return std::make_shared<const Recommender>(Key{}, std::move(model), std::move(model_id),
                                             std::move(catalogue), std::move(texts),
                                             std::move(ranking));
}

Result<RecommendResponse> Recommender::recommend(const audience::PersonView& person,
                                                 const RecommendRequest& request) const {
  ZHIYIN_TRY_VOID(check_request(request));
  return ListBuilder(*model_, candidates_, person, request, ranker()).personal();
}

Result<ListInspection> Recommender::inspect(const audience::PersonView& person,
                                            const RecommendRequest& request,
                                            std::size_t depth) const {
  ZHIYIN_TRY_VOID(check_request(request));
  if (depth < 1 || depth > kInspectionDepthMax)
    return fail_field("depth", "is {}, expected 1 to {}", depth, kInspectionDepthMax);
  return ListBuilder(*model_, candidates_, person, request, ranker()).inspect(depth);
}

Result<RecommendResponse> Recommender::similar(const ItemRef& item,
                                               const RecommendRequest& request) const {
  ZHIYIN_TRY_VOID(check_request(request));
  const std::uint32_t candidate = candidates_.find(item);
  if (candidate == CandidateIndex::kNone) {
    return fail(ErrorCode::kNotFound,
                "item: {}/{} is neither in the catalogue nor known to the model", item.kind,
                item.id);
  }
  const audience::PersonView nobody{PersonId(""), {}, {}};
  return ListBuilder(*model_, candidates_, nobody, request).similar_to(candidate);
}

Result<RecommendResponse> Recommender::popular(const RecommendRequest& request) const {
  ZHIYIN_TRY_VOID(check_request(request));
  const audience::PersonView nobody{PersonId(""), {}, {}};
  return ListBuilder(*model_, candidates_, nobody, request).popular();
}

Result<RecommendResponse> Recommender::latest(const RecommendRequest& request) const {
  ZHIYIN_TRY_VOID(check_request(request));
  const audience::PersonView nobody{PersonId(""), {}, {}};
  return ListBuilder(*model_, candidates_, nobody, request).latest();
}

Result<RecommendResponse> Recommender::edited(const RecommendRequest& request) const {
  ZHIYIN_TRY_VOID(check_request(request));
  const audience::PersonView nobody{PersonId(""), {}, {}};
  return ListBuilder(*model_, candidates_, nobody, request).edited();
}

}  // namespace zhiyin::recommend
