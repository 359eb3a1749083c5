#include "storage/detail/postgres_values.h"

#include <bit>
#include <charconv>
#include <optional>

#include "storage/detail/text_rule.h"

namespace zhiyin::storage::detail {
namespace {

// From the server's catalogue pg_type; they never change.
constexpr PostgresType kBool = 16;
constexpr PostgresType kBytea = 17;
constexpr PostgresType kName = 19;
constexpr PostgresType kInt8 = 20;
constexpr PostgresType kInt2 = 21;
constexpr PostgresType kInt4 = 23;
constexpr PostgresType kText = 25;
constexpr PostgresType kOid = 26;
constexpr PostgresType kFloat4 = 700;
constexpr PostgresType kFloat8 = 701;
constexpr PostgresType kUnknown = 705;
constexpr PostgresType kBpchar = 1042;
constexpr PostgresType kVarchar = 1043;
constexpr PostgresType kNumeric = 1700;

template <std::size_t kBytes>
std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < kBytes; ++i) out = out << 8 | static_cast<unsigned char>(bytes[i]);
  return out;
}

std::array<char, 8> to_big_endian(std::uint64_t number) {
  std::array<char, 8> out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<char>(number >> (8 * (7 - i)) & 0xff);
  }
  return out;
}

std::unexpected<Error> damaged(PostgresType type, std::string_view bytes) {
  return fail(ErrorCode::kDataLoss, "state: {} bytes are no value of type {}", bytes.size(), type);
}

/// Digits to the base of 10,000, the first one with the weight 10,000^weight.
struct Numeric {
  int weight = 0;
  bool negative = false;
  std::vector<int> digits;
};

constexpr int kNumericBase = 10'000;
constexpr int kNumericDigits = 4;

/// Nothing for not-a-number and infinities, and for bytes of the wrong shape.
std::optional<Numeric> read_numeric(std::string_view bytes) {
  constexpr std::size_t kHead = 8;
  if (bytes.size() < kHead) return std::nullopt;
  const auto half = [&](std::size_t at) {
    return static_cast<std::int16_t>(big_endian<2>(bytes.substr(at)));
  };
  constexpr int kNegative = 0x4000;
  const int sign = static_cast<std::uint16_t>(half(4));
  const auto count = static_cast<std::size_t>(static_cast<std::uint16_t>(half(0)));
  if ((sign != 0 && sign != kNegative) || bytes.size() != kHead + 2 * count) return std::nullopt;
  Numeric out{half(2), sign == kNegative, {}};
  for (std::size_t i = 0; i < count; ++i) {
    const int digit = half(kHead + 2 * i);
    if (digit < 0 || digit >= kNumericBase) return std::nullopt;
    out.digits.push_back(digit);
  }
  return out;
}

Result<Value> whole(const Numeric& numeric) {
  // Counted below zero, where there is one number more.
  std::int64_t sum = 0;
  bool fits = numeric.weight < 5;  // 10,000^5 > 2^63
  for (int i = 0; fits && i <= numeric.weight; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const std::int64_t digit = at < numeric.digits.size() ? numeric.digits[at] : 0;
    fits = !__builtin_mul_overflow(sum, std::int64_t{kNumericBase}, &sum) &&
           !__builtin_sub_overflow(sum, digit, &sum);
  }
  if (fits && !numeric.negative) fits = !__builtin_sub_overflow(std::int64_t{0}, sum, &sum);
  if (!fits) return fail(ErrorCode::kLimitReached, "state: a sum is larger than 64 bits");
  return Value(sum);
}

Result<Value> decode_numeric(std::string_view bytes) {
  const auto numeric = read_numeric(bytes);
  if (!numeric) return damaged(kNumeric, bytes);
  if (static_cast<int>(numeric->digits.size()) <= numeric->weight + 1) return whole(*numeric);
  // Through decimal text, so that the real is the nearest one.
  std::string text = numeric->negative ? "-" : "";
  for (const int digit : numeric->digits) text += fmt::format("{:04}", digit);
  const int last = numeric->weight - static_cast<int>(numeric->digits.size()) + 1;
  text += fmt::format("e{}", last * kNumericDigits);
  double out = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), out).ec != std::errc()) {
    return damaged(kNumeric, bytes);
  }
  return Value(out);
}

/// The number of bytes that a value of a fixed size has; 0 for the others.
std::size_t fixed_size(PostgresType type) {
  switch (type) {
    case kBool:
      return 1;
    case kInt2:
      return 2;
    case kInt4:
    case kOid:
    case kFloat4:
      return 4;
    case kInt8:
    case kFloat8:
      return 8;
    default:
      return 0;
  }
}

}  // namespace

PostgresType postgres_type(const Value& value) {
  constexpr std::array<PostgresType, 5> kTypes{0, kInt8, kFloat8, kText, kBytea};
  return kTypes[value.index()];
}

Result<PostgresParameters> PostgresParameters::encode(std::span<const Value> values) {
  PostgresParameters out;
  for (const Value& value : values) {
    std::string_view bytes = as_text(value);
    if (std::holds_alternative<std::string>(value)) ZHIYIN_TRY_VOID(check_text(bytes));
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      const auto& number =
          out.numbers_.emplace_back(to_big_endian(static_cast<std::uint64_t>(*integer)));
      bytes = {number.data(), number.size()};
    } else if (const auto* real = std::get_if<double>(&value)) {
      const auto& number =
          out.numbers_.emplace_back(to_big_endian(std::bit_cast<std::uint64_t>(*real)));
      bytes = {number.data(), number.size()};
    }
    constexpr std::size_t kBytesMax = std::size_t{1} << 29;  // the server's own limit is 1 GB
    if (bytes.size() > kBytesMax) {
      return fail(ErrorCode::kLimitReached, "state: a value of {} bytes", bytes.size());
    }
    out.types.push_back(postgres_type(value));
    // A pointer that is null means null, also for empty text.
    out.bytes.push_back(is_null(value) ? nullptr : bytes.empty() ? "" : bytes.data());
    out.lengths.push_back(static_cast<int>(bytes.size()));
  }
  return out;
}

Result<Value> decode_postgres(PostgresType type, std::string_view bytes) {
  if (const std::size_t size = fixed_size(type); size != 0 && bytes.size() != size) {
    return damaged(type, bytes);
  }
  switch (type) {
    case kBool:
      return Value(std::int64_t{bytes[0] != 0});
    case kInt2:
      return Value(std::int64_t{static_cast<std::int16_t>(big_endian<2>(bytes))});
    case kInt4:
      return Value(std::int64_t{static_cast<std::int32_t>(big_endian<4>(bytes))});
    case kOid:
      return Value(static_cast<std::int64_t>(big_endian<4>(bytes)));
    case kInt8:
      return Value(static_cast<std::int64_t>(big_endian<8>(bytes)));
    case kFloat4:
      return Value(double{std::bit_cast<float>(static_cast<std::uint32_t>(big_endian<4>(bytes)))});
    case kFloat8:
      return Value(std::bit_cast<double>(big_endian<8>(bytes)));
    case kNumeric:
      return decode_numeric(bytes);
    case kText:
    case kName:
    case kUnknown:
    case kBpchar:
    case kVarchar:
      return Value(std::string(bytes));
    case kBytea:
      return Value(Blob{std::string(bytes)});
    default:
      return fail(ErrorCode::kUnsupported, "state: a result has the type {}", type);
  }
}

}  // namespace zhiyin::storage::detail
