#include "statistics/cause/attribution.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "statistics/linear.h"

namespace zhiyin::statistics {
namespace {

Result<void> check(std::span<const TouchPath> paths, std::uint32_t channels,
                   const AttributionSettings& s) {
  if (paths.empty()) return fail_field("paths", "there are none");
  if (!(s.ends_share >= 0 && s.ends_share <= 0.5)) {
    return fail_field("ends_share", "is {}, not 0 to 0.5", s.ends_share);
  }
  if (!(s.half_life > 0)) return fail_field("half_life", "is {}, not above 0", s.half_life);
  if (s.scale && (!std::isfinite(s.total) || s.total < 0)) {
    return fail_field("total", "is {}, below 0", s.total);
  }
  if (s.rule == AttributionRule::kShapley && channels > kShapleyChannelsMax) {
    return fail(ErrorCode::kLimitReached, "Shapley: {} channels, more than {}", channels,
                kShapleyChannelsMax);
  }
  if (s.rule == AttributionRule::kMarkov && channels > kMarkovChannelsMax) {
    return fail(ErrorCode::kLimitReached, "Markov: {} channels, more than {}", channels,
                kMarkovChannelsMax);
  }
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const TouchPath& p = paths[i];
    const auto wrong = [&](std::string_view what) {
      return fail_field(fmt::format("paths[{}]", i), "{}", what);
    };
    if (p.channels.empty()) return wrong("has no touch");
    for (const std::uint32_t c : p.channels) {
      if (c >= channels) return wrong("names a channel that does not exist");
    }
    if (!(p.conversions >= 0) || !std::isfinite(p.conversions))
      return wrong("has a negative value");
    if (!(p.count >= 0) || !std::isfinite(p.count)) return wrong("has a negative count");
    if (s.rule != AttributionRule::kDecay) continue;
    if (p.times.size() != p.channels.size()) return wrong("needs a time for every touch");
    if (!std::ranges::is_sorted(p.times) || p.times.back() > p.end) {
      return wrong("has times out of order");
    }
  }
  return {};
}

/// Shares of the touches of one path; they add up to 1.
std::vector<double> touch_weights(const TouchPath& p, const AttributionSettings& s) {
  const std::size_t n = p.channels.size();
  std::vector<double> w(n, 0);
  switch (s.rule) {
    case AttributionRule::kFirst:
      w.front() = 1;
      break;
    case AttributionRule::kLinear:
      std::ranges::fill(w, 1.0 / static_cast<double>(n));
      break;
    case AttributionRule::kPosition: {
      if (n <= 2) {
        std::ranges::fill(w, 1.0 / static_cast<double>(n));
        break;
      }
      std::ranges::fill(w, (1 - 2 * s.ends_share) / static_cast<double>(n - 2));
      w.front() = w.back() = s.ends_share;
      break;
    }
    case AttributionRule::kDecay: {
      // Against the last touch, so that an old path does not vanish altogether.
      double sum = 0;
      for (std::size_t i = 0; i < n; ++i) {
        w[i] = std::exp2((p.times[i] - p.times.back()) / s.half_life);
        sum += w[i];
      }
      for (double& v : w) v /= sum;
      break;
    }
    default:
      w.back() = 1;
  }
  return w;
}

/// Each set of channels passes what its paths earned in equal parts to its members: with the value
/// of a coalition being the paths within it, that is the Shapley value (Zhao, Mahboobi and Bagheri
/// 2018).
std::vector<double> shapley(std::span<const TouchPath> paths, std::uint32_t channels) {
  std::vector<double> out(channels, 0);
  for (const TouchPath& p : paths) {
    std::uint32_t set = 0;
    for (const std::uint32_t c : p.channels) set |= 1U << c;
    const double each = p.conversions * p.count / std::popcount(set);
    for (std::uint32_t c = 0; c < channels; ++c) {
      if ((set >> c & 1U) != 0) out[c] += each;
    }
  }
  return out;
}

/// Transitions start → channels → conversion or loss, counted over people.
class Chain {
 public:
  Chain(std::span<const TouchPath> paths, std::uint32_t channels)
      : channels_(channels), counts_(channels + 1, channels + 2) {
    for (const TouchPath& p : paths) {
      std::size_t from = channels;  // the start
      for (const std::uint32_t c : p.channels) {
        counts_.at(from, c) += p.count;
        from = c;
      }
      counts_.at(from, channels + (p.conversions > 0 ? 0 : 1)) += p.count;
    }
  }

  /// Probability of conversion when `removed` leads nowhere (channels_: nothing is removed).
  ///
  /// Channels are taken out one by one, what comes in passed on to where they lead (Grassmann,
  /// Taksar and Heyman 1985): nothing is subtracted, so loops cost no digits.
  [[nodiscard]] double conversion(std::uint32_t removed) const {
    const std::size_t won = channels_;
    const std::size_t lost = channels_ + 1;
    Matrix left = counts_;
    for (std::size_t out = channels_; out-- > 0;) {
      double leaving = left.at(out, won) + left.at(out, lost);
      for (std::size_t c = 0; c < out; ++c) leaving += left.at(out, c);
      const bool leads_nowhere = out == removed || leaving == 0;
      for (std::size_t row = 0; row <= channels_; ++row) {
        if (row >= out && row != channels_) continue;
        const double in = left.at(row, out);
        if (in == 0) continue;
        if (leads_nowhere) {
          left.at(row, lost) += in;
          continue;
        }
        const double share = in / leaving;
        for (std::size_t c = 0; c < out; ++c) left.at(row, c) += share * left.at(out, c);
        left.at(row, won) += share * left.at(out, won);
        left.at(row, lost) += share * left.at(out, lost);
      }
    }
    const double all = left.at(channels_, won) + left.at(channels_, lost);
    return all > 0 ? left.at(channels_, won) / all : 0;
  }

 private:
  std::uint32_t channels_;
  Matrix counts_;
};

std::vector<double> markov(std::span<const TouchPath> paths, std::uint32_t channels) {
  const Chain chain(paths, channels);
  const double whole = chain.conversion(channels);
  std::vector<double> out(channels, 0);
  if (whole <= 0) return out;
  for (std::uint32_t c = 0; c < channels; ++c) {
    out[c] = std::max(0.0, 1 - chain.conversion(c) / whole);
  }
  return out;
}

}  // namespace

Result<std::vector<double>> attribute(std::span<const TouchPath> paths, std::uint32_t channels,
                                      const AttributionSettings& settings) {
  ZHIYIN_TRY_VOID(check(paths, channels, settings));
  double total = 0;
  for (const TouchPath& p : paths) total += p.conversions * p.count;
  std::vector<double> credit(channels, 0);
  if (settings.rule == AttributionRule::kShapley) {
    credit = shapley(paths, channels);
  } else if (settings.rule == AttributionRule::kMarkov) {
    credit = markov(paths, channels);
  } else {
    for (const TouchPath& p : paths) {
      if (p.conversions == 0) continue;
      const std::vector<double> w = touch_weights(p, settings);
      for (std::size_t i = 0; i < w.size(); ++i) {
        credit[p.channels[i]] += w[i] * p.conversions * p.count;
      }
    }
  }
  double sum = 0;
  for (const double c : credit) sum += c;
  const double wanted = settings.scale ? settings.total : total;
  for (double& c : credit) c = sum > 0 ? c * wanted / sum : 0;
  return credit;
}

}  // namespace zhiyin::statistics
