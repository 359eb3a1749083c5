#include "server/recommendations.h"

#include <algorithm>

#include "base/crypto.h"
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
    // What the owner wrote says more than what was read out of the text.
    constexpr double kKeywordWeight = 0.3;
    for (const std::string& word : item.keywords) {
      const auto is_tag = [&](const auto& tag) { return tag.first == word; };
      if (std::ranges::none_of(candidate.tags, is_tag))
        candidate.tags.emplace_back(word, kKeywordWeight);
    }
    candidate.group = item.group;
    candidate.published_at = item.published_at.value_or(Instant{});
    candidate.valid_from = item.valid_from;
    candidate.valid_until = item.valid_until;
    candidate.available = !item.stock || *item.stock > 0;
    candidate.author = item.author;
    candidate.category = item.category;
    candidate.price_fen = item.price_fen;
    out.push_back(std::move(candidate));
  }
  return out;
}

}  // namespace

void FreshArms::shown(const recommend::ItemRef& item) {
  {
    MutexLock lock(mutex_);
    if (const auto found = counts_.find(item); found != counts_.end()) {
      found->second.shows += 1;
      return;
    }
    if (counts_.size() >= kItemsMax) return;
  }
  const auto before = items_.dealt_with(item);
  MutexLock lock(mutex_);
  counts_.try_emplace(item, Counts{0, before.value_or(0)}).first->second.shows += 1;
}

recommend::Arm FreshArms::of(const recommend::ItemRef& item) const {
  Counts counts;
  {
    MutexLock lock(mutex_);
    const auto found = counts_.find(item);
    if (found == counts_.end()) return {};
    counts = found->second;
  }
  const auto now = items_.dealt_with(item);
  const auto clicks = static_cast<double>(now.value_or(counts.dealt_with) - counts.dealt_with);
  return {counts.shows, std::min(clicks, counts.shows)};
}

Recommendations::Recommendations(model::Registry& registry, catalogue::Items& items,
                                 storage::EventLog& log)
    : registry_(registry),
      items_(items),
      log_(log),
      arms_(items),
      seed_(crypto::xxh64(crypto::random_bytes(8))) {}

Result<Recommendations::Loaded> Recommendations::load() const {
  ZHIYIN_TRY(const auto active, registry_.active(recommend::RecommendModel::kKind));
  auto model = std::make_shared<recommend::RecommendModel>();
  if (!active) return Loaded{std::move(model), "none"};
  ZHIYIN_TRY(const std::string bytes, registry_.load(active->id));
  ZHIYIN_TRY(*model, recommend::RecommendModel::decode(bytes));
  return Loaded{std::move(model), active->id};
}

Result<std::shared_ptr<const recommend::Recommender>> Recommendations::current() {
  ZHIYIN_TRY(auto index, items_.index());
  MutexLock lock(mutex_);
  if (!model_ || is_stale_) {
    auto next = load();
    // A model that cannot be read leaves the old one serving; nothing to serve from is an error.
    if (!next && !model_) return std::unexpected(std::move(next.error()));
    is_stale_ = false;
    if (next) {
      model_ = std::move(next->model);
      model_id_ = std::move(next->id);
      recommender_ = nullptr;
    }
  }
  if (!recommender_ || index_ != index) {
    index_ = index;
    recommender_ = recommend::Recommender::create(model_, model_id_, candidates_of(*index), texts_);
  }
  return recommender_;
}

Result<std::shared_ptr<const recommend::Recommender>> Recommendations::joined(
    std::shared_ptr<const recommend::RecommendModel> model, std::string id) const {
  ZHIYIN_TRY(const auto index, items_.index());
  return recommend::Recommender::create(std::move(model), std::move(id), candidates_of(*index));
}

recommend::RecommendRequest Recommendations::with_chance(recommend::RecommendRequest request) {
  if (request.explore == 0) return request;
  // The seed is drawn anew for each list: what chance decides is logged with its probability.
  request.seed = draws_.fetch_add(1) * 0x9e3779b97f4a7c15ULL + seed_;
  request.arm_of = [this](const recommend::ItemRef& ref) { return arms_.of(ref); };
  return request;
}

