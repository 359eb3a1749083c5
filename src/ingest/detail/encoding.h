#pragma once

#include <string_view>

namespace zhiyin::ingest::detail {

/// What the first bytes of a file say about how its text is written.
struct EncodingGuess {
  std::string_view name;  ///< in the words of TableFormat; empty: none that is known here
  bool sure = false;      ///< false: too little speaks for it to read the file that way unasked
};

/// `sample` begins where the file begins and may end anywhere. Bytes that are wrong in a file which
/// is otherwise UTF-8 or GB18030 do not change the answer.
EncodingGuess guess_encoding(std::string_view sample);

}  // namespace zhiyin::ingest::detail
