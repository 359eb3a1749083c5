#include "model/classify/fold.h"

#include "base/check.h"
#include "base/utf8.h"
#include "text/code_point.h"

namespace zhiyin::model {

void fold_text(std::string_view text, FoldedText& out, bool with_offsets) {
  static const text::Normaliser normaliser({.join_spaces = true});
  out.points.clear();
  out.begins.clear();
  out.ends.clear();
  const auto done = normaliser.run(utf8::truncate(text, kFoldedBytesMax), out.normalised);
  ZHIYIN_CHECK(done);  // fails only for texts that are longer
  const std::string_view folded = out.normalised.text;
  out.points.reserve(folded.size());
  for (std::size_t at = 0; at < folded.size();) {
    const text::CodePoint c = text::code_point_at(folded, at);
    const std::size_t end = at + c.bytes;
    if (c.value != 0) {
      out.points.push_back(c.value);
      if (with_offsets) {
        const text::ByteRange source = out.normalised.map.source(static_cast<std::uint32_t>(at),
                                                                 static_cast<std::uint32_t>(end));
        out.begins.push_back(source.begin);
        out.ends.push_back(source.end);
      }
    }
    at = end;
  }
}

}  // namespace zhiyin::model