Result<Recommendations::Answer> Recommendations::recommend(const audience::PersonView& person,
                                                           const recommend::RecommendRequest& given,
                                                           std::string_view account,
                                                           std::string_view place) {
  ZHIYIN_TRY(const auto recommender, current());
  recommend::RecommendRequest request = with_chance(given);
  ZHIYIN_TRY(const auto trends, add_segments(person.id, request));
  ZHIYIN_TRY(auto response, recommender->recommend(person, request));
  note(response, person.id, recommender->model_id(), request.now, account, place);
  return Answer{std::move(response), recommender->model_id()};
}

Result<Recommendations::Answer> Recommendations::common(Common which,
                                                        const recommend::ItemRef& item,
                                                        const recommend::RecommendRequest& given,
                                                        std::string_view account,
                                                        std::string_view place) {
  ZHIYIN_TRY(const auto recommender, current());
  const recommend::RecommendRequest request = with_chance(given);
  auto response = which == Common::kSimilar   ? recommender->similar(item, request)
                  : which == Common::kPopular ? recommender->popular(request)
                                              : recommender->latest(request);
  if (!response) return std::unexpected(std::move(response.error()));
  note(*response, PersonId(), recommender->model_id(), request.now, account, place);
  return Answer{std::move(*response), recommender->model_id()};
}

void Recommendations::note(const recommend::RecommendResponse& response, const PersonId& person,
                           const std::string& model, Instant at, std::string_view account,
                           std::string_view place) {
  for (const recommend::RecommendedItem& item : response.items) {
    if (item.source == "explore") arms_.shown(item.item);
  }
  auto impression = recommend::impression_of(response, person, model, at);
  impression.id = uuid_v7(at);
  impression.account = account;
  impression.place = place;
  if (impression.items.empty()) return;
  std::vector<storage::NewRecord> full;
  {
    MutexLock lock(impressions_mutex_);
    impressions_.push_back(recommend::impression_record(impression));
    if (impressions_.size() >= kImpressionsGathered) full = std::exchange(impressions_, {});
  }
  if (!full.empty())
    log_.append(storage::Stream::kImpressions, std::move(full), [](Result<void>) {});
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
  stored.settings.set("algorithm", params.algorithm).set("k", params.knn.k);
  if (params.algorithm == "itemknn") stored.settings.set("shrink", params.knn.shrink);
  if (params.algorithm == "rp3beta")
    stored.settings.set("alpha", params.alpha).set("beta", params.beta);
  if (params.algorithm == "ease") stored.settings.set("lambda", params.lambda);
  if (params.factors > 0) stored.settings.set("factors", params.factors);
  stored.metrics.set("people", trained.people())
      .set("items", trained.items())
      .set("interactions", trained.interactions());
  if (trained.ials() != nullptr) {
    const auto losses = trained.ials()->losses();
    stored.metrics.set("losses", to_json(std::vector<double>(losses.begin(), losses.end())));
  }
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
  if (model_id_ != (active ? active->id : "none")) is_stale_ = true;
  return {};
}

void Recommendations::set_trends(std::shared_ptr<const Trends> trends, SegmentsOf segments_of) {
  MutexLock lock(mutex_);
  trends_ = std::move(trends);
  segments_of_ = std::move(segments_of);
}

Result<std::shared_ptr<const Recommendations::Trends>> Recommendations::add_segments(
    const PersonId& person, recommend::RecommendRequest& request) {
  std::shared_ptr<const Trends> trends;
  SegmentsOf segments_of;
  {
    MutexLock lock(mutex_);
    trends = trends_;
    segments_of = segments_of_;
  }
  if (!trends || trends->empty() || person.value.empty()) return nullptr;
  ZHIYIN_TRY(const auto segments, segments_of(person));
  for (const SegmentId& segment : segments) {
    const auto found = std::ranges::find(*trends, segment.value, &recommend::SegmentItems::id);
    if (found != trends->end()) request.segments.push_back(&*found);
  }
  return trends;
}

void Recommendations::set_texts(std::shared_ptr<const recommend::TextVectors> texts) {
  MutexLock lock(mutex_);
  texts_ = std::move(texts);
  recommender_ = nullptr;
}

void Recommendations::forget_model() {
  MutexLock lock(mutex_);
  is_stale_ = true;
}

}  // namespace zhiyin::server
