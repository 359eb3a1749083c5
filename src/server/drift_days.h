#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/log.h"
#include "model/classify/drift_alert.h"
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
  /// Days that an alert is told from, today among them.
  static constexpr std::int64_t kAlertDays = 60;

  /// All must outlive this.
  DriftDays(Language& language, storage::State& state, const Clock& clock, Logger& logger,
            const model::DriftAlertRule& rule = {})
      : language_(language), state_(state), clock_(clock), logger_(logger), rule_(rule) {}
  static std::span<const storage::Migration> migrations();

  /// Adds what was counted to today. What cannot be kept is tried again with the next call. Alerts
  /// that open, escalate or close thereby are logged.
  Result<void> save();

  /// {"name","version","window", and what model::drift_report says, with the names of the classes};
  /// with a window of days also "days":[{"day":"2026-11-30","texts","psi","chance","verdicts",
  /// "verdict"}], those with texts. Always, unless there is a "problem": "alert":{"state","since"
  /// (a day, or null), "day","index","psi" (of the last day that says something), "above",
  /// "texts_min","days_in_a_row"} of the last kAlertDays. kNotFound when the name has no model.
  Result<Json> report(const std::string& name, const DriftWindow& window);

  /// The open alerts of the versions in use: [{"name","version", and what `alert` above says}], by
  /// name. What is not kept yet counts, too. Names that no longer have a model are left out.
  Result<Json> alerts();

 private:
  using Days = std::map<std::int64_t, model::DriftCounts>;
  [[nodiscard]] std::int64_t today() const;
  /// Of a version, from that day on.
  Result<Days> days_of(const std::string& name, const Language::DriftSubject& served,
                       std::int64_t first_day) ZHIYIN_REQUIRES(mutex_);
  Result<model::DriftAlert> alert_of(const Language::DriftSubject& served, const Days& days) const;
  void tell_alerts(const std::vector<std::string>& names) ZHIYIN_REQUIRES(mutex_);

  Language& language_;
  storage::State& state_;
  const Clock& clock_;
  Logger& logger_;
  const model::DriftAlertRule rule_;
  Mutex mutex_;  // what `save` has taken and not yet written is missing from reports
  /// By name: what the log was told last.
  std::map<std::string, statistics::AlertState, std::less<>> told_ ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace zhiyin::server
