#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace zhiyin::recommend {

/// What somebody may do after being shown an item. Stored by name; the numbers are places in
/// arrays.
enum class Response : std::uint8_t {
  kRead,      ///< opened it: `read`, `click`, `view`, `play`
  kFinish,    ///< to the end: `finish`, `complete`, `course_finish`, `play_finish`
  kLike,      ///< `like`, `favorite`, `comment`
  kShare,     ///< `share`
  kFollow,    ///< `follow`, after dealing with the item
  kBuy,       ///< `purchase`
  kUnfollow,  ///< `unfollow`, after dealing with the item
  kHide,      ///< `hide`, `dislike`, `not_interested`
};
inline constexpr std::size_t kResponses = 8;

std::string_view response_name(Response response);
std::optional<Response> response_named(std::string_view name);
/// The response that an event of this kind is; none for other kinds.
std::optional<Response> response_of(std::string_view event_kind);
/// Kinds of event that are responses to an item.
std::vector<std::string_view> item_response_kinds();
/// All kinds of event that are responses.
std::vector<std::string> response_kinds();
/// True for `follow` and `unfollow`, whose events name no item.
bool is_of_account(Response response);

/// What each response is worth to the owner: weights of the sum that lists are ordered by.
struct Objectives {
  std::array<double, kResponses> weights = {1, 1, 1.5, 2, 2, 3, -3, -3};

  [[nodiscard]] double weight(Response r) const { return weights[static_cast<std::size_t>(r)]; }
  /// `read=1, buy=5, hide=-3`: those not named are worth nothing; an empty text gives the usual
  /// weights. kInvalidArgument when a name is unknown or twice there, a weight is not within ±1000,
  /// or all are 0.
  static Result<Objectives> parse(std::string_view text);
  /// In the same form, those of weight 0 left out.
  [[nodiscard]] std::string text() const;
};

}  // namespace zhiyin::recommend
