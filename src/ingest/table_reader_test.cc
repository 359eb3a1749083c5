#include "ingest/table_reader.h"

#include <duckdb.h>
#include <gmock/gmock.h>
#include <zlib.h>
#include <zstd.h>

#include <set>

#include "base/file.h"

namespace zhiyin::ingest {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Fault = RowBlock::Fault;

struct ReadRow {
  std::vector<std::string> cells;
  Fault fault;
  std::int64_t number;
};

class TableTest : public testing::Test {
 protected:
  std::filesystem::path write(std::string_view name, std::string_view bytes) {
    const auto path = folder.path() / name;
    EXPECT_TRUE(write_file(path, bytes));
    return path;
  }
  // Reads everything; `error` takes what the end was like.
  std::vector<ReadRow> read(std::string_view name, std::string_view bytes,
                            const TableFormat& format = {}) {
    return read_path(write(name, bytes), format);
  }
  std::vector<ReadRow> read_path(const std::filesystem::path& path,
                                 const TableFormat& format = {}) {
    error.reset();
    columns.clear();
    std::vector<ReadRow> rows;
    auto reader = TableReader::open(path, path.filename().string(), format);
    if (!reader) {
      error = reader.error();
      return rows;
    }
    columns = (*reader)->columns();
    encoding = (*reader)->encoding();
    RowBlock block;
    while (true) {
      auto more = (*reader)->next(block);
      if (!more) error = more.error();
      if (!more || !*more) return rows;
      for (const RowBlock::Row& row : block.rows) {
        ReadRow out{{}, row.fault, row.number};
        for (std::size_t c = 0; c < row.cells; ++c) out.cells.emplace_back(block.cell(row, c));
        rows.push_back(std::move(out));
      }
    }
  }
  static std::string gzip(std::string_view plain) {
    z_stream s{};
    deflateInit2(&s, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(plain.size() + 200, '\0');
    std::string in(plain);
    s.next_in = reinterpret_cast<Bytef*>(in.data());
    s.avail_in = static_cast<uInt>(in.size());
    s.next_out = reinterpret_cast<Bytef*>(out.data());
    s.avail_out = static_cast<uInt>(out.size());
    deflate(&s, Z_FINISH);
    out.resize(s.total_out);
    deflateEnd(&s);
    return out;
  }
  static std::string zstd(std::string_view plain) {
    std::string out(ZSTD_compressBound(plain.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 3));
    return out;
  }

  TempFolder folder;
  std::vector<std::string> columns;
  std::string encoding;
  std::optional<Error> error;
};

TEST_F(TableTest, PlainCsvWithEitherLineEnd) {
  const auto rows = read("a.csv", "\xef\xbb\xbfuser,likes\r\nu1,3\r\n\r\nu2,\nu3,4");
  EXPECT_THAT(columns, ElementsAre("user", "likes"));
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_THAT(rows[0].cells, ElementsAre("u1", "3"));
  EXPECT_THAT(rows[1].cells, ElementsAre("u2", ""));
  EXPECT_THAT(rows[2].cells, ElementsAre("u3", "4"));
  EXPECT_EQ(rows[2].number, 3);
}

TEST_F(TableTest, QuotesHoldDelimitersLineEndsAndQuotes) {
  const auto rows =
      read("a.csv", "a,b,c\n\"x,1\",\"line1\r\nline2\",\"say \"\"hi\"\"\"\n\"\",\"\"\"\",z\n");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_THAT(rows[0].cells, ElementsAre("x,1", "line1\r\nline2", "say \"hi\""));
  EXPECT_THAT(rows[1].cells, ElementsAre("", "\"", "z"));
  EXPECT_EQ(rows[0].fault, Fault::kNone);
}

TEST_F(TableTest, WithoutQuotesAQuoteIsACharacter) {
  TableFormat format;
  format.quotes = false;
  const auto rows = read("a.tsv", "id\ttitle\n1\t\"Star\" Wars\n2\t\"open\n", format);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].cells[1], "\"Star\" Wars");
  EXPECT_EQ(rows[1].cells[1], "\"open");
}

TEST_F(TableTest, AWrongNumberOfCellsIsAFaultOfThatRow) {
  const auto rows = read("a.csv", "a,b\n1,2,3\n1\n4,5\n");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].fault, Fault::kCells);
  EXPECT_EQ(rows[1].fault, Fault::kCells);
  EXPECT_EQ(rows[2].fault, Fault::kNone);
}

