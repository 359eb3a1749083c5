#include "model/classify/agreement.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "statistics/interval.h"

namespace zhiyin::model {
namespace {

using Pairs = std::map<std::pair<std::string, std::string>, std::int64_t>;

/// Cohen (1960): agreement beyond what the labels' frequencies alone would give.
Json kappa(const Pairs& pairs, double texts, double same) {
  std::map<std::string_view, std::pair<double, double>> margins;
  for (const auto& [labels, n] : pairs) {
    margins[labels.first].first += static_cast<double>(n);
    margins[labels.second].second += static_cast<double>(n);
  }
  double expected = 0;
  for (const auto& [label, n] : margins) expected += n.first * n.second / (texts * texts);
  constexpr double kOne = 1 - 1e-12;
  if (expected >= kOne) return {};
  return Json((same / texts - expected) / (1 - expected));
}

void put_leaves(const Json& value, const std::string& path, std::map<std::string, Json>& out) {
  if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
    for (const auto& [key, child] : *object)
      put_leaves(child, path.empty() ? key : path + "." + key, out);
    return;
  }
  const auto* array = value.if_array();
  const bool nested =
      array != nullptr && !array->empty() &&
      (array->front().if_object() != nullptr || array->front().if_array() != nullptr);
  if (!nested) {
    out.emplace(path, value);
    return;
  }
  for (std::size_t i = 0; i < array->size(); ++i)
    put_leaves((*array)[i], fmt::format("{}[{}]", path, i), out);
}

}  // namespace

void Agreement::add(std::string_view old_label, double old_confidence, std::string_view new_label,
                    double new_confidence) {
  ++texts_;
  if (old_label == new_label) ++same_;
  old_confidence_ += old_confidence;
  new_confidence_ += new_confidence;
  std::pair<std::string, std::string> key(old_label, new_label);
  const auto known = pairs_.find(key);
  if (known != pairs_.end()) {
    ++known->second;
  } else if (pairs_.size() < kPairsMax) {
    pairs_.emplace(std::move(key), 1);
  }
}

Json Agreement::report() const {
  const auto n = static_cast<double>(texts_);
  const auto same = static_cast<double>(same_);
  Json out = Json::object();
  out.set("texts", texts_).set("same", same_);
  if (texts_ == 0) return out;
  const auto interval = statistics::wilson_interval(same, n);
  out.set("share", same / n)
      .set("interval", Json::Array{Json(interval.low), Json(interval.high)})
      .set("kappa", kappa(pairs_, n, same))
      .set("confidence", Json().set("old", old_confidence_ / n).set("new", new_confidence_ / n));
  if (scored_ > 0) out.set("score_difference", differences_ / static_cast<double>(scored_));
  std::vector<Pairs::const_iterator> changed;
  for (auto it = pairs_.begin(); it != pairs_.end(); ++it) {
    if (it->first.first != it->first.second) changed.push_back(it);
  }
  std::ranges::stable_sort(changed, [](auto a, auto b) { return a->second > b->second; });
  changed.resize(std::min(changed.size(), kChangesMax));
  Json changes = Json::array();
  for (const auto& it : changed)
    changes.push(
        Json().set("old", it->first.first).set("new", it->first.second).set("texts", it->second));
  return out.set("changes", std::move(changes));
}

Json differences(const Json& before, const Json& after) {
  std::map<std::string, Json> old_leaves;
  std::map<std::string, Json> new_leaves;
  put_leaves(before, "", old_leaves);
  put_leaves(after, "", new_leaves);
  std::map<std::string, std::pair<Json, Json>> both;
  for (auto& [path, value] : old_leaves) both[path].first = value;
  for (auto& [path, value] : new_leaves) both[path].second = value;
  Json out = Json::array();
  for (auto& [path, values] : both) {
    if (values.first == values.second) continue;
    if (out.if_array()->size() == kDifferencesMax) break;
    out.push(Json().set("path", path).set("old", values.first).set("new", values.second));
  }
  return out;
}

}  // namespace zhiyin::model
