#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "storage/state.h"

namespace zhiyin::model {

/// A model as it is stored, without its bytes.
struct ModelRecord {
  std::string id;            ///< `KIND-VERSION`, for instance `response-3`
  std::string kind;          ///< `response`, `recommend`
  std::int64_t version = 0;  ///< grows within a kind
  Instant created_at;
  Json window;    ///< {"from","to"} of the data, or null
  Json settings;  ///< as trained
  Json metrics;
  std::string checksum;  ///< hex of SHA-256 of the bytes
  bool active = false;   ///< at most one per kind
};

struct NewModel {
  std::string kind;
  Json window;
  Json settings;
  Json metrics;
  std::string bytes;  ///< at most kModelBytesMax
};
inline constexpr std::size_t kModelBytesMax = 512 << 20;

/// Versions of models in state. Thread-safe.
class Registry {
 public:
  /// `state` must outlive the registry.
  explicit Registry(storage::State& state) : state_(state) {}
  static std::span<const storage::Migration> migrations();

  /// Stores a new version; it becomes the active one when `activate`.
  Result<ModelRecord> save(const NewModel& model, Instant now, bool activate = true);
  /// Newest first; an empty kind lists all.
  [[nodiscard]] Result<std::vector<ModelRecord>> list(std::string_view kind = {}) const;
  /// kNotFound.
  [[nodiscard]] Result<ModelRecord> find(std::string_view id) const;
  /// None when no version of the kind is active.
  [[nodiscard]] Result<std::optional<ModelRecord>> active(std::string_view kind) const;
  /// Those that were made active and not rolled back, the active one first, then those before it.
  [[nodiscard]] Result<std::vector<ModelRecord>> activated(std::string_view kind) const;
  /// The bytes; kDataLoss when they do not match the checksum.
  [[nodiscard]] Result<std::string> load(std::string_view id) const;
  /// Makes it the active one of its kind in one step; kDataLoss when its bytes are damaged (the old
  /// one then stays).
  Result<ModelRecord> activate(std::string_view id, Instant now);
  /// Activates the version that was active before the present one; kNotFound when there is none.
  Result<ModelRecord> rollback(std::string_view kind, Instant now);
  /// Removes versions of the kind but for the newest `keep`, the `keep_activated` that were active
  /// last, and `also` (may be empty). Returns how many.
  Result<std::size_t> forget_older(std::string_view kind, std::size_t keep,
                                   std::size_t keep_activated, std::string_view also);

 private:
  storage::State& state_;
};

}  // namespace zhiyin::model
