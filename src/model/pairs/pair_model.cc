#include "model/pairs/pair_model.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace zhiyin::model {
namespace {

constexpr double kIdfUnit = 1.0 / 2048;  // 16 bits reach up to 32
constexpr double kStepsMax = 32767;

template <class Values>
bool finite(const Values& values) {
  return std::ranges::all_of(values, [](auto v) { return std::isfinite(v); });
}

Result<void> check_parts(const PairModelParts& p) {
  const auto wrong = [](std::string_view what) {
    return fail(ErrorCode::kInvalidArgument, "pair model: {}", what);
  };
  if (p.idf.size() != p.keys.size() || p.weights.size() != 2 * p.keys.size())
    return wrong("not two weights per n-gram");
  if (!p.likeness.empty() && p.likeness.size() != kCharacterColumns)
    return wrong("not one weight per likeness of characters");
  if (p.likeness.empty() && (!p.keys.empty() || p.vector_mean.empty()))
    return wrong("n-grams without likeness of characters, or neither them nor an encoder's part");
  const std::size_t width = p.vector_mean.size();
  const bool joined = width > 0 && !p.likeness.empty();
  if (p.floor_likeness.size() != (joined ? kCharacterColumns : 0) ||
      p.floor_weights.size() != (joined ? p.weights.size() : 0))
    return wrong("its floor has other inputs than the characters' part");
  if (p.vector_factor.size() != width || p.product.size() != width || p.difference.size() != width)
    return wrong("not one weight per value of the encoder's vector");
  if (!finite(p.weights) || !finite(p.likeness) || !finite(p.floor_weights) ||
      !finite(p.floor_likeness) || !std::isfinite(p.floor_intercept) || !finite(p.vector_mean) ||
      !finite(p.vector_factor) || !finite(p.product) || !finite(p.difference) ||
      !finite(p.cosine) || !std::isfinite(p.encoder_bias) || !std::isfinite(p.intercept))
    return wrong("a weight is not finite");
  if (!std::ranges::all_of(p.idf, [](float v) { return v >= 0 && v < 32; }))
    return wrong("an idf is not in [0, 32)");
  if (std::ranges::adjacent_find(p.keys, std::ranges::greater_equal()) != p.keys.end() ||
      (!p.keys.empty() && p.keys.front() == 0))
    return wrong("n-grams are not ascending");
  if (!(p.familiar_low >= 0 && p.familiar_low <= p.familiar_high && p.familiar_high <= 1) ||
      !(p.general_weight <= 0) || !std::isfinite(p.general_weight) ||
      !std::isfinite(p.general_bias))
    return wrong("what decides of unfamiliar pairs is out of range");
  for (const Calibration& c : {p.calibration, p.floor_calibration}) {
    if (!(c.slope > 0) || !std::isfinite(c.slope) || !std::isfinite(c.shift))
      return wrong("a calibration is out of range");
  }
  if (!(p.threshold >= 0 && p.threshold <= 1)) return wrong("the threshold is out of range");
  return {};
}

}  // namespace

std::array<double, kCosineColumns> cosine_inputs(std::span<const float> u,
                                                 std::span<const float> v) {
  double dot = 0, uu = 0, vv = 0;
  for (std::size_t i = 0; i < u.size(); ++i) {
    dot += static_cast<double>(u[i]) * v[i];
    uu += static_cast<double>(u[i]) * u[i];
    vv += static_cast<double>(v[i]) * v[i];
  }
  const double lengths = std::sqrt(uu * vv);
  const double cosine = lengths > 0 ? std::clamp(dot / lengths, -1.0, 1.0) : 0;
  return {cosine, std::log(1.0001 - cosine)};
}

