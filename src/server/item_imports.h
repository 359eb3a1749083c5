#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "server/services.h"
#include "storage/state.h"

/// Items from elsewhere: feeds, and what an account published.
namespace zhiyin::server {

std::span<const storage::Migration> item_import_migrations();

/// A feed to bring in.
struct FeedImport {
  std::string source;            ///< a file, or an http or https address
  std::string kind = "article";  ///< of its items
  /// Remember an address, so that it is asked again every `catalogue.feed_every`.
  bool follow = false;
};
inline constexpr std::size_t kFollowedFeedsMax = 1000;

/// Adds the feed's items, replacing those of the same kind and id, and removes those that it says
/// are gone:
/// {"title","stored","removed","unchanged" (it has not changed since it was asked last),
/// "skipped":[reasons]}. An address is asked with what its last answer named (ETag, Last-Modified),
/// for at most 20 s, through at most three redirections, none of them to a private address unless
/// `catalogue.private_feeds` allows it; names are looked up before each request. Blocks.
Result<Json> import_feed(Services& services, const FeedImport& feed);
/// Asks the followed feed again that has been due longest at `now`; what fails is kept with the
/// reason, and tried again when it is due next. False when none is due.
Result<bool> refresh_feed(Services& services, Instant now);
/// {"items":[{"url","kind","title","asked_at","items","error"}]}
Result<Json> list_feeds(Services& services);
/// Its items stay. kNotFound when it is not followed.
Result<void> forget_feed(Services& services, std::string_view url);

/// Brings in what the account published (not mass sends, which the platform does not list), newest
/// first, at most `most` articles: kind article, id `ARTICLE_ID:PLACE`, title, author, cover,
/// address, text; they are for the account's followers. `with_library`: and the news of its library
/// of materials that were not published, id `MEDIA_ID:PLACE`. Deleted ones leave the catalogue.
/// {"stored","from_library" (of these),"removed","skipped":[reasons]}. Blocks on the platform.
Result<Json> import_account_articles(Services& services, const AccountId& account, std::size_t most,
                                     bool with_library = false);
inline constexpr std::size_t kAccountArticlesMax = 5000;

/// Whether an address lies in a network that is not the public internet (loopback, private,
/// link-local, shared, documentation …). `ip` in text; what is no address counts as private. Pure.
bool is_private_address(std::string_view ip);

}  // namespace zhiyin::server
