#include "server/auth.h"

#include <algorithm>

#include "base/crypto.h"
#include "base/utf8.h"

namespace zhiyin::server {
namespace {

constexpr std::int64_t kCacheLifeUs = 5'000'000;
constexpr std::size_t kCacheMax = 10'000;
constexpr std::size_t kPeersMax = 10'000;
constexpr std::string_view kBearer = "Bearer ";
constexpr std::string_view kCookie = "zhiyin_session=";

constexpr storage::Migration kAuthMigrations[] = {
    {"server-001-auth",
     "CREATE TABLE api_key (id TEXT PRIMARY KEY, name TEXT NOT NULL, role BIGINT NOT NULL, "
     "accounts TEXT NOT NULL,"
     " hash BYTEA NOT NULL UNIQUE, created_at BIGINT NOT NULL);"
     "CREATE TABLE user_account (name TEXT PRIMARY KEY, role BIGINT NOT NULL, password TEXT NOT "
     "NULL,"
     " created_at BIGINT NOT NULL);"
     "CREATE TABLE session (hash BYTEA PRIMARY KEY, user_name TEXT NOT NULL, role BIGINT NOT NULL, "
     "csrf TEXT NOT NULL,"
     " expires_at BIGINT NOT NULL)"},
    // A session is worth what its user or key is worth at the moment; those of keys made before
    // must sign in again.
    {"server-004-session-key", "ALTER TABLE session ADD COLUMN key_hash BYTEA"}};
constexpr storage::Migration kAuditMigrations[] = {
    {"server-002-audit",
     "CREATE TABLE audit (id INTEGER PRIMARY KEY, at BIGINT NOT NULL, who TEXT NOT NULL, what TEXT "
     "NOT NULL,"
     " status BIGINT NOT NULL, detail TEXT NOT NULL)"}};

const std::string kUserPrefix = "user:";

std::unexpected<Error> denied(std::string_view why) {
  return fail(ErrorCode::kPermissionDenied, "{}", why);
}

std::string cookie_token(const http::Request& request) {
  std::string_view cookies = http::header(request.headers, "Cookie");
  while (!cookies.empty()) {
    const std::size_t end = std::min(cookies.find(';'), cookies.size());
    std::string_view one = cookies.substr(0, end);
    while (one.starts_with(' ')) one.remove_prefix(1);
    if (one.starts_with(kCookie)) return std::string(one.substr(kCookie.size()));
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
  }
  return {};
}

Json accounts_json(const std::vector<std::string>& accounts) {
  Json out = Json::array();
  for (const std::string& account : accounts) out.push(account);
  return out;
}

}  // namespace

std::span<const storage::Migration> Auth::migrations() { return kAuthMigrations; }
std::span<const storage::Migration> Audit::migrations() { return kAuditMigrations; }

Result<Json> Auth::create_key(const KeyRequest& request) {
  const std::string key = "zy_" + crypto::base64url(crypto::random_bytes(30));
  ZHIYIN_TRY_VOID(set_key(request, Secret(key)));
  Json out;
  out.set("id", crypto::hex(crypto::sha256(key)).substr(0, 16)).set("key", key);
  return out;
}

Result<void> Auth::set_key(const KeyRequest& request, const Secret& key) {
  const std::string hash = crypto::sha256(key.reveal());
  auto stored = state_.write([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("DELETE FROM api_key WHERE hash = ?1", {storage::Blob{hash}}));
    ZHIYIN_TRY_VOID(session.execute(
        "INSERT INTO api_key (id, name, role, accounts, hash, created_at) VALUES (?1, ?2, ?3, ?4, "
        "?5, ?6)",
        {crypto::hex(hash).substr(0, 16), request.name, static_cast<std::int64_t>(request.role),
         accounts_json(request.accounts).dump(), storage::Blob{hash}, real_clock_.now().us}));
    return {};
  });
  forget_cached();
  return stored;
}

