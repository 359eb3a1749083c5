#pragma once

#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "storage/state.h"
#include "storage/vault.h"
#include "wechat/callback.h"
#include "wechat/wecom.h"

namespace zhiyin::delivery {

/// A company's welcome (`ReplyRules::welcome`: text, image, video or news) as WeCom takes it, for
/// one code. kUnsupported for other kinds. Pure.
Result<wechat::WecomWelcomeAsk> welcome_message(const wechat::Reply& reply, std::string code);

/// The code under which the person whom a callback is about may be welcomed, within 20 seconds and
/// once; empty: none. Pure.
std::string welcome_code_of(const wechat::Callback& callback);

/// Welcomes new contacts of companies by themselves. Each once, whichever processes its callback
/// reaches and however often: the intent is written before the call, under a key made of the
/// callback, and nothing is repeated; the platform drops a code after 20 seconds. Sent outside the
/// owner's caps, and whatever consent was withdrawn: it answers what the person has just done.
/// Thread-safe.
class WecomWelcomes {
 public:
  struct Parts {
    storage::State& state;
    const storage::Vault& vault;
    wechat::PlatformApi& platform;
    const Clock& clock;
    MetricsRegistry& metrics;
    Logger& logger;
  };
  /// All must outlive this object.
  explicit WecomWelcomes(Parts parts);

  /// Nothing where the account has no welcome, or the callback no code. Never blocks; with a
  /// thousand waiting, further ones are left out and counted.
  void greet(const wechat::Account& account, const wechat::Callback& callback);
  /// Takes no more, and waits for those under way. Before what it works with is gone.
  void stop() { pool_.stop(); }

 private:
  struct Job;
  void send(const Job& job);
  void count(std::string_view outcome);

  Parts parts_;
  ThreadPool pool_;
};

}  // namespace zhiyin::delivery
