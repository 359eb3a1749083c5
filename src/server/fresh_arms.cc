#include "server/fresh_arms.h"

#include <algorithm>
#include <vector>

namespace zhiyin::server {
namespace {

constexpr storage::Migration kMigrations[] = {
    {"recommend-001-arm",
     "CREATE TABLE recommend_arm (kind TEXT NOT NULL, id TEXT NOT NULL, shows BIGINT NOT NULL,"
     " dealt_before BIGINT NOT NULL, PRIMARY KEY (kind, id))"}};

}  // namespace

std::span<const storage::Migration> FreshArms::migrations() { return kMigrations; }

void FreshArms::shown(const recommend::ItemRef& item) {
  {
    MutexLock lock(mutex_);
    if (const auto found = counts_.find(item); found != counts_.end()) {
      ++found->second.own;
      return;
    }
    if (counts_.size() >= kItemsMax) return;
  }
  const auto before = items_.dealt_with(item);
  MutexLock lock(mutex_);
  ++counts_.try_emplace(item, Counts{0, 0, before.value_or(0)}).first->second.own;
}

recommend::Arm FreshArms::of(const recommend::ItemRef& item) const {
  Counts counts;
  {
    MutexLock lock(mutex_);
    const auto found = counts_.find(item);
    if (found == counts_.end()) return {};
    counts = found->second;
  }
  const auto now = items_.dealt_with(item);
  const auto shows = static_cast<double>(counts.stored + counts.own);
  const auto clicks = static_cast<double>(now.value_or(counts.dealt_with) - counts.dealt_with);
  return {shows, std::clamp(clicks, 0.0, shows)};
}

Result<void> FreshArms::flush() {
  std::vector<std::pair<recommend::ItemRef, Counts>> fresh;
  {
    MutexLock lock(mutex_);
    for (const auto& [ref, counts] : counts_) {
      if (counts.own > 0) fresh.emplace_back(ref, counts);
    }
  }
  if (!fresh.empty()) {
    // In one order, so that processes never wait for each other in a circle.
    std::ranges::sort(fresh, {}, [](const auto& one) { return one.first; });
    ZHIYIN_TRY_VOID(state_.write([&](storage::Session& db) -> Result<void> {
      for (const auto& [ref, counts] : fresh) {
        ZHIYIN_TRY_VOID(db.execute(
            "INSERT INTO recommend_arm (kind, id, shows, dealt_before) VALUES (?1, ?2, ?3, ?4) "
            "ON CONFLICT (kind, id) DO UPDATE SET shows = recommend_arm.shows + ?3",
            {ref.kind, ref.id, counts.own, counts.dealt_with}));
      }
      return {};
    }));
    MutexLock lock(mutex_);
    for (const auto& [ref, counts] : fresh) {
      Counts& now = counts_[ref];
      now.own -= counts.own;
      now.stored += counts.own;
    }
  }
  return read_all();
}

Result<void> FreshArms::read_all() {
  // Shows only grow and rows only come: while their sums are those known here, nothing has changed.
  ZHIYIN_TRY(
      const auto sums,
      state_.query("SELECT COUNT(*), CAST(COALESCE(SUM(shows), 0) AS BIGINT) FROM recommend_arm"));
  std::pair<std::int64_t, std::int64_t> known{0, 0};
  {
    MutexLock lock(mutex_);
    for (const auto& [ref, counts] : counts_) {
      known.first += counts.stored > 0 ? 1 : 0;
      known.second += counts.stored;
    }
  }
  if (known ==
      std::pair(storage::as_int(sums.rows.at(0).at(0)), storage::as_int(sums.rows[0].at(1))))
    return {};
  ZHIYIN_TRY(const auto rows,
             state_.query("SELECT kind, id, shows, dealt_before FROM recommend_arm "
                          "ORDER BY kind, id LIMIT ?1",
                          {static_cast<std::int64_t>(kItemsMax)}));
  MutexLock lock(mutex_);
  for (const storage::Row& row : rows.rows) {
    Counts& counts =
        counts_[{std::string(storage::as_text(row[0])), std::string(storage::as_text(row[1]))}];
    counts.stored = storage::as_int(row[2]);
    counts.dealt_with = storage::as_int(row[3]);
  }
  return {};
}

}  // namespace zhiyin::server