Result<void> Auth::remove_key(std::string_view id) {
  std::int64_t changed = 0;
  ZHIYIN_TRY_VOID(state_.write([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute(
        "DELETE FROM session WHERE key_hash IN (SELECT hash FROM api_key WHERE id = ?1)",
        {std::string(id)}));
    ZHIYIN_TRY(changed, session.execute("DELETE FROM api_key WHERE id = ?1", {std::string(id)}));
    return {};
  }));
  forget_cached();
  if (changed == 0) return fail(ErrorCode::kNotFound, "key: there is no '{}'", id.substr(0, 64));
  return {};
}

Result<Json> Auth::list_keys() const {
  ZHIYIN_TRY(
      const auto rows,
      state_.query("SELECT id, name, role, accounts, created_at FROM api_key ORDER BY created_at"));
  Json items = Json::array();
  for (const auto& row : rows.rows) {
    Json one;
    one.set("id", storage::as_text(row[0])).set("name", storage::as_text(row[1]));
    one.set("role", enum_name(static_cast<Role>(storage::as_int(row[2]))));
    one.set("accounts", parse_json(storage::as_text(row[3])).value_or(Json::array()));
    one.set("created_at", to_json(Instant{storage::as_int(row[4])}));
    items.push(std::move(one));
  }
  return Json().set("items", std::move(items)).set("next", Json());
}

Result<bool> Auth::has_keys() const {
  ZHIYIN_TRY(const auto rows, state_.query("SELECT count(*) FROM api_key"));
  return storage::as_int(rows.rows.at(0).at(0)) > 0;
}

Result<void> Auth::create_user(const UserRequest& request) {
  const std::string hash = crypto::hash_password(request.password);
  auto done = state_.write([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute(
        "INSERT INTO user_account (name, role, password, created_at) VALUES (?1, ?2, ?3, ?4)",
        {request.name, static_cast<std::int64_t>(request.role), hash, real_clock_.now().us}));
    return {};
  });
  if (!done && done.error().code == ErrorCode::kConflict) {
    return fail(ErrorCode::kConflict, "user: '{}' exists already", request.name);
  }
  return done;
}

Result<void> Auth::remove_user(std::string_view name) {
  std::int64_t changed = 0;
  ZHIYIN_TRY_VOID(state_.write([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY(changed,
               session.execute("DELETE FROM user_account WHERE name = ?1", {std::string(name)}));
    ZHIYIN_TRY_VOID(session.execute("DELETE FROM session WHERE user_name = ?1",
                                    {kUserPrefix + std::string(name)}));
    return {};
  }));
  forget_cached();
  if (changed == 0) return fail(ErrorCode::kNotFound, "user: there is no '{}'", name.substr(0, 80));
  return {};
}

Result<Json> Auth::list_users() const {
  ZHIYIN_TRY(const auto rows,
             state_.query("SELECT name, role, created_at FROM user_account ORDER BY name"));
  Json items = Json::array();
  for (const auto& row : rows.rows) {
    Json one;
    one.set("name", storage::as_text(row[0]));
    one.set("role", enum_name(static_cast<Role>(storage::as_int(row[1]))));
    one.set("created_at", to_json(Instant{storage::as_int(row[2])}));
    items.push(std::move(one));
  }
  return Json().set("items", std::move(items)).set("next", Json());
}

Result<void> Auth::note_try(std::string_view remote) {
  const std::int64_t now = real_clock_.now().us;
  MutexLock lock(mutex_);
  if (tries_.size() > kPeersMax) tries_.clear();
  auto& tries = tries_[std::string(remote)];
  std::erase_if(tries, [&](std::int64_t at) { return at < now - 60'000'000; });
  if (tries.size() >= static_cast<std::size_t>(kSignInTriesPerMinute)) {
    return fail(ErrorCode::kLimitReached, "sign-in: too many tries; wait a minute");
  }
  tries.push_back(now);
  return {};
}

