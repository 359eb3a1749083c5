#include "delivery/short_link.h"

#include <algorithm>

#include "base/crypto.h"
#include "base/utf8.h"
#include "delivery/touch.h"
#include "http/message.h"

namespace zhiyin::delivery {

using storage::as_text;
using storage::Rows;
using storage::Session;

namespace {

constexpr std::size_t kCodeBytes = 8;  // of randomness; 11 characters

bool is_plain_byte(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u > 0x20 && u != 0x7f && c != '\\' && c != '<' && c != '>' && c != '"';
}

/// What follows `http://` or `https://`; empty when the scheme is another.
std::string_view after_scheme(std::string_view url) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (url.starts_with(scheme)) return url.substr(scheme.size());
  }
  return {};
}

bool is_host(std::string_view authority) {
  if (authority.empty() || authority.front() == ':') return false;
  return std::all_of(authority.begin(), authority.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == ':' || c == '[' || c == ']' || c == '_';
  });
}

/// Bytes beyond ASCII as %XX, so that the address fits into a header.
std::string ascii_only(std::string_view url) {
  std::string out;
  for (const char c : url) {
    const auto u = static_cast<unsigned char>(c);
    if (u < 0x80) {
      out.push_back(c);
    } else {
      out += fmt::format("%{:02X}", u);
    }
  }
  return out;
}

struct StoredLink {
  ShortLink link;
  std::optional<Touch> touch;
};

/// Counts the visit and reads what the link belongs to.
Result<StoredLink> visit(Session& session, std::string_view code) {
  ZHIYIN_TRY(const Rows rows,
             session.query("UPDATE short_link SET visits = visits + 1 WHERE code = ?1 "
                           "RETURNING url, campaign, touch",
                           {std::string(code)}));
  if (rows.rows.empty()) {
    return fail(ErrorCode::kNotFound, "link: '{}' does not exist",
                utf8::is_valid(code) ? code.substr(0, 16) : "?");
  }
  StoredLink out;
  const storage::Row& row = rows.rows[0];
  out.link = {std::string(code), std::string(as_text(row[0])),
              CampaignId(std::string(as_text(row[1]))), TouchId(std::string(as_text(row[2])))};
  if (out.link.touch.empty()) return out;
  ZHIYIN_TRY(out.touch, SendLedger::find(session, out.link.touch));
  return out;
}

std::string location_of(const ShortLink& link) {
  std::string out = with_parameter(ascii_only(link.url), "zy_c", link.campaign.value);
  if (!link.touch.empty()) out = with_parameter(out, "zy_t", link.touch.value);
  return out;
}

ingest::WireEvent click_event(const ShortLink& link, const storage::Identity& who, Instant now) {
  ingest::WireEvent event;
  event.account = who.account;
  event.identities = {who};
  event.kind = "click";
  event.properties = Json::object();
  event.properties.set("campaign", link.campaign.value);
  event.properties.set("touch", link.touch.value);
  event.properties.set("link", link.code);
  event.occurred_at = now;
  return event;
}

}  // namespace

std::string with_parameter(std::string_view url, std::string_view name, std::string_view value) {
  const std::size_t hash = url.find('#');
  std::string out(url.substr(0, hash));
  const std::size_t question = out.find('?');
  if (question == std::string::npos) {
    out.push_back('?');
  } else if (out.back() != '?' && out.back() != '&') {
    out.push_back('&');
  }
  out += http::percent_encode(name) + "=" + http::percent_encode(value);
  if (hash != std::string_view::npos) out += url.substr(hash);
  return out;
}

Result<void> ShortLinks::check_url(std::string_view url) {
  if (url.size() > kUrlBytesMax) {
    return fail(ErrorCode::kInvalidArgument, "link: {} bytes, at most {} are allowed", url.size(),
                kUrlBytesMax);
  }
  if (!utf8::is_valid(url) || !std::all_of(url.begin(), url.end(), is_plain_byte)) {
    return fail(ErrorCode::kInvalidArgument, "link: holds blanks or control characters");
  }
  const std::string_view rest = after_scheme(url);
  if (rest.empty()) {
    return fail(ErrorCode::kInvalidArgument, "link: '{}' does not begin with http:// or https://",
                utf8::truncate(url, 80));
  }
  if (!is_host(rest.substr(0, rest.find_first_of("/?#")))) {
    return fail(ErrorCode::kInvalidArgument, "link: '{}' has no plain host name",
                utf8::truncate(url, 80));
  }
  return {};
}

Result<ShortLink> ShortLinks::create(Session& session, std::string_view url,
                                     const CampaignId& campaign, const TouchId& touch,
                                     Instant now) {
  ZHIYIN_TRY_VOID(check_url(url));
  const std::string code = crypto::base64url(crypto::random_bytes(kCodeBytes));
  ZHIYIN_TRY_VOID(session.execute(
      "INSERT INTO short_link (code, url, campaign, touch, created_at, visits) "
      "VALUES (?1, ?2, ?3, ?4, ?5, 0) ON CONFLICT (campaign, touch, url) DO NOTHING",
      {code, std::string(url), campaign.value, touch.value, now.us}));
  ZHIYIN_TRY(const Rows rows,
             session.query("SELECT code FROM short_link WHERE campaign = ?1 AND touch = ?2 "
                           "AND url = ?3",
                           {campaign.value, touch.value, std::string(url)}));
  if (rows.rows.empty()) return fail(ErrorCode::kInternal, "link: was not stored");
  return ShortLink{std::string(as_text(rows.rows[0][0])), std::string(url), campaign, touch};
}

Result<FollowedLink> ShortLinks::follow(std::string_view code, Instant now) {
  StoredLink stored;
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(stored, visit(session, code));
    return {};
  }));
  FollowedLink out{location_of(stored.link), std::nullopt};
  if (!stored.touch) return out;
  const Result<storage::Identity> who = vault_.reveal(stored.touch->identity);
  if (who) {
    out.event = click_event(stored.link, *who, now);
  } else if (who.error().code != ErrorCode::kNotFound) {
    return std::unexpected(who.error());  // erased people are led on, but no longer counted
  }
  return out;
}

Result<std::int64_t> ShortLinks::visits(Session& session, const CampaignId& campaign) {
  ZHIYIN_TRY(
      const Rows rows,
      session.query("SELECT SUM(visits) FROM short_link WHERE campaign = ?1", {campaign.value}));
  return rows.rows.empty() ? 0 : storage::as_int(rows.rows[0][0]);
}

}  // namespace zhiyin::delivery
