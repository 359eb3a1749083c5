#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "catalogue/items.h"

namespace zhiyin::catalogue {

/// A feed as items, as far as it can be read.
struct Feed {
  std::string title;
  std::vector<Item> items;           ///< in the feed's order; of one id the first
  std::vector<std::string> deleted;  ///< ids that the feed says are gone (RFC 6721)
  /// Entries that are no item, with the reason: `entry 3: neither title nor text`.
  std::vector<std::string> skipped;
};

struct FeedSettings {
  std::string kind = "article";  ///< of the items
  std::string url;      ///< where it comes from: relative links are taken from here; may be empty
  std::string charset;  ///< of the answer that it came with; empty: as the feed says
};

inline constexpr std::size_t kFeedBytesMax = 8 << 20;
inline constexpr std::size_t kFeedEntriesMax = 5'000;  ///< those beyond are skipped, and said so
inline constexpr std::size_t kFeedTagsMax = 400'000;   ///< of mark-up, opening and closing

/// RSS 0.9 to 2.0, Atom 1.0 and JSON Feed 1. Reads UTF-8, UTF-16, GBK, GB18030, Big5, Latin-1.
/// Entities of a DOCTYPE are not expanded, and nothing is fetched. HTML becomes plain text. An
/// item's id is the feed's (guid, id), else its link; ids longer than an item's may be become `h_`
/// and a checksum. Times are those of RFC 822 and RFC 3339; what is no time is left out.
/// kInvalidArgument when it is none of these formats, damaged, or in another encoding than it says;
/// kLimitReached when it is larger than the limits. Pure.
Result<Feed> parse_feed(std::string_view bytes, const FeedSettings& settings);

/// HTML without its mark-up: blocks become lines, entities characters, scripts and styles nothing.
std::string html_text(std::string_view html);

/// `Mon, 05 Jan 2026 08:00:00 +0800` (RFC 822 with four-digit or two-digit years), or RFC 3339.
std::optional<Instant> feed_time(std::string_view text);

/// An address as it stands in a page at `base`; empty when it is neither http nor https.
std::string resolved_url(std::string_view base, std::string_view link);

}  // namespace zhiyin::catalogue
