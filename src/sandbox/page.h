#pragma once

#include <string>

#include "sandbox/library.h"

namespace zhiyin::sandbox {

/// Where a page's snippet reports to, as whom.
struct SnippetSettings {
  std::string server_url;  ///< empty: a page without snippet
  std::string key;         ///< public write key
  std::string account;
  std::string openid;  ///< empty: the reader is not known
};

/// One of the shop's pages with the server's page snippet, for clicking in a browser. All texts are
/// escaped.
std::string render_page(const LibraryItem& item, const SnippetSettings& settings);

}  // namespace zhiyin::sandbox
