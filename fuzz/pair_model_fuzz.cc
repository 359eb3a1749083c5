// A stored model of pairs behind its checksum (a byte of the header's length in units of 4, the
// header, the payload), and the same bytes as lines of labelled pairs.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "model/pairs/labelled_pair.h"
#include "model/pairs/pair_model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (const auto pairs = zhiyin::model::parse_labelled_pairs(bytes)) {
    for (std::size_t r = 0; r < pairs->rows(); ++r)
      if (std::max(pairs->first[r], pairs->second[r]) >= pairs->texts.size()) std::abort();
  }
  const std::size_t header = std::min<std::size_t>(data[0] * 4U, bytes.size());
  const auto json = zhiyin::parse_json(bytes.substr(0, header));
  if (!json) return 0;
  const auto model =
      zhiyin::model::PairModel::from_artefact({"pair", *json, std::string(bytes.substr(header))});
  if (!model) return 0;
  zhiyin::model::PairModel::Scratch scratch;
  const std::vector<float> u(model->dense_columns(), 1), v(model->dense_columns(), -1);
  for (const std::string_view text : {std::string_view(), bytes.substr(0, 100)}) {
    const double there = model->predict(text, "abc不3", u, v, scratch).same;
    const double back = model->predict("abc不3", text, v, u, scratch).same;
    if (!(there >= 0 && there <= 1) || there != back) std::abort();
  }
  return 0;
}
