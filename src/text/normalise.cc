#include "text/normalise.h"

#include <algorithm>
#include <optional>

#include "text/code_point.h"
#include "text/detail/character_data.h"
#include "text/detail/fast_code_point.h"
#include "text/detail/normal_form.h"
#include "text/detail/sequences.h"

namespace zhiyin::text {

using detail::CharacterEntry;
using detail::kCharacterRecords;
using detail::pool_text;

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_ascii_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_space(char32_t c) { return c == U' ' || (c >= U'\t' && c <= U'\r'); }
constexpr char32_t kKeycap = 0x20e3;

/// A comma between the digits of one number: 1,299 or 1,299,000, not 1,2 or 1,2990.
bool groups_digits(std::string_view text, std::size_t comma) {
  constexpr std::size_t kGroup = 3;
  std::size_t after = comma + 1;
  while (after < text.size() && after <= comma + kGroup + 1 && is_digit(text[after])) ++after;
  if (after != comma + 1 + kGroup) return false;
  std::size_t before = comma;
  while (before > 0 && comma - before <= kGroup && is_digit(text[before - 1])) --before;
  const std::size_t digits = comma - before;
  if (digits == 0 || digits > kGroup) return false;
  if (before == 0) return true;
  return text[before - 1] == ',' ? digits == kGroup : text[before - 1] != '.';
}

}  // namespace

/// One pass over one text. Bytes that stay as they are wait in [run_, at_) and are copied together.
class NormalisePass {
 public:
  NormalisePass(const Normaliser& how, std::string_view text, Normalised& out)
      : how_(how), options_(how.options_), text_(text), out_(out) {}

  void run() {
    while (at_ < text_.size()) {
      const auto byte = static_cast<unsigned char>(text_[at_]);
      if (byte < 0x80) {
        if (how_.ascii_[byte] == Normaliser::Ascii::kCopy) {
          ++at_;
        } else {
          special_ascii(how_.ascii_[byte]);
        }
        continue;
      }
      const CodePoint point = detail::fast_code_point_at(text_, at_);
      const CharacterEntry& entry = detail::character_entry(point.value);
      const int flags = entry.flags & how_.mask_;
      if (flags == 0 && point.well_formed) {
        at_ += point.bytes;
      } else {
        special(point, entry, flags);
      }
    }
    flush();
  }

 private:
  using Ascii = Normaliser::Ascii;
  using Emoji = NormaliseOptions::Emoji;

  /// What was made last of one character, for marks that follow and change it.
  struct Unit {
    std::size_t source;
    std::size_t size;  // of the text before it
  };

  void flush() {
    if (at_ == run_) return;
    std::size_t last = at_ - 1;
    while (last > run_ && is_continuation_byte(text_[last])) --last;
    unit_ = Unit{last, out_.text.size() + (last - run_)};
    out_.map.copied(size(), static_cast<std::uint32_t>(run_),
                    static_cast<std::uint32_t>(at_ - run_));
    out_.text.append(text_.substr(run_, at_ - run_));
    run_ = at_;
  }

