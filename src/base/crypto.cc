#include "base/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <memory>

#include "base/check.h"

namespace zhiyin::crypto {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const unsigned char* bytes_of(std::string_view s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}
unsigned char* bytes_of(std::string& s) { return reinterpret_cast<unsigned char*>(s.data()); }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string encode64(std::string_view bytes, std::string_view alphabet, bool pad) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t v = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      v = v << 8 | (j < n ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      if (j <= n) {
        out += alphabet[v >> (18 - 6 * j) & 63];
      } else if (pad) {
        out += '=';
      }
    }
  }
  return out;
}

struct ContextFree {
  void operator()(EVP_CIPHER_CTX* c) const { EVP_CIPHER_CTX_free(c); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, ContextFree>;

// One context per thread: allocating and fetching the cipher costs more than sealing a short text.
EVP_CIPHER_CTX* gcm_context() {
  thread_local CipherContext context(EVP_CIPHER_CTX_new());
  return context.get();
}

const EVP_CIPHER* gcm() {
  static EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return cipher;
}

// Random nonces are drawn in blocks: a call per nonce into the generator costs a lock.
void next_nonce(unsigned char* out) {
  constexpr std::size_t kBlock = 256;
  thread_local std::array<unsigned char, kBlock * kNonceBytes> pool;
  thread_local std::size_t used = kBlock;
  if (used == kBlock) {
    ZHIYIN_CHECK(RAND_bytes(pool.data(), static_cast<int>(pool.size())) == 1);
    used = 0;
  }
  std::copy_n(pool.data() + used * kNonceBytes, kNonceBytes, out);
  ++used;
}

}  // namespace

std::string hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

Result<std::string> unhex(std::string_view text) {
  if (text.size() % 2 != 0) return fail(ErrorCode::kInvalidArgument, "hex: odd length");
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int hi = hex_digit(text[i]);
    const int lo = hex_digit(text[i + 1]);
    if (hi < 0 || lo < 0) return fail(ErrorCode::kInvalidArgument, "hex: not a digit");
    out += static_cast<char>(hi << 4 | lo);
  }
  return out;
}

std::string base64(std::string_view bytes) { return encode64(bytes, kBase64, true); }
std::string base64url(std::string_view bytes) { return encode64(bytes, kBase64Url, false); }

Result<std::string> unbase64(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() % 4 == 1) return fail(ErrorCode::kInvalidArgument, "base64: impossible length");
  std::string out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t v = 0;
  int bits = 0;
  for (const char c : text) {
    const std::size_t digit = kBase64.find(c);
    if (digit == std::string_view::npos) {
      return fail(ErrorCode::kInvalidArgument, "base64: character outside the alphabet");
    }
    v = v << 6 | static_cast<std::uint32_t>(digit);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out += static_cast<char>(v >> bits & 255);
    }
  }
  return out;
}

std::string base32(std::string_view bytes) {
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";
  std::string out;
  std::uint32_t v = 0;
  int bits = 0;
  for (const char c : bytes) {
    v = v << 8 | static_cast<unsigned char>(c);
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out += kAlphabet[v >> bits & 31];
    }
  }
  if (bits > 0) out += kAlphabet[v << (5 - bits) & 31];
  return out;
}

std::string sha1(std::string_view bytes) {
  std::string out(SHA_DIGEST_LENGTH, '\0');
  SHA1(bytes_of(bytes), bytes.size(), bytes_of(out));
  return out;
}

namespace {

/// The digest of one after the other. Finding the algorithm anew each time, as the library's short
/// forms do, costs more than a short digest.
std::string sha256_of(std::initializer_list<std::string_view> parts) {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
      EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  bool ok = algorithm != nullptr && context != nullptr &&
            EVP_DigestInit_ex(context.get(), algorithm, nullptr) == 1;
  for (const std::string_view part : parts)
    ok = ok && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  ZHIYIN_CHECK(ok && EVP_DigestFinal_ex(context.get(), bytes_of(out), nullptr) == 1);
  return out;
}

}  // namespace

std::string sha256(std::string_view bytes) { return sha256_of({bytes}); }

// RFC 2104.
std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  constexpr std::size_t kBlock = 64;
  std::string inner(key.size() > kBlock ? sha256(key) : std::string(key));
  inner.resize(kBlock, '\0');
  std::string outer = inner;
  for (char& c : inner) c = static_cast<char>(c ^ 0x36);
  for (char& c : outer) c = static_cast<char>(c ^ 0x5c);
  std::string out = sha256_of({outer, sha256_of({inner, bytes})});
  OPENSSL_cleanse(inner.data(), inner.size());
  OPENSSL_cleanse(outer.data(), outer.size());
  return out;
}

