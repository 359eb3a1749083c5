#include "recommend/kept_counts.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/mapped_file.h"

namespace zhiyin::recommend {
namespace {

constexpr std::uint32_t kNone = RowChange::kNone;

/// Counts that were steps away from counting all anew are not followed: a step back checks first,
/// and walks rows in no order that the caches know.
constexpr double kStepCost = 2;

/// Cells that a history touches.
double cells_of_row(std::size_t length) {
  return static_cast<double>(length) * static_cast<double>(length + 1) / 2;
}

/// Both ascend by name.
std::vector<std::uint32_t> numbers_now(const std::vector<std::string_view>& before,
                                       const std::vector<std::string>& now) {
  std::vector<std::uint32_t> out(before.size(), kNone);
  std::uint32_t at = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    while (at < now.size() && now[at] < before[i]) ++at;
    if (at < now.size() && now[at] == before[i]) out[i] = at;
  }
  return out;
}

/// A history as it was counted beside what it is now: its items by their numbers then (`gone`,
/// `stays`) and now (`stays_now`, `comes`).
struct RowParts {
  std::vector<std::uint32_t> gone;
  std::vector<std::uint32_t> stays;
  std::vector<std::uint32_t> stays_now;
  std::vector<std::uint32_t> comes;

  void split(std::span<const std::uint16_t> before, std::span<const std::uint32_t> after,
             std::span<const std::uint32_t> item_now) {
    gone.clear(), stays.clear(), stays_now.clear(), comes.clear();
    std::size_t at = 0;
    // Numbers ascend in both, and those that stay keep their order.
    for (const std::uint16_t item : before) {
      const std::uint32_t now = item_now[item];
      while (now != kNone && at < after.size() && after[at] < now) comes.push_back(after[at++]);
      if (now != kNone && at < after.size() && after[at] == now) {
        stays.push_back(item);
        stays_now.push_back(after[at++]);
      } else {
        gone.push_back(item);
      }
    }
    comes.insert(comes.end(), after.begin() + static_cast<std::ptrdiff_t>(at), after.end());
  }
};

bool is_same(std::span<const std::uint16_t> before, std::span<const std::uint32_t> after,
             std::span<const std::uint32_t> item_now) {
  if (before.size() != after.size()) return false;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (item_now[before[i]] != after[i]) return false;
  }
  return true;
}

std::span<const std::uint16_t> before_of(const PairCountsView& view, const RowChange& change) {
  return change.before == kNone ? std::span<const std::uint16_t>() : view.row(change.before);
}
std::span<const std::uint32_t> after_of(const CountedRows& now, const RowChange& change) {
  return change.after == kNone ? std::span<const std::uint32_t>()
                               : now.matrix.columns(change.after);
}

/// The cells of items that are there no longer go, those of new ones are zero.
CoOccurrence renumbered(const CoOccurrence& counts, std::span<const std::uint32_t> item_now,
                        std::size_t items) {
  std::vector<std::uint32_t> cells(CoOccurrence::cells_of(items), 0);
  for (std::size_t i = 0; i < item_now.size(); ++i) {
    if (item_now[i] == kNone) continue;
    const std::uint32_t* const from = counts.cells().data() + CoOccurrence::cells_of(i);
    std::uint32_t* const to = cells.data() + CoOccurrence::cells_of(item_now[i]);
    for (std::size_t j = 0; j <= i; ++j) {
      if (item_now[j] != kNone) to[item_now[j]] = from[j];
    }
  }
  return CoOccurrence::from_cells(items, std::move(cells));
}

void sync_folder(const std::filesystem::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

}  // namespace

CountsDifference difference(const PairCountsView& before, const CountedRows& now) {
  CountsDifference out;
  out.item_now = numbers_now(before.items(), now.items);
  RowParts parts;
  const auto note = [&](const RowChange& change) {
    out.rows.push_back(change);
    parts.split(before_of(before, change), after_of(now, change), out.item_now);
    const double kept = cells_of_row(parts.stays.size());
    out.cells += cells_of_row(parts.stays.size() + parts.gone.size()) - kept;
    out.cells += cells_of_row(parts.stays.size() + parts.comes.size()) - kept;
  };
  std::uint32_t row = 0;
  const auto rows = static_cast<std::uint32_t>(before.rows());
  for (const std::uint32_t user : now.by_key) {
    const auto columns = now.matrix.columns(user);
    out.cells_anew += cells_of_row(columns.size());
    for (; row < rows && before.key(row) < now.keys[user]; ++row) {
      if (!before.row(row).empty()) note({row, kNone});
    }
    while (row < rows && before.key(row) == now.keys[user] && before.row(row).empty()) ++row;
    if (row == rows || before.key(row) != now.keys[user]) {
      note({kNone, user});
    } else {
      if (!is_same(before.row(row), columns, out.item_now)) note({row, user});
      ++row;
    }
  }
  for (; row < rows; ++row) {
    if (!before.row(row).empty()) note({row, kNone});
  }
  return out;
}

