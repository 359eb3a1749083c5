#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

/// Thin wrappers over OpenSSL, xxHash. Byte strings are std::string. All functions are thread-safe.
namespace zhiyin::crypto {

std::string hex(std::string_view bytes);
/// Fails with kInvalidArgument on an odd length or a character outside [0-9a-fA-F].
Result<std::string> unhex(std::string_view text);
std::string base64(std::string_view bytes);
/// Standard alphabet; padding optional, surplus bits of the last character are ignored (WeChat's
/// keys carry them). Fails with kInvalidArgument on anything else.
Result<std::string> unbase64(std::string_view text);
/// URL-safe alphabet without padding.
std::string base64url(std::string_view bytes);
/// RFC 4648 base32, lower case, no padding: 16 bytes give 26 characters.
std::string base32(std::string_view bytes);

std::string sha1(std::string_view bytes);
std::string sha256(std::string_view bytes);
std::string hmac_sha256(std::string_view key, std::string_view bytes);
std::uint64_t xxh64(std::string_view bytes);
/// Two 64-bit words of a 128-bit xxh3 hash: for keys of hash tables, not for secrets.
std::array<std::uint64_t, 2> xxh3_128(std::string_view bytes);

/// True when equal; takes the same time wherever they differ.
bool equal_constant_time(std::string_view a, std::string_view b);
/// From the operating system's generator.
std::string random_bytes(std::size_t n);

/// AES-256-GCM: nonce (12) ‖ ciphertext ‖ tag (16). `key` has 32 bytes. `context` is authenticated,
/// not stored. The nonce is random.
std::string seal(std::string_view key, std::string_view plain, std::string_view context = {});
/// Fails with kDataLoss when the bytes, key or context are not those of `seal`.
Result<std::string> unseal(std::string_view key, std::string_view sealed,
                           std::string_view context = {});

/// Password hash with its own salt (scrypt), as text.
std::string hash_password(std::string_view password);
bool check_password(std::string_view password, std::string_view hash);

}  // namespace zhiyin::crypto
