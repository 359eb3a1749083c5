#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "storage/value.h"

namespace zhiyin::storage::detail {

/// Numbers of PostgreSQL's types; 0 leaves the choice to the server (nulls).
using PostgresType = std::uint32_t;

/// bigint, double precision, text, bytea; 0 for null.
PostgresType postgres_type(const Value& value);

/// Parameters as the protocol wants them, all in binary form. Text and bytes are not copied: the
/// values must outlive this.
class PostgresParameters {
 public:
  /// Fails with kInvalidArgument on text that PostgreSQL does not hold (see `check_text`).
  static Result<PostgresParameters> encode(std::span<const Value> values);

  std::vector<PostgresType> types;
  std::vector<const char*> bytes;  ///< null for null
  std::vector<int> lengths;

 private:
  std::deque<std::array<char, 8>> numbers_;
};

/// One cell in binary form. Integers of any size and booleans become integers; numeric becomes an
/// integer when it is whole and fits, kLimitReached when it is whole and does not fit, else a real.
/// kUnsupported for types that this program does not use, kDataLoss for bytes of the wrong shape.
Result<Value> decode_postgres(PostgresType type, std::string_view bytes);

}  // namespace zhiyin::storage::detail
