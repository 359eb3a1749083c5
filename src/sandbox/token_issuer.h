#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/time.h"

namespace zhiyin::sandbox {

inline constexpr Duration kTokenLife = std::chrono::seconds(7200);
inline constexpr Duration kTokenOverlap = std::chrono::minutes(5);
inline constexpr Duration kForcedRefreshPause = std::chrono::seconds(30);
inline constexpr int kForcedRefreshesPerDay = 20;

enum class TokenState { kValid, kExpired, kUnknown };

/// The two families of access tokens of one account, as the platform issues them: each has one
/// current token and for five minutes its predecessor. They know nothing of each other. Not
/// thread-safe.
class TokenIssuer {
 public:
  explicit TokenIssuer(std::string secret) : secret_(std::move(secret)) {}

  struct Issued {
    std::string token;
    std::int64_t expires_in_s = 0;
  };
  /// `GET /cgi-bin/token`: always a new token; the one before lives five minutes more.
  Issued issue(Instant now);
  /// `POST /cgi-bin/stable_token`: the same token until five minutes before its end. `force` makes
  /// a new one, at most 20 times a day and 30 seconds apart; beyond that it is ignored.
  Issued issue_stable(Instant now, bool force);
  [[nodiscard]] TokenState check(std::string_view token, Instant now) const;

 private:
  struct Token {
    std::string text;
    Instant expires_at;
  };
  struct Family {
    std::optional<Token> current;
    std::optional<Token> previous;
  };
  const Token& renew(Family& family, Instant now, Duration overlap);

  std::string secret_;
  std::uint64_t issued_ = 0;
  Family plain_;
  Family stable_;
  Instant forced_at_;
  std::int64_t forced_day_ = -1;
  int forced_today_ = 0;
};

}  // namespace zhiyin::sandbox