  void skip(std::size_t bytes) {
    at_ += bytes;
    run_ = at_;
  }

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(out_.text.size()); }

  /// `made` instead of the next `bytes` bytes.
  void replace(std::size_t bytes, std::string_view made) {
    unit_ = Unit{at_, out_.text.size()};
    out_.map.replaced(size(),
                      {static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(at_ + bytes)});
    out_.text += made;
    skip(bytes);
  }

  void special_ascii(Ascii what) {
    if (what == Ascii::kLower) {
      flush();
      unit_ = Unit{at_, out_.text.size()};
      out_.map.copied(size(), static_cast<std::uint32_t>(at_), 1);
      out_.text += static_cast<char>(text_[at_] | 0x20);
      return skip(1);
    }
    if (what == Ascii::kSpace) return space(1);
    const bool drops = what == Ascii::kDrop || groups_digits(text_, at_);
    if (!drops) {
      ++at_;
      return;
    }
    flush();
    skip(1);
  }

  /// White space of `bytes` bytes where runs of it are joined.
  void space(std::size_t bytes) {
    const bool follows_space = run_ < at_ ? text_[at_ - 1] == ' ' : ends_in_space();
    if (!follows_space && text_[at_] == ' ') {
      ++at_;
      return;
    }
    flush();
    if (follows_space) return skip(bytes);
    replace(bytes, " ");
  }

  [[nodiscard]] bool ends_in_space() const { return !out_.text.empty() && out_.text.back() == ' '; }

  void special(const CodePoint& point, const CharacterEntry& entry, int flags) {
    // The commonest case: a character that begins some phrase, but none here.
    if (flags == detail::kPhraseStart && point.well_formed) {
      const auto found = detail::match_phrase(text_, at_);
      if (!found) {
        at_ += point.bytes;
        return;
      }
      flush();
      phrase(found);
      return;
    }
    flush();
    if (!point.well_formed) return replace(1, "\xef\xbf\xbd");
    if ((flags & detail::kEmojiStart) != 0) return emoji(point.value);
    if ((flags & detail::kInvisible) != 0) return skip(point.bytes);
    if ((flags & detail::kPhraseStart) != 0 && phrase(detail::match_phrase(text_, at_))) return;
    if ((flags & detail::kStyleStart) != 0 && unit()) return;
    if ((flags & detail::kBackward) != 0) return segment();
    single(point, entry);
  }

  void emoji(char32_t first) {
    const detail::EmojiMatch found = detail::match_emoji(text_, at_);
    if (options_.emoji == Emoji::kKeep) {
      replace(found.bytes, text_.substr(at_, found.bytes));
    } else if (options_.emoji == Emoji::kDrop || first == kKeycap) {
      skip(found.bytes);
    } else if (found.name.empty()) {
      replace(found.bytes, text_.substr(at_, found.bytes));
    } else {
      made_.assign("[").append(found.name).append("]");
      replace(found.bytes, made_);
    }
    unit_.reset();
  }

  bool phrase(const std::optional<detail::PhraseMatch>& found) {
    if (!found) return false;
    made_.clear();
    for (const char32_t c : found->value) append_utf8(made_, c);
    replace(found->bytes, made_);
    unit_.reset();
    return true;
  }

  /// A unit behind a number.
  bool unit() {
    return options_.unit_styles && follows_number() && phrase(detail::match_unit(text_, at_));
  }

  [[nodiscard]] bool follows_number() const {
    std::string_view before = out_.text;
    if (before.ends_with(' ')) before.remove_suffix(1);
    return !before.empty() && is_digit(before.back());
  }

  /// A character that changes by itself.
  void single(const CodePoint& point, const CharacterEntry& entry) {
    made_.clear();
    const std::uint32_t composed = kCharacterRecords[entry.record].nfkc;
    if (options_.nfkc && composed != 0) {
      for (const char32_t c : pool_text(composed)) append_changed(c);
    } else {
      append_changed(point.value);
    }
    if (options_.join_spaces && made_ == " " && ends_in_space()) return skip(point.bytes);
    if (made_.size() != point.bytes || is_longer_than_one(made_))
      return replace(point.bytes, made_);
    unit_ = Unit{at_, out_.text.size()};
    out_.map.copied(size(), static_cast<std::uint32_t>(at_), point.bytes);
    out_.text += made_;
    skip(point.bytes);
  }

  static bool is_longer_than_one(std::string_view made) {
    return code_point_at(made, 0).bytes != made.size();
  }

  /// Case, script and digit style of a character that NFKC leaves alone.
  void append_changed(char32_t c) {
    const auto& record = kCharacterRecords[detail::character_entry(c).record];
    const auto simplified = [&](char32_t value) {
      const CharacterEntry& entry = detail::character_entry(value);
      const bool is_traditional = (entry.flags & detail::kHasSimplified) != 0;
      const bool is_style = !is_traditional && (entry.flags & detail::kStyleStart) != 0;
      const bool changes =
          (options_.simplify && is_traditional) || (options_.digit_styles && is_style);
      const auto text =
          changes ? pool_text(kCharacterRecords[entry.record].simplified) : std::u32string_view{};
      if (text.empty()) return append_utf8(made_, value);
      for (const char32_t s : text) append_utf8(made_, s);
    };
    if (!options_.fold_case || record.fold == 0) return simplified(c);
    for (const char32_t folded : pool_text(record.fold)) simplified(folded);
  }

  /// A mark or what else joins with what stands before it: that, and all that joins with it, is
  /// made anew.
  void segment() {
    std::size_t source = at_;
    if (unit_) {
      source = unit_->source;
      out_.map.truncate(static_cast<std::uint32_t>(unit_->size));
      out_.text.resize(unit_->size);
    }
    const std::size_t end = gather(source);
    detail::order_marks(points_);
    detail::compose(points_);
    if (options_.fold_case) fold_points();
    made_.clear();
    for (const char32_t c : points_) append_changed(c);
    const bool was_cut = cut_;
    at_ = source;
    replace(end - source, made_);
    if (was_cut) unit_.reset();
  }

  /// The decomposed characters from `source` to the next that does not join; where that is.
  std::size_t gather(std::size_t source) {
    points_.clear();
    cut_ = false;
    std::size_t end = source;
    while (end < text_.size()) {
      const CodePoint point = code_point_at(text_, end);
      const int flags = detail::character_entry(point.value).flags;
      const bool drops = options_.drop_invisible && (flags & detail::kInvisible) != 0;
      if (!drops && end >= at_ && (flags & detail::kBackward) == 0) break;
      cut_ = !drops && points_.size() >= Normaliser::kSegmentMax;
      if (cut_) break;
      if (!drops) detail::append_decomposed(points_, point.value);
      end += point.bytes;
    }
    return end;
  }

  /// Folding can take a character apart (U+0390): composed again.
  void fold_points() {
    std::u32string folded;
    for (const char32_t c : points_) {
      const std::uint32_t reference = kCharacterRecords[detail::character_entry(c).record].fold;
      if (reference == 0) {
        folded += c;
        continue;
      }
      for (const char32_t f : pool_text(reference)) detail::append_decomposed(folded, f);
    }
    detail::order_marks(folded);
    detail::compose(folded);
    points_ = std::move(folded);
  }

  const Normaliser& how_;
  const NormaliseOptions& options_;
  std::string_view text_;
  Normalised& out_;
  std::size_t at_ = 0;
  std::size_t run_ = 0;
  std::optional<Unit> unit_;
  bool cut_ = false;
  std::string made_;
  std::u32string points_;
};

