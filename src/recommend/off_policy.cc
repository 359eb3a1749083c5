#include "recommend/off_policy.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace zhiyin::recommend {
namespace {

Result<void> check(const LoggedChoice& c, std::size_t row) {
  const auto bad = [&](std::string_view what, double value) {
    return fail_field(fmt::format("log[{}].{}", row, what), "is {}", value);
  };
  if (!std::isfinite(c.reward)) return bad("reward", c.reward);
  if (!(c.logged > 0 && c.logged <= 1)) return bad("logged", c.logged);
  if (!(c.judged >= 0 && c.judged <= 1)) return bad("judged", c.judged);
  if (!std::isfinite(c.model)) return bad("model", c.model);
  if (!std::isfinite(c.policy)) return bad("policy", c.policy);
  return {};
}

OffPolicyEstimate estimate_of(std::span<const double> values) {
  const auto mean = statistics::mean_interval(values);
  return {mean.mean, mean.interval};
}

}  // namespace

Result<OffPolicyResult> judge_policy(std::span<const LoggedChoice> log,
                                     const OffPolicySettings& settings) {
  if (!(settings.clip > 0)) return fail_field("clip", "is {}, expected above 0", settings.clip);
  if (!(settings.effective_min >= 0))
    return fail_field("effective_min", "is {}, expected 0 or more", settings.effective_min);
  OffPolicyResult out;
  std::vector<double> weights;
  double sum = 0;
  double squares = 0;
  for (std::size_t i = 0; i < log.size(); ++i) {
    ZHIYIN_TRY_VOID(check(log[i], i));
    const double weight = log[i].judged / log[i].logged;
    out.largest_weight = std::max(out.largest_weight, weight);
    out.clipped += weight > settings.clip ? 1 : 0;
    weights.push_back(std::min(weight, settings.clip));
    sum += weights.back();
    squares += weights.back() * weights.back();
  }
  out.effective = squares > 0 ? sum * sum / squares : 0;
  // Without any weight there is nothing to divide by, whatever is thought to be enough.
  if (out.effective < settings.effective_min || !(sum > 0)) {
    return fail(ErrorCode::kUnsupported,
                "off-policy: {} rows count as {:.0f}, at least {:.0f} are needed (largest weight "
                "{:.1f})",
                log.size(), out.effective, settings.effective_min, out.largest_weight);
  }
  const auto n = static_cast<double>(log.size());
  std::vector<double> values(log.size());
  for (std::size_t i = 0; i < log.size(); ++i) values[i] = weights[i] * log[i].reward;
  out.ips = estimate_of(values);
  // The ratio's spread by linearisation: residuals around the ratio, divided by the mean weight.
  const double ratio = out.ips.value * n / sum;
  for (std::size_t i = 0; i < log.size(); ++i)
    values[i] = ratio + weights[i] * (log[i].reward - ratio) * n / sum;
  out.self_normalised = estimate_of(values);
  for (std::size_t i = 0; i < log.size(); ++i)
    values[i] = log[i].policy + weights[i] * (log[i].reward - log[i].model);
  out.doubly_robust = estimate_of(values);
  return out;
}

}  // namespace zhiyin::recommend
