#include "recommend/online_ranker.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/crypto.h"
#include "base/json_binding.h"
#include "base/random.h"
#include "model/artefact.h"

template <>
struct zhiyin::Fields<zhiyin::recommend::RankerParams> {
  using Params = recommend::RankerParams;
  static constexpr std::string_view name = "RankerParams";
  static constexpr auto list = field_list(
      field("bits", &Params::bits, ""), field("factors", &Params::factors, ""),
      field("linear_rate", &Params::linear_rate, ""), field("linear_l1", &Params::linear_l1, ""),
      field("linear_l2", &Params::linear_l2, ""), field("factor_rate", &Params::factor_rate, ""),
      field("factor_l2", &Params::factor_l2, ""), field("factor_start", &Params::factor_start, ""),
      field("seed", &Params::seed, ""));
};

namespace zhiyin::recommend {
namespace {

constexpr std::string_view kKind = "ranker";
constexpr std::size_t kFactorsMax = 64;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

Result<void> check(const RankerParams& p) {
  constexpr unsigned kBitsMin = 8;
  constexpr unsigned kBitsMax = 26;
  if (p.bits < kBitsMin || p.bits > kBitsMax)
    return fail_field("bits", "is {}, expected {} to {}", p.bits, kBitsMin, kBitsMax);
  if (p.factors > kFactorsMax)
    return fail_field("factors", "is {}, expected 0 to {}", p.factors, kFactorsMax);
  for (const auto& [name, value] :
       {std::pair("linear_rate", p.linear_rate), std::pair("factor_rate", p.factor_rate)}) {
    if (!(value > 0) || !std::isfinite(value))
      return fail_field(name, "is {}, expected above 0", value);
  }
  for (const auto& [name, value] :
       {std::pair("linear_l1", p.linear_l1), std::pair("linear_l2", p.linear_l2),
        std::pair("factor_l2", p.factor_l2), std::pair("factor_start", p.factor_start)}) {
    if (!(value >= 0) || !std::isfinite(value))
      return fail_field(name, "is {}, expected 0 or more", value);
  }
  return {};
}

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::kDataLoss, "ranker: {}", what);
}

}  // namespace

std::uint32_t feature_slot(std::string_view field, std::string_view value, unsigned bits) {
  const auto slot_of = [&](std::string_view key) {
    // The upper bits: the hash mixes them as well as the lower ones.
    return static_cast<std::uint32_t>(crypto::xxh64(key) >> (64 - bits));
  };
  // Hundreds of them for a list: most fit here.
  char small[128];
  const std::size_t size = field.size() + 1 + value.size();
  if (size <= sizeof small) {
    std::memcpy(small, field.data(), field.size());
    small[field.size()] = '\0';
    if (!value.empty()) std::memcpy(small + field.size() + 1, value.data(), value.size());
    return slot_of({small, size});
  }
  std::string key;
  key.reserve(size);
  key.append(field).append(1, '\0').append(value);
  return slot_of(key);
}

Result<OnlineRanker> OnlineRanker::create(const RankerParams& params) {
  ZHIYIN_TRY_VOID(check(params));
  OnlineRanker out;
  out.params_ = params;
  const std::size_t slots = std::size_t{1} << params.bits;
  out.z_.assign(slots, 0);
  out.n_.assign(slots, 0);
  out.factors_.resize(slots * params.factors);
  out.squares_.assign(slots * params.factors, 0);
  Random random(params.seed);
  // Uniform with the deviation asked for: cheaper than normal numbers for millions of slots.
  const double side = params.factor_start * std::sqrt(12.0);
  for (float& v : out.factors_) v = static_cast<float>(side * (random.uniform() - 0.5));
  return out;
}

float OnlineRanker::linear(std::uint32_t slot) const {
  const double z = z_[slot];
  const double beyond = std::abs(z) - params_.linear_l1;
  if (beyond <= 0) return 0;
  const double scale =
      (1 + std::sqrt(static_cast<double>(n_[slot]))) / params_.linear_rate + params_.linear_l2;
  return static_cast<float>(-std::copysign(beyond, z) / scale);
}

