// tokenizer.json, SentencePiece's .model and vocab.txt: the first byte chooses; what opens must
// then tokenise odd texts within their bounds.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "model/tokeniser/tokeniser.h"

namespace {

zhiyin::Result<zhiyin::model::Tokeniser> open(std::uint8_t kind, std::string_view bytes) {
  if (kind % 3 == 0) return zhiyin::model::tokeniser_from_json(bytes);
  if (kind % 3 == 1) return zhiyin::model::tokeniser_from_sentencepiece(bytes);
  return zhiyin::model::tokeniser_from_vocab(bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto tokeniser = open(data[0], bytes);
  if (!tokeniser) return 0;
  zhiyin::model::Tokeniser::Scratch scratch;
  zhiyin::model::TokenRow row;
  for (const std::string_view text : {std::string_view("a  b<s>[SEP]"), bytes.substr(0, 200)}) {
    for (const bool in_text : {false, true}) {
      zhiyin::model::TokeniseOptions options;
      options.specials_in_text = in_text;
      if (!tokeniser->encode(text, options, scratch, row)) std::abort();
      for (std::size_t i = 0; i < row.size(); ++i) {
        if (row.ids[i] < 0 || static_cast<std::size_t>(row.ids[i]) >= tokeniser->vocabulary())
          std::abort();
        if (row.spans[i].begin > row.spans[i].end || row.spans[i].end > text.size()) std::abort();
      }
      if (!tokeniser->encode(text, "b", options, scratch, row)) std::abort();
    }
  }
  return 0;
}
