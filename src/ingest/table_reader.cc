#include "ingest/table_reader.h"

#include <algorithm>
#include <cctype>

#include "ingest/detail/delimited_reader.h"
#include "ingest/detail/encoding.h"

namespace zhiyin::ingest {
namespace {

using detail::Packing;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return out;
}

Packing packing_of(std::string& name) {
  if (name.ends_with(".gz")) {
    name.resize(name.size() - 3);
    return Packing::kGzip;
  }
  if (name.ends_with(".zst")) {
    name.resize(name.size() - 4);
    return Packing::kZstd;
  }
  return Packing::kNone;
}

Result<TableKind> kind_of(std::string_view name) {
  constexpr std::pair<std::string_view, TableKind> kEndings[] = {
      {".csv", TableKind::kCsv},      {".tsv", TableKind::kTsv},
      {".txt", TableKind::kTsv},      {".tab", TableKind::kTsv},
      {".inter", TableKind::kTsv},    {".item", TableKind::kTsv},
      {".user", TableKind::kTsv},     {".jsonl", TableKind::kJsonl},
      {".ndjson", TableKind::kJsonl}, {".parquet", TableKind::kParquet}};
  for (const auto& [ending, kind] : kEndings) {
    if (name.ends_with(ending)) return kind;
  }
  return fail(ErrorCode::kInvalidArgument,
              "file: '{}' does not end in .csv, .tsv, .txt, .jsonl, .ndjson or .parquet (or these "
              "with .gz or .zst); "
              "say format = … in [file] of the mapping",
              name);
}

// The encoding of a file whose mapping does not say it, by its first bytes.
Result<std::string> encoding_of(const std::filesystem::path& path, Packing packing) {
  constexpr std::size_t kLookAt = 512 << 10;
  ZHIYIN_TRY(auto source, detail::open_bytes(path, packing, "utf-8"));
  std::string sample(kLookAt, '\0');
  std::size_t size = 0;
  while (size < kLookAt) {
    const auto got = source->read(sample.data() + size, kLookAt - size);
    if (!got || *got == 0) break;  // what is damaged comes to light when the rows are read
    size += *got;
  }
  sample.resize(size);
  const detail::EncodingGuess guess = detail::guess_encoding(sample);
  if (guess.sure) return std::string(guess.name);
  if (guess.name.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "file: is not UTF-8, nor an encoding that is known here; is it a text file?");
  }
  return fail(
      ErrorCode::kInvalidArgument,
      "file: is not UTF-8; it looks like {0}: say encoding = \"{0}\" in [file] of the mapping",
      guess.name);
}

Result<std::unique_ptr<TableReader>> open_text(std::unique_ptr<detail::ByteSource> source,
                                               TableKind kind, std::int64_t bytes_total,
                                               const TableFormat& format) {
  if (kind == TableKind::kJsonl)
    return detail::JsonLinesReader::open(std::move(source), bytes_total);
  const char delimiter = !format.delimiter.empty() ? format.delimiter[0]
                         : kind == TableKind::kTsv ? '\t'
                                                   : ',';
  return detail::DelimitedReader::open(std::move(source), bytes_total, format, delimiter);
}

}  // namespace

std::string_view to_string(RowBlock::Fault fault) {
  switch (fault) {
    case RowBlock::Fault::kNone:
      return "";
    case RowBlock::Fault::kCells:
      return "the number of cells is not that of the header";
    case RowBlock::Fault::kTooLong:
      return "the row is longer than 1 MiB (is a quote not closed?)";
    case RowBlock::Fault::kEncoding:
      return "holds bytes that are no text in the encoding of the file";
    case RowBlock::Fault::kSyntax:
      return "a quote is not closed, text follows a quote, or the row is no JSON object";
  }
  return "";
}

Result<std::unique_ptr<TableReader>> TableReader::open(const std::filesystem::path& path,
                                                       std::string_view file_name,
                                                       const TableFormat& format) {
  std::string name = lower(file_name);
  const Packing packing = packing_of(name);
  TableKind kind = format.kind;
  if (kind == TableKind::kAuto) {
    ZHIYIN_TRY(kind, kind_of(name));
  }
  std::error_code failed;
  const auto size = std::filesystem::file_size(path, failed);
  if (failed)
    return fail(ErrorCode::kNotFound, "file: '{}' cannot be read: {}", file_name, failed.message());
  const auto bytes_total = static_cast<std::int64_t>(size);
  if (kind == TableKind::kParquet) {
    if (packing != Packing::kNone) {
      return fail(ErrorCode::kUnsupported, "file: Parquet packs its own columns; unpack '{}' first",
                  file_name);
    }
    ZHIYIN_TRY(auto reader, detail::open_parquet(path, file_name, bytes_total));
    reader->kind_ = kind;
    return reader;
  }
  std::string encoding = format.encoding;
  if (encoding == "auto") {
    ZHIYIN_TRY(encoding, encoding_of(path, packing));
  }
  ZHIYIN_TRY(auto source, detail::open_bytes(path, packing, encoding));
  ZHIYIN_TRY(auto reader, open_text(std::move(source), kind, bytes_total, format));
  reader->encoding_ = std::move(encoding);
  reader->kind_ = kind;
  return reader;
}

Result<void> TableReader::check_packing(const std::filesystem::path& path,
                                        std::string_view file_name,
                                        const std::function<bool()>& go_on) {
  std::string name = lower(file_name);
  return detail::check_packed(path, packing_of(name), go_on);
}

}  // namespace zhiyin::ingest
