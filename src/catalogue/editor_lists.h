#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_binding.h"
#include "base/mutex.h"
#include "ingest/event.h"
#include "storage/state.h"

namespace zhiyin::catalogue {

/// Items that editors chose, in their order: a source of recommendations. A pure value.
struct EditorList {
  static constexpr std::size_t kItemsMax = 500;
  static constexpr std::size_t kNameMax = 64;  ///< characters
  static constexpr double kShareMax = 0.5;

  std::string id;    ///< [a-z0-9][a-z0-9_-]{0,63}
  std::string name;  ///< as readers see it in the reason
  /// 1 … kItemsMax, none twice. Whether the catalogue knows them does not matter.
  std::vector<ingest::ItemRef> items;
  std::string account;                 ///< whose followers it is for; empty: everybody's
  std::optional<Instant> valid_from;   ///< absent: always was
  std::optional<Instant> valid_until;  ///< first moment at which it is no longer listed from
  bool enabled = true;
  double share = 0.1;  ///< 0 … kShareMax: of the places of a person's list, kept for it

  bool operator==(const EditorList&) const = default;
};

/// What the field list cannot check. kInvalidArgument with the field.
Result<void> validate(const EditorList& list);

/// Whether lists are made from it at a moment, and why not. `kDisabled` comes first.
enum class EditorListState { kActive, kUpcoming, kExpired, kDisabled };
/// `active`, `upcoming`, `expired`, `disabled`.
std::string_view name_of(EditorListState state);
EditorListState state_of(const EditorList& list, Instant now);

struct StoredEditorList {
  EditorList list;
  std::int64_t version = 0;  ///< 1, 2, …
  Instant updated_at;
  std::string updated_by;  ///< `user:anna`, `key:website`, `command line`
};

/// Editors' lists in state (the table is among Items::migrations()). Objects made by people:
/// `version` and If-Match. Thread-safe.
class EditorLists {
 public:
  static constexpr std::size_t kListsMax = 100;

  explicit EditorLists(storage::State& state) : state_(state) {}

  /// In order of id. kDataLoss names one that cannot be read.
  [[nodiscard]] Result<std::vector<StoredEditorList>> list() const;
  /// kNotFound when there is none.
  [[nodiscard]] Result<StoredEditorList> get(std::string_view id) const;
  /// Creates (without `if_match`: kConflict when it exists, kLimitReached when there are kListsMax)
  /// or changes (with: kConflict when it moved on, kNotFound when it does not exist).
  Result<StoredEditorList> put(const EditorList& list, std::optional<std::int64_t> if_match,
                               std::string_view who, Instant now);
  /// kNotFound, or kConflict when it moved on.
  Result<void> remove(std::string_view id, std::optional<std::int64_t> if_match);

  /// All lists at one moment, in order of id, for serving. Immutable.
  struct Snapshot {
    std::vector<EditorList> lists;
    bool has_accounts = false;  ///< some are for the followers of one account only
  };
  /// Read again only after a change through this object (or `look`). One that cannot be read is
  /// left out.
  [[nodiscard]] Result<std::shared_ptr<const Snapshot>> snapshot() const;
  /// Another number than before: there may be a newer snapshot. Never waits.
  [[nodiscard]] std::int64_t version() const { return version_.load(); }
  /// Looks whether another process changed something. Now and then, by one thread.
  Result<void> look();

 private:
  void refresh() { version_.fetch_add(1); }

  storage::State& state_;
  std::atomic<std::int64_t> version_{1};
  std::int64_t change_seen_ = 0;  ///< of the thread that looks
  mutable Mutex mutex_;
  mutable std::int64_t snapshot_version_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  /// Shared with whoever serves from it; immutable.
  mutable std::shared_ptr<const Snapshot> snapshot_ ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace zhiyin::catalogue

template <>
struct zhiyin::Fields<zhiyin::catalogue::EditorList> {
  using L = zhiyin::catalogue::EditorList;
  static constexpr std::string_view name = "EditorList";
  static constexpr auto list = field_list(
      field("id", &L::id, "[a-z0-9][a-z0-9_-]{0,63}").length(1, 64),
      field("name", &L::name, "as readers see it in the reason, up to 64 characters")
          .length(1, 4 * L::kNameMax),
      field("items", &L::items, "what is in it, in its order; none twice").length(1, L::kItemsMax),
      field("account", &L::account, "whose followers it is for; empty: everybody's")
          .length(0, 64)
          .optional(),
      field("valid_from", &L::valid_from, "first moment at which it is listed from"),
      field("valid_until", &L::valid_until, "first moment at which it is no longer listed from"),
      field("enabled", &L::enabled, "false: kept, but not listed from (true)").optional(),
      field("share", &L::share, "of a person's list, kept for it (0.1)")
          .range(0, L::kShareMax)
          .optional());
};
