#include "base/crypto.h"
#include "storage/copy.h"

namespace zhiyin::storage {
namespace {

constexpr std::size_t kRecordsAtOnce = 5000;

std::size_t index(int partition) { return static_cast<std::size_t>(partition); }

std::unexpected<Error> stopped() {
  return fail(ErrorCode::kDeadline, "migrate: stopped; run it again to go on");
}

}  // namespace

void LogCopy::Fold::add(std::string_view bytes) {
  ++count;
  std::uint64_t both[2] = {digest, crypto::xxh64(bytes)};
  digest = crypto::xxh64({reinterpret_cast<const char*>(both), sizeof both});
}

Result<void> LogCopy::read_back(const CopyProgress& progress) {
  for (;;) {
    ZHIYIN_TRY(const std::vector<StoredRecord> records, to_.read(stream_, to_at_, kRecordsAtOnce));
    if (records.empty()) return {};
    for (const StoredRecord& r : records) to_folds_[index(r.partition)].add(r.bytes);
    to_at_ = to_.advance(to_at_, records);
    if (!progress(static_cast<std::int64_t>(records.size()))) return stopped();
  }
}

Result<std::int64_t> LogCopy::copy(const CopyProgress& progress) {
  if (!begun_) {
    ZHIYIN_TRY_VOID(read_back(progress));
    begun_ = true;
  }
  const std::int64_t before = appended_;
  for (;;) {
    ZHIYIN_TRY(std::vector<StoredRecord> records, from_.read(stream_, from_at_, kRecordsAtOnce));
    if (records.empty()) break;
    from_at_ = from_.advance(from_at_, records);
    std::vector<NewRecord> missing;
    for (StoredRecord& r : records) {
      const std::size_t p = index(r.partition);
      Fold& fold = from_folds_[p];
      fold.add(r.bytes);
      const Fold& there = to_folds_[p];
      if (fold.count > there.count) {
        missing.push_back({r.partition, std::move(r.bytes)});
      } else if (fold.count == there.count && fold.digest != there.digest) {
        return fail(ErrorCode::kDataLoss,
                    "event log: partition {} of the target does not hold what an earlier copy "
                    "would have left there; empty it first",
                    r.partition);
      }
    }
    appended_ += static_cast<std::int64_t>(missing.size());
    if (!missing.empty()) ZHIYIN_TRY_VOID(to_.append_and_wait(stream_, std::move(missing)));
    if (!progress(static_cast<std::int64_t>(records.size()))) return stopped();
  }
  // What was copied counts from now on, so that the next round does not take it for something that
  // lay there before.
  ZHIYIN_TRY_VOID(read_back(progress));
  return appended_ - before;
}

Result<std::vector<CopyDigest>> LogCopy::verify(const CopyProgress& progress) {
  ZHIYIN_TRY_VOID(read_back(progress));
  std::vector<CopyDigest> out;
  for (int p = 0; p < kPartitions; ++p) {
    const Fold& expected = from_folds_[index(p)];
    const Fold& found = to_folds_[index(p)];
    if (expected != found) {
      return fail(ErrorCode::kDataLoss,
                  "event log: partition {} has {} records in the target, expected {}{}", p,
                  found.count, expected.count, found.count == expected.count ? ", and others" : "");
    }
    out.push_back({std::to_string(p), found.count, found.digest, 0});
  }
  return out;
}

}  // namespace zhiyin::storage