TEST_F(TableTest, AnOpenQuoteCostsItsLineOnly) {
  const auto rows = read("a.csv", "a,b\n1,\"never closed\n2,x\n3,y\n");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].fault, Fault::kSyntax);
  EXPECT_THAT(rows[1].cells, ElementsAre("2", "x"));
  EXPECT_THAT(rows[2].cells, ElementsAre("3", "y"));
}

TEST_F(TableTest, TextBehindAQuoteIsAFault) {
  const auto rows = read("a.csv", "a,b\n\"x\"y,1\n2,3\n");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].fault, Fault::kSyntax);
  EXPECT_EQ(rows[1].fault, Fault::kNone);
}

TEST_F(TableTest, AnOversizedRowIsReportedAndSkipped) {
  const std::string giant(3 * kRowBytesMax, 'x');
  const auto rows = read("a.csv", "a,b\n1,2\n" + giant + ",5\n3,4\n");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[1].fault, Fault::kTooLong);
  EXPECT_THAT(rows[2].cells, ElementsAre("3", "4"));
  const auto quoted = read("b.csv", "a,b\n1,\"" + giant + "\n2,3\n");
  ASSERT_GE(quoted.size(), 2u);
  EXPECT_EQ(quoted[0].fault, Fault::kTooLong);
  EXPECT_THAT(quoted.back().cells, ElementsAre("2", "3"));
}

