#pragma once

#include <string>
#include <string_view>

#include "sandbox/library.h"

namespace zhiyin::sandbox {

/// One of the shop's pages with the server's page snippet, for clicking in a browser. `server_url`
/// empty: without snippet. `openid` empty: the reader is not known. All texts are escaped.
std::string render_page(const LibraryItem& item, std::string_view server_url,
                        std::string_view account, std::string_view openid);

}  // namespace zhiyin::sandbox
