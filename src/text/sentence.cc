#include "text/sentence.h"

#include <algorithm>
#include <array>

#include "text/code_point.h"

namespace zhiyin::text {
namespace {

bool is_space(char32_t c) {
  return c == U' ' || c == U'\t' || c == U'\r' || c == U'\n' || c == 0xa0 || c == 0x3000;
}
bool is_line_end(char32_t c) { return c == U'\n' || c == 0x2028 || c == 0x2029; }
bool is_blank(char32_t c) { return is_space(c) || is_line_end(c); }
bool is_digit(char32_t c) { return c >= U'0' && c <= U'9'; }
bool is_letter(char32_t c) { return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z'); }
bool is_small(char32_t c) { return c >= U'a' && c <= U'z'; }
bool is_any_of(std::u32string_view all, char32_t c) { return all.find(c) != all.npos; }
bool is_terminator(char32_t c) { return is_any_of(U"。！？!?…．｡", c); }
bool is_closing(char32_t c) { return is_any_of(U"”’」』）)】]》〉\"'＂", c); }
/// What goes on after a closing quote: “好。”，他说
bool goes_on(char32_t c) { return is_any_of(U"，,、；;：:", c); }

constexpr std::pair<char32_t, char32_t> kQuotes[] = {
    {U'“', U'”'}, {U'「', U'」'}, {U'『', U'』'}, {U'《', U'》'}, {U'（', U'）'}, {U'【', U'】'}};

/// The place in kQuotes of an opening sign; their number for others.
std::size_t quote_of(char32_t c) {
  const auto* found = std::find_if(std::begin(kQuotes), std::end(kQuotes),
                                   [&](const auto& quote) { return quote.first == c; });
  return static_cast<std::size_t>(found - std::begin(kQuotes));
}

constexpr std::string_view kAbbreviations[] = {
    "mr", "mrs", "ms", "dr", "prof", "st",  "vs",   "etc",    "e.g", "i.e", "inc", "ltd",
    "co", "jr",  "sr", "no", "fig",  "vol", "dept", "approx", "tel", "a.m", "p.m"};

class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  std::vector<ByteRange> run() {
    while (at_ < text_.size()) {
      const CodePoint point = code_point_at(text_, at_);
      if (is_line_end(point.value)) {
        finish(at_);
        at_ += point.bytes;
      } else if (skip_address() || skip_quotation(point)) {
        continue;
      } else if (point.value == U'.' || is_terminator(point.value)) {
        terminator(point);
      } else {
        at_ += point.bytes;
      }
      before_ = point.value;
    }
    finish(text_.size());
    return std::move(out_);
  }

 private:
  [[nodiscard]] char32_t at(std::size_t place) const {
    return place < text_.size() ? code_point_at(text_, place).value : U'\n';
  }
  [[nodiscard]] std::size_t next(std::size_t place) const {
    return place + code_point_at(text_, place).bytes;
  }

  /// Where the character that ends at `place` begins.
  [[nodiscard]] std::size_t start_before(std::size_t place) const {
    constexpr std::size_t kBytesMax = 4;
    std::size_t start = place - 1;
    while (start > 0 && place - start < kBytesMax && is_continuation_byte(text_[start])) --start;
    return next(start) == place ? start : place - 1;
  }

  /// Ends the sentence before `end`, without the white space at its edges.
  void finish(std::size_t end) {
    std::size_t first = begin_;
    while (first < end && is_blank(at(first))) first = next(first);
    std::size_t last = end;
    while (last > first && is_blank(at(start_before(last)))) last = start_before(last);
    if (first < last) {
      out_.push_back({static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(last)});
    }
    begin_ = end;
  }

  /// A web or mail address: nothing ends in it but with it.
  bool skip_address() {
    const std::string_view rest = text_.substr(at_);
    const bool begins_word = !is_letter(before_) && !is_digit(before_);
    const bool is_address = rest.starts_with("http://") || rest.starts_with("https://") ||
                            (begins_word && rest.starts_with("www."));
    if (!is_address) return false;
    std::size_t end = at_;
    while (end < text_.size() && text_[end] > ' ' && text_[end] < 0x7f && text_[end] != '<' &&
           text_[end] != '>' && text_[end] != '"') {
      ++end;
    }
    // Signs at its end belong to the sentence.
    while (end > at_ + 4 && is_any_of(U".,!?;:)'", static_cast<unsigned char>(text_[end - 1])))
      --end;
    before_ = static_cast<unsigned char>(text_[end - 1]);
    at_ = end;
    return true;
  }

  /// A short quotation or bracket: to its closing sign, behind which the sentence may end.
  bool skip_quotation(const CodePoint& open) {
    const std::size_t quote = quote_of(open.value);
    if (quote == std::size(kQuotes) || at_ < no_close_before_[quote]) return false;
    const char32_t close = kQuotes[quote].second;
    constexpr std::size_t kLengthMax = 200;
    char32_t last = 0;
    std::size_t i = at_ + open.bytes;
    for (std::size_t n = 0; n < kLengthMax && i < text_.size(); ++n, i = next(i)) {
      const char32_t c = at(i);
      if (is_line_end(c)) break;
      if (c != close) {
        last = c;
        continue;
      }
      before_ = close;
      at_ = next(i);
      if (is_terminator(last) || last == U'.') end_behind_closing();
      return true;
    }
    no_close_before_[quote] = i;  // so that a flood of opening signs is looked at once
    return false;
  }

  void end_behind_closing() {
    while (is_closing(at(at_)) || is_terminator(at(at_))) at_ = next(at_);
    std::size_t after = at_;
    while (after < text_.size() && at(after) == U' ') ++after;
    if (!goes_on(at(after))) finish(at_);
  }

  void terminator(const CodePoint& first) {
    const std::size_t sign = at_;
    bool only_points = true;
    std::size_t points = 0;
    while (is_terminator(at(at_)) || at(at_) == U'.') {
      only_points = only_points && at(at_) == U'.';
      ++points;
      at_ = next(at_);
    }
    if (only_points && points == 1 && !point_ends(sign)) return;
    const bool ascii_sign = first.value < 0x80;
    const char32_t after = at(at_);
    // a?b=1 and the like: no sentence ends within ASCII without a space.
    if (ascii_sign && before_ < 0x80 && (is_letter(after) || is_digit(after) || after == U'='))
      return;
    if (only_points && points > 1 && before_ >= 0x80 && !is_space(after) && at_ < text_.size())
      return;
    if (goes_on(after)) return;
    while (is_closing(at(at_)) && at_ < text_.size()) at_ = next(at_);
    if (goes_on(at(at_))) return;
    finish(at_);
  }

  /// True when the single point at `sign` is a full stop.
  [[nodiscard]] bool point_ends(std::size_t sign) const {
    const char32_t after = at(sign + 1);
    if (before_ >= 0x80) return !is_digit(after) || !is_digit(before_);
    if (!is_space(after) && !is_closing(after) && sign + 1 < text_.size()) {
      return after >= 0x80 && !is_digit(before_);
    }
    std::size_t word = sign;
    constexpr std::size_t kWordMax = 8;
    while (word > begin_ && sign - word < kWordMax &&
           (is_letter(static_cast<unsigned char>(text_[word - 1])) || text_[word - 1] == '.')) {
      --word;
    }
    std::size_t follows = sign + 1;
    while (follows < text_.size() && text_[follows] == ' ') ++follows;
    if (is_abbreviation(text_.substr(word, sign - word), at(follows))) return false;
    return !is_small(at(follows));
  }

  static bool is_abbreviation(std::string_view word, char32_t follows) {
    if (word.size() == 1 && is_letter(static_cast<unsigned char>(word[0])) && word[0] != 'I') {
      return is_letter(follows);  // an initial
    }
    std::string small(word);
    std::transform(small.begin(), small.end(), small.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    if (small == "no" || small == "fig" || small == "vol") return is_digit(follows);
    if (small == "etc" || small == "inc" || small == "ltd" || small == "co" || small == "a.m" ||
        small == "p.m") {
      return !(follows >= U'A' && follows <= U'Z') && follows != U'\n';
    }
    return std::find(std::begin(kAbbreviations), std::end(kAbbreviations), small) !=
           std::end(kAbbreviations);
  }

  std::string_view text_;
  std::vector<ByteRange> out_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;
  std::array<std::size_t, std::size(kQuotes)> no_close_before_{};
  char32_t before_ = U'\n';  // the character before at_
};

}  // namespace

Result<std::vector<ByteRange>> split_sentences(std::string_view text) {
  if (text.size() > kSentenceTextBytesMax) {
    return fail(ErrorCode::kLimitReached, "text: {} bytes, at most {} are split into sentences",
                text.size(), kSentenceTextBytesMax);
  }
  return Splitter(text).run();
}

}  // namespace zhiyin::text
