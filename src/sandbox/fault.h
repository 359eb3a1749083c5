#pragma once

#include <string>
#include <utility>

#include "base/json_binding.h"

namespace zhiyin::sandbox {

enum class FaultKind {
  kBusy = 1,
  kErrcode = 2,
  kCloseBefore = 3,
  kCloseAfter = 4,
  kSlow = 5,
  kServerError = 6,
  kDayLimit = 7,
  kMinuteLimit = 8,
  kHalfSent = 9,
};

/// A failure to come: the next `times` calls of `path` meet it. Path `*` means every path.
struct Fault {
  std::string path;
  int times = 1;
  FaultKind kind = FaultKind::kBusy;
  int errcode = 0;       ///< of kErrcode
  int delay_ms = 6'000;  ///< of kSlow: after the work is done
  int status = 503;      ///< of kServerError
};

/// `PATH,KIND[,TIMES[,DETAIL]]`, as on the command line: DETAIL is the error code, the milliseconds
/// or the HTTP status of kinds that have one. kInvalidArgument (field fault) with what is wrong.
Result<Fault> parse_fault(std::string_view text);
/// kInvalidArgument when the platform has no such path, or `errcode` is missing.
Result<void> check_fault(const Fault& fault);

}  // namespace zhiyin::sandbox

namespace zhiyin {

template <>
struct EnumNames<sandbox::FaultKind> {
  static constexpr std::pair<sandbox::FaultKind, std::string_view> list[] = {
      {sandbox::FaultKind::kBusy, "busy"},
      {sandbox::FaultKind::kErrcode, "errcode"},
      {sandbox::FaultKind::kCloseBefore, "close_before"},
      {sandbox::FaultKind::kCloseAfter, "close_after"},
      {sandbox::FaultKind::kSlow, "slow"},
      {sandbox::FaultKind::kServerError, "server_error"},
      {sandbox::FaultKind::kDayLimit, "day_limit"},
      {sandbox::FaultKind::kMinuteLimit, "minute_limit"},
      {sandbox::FaultKind::kHalfSent, "half_sent"}};
};
/// The body of POST /sandbox/inject.
template <>
struct Fields<sandbox::Fault> {
  using F = sandbox::Fault;
  static constexpr std::string_view name = "Fault";
  static constexpr auto list = field_list(
      field("path", &F::path, "path of the platform's interface, * for every path").length(1, 128),
      field("times", &F::times, "how many calls meet it").range(1, 1'000'000).optional(),
      field("kind", &F::kind, "what happens"),
      field("errcode", &F::errcode, "error code, for kind errcode").optional(),
      field("delay_ms", &F::delay_ms, "milliseconds, for kind slow").range(0, 60'000).optional(),
      field("status", &F::status, "HTTP status, for kind server_error").range(500, 599).optional());
};

}  // namespace zhiyin
