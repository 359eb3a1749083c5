#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "ingest/mapping.h"

namespace zhiyin::ingest::detail {

/// Reads times in the form that a TimeRule states. A pure value, thread-safe.
class TimeFormat {
 public:
  /// `zone_name` is the mapping's. kInvalidArgument for an unknown form, directive, zone or date.
  static Result<TimeFormat> create(const TimeRule& rule, std::string_view zone_name);

  /// kInvalidArgument when `text` has another form or names no moment between 1970 and 2999.
  [[nodiscard]] Result<Instant> parse(std::string_view text) const;
  /// The one time of every row, when the rule states one.
  [[nodiscard]] const std::optional<Instant>& constant() const { return constant_; }

 private:
  enum class Form { kAuto, kSeconds, kMilliseconds, kMicroseconds, kDayNumber, kPattern };
  TimeFormat(Form form, TimeZone zone) : form_(form), zone_(std::move(zone)) {}
  [[nodiscard]] Result<Instant> parse_auto(std::string_view text) const;
  [[nodiscard]] Result<Instant> parse_number(std::string_view text, double scale) const;
  [[nodiscard]] Result<Instant> parse_day(std::string_view text) const;
  [[nodiscard]] std::optional<Instant> parse_pattern(std::string_view text,
                                                     std::string_view pattern) const;

  Form form_;
  TimeZone zone_;
  std::string pattern_;
  std::int64_t day_zero_ = 0;  // of kDayNumber: days since 1970 of day number 0
  std::optional<Instant> constant_;
};

}  // namespace zhiyin::ingest::detail
