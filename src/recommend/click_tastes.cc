#include "recommend/click_tastes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/json_binding.h"
#include "model/artefact.h"

namespace zhiyin::recommend {

struct StoredTastes {
  std::string model;
  std::uint64_t width = 0;
  double people = 0;
  std::vector<std::vector<std::string>> items;
};

}  // namespace zhiyin::recommend

template <>
struct zhiyin::Fields<zhiyin::recommend::StoredTastes> {
  using T = recommend::StoredTastes;
  static constexpr std::string_view name = "StoredTastes";
  static constexpr auto list = field_list(
      field("model", &T::model, ""), field("width", &T::width, ""), field("people", &T::people, ""),
      field("items", &T::items, "").length(0, recommend::ClickTastes::kItemsStored));
};

namespace zhiyin::recommend {
namespace {

constexpr std::string_view kKind = "click_tastes";

template <class T>
void put(std::string& out, std::span<const T> values) {
  if (!values.empty())
    out.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

template <class T>
bool take(std::string_view& payload, std::size_t count, std::vector<T>& out) {
  if (payload.size() / sizeof(T) < count) return false;
  out.resize(count);
  if (count > 0) std::memcpy(out.data(), payload.data(), count * sizeof(T));
  payload.remove_prefix(count * sizeof(T));
  return std::ranges::all_of(out, [](T x) { return std::isfinite(x); });
}

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::kDataLoss, "click tastes: {}", what);
}

}  // namespace

void ClickTastes::learn(std::span<const ItemRef> items, const std::vector<bool>& clicked,
                        std::span<const float> taste) {
  std::vector<std::uint32_t> numbers;
  for (const ItemRef& item : items) {
    const auto [found, is_new] =
        numbers_.try_emplace(item, static_cast<std::uint32_t>(refs_.size()));
    if (is_new) refs_.push_back(item);
    numbers.push_back(found->second);
  }
  affinity_.learn(numbers, clicked, taste);
}

std::string ClickTastes::encode() const {
  std::vector<std::uint32_t> order(refs_.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {},
                    [&](std::uint32_t i) { return std::pair(-affinity_.item(i).shows, i); });
  if (order.size() > kItemsStored) order.resize(kItemsStored);
  std::ranges::sort(order);
  StoredTastes stored{model_, width(), affinity_.people(), {}};
  std::string payload;
  put(payload, affinity_.mean());
  for (const std::uint32_t i : order) {
    stored.items.push_back({refs_[i].kind, refs_[i].id});
    const ClickAffinity::Item& item = affinity_.item(i);
    const double counts[] = {item.clicks, item.shows};
    put(payload, std::span<const double>(counts));
    put(payload, std::span<const float>(item.clickers));
    put(payload, std::span<const float>(item.viewers));
  }
  return model::encode_artefact({std::string(kKind), to_json(stored), std::move(payload)});
}

Result<ClickTastes> ClickTastes::decode(std::string_view bytes) {
  ZHIYIN_TRY(const model::Artefact artefact, model::decode_artefact(bytes));
  if (artefact.kind != kKind) return damaged(fmt::format("kind is '{}'", artefact.kind));
  auto stored = from_json<StoredTastes>(artefact.header);
  if (!stored) return damaged(stored.error().text());
  constexpr std::size_t kWidthMax = 4096;
  if (stored->width > kWidthMax || !std::isfinite(stored->people) || stored->people < 0)
    return damaged("the sizes are wrong");
  ClickTastes out(stored->model, stored->width);
  std::string_view payload = artefact.payload;
  std::vector<double> mean;
  if (!take(payload, stored->width, mean)) return damaged("the payload is too short");
  std::vector<ClickAffinity::Item> items;
  for (std::vector<std::string>& ref : stored->items) {
    if (ref.size() != 2) return damaged("an item is not a pair of kind and id");
    ClickAffinity::Item item;
    std::vector<double> counts;
    if (!take(payload, 2, counts) || !take(payload, stored->width, item.clickers) ||
        !take(payload, stored->width, item.viewers) || counts[0] < 0 || counts[1] < 0)
      return damaged("the payload is too short");
    item.clicks = counts[0];
    item.shows = counts[1];
    items.push_back(std::move(item));
    out.refs_.push_back({std::move(ref[0]), std::move(ref[1])});
    if (!out.numbers_.emplace(out.refs_.back(), static_cast<std::uint32_t>(items.size() - 1))
             .second)
      return damaged("an item is there twice");
  }
  if (!payload.empty()) return damaged("there are bytes behind the items");
  out.affinity_.restore(std::move(mean), stored->people, std::move(items));
  return out;
}

}  // namespace zhiyin::recommend
