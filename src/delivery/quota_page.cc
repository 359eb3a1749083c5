#include "delivery/quota_page.h"

namespace zhiyin::delivery {

namespace {

auto place_of(const QuotaKey& key) {
  return std::tuple(key.account.value, static_cast<int>(key.channel), key.period);
}

}  // namespace

Result<void> QuotaPage::around(storage::Session& session, const Works& works) {
  QuotaPage page(session);
  ZHIYIN_TRY_VOID(works(page));
  return page.write();
}

Result<storage::Rows> QuotaPage::query(std::string_view sql,
                                       std::span<const storage::Value> parameters) {
  return session_.query(sql, parameters);
}

Result<std::int64_t> QuotaPage::execute(std::string_view sql,
                                        std::span<const storage::Value> parameters) {
  return session_.execute(sql, parameters);
}

Result<QuotaPage::Budget*> QuotaPage::budget(const QuotaKey& key) {
  const auto [at, is_new] = budgets_.try_emplace(place_of(key));
  Budget& budget = at->second;
  if (!is_new) return &budget;
  ZHIYIN_TRY(
      const storage::Rows rows,
      session_.query("SELECT 1, used, reserved, leased FROM quota_use "
                     "WHERE account = ?1 AND channel = ?2 AND period = ?3 "
                     "UNION ALL SELECT 0, used, reserved, granted - used - reserved "
                     "FROM quota_lease "
                     "WHERE account = ?1 AND channel = ?2 AND period = ?3",
                     {key.account.value, static_cast<std::int64_t>(key.channel), key.period}));
  for (const storage::Row& row : rows.rows) {
    const std::int64_t used = storage::as_int(row[1]);
    const std::int64_t reserved = storage::as_int(row[2]);
    const std::int64_t leased = storage::as_int(row[3]);
    if (storage::as_int(row[0]) == 1) {
      budget.used = used;
      budget.reserved = reserved;
      budget.leased = leased;
      budget.exists = true;
    } else {
      budget.chunks.used += used;
      budget.chunks.reserved += reserved;
      budget.chunks.leased += leased;
    }
  }
  return &budget;
}

Result<bool> QuotaPage::take(const QuotaKey& key, std::int64_t used, std::int64_t reserved,
                             std::int64_t limit) {
  ZHIYIN_TRY(Budget* const b, budget(key));
  if (b->used + b->reserved + b->leased + used + reserved > limit) return false;
  b->used += used;
  b->reserved += reserved;
  b->exists = b->is_changed = true;
  return true;
}

Result<bool> QuotaPage::change(const QuotaKey& key, std::int64_t used, std::int64_t reserved) {
  ZHIYIN_TRY(Budget* const b, budget(key));
  if (!b->exists || b->used + used < 0 || b->reserved + reserved < 0) return false;
  b->used += used;
  b->reserved += reserved;
  b->is_changed = true;
  return true;
}

Result<QuotaLedger::Sum> QuotaPage::sum(const QuotaKey& key) {
  ZHIYIN_TRY(const Budget* const b, budget(key));
  return QuotaLedger::Sum{b->used + b->chunks.used, b->reserved + b->chunks.reserved,
                          b->chunks.leased};
}

Result<void> QuotaPage::write_one(const Place& place, const Budget& budget) {
  if (!budget.is_changed) return {};
  const auto& [account, channel, period] = place;
  ZHIYIN_TRY_VOID(
      session_.execute("INSERT INTO quota_use (account, channel, period, used, reserved, leased) "
                       "VALUES (?1, ?2, ?3, ?4, ?5, 0) ON CONFLICT (account, channel, period) "
                       "DO UPDATE SET used = ?4, reserved = ?5",
                       {account, std::int64_t{channel}, period, budget.used, budget.reserved}));
  return {};
}

Result<void> QuotaPage::put_back(const QuotaKey& key) {
  const auto at = budgets_.find(place_of(key));
  if (at == budgets_.end()) return {};
  ZHIYIN_TRY_VOID(write_one(at->first, at->second));
  budgets_.erase(at);
  return {};
}

Result<void> QuotaPage::write() {
  for (const auto& [place, budget] : budgets_) ZHIYIN_TRY_VOID(write_one(place, budget));
  budgets_.clear();
  return {};
}

}  // namespace zhiyin::delivery