Result<PairModel> PairModel::create(PairModelParts p) {
  ZHIYIN_TRY_VOID(check_parts(p));
  PairModel out;
  out.keys_ = std::move(p.keys);
  out.characters_.likeness = std::move(p.likeness);
  out.characters_.intercept = p.intercept;
  out.characters_.set_steps(p.weights, p.idf);
  out.floor_.likeness = std::move(p.floor_likeness);
  out.floor_.intercept = p.floor_intercept;
  out.floor_.set_steps(p.floor_weights, p.idf);
  out.vector_mean_ = std::move(p.vector_mean);
  out.vector_factor_ = std::move(p.vector_factor);
  out.product_ = std::move(p.product);
  out.difference_ = std::move(p.difference);
  out.cosine_ = p.cosine;
  out.encoder_bias_ = p.encoder_bias;
  out.general_weight_ = p.general_weight;
  out.general_bias_ = p.general_bias;
  out.familiar_low_ = p.familiar_low;
  out.familiar_high_ = p.familiar_high;
  out.calibration_ = p.calibration;
  out.floor_calibration_ = p.floor_calibration;
  out.threshold_ = p.threshold;
  out.reference_ = std::move(p.reference);
  out.settings_ = std::move(p.settings);
  out.metrics_ = std::move(p.metrics);
  for (const float idf : p.idf)
    out.idf_.push_back(static_cast<std::uint16_t>(std::min(std::lround(idf / kIdfUnit), 65535L)));
  out.index();
  return out;
}

void PairModel::CharacterWeights::set_steps(std::span<const float> weights,
                                            std::span<const float> idf) {
  double largest = 0;
  for (std::size_t i = 0; i < weights.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(weights[i]) * idf[i / 2]));
  unit = largest / kStepsMax;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double wanted = unit == 0 ? 0 : static_cast<double>(weights[i]) * idf[i / 2] / unit;
    steps.push_back(
        static_cast<std::int16_t>(std::lround(std::clamp(wanted, -kStepsMax, kStepsMax))));
  }
}

void PairModel::index() {
  table_ = NgramTable(keys_.size());
  for (const NgramKey key : keys_) table_.add(key);
}

void PairModel::find_hits(const PairSide& side, std::vector<std::uint32_t>& hits) const {
  hits.clear();
  for (const NgramKey key : side.keys) {
    const std::uint32_t hit = table_.find(key);
    if (hit != NgramTable::kAbsent) hits.push_back(hit);
  }
}

double PairModel::by_characters(const CharacterWeights& weights, Scratch& scratch) const {
  find_hits(scratch.first, scratch.first_hits);
  find_hits(scratch.second, scratch.second_hits);
  const std::vector<std::uint32_t>&a = scratch.first_hits, &b = scratch.second_hits;
  // Whole numbers: their sums do not depend on which text comes first.
  std::int64_t sum = 0;
  std::uint64_t squares_a = 0, squares_b = 0, squares_both = 0;
  const auto square = [&](std::uint32_t hit) { return std::uint64_t{idf_[hit]} * idf_[hit]; };
  // Both ascend, as keys do and their numbers with them.
  for (std::size_t i = 0, j = 0; i < a.size() || j < b.size();) {
    const bool from_a = i < a.size() && (j == b.size() || a[i] <= b[j]);
    const bool from_b = j < b.size() && (i == a.size() || b[j] <= a[i]);
    const std::uint32_t hit = from_a ? a[i] : b[j];
    sum += weights.steps[2 * hit + (from_a && from_b ? 1 : 0)];
    if (from_a) squares_a += square(hit), ++i;
    if (from_b) squares_b += square(hit), ++j;
    if (from_a && from_b) squares_both += square(hit);
  }
  double out = 0;
  const double length = std::sqrt(static_cast<double>(squares_a + squares_b)) * kIdfUnit;
  if (length > 0) out += static_cast<double>(sum) * weights.unit / length;
  const double lengths = std::sqrt(static_cast<double>(squares_a) * static_cast<double>(squares_b));
  const double tf_idf = lengths > 0 ? static_cast<double>(squares_both) / lengths : 0;
  const Likeness likeness = likeness_of(scratch.first, scratch.second);
  for (std::size_t i = 0; i < kLikenessColumns; ++i) out += weights.likeness[i] * likeness[i];
  return out + weights.likeness[kLikenessColumns] * tf_idf;
}

