#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json_binding.h"
#include "base/mutex.h"
#include "sandbox/account_state.h"
#include "sandbox/fault.h"
#include "sandbox/journal.h"

namespace zhiyin::sandbox {

/// What becomes of a call.
struct PlatformAnswer {
  Json body;
  std::string bytes = {};         ///< instead of JSON, when there is a content type
  std::string content_type = {};  ///< empty: JSON
  http::Headers headers = {};
  int status = 200;
  bool hang_up = false;    ///< the connection is closed without an answer
  bool half_sent = false;  ///< the connection is closed in the middle of the answer
  int delay_ms = 0;        ///< the answer waits so long
};

/// The emulated platform: accounts, what people do to them, and the interface that servers call.
/// Reads the time from a clock that the sandbox moves. Thread-safe.
class Platform {
 public:
  /// `clock` must outlive the platform.
  Platform(const Clock& clock, std::uint64_t seed);

  void add(SandboxAccount account);
  /// From now on what a restarted platform must know is written there before a call is answered;
  /// the accounts know again what stands in it. Calls that cannot be written are answered 500.
  void keep_in(Journal journal);

  /// Shows every answer before it goes out. `watcher` is called on the thread of the call under the
  /// platform's lock: it must be brief and call nothing of the platform.
  void watch(std::function<void(const Endpoint&, const PlatformAnswer&)> watcher);

  /// Answers a call; `{}` with null body when there is no such path (404).
  PlatformAnswer call(const ApiCall& call);
  void inject(Fault fault);
  /// Ends all faults that have not come yet.
  void clear_faults();
  /// Faults that are still to come.
  [[nodiscard]] std::vector<Fault> faults() const;
  /// A limit of calls a day, a minute for one path of every account; 0: none.
  void set_daily_limit(std::string_view path, std::int64_t limit);
  void set_minute_limit(std::string_view path, std::int64_t limit);

  void follow(std::string_view app_id, std::string_view openid, std::string_view unionid,
              Instant at, std::string_view scene, std::string_view qr_scene = {});
  void unfollow(std::string_view app_id, std::string_view openid);
  void trigger(std::string_view app_id, std::string_view openid, Trigger trigger, Instant at);
  std::int64_t next_message_id(std::string_view app_id);

  /// Lets `work` change an account; what it returns, or kNotFound. `work` must be brief and call
  /// nothing of the platform.
  template <class Work>
  auto with(std::string_view app_id, Work work)
      -> Result<decltype(work(std::declval<AccountState&>(), Instant{}))> {
    MutexLock lock(mutex_);
    AccountState* account = find(app_id);
    if (account == nullptr)
      return fail(ErrorCode::kNotFound, "sandbox: there is no account '{}'", app_id);
    auto outcome = work(*account, clock_.now());
    save(*account);
    return outcome;
  }

  /// Whether a scene code with that ticket is still good.
  [[nodiscard]] bool has_ticket(std::string_view ticket) const;

  /// Messages that people got since the last call.
  std::vector<SentMessage> take_messages();
  /// Callbacks about finished jobs, due by now.
  std::vector<CallbackMessage> take_due_callbacks();

  [[nodiscard]] std::size_t followers(std::string_view app_id) const;
  [[nodiscard]] bool follows(std::string_view app_id, std::string_view openid) const;
  /// Calls so far by path and errcode: `{"/cgi-bin/token": {"0": 3}}`.
  [[nodiscard]] Json call_counts() const;

 private:
  /// Of which platform the caller's token is.
  [[nodiscard]] Family family_of_caller(const ApiCall& call) const ZHIYIN_REQUIRES(mutex_);
  Answer dispatch(const Endpoint& endpoint, const ApiCall& call) ZHIYIN_REQUIRES(mutex_);
  Answer dispatch_by_token(const Endpoint& endpoint, const ApiCall& call) ZHIYIN_REQUIRES(mutex_);
  Answer dispatch_by_user(const Endpoint& endpoint, const ApiCall& call) ZHIYIN_REQUIRES(mutex_);
  Json refuse(int code) ZHIYIN_REQUIRES(mutex_);
  /// An ordered fault that is an answer, as the platform of that family words it.
  Json refuse_by(const Fault& fault, Family family) ZHIYIN_REQUIRES(mutex_);
  /// An account by its AppID, CorpID or client_id, null when there is none of that family.
  AccountState* find(std::string_view app_id) ZHIYIN_REQUIRES(mutex_);
  const AccountState* find(std::string_view app_id) const ZHIYIN_REQUIRES(mutex_);
  /// Remembers a request that failed under the id in its error.
  void remember(const ApiCall& call, const Json& body) ZHIYIN_REQUIRES(mutex_);
  void save(AccountState& account) ZHIYIN_REQUIRES(mutex_);
  Fault next_fault(std::string_view path) ZHIYIN_REQUIRES(mutex_);

  const Clock& clock_;
  const std::uint64_t seed_;
  mutable Mutex mutex_;
  Random random_ ZHIYIN_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<AccountState>> accounts_ ZHIYIN_GUARDED_BY(mutex_);
  AccountState* asked_ ZHIYIN_GUARDED_BY(mutex_) = nullptr;  // whose call is being answered
  std::function<void(const Endpoint&, const PlatformAnswer&)> watcher_ ZHIYIN_GUARDED_BY(mutex_);
  std::optional<Journal> journal_ ZHIYIN_GUARDED_BY(mutex_);
  bool is_lost_ ZHIYIN_GUARDED_BY(mutex_) = false;  // something could not be written
  std::vector<Fault> faults_ ZHIYIN_GUARDED_BY(mutex_);
  std::map<std::string, std::map<int, std::int64_t>> calls_ ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace zhiyin::sandbox
