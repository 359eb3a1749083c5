#include "model/text_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "base/file.h"

namespace zhiyin::model {
namespace {

std::string gzip(std::string_view text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(text.size() + 1000, '\0');
  std::string copy(text);
  stream.next_in = reinterpret_cast<Bytef*>(copy.data());
  stream.avail_in = static_cast<uInt>(copy.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

class TextFile : public ::testing::Test {
 protected:
  Result<std::string> read_back(const std::string& name, std::string_view bytes,
                                std::size_t bytes_max = 10 << 20) {
    const auto path = folder_.path() / name;
    EXPECT_TRUE(write_file(path, bytes));
    return read_text_file(path, bytes_max);
  }
  const std::string text_ = fmt::format("{}end", std::string(700'000, 'x'));
  TempFolder folder_;
};

TEST_F(TextFile, UnpacksByName) {
  EXPECT_EQ(read_back("a.csv", text_).value(), text_);
  EXPECT_EQ(read_back("a.csv.gz", gzip(text_)).value(), text_);
  EXPECT_EQ(read_back("a.csv.zst", zstd(text_)).value(), text_);
}

TEST_F(TextFile, ReadsSeveralMembersOneAfterTheOther) {
  EXPECT_EQ(read_back("a.gz", gzip("one,") + gzip("two")).value(), "one,two");
  EXPECT_EQ(read_back("a.zst", zstd("one,") + zstd("two")).value(), "one,two");
}

TEST_F(TextFile, RefusesDamagedCutAndBombs) {
  const std::string gz = gzip(text_);
  const std::string zst = zstd(text_);
  EXPECT_EQ(read_back("a.gz", gz.substr(0, gz.size() / 2)).error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(read_back("a.gz", "not gzip").error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(read_back("a.gz", "").error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(read_back("a.zst", zst.substr(0, zst.size() / 2)).error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(read_back("a.zst", "not zstd").error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(read_back("a.gz", gz, 100'000).error().code, ErrorCode::kLimitReached);
  EXPECT_EQ(read_back("a.zst", zst, 100'000).error().code, ErrorCode::kLimitReached);
  EXPECT_EQ(read_text_file(folder_.path() / "absent").error().code, ErrorCode::kNotFound);
}

using Rows = std::vector<std::vector<std::string>>;

TEST(Csv, QuotesLineEndsAndByteOrderMark) {
  const auto csv =
      parse_csv("\xef\xbb\xbfname,note\r\n\"a,b\",\"say \"\"hi\"\"\"\n\n\"two\nlines\",\r\nx,y");
  ASSERT_TRUE(csv) << csv.error().text();
  EXPECT_EQ(csv->header, (std::vector<std::string>{"name", "note"}));
  EXPECT_EQ(csv->rows, (Rows{{"a,b", "say \"hi\""}, {"two\nlines", ""}, {"x", "y"}}));
}

TEST(Csv, TabsOrSemicolonsSeparateWhereTheHeaderHasNoComma) {
  EXPECT_EQ(parse_csv("a;b\n1,5;2\n")->rows[0], (std::vector<std::string>{"1,5", "2"}));
  EXPECT_EQ(parse_csv("a\tb\n\"x\ty\"\t2\n")->rows[0], (std::vector<std::string>{"x\ty", "2"}));
  EXPECT_EQ(parse_csv("a,b;c\n1,2;3\n")->rows[0], (std::vector<std::string>{"1", "2;3"}));
}

TEST(Csv, LastCellMayBeEmpty) {
  EXPECT_EQ(parse_csv("a,b\n1,")->rows, (Rows{{"1", ""}}));
  EXPECT_EQ(parse_csv("a,b\n1,\n")->rows, (Rows{{"1", ""}}));
  EXPECT_EQ(parse_csv("a,b\r\n1,2\r")->rows, (Rows{{"1", "2"}}));
}

TEST(Csv, NamesTheLineThatIsWrong) {
  EXPECT_NE(parse_csv("a,b\n1,2\n3\n").error().message.find("line 3"), std::string::npos);
  EXPECT_NE(parse_csv("a,b\n\"x\ny\",1\n\"open,2\n").error().message.find("line 4"),
            std::string::npos);
  EXPECT_NE(parse_csv("a\n\"x\"y\n").error().message.find("line 2"), std::string::npos);
  EXPECT_FALSE(parse_csv(""));
  EXPECT_EQ(parse_csv(std::string(kCsvColumnsMax + 1, ',')).error().code, ErrorCode::kLimitReached);
}

}  // namespace
}  // namespace zhiyin::model
