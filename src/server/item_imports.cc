#include "server/item_imports.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <memory>
#include <unordered_set>

#include "base/file.h"
#include "catalogue/feed.h"
#include "server/wechat_calls.h"

namespace zhiyin::server {
namespace {

using storage::Row;
using storage::Rows;

constexpr Instant kAnyTime{std::numeric_limits<std::int64_t>::max()};

constexpr storage::Migration kMigrations[] = {{"server-item-001-feeds",
                                               "CREATE TABLE item_feed("
                                               "  url TEXT PRIMARY KEY,"
                                               "  kind TEXT NOT NULL,"
                                               "  title TEXT NOT NULL,"
                                               "  etag TEXT NOT NULL,"
                                               "  last_modified TEXT NOT NULL,"
                                               "  asked_at BIGINT NOT NULL,"
                                               "  items BIGINT NOT NULL,"
                                               "  error TEXT NOT NULL)"}};

std::string text_of(const storage::Value& v) { return std::string(storage::as_text(v)); }

bool is_web_address(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

// Addresses

struct Network {
  std::array<std::uint8_t, 4> first;
  int bits;
};
constexpr Network kPrivate[] = {
    {{0, 0, 0, 0}, 8},      {{10, 0, 0, 0}, 8},    {{100, 64, 0, 0}, 10},   {{127, 0, 0, 0}, 8},
    {{169, 254, 0, 0}, 16}, {{172, 16, 0, 0}, 12}, {{192, 0, 0, 0}, 24},    {{192, 0, 2, 0}, 24},
    {{192, 168, 0, 0}, 16}, {{198, 18, 0, 0}, 15}, {{198, 51, 100, 0}, 24}, {{203, 0, 113, 0}, 24},
    {{224, 0, 0, 0}, 3}};

bool is_private_v4(std::span<const std::uint8_t, 4> ip) {
  const auto number = [](std::span<const std::uint8_t, 4> b) {
    return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
  };
  return std::ranges::any_of(kPrivate, [&](const Network& net) {
    const std::uint32_t mask = ~std::uint32_t{0} << (32 - net.bits);
    return (number(ip) & mask) == number(net.first);
  });
}

bool is_private_v6(std::span<const std::uint8_t, 16> ip) {
  const bool begins_with_zeros =
      std::ranges::all_of(ip.first(10), [](std::uint8_t b) { return b == 0; });
  // ::ffff:a.b.c.d, and ::a.b.c.d with :: and ::1 among them.
  if (begins_with_zeros && ((ip[10] == 0xFF && ip[11] == 0xFF) || (ip[10] == 0 && ip[11] == 0)))
    return is_private_v4(ip.last<4>());
  if (ip[0] == 0x00 && ip[1] == 0x64 && ip[2] == 0xFF && ip[3] == 0x9B)
    return is_private_v4(ip.last<4>());  // NAT64
  return (ip[0] & 0xE0) != 0x20 ||       // all that is not global unicast
         (ip[0] == 0x20 && ip[1] == 0x01 && ip[2] == 0x0D && ip[3] == 0xB8) ||
         (ip[0] == 0x20 && ip[1] == 0x02);  // 6to4 hides an address of version 4
}

/// Host of an address, without brackets and port; empty when there is none.
std::string host_of(std::string_view url) {
  std::string_view rest = url.substr(url.find("//") + 2);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos)
    rest.remove_prefix(at + 1);
  if (rest.starts_with('[')) return std::string(rest.substr(1, rest.find(']') - 1));
  return std::string(rest.substr(0, rest.find(':')));
}

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

Result<void> check_public(const std::string& url) {
  const std::string host = host_of(url);
  if (host.empty()) return fail_field("feed", "'{}' names no host", url.substr(0, 200));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = getaddrinfo(host.c_str(), nullptr, &hints, &found); code != 0)
    return fail(ErrorCode::kUnavailable, "feed: {}: {}", host, gai_strerror(code));
  const std::unique_ptr<addrinfo, FreeAddresses> list(found);
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    char shown[INET6_ADDRSTRLEN] = {};
    const void* bytes = nullptr;
    if (one->ai_family == AF_INET)
      bytes = &reinterpret_cast<const sockaddr_in*>(one->ai_addr)->sin_addr;  // NOLINT: its type
    if (one->ai_family == AF_INET6)
      bytes = &reinterpret_cast<const sockaddr_in6*>(one->ai_addr)->sin6_addr;  // NOLINT: its type
    if (bytes == nullptr || inet_ntop(one->ai_family, bytes, shown, sizeof shown) == nullptr ||
        is_private_address(shown))
      return fail(ErrorCode::kPermissionDenied,
                  "feed: {} is a private address ({}); catalogue.private_feeds allows it", host,
                  shown);
  }
  return {};
}

