#pragma once

#include "base/json.h"
#include "server/services.h"

namespace zhiyin::server {

/// The body of a PUT (or a file that is applied) without the members that only the server sets: so
/// what was read can be changed and sent back. Each must be as it is stored now, else the field is
/// refused; what the server measures anew each time (a segment's size) is taken out as it is.
/// Bodies that are no objects stay. `body` names the object by its `id`.
Result<Json> account_sent_back(Services& services, const Json& body);
Result<Json> segment_sent_back(Services& services, const Json& body);
Result<Json> campaign_sent_back(Services& services, const Json& body);
Result<Json> editor_list_sent_back(Services& services, const Json& body);

/// The rule itself. `stored`: null for a new object. Pure.
Result<Json> sent_back(const Json& body, const Json& stored,
                       std::span<const std::string_view> read_only,
                       std::span<const std::string_view> measured = {});

}  // namespace zhiyin::server
