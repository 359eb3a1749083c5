#include "base/time.h"

#include <date/date.h>
#include <date/tz.h>

#include <charconv>
#include <optional>

namespace zhiyin {
namespace {

using date::days;
using std::chrono::seconds;
using SysMicros = std::chrono::time_point<std::chrono::system_clock, Duration>;

constexpr int kYearMin = 1970;
constexpr int kYearMax = 2999;
constexpr std::int64_t kUsPerDay = 86'400'000'000;

SysMicros to_sys(Instant t) { return SysMicros(Duration(t.us)); }

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

std::optional<seconds> parse_offset(std::string_view s) {
  if (s == "Z" || s == "z" || s == "UTC") return seconds(0);
  if (s.size() < 3 || (s[0] != '+' && s[0] != '-')) return std::nullopt;
  std::string digits;
  for (char c : s.substr(1)) {
    if (c == ':') continue;
    if (c < '0' || c > '9') return std::nullopt;
    digits += c;
  }
  if (digits.size() != 4 && digits.size() != 2) return std::nullopt;
  const int hours = (digits[0] - '0') * 10 + digits[1] - '0';
  const int minutes = digits.size() == 4 ? (digits[2] - '0') * 10 + digits[3] - '0' : 0;
  if (hours > 15 || minutes > 59) return std::nullopt;
  const seconds total(hours * 3600 + minutes * 60);
  return s[0] == '-' ? -total : total;
}

// Reads exactly `digits` decimal digits and moves past them.
std::optional<int> take_number(std::string_view& s, std::size_t digits) {
  if (s.size() < digits) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (s[i] < '0' || s[i] > '9') return std::nullopt;
    value = value * 10 + (s[i] - '0');
  }
  s.remove_prefix(digits);
  return value;
}

bool take_char(std::string_view& s, std::string_view any_of) {
  if (s.empty() || any_of.find(s[0]) == std::string_view::npos) return false;
  s.remove_prefix(1);
  return true;
}

std::unexpected<Error> bad_time(std::string_view text) {
  return fail(ErrorCode::kInvalidArgument,
              "time: '{}' is not RFC 3339 (2026-11-25T08:00:00+08:00) nor integer milliseconds "
              "between 1970 and 2999",
              text.substr(0, 64));
}

bool take_clock(std::string_view& s, CivilTime& c) {
  const auto hour = take_number(s, 2);
  if (!hour || !take_char(s, ":")) return false;
  const auto minute = take_number(s, 2);
  if (!minute) return false;
  c.hour = *hour;
  c.minute = *minute;
  if (!take_char(s, ":")) return true;
  const auto second = take_number(s, 2);
  if (!second) return false;
  c.second = *second;
  if (!take_char(s, ".,")) return true;
  int scale = 100'000;
  bool any = false;
  while (!s.empty() && s[0] >= '0' && s[0] <= '9') {
    c.microsecond += (s[0] - '0') * scale;
    scale /= 10;
    any = true;
    s.remove_prefix(1);
  }
  return any;
}

}  // namespace

Result<TimeZone> TimeZone::create(std::string_view name) {
  TimeZone zone;
  zone.name_ = name;
  if (const auto offset = parse_offset(name)) {
    zone.fixed_ = *offset;
    return zone;
  }
  try {
    zone.zone_ = date::locate_zone(zone.name_);
  } catch (const std::exception&) {
    return fail(ErrorCode::kInvalidArgument,
                "time zone: '{}' is neither an IANA name (Asia/Shanghai) nor an offset (+08:00)",
                name.substr(0, 64));
  }
  return zone;
}

TimeZone TimeZone::shanghai() {
  TimeZone zone;
  zone.name_ = kDefaultZone;
  zone.fixed_ = std::chrono::hours(8);  // since 1991-09-15; the platform itself knows nothing else
  return zone;
}

seconds TimeZone::offset_at(Instant t) const {
  if (zone_ == nullptr) return fixed_;
  const auto* zone = static_cast<const date::time_zone*>(zone_);
  return zone->get_info(date::floor<seconds>(to_sys(t))).offset;
}

Instant TimeZone::from_local(std::int64_t local_us) const {
  if (zone_ == nullptr) return {local_us - std::chrono::duration_cast<Duration>(fixed_).count()};
  const auto* zone = static_cast<const date::time_zone*>(zone_);
  const date::local_time<Duration> local{Duration(local_us)};
  const auto sys = zone->to_sys(local, date::choose::earliest);
  return {std::chrono::duration_cast<Duration>(sys.time_since_epoch()).count()};
}

CivilTime to_civil(Instant t, const TimeZone& zone) {
  const std::int64_t local = t.us + std::chrono::duration_cast<Duration>(zone.offset_at(t)).count();
  const std::int64_t day = floor_div(local, kUsPerDay);
  std::int64_t rest = local - day * kUsPerDay;
  const date::sys_days sys{days(day)};
  const date::year_month_day ymd{sys};
  CivilTime c{};
  c.year = static_cast<int>(ymd.year());
  c.month = static_cast<int>(static_cast<unsigned>(ymd.month()));
  c.day = static_cast<int>(static_cast<unsigned>(ymd.day()));
  c.weekday = static_cast<int>(date::weekday{sys}.c_encoding());
  c.microsecond = static_cast<int>(rest % 1'000'000);
  rest /= 1'000'000;
  c.second = static_cast<int>(rest % 60);
  c.minute = static_cast<int>(rest / 60 % 60);
  c.hour = static_cast<int>(rest / 3600);
  return c;
}

