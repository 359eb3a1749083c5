#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json_binding.h"
#include "base/mutex.h"
#include "base/secret.h"
#include "http/message.h"
#include "storage/state.h"

namespace zhiyin::server {

/// What a caller may do; a higher role may do everything that a lower one may. `kPage` stands in
/// public pages: it may only report what readers do there (POST /v1/collect). The numbers are
/// stored.
enum class Role : int { kPage = 0, kIngest = 1, kAnalyst = 2, kOperator = 3, kAdmin = 4 };

/// Who asks.
struct Caller {
  std::string name;  ///< `user:anna` or `key:website`
  Role role = Role::kIngest;
  std::vector<std::string> accounts;  ///< limits the caller to these; empty: all
  std::string csrf;                   ///< of a browser session; empty for keys
};

struct KeyRequest {
  std::string name;
  Role role = Role::kIngest;
  std::vector<std::string> accounts;
};
struct UserRequest {
  std::string name;
  Role role = Role::kAnalyst;
  std::string password;
};
struct SignInRequest {
  std::optional<std::string> user;
  std::optional<std::string> password;
  std::optional<std::string> key;
};

struct Session {
  Secret token;
  std::string csrf;
  std::string user;
  Role role = Role::kAnalyst;
};

/// API keys, console users, browser sessions. Keys and session tokens are stored as hashes only. A
/// session may do what its user or key may do now: it ends with them, and keeps a key's limits.
/// Sessions live in real time, whatever the domain clock does. Thread-safe.
class Auth {
 public:
  static constexpr Duration kSessionLife = std::chrono::hours(12);
  static constexpr int kSignInTriesPerMinute = 10;  ///< per peer address

  /// `state` must outlive this.
  explicit Auth(storage::State& state) : state_(state) {}
  static std::span<const storage::Migration> migrations();

  /// The key in clear, which is shown once.
  Result<Json> create_key(const KeyRequest& request);
  Result<void> remove_key(std::string_view id);
  [[nodiscard]] Result<Json> list_keys() const;
  [[nodiscard]] Result<bool> has_keys() const;
  /// Puts a given key in place (demo, tests); replaces one of the same name.
  Result<void> set_key(const KeyRequest& request, const Secret& key);

  Result<void> create_user(const UserRequest& request);
  Result<void> remove_user(std::string_view name);
  [[nodiscard]] Result<Json> list_users() const;

  /// kLimitReached after too many tries from this peer, kPermissionDenied on wrong credentials.
  Result<Session> sign_in(const SignInRequest& request, std::string_view remote);
  Result<void> sign_out(const http::Request& request);

  /// From the Authorization header or the session cookie. kPermissionDenied when neither is valid,
  /// or when a browser request that changes something lacks the right X-CSRF-Token.
  [[nodiscard]] Result<Caller> authenticate(const http::Request& request);

  /// The caller where that is known without asking the store (a key that was looked at within 5 s).
  [[nodiscard]] std::optional<Caller> known(const http::Request& request);

  /// Keys are looked at anew, as another process may have changed them; by itself that takes 5 s.
  void forget_cached() ZHIYIN_EXCLUDES(mutex_);

 private:
  [[nodiscard]] Result<Caller> by_key(std::string_view key);
  [[nodiscard]] std::optional<Caller> cached_key(const std::string& hash) ZHIYIN_EXCLUDES(mutex_);
  [[nodiscard]] Result<Caller> stored_key(const std::string& hash) const;
  [[nodiscard]] Result<Caller> by_session(std::string_view token);
  Result<void> note_try(std::string_view remote) ZHIYIN_EXCLUDES(mutex_);

  struct Cached {
    Caller caller;
    std::int64_t until_us;
  };
  storage::State& state_;
  SystemClock real_clock_;
  Mutex mutex_;
  std::map<std::string, Cached, std::less<>> cache_
      ZHIYIN_GUARDED_BY(mutex_);  // by hash; other processes' changes show after kCacheLife
  std::map<std::string, std::vector<std::int64_t>, std::less<>> tries_ ZHIYIN_GUARDED_BY(mutex_);
};

/// Who did what: appended, never changed. Thread-safe.
class Audit {
 public:
  explicit Audit(storage::State& state) : state_(state) {}
  static std::span<const storage::Migration> migrations();
  Result<void> record(std::string_view who, std::string_view what, int status,
                      std::string_view detail);
  /// Newest first; `before` is an id, 0 for the newest.
  [[nodiscard]] Result<Json> list(std::int64_t before, std::size_t limit) const;

 private:
  storage::State& state_;
};

}  // namespace zhiyin::server

namespace zhiyin {
template <>
struct EnumNames<server::Role> {
  static constexpr std::pair<server::Role, std::string_view> list[] = {
      {server::Role::kPage, "page"},
      {server::Role::kIngest, "ingest"},
      {server::Role::kAnalyst, "analyst"},
      {server::Role::kOperator, "operator"},
      {server::Role::kAdmin, "admin"}};
};
template <>
struct Fields<server::KeyRequest> {
  static constexpr std::string_view name = "KeyRequest";
  static constexpr auto list = field_list(
      field("name", &server::KeyRequest::name, "what the key is for").length(1, 80),
      field("role", &server::KeyRequest::role, "what it may do"),
      field("accounts", &server::KeyRequest::accounts, "limits the key to these accounts")
          .length(0, 1000)
          .optional());
};
template <>
struct Fields<server::UserRequest> {
  static constexpr std::string_view name = "UserRequest";
  static constexpr auto list = field_list(
      field("name", &server::UserRequest::name, "sign-in name").length(1, 80),
      field("role", &server::UserRequest::role, "what the user may do"),
      field("password", &server::UserRequest::password, "at least 8 characters").length(8, 200));
};
template <>
struct Fields<server::SignInRequest> {
  static constexpr std::string_view name = "SignIn";
  static constexpr auto list =
      field_list(field("user", &server::SignInRequest::user, "sign-in name").length(0, 80),
                 field("password", &server::SignInRequest::password, "").length(0, 200),
                 field("key", &server::SignInRequest::key, "an API key instead").length(0, 200));
};
}  // namespace zhiyin
