#include "server/erasures.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "audience/erase.h"
#include "audience/traits.h"
#include "ingest/event.h"
#include "storage/outbox.h"

namespace zhiyin::server {
namespace {

using storage::as_int;
using storage::as_text;
using storage::IdentityHash;
using storage::Session;

constexpr storage::Migration kMigrations[] = {
    {"server-012-erasure-request",
     "CREATE TABLE erasure_request ("
     " id BIGINT PRIMARY KEY, identity BYTEA NOT NULL, account TEXT NOT NULL, what TEXT NOT NULL,"
     " asked_at BIGINT NOT NULL, queued_at BIGINT NOT NULL, due_at BIGINT NOT NULL, tries BIGINT "
     "NOT NULL,"
     " error TEXT NOT NULL, done_at BIGINT, certificate TEXT NOT NULL);"
     "CREATE INDEX erasure_request_open ON erasure_request (due_at) WHERE done_at IS NULL"}};

constexpr std::string_view kPerson = "person";
constexpr std::string_view kProfile = "profile";

std::optional<std::string_view> asked_for(const ingest::Event& event) {
  if (event.source != "wechat" || event.identities.empty()) return std::nullopt;
  if (event.kind == "wechat.user_authorization_cancellation") return kPerson;
  if (event.kind == "wechat.user_info_modified") return kProfile;
  return std::nullopt;
}

struct Request {
  std::int64_t id = 0;
  IdentityHash identity{};
  std::string account;
  std::string what;
  Instant asked_at;
  std::int64_t tries = 0;
};

Result<std::vector<Request>> due(storage::State& state, Instant now) {
  ZHIYIN_TRY(const storage::Rows rows,
             state.query("SELECT id, identity, account, what, asked_at, tries FROM erasure_request "
                         "WHERE done_at IS NULL AND due_at <= ?1 ORDER BY due_at, id LIMIT ?2",
                         {now.us, static_cast<std::int64_t>(kErasuresAtOnce)}));
  std::vector<Request> out;
  for (const storage::Row& row : rows.rows) {
    out.push_back({as_int(row[0]),
                   storage::from_blob(row[1]),
                   std::string(as_text(row[2])),
                   std::string(as_text(row[3])),
                   {as_int(row[4])},
                   as_int(row[5])});
  }
  return out;
}

/// `next` of the page before: MICROSECONDS:NUMBER.
Result<std::pair<std::int64_t, std::int64_t>> place_of(std::string_view after) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  std::pair<std::int64_t, std::int64_t> place{kMost, kMost};
  if (after.empty()) return place;
  const char* const end = after.data() + after.size();
  const auto time = std::from_chars(after.data(), end, place.first);
  const bool is_split = time.ec == std::errc() && time.ptr != end && *time.ptr == ':';
  const auto id = is_split ? std::from_chars(time.ptr + 1, end, place.second) : time;
  if (!is_split || id.ec != std::errc() || id.ptr != end)
    return fail_field("after", "'{}' is no `next` of a page of this list", after.substr(0, 80));
  return place;
}

Result<void> finish(Session& session, const Request& request, const Json& certificate,
                    Instant now) {
  ZHIYIN_TRY_VOID(session.execute(
      "UPDATE erasure_request SET done_at = ?2, tries = tries + 1, error = '', certificate = ?3 "
      "WHERE id = ?1",
      {request.id, now.us, certificate.is_null() ? std::string() : certificate.dump()}));
  return {};
}

/// Nicknames and pictures, however the site calls the traits.
bool is_of_profile(std::string_view trait) {
  constexpr std::string_view kNames[] = {
      "nickname",   "nick",    "wechatnickname", "avatar",         "avatarurl",
      "headimgurl", "headimg", "profilephoto",   "profilepicture", "昵称",
      "微信昵称",   "头像",    "微信头像"};
  std::string plain;
  for (const char c : trait) {
    if (c == '_' || c == '-' || c == ' ') continue;
    plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return std::ranges::find(kNames, plain) != std::end(kNames);
}

/// The event that takes the traits away, where there are any.
Result<std::optional<storage::NewRecord>> taking_away(const ErasureParts& parts,
                                                      const Request& request,
                                                      const PersonId& person) {
  ZHIYIN_TRY(const audience::PersonView view, parts.people.view(person));
  Json taken = Json::object();
  for (const auto& [name, trait] : audience::traits_of(view, parts.clock.now())) {
    if (is_of_profile(name)) taken.set(name, Json());
  }
  if (taken.if_object()->empty()) return std::optional<storage::NewRecord>();
  ZHIYIN_TRY(const std::vector<int> partitions,
             parts.people.vault().partitions(std::span(&request.identity, 1)));
  ingest::Event event;
  event.event_id = fmt::format("profile.{}", request.id);
  event.account = request.account;
  event.identities = {request.identity};
  event.kind = "trait.set";
  event.properties = taken.dump();
  event.occurred_at = request.asked_at;
  event.received_at = parts.clock.now();
  event.source = "own";
  return std::optional(storage::NewRecord{partitions.front(), ingest::encode_event(event)});
}

Result<void> forget_profile(const ErasureParts& parts, const Request& request,
                            const PersonId& person) {
  ZHIYIN_TRY(const auto record, taking_away(parts, request, person));
  return parts.state.write([&](Session& session) -> Result<void> {
    if (record) ZHIYIN_TRY_VOID(storage::Outbox::put(session, storage::Stream::kEvents, *record));
    return finish(session, request, {}, parts.clock.now());
  });
}

Result<void> forget_person(const ErasureParts& parts, const Request& request,
                           const PersonId& person) {
  if (parts.forget) ZHIYIN_TRY_VOID(parts.forget(person));
  ZHIYIN_TRY(const auto certificate,
             audience::erase(parts.people, person, parts.clock.now(), parts.recent));
  ZHIYIN_TRY_VOID(parts.state.write([&](Session& session) {
    return finish(session, request, audience::to_json(certificate), parts.clock.now());
  }));
  parts.logger.info(
      "server", "person_erased",
      {{"account", request.account}, {"request", request.id}, {"digest", certificate.digest}});
  return {};
}

Result<void> carry_out(const ErasureParts& parts, const Request& request) {
  const Result<PersonId> person = parts.people.of_identity(request.identity);
  if (!person && person.error().code != ErrorCode::kNotFound)
    return std::unexpected(person.error());
  if (!person) {  // erased meanwhile, by whoever
    return parts.state.write(
        [&](Session& session) { return finish(session, request, {}, parts.clock.now()); });
  }
  return request.what == kPerson ? forget_person(parts, request, *person)
                                 : forget_profile(parts, request, *person);
}

Result<void> put_off(const ErasureParts& parts, const Request& request, const Error& error) {
  constexpr Duration kFirst = std::chrono::minutes(1);
  constexpr std::int64_t kDoublingsMax = 12;
  const Duration wait =
      std::min<Duration>(kFirst * (1LL << std::min(request.tries, kDoublingsMax)), kDay);
  parts.logger.error(
      "server", "erasure_failed",
      {{"account", request.account}, {"request", request.id}, {"error", error.text()}});
  return parts.state.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute(
        "UPDATE erasure_request SET due_at = ?2, tries = tries + 1, error = ?3 WHERE id = ?1",
        {request.id, (parts.clock.now() + wait).us, error.text()}));
    return {};
  });
}

}  // namespace

