#pragma once

#include <cstdint>
#include <functional>
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

/// Which entries; empty members: any.
struct QuarantineFilter {
  std::string source;
  std::string field;             ///< the whole path
  std::string reason;            ///< part of it
  std::string kind;              ///< of the event
  std::optional<Instant> from;   ///< received at or after
  std::optional<Instant> until;  ///< received before
  std::size_t limit = 1000;
};
/// What became of entries that were sent again together.
struct ResubmitOutcome {
  std::int64_t accepted = 0;
  std::int64_t duplicate = 0;
  std::int64_t refused = 0;          ///< they stay, with their reason
  std::vector<std::string> reasons;  ///< different ones of the refused, at most 20
};

/// Reads and empties the place where events wait that broke a rule (the intake fills it). They are
/// sealed because they may hold personal data. Thread-safe.
class Quarantine {
 public:
  /// Both must outlive the quarantine.
  Quarantine(storage::State& state, storage::Vault& vault) : state_(state), vault_(vault) {}
  static std::span<const storage::Migration> migrations();

  /// Newest first, those below `before` (0: from the newest); `source` empty: all.
  [[nodiscard]] Result<std::vector<QuarantinedEvent>> list(std::string_view source,
                                                           std::int64_t before,
                                                           std::size_t limit) const;
  [[nodiscard]] Result<std::int64_t> count(std::string_view source = {}) const;
  /// kNotFound when it is not there.
  [[nodiscard]] Result<QuarantinedEvent> get(std::int64_t id) const;

  /// Sends the entry through `intake` again, `corrected` in its place when given, and removes it
  /// once it is in the log. kInvalidArgument with the field when it still breaks a rule; the entry
  /// then stays.
  Result<Answer> resubmit(Intake& intake, std::int64_t id, const std::optional<Json>& corrected);
  Result<void> remove(std::int64_t id);

  static constexpr std::size_t kResubmitMax = 10'000;
  /// Newest first. kInvalidArgument when `limit` is above kResubmitMax.
  [[nodiscard]] Result<std::vector<QuarantinedEvent>> find(const QuarantineFilter& filter) const;
  /// Sends the entries again as they are: after a rule was changed, say. `progress` (0 to 1) stops
  /// by false.
  Result<ResubmitOutcome> resubmit_all(Intake& intake, const QuarantineFilter& filter,
                                       const std::function<bool(double)>& progress);

 private:
  static Result<Answer> send_again(Intake& intake, const QuarantinedEvent& entry,
                                   const std::optional<Json>& corrected);
  Result<void> remove_all(const std::vector<std::int64_t>& ids);

  storage::State& state_;
  storage::Vault& vault_;
};

}  // namespace zhiyin::ingest

namespace zhiyin {
template <>
struct Fields<ingest::QuarantinedEvent> {
  using Q = ingest::QuarantinedEvent;
  static constexpr std::string_view name = "QuarantinedEvent";
  static constexpr auto list =
      field_list(field("id", &Q::id, "number of the entry"),
                 field("received_at", &Q::received_at, "when it came in"),
                 field("source", &Q::source, "which way it came: api, import:RUN, wechat, …"),
                 field("reason", &Q::reason, "which rule it broke"),
                 field("field", &Q::field, "path of the field that broke it, or empty"),
                 field("event", &Q::event, "the event as it came; a string when it was no JSON"));
};
template <>
struct Fields<ingest::QuarantineFilter> {
  using Q = ingest::QuarantineFilter;
  static constexpr std::string_view name = "QuarantineFilter";
  static constexpr auto list = field_list(
      field("source", &Q::source, "which way they came").length(0, 100).optional(),
      field("field", &Q::field, "path of the field that broke a rule").length(0, 500).optional(),
      field("reason", &Q::reason, "part of the reason").length(0, 500).optional(),
      field("kind", &Q::kind, "kind of the event").length(0, 64).optional(),
      field("from", &Q::from, "received at or after"), field("until", &Q::until, "received before"),
      field("limit", &Q::limit, "at most so many, up to 10000").range(1, 10'000).optional());
};
template <>
struct Fields<ingest::ResubmitOutcome> {
  using R = ingest::ResubmitOutcome;
  static constexpr std::string_view name = "ResubmitOutcome";
  static constexpr auto list =
      field_list(field("accepted", &R::accepted, "now in the log"),
                 field("duplicate", &R::duplicate, "were there already"),
                 field("refused", &R::refused, "still break a rule and stay"),
                 field("reasons", &R::reasons, "which, at most 20"));
};
}  // namespace zhiyin
