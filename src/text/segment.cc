#include "text/segment.h"

#include <algorithm>

#include "text/code_point.h"
#include "text/detail/viterbi.h"
#include "text/detail/word_graph.h"

namespace zhiyin::text {
namespace {

bool is_letter(char32_t c) { return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z'); }
bool is_digit(char32_t c) { return c >= U'0' && c <= U'9'; }

/// Characters [begin, end) of a stretch.
struct Piece {
  std::uint32_t begin;
  std::uint32_t end;
};

}  // namespace

class Segmenter::Work {
 public:
  explicit Work(Words words)
      : words_(std::move(words)), graph_(words_), viterbi_(words_.dictionary->model()) {}

  [[nodiscard]] const Words& words() const { return words_; }

  void run(std::string_view text, SegmentMode mode, std::vector<ByteRange>& out) {
    out.clear();
    out_ = &out;
    for (std::size_t at = 0; at < text.size();) {
      at = graph_.read(text, at, stretch_);
      if (stretch_.size() > 0) cut_stretch(mode);
      if (at == text.size()) break;
      const std::size_t end = at + code_point_at(text, at).bytes;  // a separator
      out.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end)});
      at = end;
    }
  }

 private:
  void cut_stretch(SegmentMode mode) {
    if (mode == SegmentMode::kFull) return emit_all_words();
    graph_.likeliest(stretch_, best_, lengths_);
    pieces_.clear();
    if (mode == SegmentMode::kDictionary) {
      for (std::uint32_t i = 0; i < stretch_.size(); i += lengths_[i]) {
        pieces_.push_back({i, i + lengths_[i]});
      }
    } else {
      mix();
    }
    for (const Piece piece : pieces_) {
      if (mode == SegmentMode::kSearch) emit_words_inside(piece);
      emit(piece.begin, piece.end);
    }
  }

  void emit(std::size_t begin, std::size_t end) {
    out_->push_back({stretch_.begins[begin], stretch_.begins[end]});
  }

  /// Words stay; runs of single characters are cut by the model.
  void mix() {
    const auto size = static_cast<std::uint32_t>(stretch_.size());
    const auto is_loose = [&](std::uint32_t i) {
      return lengths_[i] == 1 && !graph_.is_user_character(stretch_, i);
    };
    for (std::uint32_t i = 0; i < size;) {
      if (!is_loose(i)) {
        pieces_.push_back({i, i + lengths_[i]});
        i += lengths_[i];
        continue;
      }
      const std::uint32_t begin = i;
      while (i < size && is_loose(i)) ++i;
      cut_run(begin, i);
    }
  }

  /// ASCII words, numbers and signs are taken out, the rest goes through the model.
  void cut_run(std::uint32_t begin, std::uint32_t end) {
    std::uint32_t left = begin;
    for (std::uint32_t right = begin; right < end;) {
      if (stretch_.points[right] >= 0x80) {
        ++right;
        continue;
      }
      cut_by_model(left, right);
      left = right;
      right = end_of_ascii(left, end);
      pieces_.push_back({left, right});
      left = right;
    }
    cut_by_model(left, end);
  }

  /// Letters with digits behind them, digits with points behind them, or one sign.
  [[nodiscard]] std::uint32_t end_of_ascii(std::uint32_t begin, std::uint32_t end) const {
    const char32_t first = stretch_.points[begin];
    std::uint32_t i = begin + 1;
    const auto extend = [&](auto belongs) {
      while (i < end && belongs(stretch_.points[i])) ++i;
      return i;
    };
    if (is_letter(first)) return extend([](char32_t c) { return is_letter(c) || is_digit(c); });
    if (is_digit(first)) return extend([](char32_t c) { return is_digit(c) || c == U'.'; });
    return i;
  }

  void cut_by_model(std::uint32_t begin, std::uint32_t end) {
    if (end - begin <= 1) {
      if (begin < end) pieces_.push_back({begin, end});
      return;
    }
    const auto states =
        viterbi_.run(std::span(stretch_.codes).subspan(begin, std::size_t{end} - begin));
    std::uint32_t left = begin;
    for (std::uint32_t i = begin; i < end; ++i) {
      const std::uint8_t state = states[i - begin];
      if (state != CharacterModel::kEnd && state != CharacterModel::kSingle) continue;
      pieces_.push_back({left, i + 1});
      left = i + 1;
    }
  }

  void emit_words_inside(Piece piece) {
    const std::uint32_t length = piece.end - piece.begin;
    for (const std::uint32_t n : {2u, 3u}) {
      if (length <= n) continue;
      for (std::uint32_t i = piece.begin; i + n <= piece.end; ++i) {
        if (graph_.is_word(stretch_, i, n)) emit(i, i + n);
      }
    }
  }

  void emit_all_words() {
    std::size_t covered = 0;  // characters before it lie in words that were given
    std::size_t length = 0;   // of the last word; cppjieba's FullSegment carries it on, too
    for (std::size_t place = 0; place < stretch_.size(); ++place) {
      found_.clear();
      graph_.words_at(stretch_, place, [&](std::size_t n, const double* weight) {
        found_.push_back({n, weight != nullptr});
      });
      for (const auto& [n, is_word] : found_) {
        if (is_word) length = n;
        const bool alone = found_.size() == 1 && covered <= place;
        if ((is_word && n >= 2) || alone) emit(place, place + n);
        covered = std::max(covered, place + length);
      }
    }
  }

  Words words_;
  detail::WordGraph graph_;
  detail::Viterbi viterbi_;
  std::vector<ByteRange>* out_ = nullptr;
  detail::Stretch stretch_;
  std::vector<double> best_;
  std::vector<std::uint8_t> lengths_;
  std::vector<Piece> pieces_;
  std::vector<std::pair<std::size_t, bool>> found_;
};

