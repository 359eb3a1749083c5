#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json_binding.h"
#include "base/mutex.h"
#include "sandbox/official_account.h"

namespace zhiyin::sandbox {

enum class FaultKind { kBusy = 1, kErrcode = 2, kCloseBefore = 3, kCloseAfter = 4, kSlow = 5 };

/// A failure to come: the next `times` calls of `path` meet it.
struct Fault {
  std::string path;
  int times = 1;
  FaultKind kind = FaultKind::kBusy;
  int errcode = 0;       ///< of kErrcode
  int delay_ms = 6'000;  ///< of kSlow: after the work is done
};

/// What becomes of a call.
struct PlatformAnswer {
  Json body;
  bool hang_up = false;  ///< the connection is closed without an answer
  int delay_ms = 0;      ///< the answer waits so long
};

/// The emulated platform: accounts, what people do to them, and the interface that servers call.
/// Reads the time from a clock that the sandbox moves. Thread-safe.
class Platform {
 public:
  /// `clock` must outlive the platform.
  Platform(const Clock& clock, std::uint64_t seed);

  void add(SandboxAccount account);

  /// Answers a call; `{}` with null body when there is no such path (404).
  PlatformAnswer call(const ApiCall& call);
  void inject(Fault fault);
  /// A limit of calls a day for one path of every account.
  void set_daily_limit(std::string_view path, std::int64_t limit);

  void follow(std::string_view app_id, std::string_view openid, std::string_view unionid,
              Instant at, std::string_view scene, std::string_view qr_scene = {});
  void unfollow(std::string_view app_id, std::string_view openid);
  void trigger(std::string_view app_id, std::string_view openid, Trigger trigger, Instant at);
  std::int64_t next_message_id(std::string_view app_id);

  /// Messages that people got since the last call.
  std::vector<SentMessage> take_messages();
  /// Callbacks about finished jobs, due by now.
  std::vector<CallbackMessage> take_due_callbacks();

  [[nodiscard]] std::size_t followers(std::string_view app_id) const;
  [[nodiscard]] bool follows(std::string_view app_id, std::string_view openid) const;
  /// Calls so far by path and errcode: `{"/cgi-bin/token": {"0": 3}}`.
  [[nodiscard]] Json call_counts() const;

 private:
  Json dispatch(const ApiCall& call) ZHIYIN_REQUIRES(mutex_);
  Json refuse(int code, std::string_view text) ZHIYIN_REQUIRES(mutex_);
  OfficialAccount* find(std::string_view app_id) ZHIYIN_REQUIRES(mutex_);
  const OfficialAccount* find(std::string_view app_id) const ZHIYIN_REQUIRES(mutex_);
  Fault next_fault(std::string_view path) ZHIYIN_REQUIRES(mutex_);

  const Clock& clock_;
  const std::uint64_t seed_;
  mutable Mutex mutex_;
  Random random_ ZHIYIN_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<OfficialAccount>> accounts_ ZHIYIN_GUARDED_BY(mutex_);
  std::vector<Fault> faults_ ZHIYIN_GUARDED_BY(mutex_);
  std::map<std::string, std::map<int, std::int64_t>> calls_ ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace zhiyin::sandbox

namespace zhiyin {

template <>
struct EnumNames<sandbox::FaultKind> {
  static constexpr std::pair<sandbox::FaultKind, std::string_view> list[] = {
      {sandbox::FaultKind::kBusy, "busy"},
      {sandbox::FaultKind::kErrcode, "errcode"},
      {sandbox::FaultKind::kCloseBefore, "close_before"},
      {sandbox::FaultKind::kCloseAfter, "close_after"},
      {sandbox::FaultKind::kSlow, "slow"}};
};
/// The body of POST /sandbox/inject.
template <>
struct Fields<sandbox::Fault> {
  using F = sandbox::Fault;
  static constexpr std::string_view name = "Fault";
  static constexpr auto list = std::make_tuple(
      field("path", &F::path, "path of the platform's interface").length(1, 128),
      field("times", &F::times, "how many calls meet it").range(1, 1'000'000).optional(),
      field("kind", &F::kind, "what happens"),
      field("errcode", &F::errcode, "error code, for kind errcode").optional(),
      field("delay_ms", &F::delay_ms, "milliseconds, for kind slow").range(0, 60'000).optional());
};

}  // namespace zhiyin
