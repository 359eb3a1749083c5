#include "ingest/detail/time_format.h"

#include <charconv>
#include <cmath>

#include "base/utf8.h"

namespace zhiyin::ingest::detail {
namespace {

constexpr std::int64_t kUsMax = 32'503'680'000'000'000;  // the year 3000
constexpr std::string_view kDirectives = "YmdHIMSpbyzf%";
constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                        "jul", "aug", "sep", "oct", "nov", "dec"};
// What spreadsheets and exports write besides RFC 3339.
constexpr std::string_view kAutoPatterns[] = {
    "%Y-%m-%d %H:%M:%S",  "%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M",
    "%Y/%m/%d",           "%Y-%m-%d",          "%Y.%m.%d",       "%Y年%m月%d日 %H:%M:%S",
    "%Y年%m月%d日 %H:%M", "%Y年%m月%d日"};

std::unexpected<Error> unreadable(std::string_view text, std::string_view form) {
  return fail(ErrorCode::kInvalidArgument, "time: '{}' has not the form {}",
              utf8::truncate(text, 64), form);
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t n = 0;
  const char* end = text.data() + text.size();
  const auto [p, ec] = std::from_chars(text.data(), end, n);
  if (ec != std::errc() || p != end || text.empty()) return std::nullopt;
  return n;
}

// 45292 or 45292.4167: days since 1899-12-30, from 1954 to 2119.
bool is_serial_date(std::string_view text) {
  constexpr std::size_t kLengthMax = 24;
  if (text.size() > kLengthMax || text.find_first_not_of("0123456789.") != std::string_view::npos)
    return false;
  double days = 0;
  const char* end = text.data() + text.size();
  const auto [p, ec] = std::from_chars(text.data(), end, days);
  return ec == std::errc() && p == end && days >= 20'000 && days < 80'000;
}

// Walks along a text, one directive of a pattern after the other.
class PatternReader {
 public:
  explicit PatternReader(std::string_view text) : rest_(text) {}

