#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/secret.h"

/// Signatures and WXBizMsgCrypt, the same for official accounts, mini-programs and WeCom. Pure,
/// thread-safe.
namespace zhiyin::wechat {

inline constexpr std::size_t kAesKeyBytes = 32;
inline constexpr std::size_t kCryptRandomBytes = 16;

/// The platform's numbers for what went wrong, as its own libraries report them.
enum class CryptError : int {
  kSignature = -40001,
  kIllegalKey = -40004,
  kReceiver = -40005,
  kEncrypt = -40006,
  kDecrypt = -40007,
  kIllegalBuffer = -40008,
  kBase64 = -40010,
};
struct CryptFailure {
  CryptError number = CryptError::kDecrypt;
  std::string message;
};
template <class T>
using CryptResult = std::expected<T, CryptFailure>;

/// Lower-case hex SHA-1 of the parts, sorted bytewise and joined: `signature` of (token, timestamp,
/// nonce), `msg_signature` of (token, timestamp, nonce, Encrypt), card signatures of their parts.
std::string sorted_signature(std::initializer_list<std::string_view> parts);

/// True when `given` is the signature of the parts; in constant time.
bool signature_matches(std::string_view given, std::initializer_list<std::string_view> parts);

/// Signature for `wx.config` in a page. The part of `url` from `#` on is left out.
std::string js_sdk_signature(std::string_view ticket, std::string_view nonce,
                             std::string_view timestamp, std::string_view url);

/// The 32 bytes of an EncodingAESKey: 43 characters of [A-Za-z0-9]. The last one may carry surplus
/// bits.
CryptResult<Secret> decode_aes_key(std::string_view encoding_aes_key);

struct Decrypted {
  std::string message;
  std::string receive_id;  ///< AppID, CorpID or SuiteID for whom it was encrypted
  std::string random;      ///< the 16 bytes in front
};

/// Base64 of `random` ‖ length ‖ `message` ‖ `receive_id`, AES-256-CBC, PKCS#7 with blocks of 32
/// bytes. `random` has 16 bytes.
CryptResult<std::string> encrypt_message(const Secret& key, std::string_view message,
                                         std::string_view receive_id, std::string_view random);
/// The reverse, without a look at the receiver.
CryptResult<Decrypted> decrypt_message(const Secret& key, std::string_view encrypted);
/// The message; kReceiver when it was encrypted for another than `receive_id`.
CryptResult<std::string> decrypt_message_for(const Secret& key, std::string_view encrypted,
                                             std::string_view receive_id);

/// AES-128-CBC with PKCS#7 of 16 bytes, as mini-programs encrypt what a person shares; nothing when
/// key, iv or text do not fit together.
std::optional<std::string> decrypt_aes_128_cbc(std::string_view key, std::string_view iv,
                                               std::string_view encrypted);

}  // namespace zhiyin::wechat
