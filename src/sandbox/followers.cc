#include "sandbox/followers.h"

#include <algorithm>

namespace zhiyin::sandbox {

Follower* Followers::find(std::string_view openid) {
  const auto found = by_openid_.find(openid);
  return found == by_openid_.end() ? nullptr : &list_[found->second];
}

const Follower* Followers::find(std::string_view openid) const {
  const auto found = by_openid_.find(openid);
  return found == by_openid_.end() ? nullptr : &list_[found->second];
}

Follower& Followers::at(std::string_view openid) {
  if (Follower* known = find(openid)) return *known;
  by_openid_.emplace(openid, list_.size());
  Follower& added = list_.emplace_back();
  added.openid = openid;
  return added;
}

std::size_t Followers::position(std::string_view openid) const {
  const auto found = by_openid_.find(openid);
  return found == by_openid_.end() ? list_.size() : found->second;
}

std::size_t Followers::following() const {
  return static_cast<std::size_t>(std::ranges::count_if(list_, &Follower::following));
}

}  // namespace zhiyin::sandbox
