#include "model/classify/occlusion.h"

#include <algorithm>

#include "base/check.h"

namespace zhiyin::model {

Occlusion plan_occlusion(std::string_view text, std::span<const TextSpan> words,
                         std::size_t pieces_max) {
  Occlusion plan;
  plan.variants.emplace_back(text);
  if (text.empty()) return plan;
  std::vector<std::uint32_t> begins = {0};
  for (const TextSpan& word : words)
    if (word.first > begins.back() && word.first < text.size()) begins.push_back(word.first);
  const std::size_t joined = (begins.size() + pieces_max - 1) / pieces_max;
  for (std::size_t i = 0; i < begins.size(); i += joined) {
    const std::size_t next = i + joined;
    const auto end = static_cast<std::uint32_t>(next < begins.size() ? begins[next] : text.size());
    plan.pieces.emplace_back(begins[i], end);
  }
  // Without the first ones, then without the last ones; the empty text closes both rows.
  for (std::size_t i = 1; i < plan.pieces.size(); ++i)
    plan.variants.emplace_back(text.substr(plan.pieces[i].first));
  for (std::size_t i = plan.pieces.size(); i-- > 1;)
    plan.variants.emplace_back(text.substr(0, plan.pieces[i].first));
  plan.variants.emplace_back();
  return plan;
}

std::vector<double> occlusion_parts(const Occlusion& plan, std::span<const double> values) {
  ZHIYIN_CHECK(values.size() == plan.variants.size());
  const std::size_t n = plan.pieces.size();
  std::vector<double> parts(n);
  // values: the whole, without the first 1 … n-1, without the last 1 … n-1, empty.
  const double empty = values.back();
  for (std::size_t i = 0; i < n; ++i) {
    const double without_before = values[i];  // pieces 0 … i-1 are gone
    const double without_it = i + 1 < n ? values[i + 1] : empty;
    const std::size_t gone = n - 1 - i;  // behind it, from the right
    const double with_it = gone == 0 ? values[0] : values[n - 1 + gone];
    const double up_to_it = gone + 1 < n ? values[n + gone] : empty;
    parts[i] = ((without_before - without_it) + (with_it - up_to_it)) / 2;
  }
  return parts;
}

std::vector<EvidenceStretch> evidence_stretches(std::size_t text_bytes,
                                                std::span<const WeightedSpan> weights,
                                                std::size_t most) {
  constexpr double kShareMin = 0.25;
  std::vector<double> bytes(text_bytes);
  std::vector<bool> border(text_bytes + 1, false);
  for (const WeightedSpan& one : weights) {
    const auto [begin, end] = one.span;
    if (begin >= end || end > text_bytes) continue;
    border[begin] = border[end] = true;
    const double each = one.weight / static_cast<double>(end - begin);
    for (std::size_t i = begin; i < end; ++i) bytes[i] += each;
  }
  std::vector<EvidenceStretch> out;
  while (out.size() < most) {
    // The stretch of largest sum (Kadane's scan), from border to border.
    double sum = 0, best = 0;
    std::size_t from = 0, best_from = 0, best_to = 0;
    for (std::size_t i = 0; i < text_bytes; ++i) {
      if (sum <= 0 && border[i]) {
        sum = 0;
        from = i;
      }
      sum += bytes[i];
      if (border[i + 1] && sum > best) {
        best = sum;
        best_from = from;
        best_to = i + 1;
      }
    }
    if (best_to == best_from || (!out.empty() && best < kShareMin * out.front().weight)) break;
    out.push_back(
        {{static_cast<std::uint32_t>(best_from), static_cast<std::uint32_t>(best_to)}, best});
    // Never again: nothing that holds it can be largest.
    for (std::size_t i = best_from; i < best_to; ++i) bytes[i] = -1e9;
  }
  return out;
}

}  // namespace zhiyin::model
