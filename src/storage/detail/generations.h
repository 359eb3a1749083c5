#pragma once

#include <functional>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace zhiyin::storage::detail {

/// A hash for string keys that can be asked with views.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};

/// A bounded map that forgets what was not used lately: of two generations the older one is dropped
/// whenever the younger one has half of the bound. Not thread-safe.
template <class Key, class Value, class Hash = std::hash<Key>>
class Generations {
 public:
  /// Requires size_max >= 2.
  explicit Generations(std::size_t size_max) : half_(size_max / 2) {}

  /// Null when it is not there. Valid until the next call.
  template <class Lookup>
  Value* find(const Lookup& key) {
    if (const auto found = young_.find(key); found != young_.end()) return &found->second;
    const auto found = old_.find(key);
    if (found == old_.end()) return nullptr;
    auto node = old_.extract(found);
    make_room();
    return &young_.insert(std::move(node)).position->second;
  }

  void put(const Key& key, Value value) {
    old_.erase(key);
    make_room();
    young_.insert_or_assign(key, std::move(value));
  }

  void erase(const Key& key) {
    young_.erase(key);
    old_.erase(key);
  }

  [[nodiscard]] std::size_t size() const { return young_.size() + old_.size(); }

 private:
  using Map = std::unordered_map<Key, Value, Hash, std::equal_to<>>;
  void make_room() {
    if (young_.size() < half_) return;
    old_ = std::exchange(young_, Map());
  }

  const std::size_t half_;
  Map young_;
  Map old_;
};

}  // namespace zhiyin::storage::detail
