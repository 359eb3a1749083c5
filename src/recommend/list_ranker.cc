#include "recommend/list_ranker.h"

#include <algorithm>

namespace zhiyin::recommend {
namespace {

ItemFacts facts_of(const CandidateItem& item) {
  return {item.ref, item.category, item.price_fen, item.published_at};
}

}  // namespace

ListRanker::ListRanker(Ranking ranking, const CandidateIndex& candidates)
    : candidates_(candidates),
      id_(std::move(ranking.id)),
      ranker_(ranking.ranker),
      objectives_(ranking.objectives),
      bits_(ranking.ranker->params().bits),
      factors_(ranking.ranker->params().factors) {
  if (const SecondStage* const stage = ranker_->stage();
      stage != nullptr && stage->objectives == objectives_.text())
    stage_ = stage;
  for (std::size_t r = 0; r < kResponses; ++r) {
    const auto response = static_cast<Response>(r);
    // What the owner does not weigh need not be computed.
    if (!ranking.ranker->head(response) || objectives_.weights[r] == 0) continue;
    responses_.push_back(response);
    calibration_.push_back(ranking.ranker->head(response)->calibration);
  }
  width_ = responses_.size() * (1 + factors_);
  table_.resize((std::size_t{1} << bits_) * width_);
  for (std::size_t h = 0; h < responses_.size(); ++h) {
    const OnlineRanker& head = ranking.ranker->head(responses_[h])->ranker;
    for (std::uint32_t slot = 0; slot < 1U << bits_; ++slot) {
      float* const at = table_.data() + slot * width_ + h * (1 + factors_);
      *at = head.weight(slot);
      std::ranges::copy(head.factors(slot), at + 1);
    }
  }
  std::vector<RankerFeature> features;
  for (std::uint32_t c = 0; c < candidates.size(); ++c) {
    item_begin_.push_back(static_cast<std::uint32_t>(item_slots_.size()));
    features.clear();
    add_item_features(features, facts_of(candidates.item(c)), bits_);
    for (const RankerFeature& f : features) item_slots_.push_back(f.slot);
  }
  item_begin_.push_back(static_cast<std::uint32_t>(item_slots_.size()));
}

/// `sums`: the sums of weights and factors over the features, then by head the sums of squares.
void ListRanker::add(std::vector<float>& sums, const RankerFeature& feature) const {
  const float* const from = row(feature.slot);
  const float x = feature.value;
  for (std::size_t i = 0; i < width_; ++i) sums[i] += from[i] * x;
  for (std::size_t h = 0; h < responses_.size(); ++h) {
    const float* const v = from + h * (1 + factors_) + 1;
    float squares = 0;
    for (std::size_t j = 0; j < factors_; ++j) squares += v[j] * v[j];
    sums[width_ + h] += squares * x * x;
  }
}

ListRanker::Asked ListRanker::ask(const RequestContext& context, Instant at) const {
  Asked out;
  out.at_ = at;
  out.sums_.assign(width_ + responses_.size(), 0);
  std::vector<RankerFeature> features;
  add_request_features(features, context, at, 0, bits_);
  for (const RankerFeature& f : features) add(out.sums_, f);
  return out;
}

ListRanker::Probabilities ListRanker::probabilities(const Asked& asked, std::uint32_t candidate,
                                                    const ShownFacts& shown) const {
  std::vector<float> sums = asked.sums_;
  for (std::uint32_t i = item_begin_[candidate]; i < item_begin_[candidate + 1]; ++i)
    add(sums, {item_slots_[i], 1});
  std::vector<RankerFeature> features;
  constexpr std::size_t kShownFeatures = 5;
  features.reserve(kShownFeatures);
  add_shown_features(features, shown, candidates_.item(candidate).published_at, asked.at_, bits_);
  for (const RankerFeature& f : features) add(sums, f);
  Probabilities out{};
  for (std::size_t h = 0; h < responses_.size(); ++h) {
    const float* const head = sums.data() + h * (1 + factors_);
    float pairs = -sums[width_ + h];
    for (std::size_t j = 1; j <= factors_; ++j) pairs += head[j] * head[j];
    out[static_cast<std::size_t>(responses_[h])] =
        calibration_[h].probability(static_cast<double>(head[0]) + pairs / 2);
  }
  return out;
}

double ListRanker::stage_value(const RequestContext& context, Instant at, std::uint32_t candidate,
                               const Probabilities& probabilities, const ShownFacts& shown,
                               std::span<double> parts) const {
  const ItemFacts item = facts_of(candidates_.item(candidate));
  const StageInputs inputs =
      stage_inputs({value(probabilities), probabilities, &item, shown, &context, at, 0});
  if (!parts.empty()) (void)stage_->trees.contributions(inputs, parts);
  return stage_->trees.predict(inputs);
}

}  // namespace zhiyin::recommend
