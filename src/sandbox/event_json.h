#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/library.h"
#include "sandbox/population.h"

namespace zhiyin::sandbox {

/// What an event on the owner's pages needs beyond the behaviour itself.
struct EventContext {
  std::string account;  ///< the server's id of the account
  std::uint64_t seed = 1;
  const std::vector<LibraryItem>* library = nullptr;
  const Population* population = nullptr;
};

/// One event of POST /v1/events as a JSON object. Its id depends on the seed and the behaviour
/// only, so that a repeated delivery is recognised. The text of a comment is marked personal.
std::string event_json(const Behaviour& behaviour, const EventContext& context);

/// Where a tracked link leads.
struct LinkTarget {
  std::string item;      ///< library id when it is one of our pages
  std::string campaign;  ///< zy_c
  std::string touch;     ///< zy_t
};
LinkTarget parse_link_target(std::string_view location);

/// The click that the page behind a tracked link reports.
std::string link_click_json(const Behaviour& open, const LinkTarget& target,
                            const EventContext& context);

/// True for http(s)://127.0.0.1, localhost or [::1] with a path that begins with /l/: the only
/// links that the sandbox opens.
bool is_tracked_link(std::string_view url);

}  // namespace zhiyin::sandbox
