#include "server/recommendations.h"

#include "base/random.h"
#include "recommend/impression.h"

namespace zhiyin::server {
namespace {

std::vector<recommend::CandidateItem> candidates_of(const catalogue::ItemIndex& index) {
  std::vector<recommend::CandidateItem> out;
  out.reserve(index.items().size());
  for (const catalogue::IndexedItem& item : index.items()) {
    recommend::CandidateItem candidate;
    candidate.ref = item.ref;
    candidate.title = item.title;
    for (const catalogue::ItemTag& tag : item.tags) {
      candidate.tags.emplace_back(tag.tag,
                                  static_cast<double>(tag.weight) / catalogue::kTagWeightOne);
    }
    candidate.published_at = item.published_at.value_or(Instant{});
    candidate.valid_from = item.valid_from;
    candidate.valid_until = item.valid_until;
    candidate.available = !item.stock || *item.stock > 0;
    out.push_back(std::move(candidate));
  }
  return out;
}

}  // namespace

Result<std::shared_ptr<const recommend::Recommender>> Recommendations::current() {
  ZHIYIN_TRY(auto index, items_.index());
  MutexLock lock(mutex_);
  if (!model_) {
    auto model = std::make_shared<recommend::RecommendModel>();
    model_id_ = "none";
    ZHIYIN_TRY(const auto active, registry_.active(recommend::RecommendModel::kKind));
    if (active) {
      ZHIYIN_TRY(const std::string bytes, registry_.load(active->id));
      ZHIYIN_TRY(*model, recommend::RecommendModel::decode(bytes));
      model_id_ = active->id;
    }
    model_ = std::move(model);
    recommender_ = nullptr;
  }
  if (!recommender_ || index_ != index) {
    index_ = index;
    recommender_ = recommend::Recommender::create(model_, model_id_, candidates_of(*index));
  }
  return recommender_;
}

Result<Recommendations::Answer> Recommendations::recommend(
    const audience::PersonView& person, const recommend::RecommendRequest& request,
    std::string_view account, std::string_view place) {
  ZHIYIN_TRY(const auto recommender, current());
  ZHIYIN_TRY(auto response, recommender->recommend(person, request));
  auto impression =
      recommend::impression_of(response, person.id, recommender->model_id(), request.now);
  impression.id = uuid_v7(request.now);
  impression.account = account;
  impression.place = place;
  if (!impression.items.empty()) {
    std::vector<storage::NewRecord> full;
    {
      MutexLock lock(impressions_mutex_);
      impressions_.push_back(recommend::impression_record(impression));
      if (impressions_.size() >= kImpressionsGathered) full = std::exchange(impressions_, {});
    }
    if (!full.empty())
      log_.append(storage::Stream::kImpressions, std::move(full), [](Result<void>) {});
  }
  return Answer{std::move(response), recommender->model_id()};
}

Result<model::ModelRecord> Recommendations::train(storage::Warehouse& warehouse,
                                                  recommend::TrainParams params, Instant now) {
  std::vector<std::string> kinds;
  for (const auto& [kind, weight] : params.kind_weights) kinds.push_back(kind);
  params.as_of = now;
  ZHIYIN_TRY(const auto trained,
             recommend::train_recommend(recommend::warehouse_rows(warehouse, std::move(kinds), now),
                                        params));
  model::NewModel stored;
  stored.kind = recommend::RecommendModel::kKind;
  stored.window.set("to", to_json(now));
  stored.settings.set("k", params.knn.k).set("shrink", params.knn.shrink);
  stored.metrics.set("people", trained.people())
      .set("items", trained.items())
      .set("interactions", trained.interactions());
  stored.bytes = trained.encode();
  ZHIYIN_TRY(auto record, registry_.save(stored, now));
  forget_model();
  return record;
}

void Recommendations::flush_impressions() {
  std::vector<storage::NewRecord> gathered;
  {
    MutexLock lock(impressions_mutex_);
    gathered = std::exchange(impressions_, {});
  }
  if (!gathered.empty())
    log_.append(storage::Stream::kImpressions, std::move(gathered), [](Result<void>) {});
}

Result<void> Recommendations::look_for_model() {
  ZHIYIN_TRY(const auto active, registry_.active(recommend::RecommendModel::kKind));
  MutexLock lock(mutex_);
  if (model_ && model_id_ != (active ? active->id : "none")) model_ = nullptr;
  return {};
}

void Recommendations::forget_model() {
  MutexLock lock(mutex_);
  model_ = nullptr;
}

}  // namespace zhiyin::server
