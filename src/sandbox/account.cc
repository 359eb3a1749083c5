#include "sandbox/account.h"

#include "base/crypto.h"

namespace zhiyin::sandbox {
namespace {

std::string digest(std::uint64_t seed, std::string_view name) {
  return crypto::sha256(fmt::format("zhiyin sandbox {} {}", seed, name));
}

}  // namespace

std::string make_hex(std::uint64_t seed, std::string_view name, std::size_t digits) {
  return crypto::hex(digest(seed, name)).substr(0, digits);
}

std::string make_encoding_aes_key(std::uint64_t seed, std::string_view name) {
  // Letters and digits only, as the platform demands; base64 may bring + and /.
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const std::string bytes = digest(seed, name) + digest(seed + 1, name);
  std::string key;
  for (std::size_t i = 0; i < 43; ++i) {
    key += kAlphabet[static_cast<unsigned char>(bytes[i]) % kAlphabet.size()];
  }
  return key;
}

SandboxAccount demo_account(std::uint64_t seed) {
  SandboxAccount account;
  account.name = "知音小店";
  account.app_id = "wx" + make_hex(seed, "app id", 16);
  account.original_id = "gh_" + make_hex(seed, "original id", 12);
  account.app_secret = make_hex(seed, "app secret", 32);
  account.token = make_hex(seed, "token", 20);
  account.encoding_aes_key = make_encoding_aes_key(seed, "aes key");
  return account;
}

std::vector<SandboxAccount> companion_accounts(std::uint64_t seed) {
  const auto secret = [&](std::string_view name, std::size_t digits) {
    return make_hex(seed, name, digits);
  };
  SandboxAccount mini = demo_account(seed ^ 0x6d696e69);
  mini.id = "mini";
  mini.name = "知音小店小程序";
  mini.kind = AccountKind::kMiniProgram;
  SandboxAccount corp;
  corp.id = "corp";
  corp.name = "知音小店（企业）";
  corp.kind = AccountKind::kWecom;
  corp.app_id = "ww" + secret("corp id", 16);
  corp.app_secret = secret("corp secret", 43);
  corp.token = secret("corp token", 20);
  corp.encoding_aes_key = make_encoding_aes_key(seed, "corp aes key");
  corp.token_kind = "wecom";
  SandboxAccount ads;
  ads.id = "ads";
  ads.name = "知音小店广告";
  ads.kind = AccountKind::kAdvertiser;
  ads.app_id = "11" + std::to_string(100'000'000 + seed % 1'000'000);
  ads.app_secret = secret("ads secret", 32);
  ads.token_kind = "ads";
  ads.refresh_token = secret("ads refresh token", 40);
  return {std::move(mini), std::move(corp), std::move(ads)};
}

}  // namespace zhiyin::sandbox
