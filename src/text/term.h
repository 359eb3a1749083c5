#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace zhiyin::text {

/// A way to look at text in which a term is found. Stricter ones come first. The numbers are stored
/// in compiled matchers: never change them.
enum class MatchView : std::uint8_t {
  kPlain = 0,        ///< as written; letters of either case unless the matcher is case sensitive
  kMixedScript = 1,  ///< width, other scripts' look-alike letters, digits for letters (w3ixin),
                     ///< traditional characters, circled ones, accents
  kNoise = 2,    ///< what stands between (punctuation, spaces, emoji, the unseen, digits) left out
  kRepeats = 3,  ///< the same, and a character repeated taken once: 微微信信
  kHomophone = 4,  ///< characters of the same toneless syllable, and pinyin written out
  kShape = 5,      ///< characters that look alike (徽信) or are taken apart (氵去 for 法)
};
constexpr std::size_t kMatchViews = 6;
constexpr std::array<std::string_view, kMatchViews> kMatchViewNames = {
    "plain", "mixed_script", "noise", "repeats", "homophone", "shape"};

/// A set of views, one bit each.
using MatchViews = std::uint8_t;
constexpr MatchViews view_bit(MatchView view) {
  return static_cast<MatchViews>(1U << static_cast<unsigned>(view));
}
constexpr MatchViews kAllViews = (1U << kMatchViews) - 1;
constexpr MatchViews kPlainView = view_bit(MatchView::kPlain);

/// `plain,noise` or `all` as a set. Fails with kInvalidArgument naming the view that does not
/// exist.
Result<MatchViews> parse_views(std::string_view names);

constexpr std::size_t kTermsMax = 1'000'000;
constexpr std::size_t kTermCharactersMax = 64;
constexpr std::size_t kCategoryBytesMax = 256;
constexpr int kSeverityMax = 5;

/// What a matcher looks for.
struct Term {
  std::string text;      ///< UTF-8, 1 to kTermCharactersMax characters
  std::string category;  ///< up to kCategoryBytesMax bytes; free
  int severity = 1;      ///< 1 (note it) to kSeverityMax (stop it)
  /// Views in which it is looked for. One that does not suit the term (homophones of a term without
  /// two Chinese characters, say) is left out by itself.
  MatchViews views = kAllViews;
  /// Not a term but a word inside which no term counts (妇女节 around 女节). Looked for in the
  /// plain view and that of mixed scripts.
  bool allowed = false;
};

/// Fails with kInvalidArgument and the field (`text`, `category`, `severity`) that is out of range.
Result<void> check(const Term& term);

/// Reads a list: one term a line, then optionally a tab and its category, and a tab and its
/// severity. Empty lines and those that begin with # are passed over. With `allowed` the list is
/// one of allowed words. Fails with kInvalidArgument naming the line (`line 3.severity`).
Result<std::vector<Term>> parse_terms(std::string_view file, bool allowed = false);

}  // namespace zhiyin::text
