#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace zhiyin::recommend {

/// Names to dense numbers 0, 1, … in order of first appearance. Not thread-safe while it grows.
class NameIndex {
 public:
  std::uint32_t add(std::string_view name);
  /// kAbsent when unknown.
  [[nodiscard]] std::uint32_t find(std::string_view name) const;
  [[nodiscard]] const std::string& name(std::uint32_t i) const { return names_[i]; }
  [[nodiscard]] std::size_t size() const { return names_.size(); }
  static constexpr std::uint32_t kAbsent = UINT32_MAX;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>()(s); }
  };
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> numbers_;
};

struct Interaction {
  std::uint32_t user = 0;
  std::uint32_t item = 0;
  float weight = 1;
};

/// Sparse users × items in compressed rows; item numbers ascend within a row, each at most once.
/// A pure value.
class Interactions {
 public:
  Interactions() = default;
  /// Of several entries of one cell the largest weight stays. Requires numbers below the sizes.
  static Interactions build(std::vector<Interaction> entries, std::size_t users, std::size_t items);

  [[nodiscard]] std::size_t users() const { return starts_.empty() ? 0 : starts_.size() - 1; }
  [[nodiscard]] std::size_t items() const { return items_; }
  [[nodiscard]] std::size_t size() const { return columns_.size(); }
  [[nodiscard]] std::span<const std::uint32_t> columns(std::size_t user) const {
    return std::span(columns_).subspan(starts_[user], starts_[user + 1] - starts_[user]);
  }
  [[nodiscard]] std::span<const float> weights(std::size_t user) const {
    return std::span(weights_).subspan(starts_[user], starts_[user + 1] - starts_[user]);
  }
  [[nodiscard]] bool contains(std::size_t user, std::uint32_t item) const;
  /// Items × users.
  [[nodiscard]] Interactions transposed() const;

 private:
  std::size_t items_ = 0;
  std::vector<std::size_t> starts_;
  std::vector<std::uint32_t> columns_;
  std::vector<float> weights_;
};

}  // namespace zhiyin::recommend
