#include "model/generate/spend_budget.h"

#include <algorithm>

namespace zhiyin::model {
namespace {
constexpr std::int64_t kUfenPerFen = 1'000'000;
}

void SpendBudget::turn_day(Instant now) {
  const std::int64_t today = local_day(now, TimeZone::shanghai());
  if (today <= day_) return;  // a clock that steps back does not refill
  day_ = today;
  for (auto& [purpose, account] : accounts_) account.booked = {};
}

Result<void> SpendBudget::reserve(std::string_view purpose, Amount most, Instant now) {
  MutexLock lock(mutex_);
  turn_day(now);
  const auto limit_at = limits_.find(purpose);
  const SpendLimit& limit = limit_at == limits_.end() ? fallback_ : limit_at->second;
  auto at = accounts_.find(purpose);
  if (at == accounts_.end()) {
    if (accounts_.size() >= kPurposesMax) {
      return fail(ErrorCode::kLimitReached, "budget: more than {} purposes", kPurposesMax);
    }
    at = accounts_.emplace(std::string(purpose), Account{}).first;
  }
  Account& account = at->second;
  const std::int64_t tokens = account.booked.tokens + account.reserved.tokens;
  const std::int64_t ufen = account.booked.ufen + account.reserved.ufen;
  if (limit.tokens_a_day > 0 && tokens + most.tokens > limit.tokens_a_day) {
    return fail(ErrorCode::kLimitReached,
                "budget '{}': {} of {} tokens of today are left, up to {} are needed", purpose,
                std::max<std::int64_t>(0, limit.tokens_a_day - tokens), limit.tokens_a_day,
                most.tokens);
  }
  if (limit.fen_a_day > 0 && ufen + most.ufen > limit.fen_a_day * kUfenPerFen) {
    return fail(ErrorCode::kLimitReached,
                "budget '{}': {} of {} fen of today are left, up to {} are needed", purpose,
                std::max<std::int64_t>(0, limit.fen_a_day - ufen / kUfenPerFen), limit.fen_a_day,
                (most.ufen + kUfenPerFen - 1) / kUfenPerFen);
  }
  account.reserved.tokens += most.tokens;
  account.reserved.ufen += most.ufen;
  return {};
}

void SpendBudget::settle(std::string_view purpose, Amount reserved, Amount spent, Instant now) {
  MutexLock lock(mutex_);
  turn_day(now);
  const auto at = accounts_.find(purpose);
  if (at == accounts_.end()) return;
  Account& account = at->second;
  account.reserved.tokens = std::max<std::int64_t>(0, account.reserved.tokens - reserved.tokens);
  account.reserved.ufen = std::max<std::int64_t>(0, account.reserved.ufen - reserved.ufen);
  account.booked.tokens += spent.tokens;
  account.booked.ufen += spent.ufen;
}

SpendBudget::Amount SpendBudget::used(std::string_view purpose, Instant now) const {
  MutexLock lock(mutex_);
  const auto at = accounts_.find(purpose);
  if (at == accounts_.end()) return {};
  const bool today = local_day(now, TimeZone::shanghai()) <= day_;
  const Amount booked = today ? at->second.booked : Amount{};
  return {booked.tokens + at->second.reserved.tokens, booked.ufen + at->second.reserved.ufen};
}

Json SpendBudget::to_json() const {
  MutexLock lock(mutex_);
  Json purposes = Json::object();
  for (const auto& [purpose, account] : accounts_) {
    purposes.set(purpose,
                 Json().set("tokens", account.booked.tokens).set("ufen", account.booked.ufen));
  }
  return Json().set("day", day_).set("purposes", std::move(purposes));
}

Json SpendBudget::report(Instant now) const {
  MutexLock lock(mutex_);
  const bool today = local_day(now, TimeZone::shanghai()) <= day_;
  std::map<std::string_view, Amount> used;
  for (const auto& [purpose, limit] : limits_) used[purpose];
  for (const auto& [purpose, account] : accounts_) {
    const Amount booked = today ? account.booked : Amount{};
    const Amount all = {booked.tokens + account.reserved.tokens,
                        booked.ufen + account.reserved.ufen};
    if (all.tokens > 0 || all.ufen > 0 || limits_.contains(purpose)) used[purpose] = all;
  }
  Json out = Json::array();
  for (const auto& [purpose, amount] : used) {
    const auto at = limits_.find(purpose);
    const SpendLimit& limit = at == limits_.end() ? fallback_ : at->second;
    out.push(Json()
                 .set("purpose", purpose)
                 .set("tokens", amount.tokens)
                 .set("cost_fen", static_cast<double>(amount.ufen) / kUfenPerFen)
                 .set("tokens_a_day", limit.tokens_a_day)
                 .set("fen_a_day", limit.fen_a_day));
  }
  return out;
}

Result<void> SpendBudget::restore(const Json& json, Instant now) {
  const std::int64_t* day = json["day"].if_int();
  const Json::Object* purposes = json["purposes"].if_object();
  if (day == nullptr || purposes == nullptr) {
    return fail(ErrorCode::kDataLoss, "budget: the stored form has no day or no purposes");
  }
  MutexLock lock(mutex_);
  turn_day(now);
  if (*day != day_) return {};
  for (const auto& [purpose, amount] : *purposes) {
    if (accounts_.size() >= kPurposesMax) break;
    Account& account = accounts_[purpose];
    account.booked.tokens += std::max<std::int64_t>(0, amount["tokens"].int_or(0));
    account.booked.ufen += std::max<std::int64_t>(0, amount["ufen"].int_or(0));
  }
  return {};
}

}  // namespace zhiyin::model
