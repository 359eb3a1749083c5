#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "storage/state.h"
#include "text/near_duplicate.h"

namespace zhiyin::server {

/// A text under the id by which it is found again.
struct IdentifiedText {
  std::string id;
  std::string text;
};

/// Indexes of near-duplicates that stay between requests, by name. The state holds for each text
/// its id and its signature, not the text; what was added is durable when `add` returns, and every
/// process that works on the state finds it. Each process searches a table mapped from `folder`,
/// made from the state when an index is first asked for and again as it grows, and the newest texts
/// in memory; what it finds is looked up in the state, so a removed text is never found.
/// Thread-safe; one search of an index at a time.
class DuplicateIndexes {
 public:
  struct Settings {
    std::filesystem::path folder;         ///< this process's own
    std::int64_t texts_max = 10'000'000;  ///< of all indexes
  };
  struct Search {
    double similarity = 0.7;  ///< of short texts at least so much
    std::size_t most = 10;    ///< named for one text
  };
  struct Hit {
    std::string id;
    double similarity = 0;
    bool operator==(const Hit&) const = default;
  };
  /// For each text asked about; the most similar first.
  using Hits = std::vector<std::vector<Hit>>;
  struct Added {
    std::int64_t added = 0;     ///< with a new id
    std::int64_t replaced = 0;  ///< whose id was there
    std::int64_t texts = 0;     ///< in the index now
  };
  static constexpr std::size_t kIndexesMax = 100, kIdBytesMax = 128;

  /// All must outlive this.
  DuplicateIndexes(Settings settings, storage::State& state, const Clock& clock, Logger& logger);
  ~DuplicateIndexes();
  static std::span<const storage::Migration> migrations();

  /// kInvalidArgument naming `name`, kConflict where it is there, kLimitReached above kIndexesMax.
  Result<Json> create(const std::string& name);
  /// {"name","texts","created_at","changed_at"}; kNotFound.
  Result<Json> get(std::string_view name);
  /// {"items":[…],"next":null}, by name.
  Result<Json> list();
  /// The index and its texts; their rows go in the background. kNotFound.
  Result<void> remove(const std::string& name);

  /// A text whose id is there takes its place. kInvalidArgument naming `texts[i].id` (empty, too
  /// long, or there twice), kLimitReached where all indexes would hold more than texts_max; nothing
  /// is added then.
  Result<Added> add(std::string_view name, std::span<const IdentifiedText> texts);
  /// Returns how many of the ids were there.
  Result<std::int64_t> forget(std::string_view name, std::span<const std::string> ids);
  Result<Hits> find(std::string_view name, std::span<const std::string> texts,
                    const Search& search);

  /// Waits until tables that are being made and rows that are being removed are done.
  void wait_for_background();

 private:
  struct Index;   // a row of the state
  struct Loaded;  // an index as this process searches it

  Result<Index> look_up(std::string_view name);
  std::shared_ptr<Loaded> loaded(std::int64_t id);
  Result<void> refresh(Loaded& to, const Index& index);
  Result<void> make_table(Loaded& of, std::int64_t end);
  Result<void> take_table(Loaded& to, std::int64_t next);
  void make_table_later(const std::shared_ptr<Loaded>& of, std::int64_t end);
  Result<void> purge();
  void purge_later();
  [[nodiscard]] std::filesystem::path file_of(std::int64_t id) const;

  const Settings settings_;
  storage::State& state_;
  const Clock& clock_;
  Logger& logger_;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> purged_ = false;
  Mutex mutex_;
  CondVar idle_;
  std::map<std::int64_t, std::shared_ptr<Loaded>> loaded_ ZHIYIN_GUARDED_BY(mutex_);
  std::size_t working_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<ThreadPool> background_;  // ends first
};

}  // namespace zhiyin::server
