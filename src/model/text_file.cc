#include "model/text_file.h"

#include <zlib.h>
#include <zstd.h>

#include <limits>
#include <memory>

#include "base/file.h"

namespace zhiyin::model {
namespace {

constexpr std::size_t kStep = 256 << 10;

std::unexpected<Error> too_large(const std::filesystem::path& path, std::size_t bytes_max) {
  return fail(ErrorCode::kLimitReached, "{}: more than {} bytes", path.string(), bytes_max);
}

std::unexpected<Error> damaged(const std::filesystem::path& path) {
  return fail(ErrorCode::kDataLoss, "{}: compressed data is damaged or cut short", path.string());
}

Result<std::string> gunzip(std::string_view packed, const std::filesystem::path& path,
                           std::size_t bytes_max) {
  z_stream stream{};
  if (packed.size() > std::numeric_limits<uInt>::max()) return too_large(path, bytes_max);
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return fail(ErrorCode::kInternal, "zlib: no memory");
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> guard(&stream, inflateEnd);
  std::string out;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  while (true) {
    const std::size_t before = out.size();
    out.resize(before + kStep);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = static_cast<uInt>(kStep);
    const int code = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
    if (out.size() > bytes_max) return too_large(path, bytes_max);
    if (code == Z_STREAM_END) {
      if (stream.avail_in == 0) return out;
      // A further member follows.
      if (inflateReset(&stream) != Z_OK) return damaged(path);
      continue;
    }
    const bool starved = stream.avail_in == 0 && stream.avail_out != 0;
    if ((code != Z_OK && code != Z_BUF_ERROR) || starved) return damaged(path);
  }
}

Result<std::string> unzstd(std::string_view packed, const std::filesystem::path& path,
                           std::size_t bytes_max) {
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(),
                                                                     ZSTD_freeDCtx);
  if (!context) return fail(ErrorCode::kInternal, "zstd: no memory");
  std::string out;
  ZSTD_inBuffer input{packed.data(), packed.size(), 0};
  std::size_t left = 1;
  while (left != 0 || input.pos < input.size) {
    const std::size_t before = out.size();
    const std::size_t consumed = input.pos;
    out.resize(before + kStep);
    ZSTD_outBuffer output{out.data() + before, kStep, 0};
    left = ZSTD_decompressStream(context.get(), &output, &input);
    out.resize(before + output.pos);
    if (ZSTD_isError(left) != 0) return damaged(path);
    if (out.size() > bytes_max) return too_large(path, bytes_max);
    if (left != 0 && output.pos == 0 && input.pos == consumed) return damaged(path);
  }
  return out;
}

}  // namespace

Result<std::string> read_text_file(const std::filesystem::path& path, std::size_t bytes_max) {
  ZHIYIN_TRY(std::string bytes, read_file(path, bytes_max));
  if (path.extension() == ".gz") return gunzip(bytes, path, bytes_max);
  if (path.extension() == ".zst") return unzstd(bytes, path, bytes_max);
  return bytes;
}

namespace {

char separator_of(std::string_view first_line) {
  for (const char c : {',', '\t', ';'}) {
    if (first_line.contains(c)) return c;
  }
  return ',';
}

/// One pass over the text; a state per character would be slower and no clearer.
class CsvReader {
 public:
  CsvReader(std::string_view text, char separator) : text_(text), separator_(separator) {}

  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] std::size_t line() const { return line_; }

  /// The next record; empty for a blank line.
  Result<std::vector<std::string>> record() {
    std::vector<std::string> cells;
    record_line_ = line_;
    if (skip_line_end()) return cells;
    while (true) {
      ZHIYIN_TRY(std::string cell, next_cell());
      cells.push_back(std::move(cell));
      if (cells.size() > kCsvColumnsMax) {
        return fail(ErrorCode::kLimitReached, "csv line {}: more than {} columns", record_line_,
                    kCsvColumnsMax);
      }
      if (at_end() || skip_line_end()) return cells;
      ++at_;  // the separator
      if (at_end()) {
        cells.emplace_back();
        return cells;
      }
    }
  }

 private:
  bool skip_line_end() {
    if (at_end()) return false;
    if (text_.substr(at_, 2) == "\r\n") {
      at_ += 2;
    } else if (text_[at_] == '\n') {
      at_ += 1;
    } else {
      return false;
    }
    ++line_;
    return true;
  }

  Result<std::string> next_cell() {
    if (!at_end() && text_[at_] == '"') return quoted_cell();
    std::size_t end = at_;
    while (end < text_.size() && text_[end] != separator_ && text_[end] != '\n') ++end;
    std::string_view cell = text_.substr(at_, end - at_);
    const bool line_ends = end == text_.size() || text_[end] == '\n';
    if (line_ends && cell.ends_with('\r')) cell.remove_suffix(1);
    at_ += cell.size();
    if (at_ == text_.size() - 1 && text_[at_] == '\r') ++at_;
    return std::string(cell);
  }

  Result<std::string> quoted_cell() {
    std::string cell;
    ++at_;
    while (true) {
      const std::size_t quote = text_.find('"', at_);
      if (quote == std::string_view::npos) {
        return fail(ErrorCode::kInvalidArgument, "csv line {}: a quote is never closed",
                    record_line_);
      }
      for (std::size_t i = at_; i < quote; ++i) line_ += text_[i] == '\n';
      cell.append(text_, at_, quote - at_);
      at_ = quote + 1;
      if (at_end() || text_[at_] != '"') break;
      cell += '"';
      ++at_;
    }
    const bool ends = at_end() || text_[at_] == separator_ || text_[at_] == '\n' ||
                      text_.substr(at_, 2) == "\r\n";
    if (!ends) {
      return fail(ErrorCode::kInvalidArgument, "csv line {}: text after a closing quote", line_);
    }
    return cell;
  }

  std::string_view text_;
  char separator_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t record_line_ = 1;
};

}  // namespace

Result<CsvText> parse_csv(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  CsvReader reader(text, separator_of(text.substr(0, text.find('\n'))));
  CsvText out;
  while (!reader.at_end()) {
    const std::size_t line = reader.line();
    ZHIYIN_TRY(std::vector<std::string> cells, reader.record());
    if (cells.empty()) continue;
    if (out.header.empty()) {
      out.header = std::move(cells);
      continue;
    }
    if (cells.size() != out.header.size()) {
      return fail(ErrorCode::kInvalidArgument, "csv line {}: {} cells, but the header has {}", line,
                  cells.size(), out.header.size());
    }
    out.rows.push_back(std::move(cells));
  }
  if (out.header.empty()) return fail(ErrorCode::kInvalidArgument, "csv: the file is empty");
  return out;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    out.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace zhiyin::model
