#include "model/encoder/safetensors.h"

#include <gtest/gtest.h>

#include "model/encoder/detail/small_encoders.h"

namespace zhiyin::model {
namespace {

std::string file_of(std::string_view header, std::string_view data) {
  std::string out;
  testing::append(out, std::uint64_t{header.size()});
  return out.append(header).append(data);
}

std::string refusal(std::string_view file) {
  const auto parsed = parse_safetensors(file);
  return parsed ? "accepted" : parsed.error().text();
}

constexpr std::string_view kOne = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";

TEST(Safetensors, GivesTensorsOfAllRanksAndTypes) {
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"scalar":{"dtype":"F16","shape":[],"data_offsets":[0,2]},)"
      R"("none":{"dtype":"F32","shape":[0,4],"data_offsets":[2,2]},)"
      R"("b":{"dtype":"BF16","shape":[1,2],"data_offsets":[2,6]}}   )";
  const std::string file = file_of(header, std::string_view("\x00\x3c\x80\x3f\x00\xc0", 6));
  const auto tensors = parse_safetensors(file);
  ASSERT_TRUE(tensors) << tensors.error().text();
  EXPECT_EQ(tensors->size(), 3U);
  EXPECT_EQ(*to_floats(tensors->at("scalar"), "scalar"), std::vector<float>({1}));
  EXPECT_TRUE(to_floats(tensors->at("none"), "none")->empty());
  EXPECT_EQ(*to_floats(tensors->at("b"), "b"), std::vector<float>({1, -2}));
}

TEST(Safetensors, RefusesLengthsThatDoNotFit) {
  EXPECT_NE(refusal("1234567"), "accepted");
  std::string huge;
  testing::append(huge, std::uint64_t{1} << 60);
  EXPECT_NE(refusal(huge + "{}").find("does not fit"), std::string::npos);
  const std::string whole = file_of(kOne, "12345678");
  EXPECT_EQ(refusal(whole), "accepted");
  for (std::size_t cut = 0; cut < whole.size(); ++cut)
    EXPECT_NE(refusal(std::string_view(whole).substr(0, cut)), "accepted") << cut;
  EXPECT_NE(refusal(whole + "x").find("after the last"), std::string::npos);
}

TEST(Safetensors, RefusesWhatOverlapsOrLeavesGaps) {
  const auto two = [](std::string_view begin, std::string_view end) {
    return file_of(fmt::format(R"({{"a":{{"dtype":"U8","shape":[4],"data_offsets":[0,4]}},)"
                               R"("b":{{"dtype":"U8","shape":[4],"data_offsets":[{},{}]}}}})",
                               begin, end),
                   "12345678");
  };
  EXPECT_EQ(refusal(two("4", "8")), "accepted");
  EXPECT_NE(refusal(two("2", "6")).find("overlaps"), std::string::npos);
  EXPECT_NE(refusal(two("0", "4")).find("overlaps"), std::string::npos);
  EXPECT_NE(refusal(two("8", "4")).find("outside"), std::string::npos);
  EXPECT_NE(refusal(two("-4", "0")).find("whole number"), std::string::npos);
  EXPECT_NE(refusal(two("1e2", "8")).find("whole number"), std::string::npos);
  EXPECT_NE(refusal(two("18446744073709551615", "8")), "accepted");
}

TEST(Safetensors, RefusesShapesThatDoNotMakeTheirBytes) {
  const auto shaped = [](std::string_view shape, std::string_view type = "F32") {
    return file_of(
        fmt::format(R"({{"a":{{"dtype":"{}","shape":{},"data_offsets":[0,8]}}}})", type, shape),
        "12345678");
  };
  EXPECT_EQ(refusal(shaped("[2]")), "accepted");
  EXPECT_NE(refusal(shaped("[3]")).find("do not make"), std::string::npos);
  EXPECT_NE(refusal(shaped("[4294967296,4294967296,2]")).find("too large"), std::string::npos);
  EXPECT_NE(refusal(shaped("[4611686018427387906]")), "accepted");
  EXPECT_NE(refusal(shaped("\"2\"")).find("not a list"), std::string::npos);
  EXPECT_NE(refusal(shaped("[2]", "F8_E4M3")).find("F8_E4M3"), std::string::npos);
}

TEST(Safetensors, RefusesHeadersThatAreNotTheFormat) {
  EXPECT_NE(refusal(file_of("[]", "")).find("not a JSON object"), std::string::npos);
  EXPECT_NE(refusal(file_of(" {}", "")), "accepted");
  EXPECT_NE(refusal(file_of(R"({"a":1})", "")).find("not an object"), std::string::npos);
  EXPECT_NE(refusal(file_of(R"({"__metadata__":{"a":1}})", "")).find("texts"), std::string::npos);
  const std::string twice = R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
                            R"("a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})";
  EXPECT_NE(refusal(file_of(twice, "")), "accepted");
}

TEST(Safetensors, NumbersThatAreNotFiniteAndIntegersAreRefused) {
  std::string data;
  testing::append(data, 1.0F);
  testing::append(data, std::numeric_limits<float>::infinity());
  const std::string file = file_of(kOne, data);
  EXPECT_FALSE(to_floats(parse_safetensors(file)->at("a"), "a"));
  const std::string whole =
      file_of(R"({"a":{"dtype":"I32","shape":[2],"data_offsets":[0,8]}})", data);
  EXPECT_EQ(to_floats(parse_safetensors(whole)->at("a"), "a").error().code,
            ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace zhiyin::model
