#include "model/tokeniser/tokeniser.h"

#include <algorithm>

#include "model/tokeniser/character_classes.h"
#include "text/code_point.h"

namespace zhiyin::model {
namespace {

using Part = TokenRow::Part;

void push(TokenRow& row, std::int32_t id, ByteSpan span) {
  row.ids.push_back(id);
  row.spans.push_back(span);
}

std::size_t count_specials(std::span<const TemplatePiece> pieces) {
  return static_cast<std::size_t>(std::ranges::count(pieces, Part::kSpecial, &TemplatePiece::part));
}

/// White space that ends at `end`, not before `begin`: where it begins.
std::size_t spaces_before(std::string_view text, std::size_t begin, std::size_t end) {
  while (end > begin) {
    std::size_t last = end - 1;
    while (last > begin && text::is_continuation_byte(text[last])) --last;
    if (!is_white_space(text::code_point_at(text, last).value)) break;
    end = last;
  }
  return end;
}
std::size_t spaces_after(std::string_view text, std::size_t begin, std::size_t end) {
  while (begin < end) {
    const text::CodePoint c = text::code_point_at(text, begin);
    if (!is_white_space(c.value)) break;
    begin += c.bytes;
  }
  return begin;
}

/// Whether no word character stands beside [begin, end).
bool is_lone(std::string_view text, std::size_t begin, std::size_t end) {
  std::size_t last = begin;
  while (last > 0 && text::is_continuation_byte(text[last - 1])) --last;
  if (last > 0) --last;
  const bool joined_left = begin > 0 && is_word_character(text::code_point_at(text, last).value);
  const bool joined_right =
      end < text.size() && is_word_character(text::code_point_at(text, end).value);
  return !joined_left && !joined_right;
}

/// Calls part(begin, end) for what lies between added tokens and token(number, begin, end) for
/// them: of those that begin first the longest. One that does not count (a special that is not to,
/// or a part of a word) hides what lies within it. `begin` and `end` are those of the text.
template <class OnPart, class OnToken>
void split_added(const PieceTrie& trie, std::span<const AddedToken> added, std::string_view text,
                 std::size_t begin, std::size_t end, bool specials_too, OnPart part,
                 OnToken token) {
  std::size_t left = begin;
  for (std::size_t at = begin; at < end;) {
    std::size_t length = 0;
    std::int32_t found = -1;
    trie.for_each_prefix(text.substr(at, end - at), [&](std::size_t n, std::int32_t number) {
      length = n;
      found = number;
    });
    if (found < 0) {
      ++at;
      continue;
    }
    const AddedToken& a = added[static_cast<std::size_t>(found)];
    if ((a.special && !specials_too) || (a.single_word && !is_lone(text, at, at + length))) {
      at += length;
      continue;
    }
    const std::size_t from = a.strip_left ? spaces_before(text, left, at) : at;
    const std::size_t to = a.strip_right ? spaces_after(text, at + length, end) : at + length;
    if (left < from) part(left, from);
    token(a, from, to);
    left = at = to;
  }
  if (left < end) part(left, end);
}

/// Keeps `tokens` tokens of the row.
void truncate(TokenRow& row, std::size_t tokens, bool from_left) {
  if (row.size() <= tokens) return;
  const auto cut = static_cast<std::ptrdiff_t>(from_left ? row.size() - tokens : 0);
  row.ids.erase(row.ids.begin(), row.ids.begin() + cut);
  row.spans.erase(row.spans.begin(), row.spans.begin() + cut);
  row.ids.resize(tokens);
  row.spans.resize(tokens);
}

/// Longest first: where both do not fit, the shorter one keeps up to half, the longer one the rest;
/// the odd token goes to the longer.
void truncate_pair(TokenRow& first, TokenRow& second, std::size_t room,
                   const TruncationRule& rule) {
  if (first.size() + second.size() <= room) return;
  using Strategy = TruncationRule::Strategy;
  if (rule.strategy != Strategy::kLongestFirst) {
    TokenRow& cut = rule.strategy == Strategy::kOnlyFirst ? first : second;
    const std::size_t over = first.size() + second.size() - room;
    truncate(cut, cut.size() > over ? cut.size() - over : 0, rule.from_left);
    return;
  }
  const bool swapped = first.size() > second.size();
  TokenRow& shorter = swapped ? second : first;
  TokenRow& longer = swapped ? first : second;
  const std::size_t half = room / 2;
  const std::size_t kept = std::min(shorter.size(), half);
  truncate(longer, room - kept, rule.from_left);
  truncate(shorter, kept, rule.from_left);
}

void append(const TokenRow& from, Part part, std::uint8_t type, TokenRow& out) {
  out.ids.insert(out.ids.end(), from.ids.begin(), from.ids.end());
  out.spans.insert(out.spans.end(), from.spans.begin(), from.spans.end());
  out.types.resize(out.ids.size(), type);
  out.parts.resize(out.ids.size(), part);
}

void assemble(std::span<const TemplatePiece> pieces, bool specials, const TokenRow& first,
              const TokenRow& second, TokenRow& out) {
  for (const TemplatePiece& piece : pieces) {
    if (piece.part != Part::kSpecial) {
      append(piece.part == Part::kFirst ? first : second, piece.part, piece.type, out);
    } else if (specials) {
      out.ids.push_back(piece.id);
      out.spans.emplace_back();
      out.types.push_back(piece.type);
      out.parts.push_back(Part::kSpecial);
    }
  }
}

}  // namespace

void TokenRow::clear() {
  ids.clear();
  types.clear();
  spans.clear();
  parts.clear();
}

Result<Tokeniser> Tokeniser::create(TokeniserParts parts) {
  const auto known = [&](std::int32_t id) {
    return id >= 0 && static_cast<std::size_t>(id) < parts.vocabulary;
  };
  std::vector<PieceTrie::Entry> raw;
  std::vector<PieceTrie::Entry> normalised;
  std::vector<std::string> texts(parts.added.size());
  for (std::size_t i = 0; i < parts.added.size(); ++i) {
    const AddedToken& a = parts.added[i];
    if (!known(a.id))
      return fail_field("added_tokens", "id {} of '{}' is too large", a.id, a.text.substr(0, 40));
    texts[i] = a.text;
    if (a.normalised) {
      AlignedText text;
      text.assign(a.text, 0, a.text.size());
      steps::apply(parts.normalise, text);
      texts[i] = text.text;
    }
    if (texts[i].empty()) continue;
    (a.normalised ? normalised : raw).push_back({texts[i], static_cast<std::int32_t>(i)});
  }
  for (const auto* pieces : {&parts.single, &parts.pair}) {
    for (const TemplatePiece& piece : *pieces) {
      if (piece.part == Part::kSpecial && !known(piece.id))
        return fail_field("post_processor", "id {} is too large", piece.id);
    }
  }
  if (parts.truncation && parts.truncation->tokens_max < count_specials(parts.pair))
    return fail_field("truncation", "{} tokens leave no room beside the specials",
                      parts.truncation->tokens_max);
  Tokeniser out(std::move(parts));
  out.raw_added_ = PieceTrie(std::move(raw));
  out.normalised_added_ = PieceTrie(std::move(normalised));
  return out;
}

void Tokeniser::cut_words(Scratch& scratch, TokenRow& out) const {
  words::Words& words = scratch.words;
  for (const words::Step& step : parts_.words) words::apply(step, words);
  for (const ByteSpan& span : words.spans) {
    const auto word = std::string_view(words.text.text).substr(span.begin, span.end - span.begin);
    scratch.pieces.clear();
    if (const auto* unigram = std::get_if<Unigram>(&parts_.model)) {
      unigram->cut(word, scratch.unigram, scratch.pieces);
    } else {
      std::get<WordPiece>(parts_.model).cut(word, scratch.pieces);
    }
    for (const CutPiece& piece : scratch.pieces)
      push(out, piece.id, words.text.source(span.begin + piece.begin, span.begin + piece.end));
  }
}

void Tokeniser::cut_normalised(const AlignedText& text, std::size_t begin, std::size_t end,
                               Scratch& scratch, TokenRow& out) const {
  scratch.words.text.clear();
  scratch.words.text.append(text, begin, end);
  scratch.words.spans = {{0, static_cast<std::uint32_t>(end - begin)}};
  cut_words(scratch, out);
}

void Tokeniser::cut_raw(std::string_view text, std::size_t begin, std::size_t end,
                        bool specials_in_text, Scratch& scratch, TokenRow& out) const {
  AlignedText& part = scratch.part;
  part.assign(text, begin, end);
  steps::apply(parts_.normalise, part);
  split_added(
      normalised_added_, parts_.added, part.text, 0, part.text.size(), specials_in_text,
      [&](std::size_t from, std::size_t to) { cut_normalised(part, from, to, scratch, out); },
      [&](const AddedToken& a, std::size_t from, std::size_t to) {
        push(out, a.id, part.source(from, to));
      });
}

Result<void> Tokeniser::tokens_of(std::string_view text, bool specials_in_text, Scratch& scratch,
                                  TokenRow& out) const {
  out.clear();
  if (text.size() > kTextBytesMax)
    return fail(ErrorCode::kLimitReached, "text: {} bytes, at most {}", text.size(), kTextBytesMax);
  split_added(
      raw_added_, parts_.added, text, 0, text.size(), specials_in_text,
      [&](std::size_t from, std::size_t to) {
        cut_raw(text, from, to, specials_in_text, scratch, out);
      },
      [&](const AddedToken& a, std::size_t from, std::size_t to) {
        push(out, a.id, {static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to)});
      });
  return {};
}

