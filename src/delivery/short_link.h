#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "ingest/event.h"
#include "storage/state.h"
#include "storage/vault.h"

namespace zhiyin::delivery {

/// A tracked link, `/l/CODE`.
struct ShortLink {
  std::string code;
  std::string url;  ///< http or https, as the operator wrote it
  CampaignId campaign;
  TouchId touch;  ///< empty: one link for everybody
};

/// What a request for `/l/CODE` leads to.
struct FollowedLink {
  std::string location;  ///< `url` with `zy_c` (campaign) and, when known, `zy_t` (touch)
  /// The click by the touch's person, for the intake; absent when the link is for everybody (it is
  /// counted on the link instead, and the page's snippet reports who it was).
  std::optional<ingest::WireEvent> event;
};

/// Stored links; only stored targets are ever redirected to. Thread-safe.
class ShortLinks {
 public:
  static constexpr std::size_t kUrlBytesMax = 2048;

  ShortLinks(storage::State& state, storage::Vault& vault) : state_(state), vault_(vault) {}

  /// Fails with kInvalidArgument unless `url` is an absolute http or https address with a host,
  /// without user name, control characters or blanks, of at most kUrlBytesMax bytes.
  static Result<void> check_url(std::string_view url);

  /// A link with an unguessable code of 10 characters. The same campaign, touch and url give the
  /// link that exists already. Within the caller's transaction.
  static Result<ShortLink> create(storage::Session& session, std::string_view url,
                                  const CampaignId& campaign, const TouchId& touch, Instant now);

  /// Follows a link and counts the visit. kNotFound when there is no such code.
  [[nodiscard]] Result<FollowedLink> follow(std::string_view code, Instant now);

  /// Visits of the campaign's links.
  static Result<std::int64_t> visits(storage::Session& session, const CampaignId& campaign);

 private:
  storage::State& state_;
  storage::Vault& vault_;
};

/// `url` with a query parameter more, before its fragment. Pure.
std::string with_parameter(std::string_view url, std::string_view name, std::string_view value);

}  // namespace zhiyin::delivery
