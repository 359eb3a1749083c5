#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/json_binding.h"

namespace zhiyin::sandbox {

enum class AccountKind {
  kSubscription = 1,
  kService = 2,
  kMiniProgram = 3,
  kWecom = 4,
  kAdvertiser = 5
};
enum class CallbackMode { kPlain = 1, kCompatible = 2, kSecure = 3 };
enum class CallbackFormat { kXml = 1, kJson = 2 };

/// An account of the emulated platform with all its secrets. They are play money: made from a seed,
/// worth nothing outside the sandbox. A pure value.
struct SandboxAccount {
  std::string id = "shop";  ///< the name under which the server knows it
  std::string name;
  AccountKind kind = AccountKind::kService;
  bool verified = true;
  std::string app_id;       ///< `wx` and 16 hex digits; CorpID of a company, client_id of Ads
  std::string original_id;  ///< `gh_` and 12 hex digits; of companies and advertisers empty
  std::string app_secret;
  std::string token;             ///< of the callback signature
  std::string encoding_aes_key;  ///< 43 characters
  CallbackMode mode = CallbackMode::kSecure;
  CallbackFormat format = CallbackFormat::kXml;  ///< kJson: mini-programs may choose it
  std::string token_kind = "stable_token";       ///< how the server asks for tokens
  std::string refresh_token = {};                ///< of an advertiser

  /// Its name in callbacks: a company is called by its CorpID.
  [[nodiscard]] const std::string& callback_name() const {
    return original_id.empty() ? app_id : original_id;
  }
};

/// The demo account: a verified service account 知音小店. The same seed gives the same secrets.
SandboxAccount demo_account(std::uint64_t seed);
/// The accounts beside it: a mini-program `mini`, a company `corp`, an advertiser `ads`.
std::vector<SandboxAccount> companion_accounts(std::uint64_t seed);

/// 43 characters from which 32 bytes are read; depends on `seed` and `name` only.
std::string make_encoding_aes_key(std::uint64_t seed, std::string_view name);
/// `digits` hexadecimal digits (at most 64) that depend on `seed` and `name` only.
std::string make_hex(std::uint64_t seed, std::string_view name, std::size_t digits);

}  // namespace zhiyin::sandbox

namespace zhiyin {

template <>
struct EnumNames<sandbox::AccountKind> {
  static constexpr std::pair<sandbox::AccountKind, std::string_view> list[] = {
      {sandbox::AccountKind::kSubscription, "subscription"},
      {sandbox::AccountKind::kService, "service"},
      {sandbox::AccountKind::kMiniProgram, "mini_program"},
      {sandbox::AccountKind::kWecom, "wecom"},
      {sandbox::AccountKind::kAdvertiser, "advertiser"}};
};
template <>
struct EnumNames<sandbox::CallbackMode> {
  static constexpr std::pair<sandbox::CallbackMode, std::string_view> list[] = {
      {sandbox::CallbackMode::kPlain, "plain"},
      {sandbox::CallbackMode::kCompatible, "compatible"},
      {sandbox::CallbackMode::kSecure, "secure"}};
};
/// The body that the server's POST /v1/accounts takes.
template <>
struct Fields<sandbox::SandboxAccount> {
  using A = sandbox::SandboxAccount;
  static constexpr std::string_view name = "SandboxAccount";
  static constexpr auto list = field_list(
      field("id", &A::id, "name under which the server knows it").length(1, 64),
      field("name", &A::name, "shown name").length(1, 128).optional(),
      field("kind", &A::kind, "service, subscription, mini_program, wecom or advertiser")
          .optional(),
      field("verified", &A::verified, "verified by the platform").optional(),
      field("app_id", &A::app_id, "AppID").length(1, 64),
      field("original_id", &A::original_id, "gh_ id, the account's name in callbacks")
          .length(0, 64),
      field("app_secret", &A::app_secret, "AppSecret").length(1, 128),
      field("token", &A::token, "token of the callback signature").length(3, 32),
      field("encoding_aes_key", &A::encoding_aes_key, "key of encrypted callbacks").length(43, 43),
      field("mode", &A::mode, "how callbacks are protected").optional(),
      field("token_kind", &A::token_kind, "how the server asks for tokens")
          .length(0, 32)
          .optional(),
      field("refresh_token", &A::refresh_token, "of an advertiser").length(0, 128).optional());
};

}  // namespace zhiyin
