#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_binding.h"
#include "base/time.h"
#include "ingest/intake.h"
#include "storage/state.h"
#include "storage/vault.h"

namespace zhiyin::ingest {

/// Newest entries that are kept; older ones make room.
inline constexpr std::int64_t kQuarantineMax = 100'000;
/// Bytes of one refused event that are kept; a longer one is cut.
inline constexpr std::size_t kQuarantineEventBytesMax = 32 << 10;

/// An entry as operators see it.
struct QuarantinedEvent {
  std::int64_t id = 0;
  Instant received_at;
  std::string source;
  std::string reason;
  std::string field;
  Json event;  ///< the event; a string when it was no JSON
};

/// Reads and empties the place where events wait that broke a rule (the intake fills it). They are sealed because
/// they may hold personal data. Thread-safe.
class Quarantine {
 public:
  /// Both must outlive the quarantine.
  Quarantine(storage::State& state, storage::Vault& vault) : state_(state), vault_(vault) {}
  static std::span<const storage::Migration> migrations();

  /// Newest first, those below `before` (0: from the newest); `source` empty: all.
  [[nodiscard]] Result<std::vector<QuarantinedEvent>> list(std::string_view source, std::int64_t before,
                                                           std::size_t limit) const;
  [[nodiscard]] Result<std::int64_t> count(std::string_view source = {}) const;
  /// kNotFound when it is not there.
  [[nodiscard]] Result<QuarantinedEvent> get(std::int64_t id) const;

  /// Sends the entry through `intake` again, `corrected` in its place when given, and removes it once it is
  /// in the log. kInvalidArgument with the field when it still breaks a rule; the entry then stays.
  Result<Answer> resubmit(Intake& intake, std::int64_t id, const std::optional<Json>& corrected);
  Result<void> remove(std::int64_t id);

 private:
  storage::State& state_;
  storage::Vault& vault_;
};

}  // namespace zhiyin::ingest

namespace zhiyin {
template <>
struct Fields<ingest::QuarantinedEvent> {
  using Q = ingest::QuarantinedEvent;
  static constexpr std::string_view name = "QuarantinedEvent";
  static constexpr auto list = std::make_tuple(
      field("id", &Q::id, "number of the entry"),
      field("received_at", &Q::received_at, "when it came in"),
      field("source", &Q::source, "which way it came: api, import:RUN, wechat, …"),
      field("reason", &Q::reason, "which rule it broke"),
      field("field", &Q::field, "path of the field that broke it, or empty"),
      field("event", &Q::event, "the event as it came; a string when it was no JSON"));
};
}  // namespace zhiyin
