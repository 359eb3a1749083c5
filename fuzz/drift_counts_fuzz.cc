// Stored counts of drift from any bytes: refused, or they add up and come back as they were.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "model/classify/drift.h"

using namespace zhiyin;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto json = parse_json({reinterpret_cast<const char*>(data), size});
  if (!json) return 0;
  model::DriftReference reference;
  reference.rows = 100;
  reference.labels = {0.4, 0.6};
  reference.edges = {0.5};
  reference.confidences = {0.3, 0.7};
  reference.ngrams = {1, 2};
  reference.texts = {0.5, 0.1};
  const auto none = model::no_counts(reference);
  auto counts = model::drift_counts_of(*json, none);
  if (!counts) return 0;
  ZHIYIN_CHECK(*model::drift_counts_of(to_json(*counts), none) == *counts);
  model::add_counts(*counts, *counts);
  (void)model::drift_report(reference, *counts);
  return 0;
}
