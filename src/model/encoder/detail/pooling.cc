#include "model/encoder/detail/pooling.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace zhiyin::model::detail {
namespace {

/// Softmax of `attention` times each row.
std::vector<float> shares_of(const float* rows, std::size_t stride, std::size_t tokens,
                             std::span<const float> attention) {
  std::vector<float> out(tokens);
  for (std::size_t t = 0; t < tokens; ++t)
    for (std::size_t i = 0; i < attention.size(); ++i)
      out[t] += rows[t * stride + i] * attention[i];
  const float top = *std::ranges::max_element(out);
  float total = 0;
  for (float& share : out) total += share = std::exp(share - top);
  for (float& share : out) share /= total;
  return out;
}

}  // namespace

void pool(const float* rows, std::size_t stride, std::size_t tokens, const EncodeOptions& options,
          std::span<float> out) {
  if (options.pooling == Pooling::kFirst) {
    std::copy_n(rows, out.size(), out.begin());
    return;
  }
  std::vector<float> shares;
  if (options.pooling == Pooling::kAttention)
    shares = shares_of(rows, stride, tokens, options.attention);
  else
    shares.assign(tokens, 1.0F / static_cast<float>(tokens));
  std::ranges::fill(out, 0.0F);
  for (std::size_t t = 0; t < tokens; ++t)
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += rows[t * stride + i] * shares[t];
}

void normalise(std::span<float> vector) {
  double square = 0;
  for (const float x : vector) square += double{x} * double{x};
  if (square <= 0) return;
  const float factor = static_cast<float>(1 / std::sqrt(square));
  for (float& x : vector) x *= factor;
}

}  // namespace zhiyin::model::detail
