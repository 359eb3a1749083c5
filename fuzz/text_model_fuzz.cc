// A stored classifier of texts behind its checksum: a byte of the header's length in units of 4,
// the header, the payload; and the same bytes as lines of texts with several labels.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "model/classify/labelled_text.h"
#include "model/classify/text_classifier.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (const auto texts = zhiyin::model::parse_multi_labelled_texts(bytes)) {
    for (const auto& labels : texts->labels)
      if (!labels.empty() && labels.back() >= texts->classes.size()) std::abort();
  }
  const std::size_t header = std::min<std::size_t>(data[0] * 4U, bytes.size());
  const auto json = zhiyin::parse_json(bytes.substr(0, header));
  if (!json) return 0;
  const auto model = zhiyin::model::TextClassifier::from_artefact(
      {"text", *json, std::string(bytes.substr(header))});
  if (!model) return 0;
  zhiyin::model::TextClassifier::Scratch scratch;
  const std::vector<float> dense(model->dense_columns(), 1);
  for (const std::string_view text : {std::string_view(), bytes.substr(0, 100)}) {
    const auto prediction = model->predict(text, dense, scratch);
    if (prediction.label >= model->classes().size()) std::abort();
    static_cast<void>(model->explain(text, dense, prediction.label, 10));
  }
  return 0;
}
