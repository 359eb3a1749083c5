#include "storage/installation_id.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "storage/migrations.h"
#include "storage/testing.h"

namespace zhiyin::storage {
namespace {

class InstallationIdTest : public ::testing::Test {
 protected:
  Result<void> start(State& state) { return migrate_own_state(state, migrations(), file_); }
  TempFolder folder_;
  std::filesystem::path file_ = folder_.path() / "data/installation.id";
  std::unique_ptr<State> state_ = open_test_state(folder_.path() / "state.db");
};

TEST_F(InstallationIdTest, IsWrittenOnceAndFoundAgain) {
  std::filesystem::create_directories(file_.parent_path());
  ASSERT_TRUE(start(*state_));
  EXPECT_EQ(read_file(file_).value(), state_->identity().value() + "\n");
  EXPECT_TRUE(start(*state_));
}

TEST_F(InstallationIdTest, AnEmptyDatabaseInPlaceOfTheOldOneIsRefusedUntouched) {
  std::filesystem::create_directories(file_.parent_path());
  ASSERT_TRUE(start(*state_));
  const auto empty = open_test_state(folder_.path() / "empty.db");
  const auto outcome = start(*empty);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kDataLoss);
  EXPECT_THAT(outcome.error().message, testing::HasSubstr("installation.id"));
  EXPECT_EQ(empty->identity().value(), "");
}

TEST_F(InstallationIdTest, AnotherInstallationsDatabaseIsRefused) {
  std::filesystem::create_directories(file_.parent_path());
  ASSERT_TRUE(start(*state_));
  const auto other = open_test_state(folder_.path() / "other.db");
  ASSERT_TRUE(other->migrate(migrations()));
  const auto outcome = start(*other);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kDataLoss);
}

TEST_F(InstallationIdTest, AnotherProcessJoinsWithAnEmptyFolder) {
  std::filesystem::create_directories(file_.parent_path());
  ASSERT_TRUE(state_->migrate(migrations()));
  ASSERT_TRUE(start(*state_));
  EXPECT_EQ(read_file(file_).value(), state_->identity().value() + "\n");
}

}  // namespace
}  // namespace zhiyin::storage
