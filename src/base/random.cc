#include "base/random.h"

#include <cmath>
#include <cstring>
#include <numbers>

#include "base/crypto.h"

namespace zhiyin {

std::uint64_t Random::next() {
  state_ += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

double Random::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

std::uint64_t Random::below(std::uint64_t n) {
  // Multiply-shift (Lemire); the bias is below 2^-64 * n.
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(next()) * n) >> 64);
}

double Random::normal() {
  const double u = 1.0 - uniform();
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * uniform());
}

std::string uuid_v7(Instant now) {
  // Randomness comes in blocks: ids are made for every event that brings none.
  constexpr std::size_t kBlock = 4096;
  thread_local std::string pool;
  thread_local std::size_t used = kBlock;
  if (used + 10 > kBlock) {
    pool = crypto::random_bytes(kBlock);
    used = 0;
  }
  unsigned char b[16];
  const auto ms = static_cast<std::uint64_t>(now.us / 1000);
  for (std::size_t i = 0; i < 6; ++i) b[i] = static_cast<unsigned char>(ms >> (40 - 8 * i));
  std::memcpy(b + 6, pool.data() + used, 10);
  used += 10;
  const auto fraction = static_cast<std::uint64_t>(now.us % 1000) * 4096 / 1000;
  b[6] = static_cast<unsigned char>(0x70 | fraction >> 8);
  b[7] = static_cast<unsigned char>(fraction & 255);
  b[8] = static_cast<unsigned char>((b[8] & 0x3f) | 0x80);
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text(36, '-');
  std::size_t at = 0;
  for (std::size_t i = 0; i < sizeof b; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) ++at;
    text[at++] = kDigits[b[i] >> 4];
    text[at++] = kDigits[b[i] & 15];
  }
  return text;
}

}  // namespace zhiyin
