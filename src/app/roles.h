#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "http/message.h"

namespace zhiyin::app {

/// What a process does, where several share a cluster: `intake` (events, callbacks, tracked links),
/// `workers` (projections, campaigns, own events), `console` (API and console).
class Roles {
 public:
  /// kInvalidArgument naming the option when a word is none of them, or there is none.
  static Result<void> check(std::string_view text);
  explicit Roles(std::string_view text);
  [[nodiscard]] bool has(std::string_view role) const;

  /// The role that serves a route's pattern; empty: every process does.
  static std::string_view of_route(std::string_view method, std::string_view pattern);
  /// What a request gets that belongs to another process; nothing when it belongs here.
  [[nodiscard]] std::optional<http::Response> refuse(std::string_view method,
                                                     std::string_view pattern) const;

 private:
  std::vector<std::string> roles_;
};

}  // namespace zhiyin::app
