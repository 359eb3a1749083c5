#include "storage/postgres_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "storage/detail/postgres_connection.h"
#include "storage/detail/postgres_sql.h"
#include "storage/detail/postgres_values.h"
#include "storage/projection.h"
#include "storage/state_contract.h"
#include "storage/testing.h"

namespace zhiyin::storage {
namespace {

using detail::decode_postgres;
using detail::migration_to_postgres;
using detail::to_postgres;

TEST(PostgresSql, NumbersParametersOutsideOfTextsAndComments) {
  EXPECT_EQ(to_postgres("SELECT ?1, '?2''?3', \"?4\" /* ?5 */ -- ?6\n, ?12").sql,
            "SELECT $1, '?2''?3', \"?4\" /* ?5 */ -- ?6\n, $12");
  EXPECT_EQ(to_postgres("SELECT ?1, ?12").parameters, 12);
  EXPECT_EQ(to_postgres("SELECT 'open ?1").sql, "SELECT 'open ?1");
  EXPECT_EQ(to_postgres("/* open ?1").parameters, 0);
}

TEST(PostgresSql, ColumnsOfTextAreOrderedByBytes) {
  EXPECT_EQ(
      migration_to_postgres("CREATE TABLE context(a TEXT NOT NULL, text TEXT); UPDATE context "
                            "SET a = CAST(text AS TEXT) || 'TEXT'"),
      "CREATE TABLE context(a TEXT COLLATE \"C\" NOT NULL, text TEXT COLLATE \"C\"); UPDATE "
      "context SET a = CAST(text AS TEXT) || 'TEXT'");
}

std::string numeric(std::vector<int> halves) {
  std::string out;
  for (const int half : halves) {
    out += static_cast<char>(half >> 8 & 0xff);
    out += static_cast<char>(half & 0xff);
  }
  return out;
}

TEST(PostgresValues, NumericBecomesAnIntegerWhereItIsOne) {
  constexpr std::uint32_t kNumeric = 1700;
  constexpr int kMinus = 0x4000;
  EXPECT_EQ(decode_postgres(kNumeric, numeric({0, 0, 0, 0})), Value(std::int64_t{0}));
  EXPECT_EQ(decode_postgres(kNumeric, numeric({1, 1, kMinus, 0, 7})), Value(std::int64_t{-70'000}));
  EXPECT_EQ(decode_postgres(kNumeric, numeric({2, 0, 0, 2, 1, 2500})), Value(1.25));
  const std::vector<int> digits{922, 3372, 368, 5477};  // 2^63 = 922 3372 0368 5477 5808
  const auto large = [&](int sign, int last) {
    return numeric({5, 4, sign, 0, digits[0], digits[1], digits[2], digits[3], last});
  };
  EXPECT_EQ(decode_postgres(kNumeric, large(kMinus, 5808)),
            Value(std::numeric_limits<std::int64_t>::min()));
  EXPECT_EQ(decode_postgres(kNumeric, large(0, 5807)),
            Value(std::numeric_limits<std::int64_t>::max()));
  EXPECT_EQ(decode_postgres(kNumeric, large(0, 5808)).error().code, ErrorCode::kLimitReached);
  EXPECT_EQ(decode_postgres(kNumeric, numeric({1, 9, 0, 0, 1})).error().code,
            ErrorCode::kLimitReached);
}

TEST(PostgresValues, WrongBytesAreRefused) {
  for (const std::uint32_t type : {16U, 20U, 21U, 23U, 701U, 1700U}) {
    const auto value = decode_postgres(type, "xyz");
    ASSERT_FALSE(value) << type;
    EXPECT_EQ(value.error().code, ErrorCode::kDataLoss);
  }
  EXPECT_FALSE(decode_postgres(1700, numeric({1, 0, 0x2000, 0, 1})));
  EXPECT_FALSE(decode_postgres(1700, numeric({1, 0, 0, 0, 10'000})));
  EXPECT_EQ(decode_postgres(1114, "12345678").error().code, ErrorCode::kUnsupported);
}

/// What costs a good record its place if it is taken for the record's fault.
TEST(PostgresErrors, OnlyWhatSpeaksOfValuesIsARecordsFault) {
  for (const char* state : {"22003", "22P02", "22021", "23502", "23503", "23505", "23514", "54000"})
    EXPECT_TRUE(lies_in_record({detail::postgres_error_code(state), ""})) << state;
  for (const char* state : {"XX000", "XX001", "42P01", "42703", "42501", "0A000", "40001", "40P01",
                            "53100", "53200", "55000", "55P03", "57014", "57P01", "58030", "F0000",
                            "25006", "25P02", "08006", "28000", "3D000", "P0001", "99999"})
    EXPECT_FALSE(lies_in_record({detail::postgres_error_code(state), ""})) << state;
}

TEST(PostgresState, AMisspeltAddressIsNamedWithoutItsPassword) {
  const auto state = open_postgres_state("postgresql://u:geheim@[h/x");
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(state.error().message, testing::Not(testing::HasSubstr("geheim")));
}

TEST(PostgresState, AServerThatIsNotThereIsUnavailable) {
  const auto state = open_postgres_state("postgresql://u:geheim@127.0.0.1:1/x");
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(state.error().message, testing::HasSubstr("127.0.0.1:1/x"));
  EXPECT_THAT(state.error().message, testing::Not(testing::HasSubstr("geheim")));
}

}  // namespace

/// The contract on a real server, where the test has one.
struct PostgresStateHarness {
  TempFolder folder;
  std::unique_ptr<State> open() { return open_test_state(folder.path() / "state"); }
};
INSTANTIATE_TYPED_TEST_SUITE_P(OnServer, StateContract, PostgresStateHarness);

}  // namespace zhiyin::storage
