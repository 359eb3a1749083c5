#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "http/client.h"
#include "sandbox/callback_sender.h"
#include "sandbox/event_json.h"
#include "sandbox/platform.h"
#include "sandbox/play.h"
#include "sandbox/population.h"
#include "sandbox/run.h"
#include "sandbox/server_link.h"

namespace zhiyin::sandbox {

/// Something done by hand: POST /sandbox/act.
struct Deed {
  std::string openid;
  std::string kind;  ///< follow, unfollow, message, menu_click, scan
  std::string text;  ///< of a message; key of a menu click; scene of a scan
};

/// What one advance did.
struct AdvanceReport {
  EventCounts events;
  CallbackCounts callbacks;
  std::int64_t links_opened = 0;
  std::int64_t links_failed = 0;
  std::int64_t messages = 0;  ///< that the platform took
  std::int64_t steps = 0;
};

/// The world that the sandbox plays: it owns the clock, lets people act, tells the server, and
/// hands the server's messages to people. Thread-safe; one advance, connect or act at a time
/// (others get kConflict).
class Simulation {
 public:
  /// How far time moves at once: the server hears of what happened at most so much later.
  static constexpr Duration kStep = std::chrono::hours(6);

  Simulation(SandboxSettings settings, Logger& logger);
  ~Simulation();

  Platform& platform() { return platform_; }
  [[nodiscard]] const std::vector<LibraryItem>& library() const { return library_; }
  [[nodiscard]] const SandboxSettings& settings() const { return settings_; }
  [[nodiscard]] Instant now() const { return clock_.now(); }

  /// Sets the server's clock to ours and checks its callback address.
  /// `{"callback_url","verified","detail"}`.
  Result<Json> connect(ServerConnection connection);
  /// kInvalidArgument when `to` is not later; kConflict when no server is connected. After a
  /// failure of the server the same call goes on where it stopped; nothing is lost.
  Result<AdvanceReport> advance(Instant to);
  /// See `Platform::keep_in`.
  void keep_in(Journal journal) { platform_.keep_in(std::move(journal)); }
  /// One person does one thing now; the callback is delivered before this returns.
  Result<Json> act(const Deed& deed);
  /// Something happens at one of the accounts now (play.h). When a server is connected, its
  /// callbacks are delivered before this returns.
  Result<Json> play(const Play& what);
  /// How callbacks come from now on. kConflict when no server is connected.
  Result<Json> set_mischief(const CallbackMischief& mischief);
  /// The accounts beside that of the population.
  [[nodiscard]] const std::vector<SandboxAccount>& companions() const { return companions_; }

  [[nodiscard]] Json status() const;
  /// Every message with its expected effect on "purchase within 7 days", and campaigns as far as
  /// their links told their names.
  [[nodiscard]] Result<Json> truth() const;
  /// The latest messages that people got.
  [[nodiscard]] Result<Json> messages() const;
  /// What is hidden from the server about one person.
  [[nodiscard]] Result<Json> person(std::string_view openid) const;

 private:
  struct SentRecord {
    SentMessage message;  // without recipients
    std::size_t recipients = 0;
    std::string campaign;
  };
  /// What still has to be told to the server. Survives a failed step.
  struct Outbox {
    std::vector<std::pair<std::uint32_t, std::string>> events;  // person, JSON
    std::vector<Behaviour> opens;
    std::vector<CallbackMessage> callbacks;
  };

  /// Held while the world changes or is read; nobody waits for it.
  class Turn {
   public:
    explicit Turn(const Simulation& simulation) : simulation_(&simulation) {}
    Turn(Turn&& other) noexcept : simulation_(std::exchange(other.simulation_, nullptr)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn();

   private:
    const Simulation* simulation_;
  };
  Result<Turn> take_turn() const;

  Result<void> step(Instant to, AdvanceReport& report);
  Result<void> deliver(AdvanceReport& report);
  Result<void> deliver_events(AdvanceReport& report);
  void deliver_opens(AdvanceReport& report);
  void deliver_callbacks(AdvanceReport& report);
  void introduce_companions();
  /// Callbacks of jobs that are due, into the outbox; those of accounts that the server does not
  /// know are dropped.
  void collect_due_callbacks();
  void happen(const Behaviour& behaviour);
  void hand_out_messages(AdvanceReport& report);
  void note_campaign(std::uint32_t message, const std::string& campaign);
  void publish_status();
  [[nodiscard]] EventContext event_context() const;

  const SandboxSettings settings_;
  Logger& logger_;
  const std::vector<LibraryItem> library_;
  const std::vector<SandboxAccount> companions_;
  SteppedClock clock_;
  Platform platform_;
  std::unique_ptr<http::Client> client_;

  mutable Mutex turn_mutex_;
  mutable bool turn_taken_ ZHIYIN_GUARDED_BY(turn_mutex_) = false;

  // These belong to whoever has the turn.
  Population population_;
  std::unique_ptr<ServerLink> link_;
  std::unique_ptr<CallbackSender> sender_;
  struct Companion {
    std::string url;
    std::unique_ptr<CallbackSender> sender;
  };
  std::map<std::string, Companion> companion_senders_;  // by AppID
  ServerConnection connection_;
  Random random_;
  Outbox outbox_;
  std::vector<SentRecord> sent_;
  AdvanceReport total_;

  mutable Mutex status_mutex_;
  Json status_ ZHIYIN_GUARDED_BY(status_mutex_);
};

Json to_json(const AdvanceReport& report);

}  // namespace zhiyin::sandbox
