// A training that is killed goes on where it was, to the same bytes.
#include "recommend/training_checkpoint.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <vector>

#include "base/file.h"
#include "base/random.h"
#include "recommend/recommend_model.h"

namespace zhiyin::recommend {
namespace {

constexpr Instant kNow{1'000'000'000'000'000};

/// `people` read four of thirty articles each.
RowSource readers(int people, std::uint64_t seed = 3) {
  return [people, seed](const std::function<void(const InteractionRow&)>& take) -> Result<void> {
    Random random(seed);
    for (int p = 0; p < people; ++p) {
      for (int a = 0; a < 4; ++a) {
        const std::string item =
            fmt::format("i{}", (static_cast<std::uint64_t>(p) % 5 * 6 + random.below(7)) % 30);
        take({fmt::format("p{}", p), {"article", item}, "read", 0, kNow - kDay});
      }
    }
    return {};
  };
}

TrainParams settings() {
  TrainParams out;
  out.algorithm = "ease";
  out.lambda = 5;
  out.factors = 8;
  out.as_of = kNow;
  return out;
}

std::string trained(const RowSource& rows, TrainParams params, TrainingCheckpoint* checkpoint) {
  params.checkpoint = checkpoint;
  const auto model = train_recommend(rows, params);
  EXPECT_TRUE(model) << model.error().text();
  return model->encode();
}

/// Trains in a process of its own that gets SIGKILL when it tells of its progress for the
/// `calls`th time. True when it was killed; false when it ended before.
bool killed_at(const RowSource& rows, int calls, const std::filesystem::path& folder,
               std::string_view name = "t") {
  const pid_t child = ::fork();
  if (child == 0) {
    TrainingCheckpoint checkpoint(folder, std::string(name));
    TrainParams params = settings();
    params.checkpoint = &checkpoint;
    params.progress = [&](double) {
      if (--calls == 0) ::kill(::getpid(), SIGKILL);
      return true;
    };
    ::_exit(train_recommend(rows, params) ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

TEST(TrainingCheckpoint, ATrainingKilledAnywhereGoesOnToTheSameBytes) {
  const RowSource rows = readers(25'000);
  const std::string whole = trained(rows, settings(), nullptr);
  std::vector<bool> resumed;
  for (int calls = 1;; ++calls) {
    const TempFolder folder;
    if (!killed_at(rows, calls, folder.path())) break;
    TrainingCheckpoint checkpoint(folder.path(), "t");
    EXPECT_EQ(trained(rows, settings(), &checkpoint), whole) << calls;
    resumed.push_back(checkpoint.resumed());
    checkpoint.remove();
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  }
  // Two stops while it counts, some in the inverse, one after each of fifteen sweeps.
  ASSERT_GE(resumed.size(), 18U);
  for (const bool one : resumed) EXPECT_TRUE(one);
}

TEST(TrainingCheckpoint, KilledAgainAndAgainItStillEnds) {
  const RowSource rows = readers(12'000);
  const std::string whole = trained(rows, settings(), nullptr);
  const TempFolder folder;
  int deaths = 0;
  // Each life gets a little further.
  for (; deaths < 100 && killed_at(rows, 2 + deaths % 5, folder.path()); ++deaths) {
  }
  EXPECT_GE(deaths, 3);
  TrainingCheckpoint checkpoint(folder.path(), "t");
  EXPECT_EQ(trained(rows, settings(), &checkpoint), whole);
  EXPECT_TRUE(checkpoint.resumed());
}

TEST(TrainingCheckpoint, OtherSettingsOrDataBeginAnew) {
  const RowSource rows = readers(2'000);
  const auto resumes = [&](const RowSource& with, const TrainParams& params) {
    const TempFolder folder;
    EXPECT_TRUE(killed_at(rows, 12, folder.path()));
    TrainingCheckpoint checkpoint(folder.path(), "t");
    EXPECT_EQ(trained(with, params, &checkpoint), trained(with, params, nullptr));
    return checkpoint.resumed();
  };
  EXPECT_TRUE(resumes(rows, settings()));
  EXPECT_FALSE(resumes(readers(2'000, 4), settings()));
  TrainParams other = settings();
  other.lambda = 6;
  EXPECT_FALSE(resumes(rows, other));
  other = settings();
  other.factors = 9;
  EXPECT_FALSE(resumes(rows, other));
}

TEST(TrainingCheckpoint, WhatIsDamagedIsPassedOver) {
  const RowSource rows = readers(2'000);
  const std::string whole = trained(rows, settings(), nullptr);
  const TempFolder folder;
  ASSERT_TRUE(killed_at(rows, 12, folder.path()));
  for (const char* stage : {"t.weights", "t.sweeps"}) {
    const auto path = folder.path() / stage;
    const std::string good = *read_file(path);
    for (std::string bad :
         {good.substr(0, good.size() - 1), good.substr(0, 40), std::string("no"), good + "x"}) {
      ASSERT_TRUE(write_file(path, bad));
      TrainingCheckpoint checkpoint(folder.path(), "t");
      EXPECT_EQ(trained(rows, settings(), &checkpoint), whole);
    }
    std::string bit = good;
    bit[bit.size() / 2] = static_cast<char>(bit[bit.size() / 2] ^ 1);
    ASSERT_TRUE(write_file(path, bit));
    TrainingCheckpoint checkpoint(folder.path(), "t");
    EXPECT_EQ(trained(rows, settings(), &checkpoint), whole);
  }
}

TEST(TrainingCheckpoint, WhereNothingCanBeWrittenTheTrainingGoesOn) {
  const TempFolder folder;
  ASSERT_TRUE(write_file(folder.path() / "file", "x"));
  const RowSource rows = readers(500);
  TrainingCheckpoint checkpoint(folder.path() / "file" / "below", "t");
  EXPECT_EQ(trained(rows, settings(), &checkpoint), trained(rows, settings(), nullptr));
  EXPECT_TRUE(checkpoint.trouble());
  // Noted only when it is time.
  TrainingCheckpoint patient(folder.path(), "p", [] { return false; });
  trained(rows, settings(), &patient);
  EXPECT_FALSE(patient.trouble());
  TrainingCheckpoint again(folder.path(), "p");
  trained(rows, settings(), &again);
  EXPECT_TRUE(again.resumed());  // what is finished always is
}

}  // namespace
}  // namespace zhiyin::recommend
