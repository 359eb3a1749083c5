#include "model/encoder/encoder_file.h"

#include <gtest/gtest.h>

#include "base/crypto.h"
#include "base/file.h"
#include "model/encoder/compile_encoder.h"
#include "model/encoder/detail/small_encoders.h"

namespace zhiyin::model {
namespace {

std::string compiled(CompileOptions options = {}) {
  const TempFolder folder;
  const auto path = folder.path() / "package.bin";
  EXPECT_TRUE(write_file(path, testing::small_package()));
  const auto source = open_package_source(path);
  auto bytes = compile_encoder(**source, options);
  EXPECT_TRUE(bytes) << bytes.error().text();
  return *bytes;
}

std::string signed_again(std::string bytes) {
  bytes.resize(bytes.size() - 32);
  return bytes + crypto::sha256(bytes);
}

std::string refusal(std::string bytes) {
  const auto file = EncoderFile::from_bytes(std::move(bytes));
  return file ? "accepted" : file.error().text();
}

TEST(EncoderFile, HoldsShapeWeightsAndTokeniserAndIsTheSameEachTime) {
  const std::string bytes = compiled({.source = "made"});
  EXPECT_EQ(bytes, compiled({.source = "made"}));
  const auto file = EncoderFile::from_bytes(bytes);
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_EQ((*file)->shape().width, 32U);
  EXPECT_EQ((*file)->source(), "made");
  const EncoderTokeniser& t = (*file)->tokeniser();
  EXPECT_EQ(t.kind, EncoderTokeniser::Kind::kUnigram);
  EXPECT_EQ(t.unigram.pieces[7], "知音");
  EXPECT_EQ(t.unknown_score, -20);
  EXPECT_EQ(t.forbidden, (std::vector<std::int32_t>{0, 1, 2, 3}));
  EXPECT_EQ(t.unigram.characters[1].to, std::vector<char32_t>{U','});
}

TEST(EncoderFile, SectionsAreAlignedInMemoryAsInTheFile) {
  const auto file = EncoderFile::from_bytes(compiled());
  ASSERT_TRUE(file);
  for (const char* name : {"emb.pos", "l0.qkv.w", "l1.fo.scale"})
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>((*file)->section(name).data()) % 64, 0U) << name;
}

TEST(EncoderFile, TrimmingKeepsRowsScoresAndTheCostOfTheUnknown) {
  const auto whole = EncoderFile::from_bytes(compiled());
  const auto file = EncoderFile::from_bytes(compiled({.kept = {0, 1, 2, 3, 4, 6}}));
  ASSERT_TRUE(file) << file.error().text();
  const EncoderTokeniser& t = (*file)->tokeniser();
  EXPECT_EQ(t.original_ids, (std::vector<std::uint32_t>{0, 1, 2, 3, 4, 6}));
  EXPECT_EQ(t.unigram.pieces[5], "音");
  EXPECT_EQ(t.unigram.scores[5], -9);
  EXPECT_EQ(t.unknown_score, -20);  // by the piece of -10, which is gone
  EXPECT_EQ((*file)->section("emb.word").substr(5 * 32, 32),
            (*whole)->section("emb.word").substr(6 * 32, 32));
}

TEST(EncoderFile, WrongListsOfKeptPiecesAreRefused) {
  const TempFolder folder;
  ASSERT_TRUE(write_file(folder.path() / "p", testing::small_package()));
  const auto source = open_package_source(folder.path() / "p");
  for (const std::vector<std::uint32_t>& kept :
       {std::vector<std::uint32_t>{4, 5}, {0, 1, 2, 3, 3}, {0, 2, 1, 3}, {0, 1, 2, 3, 8}})
    EXPECT_FALSE(compile_encoder(**source, {.kept = kept}));
}

TEST(EncoderFile, PoolingIsKeptAndTheMeanIsNotWritten) {
  const std::string plain = compiled(), first = compiled({.pooling = Pooling::kFirst});
  EXPECT_EQ(plain, compiled({.pooling = Pooling::kMean}));
  EXPECT_EQ(plain.find("pooling"), std::string::npos);
  EXPECT_EQ((*EncoderFile::from_bytes(plain))->pooling(), Pooling::kMean);
  EXPECT_EQ((*EncoderFile::from_bytes(first))->pooling(), Pooling::kFirst);
  std::string other = first;
  other.replace(other.find("\"cls\""), 5, "\"max\"");
  EXPECT_NE(refusal(signed_again(other)).find("'max' is neither mean nor cls"), std::string::npos);
}

TEST(EncoderFile, TruncationAndDamageAreDataLoss) {
  const std::string bytes = compiled();
  for (std::size_t cut = 0; cut < bytes.size(); cut += 509)
    EXPECT_EQ(EncoderFile::from_bytes(bytes.substr(0, cut)).error().code, ErrorCode::kDataLoss);
  for (const std::size_t at :
       {std::size_t{5}, std::size_t{9}, std::size_t{40}, bytes.size() / 2, bytes.size() - 1}) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_FALSE(EncoderFile::from_bytes(damaged));
  }
  EXPECT_NE(refusal("ZYEM").find("ZYEN"), std::string::npos);
}