// Fetching

struct Remembered {
  std::string url, kind, title, etag, last_modified;
};
struct Fetched {
  bool unchanged = false;
  std::string bytes, url, charset, etag, last_modified;
};

std::string charset_of(std::string_view type) {
  constexpr std::string_view kName = "charset=";
  std::size_t at = type.find(kName);
  if (at == std::string_view::npos) return {};
  std::string_view value = type.substr(at + kName.size());
  value = value.substr(0, value.find(';'));
  while (value.starts_with('"') || value.starts_with(' ')) value.remove_prefix(1);
  while (value.ends_with('"') || value.ends_with(' ')) value.remove_suffix(1);
  return std::string(value);
}

Result<Fetched> fetch(Services& s, const Remembered& known) {
  constexpr int kRedirectionsMax = 3;
  constexpr std::chrono::milliseconds kPatience{20'000};
  constexpr std::size_t kHeaderBytesMax = 1024;
  const auto kept = [](std::string_view value) {
    return value.size() <= kHeaderBytesMax ? std::string(value) : std::string();
  };
  std::string url = known.url;
  for (int i = 0; i <= kRedirectionsMax; ++i) {
    if (!s.options.boolean("catalogue.private_feeds")) ZHIYIN_TRY_VOID(check_public(url));
    http::ClientRequest request;
    request.url = url;
    request.timeout = kPatience;
    request.response_bytes_max = catalogue::kFeedBytesMax;
    request.headers = {{"Accept",
                        "application/rss+xml, application/atom+xml, application/feed+json,"
                        " application/xml;q=0.9, */*;q=0.1"},
                       {"User-Agent", "zhiyin"}};
    if (!known.etag.empty()) request.headers.emplace_back("If-None-Match", known.etag);
    if (!known.last_modified.empty())
      request.headers.emplace_back("If-Modified-Since", known.last_modified);
    auto answer = s.http.send_and_wait(std::move(request));
    if (!answer) return std::unexpected(within("feed", std::move(answer.error().error)));
    if (answer->status == 304) return Fetched{.unchanged = true};
    const bool moved = answer->status == 301 || answer->status == 302 || answer->status == 303 ||
                       answer->status == 307 || answer->status == 308;
    if (moved) {
      const std::string to =
          catalogue::resolved_url(url, http::header(answer->headers, "Location"));
      if (to.empty()) return fail(ErrorCode::kUnavailable, "feed: {} leads to no web address", url);
      url = to;
      continue;
    }
    if (answer->status != 200)
      return fail(ErrorCode::kUnavailable, "feed: {} answered {}", url, answer->status);
    return Fetched{false,
                   std::move(answer->body),
                   url,
                   charset_of(http::header(answer->headers, "Content-Type")),
                   kept(http::header(answer->headers, "ETag")),
                   kept(http::header(answer->headers, "Last-Modified"))};
  }
  return fail(ErrorCode::kUnavailable, "feed: {} leads on more than {} times", known.url,
              kRedirectionsMax);
}

// Storing

Json skipped_json(const std::vector<std::string>& reasons) {
  constexpr std::size_t kShown = 100;
  Json out = Json::array();
  for (const std::string& reason : std::span(reasons).first(std::min(kShown, reasons.size())))
    out.push(reason);
  return out;
}

/// Those that are there are removed; returns how many.
Result<std::size_t> remove_all(catalogue::Items& items, const std::vector<ingest::ItemRef>& refs) {
  std::size_t removed = 0;
  for (const ingest::ItemRef& ref : refs) {
    const auto done = items.remove(ref);
    if (done) ++removed;
    if (!done && done.error().code != ErrorCode::kNotFound) return std::unexpected(done.error());
  }
  return removed;
}

Result<Json> store(Services& s, const catalogue::Feed& feed, const std::string& kind) {
  ZHIYIN_TRY_VOID(s.items.put(feed.items));
  std::vector<ingest::ItemRef> gone;
  for (const std::string& id : feed.deleted) gone.push_back({kind, id});
  ZHIYIN_TRY(const std::size_t removed, remove_all(s.items, gone));
  return Json()
      .set("title", feed.title)
      .set("stored", feed.items.size())
      .set("removed", removed)
      .set("unchanged", false)
      .set("skipped", skipped_json(feed.skipped));
}

/// The feed of that address, or (`url` empty) the one asked longest ago, at `before` or earlier; at
/// most one.
Result<std::vector<Remembered>> remembered(Services& s, const std::string& url, Instant before) {
  ZHIYIN_TRY(const Rows rows,
             s.state.query("SELECT url, kind, title, etag, last_modified FROM item_feed"
                           " WHERE (?1 = '' OR url = ?1) AND asked_at <= ?2"
                           " ORDER BY asked_at, url LIMIT 1",
                           {url, before.us}));
  std::vector<Remembered> out;
  for (const Row& row : rows.rows)
    out.push_back(
        {text_of(row[0]), text_of(row[1]), text_of(row[2]), text_of(row[3]), text_of(row[4])});
  return out;
}

Result<void> remember(Services& s, const Remembered& feed, Instant now, std::int64_t items,
                      const std::string& error) {
  return s.state.write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY(const Rows count,
               db.query("SELECT COUNT(*) FROM item_feed WHERE url <> ?1", {feed.url}));
    if (storage::as_int(count.rows.at(0).at(0)) >= static_cast<std::int64_t>(kFollowedFeedsMax))
      return fail(ErrorCode::kLimitReached, "feed: {} are followed already", kFollowedFeedsMax);
    ZHIYIN_TRY_VOID(db.execute(
        "INSERT INTO item_feed(url, kind, title, etag, last_modified, asked_at, items, error)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(url) DO UPDATE SET"
        " kind = excluded.kind, title = excluded.title, etag = excluded.etag,"
        " last_modified = excluded.last_modified, asked_at = excluded.asked_at,"
        " items = CASE WHEN excluded.items < 0 THEN item_feed.items ELSE excluded.items END,"
        " error = excluded.error",
        {feed.url, feed.kind, feed.title, feed.etag, feed.last_modified, now.us, items, error}));
    return {};
  });
}

