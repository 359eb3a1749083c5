#include "recommend/list_ranker.h"

#include <algorithm>

namespace zhiyin::recommend {
namespace {

ItemFacts facts_of(const CandidateItem& item) {
  return {item.ref, item.category, item.price_fen, item.published_at};
}

}  // namespace

ListRanker::ListRanker(Ranking ranking, const CandidateIndex& candidates, std::string_view model)
    : candidates_(candidates),
      id_(std::move(ranking.id)),
      ranker_(ranking.ranker),
      objectives_(ranking.objectives),
      bits_(ranking.ranker->params().bits),
      factors_(ranking.ranker->params().factors) {
  if (const SecondStage* const stage = ranker_->stage();
      stage != nullptr && stage->objectives == objectives_.text())
    stage_ = stage;
  if (stage_ != nullptr && stage_->tastes && stage_->tastes->model() == model)
    taste_width_ = stage_->tastes->width();
  for (std::size_t r = 0; r < kResponses; ++r) {
    const auto response = static_cast<Response>(r);
    // What the owner does not weigh need not be computed.
    if (!ranking.ranker->head(response) || objectives_.weights[r] == 0) continue;
    responses_.push_back(response);
    calibration_.push_back(ranking.ranker->head(response)->calibration);
  }
  width_ = responses_.size() * (1 + factors_);
  const std::size_t step = width_ + responses_.size();
  table_.resize((std::size_t{1} << bits_) * step);
  for (std::size_t h = 0; h < responses_.size(); ++h) {
    const OnlineRanker& head = ranking.ranker->head(responses_[h])->ranker;
    for (std::uint32_t slot = 0; slot < 1U << bits_; ++slot) {
      float* const at = table_.data() + slot * step;
      float* const own = at + h * (1 + factors_);
      *own = head.weight(slot);
      std::ranges::copy(head.factors(slot), own + 1);
      for (const float v : head.factors(slot)) at[width_ + h] += v * v;
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
  float* const to = sums.data();
  const float x = feature.value;
  const std::size_t width = width_;
  for (std::size_t i = 0; i < width; ++i) to[i] += from[i] * x;
  for (std::size_t h = 0; h < responses_.size(); ++h) to[width + h] += from[width + h] * (x * x);
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

ListRanker::Probabilities ListRanker::probabilities(Asked& asked, std::uint32_t candidate,
                                                    const ShownFacts& shown) const {
  std::vector<float>& sums = asked.own_;
  sums = asked.sums_;
  for (std::uint32_t i = item_begin_[candidate]; i < item_begin_[candidate + 1]; ++i)
    add(sums, {item_slots_[i], 1});
  asked.features_.clear();
  add_shown_features(asked.features_, shown, candidates_.item(candidate).published_at, asked.at_,
                     bits_);
  for (const RankerFeature& f : asked.features_) add(sums, f);
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
                               std::span<const float> taste, std::span<double> parts) const {
  const ItemFacts item = facts_of(candidates_.item(candidate));
  StageFacts facts{value(probabilities), probabilities, &item, shown, &context, at, 0};
  if (stage_->tastes) {
    facts.click_rate = stage_->tastes->rate(item.ref);
    const bool fits = !taste.empty() && taste.size() == taste_width_;
    if (fits) facts.affinity = stage_->tastes->affinity(item.ref, taste);
  }
  const StageInputs inputs = stage_inputs(facts);
  if (!parts.empty()) (void)stage_->trees.contributions(inputs, parts);
  return stage_->trees.predict(inputs);
}

}  // namespace zhiyin::recommend
