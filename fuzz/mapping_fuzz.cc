// Mapping files, and a row mapped with those that are good.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ingest/detail/row_mapper.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace zhiyin::ingest;
  const auto mapping = parse_mapping({reinterpret_cast<const char*>(data), size}, "fuzz.toml");
  if (!mapping) return 0;
  const std::string columns[] = {"user", "item", "kind", "time", "value", "list"};
  auto mapper =
      detail::RowMapper::create(*mapping, columns, {"shop", {1'700'000'000'000'000}, {1, 2}});
  if (!mapper) return 0;
  RowBlock block;
  block.cells = {"u1", "a1", "like", "2026-01-01", "1,234.5", "N1-0 N2-1"};
  block.rows.push_back({1, 0, 6, RowBlock::Fault::kNone, "raw"});
  detail::MappedRows out;
  static_cast<void>(
      mapper->map(block, block.rows[0], {}, out, [](std::string_view, std::string) {}));
  return 0;
}