/// How many items the feed has, as far as the outcome says.
constexpr std::int64_t kAsBefore = -1;
std::int64_t stored_by(const Json& outcome) {
  return outcome["unchanged"].bool_or(false) ? kAsBefore : outcome["stored"].int_or(0);
}

/// Asks an address, stores what it answers, and says in `feed` what to ask with next time.
Result<Json> import_address(Services& s, Remembered& feed) {
  ZHIYIN_TRY(const Fetched fetched, fetch(s, feed));
  if (fetched.unchanged) {
    return Json()
        .set("title", feed.title)
        .set("stored", 0)
        .set("removed", 0)
        .set("unchanged", true)
        .set("skipped", Json::array());
  }
  ZHIYIN_TRY(const auto parsed, catalogue::parse_feed(fetched.bytes, {.kind = feed.kind,
                                                                      .url = fetched.url,
                                                                      .charset = fetched.charset}));
  ZHIYIN_TRY(Json out, store(s, parsed, feed.kind));
  feed.title = parsed.title;
  feed.etag = fetched.etag;
  feed.last_modified = fetched.last_modified;
  return out;
}

// The account's articles

catalogue::Item item_of(const Json& article, const std::string& id, std::int64_t seconds) {
  constexpr std::size_t kTextBytesMax = 200'000;
  const auto text = [&](std::string_view key) { return std::string(article[key].string_or("")); };
  catalogue::Item out;
  out.kind = "article";
  out.id = id;
  out.title = text("title");
  out.text = catalogue::html_text(text("content"));
  if (out.text.empty()) out.text = text("digest");
  if (out.text.size() > kTextBytesMax) {
    std::size_t end = kTextBytesMax;
    while (end > 0 && (static_cast<unsigned char>(out.text[end]) & 0xC0) == 0x80) --end;
    out.text.resize(end);
  }
  out.author = text("author");
  if (std::string url = text("url"); is_web_address(url)) out.url = std::move(url);
  if (std::string cover = text("thumb_url"); is_web_address(cover)) out.cover = std::move(cover);
  if (seconds > 0) out.published_at = Instant{seconds * 1'000'000};
  return out;
}

