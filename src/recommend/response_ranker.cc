#include "recommend/response_ranker.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/json_binding.h"
#include "model/artefact.h"

namespace zhiyin::recommend {

struct StoredHead {
  std::string response;
  double slope = 1;
  double shift = 0;
  std::uint64_t positives = 0;
  std::uint64_t bytes = 0;  ///< of its part of the payload
};
struct StoredHeads {
  std::vector<StoredHead> heads;
  // Of the trees behind them; absent where there are none.
  std::string stage_objectives;
  std::uint64_t stage_bytes = 0;
  std::uint64_t tastes_bytes = 0;
  bool texts = false;  ///< ResponseRanker::sees_texts
};

}  // namespace zhiyin::recommend

template <>
struct zhiyin::Fields<zhiyin::recommend::StoredHead> {
  using H = recommend::StoredHead;
  static constexpr std::string_view name = "StoredHead";
  static constexpr auto list =
      field_list(field("response", &H::response, ""), field("slope", &H::slope, ""),
                 field("shift", &H::shift, ""), field("positives", &H::positives, ""),
                 field("bytes", &H::bytes, ""));
};
template <>
struct zhiyin::Fields<zhiyin::recommend::StoredHeads> {
  using S = recommend::StoredHeads;
  static constexpr std::string_view name = "StoredHeads";
  static constexpr auto list =
      field_list(field("heads", &S::heads, "").length(0, recommend::kResponses),
                 field("stage_objectives", &S::stage_objectives, "").optional(),
                 field("stage_bytes", &S::stage_bytes, "").optional(),
                 field("tastes_bytes", &S::tastes_bytes, "").optional(),
                 field("texts", &S::texts, "").optional());
};

namespace zhiyin::recommend {
namespace {

constexpr std::string_view kArtefact = "ranker_heads";

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::kDataLoss, "ranker: {}", what);
}

Result<RankerHead> head_of(const StoredHead& stored, std::string_view bytes) {
  if (!std::isfinite(stored.slope) || !std::isfinite(stored.shift))
    return damaged("a calibration is not finite");
  ZHIYIN_TRY(OnlineRanker ranker, OnlineRanker::decode(bytes));
  return RankerHead{std::move(ranker), {stored.slope, stored.shift}, stored.positives};
}

bool is_same_kind(const RankerParams& a, const RankerParams& b) {
  return a.bits == b.bits && a.factors == b.factors;
}

}  // namespace

Result<ResponseRanker> ResponseRanker::create(const RankerParams& params) {
  ResponseRanker out;
  out.params_ = params;
  ZHIYIN_TRY_VOID(OnlineRanker::create(params));
  return out;
}

std::size_t ResponseRanker::heads() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(heads_, [](const auto& head) { return head.has_value(); }));
}

RankerHead& ResponseRanker::begin(Response response) {
  auto& head = heads_[static_cast<std::size_t>(response)];
  // The parameters were looked at when this was made.
  if (!head) head = RankerHead{std::move(*OnlineRanker::create(params_)), {}, 0};
  return *head;
}

void ResponseRanker::set_calibration(Response response, model::Calibration calibration) {
  begin(response).calibration = calibration;
}

void ResponseRanker::learn(std::span<const RankerFeature> features, std::uint8_t responses,
                           double weight) {
  for (std::size_t r = 0; r < kResponses; ++r) {
    if (!heads_[r]) continue;
    const bool positive = (responses >> r & 1) != 0;
    if (heads_[r]->ranker.learn(features, positive, weight)) heads_[r]->positives += positive;
  }
}

std::array<double, kResponses> ResponseRanker::probabilities(
    std::span<const RankerFeature> features) const {
  std::array<double, kResponses> out{};
  for (std::size_t r = 0; r < kResponses; ++r) {
    if (heads_[r])
      out[r] = heads_[r]->calibration.probability(heads_[r]->ranker.log_odds(features));
  }
  return out;
}

double value_of(const std::array<double, kResponses>& probabilities, const Objectives& objectives) {
  double out = 0;
  for (std::size_t r = 0; r < kResponses; ++r) out += objectives.weights[r] * probabilities[r];
  return out;
}

std::string ResponseRanker::encode() const {
  StoredHeads stored;
  stored.texts = sees_texts_;
  std::string payload;
  for (std::size_t r = 0; r < kResponses; ++r) {
    if (!heads_[r]) continue;
    const std::string bytes = heads_[r]->ranker.encode();
    stored.heads.push_back({std::string(response_name(static_cast<Response>(r))),
                            heads_[r]->calibration.slope, heads_[r]->calibration.shift,
                            heads_[r]->positives, bytes.size()});
    payload += bytes;
  }
  if (stage_) {
    const std::string bytes = stage_->trees.encode();
    stored.stage_objectives = stage_->objectives;
    stored.stage_bytes = bytes.size();
    payload += bytes;
    if (stage_->tastes) {
      const std::string tastes = stage_->tastes->encode();
      stored.tastes_bytes = tastes.size();
      payload += tastes;
    }
  }
  return model::encode_artefact({std::string(kArtefact), to_json(stored), std::move(payload)});
}

Result<ResponseRanker> ResponseRanker::decode(std::string_view bytes) {
  ZHIYIN_TRY(const model::Artefact artefact, model::decode_artefact(bytes));
  if (artefact.kind != kArtefact) return damaged(fmt::format("kind is '{}'", artefact.kind));
  const auto stored = from_json<StoredHeads>(artefact.header);
  if (!stored) return damaged(stored.error().text());
  if (stored->heads.empty()) return damaged("there are no heads");
  ResponseRanker out;
  out.sees_texts_ = stored->texts;
  std::string_view payload = artefact.payload;
  for (const StoredHead& one : stored->heads) {
    const auto response = response_named(one.response);
    if (!response) return damaged(fmt::format("response is '{}'", one.response.substr(0, 40)));
    auto& place = out.heads_[static_cast<std::size_t>(*response)];
    if (place) return damaged(fmt::format("response {} is there twice", one.response));
    if (one.bytes > payload.size()) return damaged("the payload is too short");
    ZHIYIN_TRY(place, head_of(one, payload.substr(0, one.bytes)));
    payload.remove_prefix(one.bytes);
    if (out.heads() == 1) out.params_ = place->ranker.params();
    if (!is_same_kind(out.params_, place->ranker.params()))
      return damaged("heads of different sizes");
  }
  if (stored->stage_bytes > 0) {
    if (stored->stage_bytes > payload.size()) return damaged("the payload is too short");
    ZHIYIN_TRY(BoostedTrees trees, BoostedTrees::decode(payload.substr(0, stored->stage_bytes)));
    if (trees.width() != kStageInputs) return damaged("the trees look at other inputs");
    payload.remove_prefix(stored->stage_bytes);
    out.stage_ = SecondStage{std::move(trees), stored->stage_objectives, {}};
    if (stored->tastes_bytes > payload.size()) return damaged("the payload is too short");
    if (stored->tastes_bytes > 0) {
      ZHIYIN_TRY(out.stage_->tastes, ClickTastes::decode(payload.substr(0, stored->tastes_bytes)));
      payload.remove_prefix(stored->tastes_bytes);
    }
  }
  if (!payload.empty()) return damaged("there are bytes after the heads");
  return out;
}

}  // namespace zhiyin::recommend