Result<Session> Auth::sign_in(const SignInRequest& request, std::string_view remote) {
  ZHIYIN_TRY_VOID(note_try(remote));
  Session session;
  storage::Value key_hash;
  if (request.key) {
    ZHIYIN_TRY(const Caller caller, by_key(*request.key));
    key_hash = storage::Blob{crypto::sha256(*request.key)};
    if (caller.role <= Role::kIngest) {
      return std::unexpected(Error{ErrorCode::kPermissionDenied,
                                   "this key only takes events in, it cannot sign in", "key"});
    }
    session.user = caller.name;
    session.role = caller.role;
  } else if (request.user && request.password) {
    ZHIYIN_TRY(
        const auto rows,
        state_.query("SELECT password, role FROM user_account WHERE name = ?1", {*request.user}));
    static const std::string unknown_user =
        crypto::hash_password("nobody");  // the same work either way
    const std::string hash =
        rows.rows.empty() ? unknown_user : std::string(storage::as_text(rows.rows[0][0]));
    if (!crypto::check_password(*request.password, hash) || rows.rows.empty()) {
      return denied("sign-in: wrong name or password");
    }
    session.user = kUserPrefix + *request.user;
    session.role = static_cast<Role>(storage::as_int(rows.rows[0][1]));
  } else {
    return fail(ErrorCode::kInvalidArgument, "sign-in: give user and password, or key");
  }
  session.token = Secret(crypto::base64url(crypto::random_bytes(32)));
  session.csrf = crypto::base64url(crypto::random_bytes(24));
  const std::int64_t now = real_clock_.now().us;
  ZHIYIN_TRY_VOID(state_.write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY_VOID(db.execute("DELETE FROM session WHERE expires_at < ?1", {now}));
    ZHIYIN_TRY_VOID(
        db.execute("INSERT INTO session (hash, user_name, role, csrf, expires_at, key_hash) VALUES "
                   "(?1, ?2, ?3, ?4, ?5, ?6)",
                   {storage::Blob{crypto::sha256(session.token.reveal())}, session.user,
                    static_cast<std::int64_t>(session.role), session.csrf,
                    now + kSessionLife.count(), key_hash}));
    return {};
  }));
  return session;
}

Result<void> Auth::sign_out(const http::Request& request) {
  const std::string token = cookie_token(request);
  forget_cached();
  return state_.write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY_VOID(
        db.execute("DELETE FROM session WHERE hash = ?1", {storage::Blob{crypto::sha256(token)}}));
    return {};
  });
}

Result<Caller> Auth::authenticate(const http::Request& request) {
  const std::string_view authorization = http::header(request.headers, "Authorization");
  if (authorization.starts_with(kBearer)) return by_key(authorization.substr(kBearer.size()));
  const std::string token = cookie_token(request);
  if (token.empty()) return denied("sign in, or send Authorization: Bearer KEY");
  ZHIYIN_TRY(Caller caller, by_session(token));
  const bool changes = request.method != "GET" && request.method != "HEAD";
  if (changes &&
      !crypto::equal_constant_time(http::header(request.headers, "X-CSRF-Token"), caller.csrf)) {
    return denied("the X-CSRF-Token header is missing or wrong");
  }
  return caller;
}

Result<Caller> Auth::by_key(std::string_view key) {
  const std::string hash = crypto::sha256(key);
  if (auto cached = cached_key(hash)) return std::move(*cached);
  const std::int64_t now = real_clock_.now().us;
  ZHIYIN_TRY(const Caller caller, stored_key(hash));
  MutexLock lock(mutex_);
  if (cache_.size() > kCacheMax) cache_.clear();
  cache_[hash] = {caller, now + kCacheLifeUs};
  return caller;
}

std::optional<Caller> Auth::cached_key(const std::string& hash) {
  const std::int64_t now = real_clock_.now().us;
  MutexLock lock(mutex_);
  const auto found = cache_.find(hash);
  if (found == cache_.end() || found->second.until_us <= now) return std::nullopt;
  return found->second.caller;
}