struct AccountArticles {
  std::string account;
  std::vector<catalogue::Item> items;
  std::vector<ingest::ItemRef> deleted;
  std::vector<std::string> skipped;

  [[nodiscard]] std::size_t size() const { return items.size() + deleted.size() + skipped.size(); }
  void add(const Json& article, const std::string& id, std::int64_t seconds) {
    if (article["is_deleted"].bool_or(false)) {
      deleted.push_back({"article", id});
      return;
    }
    catalogue::Item item = item_of(article, id, seconds);
    item.account = account;
    if (const auto checked = catalogue::validate(item); !checked) {
      skipped.push_back(fmt::format("article {}: {}", id, checked.error().text()));
      return;
    }
    items.push_back(std::move(item));
  }
};

/// What a method lists in pages, newest first: publications, or news of the library. `id`: what
/// names one.
Result<void> add_listed(Services& s, const AccountId& account, std::string_view method,
                        std::string_view id, std::size_t most, AccountArticles& out) {
  constexpr std::int64_t kPage = 20;
  for (std::int64_t offset = 0;; offset += kPage) {
    Json ask = Json().set("offset", offset).set("count", kPage);
    if (method == "material_list") {
      ask.set("type", "news");
    } else {
      ask.set("no_content", 0);
    }
    ZHIYIN_TRY(const auto answer, wechat_call(s, account, method, std::move(ask)));
    constexpr std::size_t kPageBytesMax = 64 << 20;
    ZHIYIN_TRY(const Json page, parse_json(answer.body, kPageBytesMax));
    const Json::Array* const publications = page["item"].if_array();
    if (publications == nullptr || publications->empty()) return {};
    for (const Json& publication : *publications) {
      const Json::Array* const articles = publication["content"]["news_item"].if_array();
      for (std::size_t i = 0; articles != nullptr && i < articles->size(); ++i) {
        if (out.size() >= most) return {};
        out.add((*articles)[i], fmt::format("{}:{}", publication[id].string_or(""), i + 1),
                publication["update_time"].int_or(0));
      }
    }
    if (offset + kPage >= page["total_count"].int_or(0)) return {};
  }
}

/// What of the library was published too (the same address, or without one the same title) is there
/// already.
void drop_known(AccountArticles& out, std::size_t published) {
  std::unordered_set<std::string> known;
  const auto key = [](const catalogue::Item& item) {
    return item.url.empty() ? item.title : item.url;
  };
  for (std::size_t i = 0; i < published; ++i) {
    known.insert(key(out.items[i]));
    known.insert(out.items[i].title);
  }
  std::vector<catalogue::Item> kept;
  for (std::size_t i = 0; i < out.items.size(); ++i) {
    if (i < published || (known.insert(key(out.items[i])).second &&
                          !(known.contains(out.items[i].title) && out.items[i].url.empty())))
      kept.push_back(std::move(out.items[i]));
  }
  out.items = std::move(kept);
}

}  // namespace

std::span<const storage::Migration> item_import_migrations() { return kMigrations; }

