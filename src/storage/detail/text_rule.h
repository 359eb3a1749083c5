#pragma once

#include <string_view>

#include "base/error.h"
#include "base/utf8.h"

namespace zhiyin::storage::detail {

/// Text is UTF-8 without zero bytes in every adapter; other bytes are a `Blob`. kInvalidArgument.
inline Result<void> check_text(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument, "state: a text holds a zero byte");
  }
  if (!utf8::is_valid(text)) {
    return fail(ErrorCode::kInvalidArgument, "state: a text is not UTF-8");
  }
  return {};
}

}  // namespace zhiyin::storage::detail
