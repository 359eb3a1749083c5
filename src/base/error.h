#pragma once

#include <fmt/core.h>

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace zhiyin {

/// What kind of failure it was. One table each turns a code into an HTTP status (`http/problem.h`),
/// an exit code (`app/exit_code.h`) and a retry decision. The numbers are stored: never change
/// them.
enum class ErrorCode : int {
  kInvalidArgument = 1,   ///< the caller's input is wrong; repeating it will fail again
  kNotFound = 2,          ///< the thing named does not exist
  kConflict = 3,          ///< it exists already, or changed meanwhile
  kPermissionDenied = 4,  ///< who asks may not do this
  kLimitReached = 5,      ///< a quota, size or rate; may pass later
  kUnavailable = 6,       ///< a peer or disk is away; may pass later
  kDeadline = 7,          ///< took too long; the outcome may be unknown
  kDataLoss = 8,          ///< stored bytes are damaged
  kUnsupported = 9,       ///< understood, but not done here
  kInternal = 10,         ///< our own mistake
};

/// `invalid_argument` and so on, as in logs and answers.
std::string_view to_string(ErrorCode code);

/// A failure as a value. `message` is for operators and callers alike: subject, what is wrong, the
/// offending value, never a secret. `field` is a path into the input (`items[3].price`), or empty.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::string field = {};

  /// `field: message`, or the message alone.
  [[nodiscard]] std::string text() const;
};

template <class T>
using Result = std::expected<T, Error>;

/// The failing side of a `Result`, with a formatted message.
template <class... Args>
std::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{code, fmt::format(format, std::forward<Args>(args)...), {}});
}

/// As `fail(kInvalidArgument, …)`, naming the field that is wrong.
template <class... Args>
std::unexpected<Error> fail_field(std::string_view field, fmt::format_string<Args...> format,
                                  Args&&... args) {
  return std::unexpected(Error{ErrorCode::kInvalidArgument,
                               fmt::format(format, std::forward<Args>(args)...),
                               std::string(field)});
}

/// The same error with `prefix` before its field path (`items[3]` + `price` gives
/// `items[3].price`).
Error within(std::string_view prefix, Error error);

}  // namespace zhiyin

#define ZHIYIN_CONCAT_INNER(a, b) a##b
#define ZHIYIN_CONCAT(a, b) ZHIYIN_CONCAT_INNER(a, b)
#define ZHIYIN_TRY_INNER(tmp, decl, expr)                   \
  auto tmp = (expr);                                        \
  if (!tmp) return std::unexpected(std::move(tmp.error())); \
  decl = std::move(*tmp)

/// `ZHIYIN_TRY(auto x, f());` unwraps a Result or returns its error from the function around it.
#define ZHIYIN_TRY(decl, expr) ZHIYIN_TRY_INNER(ZHIYIN_CONCAT(try_, __COUNTER__), decl, expr)

#define ZHIYIN_TRY_VOID_INNER(tmp, expr) \
  if (auto tmp = (expr); !tmp) return std::unexpected(std::move(tmp.error()))

/// `ZHIYIN_TRY_VOID(f());` the same for `Result<void>`, or where the value is not needed. A
/// statement: put braces around it after an `if`.
#define ZHIYIN_TRY_VOID(expr) ZHIYIN_TRY_VOID_INNER(ZHIYIN_CONCAT(try_, __COUNTER__), expr)
