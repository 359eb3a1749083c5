#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

/// The platform's side of callback protection, written apart from the product's own (`wechat`), so
/// that a mistake in one of them shows.
namespace zhiyin::sandbox {

/// SHA-1, lower-case hex, of the sorted parts joined: the `signature` of a callback's URL.
std::string url_signature(std::string_view token, std::string_view timestamp,
                          std::string_view nonce);
/// The same with the encrypted text as fourth part: `msg_signature`.
std::string message_signature(std::string_view token, std::string_view timestamp,
                              std::string_view nonce, std::string_view encrypted);

/// AES-256-CBC with 32-byte PKCS#7 around random ‖ length ‖ message ‖ AppID. A pure value.
class MessageCipher {
 public:
  /// kInvalidArgument unless the key has 43 base64 characters.
  static Result<MessageCipher> create(std::string_view encoding_aes_key, std::string_view app_id);

  /// Base64 text. `random` must have 16 bytes: the same gives the same text.
  [[nodiscard]] std::string encrypt(std::string_view message, std::string_view random) const;
  /// Fails with kInvalidArgument on bad base64, length, padding, or another AppID.
  [[nodiscard]] Result<std::string> decrypt(std::string_view encrypted) const;

 private:
  MessageCipher(std::string key, std::string_view app_id) : key_(std::move(key)), app_id_(app_id) {}

  std::string key_;
  std::string app_id_;
};

}  // namespace zhiyin::sandbox
