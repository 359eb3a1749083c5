#include "text/lexicon_tables.h"

#include <algorithm>
#include <set>

#include "base/utf8.h"
#include "text/code_point.h"

namespace zhiyin::text {

/// One building of tables, step by step.
class LexiconBuild {
 public:
  explicit LexiconBuild(const std::map<std::string, LexiconWord>& words) : words_(words) {}

  Result<LexiconTables> run(std::u32string_view more) {
    ZHIYIN_TRY_VOID(give_codes(more));
    ZHIYIN_TRY_VOID(give_places());
    ZHIYIN_TRY_VOID(make_trie());
    return std::move(out_);
  }

 private:
  static constexpr std::size_t kPlacesMax = 0xffff;

  /// The commonest code points get the lowest codes, so that siblings lie close together.
  Result<void> give_codes(std::u32string_view more) {
    std::map<char32_t, std::size_t> counts;
    for (const char32_t point : more) counts[point] += 0;
    for (const auto& [word, about] : words_) {
      if (word.empty() || !utf8::is_valid(word)) {
        return fail_field("word", "dictionary: `{}` is empty or not UTF-8", utf8::cleaned(word));
      }
      if (utf8::length(word) > Lexicon::kWordLengthMax) {
        return fail_field("word", "dictionary: `{}…` has more than {} characters",
                          utf8::truncate(word, 60), Lexicon::kWordLengthMax);
      }
      for (std::size_t at = 0; at < word.size();) {
        const CodePoint point = code_point_at(word, at);
        ++counts[point.value];
        at += point.bytes;
      }
    }
    if (counts.size() >= kPlacesMax) {
      return fail(ErrorCode::kLimitReached, "dictionary: {} different characters, at most {}",
                  counts.size(), kPlacesMax - 1);
    }
    std::vector<std::pair<std::size_t, char32_t>> order;
    for (const auto& [point, count] : counts) order.emplace_back(count, point);
    std::stable_sort(order.begin(), order.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    out_.plane_.assign(detail::CodeMap::kPlane, 0);
    for (const auto& [count, point] : order) {
      const std::uint32_t code = out_.code_count_++;
      if (point < detail::CodeMap::kPlane) {
        out_.plane_[point] = static_cast<std::uint16_t>(code);
      } else {
        out_.rare_.push_back({point, code});
      }
    }
    std::sort(out_.rare_.begin(), out_.rare_.end(),
              [](const auto& a, const auto& b) { return a.point < b.point; });
    return {};
  }

  Result<void> give_places() {
    std::set<double> weights;
    std::set<double> rarities;
    std::set<std::string> tags;
    for (const auto& [word, about] : words_) {
      if (about.has_weight) weights.insert(about.weight);
      if (about.has_rarity) rarities.insert(about.rarity);
      if (!about.tag.empty()) tags.insert(about.tag);
    }
    out_.weights_.assign(1, 0.0);
    out_.weights_.insert(out_.weights_.end(), weights.begin(), weights.end());
    out_.rarities_.assign(1, 0.0);
    out_.rarities_.insert(out_.rarities_.end(), rarities.begin(), rarities.end());
    out_.tags_.assign(1, {});
    for (const std::string& tag : tags) {
      if (tag.size() > Lexicon::kTagBytes) {
        return fail_field("tag", "dictionary: tag `{}` is longer than {} bytes",
                          utf8::truncate(tag, 40), Lexicon::kTagBytes);
      }
      Lexicon::Tag padded{};
      std::copy(tag.begin(), tag.end(), padded.begin());
      out_.tags_.push_back(padded);
      tag_places_.emplace(tag, static_cast<std::uint32_t>(out_.tags_.size() - 1));
    }
    if (out_.weights_.size() > kPlacesMax || out_.rarities_.size() > kPlacesMax ||
        out_.tags_.size() > Lexicon::kTagMask) {
      return fail(
          ErrorCode::kLimitReached,
          "dictionary: {} different weights, {} rarities and {} tags; at most {}, {} and {}",
          out_.weights_.size() - 1, out_.rarities_.size() - 1, out_.tags_.size() - 1,
          kPlacesMax - 1, kPlacesMax - 1, Lexicon::kTagMask - 1);
    }
    return {};
  }

  static std::uint32_t place_of(const std::vector<double>& sorted, double value) {
    const auto found = std::lower_bound(sorted.begin() + 1, sorted.end(), value);
    return static_cast<std::uint32_t>(found - sorted.begin());
  }

  [[nodiscard]] std::u16string codes_of(std::string_view word) const {
    std::u16string out;
    const Lexicon view = out_.view();
    for (std::size_t at = 0; at < word.size();) {
      const CodePoint point = code_point_at(word, at);
      out += static_cast<char16_t>(view.codes.code(point.value));
      at += point.bytes;
    }
    return out;
  }

  Result<void> make_trie() {
    std::vector<std::pair<std::u16string, std::uint16_t>> spelled;
    for (const auto& [word, about] : words_) {
      const std::uint32_t value = about.has_weight ? place_of(out_.weights_, about.weight) : 0;
      spelled.emplace_back(codes_of(word), static_cast<std::uint16_t>(value));
    }
    std::sort(spelled.begin(), spelled.end());
    out_.cells_ = detail::build_trie(spelled, out_.code_count_);
    out_.facts_.assign(out_.cells_.size(), 0);
    const Lexicon view = out_.view();
    for (const auto& [word, about] : words_) {
      std::uint32_t fact = about.tag.empty() ? 0 : tag_places_.at(about.tag);
      if (about.is_stop_word) fact |= Lexicon::kStopWord;
      if (about.has_rarity) fact |= place_of(out_.rarities_, about.rarity) << Lexicon::kRarityShift;
      out_.facts_[view.find(word)] = fact;
    }
    return {};
  }

  const std::map<std::string, LexiconWord>& words_;
  std::map<std::string, std::uint32_t> tag_places_;
  LexiconTables out_;
};

Result<LexiconTables> LexiconTables::build(const std::map<std::string, LexiconWord>& words,
                                           std::u32string_view more) {
  return LexiconBuild(words).run(more);
}

Lexicon LexiconTables::view() const {
  return {{plane_, rare_}, code_count_, {cells_}, weights_, facts_, tags_, rarities_};
}

}  // namespace zhiyin::text