Result<void> Tokeniser::encode(std::string_view text, const TokeniseOptions& options,
                               Scratch& scratch, TokenRow& out) const {
  out.clear();
  ZHIYIN_TRY_VOID(tokens_of(text, options.specials_in_text, scratch, scratch.first));
  const auto& rule = options.truncation ? options.truncation : parts_.truncation;
  const std::size_t specials = options.specials ? count_specials(parts_.single) : 0;
  if (rule)
    truncate(scratch.first, rule->tokens_max - std::min(specials, rule->tokens_max),
             rule->from_left);
  assemble(parts_.single, options.specials, scratch.first, {}, out);
  return {};
}

Result<void> Tokeniser::encode(std::string_view first, std::string_view second,
                               const TokeniseOptions& options, Scratch& scratch,
                               TokenRow& out) const {
  out.clear();
  ZHIYIN_TRY_VOID(tokens_of(first, options.specials_in_text, scratch, scratch.first));
  ZHIYIN_TRY_VOID(tokens_of(second, options.specials_in_text, scratch, scratch.second));
  const auto& rule = options.truncation ? options.truncation : parts_.truncation;
  const std::size_t specials = options.specials ? count_specials(parts_.pair) : 0;
  if (rule)
    truncate_pair(scratch.first, scratch.second,
                  rule->tokens_max - std::min(specials, rule->tokens_max), *rule);
  assemble(parts_.pair, options.specials, scratch.first, scratch.second, out);
  return {};
}

}  // namespace zhiyin::model
