#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/json_binding.h"
#include "base/secret.h"
#include "storage/state.h"
#include "storage/vault.h"
#include "wechat/policy.h"
#include "wechat/reply_rules.h"

namespace zhiyin::wechat {

inline constexpr std::string_view kPlatformUrl = "https://api.weixin.qq.com";

/// The numbers are stored: never change them.
enum class AccountKind : int {
  kService = 1,
  kSubscription = 2,
  kMiniProgram = 3,
  kWecom = 4,
  kAdvertiser = 5
};
/// How the platform sends callbacks. The numbers are stored: never change them.
enum class CallbackMode : int { kPlain = 1, kCompatible = 2, kSecure = 3 };
/// Which of the two independent families of access tokens. The numbers are stored: never change
/// them.
/// kWecom: of one application (AppID is the CorpID). kAds: Tencent Ads (AppID is client_id),
/// renewed by a refresh token.
enum class TokenKind : int { kStable = 1, kClassic = 2, kWecom = 3, kAds = 4 };

/// An official account with its secrets and its rules. A pure value.
struct Account {
  AccountId id;      ///< the operator's name of it, part of the callback's address
  std::string name;  ///< for people
  AccountKind kind = AccountKind::kService;
  bool verified = false;
  std::string app_id;       ///< `wx` and 16 characters
  std::string original_id;  ///< `gh_…`; empty: the receiver of callbacks is not compared
  std::string suite_id;     ///< of a third-party WeCom application; else empty
  Secret app_secret;        ///< empty: nothing can be called
  Secret token;             ///< for the signatures of callbacks; empty: callbacks are refused
  Secret encoding_aes_key;  ///< 43 characters; needed by compatible and secure mode
  Secret refresh_token;     ///< of advertisers: from the owner's authorisation
  CallbackMode mode = CallbackMode::kSecure;
  TokenKind token_kind = TokenKind::kStable;
  std::string zone = std::string(kDefaultZone);
  std::string base_url;  ///< empty: the installation's (the real platform unless set otherwise)
  ReplyRules reply_rules;
  Policy policy;
  std::int64_t version = 0;
  Instant created_at;
  Instant updated_at;
};

/// An account as a caller writes it (POST, PUT, `zhiyin account apply`). Secrets that are absent
/// stay as they are.
struct AccountInput {
  AccountId id;
  std::string name;
  AccountKind kind = AccountKind::kService;
  bool verified = false;
  std::string app_id;
  std::string original_id;
  std::string suite_id;
  std::optional<std::string> app_secret;
  std::optional<std::string> token;
  std::optional<std::string> encoding_aes_key;
  std::optional<std::string> refresh_token;
  CallbackMode mode = CallbackMode::kSecure;
  TokenKind token_kind = TokenKind::kStable;
  std::string zone = std::string(kDefaultZone);
  std::string base_url;
  ReplyRules reply_rules;
  Policy policy;
};

/// An account as a caller reads it: whether a secret is there, never what it is.
struct AccountView {
  AccountId id;
  std::string name;
  AccountKind kind = AccountKind::kService;
  bool verified = false;
  std::string app_id;
  std::string original_id;
  std::string suite_id;
  bool has_secret = false;
  bool has_token = false;
  bool has_encoding_aes_key = false;
  bool has_refresh_token = false;
  CallbackMode mode = CallbackMode::kSecure;
  TokenKind token_kind = TokenKind::kStable;
  std::string zone;
  std::string base_url;
  ReplyRules reply_rules;
  Policy policy;
  std::int64_t version = 0;
  Instant created_at;
  Instant updated_at;
};
AccountView view(const Account& account);

/// kInvalidArgument with the field that is wrong. Pure.
Result<void> validate(const Account& account);

/// Mass sends to chosen openids: verified service accounts only.
bool may_mass_send_by_openids(const Account& account);
/// Mass sends to a tag or to all: verified accounts only.
bool may_mass_send_by_tag(const Account& account);
/// Template messages: verified service accounts only.
bool may_send_templates(const Account& account);
/// Customer-service messages: verified accounts only.
bool may_send_customer_service(const Account& account);

/// The accounts of the installation, in state; secrets sealed by the installation's key.
/// Thread-safe.
class Accounts {
 public:
  static std::span<const storage::Migration> migrations();

  /// All must outlive this object.
  Accounts(storage::State& state, const storage::Vault& vault, const Clock& clock)
      : state_(state), vault_(vault), clock_(clock) {}

  /// By id.
  Result<std::vector<Account>> list() const;
  /// kNotFound when there is none.
  Result<Account> get(const AccountId& id) const;
  /// Its limits alone, within the caller's transaction. kNotFound as above.
  static Result<Policy> policy(storage::Session& session, const AccountId& id);
  /// What changes whenever the account does; quicker than reading it. kNotFound as above.
  struct Revision {
    std::int64_t version = 0;
    Instant updated_at;
  };
  Result<Revision> revision(const AccountId& id) const;
  /// kConflict when the id exists already.
  Result<Account> create(const AccountInput& input);
  /// Changes it: what `input` leaves at its default becomes the default, but absent secrets stay.
  /// kConflict when `if_version` is no longer the account's version, kNotFound when there is none.
  Result<Account> put(const AccountInput& input, std::int64_t if_version);
  /// Creates the account, or lays the members of `input` (an object of AccountInput) over what is
  /// stored, so that what a file does not mention stays as it is. A new account needs what `create`
  /// needs.
  Result<Account> apply(const Json& input);
  /// Forgets the account and its secrets; its events stay. kNotFound, kConflict as above.
  Result<void> remove(const AccountId& id, std::optional<std::int64_t> if_version);

