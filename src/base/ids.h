#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace zhiyin {

/// A string that names one kind of thing. Comparing a PersonId with a SegmentId does not compile.
template <class Tag>
struct StrongId {
  std::string value;

  StrongId() = default;
  explicit StrongId(std::string v) : value(std::move(v)) {}
  [[nodiscard]] bool empty() const { return value.empty(); }
  auto operator<=>(const StrongId&) const = default;
};

using AccountId = StrongId<struct AccountTag>;    ///< the operator's name of an account, `shop`
using PersonId = StrongId<struct PersonTag>;      ///< `p_` and 26 base32 characters
using SegmentId = StrongId<struct SegmentTag>;    ///< the operator's name of a segment
using CampaignId = StrongId<struct CampaignTag>;  ///< the operator's name of a campaign
using TouchId = StrongId<struct TouchTag>;        ///< `t_` …, one attempt to reach one person
using RunId = StrongId<struct RunTag>;            ///< one execution of an import, training, …

/// Money: integer fen (1/100 yuan).
struct Fen {
  std::int64_t value = 0;
  auto operator<=>(const Fen&) const = default;
};

}  // namespace zhiyin

template <class Tag>
struct std::hash<zhiyin::StrongId<Tag>> {
  std::size_t operator()(const zhiyin::StrongId<Tag>& id) const noexcept {
    return std::hash<std::string>()(id.value);
  }
};
