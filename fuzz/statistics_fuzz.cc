// Statistics commands on foreign files: a byte that chooses the command, a line of JSON with its
// settings (for commands on JSON all of the input), then a table. Answers must be JSON that can be
// read again.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/utf8.h"
#include "model/text_file.h"
#include "statistics/command/cause_commands.h"
#include "statistics/command/detect_command.h"
#include "statistics/command/experiment_commands.h"
#include "statistics/command/value_commands.h"
#include "statistics/stats_compare.h"

using namespace zhiyin;
using namespace zhiyin::statistics;

namespace {

using TableCommand = Result<Json> (*)(const Table&, const Json&);
using JsonCommand = Result<Json> (*)(const Json&);
constexpr std::array<TableCommand, 11> kTables = {
    &stats_did, &stats_its, &stats_synthetic, &stats_attribution, &stats_detect, &stats_uplift,
    &stats_ope, &value_fit, &value_predict,   &value_rfm,         &retention};
constexpr std::array<JsonCommand, 6> kJsons = {&stats_compare, &stats_power,  &stats_samplesize,
                                               &stats_srm,     &stats_adjust, &stats_assign};

void check_answer(const Result<Json>& answer) {
  if (answer) ZHIYIN_CHECK(parse_json(answer->dump()).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kBytesMax = 4000;  // small tables: many of them
  if (size < 2 || size > kBytesMax) return 0;
  std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  if (!utf8::is_valid(text)) return 0;  // the command line refuses such files
  if (data[0] >= kTables.size()) {
    const auto input = parse_json(text);
    if (input && input->if_object() != nullptr) {
      check_answer(kJsons[(data[0] - kTables.size()) % kJsons.size()](*input));
    }
    return 0;
  }
  const std::size_t line = std::min(text.find('\n'), text.size());
  const auto settings = parse_json(text.substr(0, line));
  if (!settings || settings->if_object() == nullptr) return 0;
  text.remove_prefix(std::min(line + 1, text.size()));
  auto csv = model::parse_csv(text);
  if (!csv) return 0;
  // What the command line gives: rounds and series lengths that end in time.
  if ((*settings)["rounds"].number_or(0) > 1000) return 0;
  check_answer(kTables[data[0]]({std::move(csv->header), std::move(csv->rows)}, *settings));
  return 0;
}