Segmenter::Segmenter(Words words) : work_(std::make_unique<Work>(std::move(words))) {}
Segmenter::~Segmenter() = default;
Segmenter::Segmenter(Segmenter&&) noexcept = default;
Segmenter& Segmenter::operator=(Segmenter&&) noexcept = default;

const Words& Segmenter::words() const { return work_->words(); }

Result<void> Segmenter::cut(std::string_view text, SegmentMode mode, std::vector<ByteRange>& out) {
  if (text.size() > kTextBytesMax) {
    return fail(ErrorCode::kLimitReached, "text: {} bytes, at most {} are cut into words",
                text.size(), kTextBytesMax);
  }
  work_->run(text, mode, out);
  return {};
}

Result<std::vector<ByteRange>> Segmenter::cut(std::string_view text, SegmentMode mode) {
  std::vector<ByteRange> out;
  ZHIYIN_TRY_VOID(cut(text, mode, out));
  return out;
}

namespace {

/// For what no dictionary tags. As in cppjieba, it looks no further than half of an ASCII word.
std::string_view tag_by_characters(std::string_view word) {
  std::size_t size = 0;
  for (std::size_t at = 0; at < word.size(); at += code_point_at(word, at).bytes) ++size;
  std::size_t ascii = 0;
  std::size_t digits = 0;
  for (std::size_t at = 0; at < word.size() && ascii < size / 2;) {
    const CodePoint point = code_point_at(word, at);
    if (point.value < 0x80) ++ascii;
    if (is_digit(point.value)) ++digits;
    at += point.bytes;
  }
  if (ascii == 0) return "x";
  return digits == ascii ? "m" : "eng";
}

}  // namespace

std::string_view tag_of(const Words& words, std::string_view word) {
  const auto tagged = [&](const Lexicon& lexicon) -> const Lexicon* {
    return lexicon.is_word(lexicon.find(word)) ? &lexicon : nullptr;
  };
  const Lexicon* lexicon = words.user ? tagged(words.user->lexicon()) : nullptr;
  if (lexicon == nullptr) lexicon = tagged(words.dictionary->lexicon());
  const std::string_view tag = lexicon != nullptr ? lexicon->tag(lexicon->find(word)) : "";
  return tag.empty() ? tag_by_characters(word) : tag;
}

}  // namespace zhiyin::text