Result<CoOccurrence> follow(const PairCountsView& before, const CountedRows& now,
                            const CountsDifference& difference,
                            const std::function<bool()>& progress) {
  constexpr std::size_t kRowsTogether = 10'000;
  auto goes_on = [&, done = std::size_t{0}]() mutable {
    return ++done % kRowsTogether != 0 || !progress || progress();
  };
  const auto cancelled = [] {
    return fail(ErrorCode::kDeadline, "counts kept: training was cancelled");
  };
  CoOccurrence counts = CoOccurrence::from_cells(
      before.items().size(),
      std::vector<std::uint32_t>(before.cells().begin(), before.cells().end()));
  const auto not_counted = [](const Error& error) {
    return fail(ErrorCode::kDataLoss, "counts kept: {}", error.message);
  };
  RowParts parts;
  // First what goes, by the numbers that items had; then what comes, by those that they have.
  for (const RowChange& change : difference.rows) {
    if (!goes_on()) return cancelled();
    parts.split(before_of(before, change), after_of(now, change), difference.item_now);
    if (parts.stays.empty()) {
      if (auto taken = counts.remove(parts.gone); !taken) return not_counted(taken.error());
      continue;
    }
    // What is left of the history while its items go one by one.
    std::vector<std::uint32_t>& left = parts.stays;
    left.insert(left.end(), parts.gone.begin(), parts.gone.end());
    for (std::size_t n = parts.gone.size(); n > 0; --n) {
      const std::uint32_t item = left.back();
      left.pop_back();
      if (auto taken = counts.remove(item, left); !taken) return not_counted(taken.error());
    }
  }
  const auto& item_now = difference.item_now;
  bool same_items = item_now.size() == now.items.size();
  for (std::size_t i = 0; same_items && i < item_now.size(); ++i) same_items = item_now[i] == i;
  if (!same_items) counts = renumbered(counts, item_now, now.items.size());
  for (const RowChange& change : difference.rows) {
    if (!goes_on()) return cancelled();
    parts.split(before_of(before, change), after_of(now, change), item_now);
    if (parts.stays_now.empty()) {
      counts.add(parts.comes);
      continue;
    }
    for (const std::uint32_t item : parts.comes) {
      counts.add(item, parts.stays_now);
      parts.stays_now.push_back(item);
    }
  }
  return counts;
}

KeptCounts::KeptCounts(std::filesystem::path file, bool keeps)
    : file_(std::move(file)), part_(file_.string() + ".part"), keeps_(keeps) {
  const MutexLock lock(mutex_);
  std::error_code ignored;
  std::filesystem::remove(part_, ignored);  // of a process that was killed
  if (!keeps_) remove_file();
}

Result<KeptCounts::Followed> KeptCounts::follow(const CountedRows& now, std::size_t bytes_max,
                                                const std::function<bool()>& progress) const {
  const MutexLock lock(mutex_);
  if (!keeps_) return fail(ErrorCode::kNotFound, "counts kept: none");
  ZHIYIN_TRY(const MappedFile mapped, MappedFile::open(file_, bytes_max));
  ZHIYIN_TRY(const PairCountsView before, PairCountsView::read(mapped.bytes()));
  const CountsDifference changes = difference(before, now);
  if (changes.cells * kStepCost > changes.cells_anew)
    return fail(ErrorCode::kLimitReached, "counts kept: {} of {} histories changed",
                changes.rows.size(), now.by_key.size());
  ZHIYIN_TRY(CoOccurrence counts, recommend::follow(before, now, changes, progress));
  return Followed{std::move(counts), changes.rows.size()};
}

Result<void> KeptCounts::keep(const CountedRows& rows, const CoOccurrence& counts) {
  const MutexLock lock(mutex_);
  if (!keeps_) return {};
  std::error_code ignored;
  std::filesystem::create_directories(file_.parent_path(), ignored);
  auto written = write_pair_counts(part_, rows, counts);
  for (auto it = forgotten_.begin(); written && it != forgotten_.end(); ++it) {
    if (auto forgot = forget_in_pair_counts(part_, *it); !forgot)
      written = std::unexpected(forgot.error());
  }
  std::error_code failed;
  if (written) std::filesystem::rename(part_, file_, failed);
  sync_folder(
      file_.parent_path());  // else a power cut could bring back what is forgotten from here
  if (!written || failed) std::filesystem::remove(part_, ignored);
  if (failed)
    return fail(ErrorCode::kUnavailable, "{}: cannot be written: {}", file_.string(),
                failed.message());
  return written;
}

Result<void> KeptCounts::forget(std::span<const std::string> people) {
  const MutexLock lock(mutex_);
  for (const std::string& person : people) {
    const PersonKey key = person_key(person);
    forgotten_.push_back(key);
    if (forgotten_.size() > kForgottenMax) forgotten_.pop_front();
    if (!keeps_) continue;
    const auto forgot = forget_in_pair_counts(file_, key);
    if (forgot || forgot.error().code == ErrorCode::kNotFound) continue;
    std::error_code failed;
    std::filesystem::remove(file_, failed);
    if (failed) return std::unexpected(forgot.error());
  }
  return {};
}

void KeptCounts::remove() {
  const MutexLock lock(mutex_);
  remove_file();
}

void KeptCounts::remove_file() const {
  std::error_code ignored;
  std::filesystem::remove(file_, ignored);
}

}  // namespace zhiyin::recommend
