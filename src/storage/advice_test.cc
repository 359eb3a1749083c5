#include "storage/advice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace zhiyin::storage {
namespace {

/// As the servers and libraries say them.
TEST(Advice, EachCauseHasItsOwn) {
  const std::pair<Error, std::string_view> cases[] = {
      {{ErrorCode::kUnavailable,
        "state: cannot connect to PostgreSQL at db:5432/z: connection to server at \"127.0.0.1\", "
        "port 5432 failed: Connection refused"},
       "start the server"},
      {{ErrorCode::kUnavailable,
        "state: cannot connect to PostgreSQL at nowhere:5432/z: could not translate host name "
        "\"nowhere\" to address: Name or service not known"},
       "DNS"},
      {{ErrorCode::kUnavailable,
        "state: cannot connect to PostgreSQL at db:5432/z: timeout expired"},
       "firewall"},
      {{ErrorCode::kUnavailable,
        "state: cannot connect to PostgreSQL at db:5432/z: FATAL:  password authentication failed "
        "for user \"zhiyin\""},
       "ALTER ROLE"},
      {{ErrorCode::kUnavailable,
        "state: cannot connect to PostgreSQL at db:5432/z: FATAL:  no pg_hba.conf entry for host"},
       "pg_hba.conf"},
      {{ErrorCode::kUnavailable,
        "state: cannot connect to PostgreSQL at db:5432/z: FATAL:  role \"zhiyin\" does not exist"},
       "CREATE ROLE"},
      {{ErrorCode::kUnavailable,
        "state: cannot connect to PostgreSQL at db:5432/z: FATAL:  database \"z\" does not exist"},
       "CREATE DATABASE"},
      {{ErrorCode::kUnavailable,
        "state: cannot connect to PostgreSQL at db:5432/z: FATAL:  sorry, too many clients "
        "already"},
       "max_connections"},
      {{ErrorCode::kUnsupported, "state: PostgreSQL at db:5432/z is version 12; 13 is needed"},
       "upgrade"},
      {{ErrorCode::kPermissionDenied,
        "state: permission denied for schema public (42501): CREATE TABLE"},
       "GRANT USAGE"},
      {{ErrorCode::kDataLoss,
        "state: the server at db:5432/z is not the one of before (no state x there)"},
       "restore the backup"},
      {{ErrorCode::kUnavailable,
        "event log: broker: sasl_plaintext://b:9092: SASL authentication error: Invalid username"},
       "user or password"},
      {{ErrorCode::kUnavailable,
        "Local: Broker transport failure; sasl_ssl://b:9093/1: SSL handshake failed: certificate "
        "verify failed"},
       "not trusted"},
      {{ErrorCode::kUnsupported, "event log: z.events has 3 partitions, expected 64"},
       "another prefix"},
      {{ErrorCode::kPermissionDenied,
        "warehouse: Code: 497. DB::Exception: zhiyin: Not enough privileges. To execute this "
        "query"},
       "ALTER, CREATE ON"},
      {{ErrorCode::kUnavailable, "warehouse: Code: 243. DB::Exception: (NOT_ENOUGH_SPACE)"},
       "free some space"},
      {{ErrorCode::kPermissionDenied, "sqlite: INSERT: attempt to write a readonly database"},
       "owner of the data folder"},
      {{ErrorCode::kUnavailable, "sqlite: open: unable to open database file"},
       "path in storage.x"},
      {{ErrorCode::kDataLoss, "sqlite: SELECT: database disk image is malformed"}, "damaged"},
      {{ErrorCode::kUnavailable, "something nobody has heard of"}, "does it run"},
      {{ErrorCode::kLimitReached, "something nobody has heard of"}, "quotas"},
  };
  std::set<std::string> different;
  for (const auto& [error, expected] : cases) {
    const std::string advice = advice_for(error, "storage.x");
    EXPECT_THAT(advice, ::testing::HasSubstr(expected)) << error.message;
    EXPECT_THAT(advice, ::testing::Not(::testing::HasSubstr("{}")));
    EXPECT_THAT(advice, ::testing::HasSubstr("/ "));
    different.insert(advice);
  }
  EXPECT_EQ(different.size(), std::size(cases));
}

}  // namespace
}  // namespace zhiyin::storage
