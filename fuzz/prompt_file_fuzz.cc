// Prompt files, and texts with their evidence.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/utf8.h"
#include "model/generate/copy_writer.h"
#include "model/generate/evidence_check.h"
#include "model/generate/prompt_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace zhiyin::model;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto prompt = PromptFile::parse(text)) (void)prompt->run_tests();
  const std::size_t half = size / 2;
  const std::string evidence(text.substr(half));
  const auto checked = check_evidence(text.substr(0, half), {evidence});
  for (const EvidenceSpan& span : checked.spans) {
    ZHIYIN_CHECK(span.begin < span.end && span.end <= checked.text.size());
    ZHIYIN_CHECK(span.evidence_begin < span.evidence_end && span.evidence_end <= evidence.size());
  }
  const std::string all(text);
  ZHIYIN_CHECK(check_evidence(all, {all}).removed.empty());
  (void)find_leak(text.substr(0, half), evidence, {});
  CopyOrder order;
  order.facts = parse_facts(text);
  if (const auto copy = write_copy(order)) {
    ZHIYIN_CHECK(zhiyin::utf8::is_valid(copy->text));
    for (const FactSpan& span : copy->spans) {
      ZHIYIN_CHECK(copy->text.substr(span.begin, span.end - span.begin) ==
                   order.facts[span.fact].value);
    }
  }
  return 0;
}
