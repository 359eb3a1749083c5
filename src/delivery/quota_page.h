#pragma once

#include <functional>
#include <map>
#include <tuple>

#include "delivery/quota_ledger.h"

namespace zhiyin::delivery {

/// A transaction that keeps its budgets in memory: the quota ledger reads a budget's rows when it
/// first needs them, does the sums here, and writes them once at the end. For transactions of many
/// works on the same budgets (`around`, with storage::GroupedWrites); to each work it is a session
/// like any other, and what it reserves is exact, in the order of the works. Nothing is kept from
/// one transaction to the next. Not thread-safe, as any session.
class QuotaPage final : public storage::Session {
 public:
  using Works = std::function<Result<void>(storage::Session&)>;
  /// `session` must outlive it. What it holds is lost unless `write` is called.
  explicit QuotaPage(storage::Session& session) : session_(session) {}

  /// Runs `works` with a page over `session`, then writes it.
  static Result<void> around(storage::Session& session, const Works& works);
  /// The page that `session` is; null where it is none.
  static QuotaPage* of(storage::Session& session) { return dynamic_cast<QuotaPage*>(&session); }

  Result<storage::Rows> query(std::string_view sql,
                              std::span<const storage::Value> parameters) override;
  Result<std::int64_t> execute(std::string_view sql,
                               std::span<const storage::Value> parameters) override;
  Result<Instant> now() override { return session_.now(); }
  using Session::execute;
  using Session::query;

  /// Adds to the common row unless the budget would pass `limit`; false then.
  Result<bool> take(const QuotaKey& key, std::int64_t used, std::int64_t reserved,
                    std::int64_t limit);
  /// Adds to the common row unless one of its numbers would go below zero, or there is no such row;
  /// false then.
  Result<bool> change(const QuotaKey& key, std::int64_t used, std::int64_t reserved);
  Result<QuotaLedger::Sum> sum(const QuotaKey& key);

  /// Writes what it holds of a budget (of all) and forgets it: for whoever changes the rows.
  Result<void> put_back(const QuotaKey& key);
  Result<void> write();

 private:
  struct Budget {
    std::int64_t used = 0;  ///< of the common row, as the following two
    std::int64_t reserved = 0;
    std::int64_t leased = 0;
    QuotaLedger::Sum chunks;  ///< of the rows of processes
    bool exists = false;      ///< the common row
    bool is_changed = false;
  };
  using Place = std::tuple<std::string, int, std::int64_t>;
  Result<Budget*> budget(const QuotaKey& key);
  Result<void> write_one(const Place& place, const Budget& budget);

  storage::Session& session_;
  std::map<Place, Budget> budgets_;
};

}  // namespace zhiyin::delivery
