#include "storage/value.h"

#include <cmath>

namespace zhiyin::storage {

std::int64_t as_int(const Value& v, std::int64_t fallback) {
  if (const auto* i = std::get_if<std::int64_t>(&v)) return *i;
  const auto* real = std::get_if<double>(&v);
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (real == nullptr || !(*real >= -kLimit && *real < kLimit)) return fallback;
  return static_cast<std::int64_t>(*real);
}

double as_real(const Value& v, double fallback) {
  if (const auto* real = std::get_if<double>(&v)) return *real;
  if (const auto* i = std::get_if<std::int64_t>(&v)) return static_cast<double>(*i);
  return fallback;
}

std::string_view as_text(const Value& v) {
  if (const auto* text = std::get_if<std::string>(&v)) return *text;
  if (const auto* blob = std::get_if<Blob>(&v)) return blob->bytes;
  return {};
}

}  // namespace zhiyin::storage
