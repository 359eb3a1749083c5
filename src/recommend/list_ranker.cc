#include "recommend/list_ranker.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>

namespace zhiyin::recommend {
namespace {

ItemFacts facts_of(const CandidateItem& item) {
  return {item.ref, item.category, item.price_fen, item.published_at};
}

/// Heads side by side fill whole registers of the narrowest processor.
constexpr std::size_t kHeadLanes = 4;
constexpr std::size_t kLineFloats = 16;
constexpr std::uint32_t kNoSlot = UINT32_MAX;

std::size_t up_to(std::size_t count, std::size_t lanes) {
  return (count + lanes - 1) / lanes * lanes;
}

/// Rows start at cache lines and are whole ones.
void add_row(float* to, const float* from, std::size_t step) {
  to = std::assume_aligned<64>(to);
  from = std::assume_aligned<64>(from);
  for (std::size_t i = 0; i < step; i += kLineFloats) {
    for (std::size_t j = 0; j < kLineFloats; ++j) to[i + j] += from[i + j];
  }
}

/// The squares of the sums of factors, less the sums of squares behind them, for each head.
template <std::size_t kHeads>
void add_pairs(const float* sums, std::size_t factors, float* out) {
  float pairs[kHeads] = {};
  for (std::size_t j = 1; j <= factors; ++j) {
    for (std::size_t h = 0; h < kHeads; ++h)
      pairs[h] += sums[j * kHeads + h] * sums[j * kHeads + h];
  }
  for (std::size_t h = 0; h < kHeads; ++h) out[h] = pairs[h] - sums[(factors + 1) * kHeads + h];
}

static_assert(kResponses == 2 * kHeadLanes);

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
  heads_ = up_to(responses_.size(), kHeadLanes);
  step_ = up_to(heads_ * (factors_ + 2), kLineFloats);
  table_.resize((std::size_t{1} << bits_) * step_);
  for (std::size_t h = 0; h < responses_.size(); ++h) {
    const OnlineRanker& head = ranking.ranker->head(responses_[h])->ranker;
    for (std::uint32_t slot = 0; slot < 1U << bits_; ++slot) {
      float* const at = table_.data() + std::size_t{slot} * step_ + h;
      at[0] = head.weight(slot);
      const auto factors = head.factors(slot);
      for (std::size_t j = 0; j < factors_; ++j) {
        at[heads_ * (1 + j)] = factors[j];
        at[heads_ * (1 + factors_)] += factors[j] * factors[j];
      }
    }
  }
  for (int c = -kSizeMost - 1; c <= kSizeMost; ++c) age_slots_.push_back(age_slot(c, bits_));
  similarity_slot_ = recommend::similarity_slot(bits_);
  popularity_slot_ = recommend::popularity_slot(bits_);
  text_slot_ = recommend::text_slot(bits_);
  index_items();
}

/// Few combinations of kind, category and price make up a catalogue: each is summed up once.
void ListRanker::index_items() {
  std::map<std::vector<std::uint32_t>, std::uint32_t> rows;
  std::vector<RankerFeature> features;
  std::vector<std::uint32_t> slots;
  for (std::uint32_t c = 0; c < candidates_.size(); ++c) {
    const ItemFacts facts = facts_of(candidates_.item(c));
    features.clear();
    add_item_features(features, facts, bits_);
    const std::uint32_t own = item_slot(facts.ref, bits_);
    slots.clear();
    for (const RankerFeature& f : features) slots.push_back(f.slot);
    slots.erase(std::ranges::find(slots, own));
    const auto [found, is_new] = rows.try_emplace(slots, static_cast<std::uint32_t>(rows.size()));
    if (is_new) {
      facts_.resize(facts_.size() + step_);
      for (const std::uint32_t slot : slots)
        add_row(facts_.data() + std::size_t{found->second} * step_, row(slot), step_);
    }
    items_.push_back({own, found->second, facts.published_at.us});
  }
}

void ListRanker::add(std::span<float> sums, const RankerFeature& feature) const {
  const float* const from = row(feature.slot);
  const float x = feature.value;
  const std::size_t linear = heads_ * (1 + factors_);
  for (std::size_t i = 0; i < linear; ++i) sums[i] += from[i] * x;
  for (std::size_t i = linear; i < linear + heads_; ++i) sums[i] += from[i] * (x * x);
}

ListRanker::Asked ListRanker::ask(const RequestContext& context, Instant at) const {
  Asked out;
  out.at_ = at;
  out.sums_.assign(step_, 0);
  out.own_.resize(step_);
  std::vector<RankerFeature> features;
  add_request_features(features, context, at, 0, bits_);
  for (const RankerFeature& f : features) add(out.sums_, f);
  return out;
}

void ListRanker::prefetch(std::uint32_t candidate) const {
  const float* const own = row(items_[candidate].own_slot);
  for (std::size_t i = 0; i < step_; i += kLineFloats) __builtin_prefetch(own + i);
}

ListRanker::Asked::Source& ListRanker::source_of(Asked& asked, std::string_view name) const {
  const auto found = std::ranges::find(asked.sources_, name, &Asked::Source::name);
  if (found != asked.sources_.end()) return *found;
  Asked::Source& out = asked.sources_.emplace_back(name, asked.sums_);
  add(out.sums, {source_slot(name, bits_), 1});
  out.score_slots.fill(kNoSlot);
  return out;
}

ListRanker::Probabilities ListRanker::probabilities(Asked& asked, std::uint32_t candidate,
                                                    const ShownFacts& shown) const {
  const Item& item = items_[candidate];
  Asked::Source& source = source_of(asked, shown.source);
  const int score = size_class(shown.score);
  std::uint32_t& slot = source.score_slots[static_cast<std::size_t>(score + kSizeMost + 1)];
  if (slot == kNoSlot) slot = score_slot(source.name, score, bits_);
  float* const sums = asked.own_.data();
  std::memcpy(sums, source.sums.data(), step_ * sizeof(float));
  add_row(sums, facts_.data() + std::size_t{item.facts} * step_, step_);
  add_row(sums, row(item.own_slot), step_);
  add_row(sums, row(slot), step_);
  if (item.published_us > 0) {
    const int age = age_class(Instant{item.published_us}, asked.at_);
    add_row(sums, row(age_slots_[static_cast<std::size_t>(age + kSizeMost + 1)]), step_);
  }
  if (shown.similarity > 0) add(asked.own_, {similarity_slot_, shown.similarity});
  if (shown.popularity > 0)
    add(asked.own_, {popularity_slot_, shown.popularity / kPopularityUsual});
  if (shown.text != 0 && ranker_->sees_texts()) add(asked.own_, {text_slot_, shown.text});
  std::array<float, kResponses> pairs{};
  if (heads_ == kHeadLanes) {
    add_pairs<kHeadLanes>(sums, factors_, pairs.data());
  } else if (heads_ > 0) {
    add_pairs<kResponses>(sums, factors_, pairs.data());
  }
  Probabilities out{};
  for (std::size_t h = 0; h < responses_.size(); ++h) {
    out[static_cast<std::size_t>(responses_[h])] =
        calibration_[h].probability(static_cast<double>(sums[h]) + pairs[h] / 2);
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
