#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace zhiyin::model {

/// The text of a file, unpacked when its name ends in .gz or .zst. Fails with kNotFound,
/// kUnavailable, kDataLoss (damaged), or kLimitReached when more than `bytes_max` come out.
Result<std::string> read_text_file(const std::filesystem::path& path,
                                   std::size_t bytes_max = std::size_t{1} << 30);

/// The lines of a text, without their ends; the last one need not end, and a byte-order mark is
/// skipped. Views into `text`.
std::vector<std::string_view> lines_of(std::string_view text);

/// RFC 4180: comma, quotes doubled inside quotes, CRLF or LF, a byte-order mark is skipped, blank
/// lines are skipped. The first row is the header. All rows have as many cells as it. Where the
/// first line has no comma, tabs or semicolons that stand in it separate the cells.
struct CsvText {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};
inline constexpr std::size_t kCsvColumnsMax = 2000;
/// Fails with kInvalidArgument, naming the line.
Result<CsvText> parse_csv(std::string_view text);

}  // namespace zhiyin::model