Result<Instant> from_civil(const CivilTime& c, const TimeZone& zone) {
  const date::year_month_day ymd{date::year(c.year), date::month(static_cast<unsigned>(c.month)),
                                 date::day(static_cast<unsigned>(c.day))};
  if (!ymd.ok() || c.year < kYearMin || c.year > kYearMax || c.hour < 0 || c.hour > 23 ||
      c.minute < 0 || c.minute > 59 || c.second < 0 || c.second > 59) {
    return fail(ErrorCode::kInvalidArgument,
                "time: {:04}-{:02}-{:02} {:02}:{:02}:{:02} does not exist", c.year, c.month, c.day,
                c.hour, c.minute, c.second);
  }
  const std::int64_t day = date::sys_days(ymd).time_since_epoch().count();
  const std::int64_t local =
      day * kUsPerDay + ((c.hour * 60LL + c.minute) * 60 + c.second) * 1'000'000 + c.microsecond;
  return zone.from_local(local);
}

Result<Instant> parse_time(std::string_view text, const TimeZone& zone) {
  std::int64_t ms = 0;
  const char* end = text.data() + text.size();
  if (const auto [p, ec] = std::from_chars(text.data(), end, ms); ec == std::errc() && p == end) {
    constexpr std::int64_t kMsMax = 32'503'680'000'000;  // 3000-01-01
    if (ms < 0 || ms >= kMsMax) return bad_time(text);
    return Instant{ms * 1000};
  }
  std::string_view s = text;
  CivilTime c{};
  const auto year = take_number(s, 4);
  if (!year || !take_char(s, "-/")) return bad_time(text);
  const auto month = take_number(s, 2);
  if (!month || !take_char(s, "-/")) return bad_time(text);
  const auto day = take_number(s, 2);
  if (!day) return bad_time(text);
  c.year = *year;
  c.month = *month;
  c.day = *day;
  if (!s.empty()) {
    if (!take_char(s, "Tt ") || !take_clock(s, c)) return bad_time(text);
  }
  if (s.empty()) return from_civil(c, zone);
  const auto offset = parse_offset(s);
  if (!offset) return bad_time(text);
  ZHIYIN_TRY(const TimeZone utc, TimeZone::create("Z"));
  ZHIYIN_TRY(const Instant local, from_civil(c, utc));
  return local - std::chrono::duration_cast<Duration>(*offset);
}

std::string format_time(Instant t, const TimeZone& zone) {
  const CivilTime c = to_civil(t, zone);
  std::string s = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", c.year, c.month, c.day, c.hour,
                              c.minute, c.second);
  if (c.microsecond != 0) s += fmt::format(".{:06}", c.microsecond);
  const auto offset = zone.offset_at(t).count();
  const auto minutes = std::abs(offset) / 60;
  s += fmt::format("{}{:02}:{:02}", offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
  return s;
}

std::string format_utc(Instant t) {
  static const TimeZone utc = *TimeZone::create("Z");
  std::string s = format_time(t, utc);
  s.resize(s.size() - 6);
  return s + "Z";
}

std::int64_t local_day(Instant t, const TimeZone& zone) {
  return floor_div(t.us + std::chrono::duration_cast<Duration>(zone.offset_at(t)).count(),
                   kUsPerDay);
}

Instant day_start(std::int64_t day, const TimeZone& zone) {
  return zone.from_local(day * kUsPerDay);
}

namespace {
struct Unit {
  char letter;
  std::int64_t seconds;
};
constexpr Unit kUnits[] = {{'w', 604800}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
constexpr std::int64_t kDurationMaxSeconds = 10LL * 366 * 86400;
}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  std::int64_t n = 0;
  if (text.size() >= 2) {
    const char* end = text.data() + text.size() - 1;
    const auto [p, ec] = std::from_chars(text.data(), end, n);
    if (ec == std::errc() && p == end && n >= 0) {
      for (const Unit& unit : kUnits) {
        if (unit.letter == text.back() && n <= kDurationMaxSeconds / unit.seconds) {
          return std::chrono::duration_cast<Duration>(seconds(n * unit.seconds));
        }
      }
    }
  }
  return fail(ErrorCode::kInvalidArgument,
              "duration: '{}' is not a whole number with s, m, h, d or w (7d), up to 10 years",
              text.substr(0, 64));
}

std::string format_duration(Duration d) {
  const std::int64_t total = d.count() / 1'000'000;
  for (const Unit& unit : kUnits) {
    if (unit.letter != 'w' && total != 0 && total % unit.seconds == 0) {
      return fmt::format("{}{}", total / unit.seconds, unit.letter);
    }
  }
  return fmt::format("{}s", total);
}

}  // namespace zhiyin
