#include "model/tokeniser/word_steps.h"

#include "model/tokeniser/character_classes.h"
#include "text/code_point.h"

namespace zhiyin::model::words {
namespace {

bool is_bert_punctuation(char32_t c) {
  if (c < 0x80)
    return c > ' ' && c < 0x7F && !(c >= '0' && c <= '9') &&
           !((c | 32U) >= 'a' && (c | 32U) <= 'z');
  return is_punctuation_category(c);
}

/// Cuts every word at white space (dropped) and around punctuation, where asked for.
void cut(Words& words, bool spaces, bool punctuation) {
  std::vector<ByteSpan> out;
  for (const ByteSpan& span : words.spans) {
    std::uint32_t begin = span.begin;
    for (std::uint32_t at = span.begin; at < span.end;) {
      const text::CodePoint c = text::code_point_at(words.text.text, at);
      const bool space = spaces && is_white_space(c.value);
      const bool mark = !space && punctuation && is_bert_punctuation(c.value);
      const std::uint32_t next = at + c.bytes;
      if (space || mark) {
        if (begin < at) out.push_back({begin, at});
        if (mark) out.push_back({at, next});
        begin = next;
      }
      at = next;
    }
    if (begin < span.end) out.push_back({begin, span.end});
  }
  words.spans = std::move(out);
}

void run(const WhitespaceSplit&, Words& words) { cut(words, true, false); }
void run(const Whitespace&, Words& words) {
  enum class Kind : std::uint8_t { kSpace, kWord, kOther };
  std::vector<ByteSpan> out;
  for (const ByteSpan& span : words.spans) {
    std::uint32_t begin = span.begin;
    Kind before = Kind::kSpace;
    for (std::uint32_t at = span.begin; at < span.end;) {
      const text::CodePoint c = text::code_point_at(words.text.text, at);
      const Kind kind = is_white_space(c.value)      ? Kind::kSpace
                        : is_word_character(c.value) ? Kind::kWord
                                                     : Kind::kOther;
      if (kind != before) {
        if (before != Kind::kSpace) out.push_back({begin, at});
        begin = at;
        before = kind;
      }
      at += c.bytes;
    }
    if (before != Kind::kSpace) out.push_back({begin, span.end});
  }
  words.spans = std::move(out);
}
void run(const Punctuation&, Words& words) { cut(words, false, true); }
void run(const Bert&, Words& words) { cut(words, true, true); }

void run(const Metaspace& m, Words& words) {
  Words out;
  out.text.text.reserve(words.text.text.size() * 5 / 4 + 8);
  out.text.from.reserve(words.text.text.size() * 5 / 4 + 8);
  for (const ByteSpan& span : words.spans) {
    const std::string_view word =
        std::string_view(words.text.text).substr(span.begin, span.end - span.begin);
    const bool marked = word.starts_with(' ') || word.starts_with(m.replacement);
    const bool prepended =
        !marked &&
        (m.prepend == Metaspace::Prepend::kAlways ||
         (m.prepend == Metaspace::Prepend::kFirst && words.text.from[span.begin].begin == 0));
    auto begin = static_cast<std::uint32_t>(out.text.text.size());
    const auto close = [&](std::size_t end) {
      if (begin < end) out.spans.push_back({begin, static_cast<std::uint32_t>(end)});
      begin = static_cast<std::uint32_t>(end);
    };
    const auto put_mark = [&](ByteSpan source) {
      out.text.text += m.replacement;
      out.text.from.resize(out.text.text.size(), source);
    };
    if (prepended) put_mark(words.text.from[span.begin]);
    for (std::uint32_t at = span.begin; at < span.end;) {
      const std::string_view rest = std::string_view(words.text.text).substr(at, span.end - at);
      const bool space = rest[0] == ' ';
      if (m.split && (space || rest.starts_with(m.replacement))) close(out.text.text.size());
      if (space) {
        put_mark(words.text.from[at++]);
        continue;
      }
      const std::uint32_t bytes = text::code_point_at(words.text.text, at).bytes;
      out.text.append(words.text, at, at + bytes);
      at += bytes;
    }
    close(out.text.text.size());
  }
  words = std::move(out);
}

}  // namespace

void apply(const Step& step, Words& words) {
  std::visit([&](const auto& s) { run(s, words); }, step);
}

}  // namespace zhiyin::model::words
