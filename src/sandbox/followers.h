#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "sandbox/reply_window.h"

namespace zhiyin::sandbox {

/// A person as one account knows them.
struct Follower {
  std::string openid;
  std::string unionid;
  bool following = false;
  bool blacklisted = false;
  Instant followed_at;
  std::string scene;     ///< ADD_SCENE_…
  std::string qr_scene;  ///< what the code said by which they came
  std::string remark;
  std::vector<std::int64_t> tags;  ///< in the order in which they were set
  ReplyWindow window;
  Instant last_seen;     ///< the last thing they did
  Instant typing_until;  ///< as long as we seem to type
  int mass_month = -1;
  int mass_in_month = 0;
  std::map<std::string, int> grants;  ///< subscribe messages that they allow, by template
};

/// The people whom an account knows, in the order in which they became known. Not thread-safe.
class Followers {
 public:
  Follower* find(std::string_view openid);
  [[nodiscard]] const Follower* find(std::string_view openid) const;
  /// The person; a new one when there was none.
  Follower& at(std::string_view openid);
  /// Where the person stands in `list`; its size when unknown.
  [[nodiscard]] std::size_t position(std::string_view openid) const;
  [[nodiscard]] std::vector<Follower>& list() { return list_; }
  [[nodiscard]] const std::vector<Follower>& list() const { return list_; }
  [[nodiscard]] std::size_t following() const;

 private:
  std::vector<Follower> list_;
  std::map<std::string, std::size_t, std::less<>> by_openid_;
};

}  // namespace zhiyin::sandbox