Normaliser::Normaliser(const NormaliseOptions& options) : options_(options) {
  using namespace detail;
  const auto when = [](bool on, int flags) { return on ? flags : 0; };
  const bool changes_emoji = options.emoji != NormaliseOptions::Emoji::kKeep;
  mask_ = static_cast<std::uint8_t>(
      when(options.nfkc, kHasNfkc | kBackward) | when(options.fold_case, kHasFold) |
      when(options.simplify, kHasSimplified | kPhraseStart) |
      when(options.drop_invisible, kInvisible) |
      // The joiners and selectors of an emoji that stays are not dropped.
      when(options.drop_invisible || changes_emoji, kEmojiStart) |
      when(options.digit_styles || options.unit_styles, kStyleStart));
  for (std::size_t c = 0; c < ascii_.size(); ++c) {
    const char byte = static_cast<char>(c);
    if (options.fold_case && byte >= 'A' && byte <= 'Z') ascii_[c] = Ascii::kLower;
    if (options.digit_styles && byte == ',') ascii_[c] = Ascii::kComma;
    if (options.drop_invisible && (c < 0x20 || c == 0x7f) && !is_ascii_space(byte))
      ascii_[c] = Ascii::kDrop;
    if (options.join_spaces && is_space(c)) ascii_[c] = Ascii::kSpace;
  }
}

Result<void> Normaliser::run(std::string_view text, Normalised& out) const {
  if (text.size() > kTextBytesMax) {
    return fail(ErrorCode::kLimitReached, "text: {} bytes, at most {} are normalised", text.size(),
                kTextBytesMax);
  }
  out.text.clear();
  out.text.reserve(text.size());
  out.map.clear();
  NormalisePass(*this, text, out).run();
  return {};
}

Result<Normalised> Normaliser::run(std::string_view text) const {
  Normalised out;
  ZHIYIN_TRY_VOID(run(text, out));
  return out;
}

}  // namespace zhiyin::text