double PairModel::by_encoder(std::span<const float> u, std::span<const float> v) const {
  double out = encoder_bias_;
  for (std::size_t i = 0; i < vector_mean_.size(); ++i) {
    const double a = static_cast<double>(u[i] - vector_mean_[i]) * vector_factor_[i];
    const double b = static_cast<double>(v[i] - vector_mean_[i]) * vector_factor_[i];
    out += a * b * product_[i] + std::abs(a - b) * difference_[i];
  }
  const auto inputs = cosine_inputs(u, v);
  for (std::size_t i = 0; i < kCosineColumns; ++i) out += cosine_[i] * inputs[i];
  return out;
}

PairModel::Decision PairModel::decide(std::string_view first, std::string_view second,
                                      std::span<const float> u, std::span<const float> v,
                                      Scratch& scratch) const {
  ZHIYIN_DCHECK(u.size() == v.size() &&
                (u.size() == dense_columns() || (u.empty() && has_floor())));
  const CharacterWeights& weights = u.empty() && has_floor() ? floor_ : characters_;
  Decision out{.intercept = weights.intercept};
  if (!weights.likeness.empty()) {
    fold_side(first, scratch.first);
    fold_side(second, scratch.second);
    out.characters = by_characters(weights, scratch);
    out.known = !scratch.first_hits.empty() || !scratch.second_hits.empty();
    const std::size_t all = scratch.first.keys.size() + scratch.second.keys.size();
    const std::size_t known = scratch.first_hits.size() + scratch.second_hits.size();
    out.familiarity = all == 0 ? 0 : static_cast<double>(known) / static_cast<double>(all);
  }
  if (u.empty()) return out;
  out.encoder = by_encoder(u, v);
  out.general = general_bias_ + general_weight_ * cosine_inputs(u, v)[1];
  if (!weights.likeness.empty())
    out.own = own_share(out.familiarity, familiar_low_, familiar_high_);
  return out;
}

PairPrediction PairModel::predict(std::string_view first, std::string_view second,
                                  std::span<const float> u, std::span<const float> v,
                                  Scratch& scratch) const {
  const Decision decision = decide(first, second, u, v, scratch);
  PairPrediction out;
  out.floor = u.empty() && dense_columns() > 0;
  const Calibration& how = out.floor ? floor_calibration_ : calibration_;
  const double sum = decision.total();
  out.familiarity = decision.familiarity;
  out.unfamiliar = decision.own < 0.5;
  // Weights of a file may be so large that their sum is no number.
  const bool is_number = std::isfinite(sum);
  out.same = is_number ? how.probability(sum) : 0.5;
  if (!u.empty()) out.cosine = cosine_inputs(u, v)[0];
  out.rejected = out.confidence() < threshold_ || (u.empty() && !decision.known) || !is_number;
  return out;
}

std::string pair_text(std::string_view first, std::string_view second) {
  const auto [before, after] = std::minmax(first, second);
  return fmt::format("{}\n{}", before, after);
}

double own_share(double familiarity, double low, double high) {
  if (high <= 0) return 1;
  if (high <= low) return familiarity >= high ? 1 : 0;
  return std::clamp((familiarity - low) / (high - low), 0.0, 1.0);
}

Json prediction_json(const PairPrediction& p) {
  Json out = Json::object();
  out.set("label", p.same >= 0.5 ? PairModel::kSame : PairModel::kDifferent);
  out.set("confidence", p.confidence());
  out.set("scores", Json()
                        .set(std::string(PairModel::kDifferent), 1 - p.same)
                        .set(std::string(PairModel::kSame), p.same));
  out.set("rejected", p.rejected).set("cosine", p.cosine ? Json(*p.cosine) : Json());
  out.set("familiarity", p.familiarity).set("unfamiliar", p.unfamiliar);
  if (p.floor) out.set("floor", true);
  return out;
}

}  // namespace zhiyin::model
