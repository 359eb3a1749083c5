#include "model/encoder/encoder_package.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "base/mapped_file.h"
#include "model/encoder/detail/small_encoders.h"

namespace zhiyin::model {
namespace {

template <class T>
std::string patched(std::string file, std::size_t at, T value) {
  std::memcpy(file.data() + at, &value, sizeof value);
  return file;
}

std::string refusal(std::string_view file) {
  const auto parsed = parse_encoder_package(file);
  return parsed ? "accepted" : parsed.error().text();
}

TEST(EncoderPackage, GivesShapePiecesMapAndWeights) {
  const std::string file = testing::small_package();
  const auto package = parse_encoder_package(file);
  ASSERT_TRUE(package) << package.error().text();
  EXPECT_EQ(package->shape.width, 32U);
  EXPECT_EQ(package->shape.vocabulary, 8U);
  EXPECT_EQ(package->word_rows, 9U);
  EXPECT_EQ(package->tokeniser.pieces[7], "知音");
  EXPECT_EQ(package->tokeniser.scores[7], -10);
  ASSERT_EQ(package->tokeniser.characters.size(), 2U);
  EXPECT_TRUE(package->tokeniser.characters[0].to.empty());
  EXPECT_EQ(package->tokeniser.characters[1].to, std::vector<char32_t>{U','});
  const std::vector<float> words = package->floats("emb.word");
  std::vector<float> row(32);
  package->word_row(3, row);
  EXPECT_TRUE(std::equal(row.begin(), row.end(), words.begin() + 3 * 32));
}

TEST(EncoderPackage, BlocksHoldLowHalvesThenHighHalves) {
  std::string file = testing::small_package();
  const auto package = parse_encoder_package(file);
  const std::size_t at = static_cast<std::size_t>(
      package->tensors.find("emb.word")->second.bytes.data() - file.data());
  file = patched(file, at, std::uint16_t{0x3800});  // one half
  file = patched(file, at + 2, std::uint8_t{0xF0});
  std::vector<float> row(32);
  parse_encoder_package(file)->word_row(0, row);
  EXPECT_EQ(row[0], -4);
  EXPECT_EQ(row[16], 3.5F);
}

TEST(EncoderPackage, RefusesEveryTruncation) {
  const std::string file = testing::small_package();
  for (std::size_t cut = 0; cut < file.size(); cut += cut < 2000 ? 1 : 97)
    EXPECT_NE(refusal(std::string_view(file).substr(0, cut)), "accepted") << cut;
  EXPECT_NE(refusal(file + "x").find("behind the last tensor"), std::string::npos);
}

TEST(EncoderPackage, RefusesSizesThatLie) {
  const std::string file = testing::small_package();
  for (const std::size_t at : {8U, 12U, 20U, 24U, 28U, 32U, 40U, 44U, 64U}) {
    for (const std::int32_t value : {-1, 0, 1, 33, 1 << 20, 0x7fffffff})
      EXPECT_NE(refusal(patched(file, at, value)), "accepted") << at << " " << value;
  }
  for (const std::size_t at : {48U, 52U, 56U, 60U})
    EXPECT_NE(refusal(patched(file, at, std::int32_t{8})), "accepted");
  EXPECT_NE(refusal(patched(file, 36, std::nanf(""))), "accepted");
  EXPECT_NE(refusal(patched(file, 0, 'X')), "accepted");
  EXPECT_NE(refusal(patched(file, 4, 2)), "accepted");
}

TEST(EncoderPackage, RefusesPiecesOutOfOrderTwiceOrNoText) {
  const std::string file = testing::small_package();
  const std::size_t offsets = testing::kSmallPackageHeader;
  EXPECT_NE(refusal(patched(file, offsets, 1U)).find("first piece"), std::string::npos);
  EXPECT_NE(refusal(patched(file, offsets + 4, 9U)).find("piece 1"), std::string::npos);
  EXPECT_NE(refusal(patched(file, offsets + 4, 0xffffffffU)).find("piece 0"), std::string::npos);
  const std::size_t scores = offsets + 4 * 9;
  EXPECT_NE(refusal(patched(file, scores + 16, 1.0F)).find("score"), std::string::npos);
  EXPECT_NE(refusal(patched(file, scores + 16, std::nanf(""))).find("score"), std::string::npos);
  const std::size_t text = scores + 4 * 8;
  EXPECT_NE(refusal(patched(file, text + 17, '\xff')).find("UTF-8"), std::string::npos);
  std::string twice = file;
  twice.replace(text + 23, 3, "知");  // 音 becomes 知
  EXPECT_NE(refusal(twice).find("twice"), std::string::npos);
}

TEST(EncoderPackage, RefusesADirectoryThatLies) {
  const std::string file = testing::small_package();
  const std::size_t name = file.find("emb.pos");
  const std::size_t fields = name + 7;  // type, elements, offset, bytes
  EXPECT_NE(refusal(patched(file, fields, std::uint8_t{2})).find("type 2"), std::string::npos);
  EXPECT_NE(refusal(patched(file, fields, std::uint8_t{1})), "accepted");
  EXPECT_NE(refusal(patched(file, fields + 1, 0xffffffffU)), "accepted");
  EXPECT_NE(refusal(patched(file, fields + 5, std::uint64_t{1} << 63)), "accepted");
  EXPECT_NE(refusal(patched(file, fields + 5, std::uint64_t{64})), "accepted");
  EXPECT_NE(refusal(patched(file, fields + 13, std::uint64_t{1} << 63)), "accepted");
  EXPECT_NE(refusal(patched(file, name, 'x')), "accepted");
  std::string twice = file;
  twice.replace(file.find("l1.ao.w"), 7, "l1.fo.w");
  EXPECT_NE(refusal(twice), "accepted");
}

TEST(EncoderPackage, OneWrongByteNeverGetsFurtherThanARefusal) {
  const std::string file = testing::small_package();
  Random random(11);
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = file;
    damaged[random.below(2000)] = static_cast<char>(random.below(256));
    (void)parse_encoder_package(damaged);
  }
}

/// The real file, where `./dev setup` has put it.
TEST(EncoderPackage, TheDefaultEncoderIsWhatTheReferenceSays) {
  const auto file =
      MappedFile::open(ZHIYIN_SOURCE_DIR "/build/deps/encoder/e5-small-q4.bin", 1 << 30);
  if (!file) GTEST_SKIP() << "no default encoder: " << file.error().text();
  const auto package = parse_encoder_package(file->bytes());
  ASSERT_TRUE(package) << package.error().text();
  EXPECT_EQ(package->shape, (EncoderShape{.width = 384,
                                          .layers = 12,
                                          .heads = 12,
                                          .inner = 1536,
                                          .vocabulary = 250002,
                                          .positions = 512,
                                          .token_types = 2}));
  EXPECT_EQ(package->tokeniser.characters.size(), 4837U);
  EXPECT_EQ(package->tensors.size(), 197U);
  EXPECT_EQ(package->tokeniser.pieces[250001], "<mask>");
}

}  // namespace
}  // namespace zhiyin::model
