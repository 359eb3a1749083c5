#include "model/encoder/heads.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace zhiyin::model {
namespace {

bool finite(std::span<const float> numbers) {
  return std::ranges::all_of(numbers, [](float x) { return std::isfinite(x); });
}

double dot(std::span<const float> a, std::span<const float> b) {
  ZHIYIN_CHECK(a.size() == b.size());
  double out = 0;
  for (std::size_t i = 0; i < a.size(); ++i) out += double{a[i]} * double{b[i]};
  return out;
}

float sigmoid(double x) {
  return static_cast<float>(x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)));
}

}  // namespace

Result<void> check_head(const Head& head) {
  if (head.width == 0 || head.bias.empty() || head.weights.size() != head.width * head.rows())
    return fail_field("weights", "head: {} weights do not make {} rows of {}", head.weights.size(),
                      head.rows(), head.width);
  if (!finite(head.weights) || !finite(head.bias))
    return fail_field("weights", "head: a number is not finite");
  return {};
}

Result<void> check_head(const OrdinalHead& head) {
  if (head.weights.empty() || head.thresholds.empty() || !finite(head.weights) ||
      !finite(head.thresholds))
    return fail_field("weights", "ordinal head: numbers are missing or not finite");
  if (!std::ranges::is_sorted(head.thresholds))
    return fail_field("thresholds", "ordinal head: they do not ascend");
  return {};
}

Result<void> check_head(const TagHead& head) {
  ZHIYIN_TRY_VOID(check_head(head.head));
  const std::size_t tags = head.head.rows();
  if (!head.transitions.empty() && head.transitions.size() != tags * tags)
    return fail_field("transitions", "tag head: {} transitions between {} tags",
                      head.transitions.size(), tags);
  if (std::ranges::any_of(head.transitions,
                          [](float x) { return std::isnan(x) || (std::isinf(x) && x > 0); }))
    return fail_field("transitions", "tag head: a transition is not a number or infinite");
  return {};
}

Result<void> check_head(const PairHead& head) {
  if (head.width == 0 || head.difference.size() != head.width || head.product.size() != head.width)
    return fail_field("difference", "pair head: {} and {} weights for {} numbers",
                      head.difference.size(), head.product.size(), head.width);
  if (!finite(head.difference) || !finite(head.product) || !std::isfinite(head.cosine) ||
      !std::isfinite(head.bias))
    return fail_field("difference", "pair head: a number is not finite");
  return {};
}

std::vector<float> scores(const Head& head, std::span<const float> vector) {
  std::vector<float> out(head.rows());
  for (std::size_t row = 0; row < out.size(); ++row) {
    const auto weights = std::span(head.weights).subspan(row * head.width, head.width);
    out[row] = static_cast<float>(dot(weights, vector) + double{head.bias[row]});
  }
  return out;
}

std::vector<float> single_label(const Head& head, std::span<const float> vector) {
  std::vector<float> out = scores(head, vector);
  const float top = *std::ranges::max_element(out);
  double total = 0;
  for (float& x : out) total += double{x = std::exp(x - top)};
  for (float& x : out) x = static_cast<float>(double{x} / total);
  return out;
}

std::vector<float> multi_label(const Head& head, std::span<const float> vector) {
  std::vector<float> out = scores(head, vector);
  for (float& x : out) x = sigmoid(double{x});
  return out;
}

std::vector<float> regression(const Head& head, std::span<const float> vector) {
  return scores(head, vector);
}

std::vector<float> ordinal(const OrdinalHead& head, std::span<const float> vector) {
  const double score = dot(head.weights, vector);
  std::vector<float> out;
  float above = 1;
  for (const float threshold : head.thresholds) {
    const float next = sigmoid(score - double{threshold});
    out.push_back(above - next);
    above = next;
  }
  out.push_back(above);
  return out;
}

std::vector<std::size_t> token_tags(const TagHead& head, std::span<const float> tokens) {
  const std::size_t width = head.head.width, tags = head.head.rows();
  ZHIYIN_CHECK(tokens.size() % width == 0);
  const std::size_t count = tokens.size() / width;
  std::vector<float> best(tags, 0.0F);
  std::vector<std::size_t> from(count * tags, 0);
  for (std::size_t t = 0; t < count; ++t) {
    std::vector<float> next = scores(head.head, tokens.subspan(t * width, width));
    for (std::size_t tag = 0; tag < tags; ++tag) {
      const auto worth = [&](std::size_t before) {
        const float step =
            t == 0 || head.transitions.empty() ? 0.0F : head.transitions[before * tags + tag];
        return best[before] + step;
      };
      std::size_t chosen = 0;
      for (std::size_t before = 1; before < tags; ++before)
        if (worth(before) > worth(chosen)) chosen = before;
      from[t * tags + tag] = chosen;
      next[tag] += worth(chosen);
    }
    best = std::move(next);
  }
  std::vector<std::size_t> out(count);
  auto tag = static_cast<std::size_t>(std::ranges::max_element(best) - best.begin());
  for (std::size_t t = count; t-- > 0;) {
    out[t] = tag;
    tag = from[t * tags + tag];
  }
  return out;
}

float pair_score(const PairHead& head, std::span<const float> u, std::span<const float> v) {
  ZHIYIN_CHECK(u.size() == head.width && v.size() == head.width);
  double out = double{head.bias} + double{head.cosine} * double{cosine(u, v)};
  for (std::size_t i = 0; i < head.width; ++i)
    out += double{head.difference[i]} * std::abs(double{u[i]} - double{v[i]}) +
           double{head.product[i]} * double{u[i]} * double{v[i]};
  return sigmoid(out);
}

float cosine(std::span<const float> u, std::span<const float> v) {
  const double lengths = dot(u, u) * dot(v, v);
  return lengths > 0 ? static_cast<float>(dot(u, v) / std::sqrt(lengths)) : 0.0F;
}

}  // namespace zhiyin::model
