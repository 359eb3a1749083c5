#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "recommend/click_affinity.h"
#include "recommend/recommend_model.h"

namespace zhiyin::recommend {

/// What lists say about items and about whose they are: ClickAffinity with items by name. Tastes
/// are factors of people in one version of the recommender, and mean nothing in another. Not
/// thread-safe while it learns; asking is.
class ClickTastes {
 public:
  /// `model`: the version's id.
  ClickTastes(std::string model, std::size_t width) : model_(std::move(model)), affinity_(width) {}

  [[nodiscard]] const std::string& model() const { return model_; }
  [[nodiscard]] std::size_t width() const { return affinity_.width(); }
  [[nodiscard]] std::size_t items() const { return numbers_.size(); }
  /// As ClickAffinity's. `taste` has width() numbers.
  [[nodiscard]] double rate(const ItemRef& item) const { return affinity_.rate(number(item)); }
  [[nodiscard]] double affinity(const ItemRef& item, std::span<const float> taste) const {
    return affinity_.affinity(number(item), taste);
  }
  void learn(std::span<const ItemRef> items, const std::vector<bool>& clicked,
             std::span<const float> taste);

  /// Artefact of kind `click_tastes` (docs/formats/model.md): the same lists in the same order give
  /// the same bytes. Of more than kItemsStored items those shown most.
  [[nodiscard]] std::string encode() const;
  static constexpr std::size_t kItemsStored = 50'000;
  /// kDataLoss when the bytes are damaged, of another kind or version.
  static Result<ClickTastes> decode(std::string_view bytes);

 private:
  [[nodiscard]] std::uint32_t number(const ItemRef& item) const {
    const auto found = numbers_.find(item);
    return found == numbers_.end() ? UINT32_MAX : found->second;
  }

  std::string model_;
  ClickAffinity affinity_;
  std::unordered_map<ItemRef, std::uint32_t, ItemRefHash> numbers_;
  std::vector<ItemRef> refs_;
};

}  // namespace zhiyin::recommend