TEST_F(TableTest, RowsThatCrossBlocksStayWhole) {
  std::string text = "n,text\n";
  for (int i = 0; i < 40'000; ++i)
    text += fmt::format("{},\"row {} \"\"q\"\"\nsecond line\"\n", i, i);
  const auto rows = read("a.csv", text);
  ASSERT_EQ(rows.size(), 40'000u);
  for (int i = 0; i < 40'000; ++i) {
    const ReadRow& row = rows[static_cast<std::size_t>(i)];
    ASSERT_EQ(row.fault, Fault::kNone) << i;
    ASSERT_EQ(row.cells[0], std::to_string(i));
    ASSERT_EQ(row.cells[1], fmt::format("row {} \"q\"\nsecond line", i));
  }
}

TEST_F(TableTest, HeadersAreMadeDistinctAndCanBeAbsent) {
  read("a.csv", ",id,id\n1,2,3\n");
  EXPECT_THAT(columns, ElementsAre("column_1", "id", "id_2"));
  TableFormat format;
  format.header = false;
  auto rows = read("b.csv", "1,2\n3,4\n", format);
  EXPECT_THAT(columns, ElementsAre("column_1", "column_2"));
  EXPECT_EQ(rows.size(), 2u);
  format.columns = {"x", "y"};
  rows = read("b.csv", "1,2\n3,4\n", format);
  EXPECT_THAT(columns, ElementsAre("x", "y"));
  EXPECT_EQ(rows.size(), 2u);
}

TEST_F(TableTest, EmptyAndUnknownFilesAreNamed) {
  read("a.csv", "");
  EXPECT_THAT(error->message, HasSubstr("empty"));
  read("a.xlsx", "PK");
  EXPECT_THAT(error->message, HasSubstr(".csv, .tsv"));
  read_path(folder.path() / "missing.csv");
  EXPECT_EQ(error->code, ErrorCode::kNotFound);
  EXPECT_TRUE(read("only_header.csv", "a,b\n").empty());
  EXPECT_FALSE(error);
}

TEST_F(TableTest, PackedFilesAreRead) {
  const std::string text = "a,b\n1,2\n3,4\n";
  EXPECT_EQ(read("a.csv.gz", gzip(text)).size(), 2u);
  EXPECT_EQ(read("a.csv.gz", gzip("a,b\n1,2\n") + gzip("3,4\n")).size(), 2u) << "two members";
  EXPECT_EQ(read("a.csv.zst", zstd(text)).size(), 2u);
  EXPECT_EQ(read("a.tsv.zst", zstd("a\tb\n1\t2\n") + zstd("3\t4\n")).size(), 2u) << "two frames";
}

TEST_F(TableTest, ACutOffPackedFileGivesWhatItHasAndThenAnError) {
  std::string text = "a,b\n";
  for (int i = 0; i < 200'000; ++i) text += fmt::format("{},{}\n", i, i * 7919 % 100003);
  for (const bool zst : {false, true}) {
    std::string packed = zst ? zstd(text) : gzip(text);
    packed.resize(packed.size() / 2);
    const auto rows = read(zst ? "a.csv.zst" : "a.csv.gz", packed);
    ASSERT_TRUE(error) << zst;
    EXPECT_EQ(error->code, ErrorCode::kDataLoss);
    EXPECT_GT(rows.size(), 10'000u);
    for (const ReadRow& row : rows) {
      ASSERT_EQ(row.fault, Fault::kNone);
      ASSERT_EQ(row.cells[1], std::to_string((row.number - 1) * 7919 % 100003))
          << "no row that the end has cut";
    }
  }
  read("b.csv.gz", "this is not gzip at all");
  EXPECT_EQ(error->code, ErrorCode::kDataLoss);
}

TEST_F(TableTest, ARowThatDamageCutsIsDroppedWhereverItIsCut) {
  const auto cut = [&](const std::string& text, std::string_view ending) {
    // Whole blocks without a checked end: what was packed until here can be read, and then the data
    // end.
    z_stream s{};
    deflateInit2(&s, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string in = text;
    std::string out(text.size() + 200, '\0');
    s.next_in = reinterpret_cast<Bytef*>(in.data());
    s.avail_in = static_cast<uInt>(in.size());
    s.next_out = reinterpret_cast<Bytef*>(out.data());
    s.avail_out = static_cast<uInt>(out.size());
    deflate(&s, Z_SYNC_FLUSH);
    out.resize(out.size() - s.avail_out);
    deflateEnd(&s);
    auto rows = read("cut" + std::string(ending) + ".gz", out);
    EXPECT_TRUE(error);
    return rows.size();
  };
  EXPECT_EQ(cut("a,b\n1,2\n3,4", ".csv"), 1u);
  EXPECT_EQ(cut("a,b\n1,2\n3,4\n", ".csv"), 2u);
  EXPECT_EQ(cut("a,b\n1,2\n3,\"x\ny", ".csv"), 1u) << "an open quote is the cut's, not the row's";
  EXPECT_EQ(cut("a,b\n1,2\n3", ".csv"), 1u);
  EXPECT_EQ(cut("{\"a\":1}\n{\"a\":2}\n{\"a\"", ".jsonl"), 2u);
  EXPECT_EQ(cut("{\"a\":1}\n{\"a\":2}", ".jsonl"), 1u);
  EXPECT_EQ(cut("a,b", ".csv"), 0u);
  EXPECT_EQ(error->code, ErrorCode::kDataLoss);
}

TEST_F(TableTest, ADelimiterIsLookedForWhereTheHeaderHasNotTheUsualOne) {
  EXPECT_EQ(read("a.csv", "a;b\n1;2,5\n3;4\n").size(), 2u);
  EXPECT_THAT(columns, ElementsAre("a", "b"));
  read("a.csv", "a\tb\n1\t2\n");
  EXPECT_THAT(columns, ElementsAre("a", "b"));
  read("a.txt", "a,b\n1,2\n");
  EXPECT_THAT(columns, ElementsAre("a", "b"));
  read("a.csv", "a|b\r\n\r\n1|2\r\n");
  EXPECT_THAT(columns, ElementsAre("a", "b"));
  read("a.csv", "a;b\n1\n2\n3\n");
  EXPECT_THAT(columns, ElementsAre("a;b")) << "the rows show that it is a heading";
  read("a.csv", "a,b;c\n1,2;3\n");
  EXPECT_THAT(columns, ElementsAre("a", "b;c"));
  TableFormat said;
  said.delimiter = ",";
  read("a.csv", "a;b\n1;2\n", said);
  EXPECT_THAT(columns, ElementsAre("a;b"));
}

TEST_F(TableTest, Gb18030IsToldByItsBytesOrReadWhenSaid) {
  const std::string gb =
      "\xd3\xc3\xbb\xa7,\xb5\xe3\xd4\xde\n\xd5\xc5\xc8\xfd,3\n";  // 用户,点赞 / 张三,3
  for (const std::string_view said : {"auto", "gb18030", "gbk"}) {
    TableFormat format;
    format.encoding = said;
    const auto rows = read("a.csv", gb, format);
    EXPECT_FALSE(error);
    EXPECT_THAT(columns, ElementsAre("用户", "点赞"));
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows[0].cells[0], "张三");
    EXPECT_EQ(encoding, said == "auto" ? "gb18030" : said);
  }
  TableFormat utf8;
  utf8.encoding = "utf-8";
  read("a.csv", gb, utf8);
  ASSERT_TRUE(error);
  EXPECT_THAT(error->message, HasSubstr("heading 1"));
  EXPECT_EQ(read("a.jsonl", "{\"name\":\"\xd5\xc5\xc8\xfd\"}\n").at(0).cells.at(0), "张三");
  EXPECT_EQ(read("a.csv.gz", gzip(gb)).at(0).cells.at(0), "张三");
}

TEST_F(TableTest, Utf16AndBig5AreToldApart) {
  const std::string utf16(
      "\xff\xfe"
      "a\0,\0b\0\n\0"
      "1\0,\0"
      "2\0\n\0",
      18);
  ASSERT_EQ(read("b.csv", utf16).size(), 1u);
  EXPECT_EQ(encoding, "utf-16");
  EXPECT_THAT(columns, ElementsAre("a", "b"));
  // Little endian without a mark, and Big5: too little speaks for them to be read unasked.
  // 用戶,城市 / 張三,臺北 …
  read("c.csv", std::string_view(utf16).substr(2));
  ASSERT_TRUE(error);
  EXPECT_THAT(error->message, HasSubstr("encoding = \"utf-16le\""));
  std::string big5 = "\xa5\xce\xa4\xe1,\xab\xb0\xa5\xab\n";
  for (int i = 0; i < 30; ++i) big5 += "\xb1\x69\xa4\x54,\xbb\x4f\xa5\x5f\n";
  read("d.csv", big5);
  ASSERT_TRUE(error);
  EXPECT_THAT(error->message, HasSubstr("encoding = \"big5\""));
  TableFormat format;
  format.encoding = "big5";
  EXPECT_EQ(read("d.csv", big5, format).at(0).cells.at(1), "臺北");
  format.encoding = "klingon";
  read("b.csv", utf16, format);
  EXPECT_THAT(error->message, HasSubstr("'klingon' is not one of"));
}

// Bytes that are wrong cost their rows, wherever these are and whatever else the file holds.
TEST_F(TableTest, IsolatedBadBytesCostTheirRowsOnly) {
  const auto table = [](std::string_view row, std::string_view bad, int rows,
                        const std::set<int>& at) {
    std::string text = "a,b\n";
    for (int i = 0; i < rows; ++i) text += at.contains(i) ? bad : row;
    return text;
  };
  const auto faults = [&](const std::vector<ReadRow>& rows) {
    std::set<int> at;
    for (const ReadRow& row : rows) {
      if (row.fault != Fault::kNone) at.insert(static_cast<int>(row.number) - 1);
    }
    return at;
  };
  const std::pair<std::string_view, std::string_view> kFiles[] = {
      {"x,1\n", "x\xff,1\n"},          // ASCII
      {"x,1\n", "caf\xe9,1\n"},        // a stray Latin-1 letter
      {"x,张三\n", "x,张\xe4\xb8\n"},  // a character that was cut
      {"x,Jos\xc3\xa9 M\xc3\xbcller\n",
       "x,Jos\xe9\n"},  // UTF-8 of two bytes, which may look like Chinese
      {"x,\xd5\xc5\xc8\xfd\xc9\xcf\xba\xa3\n", "x,\xd5\xc5\xff\xc9\xcf\n"}};  // GB18030
  for (const auto& [row, bad] : kFiles) {
    for (const std::set<int>& at : {std::set<int>{0}, {1}, {4}, {0, 3}}) {
      SCOPED_TRACE(std::string(bad) + std::to_string(*at.rbegin()));
      for (const int rows : {5, 100}) {
        EXPECT_EQ(faults(read("a.csv", table(row, bad, rows, at))), at) << rows;
        EXPECT_FALSE(error) << error->text();
      }
    }
    EXPECT_EQ(faults(read("a.csv", table(row, bad, 100'000, {1, 99'999}))),
              (std::set<int>{1, 99'999}))
        << bad;
  }
}

TEST_F(TableTest, WhatIsNoTextIsRefused) {
  std::string noise = "a,b\n";
  for (int i = 0; i < 5000; ++i) noise += static_cast<char>(i * 7919 % 251);
  read("noise.csv", noise);
  ASSERT_TRUE(error);
  EXPECT_THAT(error->message, HasSubstr("text file"));
  read("heading.csv", "user,ci\xffty\nu,x\n");
  ASSERT_TRUE(error);
  EXPECT_THAT(error->message, HasSubstr("heading 2"));
}

TEST_F(TableTest, OneRowInAWrongEncodingIsAFaultOfThatRow) {
  std::string text = "a,b\n";
  for (int i = 0; i < 100; ++i) text += i == 50 ? "x,\xd5\xc5\n" : "x,张\n";
  const auto rows = read("a.csv", text);
  ASSERT_EQ(rows.size(), 100u);
  EXPECT_EQ(rows[50].fault, Fault::kEncoding);
  EXPECT_EQ(rows[51].fault, Fault::kNone);
}

TEST_F(TableTest, JsonLinesHaveNestedColumnsAndLists) {
  const auto rows = read("a.jsonl",
                         "{\"user\":{\"id\":\"u1\"},\"n\":3,\"tags\":[\"a\",\"b\"],\"ok\":true}\n"
                         "{\"n\":2.5,\"user\":{\"id\":\"u2\"},\"later\":null}\n"
                         "{broken\n[1]\n\n{\"user\":{\"id\":\"u3\"}}");
  EXPECT_THAT(columns, ElementsAre("user.id", "n", "tags", "ok", "later"));
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_THAT(rows[0].cells, ElementsAre("u1", "3",
                                         "a\x1f"
                                         "b",
                                         "true", ""));
  EXPECT_THAT(rows[1].cells, ElementsAre("u2", "2.5", "", "", ""));
  EXPECT_EQ(rows[2].fault, Fault::kSyntax);
  EXPECT_EQ(rows[3].fault, Fault::kSyntax);
  EXPECT_EQ(rows[4].cells[0], "u3");
  EXPECT_EQ(read("b.ndjson.gz", gzip("{\"a\":1}\n{\"a\":2}\n")).size(), 2u);
  read("c.jsonl", "garbage\nmore\n");
  EXPECT_THAT(error->message, HasSubstr("JSON object"));
}

TEST_F(TableTest, ParquetIsReadThroughDuckDb) {
  duckdb_database db = nullptr;
  duckdb_connection connection = nullptr;
  ASSERT_EQ(duckdb_open(nullptr, &db), DuckDBSuccess);
  ASSERT_EQ(duckdb_connect(db, &connection), DuckDBSuccess);
  const auto path = folder.path() / "it's a.parquet";
  std::string quoted = path.string();
  quoted.insert(quoted.rfind('\''), "'");
  const std::string sql =
      "COPY (SELECT 'u' || i AS \"user\", i AS n, CASE WHEN i % 2 = 0 THEN NULL ELSE i * 0.5 END "
      "AS half, "
      "['x', 'y' || i] AS tags, TIMESTAMP '2026-01-02 03:04:05' AS at FROM range(5000) t(i)) TO '" +
      quoted + "' (FORMAT PARQUET)";
  ASSERT_EQ(duckdb_query(connection, sql.c_str(), nullptr), DuckDBSuccess);
  duckdb_disconnect(&connection);
  duckdb_close(&db);
  const auto rows = read_path(path);
  ASSERT_FALSE(error) << error->text();
  EXPECT_THAT(columns, ElementsAre("user", "n", "half", "tags", "at"));
  ASSERT_EQ(rows.size(), 5000u);
  EXPECT_THAT(rows[4321].cells,
              ElementsAre("u4321", "4321", "2160.5", "x\x1fy4321", "2026-01-02 03:04:05"));
  EXPECT_EQ(rows[2].cells[2], "");
}

TEST_F(TableTest, ADamagedParquetFileIsNamedWithoutQueryAndPlace) {
  std::string cut = "PAR1" + std::string(100, 'x') + std::string("\x50\0\0\0", 4) + "PAR1";
  for (const std::string& bytes :
       {std::string("PAR1 nothing of the kind"), std::string(), std::string("x"), cut}) {
    read("broken.parquet", bytes);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, ErrorCode::kDataLoss);
    EXPECT_THAT(error->message, HasSubstr("file: 'broken.parquet' cannot be read as Parquet: "));
    for (const std::string& inside :
         {std::string("SELECT"), std::string("read_parquet"), std::string("LINE"),
          folder.path().string(), std::string(" Error:")}) {
      EXPECT_EQ(error->message.find(inside), std::string::npos) << error->message;
    }
    EXPECT_EQ(error->message.find('\n'), std::string::npos) << error->message;
  }
}

}  // namespace
}  // namespace zhiyin::ingest
