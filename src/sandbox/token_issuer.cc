#include "sandbox/token_issuer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/crypto.h"

namespace zhiyin::sandbox {
namespace {

std::int64_t seconds_left(Instant end, Instant now) { return (end - now).count() / 1'000'000; }

}  // namespace

const TokenIssuer::Token& TokenIssuer::renew(Family& family, Instant now, Duration overlap) {
  family.previous = std::move(family.current);
  if (family.previous) {
    family.previous->expires_at = std::min(family.previous->expires_at, now + overlap);
  }
  std::string text = fmt::format("{}_", 80 + issued_ % 20);
  for (int part = 0; part < 3; ++part) {
    text += crypto::base64url(crypto::hmac_sha256(secret_, fmt::format("{} {}", issued_, part)));
  }
  ++issued_;
  family.current = Token{std::move(text), now + kTokenLife};
  return *family.current;
}

TokenIssuer::Issued TokenIssuer::issue(Instant now) {
  const Token& token = renew(plain_, now, kTokenOverlap);
  return {token.text, seconds_left(token.expires_at, now)};
}

TokenIssuer::Issued TokenIssuer::issue_stable(Instant now, bool force) {
  const std::int64_t day = local_day(now, TimeZone::shanghai());
  if (day != forced_day_) forced_today_ = 0;
  const bool forced = force && stable_.current && forced_today_ < kForcedRefreshesPerDay &&
                      (forced_day_ < 0 || now - forced_at_ >= kForcedRefreshPause);
  if (forced) {
    ++forced_today_;
    forced_day_ = day;
    forced_at_ = now;
  }
  const bool ends_soon = !stable_.current || stable_.current->expires_at - now <= kTokenOverlap;
  const Token& token = forced || ends_soon ? renew(stable_, now, kTokenOverlap) : *stable_.current;
  return {token.text, seconds_left(token.expires_at, now)};
}

TokenState TokenIssuer::check(std::string_view token, Instant now) const {
  for (const Family* family : {&plain_, &stable_}) {
    for (const auto* known : {&family->current, &family->previous}) {
      if (!*known || (*known)->text != token) continue;
      if (now < (*known)->expires_at) return TokenState::kValid;
      // A token that a newer one replaced is "not the latest"; one that lived its time has expired.
      return known == &family->current ? TokenState::kExpired : TokenState::kUnknown;
    }
  }
  return TokenState::kUnknown;
}

}  // namespace zhiyin::sandbox