TEST(EncoderFile, WhatIsSignedButWrongIsRefusedAsWell) {
  const std::string bytes = compiled();
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string out = bytes;
    out.replace(out.find(from), from.size(), to);
    return refusal(signed_again(out));
  };
  EXPECT_EQ(with("\"int8\"", "\"int8\""), "accepted");
  EXPECT_NE(with("\"int8\"", "\"int4\"").find("int4"), std::string::npos);
  EXPECT_NE(with("\"width\":32", "\"width\":64"), "accepted");
  EXPECT_NE(with("\"heads\":2", "\"heads\":5"), "accepted");
  EXPECT_NE(with("emb.word.scale", "emb.word.scald"), "accepted");
  EXPECT_NE(with("\"bos\":0", "\"bos\":9"), "accepted");
  EXPECT_NE(with("\"vocabulary\":8", "\"vocabulary\":9"), "accepted");
  const auto file = EncoderFile::from_bytes(bytes);
  const std::size_t weight = bytes.find((*file)->section("l0.qkv.w"));
  std::string heavy = bytes;
  heavy[weight] = 127;
  heavy[weight + 1] = -1;
  EXPECT_EQ(refusal(signed_again(heavy)), "accepted");
  heavy[weight + 1] = -2;
  EXPECT_NE(refusal(signed_again(heavy)).find("beyond 128"), std::string::npos);
}

TEST(EncoderFile, FittedOnesHaveUnitsOfRowsAndAVersionOfTheirOwn) {
  const std::string plain = compiled(), fitted = compiled({.fitted = true});
  EXPECT_EQ(plain[4], 1);
  EXPECT_EQ(fitted[4], 2);
  const auto file = EncoderFile::from_bytes(fitted);
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_TRUE((*file)->scaled());
  EXPECT_EQ((*file)->section("l0.aln.r").size(), 32U * 4);
  EXPECT_FALSE((*EncoderFile::from_bytes(plain))->scaled());
  std::string other = plain;
  other[4] = 2;
  EXPECT_NE(refusal(signed_again(other)).find("'l0.aln.r' is missing"), std::string::npos);
  other[4] = 3;
  EXPECT_NE(refusal(signed_again(other)).find("version 3"), std::string::npos);
}

TEST(EncoderFile, RandomHeadersNeverGetFurtherThanARefusal) {
  const std::string bytes = compiled();
  Random random(4);
  for (int i = 0; i < 400; ++i) {
    std::string damaged = bytes;
    damaged[16 + random.below(2500)] = static_cast<char>(random.below(128));
    (void)EncoderFile::from_bytes(signed_again(damaged));
  }
}

TEST(EncoderFile, IsMappedFromDiskOnce) {
  const TempFolder folder;
  const auto path = folder.path() / "encoder";
  ASSERT_TRUE(write_file(path, compiled({.precision = Precision::kFloat})));
  const auto file = EncoderFile::open(path);
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_EQ((*file)->precision(), Precision::kFloat);
  EXPECT_EQ(EncoderFile::open(folder.path() / "none").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace zhiyin::model
