#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

namespace zhiyin::storage::detail {

static_assert(std::endian::native == std::endian::little, "stored integers are little-endian");

/// Appends the bytes of an integer, least significant first.
template <class T>
void put_int(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

/// Reads one back; `at` must have sizeof(T) bytes.
template <class T>
T get_int(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

}  // namespace zhiyin::storage::detail
