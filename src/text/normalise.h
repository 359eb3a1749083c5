#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "text/source_map.h"

namespace zhiyin::text {

/// What the normaliser makes the same. All in one pass, in this order for each character: dropped,
/// emoji, phrases, NFKC, case, simplified, styles, spaces.
struct NormaliseOptions {
  enum class Emoji : std::uint8_t { kKeep, kName, kDrop };

  bool nfkc = true;       ///< Unicode's compatibility form: ＡＢ１ is AB1, ， is a comma, ㎏ kg
  bool fold_case = true;  ///< Unicode's full case folding (Straße is strasse)
  bool simplify = true;   ///< traditional to simplified Chinese, with OpenCC's phrases
  bool drop_invisible = true;  ///< characters without width, format and control characters
  bool digit_styles = true;    ///< digits of other scripts; 1,299 is 1299
  bool unit_styles = false;    ///< behind a number: 千克 and 公斤 are kg, 块钱 is 元
  bool join_spaces = false;    ///< a run of white space is one space
  Emoji emoji = Emoji::kKeep;  ///< kName: 😂 is [笑哭了], CLDR's short name; skin tones are dropped
};

/// A text and where it came from.
struct Normalised {
  std::string text;
  SourceMap map;
};

/// Makes texts that mean the same the same. Takes any bytes; each byte that is not UTF-8 becomes
/// one U+FFFD, so the result is well-formed. Normalising twice gives what once gives, except where
/// one option makes what another would change (a unit's "°c", a name of an emoji) and for joined
/// marks beyond kSegmentMax.
///
/// A pure value with tables built into the program: cheap to copy, any thread.
class Normaliser {
 public:
  static constexpr std::size_t kTextBytesMax = std::size_t{64} << 20;
  /// Code points that are composed together. Longer runs of combining marks are cut there, as
  /// Unicode's stream-safe form (UAX 15, section 13) does.
  static constexpr std::size_t kSegmentMax = 64;

  explicit Normaliser(const NormaliseOptions& options = {});

  /// Fails with kLimitReached above kTextBytesMax.
  [[nodiscard]] Result<Normalised> run(std::string_view text) const;
  /// The same into `out`, whose memory is used again.
  Result<void> run(std::string_view text, Normalised& out) const;

 private:
  friend class NormalisePass;
  enum class Ascii : std::uint8_t { kCopy, kLower, kDrop, kSpace, kComma };

  NormaliseOptions options_;
  std::uint8_t mask_ = 0;  // the CharacterFlags that matter
  std::array<Ascii, 128> ascii_{};
};

}  // namespace zhiyin::text
