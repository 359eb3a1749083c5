#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

/// `POST /v1/embeddings` in the OpenAI shape: the request of a client, and what it is answered.
/// Pure functions.
namespace zhiyin::model::embedding_wire {

inline constexpr std::size_t kInputsMax = 2048;
inline constexpr std::size_t kTokensMax = 8192;  ///< of one input given as tokens

struct Asked {
  std::vector<std::string> texts;               ///< these,
  std::vector<std::vector<std::int32_t>> rows;  ///< or these: ids of the encoder, marks included
  bool base64 = false;                          ///< `encoding_format`
  std::size_t dimensions = 0;                   ///< 0: all of them
  std::string prefix;    ///< of this program: `query: `, `passage: ` or nothing, before each text
  bool truncate = true;  ///< of this program: texts that are too long lose their end; else refused
};

/// `width`: of the encoder's vectors. kInvalidArgument naming the member: no or too many inputs, an
/// empty text, a mix of texts and tokens, dimensions above `width`, an unknown member. `model` and
/// `user` are taken and not used: there is one encoder.
Result<Asked> parse(const Json& body, std::size_t width);

/// `vectors`: one of `width` numbers per input. With fewer dimensions the first of them, of length
/// 1 again.
Json answer(const Asked& asked, std::span<const float> vectors, std::size_t width,
            std::size_t tokens, std::string_view model);

/// `{"error": {message, type, param, code}}`.
Json error(const Error& error);

}  // namespace zhiyin::model::embedding_wire
