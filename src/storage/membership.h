#pragma once

#include <atomic>
#include <bitset>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/mutex.h"
#include "base/time.h"
#include "storage/event_log.h"
#include "storage/state.h"

namespace zhiyin::storage {

/// What is this process's to do at the moment.
struct Duties {
  std::uint64_t generation = 0;         ///< another one: the duties have changed
  std::bitset<kPartitions> partitions;  ///< whose records it deals with
  bool leads = false;                   ///< does what only one process may do
};

/// A process that works on a state together with others.
struct MemberProcess {
  std::string id;     ///< of this run of the process
  std::string name;   ///< for people
  std::string roles;  ///< for people
  bool works = false;
  Instant started_at;
  Instant expires_at;  ///< dead from then on, by the database's clock
  int partitions = 0;
  bool leads = false;
  std::int64_t held = 0;  ///< the newest `hold` of all that it follows
};

/// The processes that share a state, and who of them does what: each partition of the log and the
/// lead belong to one of those that work, shared out evenly. A process says that it lives by a row
/// that it renews; when the row expires (by the database's clock) the others take its duties over.
///
/// Who holds a duty by mistake for a moment longer (it was suspended, say) does no harm: whoever
/// deals with a partition moves its position on in the transaction of the results, from where it
/// found it (`advance_positions`), and what only the leader may do checks in its transaction that
/// it leads (`check_leads`). So the duties decide about who works, not about what comes out.
/// While one process moves the installation elsewhere nobody else can join or renew its lease.
/// Thread-safe.
class Membership {
 public:
  using SteadyTime = std::chrono::steady_clock::time_point;
  struct Settings {
    std::string place;    ///< of the process's folder: an earlier process of it has ended
    std::string name;     ///< for people
    std::string roles;    ///< for people
    std::string stores;   ///< log and warehouse: the same for all
    bool shares = true;   ///< false: nobody may work on the state beside this one
    bool works = true;    ///< takes duties
    bool yields = false;  ///< takes none where another process works when this one joins
    Duration lease = std::chrono::seconds(15);
    std::function<Result<Instant>(Session&)> now = {};  ///< absent: the database's clock
    std::function<SteadyTime()> steady_now = {};        ///< absent: the machine's
  };

  /// Those of move_mark.h are needed, too.
  static std::span<const Migration> migrations();

  /// Takes part from now on, and does the first `beat`. kConflict when another process works on
  /// the state that does not share it, or with other stores. Both references must outlive it.
  static Result<std::unique_ptr<Membership>> join(State& state, Logger& logger, Settings settings);
  /// Hands its duties over.
  ~Membership();
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

  /// Beats four times per lease on a thread of its own. `beaten` runs there after each beat.
  void start(std::function<void()> beaten);
  /// Ends that thread.
  void stop();
  /// Renews the lease, buries the dead, takes free duties and gives surplus ones away.
  Result<void> beat();
  /// Hands everything over at once: whoever beats next takes it.
  Result<void> leave();

  /// Whether the lease has not run out by this machine's clock: as long as it lasts nobody takes
  /// this process for gone.
  [[nodiscard]] bool lives() const;
  /// Within a transaction: kUnavailable while another process moves the installation away,
  /// kUnsupported once it has (move_mark.h).
  Result<void> check_not_moved(Session& session) const;
  /// Nothing once the lease has run out by this machine's clock without being renewed.
  [[nodiscard]] Duties duties() const;
  /// Within a transaction: kConflict when this process does not lead (any longer).
  Result<void> check_leads(Session& session) const;
  /// Of this run of the process.
  [[nodiscard]] std::string id() const;

  /// Asks all processes to hold their projections back, or to go on. Each does with its next beat.
  Result<void> set_held(bool held);
  /// What was asked for last, as of the last beat.
  [[nodiscard]] bool held() const { return held_.load(); }
  /// Waits until every live process follows what was asked for last; kDeadline.
  Result<void> wait_until_followed(std::chrono::milliseconds patience);

  /// Those whose lease has not run out, the longest-running first.
  static Result<std::vector<MemberProcess>> list(Session& session, Instant now);
  [[nodiscard]] Result<std::vector<MemberProcess>> list() const;
  /// Whether the process `id` has a row: one without is dead.
  static Result<bool> is_known(Session& session, std::string_view id);

 private:
  Membership(State& state, Logger& logger, Settings settings);
  Result<void> enter();
  Result<void> beat_once(bool& lost);
  Result<void> heed_move(Session& session, Instant time, std::string_view me) const;
  [[nodiscard]] Result<Instant> now(Session& session) const;
  [[nodiscard]] SteadyTime steady_now() const;
  void take_note(const std::bitset<kPartitions>& partitions, bool leads, SteadyTime until);
  void run();

  State& state_;
  Logger& logger_;
  const Settings settings_;
  Mutex beat_mutex_;  ///< one beat at a time; taken before mutex_
  mutable Mutex mutex_;
  CondVar changed_;
  std::string id_ ZHIYIN_GUARDED_BY(mutex_);
  std::string place_ ZHIYIN_GUARDED_BY(mutex_);
  mutable Duties duties_ ZHIYIN_GUARDED_BY(mutex_);
  SteadyTime valid_until_ ZHIYIN_GUARDED_BY(mutex_){};
  bool left_ ZHIYIN_GUARDED_BY(mutex_) = false;
  bool stopping_ ZHIYIN_GUARDED_BY(mutex_) = false;
  std::atomic<bool> held_ = false;
  std::atomic<std::int64_t> held_seen_ = 0;  ///< followed, as soon as `beaten` has run
  std::atomic<std::int64_t> held_told_ = 0;  ///< as the row says
  std::function<void()> beaten_;
  std::thread thread_;
};

}  // namespace zhiyin::storage