bool is_private_address(std::string_view ip) {
  const std::string text(ip);
  std::array<std::uint8_t, 4> v4{};
  if (inet_pton(AF_INET, text.c_str(), v4.data()) == 1) return is_private_v4(v4);
  std::array<std::uint8_t, 16> v6{};
  if (inet_pton(AF_INET6, text.c_str(), v6.data()) == 1) return is_private_v6(v6);
  return true;
}

Result<Json> import_feed(Services& s, const FeedImport& given) {
  catalogue::Item any;
  any.kind = given.kind;
  any.id = any.title = "any";
  ZHIYIN_TRY_VOID(catalogue::validate(any));
  if (!is_web_address(given.source)) {
    if (given.follow) return fail_field("follow", "only addresses can be asked again");
    ZHIYIN_TRY(const std::string bytes, read_file(given.source, catalogue::kFeedBytesMax));
    ZHIYIN_TRY(const auto parsed, catalogue::parse_feed(bytes, {.kind = given.kind}));
    return store(s, parsed, given.kind);
  }
  Remembered feed{given.source, given.kind, {}, {}, {}};
  ZHIYIN_TRY(auto known, remembered(s, given.source, kAnyTime));
  // What another kind was made of is made anew.
  if (!known.empty() && known[0].kind == given.kind) feed = known[0];
  ZHIYIN_TRY(Json out, import_address(s, feed));
  if (given.follow || !known.empty()) {
    ZHIYIN_TRY_VOID(remember(s, feed, s.clock.now(), stored_by(out), ""));
  }
  return out;
}

Result<bool> refresh_feed(Services& s, Instant now) {
  const Duration every = s.options.duration("catalogue.feed_every");
  if (every <= Duration{0}) return false;
  ZHIYIN_TRY(auto due, remembered(s, "", now - every));
  if (due.empty()) return false;
  Remembered& feed = due[0];
  const auto done = import_address(s, feed);
  ZHIYIN_TRY_VOID(remember(s, feed, now, done ? stored_by(*done) : kAsBefore,
                           done ? std::string() : done.error().text()));
  return true;
}

Result<Json> list_feeds(Services& s) {
  ZHIYIN_TRY(const Rows rows,
             s.state.query("SELECT url, kind, title, asked_at, items, error FROM item_feed"
                           " ORDER BY url"));
  Json out = Json::array();
  for (const Row& row : rows.rows) {
    out.push(Json()
                 .set("url", text_of(row[0]))
                 .set("kind", text_of(row[1]))
                 .set("title", text_of(row[2]))
                 .set("asked_at", to_json(Instant{storage::as_int(row[3])}))
                 .set("items", storage::as_int(row[4]))
                 .set("error", text_of(row[5])));
  }
  return Json().set("items", std::move(out));
}

Result<void> forget_feed(Services& s, std::string_view url) {
  return s.state.write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY(const auto removed,
               db.execute("DELETE FROM item_feed WHERE url = ?1", {std::string(url)}));
    if (removed == 0)
      return fail(ErrorCode::kNotFound, "feed: {} is not followed", url.substr(0, 200));
    return {};
  });
}

Result<Json> import_account_articles(Services& s, const AccountId& id, std::size_t most,
                                     bool with_library) {
  if (most < 1 || most > kAccountArticlesMax)
    return fail_field("most", "is {}, expected 1 to {}", most, kAccountArticlesMax);
  AccountArticles found{id.value, {}, {}, {}};
  ZHIYIN_TRY_VOID(add_listed(s, id, "publish_list", "article_id", most, found));
  const std::size_t published = found.items.size();
  if (with_library) {
    ZHIYIN_TRY_VOID(add_listed(s, id, "material_list", "media_id", most, found));
    drop_known(found, published);
  }
  ZHIYIN_TRY_VOID(s.items.put(found.items));
  ZHIYIN_TRY(const std::size_t removed, remove_all(s.items, found.deleted));
  return Json()
      .set("stored", found.items.size())
      .set("from_library", found.items.size() - published)
      .set("removed", removed)
      .set("skipped", skipped_json(found.skipped));
}

}  // namespace zhiyin::server
