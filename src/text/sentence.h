#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/source_map.h"

namespace zhiyin::text {

inline constexpr std::size_t kSentenceTextBytesMax = std::size_t{64} << 20;

/// The sentences of Chinese and English text, as ranges of bytes in order, without the white space
/// around them; none is empty.
///
/// A sentence ends at 。！？… and their ASCII forms with the closing quotes and brackets behind
/// them, and at a line's end. It does not end within a quotation of at most 200 characters, in a
/// web or mail address, a number (3.14), after an abbreviation (Dr. Li) or an initial, nor where a
/// small letter or a comma follows. Takes any bytes. Fails with kLimitReached above
/// kSentenceTextBytesMax.
Result<std::vector<ByteRange>> split_sentences(std::string_view text);

}  // namespace zhiyin::text
