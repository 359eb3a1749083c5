// Gates of serving, on public data that is skipped where it is absent.
#include "recommend/served_lists.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/random.h"
#include "recommend/cold_start.h"

namespace zhiyin::recommend {
namespace {

std::filesystem::path ml100k() {
  const char* set = std::getenv("ZHIYIN_SHARED");
  const std::filesystem::path shared =
      set != nullptr ? std::filesystem::path(set)
                     : std::filesystem::path(ZHIYIN_SOURCE_DIR) / ".." / "shared";
  return shared / "data/recommend/ml-100k";
}

TEST(ServedLists, AreWithinAThousandthOfTheDenseModel) {
  if (!std::filesystem::exists(ml100k())) GTEST_SKIP() << ml100k() << " is not there";
  const auto data =
      load_evaluation("loo", ml100k() / "loo_chrono_train.csv.gz",
                      ml100k() / "loo_chrono_validation.csv", ml100k() / "loo_chrono_test.csv");
  ASSERT_TRUE(data) << data.error().text();
  TrainParams params;
  params.knn.k = 200;
  params.lambda = 600;
  const auto found = measure_served(*data, params, 10);
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_NEAR(found->dense, .09003, 5.1e-6);
  EXPECT_GE(found->difference.mean, -.001);
  EXPECT_NEAR(found->served - found->dense, found->difference.mean, 1e-9);
}

/// Two subjects; everybody rates one of them, first the old items, then the new ones.
TEST(ColdStart, TextsThatMatterAreFound) {
  constexpr std::uint32_t kOld = 20;
  constexpr std::uint32_t kItems = 60;
  ColdStartLog log;
  for (std::uint32_t i = 0; i < kItems; ++i) log.texts.push_back(i % 2 == 0 ? "even" : "odd");
  log.users = 40;
  Random random(4);
  const auto rate = [&](std::uint32_t from, std::uint32_t to, std::int64_t at) {
    for (std::uint32_t u = 0; u < log.users; ++u) {
      for (int n = 0; n < 5; ++n) {
        const auto item =
            from + static_cast<std::uint32_t>(random.below((to - from) / 2)) * 2 + u % 2;
        log.ratings.push_back({u, item, at + u});
      }
    }
  };
  rate(0, kOld, 1000);
  rate(kOld, kItems, 2000);
  std::size_t encoded = 0;
  const auto found = measure_cold_start(
      log, 0.5, [&](std::span<const std::string_view> texts) -> Result<std::vector<float>> {
        encoded = texts.size();
        std::vector<float> out;
        for (const std::string_view text : texts) {
          for (int j = 0; j < 8; ++j)
            out.push_back(
                static_cast<float>(random.normal() * 0.3 + (j == (text == "odd") ? 3 : 0)));
        }
        return out;
      });
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(encoded, kItems);
  EXPECT_EQ(found->people, log.users);
  EXPECT_GT(found->unseen, 30U);
  EXPECT_LE(found->unseen, 40U);
  EXPECT_GT(found->gain.interval.low, 0) << found->text << " beside " << found->popularity;
  EXPECT_NEAR(found->gain.mean, found->text - found->popularity, 1e-9);
  EXPECT_NEAR(found->gain_since.mean, found->text - found->popularity_since, 1e-9);
  EXPECT_EQ(measure_cold_start(log, 1, {}).error().field, "share");
}

}  // namespace
}  // namespace zhiyin::recommend