 private:
  Result<Account> read(const storage::Row& row) const;
  Result<void> write(storage::Session& session, const Account& account) const;

  storage::State& state_;
  const storage::Vault& vault_;
  const Clock& clock_;
};

}  // namespace zhiyin::wechat

namespace zhiyin {

template <>
struct EnumNames<wechat::AccountKind> {
  static constexpr std::pair<wechat::AccountKind, std::string_view> list[] = {
      {wechat::AccountKind::kService, "service"},
      {wechat::AccountKind::kSubscription, "subscription"},
      {wechat::AccountKind::kMiniProgram, "mini_program"},
      {wechat::AccountKind::kWecom, "wecom"},
      {wechat::AccountKind::kAdvertiser, "advertiser"}};
};
template <>
struct EnumNames<wechat::CallbackMode> {
  static constexpr std::pair<wechat::CallbackMode, std::string_view> list[] = {
      {wechat::CallbackMode::kPlain, "plain"},
      {wechat::CallbackMode::kCompatible, "compatible"},
      {wechat::CallbackMode::kSecure, "secure"}};
};
template <>
struct EnumNames<wechat::TokenKind> {
  static constexpr std::pair<wechat::TokenKind, std::string_view> list[] = {
      {wechat::TokenKind::kStable, "stable_token"},
      {wechat::TokenKind::kClassic, "token"},
      {wechat::TokenKind::kWecom, "wecom"},
      {wechat::TokenKind::kAds, "ads"}};
};

template <>
struct Fields<wechat::AccountInput> {
  using S = wechat::AccountInput;
  static constexpr std::string_view name = "AccountInput";
  static constexpr auto list = field_list(
      field("id", &S::id, "name of the account in addresses: a-z, 0-9, - and _").length(1, 64),
      field("name", &S::name, "for people").length(0, 128).optional(),
      field("kind", &S::kind, "service, subscription, mini_program, wecom or advertiser")
          .optional(),
      field("verified", &S::verified, "WeChat has verified the account").optional(),
      field("app_id", &S::app_id, "AppID").length(1, 64),
      field("original_id", &S::original_id, "gh_… id of the account").length(0, 64).optional(),
      field("suite_id", &S::suite_id, "SuiteID of a third-party WeCom application")
          .length(0, 64)
          .optional(),
      field("app_secret", &S::app_secret, "AppSecret; never returned").length(0, 256),
      field("token", &S::token, "Token of the callback settings; never returned").length(0, 64),
      field("encoding_aes_key", &S::encoding_aes_key,
            "EncodingAESKey, 43 characters; never returned")
          .length(0, 64),
      field("refresh_token", &S::refresh_token, "of an advertiser; never returned").length(0, 512),
      field("mode", &S::mode, "plain, compatible or secure").optional(),
      field("token_kind", &S::token_kind, "stable_token, token, wecom or ads").optional(),
      field("zone", &S::zone, "time zone of the account").length(1, 64).optional(),
      field("base_url", &S::base_url, "platform's address; empty: the installation's")
          .length(0, 256)
          .optional(),
      field("reply_rules", &S::reply_rules, "what the account answers by itself").optional(),
      field("policy", &S::policy, "limits of the platform").optional());
};

template <>
struct Fields<wechat::AccountView> {
  using S = wechat::AccountView;
  static constexpr std::string_view name = "Account";
  static constexpr auto list = field_list(
      field("id", &S::id, "name of the account in addresses"),
      field("name", &S::name, "for people"),
      field("kind", &S::kind, "service, subscription, mini_program, wecom or advertiser"),
      field("verified", &S::verified, "WeChat has verified the account"),
      field("app_id", &S::app_id, "AppID"),
      field("original_id", &S::original_id, "gh_… id of the account"),
      field("suite_id", &S::suite_id, "SuiteID of a third-party WeCom application"),
      field("has_secret", &S::has_secret, "an AppSecret is stored"),
      field("has_token", &S::has_token, "a callback Token is stored"),
      field("has_encoding_aes_key", &S::has_encoding_aes_key, "an EncodingAESKey is stored"),
      field("has_refresh_token", &S::has_refresh_token, "a refresh token is stored"),
      field("mode", &S::mode, "plain, compatible or secure"),
      field("token_kind", &S::token_kind, "stable_token, token, wecom or ads"),
      field("zone", &S::zone, "time zone of the account"),
      field("base_url", &S::base_url, "platform's address; empty: the installation's"),
      field("reply_rules", &S::reply_rules, "what the account answers by itself"),
      field("policy", &S::policy, "limits of the platform"),
      field("version", &S::version, "for If-Match"), field("created_at", &S::created_at, ""),
      field("updated_at", &S::updated_at, ""));
};

}  // namespace zhiyin
