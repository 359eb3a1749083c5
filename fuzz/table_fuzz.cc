// Files of tables. The first byte chooses format, packing and quotes; the rest is the file.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/visible_text.h"
#include "ingest/detail/written_number.h"
#include "ingest/mapping.h"
#include "ingest/personal_names.h"
#include "ingest/table_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr const char* kNames[] = {"a.csv",     "a.tsv", "a.jsonl", "a.csv.gz",
                                    "a.csv.zst", "a.csv", "a.jsonl", "a.csv"};
  const std::uint8_t choice = data[0];
  zhiyin::ingest::TableFormat format;
  format.quotes = (choice & 8) == 0;
  format.header = (choice & 16) == 0;
  if ((choice & 32) != 0) format.encoding = "gb18030";
  const int file = memfd_create("table", MFD_CLOEXEC);
  if (file < 0 || write(file, data + 1, size - 1) != static_cast<ssize_t>(size - 1)) std::abort();
  auto reader = zhiyin::ingest::TableReader::open("/proc/self/fd/" + std::to_string(file),
                                                  kNames[choice & 7], format);
  if (reader) {
    for (const std::string& column : (*reader)->columns()) {
      static_cast<void>(zhiyin::ingest::is_personal_name(column, zhiyin::ingest::NamedIn::kTraits));
    }
    static_cast<void>(zhiyin::ingest::detect_mapping((*reader)->columns()));
    zhiyin::ingest::RowBlock block;
    std::int64_t last = 0;
    while (true) {
      auto more = (*reader)->next(block);
      if (!more || !*more) break;
      for (const auto& row : block.rows) {
        if (row.number != ++last) std::abort();
        if (row.fault == zhiyin::ingest::RowBlock::Fault::kNone &&
            row.cells != (*reader)->columns().size())
          std::abort();
        for (std::size_t c = 0; c < row.cells; ++c) {
          const std::string cell(block.cell(row, c));  // reads every byte
          static_cast<void>(zhiyin::ingest::detail::read_number(
              cell, zhiyin::ingest::detail::NumberForm::kSeconds));
          static_cast<void>(zhiyin::ingest::detail::read_yuan(cell));
          static_cast<void>(zhiyin::visible_text(cell));
        }
      }
    }
  }
  close(file);
  return 0;
}
