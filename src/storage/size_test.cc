#include "storage/size.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "storage/migrations.h"
#include "storage/open.h"
#include "storage/testing.h"

namespace zhiyin::storage {
namespace {

TEST(Size, OfFilesCountsWhatIsWrittenBesideThem) {
  const TempFolder folder;
  const std::string path = (folder.path() / "w.duckdb").string();
  const auto warehouse = open_warehouse("duckdb:" + path, 64, null_logger()).value();
  ASSERT_TRUE(write_file(path + ".wal", std::string(1000, 'x')));
  EXPECT_EQ(warehouse_bytes("duckdb:" + path, *warehouse).value(),
            static_cast<std::int64_t>(std::filesystem::file_size(path)) + 1000);
  EXPECT_EQ(log_bytes("sqlite:" + (folder.path() / "nothing.db").string()).value(), 0);
  EXPECT_EQ(log_bytes("kafka://broker/zhiyin").error().code, ErrorCode::kUnsupported);
}

TEST(Size, OfStateGrowsWithItsRows) {
  const TempFolder folder;
  const auto path = folder.path() / "state.db";
  const auto state = open_test_state(path);
  const std::string url = test_server() ? test_server_url(path) : "sqlite:" + path.string();
  const Migration things{"test-001-thing", "CREATE TABLE thing (name TEXT PRIMARY KEY)"};
  ASSERT_TRUE(state->migrate({&things, 1}));
  const std::int64_t before = state_bytes(url, *state).value();
  ASSERT_TRUE(state->write([](Session& db) -> Result<void> {
    for (int i = 0; i < 300; ++i) {
      ZHIYIN_TRY_VOID(db.execute("INSERT INTO thing (name) VALUES (?1)",
                                 {std::to_string(i) + std::string(900, 'x')}));
    }
    return {};
  }));
  EXPECT_GT(state_bytes(url, *state).value(), before + 200'000);
}

}  // namespace
}  // namespace zhiyin::storage