  bool literal(char c) {
    if (c == ' ') {  // any run of blanks, also none at the end
      while (!rest_.empty() && rest_[0] == ' ') rest_.remove_prefix(1);
      return true;
    }
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool directive(char d) {
    switch (d) {
      case 'Y':
        return number(4, civil.year);
      case 'y':
        return number(2, civil.year) && ((civil.year += civil.year < 70 ? 2000 : 1900), true);
      case 'm':
        return number(2, civil.month);
      case 'd':
        return number(2, civil.day);
      case 'H':
        return number(2, civil.hour);
      case 'I':
        return number(2, civil.hour) && civil.hour >= 1 && civil.hour <= 12;
      case 'M':
        return number(2, civil.minute);
      case 'S':
        return number(2, civil.second);
      case 'f':
        return fraction();
      case 'p':
        return half_of_day();
      case 'b':
        return month_name();
      case 'z':
        return offset();
      case '%':
        return literal('%');
      default:
        return false;
    }
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  CivilTime civil{1970, 1, 1, 0, 0, 0, 0, 0};
  std::optional<bool> afternoon;
  std::optional<std::int64_t> offset_seconds;

 private:
  bool number(std::size_t digits_max, int& to) {
    std::size_t n = 0;
    int value = 0;
    while (n < digits_max && n < rest_.size() && rest_[n] >= '0' && rest_[n] <= '9') {
      value = value * 10 + (rest_[n++] - '0');
    }
    if (n == 0) return false;
    rest_.remove_prefix(n);
    to = value;
    return true;
  }
  bool fraction() {
    int scale = 100'000;
    bool any = false;
    civil.microsecond = 0;
    while (!rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9') {
      civil.microsecond += (rest_[0] - '0') * scale;
      scale /= 10;
      any = true;
      rest_.remove_prefix(1);
    }
    return any;
  }
  bool word(std::string_view lower) {
    if (rest_.size() < lower.size()) return false;
    for (std::size_t i = 0; i < lower.size(); ++i) {
      if (lower[i] >= 'a' && lower[i] <= 'z' ? (rest_[i] | 0x20) != lower[i] : rest_[i] != lower[i])
        return false;
    }
    rest_.remove_prefix(lower.size());
    return true;
  }
  bool half_of_day() {
    if (word("am") || word("上午")) {
      afternoon = false;
    } else if (word("pm") || word("下午")) {
      afternoon = true;
    } else {
      return false;
    }
    return true;
  }
  bool month_name() {
    for (int m = 0; m < 12; ++m) {
      if (word(kMonths[m])) {
        civil.month = m + 1;
        while (!rest_.empty() && ((rest_[0] | 0x20) >= 'a' && (rest_[0] | 0x20) <= 'z'))
          rest_.remove_prefix(1);
        return true;
      }
    }
    return false;
  }
  bool offset() {
    if (word("z")) {
      offset_seconds = 0;
      return true;
    }
    if (rest_.empty() || (rest_[0] != '+' && rest_[0] != '-')) return false;
    const int sign = rest_[0] == '-' ? -1 : 1;
    rest_.remove_prefix(1);
    int hours = 0;
    int minutes = 0;
    if (!number(2, hours)) return false;
    literal(':');
    if (!rest_.empty() && !number(2, minutes)) return false;
    if (hours > 15 || minutes > 59) return false;
    offset_seconds = sign * (hours * 3600 + minutes * 60);
    return true;
  }

  std::string_view rest_;
};

Result<void> check_pattern(std::string_view pattern) {
  bool any = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') continue;
    if (++i == pattern.size() || kDirectives.find(pattern[i]) == std::string_view::npos) {
      return fail_field(
          "format",
          "'{}' has an unknown directive; there are %Y %y %m %b %d %H %I %M %S %f %p %z %%",
          pattern);
    }
    any = true;
  }
  if (any) return {};
  return fail_field(
      "format",
      "'{}' is not auto, epoch_s, epoch_ms, epoch_us, day_number or a pattern with %Y %m %d …",
      pattern);
}

}  // namespace

Result<TimeFormat> TimeFormat::create(const TimeRule& rule, std::string_view zone_name) {
  auto zone = TimeZone::create(rule.zone.empty() ? zone_name : rule.zone);
  if (!zone) return std::unexpected(within("zone", std::move(zone.error())));
  constexpr std::pair<std::string_view, Form> kForms[] = {{"auto", Form::kAuto},
                                                          {"epoch_s", Form::kSeconds},
                                                          {"epoch_ms", Form::kMilliseconds},
                                                          {"epoch_us", Form::kMicroseconds},
                                                          {"day_number", Form::kDayNumber}};
  TimeFormat format(Form::kPattern, std::move(*zone));
  for (const auto& [name, form] : kForms) {
    if (name == rule.format) format.form_ = form;
  }
  if (format.form_ == Form::kPattern) {
    ZHIYIN_TRY_VOID(check_pattern(rule.format));
    format.pattern_ = rule.format;
  }
  if (format.form_ == Form::kDayNumber) {
    const auto day = parse_time(rule.epoch, format.zone_);
    if (!day) return fail_field("epoch", "'{}' is not a date (2021-06-01)", rule.epoch);
    format.day_zero_ = local_day(*day, format.zone_) - rule.epoch_day;
  }
  if (!rule.constant.empty()) {
    auto at = parse_time(rule.constant, format.zone_);
    if (!at) return std::unexpected(within("constant", std::move(at.error())));
    format.constant_ = *at;
  }
  return format;
}

Result<Instant> TimeFormat::parse(std::string_view text) const {
  switch (form_) {
    case Form::kAuto:
      return parse_auto(text);
    case Form::kSeconds:
      return parse_number(text, 1e6);
    case Form::kMilliseconds:
      return parse_number(text, 1e3);
    case Form::kMicroseconds:
      return parse_number(text, 1);
    case Form::kDayNumber:
      return parse_day(text);
    case Form::kPattern:
      break;
  }
  if (const auto at = parse_pattern(text, pattern_)) return *at;
  return unreadable(text, pattern_);
}

Result<Instant> TimeFormat::parse_number(std::string_view text, double scale) const {
  if (const auto n = whole_number(text)) {
    const auto factor = static_cast<std::int64_t>(scale);
    if (*n >= 0 && *n < kUsMax / factor) return Instant{*n * factor};
  } else {
    double d = 0;
    const char* end = text.data() + text.size();
    const auto [p, ec] = std::from_chars(text.data(), end, d);
    if (ec == std::errc() && p == end && d >= 0 && d * scale < static_cast<double>(kUsMax)) {
      return Instant{static_cast<std::int64_t>(std::llround(d * scale))};
    }
  }
  return unreadable(text, scale == 1e6   ? "of seconds since 1970"
                          : scale == 1e3 ? "of milliseconds since 1970"
                                         : "of microseconds since 1970");
}

Result<Instant> TimeFormat::parse_day(std::string_view text) const {
  constexpr std::int64_t kDaysMax = 366 * 1000;
  if (const auto n = whole_number(text)) {
    if (*n < -kDaysMax || *n > kDaysMax) return unreadable(text, "of a day's number");
    return day_start(day_zero_ + *n, zone_);
  }
  // What spreadsheets keep of a time of day: its part of the day.
  double days = 0;
  const char* end = text.data() + text.size();
  const auto [p, ec] = std::from_chars(text.data(), end, days);
  if (ec != std::errc() || p != end || !(std::abs(days) <= static_cast<double>(kDaysMax)))
    return unreadable(text, "of a day's number");
  const double day = std::floor(days);
  const auto seconds = static_cast<std::int64_t>(std::llround((days - day) * 86'400));
  return day_start(day_zero_ + static_cast<std::int64_t>(day), zone_) +
         std::chrono::seconds(seconds);
}

Result<Instant> TimeFormat::parse_auto(std::string_view text) const {
  if (const auto n = whole_number(text); n && text.size() >= 9) {
    // By size: 9 or 10 digits are seconds (since 1973), 12 or 13 milliseconds, 15 or 16
    // microseconds.
    if (text.size() <= 10) return parse_number(text, 1e6);
    if (text.size() <= 13) return parse_number(text, 1e3);
    return parse_number(text, 1);
  }
  if (is_serial_date(text)) {
    return fail(ErrorCode::kInvalidArgument,
                "time: '{}' looks like the day number of a spreadsheet: format the column as a "
                "date, or say format = \"day_number\", "
                "epoch = \"2000-01-01\", epoch_day = 36526 with the time in a mapping",
                text);
  }
  if (whole_number(text))
    return unreadable(text, "of a date, a time or a number of seconds since 1970");
  if (auto at = parse_time(text, zone_)) return *at;
  for (const std::string_view pattern : kAutoPatterns) {
    if (const auto at = parse_pattern(text, pattern)) return *at;
  }
  double d = 0;
  const char* end = text.data() + text.size();
  if (const auto [p, ec] = std::from_chars(text.data(), end, d);
      ec == std::errc() && p == end && d >= 1e8) {
    return parse_number(text, d < 1e11   ? 1e6
                              : d < 1e14 ? 1e3
                                         : 1);  // written by something that knows only fractions
  }
  return unreadable(text, "of a date, a time or a number of seconds since 1970");
}

std::optional<Instant> TimeFormat::parse_pattern(std::string_view text,
                                                 std::string_view pattern) const {
  PatternReader reader(text);
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const bool ok = pattern[i] == '%' && i + 1 < pattern.size() ? reader.directive(pattern[++i])
                                                                : reader.literal(pattern[i]);
    if (!ok) return std::nullopt;
  }
  if (!reader.at_end()) return std::nullopt;
  CivilTime c = reader.civil;
  if (reader.afternoon) c.hour = c.hour % 12 + (*reader.afternoon ? 12 : 0);
  if (reader.offset_seconds) {
    static const TimeZone utc = *TimeZone::create("Z");
    const auto local = from_civil(c, utc);
    if (!local) return std::nullopt;
    return *local - std::chrono::seconds(*reader.offset_seconds);
  }
  const auto at = from_civil(c, zone_);
  if (!at) return std::nullopt;
  return *at;
}

}  // namespace zhiyin::ingest::detail
