#include "base/error.h"

#include "base/check.h"

namespace zhiyin {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kPermissionDenied:
      return "permission_denied";
    case ErrorCode::kLimitReached:
      return "limit_reached";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kDeadline:
      return "deadline";
    case ErrorCode::kDataLoss:
      return "data_loss";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

std::string Error::text() const { return field.empty() ? message : field + ": " + message; }

Error within(std::string_view prefix, Error error) {
  if (error.field.empty()) {
    error.field = prefix;
  } else if (error.field.front() == '[') {
    error.field.insert(0, prefix);
  } else {
    error.field = std::string(prefix) + "." + error.field;
  }
  return error;
}

void check_failed(const char* expression, const char* file, int line) {
  fmt::print(stderr, "{}:{}: check failed: {}\n", file, line, expression);
  std::abort();
}

}  // namespace zhiyin