double OnlineRanker::log_odds(std::span<const RankerFeature> features) const {
  const std::size_t k = params_.factors;
  float sums[kFactorsMax] = {};
  float own = 0;
  double out = 0;
  for (const RankerFeature& f : features) {
    out += linear(f.slot) * f.value;
    const float* const v = factors_.data() + std::size_t{f.slot} * k;
    for (std::size_t j = 0; j < k; ++j) {
      const float t = v[j] * f.value;
      sums[j] += t;
      own += t * t;
    }
  }
  float pairs = -own;
  for (std::size_t j = 0; j < k; ++j) pairs += sums[j] * sums[j];
  return out + pairs / 2;
}

double OnlineRanker::probability(std::span<const RankerFeature> features) const {
  return sigmoid(log_odds(features));
}

bool OnlineRanker::learn(std::span<const RankerFeature> features, bool positive, double weight) {
  if (!(weight > 0) || !std::isfinite(weight) ||
      std::ranges::any_of(features, [](const RankerFeature& f) { return !std::isfinite(f.value); }))
    return false;
  const std::size_t k = params_.factors;
  float sums[kFactorsMax] = {};
  for (const RankerFeature& f : features) {
    const float* const v = factors_.data() + std::size_t{f.slot} * k;
    for (std::size_t j = 0; j < k; ++j) sums[j] += v[j] * f.value;
  }
  const double gradient = weight * (probability(features) - (positive ? 1 : 0));
  for (const RankerFeature& f : features) {
    const double g = gradient * f.value;
    const float w = linear(f.slot);
    const double before = n_[f.slot];
    const double sigma = (std::sqrt(before + g * g) - std::sqrt(before)) / params_.linear_rate;
    z_[f.slot] += static_cast<float>(g - sigma * w);
    n_[f.slot] = static_cast<float>(before + g * g);

    float* const v = factors_.data() + std::size_t{f.slot} * k;
    float* const q = squares_.data() + std::size_t{f.slot} * k;
    const auto l2 = static_cast<float>(params_.factor_l2);
    const auto rate = static_cast<float>(params_.factor_rate);
    const auto step = static_cast<float>(g);
    for (std::size_t j = 0; j < k; ++j) {
      const float slope = step * (sums[j] - v[j] * f.value) + l2 * v[j];
      q[j] += slope * slope;
      constexpr float kTiny = 1e-8F;
      v[j] -= rate * slope / (std::sqrt(q[j]) + kTiny);
    }
  }
  ++learnt_;
  return true;
}

std::string OnlineRanker::encode() const {
  Json header = Json::object();
  header.set("params", to_json(params_)).set("learnt", learnt_);
  std::string payload;
  for (const auto* values : {&z_, &n_, &factors_, &squares_})
    payload.append(reinterpret_cast<const char*>(values->data()), values->size() * sizeof(float));
  return model::encode_artefact({std::string(kKind), std::move(header), std::move(payload)});
}

Result<OnlineRanker> OnlineRanker::decode(std::string_view bytes) {
  ZHIYIN_TRY(const model::Artefact artefact, model::decode_artefact(bytes));
  if (artefact.kind != kKind) return damaged(fmt::format("kind is '{}'", artefact.kind));
  const auto params = from_json<RankerParams>(artefact.header["params"]);
  if (!params) return damaged(params.error().text());
  if (const auto good = check(*params); !good) return damaged(good.error().text());
  OnlineRanker out;
  out.params_ = *params;
  out.learnt_ = static_cast<std::uint64_t>(artefact.header["learnt"].int_or(0));
  const std::size_t slots = std::size_t{1} << params->bits;
  const std::size_t floats = slots * (2 + 2 * params->factors);
  if (artefact.payload.size() != floats * sizeof(float))
    return damaged(fmt::format("the payload has {} bytes, expected {}", artefact.payload.size(),
                               floats * sizeof(float)));
  const char* at = artefact.payload.data();
  const auto take = [&](std::vector<float>& values, std::size_t count) {
    values.resize(count);
    std::memcpy(values.data(), at, count * sizeof(float));
    at += count * sizeof(float);
  };
  take(out.z_, slots);
  take(out.n_, slots);
  take(out.factors_, slots * params->factors);
  take(out.squares_, slots * params->factors);
  for (const auto* values : {&out.z_, &out.n_, &out.factors_}) {
    if (!std::ranges::all_of(*values, [](float x) { return std::isfinite(x); }))
      return damaged("a weight is not finite");
  }
  return out;
}

}  // namespace zhiyin::recommend
