#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/log.h"
#include "server/language.h"
#include "storage/state.h"

namespace zhiyin::server {

/// Which texts a drift report is about: the last of this process (`last`), or those of so many
/// days, today among them, by all processes (`7d`).
struct DriftWindow {
  std::int64_t days = 7;  ///< 0: the last texts
  static constexpr std::int64_t kDaysMax = 365;
  /// kInvalidArgument, naming `window`.
  static Result<DriftWindow> parse(std::string_view text);
};

/// What classifiers have read and answered, by version and day (in Asia/Shanghai), kept in the
/// state; several processes add to the same days. What was counted since the last `save` lies in
/// memory and is in this process's reports. Thread-safe.
class DriftDays {
 public:
  /// Days before these are removed.
  static constexpr std::int64_t kDaysKept = 400;

  /// All must outlive this.
  DriftDays(Language& language, storage::State& state, const Clock& clock, Logger& logger)
      : language_(language), state_(state), clock_(clock), logger_(logger) {}
  static std::span<const storage::Migration> migrations();

  /// Adds what was counted to today. What cannot be kept is tried again with the next call.
  Result<void> save();

  /// {"name","version","window", and what model::drift_report says, with the names of the classes};
  /// with a window of days also "days":[{"day":"2026-11-30","texts","psi","chance","verdicts",
  /// "verdict"}], those with texts. kNotFound when the name has no model.
  Result<Json> report(const std::string& name, const DriftWindow& window);

 private:
  [[nodiscard]] std::int64_t today() const;

  Language& language_;
  storage::State& state_;
  const Clock& clock_;
  Logger& logger_;
  Mutex mutex_;  // what `save` has taken and not yet written is missing from reports
};

}  // namespace zhiyin::server
