#pragma once

#include <cstdint>
#include <map>
#include <string_view>

#include "base/time.h"

namespace zhiyin::sandbox {

/// What happened at an account on one day (Asia/Shanghai).
struct DayFigures {
  std::map<int, std::int64_t> followed;  ///< by user_source of the data cube
  std::int64_t unfollowed = 0;
  std::int64_t messages_by_hour[24] = {};  ///< that people wrote
  std::map<std::size_t, std::int64_t> messages_by_person;
  std::int64_t callbacks_by_hour[24] = {};
};

/// The days of an account, from which the data cube's reports are made. Not thread-safe.
class Figures {
 public:
  void note_follow(Instant at, std::string_view scene);
  void note_unfollow(Instant at);
  void note_message(Instant at, std::size_t person);
  void note_callback(Instant at);
  /// Of that day; zeros when nothing happened.
  [[nodiscard]] const DayFigures& on(std::int64_t day) const;
  /// How many followed at the end of that day.
  [[nodiscard]] std::int64_t followers_after(std::int64_t day) const;

 private:
  DayFigures& at(Instant t);
  std::map<std::int64_t, DayFigures> days_;
};

}  // namespace zhiyin::sandbox
