#include "sandbox/wx_crypto.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>

#include "base/check.h"
#include "base/crypto.h"

namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kBlock = 32;
constexpr std::size_t kRandom = 16;
constexpr std::size_t kHeader = kRandom + 4;

std::string sorted_sha1(std::span<std::string_view> parts) {
  std::ranges::sort(parts);
  std::string joined;
  for (const std::string_view part : parts) joined += part;
  return crypto::hex(crypto::sha1(joined));
}

enum class Direction : int { kDecrypt = 0, kEncrypt = 1 };

/// Whole blocks only: the padding of this protocol is not the library's.
std::string aes_cbc(const std::string& key, std::string_view in, Direction direction) {
  const auto* k = reinterpret_cast<const unsigned char*>(key.data());
  const std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> ctx(EVP_CIPHER_CTX_new(),
                                                                       EVP_CIPHER_CTX_free);
  std::string out(in.size(), '\0');
  int n = 0;
  // The IV is the first half of the key: the protocol says so.
  ZHIYIN_CHECK(ctx && EVP_CipherInit_ex(ctx.get(), EVP_aes_256_cbc(), nullptr, k, k,
                                        static_cast<int>(direction)) == 1);
  EVP_CIPHER_CTX_set_padding(ctx.get(), 0);
  ZHIYIN_CHECK(EVP_CipherUpdate(ctx.get(), reinterpret_cast<unsigned char*>(out.data()), &n,
                                reinterpret_cast<const unsigned char*>(in.data()),
                                static_cast<int>(in.size())) == 1);
  return out;
}

std::unexpected<Error> bad(std::string_view what) {
  return fail(ErrorCode::kInvalidArgument, "encrypted message: {}", what);
}

std::size_t read_length(std::string_view plain) {
  std::size_t length = 0;
  for (std::size_t i = kRandom; i < kHeader; ++i) {
    length = length << 8 | static_cast<unsigned char>(plain[i]);
  }
  return length;
}

}  // namespace

std::string url_signature(std::string_view token, std::string_view timestamp,
                          std::string_view nonce) {
  std::array parts{token, timestamp, nonce};
  return sorted_sha1(parts);
}

std::string message_signature(std::string_view token, std::string_view timestamp,
                              std::string_view nonce, std::string_view encrypted) {
  std::array parts{token, timestamp, nonce, encrypted};
  return sorted_sha1(parts);
}

Result<MessageCipher> MessageCipher::create(std::string_view encoding_aes_key,
                                            std::string_view app_id) {
  Result<std::string> key = crypto::unbase64(encoding_aes_key);
  if (encoding_aes_key.size() != 43 || !key || key->size() != 32) {
    return fail_field("encoding_aes_key", "must have 43 base64 characters");
  }
  return MessageCipher(std::move(*key), app_id);
}

std::string MessageCipher::encrypt(std::string_view message, std::string_view random) const {
  ZHIYIN_CHECK(random.size() == kRandom);
  std::string plain(random);
  for (int shift = 24; shift >= 0; shift -= 8)
    plain += static_cast<char>(message.size() >> shift & 255);
  plain += message;
  plain += app_id_;
  const std::size_t pad = kBlock - plain.size() % kBlock;
  plain.append(pad, static_cast<char>(pad));
  return crypto::base64(aes_cbc(key_, plain, Direction::kEncrypt));
}

Result<std::string> MessageCipher::decrypt(std::string_view encrypted) const {
  ZHIYIN_TRY(const std::string bytes, crypto::unbase64(encrypted));
  if (bytes.empty() || bytes.size() % kBlock != 0) return bad("length is no multiple of 32");
  const std::string plain = aes_cbc(key_, bytes, Direction::kDecrypt);
  const auto pad = static_cast<unsigned char>(plain.back());
  if (pad < 1 || pad > kBlock || pad > plain.size()) return bad("padding is wrong");
  const std::string_view body = std::string_view(plain).substr(0, plain.size() - pad);
  if (plain.find_first_not_of(static_cast<char>(pad), body.size()) != std::string::npos) {
    return bad("padding is wrong");
  }
  if (body.size() < kHeader) return bad("too short");
  const std::size_t length = read_length(body);
  if (length > body.size() - kHeader) return bad("stated length is too large");
  if (body.substr(kHeader + length) != app_id_) return bad("made for another AppID");
  return std::string(body.substr(kHeader, length));
}

}  // namespace zhiyin::sandbox
