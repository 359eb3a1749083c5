// Whose turn it is in the folder of a training, and what is taken up there.
#include "server/training_notes.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace zhiyin::server {
namespace {

constexpr Instant kNow{1'000'000'000'000'000};

TEST(TrainingNotes, WhatWasCutOffIsTakenUpForADay) {
  const TempFolder folder;
  {
    const auto first = TrainingNotes::open(folder.path(), "a", kNow);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->as_of(), kNow);
    ASSERT_TRUE(write_file(first->folder() / "new.sweeps", "x"));
  }
  {
    const auto next = TrainingNotes::open(folder.path(), "a", kNow + kDay - Duration(1));
    ASSERT_TRUE(next);
    EXPECT_EQ(next->as_of(), kNow);
    EXPECT_TRUE(read_file(next->folder() / "new.sweeps"));
  }
  const auto late = TrainingNotes::open(folder.path(), "a", kNow + kDay);
  ASSERT_TRUE(late);
  EXPECT_EQ(late->as_of(), kNow + kDay);
  EXPECT_FALSE(read_file(late->folder() / "new.sweeps"));
}

TEST(TrainingNotes, OneTrainingAtATimeAndWhatIsOverGoes) {
  const TempFolder folder;
  auto held = TrainingNotes::open(folder.path(), "a", kNow);
  ASSERT_TRUE(held);
  EXPECT_FALSE(TrainingNotes::open(folder.path(), "a", kNow));
  // Others go on beside it, and remove what nobody needs: not what somebody holds.
  {
    const auto other = TrainingNotes::open(folder.path(), "b", kNow);
  }
  const auto third = TrainingNotes::open(folder.path(), "c", kNow + 2 * kDay);
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "a"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "b"));
  held->remove();
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "a"));
}

TEST(TrainingNotes, WithoutAFolderThereAreNone) {
  const TempFolder folder;
  ASSERT_TRUE(write_file(folder.path() / "file", "x"));
  EXPECT_FALSE(TrainingNotes::open(folder.path() / "file", "a", kNow));
}

}  // namespace
}  // namespace zhiyin::server
