#include "wechat/crypto.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/crypto.h"

namespace zhiyin::wechat {
namespace {

// PKCS#7 of this protocol counts in 32 bytes although the cipher's block has 16; OpenSSL's own
// padding would refuse pads above 16, so it is off and done here.
constexpr std::size_t kPadBlock = 32;
constexpr std::size_t kCipherBlock = 16;
constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kEncodedKeyChars = 43;
constexpr std::size_t kMessageBytesMax = 16 << 20;

std::unexpected<CryptFailure> failure(CryptError number, std::string_view message) {
  return std::unexpected(CryptFailure{number, std::string(message)});
}

const unsigned char* in_bytes(std::string_view s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}

struct ContextFree {
  void operator()(EVP_CIPHER_CTX* c) const { EVP_CIPHER_CTX_free(c); }
};

/// AES-256-CBC over whole cipher blocks; empty when OpenSSL refuses.
std::string run_cipher(const Secret& key, std::string_view bytes, bool encrypting) {
  const std::string& k = key.reveal();
  std::unique_ptr<EVP_CIPHER_CTX, ContextFree> context(EVP_CIPHER_CTX_new());
  if (!context || EVP_CipherInit_ex(context.get(), EVP_aes_256_cbc(), nullptr, in_bytes(k),
                                    in_bytes(k), encrypting ? 1 : 0) != 1) {
    return {};
  }
  EVP_CIPHER_CTX_set_padding(context.get(), 0);
  std::string out(bytes.size() + kCipherBlock, '\0');
  int written = 0;
  int tail = 0;
  auto* to = reinterpret_cast<unsigned char*>(out.data());
  if (EVP_CipherUpdate(context.get(), to, &written, in_bytes(bytes),
                       static_cast<int>(bytes.size())) != 1 ||
      EVP_CipherFinal_ex(context.get(), to + written, &tail) != 1) {
    return {};
  }
  out.resize(static_cast<std::size_t>(written + tail));
  return out;
}

std::string big_endian(std::uint32_t n) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(n >> shift & 0xffU);
  return out;
}

std::uint32_t read_big_endian(std::string_view four) {
  std::uint32_t n = 0;
  for (const char c : four) n = n << 8 | static_cast<unsigned char>(c);
  return n;
}

/// Length of the text without its padding, or nothing when the padding is wrong.
std::optional<std::size_t> unpadded_size(std::string_view plain) {
  const auto pad = static_cast<unsigned char>(plain.back());
  if (pad < 1 || pad > kPadBlock || pad > plain.size()) return std::nullopt;
  // Looks at every byte of the padding, so that the time does not say where it is wrong.
  unsigned char difference = 0;
  for (const char c : plain.substr(plain.size() - pad))
    difference |= static_cast<unsigned char>(c) ^ pad;
  if (difference != 0) return std::nullopt;
  return plain.size() - pad;
}

}  // namespace

std::string sorted_signature(std::initializer_list<std::string_view> parts) {
  std::vector<std::string_view> sorted(parts);
  std::ranges::sort(sorted);
  std::string joined;
  for (const std::string_view part : sorted) joined += part;
  return crypto::hex(crypto::sha1(joined));
}

bool signature_matches(std::string_view given, std::initializer_list<std::string_view> parts) {
  return crypto::equal_constant_time(given, sorted_signature(parts));
}

std::string js_sdk_signature(std::string_view ticket, std::string_view nonce,
                             std::string_view timestamp, std::string_view url) {
  const std::string_view page = url.substr(0, url.find('#'));
  return crypto::hex(crypto::sha1(fmt::format("jsapi_ticket={}&noncestr={}&timestamp={}&url={}",
                                              ticket, nonce, timestamp, page)));
}

CryptResult<Secret> decode_aes_key(std::string_view encoding_aes_key) {
  const auto is_allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  };
  if (encoding_aes_key.size() != kEncodedKeyChars ||
      !std::ranges::all_of(encoding_aes_key, is_allowed)) {
    return failure(CryptError::kIllegalKey, "EncodingAESKey: not 43 letters and digits");
  }
  Result<std::string> key = crypto::unbase64(encoding_aes_key);
  if (!key || key->size() != kAesKeyBytes)
    return failure(CryptError::kIllegalKey, "EncodingAESKey: not base64");
  return Secret(std::move(*key));
}

