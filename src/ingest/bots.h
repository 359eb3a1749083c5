#pragma once

#include <string_view>

/// Tells readers from machines by what a request says about itself. The list: src/ingest/bots.txt.
namespace zhiyin::ingest {

enum class Agent { kReader, kCrawler, kPreview, kHeadless, kMonitor, kLibrary, kPrefetch };

/// What a User-Agent header says; empty is a reader (many apps send none). Pure, thread-safe.
Agent agent_of(std::string_view user_agent);

/// The name of an agent as it stands in metrics: reader, crawler, …
std::string_view agent_name(Agent agent);

/// Headers of a request that may say it was not a reader who wanted it.
struct FetchHints {
  std::string_view user_agent;
  std::string_view
      purpose;  ///< `Purpose`, `Sec-Purpose`, `X-Purpose` or `X-Moz`: prefetch, prerender, preview
};
/// Of a request for which a browser is expected (tracked link, page snippet, pixel): libraries are
/// no readers there.
Agent browser_agent_of(const FetchHints& hints);

}  // namespace zhiyin::ingest
