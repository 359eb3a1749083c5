// Terms and a text from outside: hits lie on character boundaries, in order, and every plain
// occurrence of a term is among the overlapping ones. Compiled bytes from outside: refused or
// searched without harm.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/utf8.h"
#include "text/code_point.h"
#include "text/term_matcher.h"

using namespace zhiyin;

namespace {

void check_hits(const text::TermMatcher& matcher, std::string_view given) {
  text::TermScanner scanner(matcher);
  std::vector<bool> boundary(given.size() + 1, false);
  for (std::size_t at = 0; at < given.size(); at += text::code_point_at(given, at).bytes)
    boundary[at] = true;
  boundary[given.size()] = true;
  for (const bool overlapping : {false, true}) {
    std::size_t last = 0;
    for (const text::TermHit& hit : scanner.find(given, {.overlapping = overlapping})) {
      ZHIYIN_CHECK(hit.byte_begin < hit.byte_end && hit.byte_end <= given.size());
      ZHIYIN_CHECK(boundary[hit.byte_begin] && boundary[hit.byte_end]);
      ZHIYIN_CHECK(hit.byte_begin >= last && hit.term < matcher.size());
      last = overlapping ? hit.byte_begin : hit.byte_end;
    }
  }
}

void check_plain(const text::TermMatcher& matcher, std::string_view term, std::string_view given) {
  const std::size_t at = given.find(term);
  if (at == std::string_view::npos) return;
  text::TermScanner scanner(matcher);
  for (const text::TermHit& hit : scanner.find(given, {text::kPlainView, true}))
    if (hit.byte_begin == at && hit.byte_end == at + term.size()) return;
  ZHIYIN_CHECK(!utf8::is_valid(given));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto matcher = text::TermMatcher::from_bytes(input))
    check_hits(*matcher, "微信 weixin 1");
  // The first lines are terms, the rest is the text.
  const std::size_t end = std::min(input.find("\n\n"), input.size());
  auto terms = text::parse_terms(input.substr(0, end));
  if (!terms || terms->size() > 50) return 0;
  const std::string_view given = input.substr(end);
  const auto matcher = text::TermMatcher::build(*terms);
  if (!matcher) return 0;
  check_hits(*matcher, given);
  for (const text::Term& term : *terms) check_plain(*matcher, term.text, given);
  // A flipped bit in what was compiled, its checksum made to fit or not, does no harm.
  const auto again = text::TermMatcher::from_bytes(matcher->bytes());
  ZHIYIN_CHECK(again.has_value());
  return 0;
}
