#include "server/recommend_inspector.h"

#include <algorithm>

namespace zhiyin::server {

Result<std::shared_ptr<const recommend::RecommendModel>> RecommendInspector::read(
    const model::ModelRecord& record) {
  // One reads at a time: two would hold the same bytes twice.
  MutexLock lock(mutex_);
  const auto known = std::ranges::find_if(kept_, [&](const Kept& one) {
    return one.id == record.id && one.checksum == record.checksum;
  });
  if (known != kept_.end()) {
    kept_.splice(kept_.begin(), kept_, known);
    return kept_.front().model;
  }
  ZHIYIN_TRY(const std::string bytes, registry_.load(record.id));
  ZHIYIN_TRY(auto model, recommend::RecommendModel::decode(bytes));
  kept_.push_front({record.id, record.checksum,
                    std::make_shared<const recommend::RecommendModel>(std::move(model))});
  if (kept_.size() > kKept) kept_.pop_back();
  return kept_.front().model;
}

Result<InspectedVersion> RecommendInspector::version(std::string_view id) {
  InspectedVersion out;
  if (id.empty()) {
    ZHIYIN_TRY(out.recommender, recommendations_.serving());
    out.record.id = out.recommender->model_id();
    if (out.record.id == "none") return out;
    ZHIYIN_TRY(out.record, registry_.find(out.record.id));
    return out;
  }
  ZHIYIN_TRY(out.record, registry_.find(id));
  if (out.record.kind != recommend::RecommendModel::kKind) {
    return fail(ErrorCode::kNotFound, "version: '{}' is no version of a recommender",
                id.substr(0, 80));
  }
  ZHIYIN_TRY(auto model, read(out.record));
  ZHIYIN_TRY(out.recommender, recommendations_.joined(std::move(model), out.record.id));
  return out;
}

}  // namespace zhiyin::server