std::optional<Caller> Auth::known(const http::Request& request) {
  const std::string_view authorization = http::header(request.headers, "Authorization");
  if (!authorization.starts_with(kBearer)) return std::nullopt;
  return cached_key(crypto::sha256(authorization.substr(kBearer.size())));
}

Result<Caller> Auth::stored_key(const std::string& hash) const {
  ZHIYIN_TRY(const auto rows,
             state_.query("SELECT name, role, accounts FROM api_key WHERE hash = ?1",
                          {storage::Blob{hash}}));
  if (rows.rows.empty()) return denied("the key is not valid");
  Caller caller;
  caller.name = "key:" + std::string(storage::as_text(rows.rows[0][0]));
  caller.role = static_cast<Role>(storage::as_int(rows.rows[0][1]));
  ZHIYIN_TRY(const Json accounts, parse_json(storage::as_text(rows.rows[0][2])));
  for (const Json& account : *accounts.if_array())
    caller.accounts.emplace_back(account.string_or(""));
  return caller;
}

Result<Caller> Auth::by_session(std::string_view token) {
  const std::string hash = crypto::sha256(token);
  ZHIYIN_TRY(const auto rows,
             state_.query(
                 "SELECT user_name, role, csrf, expires_at, key_hash FROM session WHERE hash = ?1",
                 {storage::Blob{hash}}));
  if (rows.rows.empty() || storage::as_int(rows.rows[0][3]) < real_clock_.now().us) {
    return denied("the session has ended; sign in again");
  }
  const std::string owner(storage::as_text(rows.rows[0][0]));
  Caller caller;
  if (owner.starts_with(kUserPrefix)) {
    ZHIYIN_TRY(const auto user, state_.query("SELECT role FROM user_account WHERE name = ?1",
                                             {owner.substr(kUserPrefix.size())}));
    if (user.rows.empty()) return denied("the user is gone");
    caller.name = owner;
    caller.role = static_cast<Role>(storage::as_int(user.rows[0][0]));
  } else {
    ZHIYIN_TRY(caller, stored_key(std::string(storage::as_text(rows.rows[0][4]))));
  }
  caller.csrf = storage::as_text(rows.rows[0][2]);
  return caller;
}

void Auth::forget_cached() {
  MutexLock lock(mutex_);
  cache_.clear();
}

Result<void> Audit::record(std::string_view who, std::string_view what, int status,
                           std::string_view detail) {
  // Whoever asks decides on the length of names and paths, not on how much of the disk they fill.
  constexpr std::size_t kTextMax = 300;
  const auto cut = [](std::string_view text) {
    return utf8::cleaned(utf8::truncate(text, kTextMax));
  };
  return state_.write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY_VOID(
        db.execute("INSERT INTO audit (id, at, who, what, status, detail)"
                   " VALUES ((SELECT COALESCE(MAX(id), 0) + 1 FROM audit), ?1, ?2, ?3, ?4, ?5)",
                   {SystemClock().now().us, cut(who), cut(what), static_cast<std::int64_t>(status),
                    cut(detail)}));
    return {};
  });
}

Result<Json> Audit::list(std::int64_t before, std::size_t limit) const {
  const std::int64_t below = before > 0 ? before : std::int64_t{1} << 62;
  ZHIYIN_TRY(const auto rows, state_.query("SELECT id, at, who, what, status, detail FROM audit "
                                           "WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
                                           {below, static_cast<std::int64_t>(limit)}));
  Json items = Json::array();
  for (const auto& row : rows.rows) {
    Json one;
    one.set("id", storage::as_int(row[0])).set("at", to_json(Instant{storage::as_int(row[1])}));
    one.set("who", storage::as_text(row[2])).set("what", storage::as_text(row[3]));
    one.set("status", storage::as_int(row[4])).set("detail", storage::as_text(row[5]));
    items.push(std::move(one));
  }
  Json next;
  if (rows.rows.size() == limit) next = std::to_string(storage::as_int(rows.rows.back()[0]));
  return Json().set("items", std::move(items)).set("next", std::move(next));
}

}  // namespace zhiyin::server