CryptResult<std::string> encrypt_message(const Secret& key, std::string_view message,
                                         std::string_view receive_id, std::string_view random) {
  if (key.reveal().size() != kAesKeyBytes)
    return failure(CryptError::kIllegalKey, "key: not 32 bytes");
  if (random.size() != kCryptRandomBytes)
    return failure(CryptError::kEncrypt, "random: not 16 bytes");
  if (message.size() > kMessageBytesMax) return failure(CryptError::kEncrypt, "message: too long");
  std::string plain(random);
  plain += big_endian(static_cast<std::uint32_t>(message.size()));
  plain += message;
  plain += receive_id;
  const std::size_t pad = kPadBlock - plain.size() % kPadBlock;
  plain.append(pad, static_cast<char>(pad));
  const std::string encrypted = run_cipher(key, plain, true);
  if (encrypted.empty()) return failure(CryptError::kEncrypt, "message: cannot be encrypted");
  return crypto::base64(encrypted);
}

CryptResult<Decrypted> decrypt_message(const Secret& key, std::string_view encrypted) {
  if (key.reveal().size() != kAesKeyBytes)
    return failure(CryptError::kIllegalKey, "key: not 32 bytes");
  if (encrypted.size() > kMessageBytesMax)
    return failure(CryptError::kIllegalBuffer, "Encrypt: too long");
  const Result<std::string> bytes = crypto::unbase64(encrypted);
  if (!bytes) return failure(CryptError::kBase64, "Encrypt: not base64");
  if (bytes->empty() || bytes->size() % kCipherBlock != 0) {
    return failure(CryptError::kIllegalBuffer, "Encrypt: not whole blocks");
  }
  const std::string plain = run_cipher(key, *bytes, false);
  if (plain.empty()) return failure(CryptError::kDecrypt, "Encrypt: does not decrypt");
  const std::optional<std::size_t> size = unpadded_size(plain);
  constexpr std::size_t kHead = kCryptRandomBytes + kLengthBytes;
  if (!size || *size < kHead) return failure(CryptError::kDecrypt, "Encrypt: wrong key or damaged");
  const std::string_view text = std::string_view(plain).substr(0, *size);
  const std::size_t length = read_big_endian(text.substr(kCryptRandomBytes, kLengthBytes));
  if (length > text.size() - kHead)
    return failure(CryptError::kDecrypt, "Encrypt: wrong key or damaged");
  return Decrypted{std::string(text.substr(kHead, length)),
                   std::string(text.substr(kHead + length)),
                   std::string(text.substr(0, kCryptRandomBytes))};
}

CryptResult<std::string> decrypt_message_for(const Secret& key, std::string_view encrypted,
                                             std::string_view receive_id) {
  CryptResult<Decrypted> opened = decrypt_message(key, encrypted);
  if (!opened) return std::unexpected(std::move(opened.error()));
  if (!crypto::equal_constant_time(opened->receive_id, receive_id)) {
    return failure(CryptError::kReceiver, "Encrypt: made for another receiver");
  }
  return std::move(opened->message);
}

std::optional<std::string> decrypt_aes_128_cbc(std::string_view key, std::string_view iv,
                                               std::string_view encrypted) {
  constexpr std::size_t kKeyBytes = 16;
  if (key.size() != kKeyBytes || iv.size() != kCipherBlock || encrypted.empty() ||
      encrypted.size() % kCipherBlock != 0 || encrypted.size() > kMessageBytesMax) {
    return std::nullopt;
  }
  const std::unique_ptr<EVP_CIPHER_CTX, ContextFree> context(EVP_CIPHER_CTX_new());
  std::string out(encrypted.size() + kCipherBlock, '\0');
  auto* to = reinterpret_cast<unsigned char*>(out.data());
  int written = 0;
  int tail = 0;
  if (!context ||
      EVP_DecryptInit_ex(context.get(), EVP_aes_128_cbc(), nullptr, in_bytes(key), in_bytes(iv)) !=
          1 ||
      EVP_DecryptUpdate(context.get(), to, &written, in_bytes(encrypted),
                        static_cast<int>(encrypted.size())) != 1 ||
      EVP_DecryptFinal_ex(context.get(), to + written, &tail) != 1) {
    return std::nullopt;
  }
  out.resize(static_cast<std::size_t>(written + tail));
  return out;
}

}  // namespace zhiyin::wechat
