#pragma once

#include <cstdlib>

namespace zhiyin {
[[noreturn]] void check_failed(const char* expression, const char* file, int line);
}

/// Stops the process when one of our own assumptions is wrong. Never for input from outside.
#define ZHIYIN_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::zhiyin::check_failed(#condition, __FILE__, __LINE__))

/// The same in development builds only; may be slow.
#ifdef NDEBUG
#define ZHIYIN_DCHECK(condition) static_cast<void>(0)
#else
#define ZHIYIN_DCHECK(condition) ZHIYIN_CHECK(condition)
#endif
