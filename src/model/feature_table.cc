#include "model/feature_table.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/crypto.h"

namespace zhiyin::model {

void FeatureTable::add(std::string id, std::span<const double> features, int label) {
  ZHIYIN_CHECK(features.size() == columns());
  values.insert(values.end(), features.begin(), features.end());
  labels.push_back(label);
  row_ids.push_back(std::move(id));
}

Result<void> FeatureTable::check() const {
  if (values.size() != rows() * columns()) {
    return fail(ErrorCode::kInvalidArgument, "feature table: {} values for {} rows of {} columns",
                values.size(), rows(), columns());
  }
  if (!labels.empty() && labels.size() != rows()) {
    return fail(ErrorCode::kInvalidArgument, "feature table: {} labels for {} rows", labels.size(),
                rows());
  }
  for (const int label : labels) {
    if (label != 0 && label != 1) {
      return fail(ErrorCode::kInvalidArgument, "feature table: label {} is neither 0 nor 1", label);
    }
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isinf(values[i])) {
      return fail(ErrorCode::kInvalidArgument, "feature table: row {} of '{}' is infinite",
                  i / columns(), names[i % columns()]);
    }
  }
  return {};
}

FeatureTable FeatureTable::subset(std::span<const std::uint32_t> which) const {
  FeatureTable out;
  out.names = names;
  out.values.reserve(which.size() * columns());
  for (const std::uint32_t r : which) {
    const auto cells = row(r);
    out.values.insert(out.values.end(), cells.begin(), cells.end());
    if (!labels.empty()) out.labels.push_back(labels[r]);
    out.row_ids.push_back(row_ids[r]);
  }
  return out;
}

Split split_rows(const FeatureTable& table, std::uint64_t seed, SplitShares shares) {
  ZHIYIN_CHECK(shares.train > 0 && shares.validation > 0 && shares.train + shares.validation < 1);
  Split out;
  const std::string prefix = std::to_string(seed) + '\0';
  for (const int label : {0, 1}) {
    std::vector<std::pair<std::uint64_t, std::uint32_t>> order;
    for (std::uint32_t r = 0; r < table.rows(); ++r) {
      const int own = table.labels.empty() ? 0 : table.labels[r];
      if (own == label) order.emplace_back(crypto::xxh64(prefix + table.row_ids[r]), r);
    }

    std::ranges::sort(order);
    const auto n = static_cast<double>(order.size());
    const auto train_end = static_cast<std::size_t>(std::llround(n * shares.train));
    const auto validation_end =
        static_cast<std::size_t>(std::llround(n * (shares.train + shares.validation)));
    for (std::size_t i = 0; i < order.size(); ++i) {
      auto& part = i < train_end ? out.train : i < validation_end ? out.validation : out.test;
      part.push_back(order[i].second);
    }
  }
  for (auto* part : {&out.train, &out.validation, &out.test}) std::ranges::sort(*part);
  return out;
}

}  // namespace zhiyin::model
