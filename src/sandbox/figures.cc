#include "sandbox/figures.h"

namespace zhiyin::sandbox {
namespace {

/// The data cube's number of a way to follow.
int user_source(std::string_view scene) {
  if (scene == "ADD_SCENE_SEARCH") return 1;
  if (scene == "ADD_SCENE_PROFILE_CARD") return 17;
  if (scene == "ADD_SCENE_QR_CODE") return 30;
  if (scene == "ADD_SCENE_PROFILE_LINK") return 57;
  if (scene == "ADD_SCENE_PROFILE_ITEM") return 43;
  if (scene == "ADD_SCENE_PAID") return 51;
  return 0;
}

std::size_t hour_of(Instant t) {
  return static_cast<std::size_t>(to_civil(t, TimeZone::shanghai()).hour);
}

}  // namespace

DayFigures& Figures::at(Instant t) { return days_[local_day(t, TimeZone::shanghai())]; }

void Figures::note_follow(Instant at, std::string_view scene) {
  ++this->at(at).followed[user_source(scene)];
}

void Figures::note_unfollow(Instant at) { ++this->at(at).unfollowed; }

void Figures::note_message(Instant at, std::size_t person) {
  DayFigures& day = this->at(at);
  ++day.messages_by_hour[hour_of(at)];
  ++day.messages_by_person[person];
}

void Figures::note_callback(Instant at) { ++this->at(at).callbacks_by_hour[hour_of(at)]; }

const DayFigures& Figures::on(std::int64_t day) const {
  static const DayFigures kNothing;
  const auto found = days_.find(day);
  return found == days_.end() ? kNothing : found->second;
}

std::int64_t Figures::followers_after(std::int64_t day) const {
  std::int64_t count = 0;
  for (auto it = days_.begin(); it != days_.end() && it->first <= day; ++it) {
    for (const auto& [source, n] : it->second.followed) count += n;
    count -= it->second.unfollowed;
  }
  return count;
}

}  // namespace zhiyin::sandbox
