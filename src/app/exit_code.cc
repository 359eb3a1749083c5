#include "app/exit_code.h"

namespace zhiyin::app {

int exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInternal:
      return 1;
    case ErrorCode::kInvalidArgument:
      return 2;
    case ErrorCode::kNotFound:
      return 3;
    case ErrorCode::kConflict:
      return 4;
    case ErrorCode::kPermissionDenied:
      return 5;
    case ErrorCode::kLimitReached:
      return 6;
    case ErrorCode::kUnavailable:
      return 7;
    case ErrorCode::kDeadline:
      return 8;
    case ErrorCode::kDataLoss:
      return 9;
    case ErrorCode::kUnsupported:
      return 10;
  }
  return 1;
}

}  // namespace zhiyin::app