std::uint64_t xxh64(std::string_view bytes) { return XXH64(bytes.data(), bytes.size(), 0); }

std::array<std::uint64_t, 2> xxh3_128(std::string_view bytes) {
  const XXH128_hash_t h = XXH3_128bits(bytes.data(), bytes.size());
  return {h.low64, h.high64};
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_bytes(std::size_t n) {
  std::string out(n, '\0');
  ZHIYIN_CHECK(RAND_bytes(bytes_of(out), static_cast<int>(n)) == 1);
  return out;
}

std::string seal(std::string_view key, std::string_view plain, std::string_view context) {
  ZHIYIN_CHECK(key.size() == kKeyBytes);
  std::string out(kNonceBytes + plain.size() + kTagBytes, '\0');
  unsigned char* p = bytes_of(out);
  next_nonce(p);
  EVP_CIPHER_CTX* c = gcm_context();
  int n = 0;
  bool ok = EVP_EncryptInit_ex(c, gcm(), nullptr, bytes_of(key), p) == 1;
  if (!context.empty()) {
    ok = ok && EVP_EncryptUpdate(c, nullptr, &n, bytes_of(context),
                                 static_cast<int>(context.size())) == 1;
  }
  ok = ok && EVP_EncryptUpdate(c, p + kNonceBytes, &n, bytes_of(plain),
                               static_cast<int>(plain.size())) == 1;
  ok = ok && EVP_EncryptFinal_ex(c, p + kNonceBytes + n, &n) == 1;
  ok = ok && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, kTagBytes,
                                 p + kNonceBytes + plain.size()) == 1;
  ZHIYIN_CHECK(ok);
  return out;
}

Result<std::string> unseal(std::string_view key, std::string_view sealed,
                           std::string_view context) {
  ZHIYIN_CHECK(key.size() == kKeyBytes);
  if (sealed.size() < kNonceBytes + kTagBytes)
    return fail(ErrorCode::kDataLoss, "sealed: too short");
  const std::string_view body = sealed.substr(kNonceBytes, sealed.size() - kNonceBytes - kTagBytes);
  std::string tag(sealed.substr(sealed.size() - kTagBytes));
  std::string out(body.size() + 1, '\0');
  EVP_CIPHER_CTX* c = gcm_context();
  int n = 0;
  bool ok = EVP_DecryptInit_ex(c, gcm(), nullptr, bytes_of(key), bytes_of(sealed)) == 1;
  if (!context.empty()) {
    ok = ok && EVP_DecryptUpdate(c, nullptr, &n, bytes_of(context),
                                 static_cast<int>(context.size())) == 1;
  }
  ok = ok &&
       EVP_DecryptUpdate(c, bytes_of(out), &n, bytes_of(body), static_cast<int>(body.size())) == 1;
  ok = ok && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1;
  ok = ok && EVP_DecryptFinal_ex(c, bytes_of(out) + n, &n) == 1;
  if (!ok) return fail(ErrorCode::kDataLoss, "sealed: wrong key or damaged bytes");
  out.resize(body.size());
  return out;
}

namespace {
std::string scrypt(std::string_view password, std::string_view salt) {
  constexpr std::uint64_t kN = 1 << 14;
  constexpr std::uint64_t kR = 8;
  constexpr std::uint64_t kP = 1;
  constexpr std::uint64_t kMemoryMax = 64 << 20;
  std::string out(32, '\0');
  ZHIYIN_CHECK(EVP_PBE_scrypt(password.data(), password.size(), bytes_of(salt), salt.size(), kN, kR,
                              kP, kMemoryMax, bytes_of(out), out.size()) == 1);
  return out;
}
}  // namespace

std::string hash_password(std::string_view password) {
  const std::string salt = random_bytes(16);
  return "scrypt1$" + hex(salt) + "$" + hex(scrypt(password, salt));
}

bool check_password(std::string_view password, std::string_view hash) {
  constexpr std::string_view kPrefix = "scrypt1$";
  if (!hash.starts_with(kPrefix) || hash.size() != kPrefix.size() + 32 + 1 + 64) return false;
  const auto salt = unhex(hash.substr(kPrefix.size(), 32));
  return salt &&
         equal_constant_time(hex(scrypt(password, *salt)), hash.substr(kPrefix.size() + 33));
}

}  // namespace zhiyin::crypto
