#include "recommend/click_affinity.h"

#include <algorithm>
#include <cmath>

namespace zhiyin::recommend {
namespace {

double dot(std::span<const float> a, std::span<const float> b) {
  double out = 0;
  for (std::size_t i = 0; i < a.size(); ++i) out += static_cast<double>(a[i]) * b[i];
  return out;
}

/// Of length 1, or zero.
std::vector<float> unit(std::span<const float> taste) {
  std::vector<float> out(taste.begin(), taste.end());
  const double length = std::sqrt(dot(taste, taste));
  if (length > 0) {
    for (float& x : out) x = static_cast<float>(x / length);
  }
  return out;
}

}  // namespace

std::vector<float> ClickAffinity::centred(std::span<const float> taste) const {
  std::vector<float> out = unit(taste);
  for (std::size_t i = 0; i < out.size() && people_ > 0; ++i)
    out[i] -= static_cast<float>(mean_[i] / people_);
  return out;
}

double ClickAffinity::rate(std::uint32_t item) const {
  if (item >= items_.size()) return 0.1;
  return (items_[item].clicks + 1) / (items_[item].shows + 10);
}

double ClickAffinity::affinity(std::uint32_t item, std::span<const float> taste,
                               double shrink) const {
  if (item >= items_.size() || items_[item].shows == 0) return 0;
  const Item& known = items_[item];
  const std::vector<float> own = centred(taste);
  constexpr double kShowsPerClick = 10;
  return dot(own, known.clickers) / (known.clicks + shrink) -
         dot(own, known.viewers) / (known.shows + kShowsPerClick * shrink);
}

void ClickAffinity::learn(std::span<const std::uint32_t> items, const std::vector<bool>& clicked,
                          std::span<const float> taste) {
  const std::vector<float> own = centred(taste);
  for (std::size_t k = 0; k < items.size(); ++k) {
    if (items[k] >= items_.size()) items_.resize(std::size_t{items[k]} + 1);
    Item& item = items_[items[k]];
    if (item.viewers.empty()) {
      item.viewers.assign(width_, 0);
      item.clickers.assign(width_, 0);
    }
    item.shows += 1;
    item.clicks += clicked[k] ? 1 : 0;
    for (std::size_t i = 0; i < width_; ++i) {
      item.viewers[i] += own[i];
      if (clicked[k]) item.clickers[i] += own[i];
    }
  }
  const std::vector<float> direction = unit(taste);
  for (std::size_t i = 0; i < width_; ++i) mean_[i] += direction[i];
  people_ += 1;
}

}  // namespace zhiyin::recommend
