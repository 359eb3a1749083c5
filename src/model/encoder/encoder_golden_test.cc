#include <gtest/gtest.h>

#include <charconv>
#include <fstream>
#include <sstream>

#include "base/file.h"
#include "model/encoder/detail/small_encoders.h"
#include "model/encoder/encoder.h"

namespace zhiyin::model {
namespace {

struct Golden {
  std::string encoder;
  std::vector<std::int32_t> ids;
  std::vector<std::uint8_t> types;
  std::vector<float> mean;
};

std::vector<int> numbers(const std::string& text) {
  std::vector<int> out;
  std::istringstream in(text);
  for (std::string one; std::getline(in, one, ',');) out.push_back(std::stoi(one));
  return out;
}

/// Made by tools/golden.py with PyTorch: name, ids, types or "-", numbers of the mean vector.
std::vector<Golden> goldens() {
  std::ifstream in(ZHIYIN_SOURCE_DIR "/src/model/encoder/testdata/golden.txt");
  std::vector<Golden> out;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    Golden one;
    std::string ids, types;
    words >> one.encoder >> ids >> types;
    for (const int id : numbers(ids)) one.ids.push_back(id);
    if (types != "-")
      for (const int type : numbers(types)) one.types.push_back(static_cast<std::uint8_t>(type));
    for (float x = 0; words >> x;) one.mean.push_back(x);
    out.push_back(std::move(one));
  }
  return out;
}

void expect_near(const Encoder& encoder, const Golden& golden, float tolerance) {
  EncoderWorkspace workspace(encoder.shape());
  const EncoderText text{golden.ids, golden.types};
  std::vector<float> out(encoder.shape().width);
  const auto done = encoder.encode({&text, 1}, {.normalise = false}, workspace, out);
  ASSERT_TRUE(done) << done.error().text();
  ASSERT_EQ(out.size(), golden.mean.size());
  for (std::size_t i = 0; i < out.size(); ++i)
    EXPECT_NEAR(out[i], golden.mean[i], tolerance) << golden.encoder << " number " << i;
}

struct Small {
  const char* name;
  const char* type;
  const char* prefix;
  EncoderShape shape;
  std::uint64_t seed;
};
const Small kSmall[] = {
    {"bert", "bert", "bert.", {48, 2, 3, 96, 50, 40, 2, 0, 1e-12F}, 1},
    {"xlm-roberta", "xlm-roberta", "roberta.", {40, 3, 4, 80, 60, 34, 1, 2, 1e-5F}, 2},
    {"narrow", "bert", "", {52, 1, 4, 70, 30, 70, 2, 0, 1e-12F}, 3},
};

TEST(EncoderGolden, FloatOutputsOfMadeCheckpointsAreThoseOfPyTorch) {
  std::size_t compared = 0;
  for (const Small& small : kSmall) {
    const TempFolder folder;
    ASSERT_TRUE(
        write_file(folder.path() / "config.json", testing::small_config(small.shape, small.type)));
    ASSERT_TRUE(write_file(folder.path() / "model.safetensors",
                           testing::small_checkpoint(small.shape, small.prefix, small.seed)));
    const auto encoder = Encoder::open(folder.path(), {.precision = Precision::kFloat});
    ASSERT_TRUE(encoder) << encoder.error().text();
    for (const Golden& golden : goldens()) {
      if (golden.encoder != small.name) continue;
      expect_near(**encoder, golden, 1e-5F);
      ++compared;
    }
  }
  EXPECT_EQ(compared, 11U);
}

TEST(EncoderGolden, FloatOutputsOfTheDefaultEncoderAreThoseOfPyTorch) {
  const auto encoder = Encoder::open(ZHIYIN_SOURCE_DIR "/build/deps/encoder/e5-small-q4.bin",
                                     {.precision = Precision::kFloat});
  if (!encoder) GTEST_SKIP() << "no default encoder: " << encoder.error().text();
  std::size_t compared = 0;
  for (const Golden& golden : goldens()) {
    if (golden.encoder != "package") continue;
    expect_near(**encoder, golden, 1e-4F);
    ++compared;
  }
  EXPECT_EQ(compared, 3U);
}

}  // namespace
}  // namespace zhiyin::model
