#include "statistics/value/rfm.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace zhiyin::statistics {
namespace {

std::array<double, 4> quintiles(std::vector<double> values) {
  std::ranges::sort(values);
  std::array<double, 4> out{};
  for (std::size_t k = 0; k < 4; ++k) {
    const double place = static_cast<double>(k + 1) / 5 * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    out[k] = values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
  }
  return out;
}

/// 1 + the number of cuts at or below the value.
int bin_of(double value, const std::array<double, 4>& cuts) {
  return 1 + static_cast<int>(std::ranges::upper_bound(cuts, value) - cuts.begin());
}

}  // namespace

Result<RfmCuts> rfm_cuts(std::span<const RfmValues> customers) {
  if (customers.empty()) return fail_field("customers", "there are none");
  std::vector<double> recency, frequency, monetary;
  for (std::size_t i = 0; i < customers.size(); ++i) {
    const RfmValues& c = customers[i];
    if (!(c.recency >= 0) || !(c.frequency >= 0) || !std::isfinite(c.recency) ||
        !std::isfinite(c.frequency) || !std::isfinite(c.monetary)) {
      return fail_field(fmt::format("customers[{}]", i), "recency {}, frequency {}, monetary {}",
                        c.recency, c.frequency, c.monetary);
    }
    recency.push_back(c.recency);
    frequency.push_back(c.frequency);
    monetary.push_back(c.monetary);
  }
  return RfmCuts{quintiles(std::move(recency)), quintiles(std::move(frequency)),
                 quintiles(std::move(monetary))};
}

Result<void> check_cuts(const RfmCuts& cuts) {
  for (const auto& [name, list] : {std::pair{"recency", cuts.recency},
                                   {"frequency", cuts.frequency},
                                   {"monetary", cuts.monetary}}) {
    const bool finite = std::ranges::all_of(list, [](double v) { return std::isfinite(v); });
    if (!finite || !std::ranges::is_sorted(list)) {
      return fail_field(fmt::format("cuts.{}", name), "must be four numbers that do not fall");
    }
  }
  return {};
}

RfmScore rfm_score(const RfmValues& values, const RfmCuts& cuts) {
  return {6 - bin_of(values.recency, cuts.recency), bin_of(values.frequency, cuts.frequency),
          bin_of(values.monetary, cuts.monetary)};
}

std::span<const RfmSegment> rfm_segments() {
  static constexpr RfmSegment kSegments[] = {
      {"Champions", "冠军客户", {5, 5}, {5, 5}, {5, 5}},
      {"Potential Loyalist", "潜力忠诚客户", {3, 5}, {3, 5}, {2, 5}},
      {"Loyal Customers", "忠诚客户", {2, 4}, {2, 4}, {2, 4}},
      {"Promising", "有望客户", {3, 4}, {1, 3}, {3, 5}},
      {"New Customers", "新客户", {4, 5}, {1, 3}, {1, 5}},
      {"Can't Lose Them", "不能失去的客户", {1, 2}, {3, 4}, {4, 5}},
      {"At Risk", "流失风险客户", {1, 2}, {2, 5}, {4, 5}},
      {"Need Attention", "需要关注的客户", {1, 3}, {3, 5}, {3, 5}},
      {"About To Sleep", "即将沉睡的客户", {2, 3}, {1, 3}, {1, 4}},
      {"Lost", "已流失客户", {1, 1}, {1, 5}, {1, 5}},
      {"Others", "其他客户", {1, 5}, {1, 5}, {1, 5}}};
  return kSegments;
}

const RfmSegment& rfm_segment(const RfmScore& score) {
  const auto within = [](int v, const std::array<int, 2>& box) {
    return v >= box[0] && v <= box[1];
  };
  for (const RfmSegment& s : rfm_segments()) {
    if (within(score.recency, s.recency) && within(score.frequency, s.frequency) &&
        within(score.monetary, s.monetary)) {
      return s;
    }
  }
  return rfm_segments().back();
}

}  // namespace zhiyin::statistics
