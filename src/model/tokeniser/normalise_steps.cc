#include "model/tokeniser/normalise_steps.h"

#include <algorithm>
#include <utility>

#include "model/tokeniser/character_classes.h"
#include "text/code_point.h"

namespace zhiyin::model::steps {
namespace {

/// Builds the new text from visit(character, its source, out).
template <class Visit>
void rewrite(AlignedText& text, Visit visit) {
  AlignedText out;
  out.text.reserve(text.text.size());
  out.from.reserve(text.from.size());
  for (std::size_t at = 0; at < text.text.size();) {
    const text::CodePoint c = text::code_point_at(text.text, at);
    visit(c.value, text.from[at], out);
    at += c.bytes;
  }
  text = std::move(out);
}

/// BERT's clean-up of one character: 0 when it goes.
char32_t cleaned(char32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return ' ';
  if (c == 0 || c == 0xFFFD || is_other_category(c)) return 0;
  return is_white_space(c) ? U' ' : c;
}

void append_lower(char32_t c, ByteSpan source, AlignedText& out) {
  constexpr char32_t kDottedI = 0x130;
  out.append(c == kDottedI ? U'i' : lower_case(c), source);
  if (c == kDottedI) out.append(0x307, source);
}

/// Composes a character with the last starter before it wherever nothing between blocks it (UAX
/// 15). What a character was composed of takes the places of all of them.
void compose(std::vector<Change>& changes) {
  std::vector<Change> out;
  std::size_t starter = SIZE_MAX;
  int last = 0;  // class of the last of `out`
  for (const Change& change : changes) {
    const int order = combining_class(change.first);
    if (starter != SIZE_MAX && (out.size() == starter + 1 || last < order)) {
      if (const char32_t made = composition(out[starter].first, change.first); made != 0) {
        out[starter].first = made;
        out[starter].second += change.second - 1;
        continue;
      }
    }
    if (order == 0) starter = out.size();
    last = order;
    out.push_back(change);
  }
  changes = std::move(out);
}

/// Decomposition with marks in their canonical order, aligned as a whole: each character
/// takes the next place, parts of one beyond the first share it.
void decompose(AlignedText& text, NormalForm form = {}) {
  std::vector<Change> changes;
  std::size_t marks = 0;  // those at the end of `changes` that may still be ordered
  const auto order = [&] {
    std::ranges::stable_sort(changes.end() - static_cast<std::ptrdiff_t>(marks), changes.end(), {},
                             [](const Change& c) { return combining_class(c.first); });
    marks = 0;
  };
  for (std::size_t at = 0; at < text.text.size();) {
    const text::CodePoint c = text::code_point_at(text.text, at);
    at += c.bytes;
    int change = 0;
    for (const char32_t part :
         form.compatible ? compatible_decomposition(c.value) : canonical_decomposition(c.value)) {
      if (combining_class(part) == 0) order();
      changes.emplace_back(part, std::exchange(change, 1));
      if (combining_class(part) != 0) ++marks;
    }
  }
  order();
  if (form.composed) compose(changes);
  transform(text, changes);
}

void strip_marks(AlignedText& text) {
  rewrite(text, [](char32_t c, ByteSpan source, AlignedText& out) {
    if (!is_nonspacing_mark(c)) out.append(c, source);
  });
}

/// Marks that stripping leaves there, so that their order matters.
bool has_lasting_marks(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const text::CodePoint c = text::code_point_at(text, at);
    if (combining_class(c.value) != 0 && !is_nonspacing_mark(c.value)) return true;
    at += c.bytes;
  }
  return false;
}

void run(const Bert& s, AlignedText& text) {
  const bool ordered = s.strip_accents && has_lasting_marks(text.text);
  // One pass where it can be: each step looks at one character of the step before.
  rewrite(text, [&](char32_t c, ByteSpan source, AlignedText& out) {
    if (s.clean_text) c = cleaned(c);
    if (s.clean_text && c == 0) return;
    const bool isolated = s.isolate_han && is_bert_han(c);
    if (isolated) out.append(U' ', source);
    const auto finish = [&](char32_t d) {
      if (s.lowercase && !ordered) {
        append_lower(d, source, out);
      } else {
        out.append(d, source);
      }
    };
    if (s.strip_accents && !ordered) {
      for (const char32_t part : canonical_decomposition(c)) {
        if (!is_nonspacing_mark(part)) finish(part);
      }
    } else {
      finish(c);
    }
    if (isolated) out.append(U' ', source);
  });
  if (!ordered) return;
  decompose(text);
  strip_marks(text);
  if (s.lowercase) rewrite(text, append_lower);
}

void run(const Lowercase&, AlignedText& text) { rewrite(text, append_lower); }

void run(const StripAccents&, AlignedText& text) { strip_marks(text); }

void run(const NormalForm& s, AlignedText& text) { decompose(text, s); }

void run(const Nmt&, AlignedText& text) {
  rewrite(text, [](char32_t c, ByteSpan source, AlignedText& out) {
    const bool gone = (c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F ||
                      c == 0x8F || c == 0x9F;
    const bool space = c == 9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 ||
                       (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                       c == 0xFEFF || c == 0xFFFD;
    if (!gone) out.append(space ? U' ' : c, source);
  });
}

void run(const Strip& s, AlignedText& text) {
  std::size_t begin = 0;
  std::size_t end = text.text.size();
  while (s.left && begin < end) {
    const text::CodePoint c = text::code_point_at(text.text, begin);
    if (!is_white_space(c.value)) break;
    begin += c.bytes;
  }
  while (s.right && end > begin) {
    std::size_t last = end - 1;
    while (text::is_continuation_byte(text.text[last])) --last;
    if (!is_white_space(text::code_point_at(text.text, last).value)) break;
    end = last;
  }
  AlignedText out;
  out.append(text, begin, end);
  text = std::move(out);
}

void run(const Prepend& s, AlignedText& text) {
  if (text.text.empty()) return;
  AlignedText out;
  out.text = s.text;
  out.from.assign(s.text.size(), text.from[0]);
  out.append(text, 0, text.text.size());
  text = std::move(out);
}

void run(const Replace& s, AlignedText& text) {
  const auto match_at = [&](std::size_t at) -> std::size_t {
    if (s.spaces_from == 0)
      return std::string_view(text.text).substr(at).starts_with(s.from) ? s.from.size() : 0;
    std::size_t run_bytes = 0;
    while (at + run_bytes < text.text.size() && text.text[at + run_bytes] == ' ') ++run_bytes;
    return run_bytes >= s.spaces_from ? run_bytes : 0;
  };
  AlignedText out;
  for (std::size_t at = 0; at < text.text.size();) {
    const std::size_t length = match_at(at);
    if (length == 0) {
      out.append(text, at, at + 1);
      ++at;
      continue;
    }
    // All of it stands where the last of the old characters stood.
    const ByteSpan source = text.from[at + length - 1];
    out.text += s.to;
    out.from.resize(out.text.size(), source);
    at += length;
  }
  text = std::move(out);
}

void run(const std::shared_ptr<const CharacterMap>& s, AlignedText& text) {
  const auto& entries = s->entries;
  rewrite(text, [&](char32_t c, ByteSpan source, AlignedText& out) {
    const auto put = [&](char32_t d) {
      if (d == U' ' && !out.text.empty() && out.text.back() == ' ') return;
      out.append(d, source);
    };
    if ((c > ' ' && c < 0x7F) || (c >= 0x4E00 && c <= 0x9FFF)) {
      out.append(c, source);
      return;
    }
    const auto found =
        std::ranges::lower_bound(entries, c, {}, &std::pair<char32_t, std::u32string>::first);
    if (found == entries.end() || found->first != c) {
      put(c);
      return;
    }
    for (const char32_t d : found->second) put(d);
  });
}

void run(const std::shared_ptr<const Precompiled>& s, AlignedText& text) { s->map.apply(text); }

}  // namespace

void apply(const Step& step, AlignedText& text) {
  std::visit([&](const auto& s) { run(s, text); }, step);
}

void apply(const std::vector<Step>& steps, AlignedText& text) {
  for (const Step& step : steps) apply(step, text);
}

}  // namespace zhiyin::model::steps