std::span<const storage::Migration> ErasureRequests::migrations() { return kMigrations; }

Result<void> ErasureRequests::apply(Session& session, std::span<const ingest::LoggedEvent> events) {
  for (const ingest::LoggedEvent& logged : events) {
    const auto what = asked_for(logged.event);
    if (!what) continue;
    // Its place in the log is its number: the same again, however often the log is read.
    const std::int64_t id = logged.offset * storage::kPartitions + logged.partition;
    ZHIYIN_TRY_VOID(session.execute(
        "INSERT INTO erasure_request (id, identity, account, what, asked_at, queued_at, due_at, "
        "tries, error, certificate) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 0, '', '') "
        "ON CONFLICT (id) DO NOTHING",
        {id, storage::to_blob(logged.event.identities.front()), logged.event.account,
         std::string(*what), logged.event.occurred_at.us, logged.event.received_at.us}));
  }
  return {};
}

Result<std::size_t> carry_out_erasures(const ErasureParts& parts) {
  ZHIYIN_TRY(const std::vector<Request> requests, due(parts.state, parts.clock.now()));
  if (requests.empty()) return std::size_t{0};
  ZHIYIN_TRY_VOID(parts.settle());  // what was acknowledged before goes with the rest
  std::size_t done = 0;
  for (const Request& request : requests) {
    const Result<void> outcome = carry_out(parts, request);
    if (outcome) {
      ++done;
    } else {
      ZHIYIN_TRY_VOID(put_off(parts, request, outcome.error()));
    }
  }
  ZHIYIN_TRY_VOID(parts.settle());  // the warehouse forgets whose events they were
  return done;
}

Result<Json> list_erasures(storage::State& state, std::string_view after, std::size_t limit) {
  ZHIYIN_TRY(const auto place, place_of(after));
  ZHIYIN_TRY(const storage::Rows rows,
             state.query("SELECT id, account, what, asked_at, done_at, tries, error, certificate, "
                         "queued_at FROM erasure_request WHERE queued_at < ?1 OR (queued_at = ?1 "
                         "AND id < ?2) ORDER BY queued_at DESC, id DESC LIMIT ?3",
                         {place.first, place.second, static_cast<std::int64_t>(limit)}));
  Json items = Json::array();
  for (const storage::Row& row : rows.rows) {
    Json certificate;
    if (const std::string_view text = as_text(row[7]); !text.empty()) {
      ZHIYIN_TRY(certificate, parse_json(text));
    }
    items.push(
        Json()
            .set("id", as_int(row[0]))
            .set("account", as_text(row[1]))
            .set("what", as_text(row[2]))
            .set("asked_at", to_json(Instant{as_int(row[3])}))
            .set("done_at", storage::is_null(row[4]) ? Json() : to_json(Instant{as_int(row[4])}))
            .set("tries", as_int(row[5]))
            .set("error", as_text(row[6]))
            .set("certificate", std::move(certificate)));
  }
  Json next;
  if (rows.rows.size() == limit) {
    const storage::Row& last = rows.rows.back();
    next = fmt::format("{}:{}", as_int(last[8]), as_int(last[0]));
  }
  return Json().set("items", std::move(items)).set("next", std::move(next));
}

}  // namespace zhiyin::server
