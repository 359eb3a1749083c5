#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "base/time.h"
#include "sandbox/account.h"
#include "sandbox/fault.h"

namespace zhiyin::sandbox {

/// Where the server under trial is, and with what keys it is spoken to. All empty: not connected
/// yet.
struct ServerConnection {
  std::string url;         ///< `http://127.0.0.1:8080`
  std::string admin_key;   ///< for POST /v1/clock
  std::string ingest_key;  ///< for POST /v1/events
  std::string account;     ///< the server's id of the account; empty: that of the sandbox's account
  /// Accounts beside it that the server knows too, under the same ids: `mini`, `corp`.
  std::vector<std::string> companions;
  bool json = false;  ///< callbacks of the mini-program come as JSON
  auto operator<=>(const ServerConnection&) const = default;
};

struct SandboxSettings {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8090;  ///< 0: any free port
  std::size_t people = 3000;  ///< 1 to 200,000
  std::uint64_t seed = 1;
  Instant start;                ///< the clock's first moment; rounded down to the hour
  double activity = 1.0;        ///< scales visits per person and day; 1: about 1.2 events
  double message_effect = 1.0;  ///< scales what messages change; 0: nothing (for A/A trials)
  std::vector<Fault> faults;    ///< ordered from the start
  /// Where the platform keeps what it must still know when it is started again; empty: nowhere. If
  /// there is something in it, the clock goes on at the next full hour after that.
  std::filesystem::path state;
  SandboxAccount account;  ///< an empty app_id: demo_account(seed)
  ServerConnection server;
};

/// The emulated platform, its population and their HTTP interface in one process. Thread-safe.
class Sandbox {
 public:
  /// Fails with kInvalidArgument on settings out of range, kUnavailable when the port is taken.
  static Result<std::unique_ptr<Sandbox>> start(SandboxSettings settings, Logger& logger);
  virtual ~Sandbox() = default;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
};

/// Runs until `stop` is requested. For `zhiyin sandbox`; `started` is told the port once it
/// listens.
Result<void> run_sandbox(SandboxSettings settings, Logger& logger, std::stop_token stop,
                         const std::function<void(std::uint16_t port)>& started);

}  // namespace zhiyin::sandbox

namespace zhiyin {

/// The body of POST /sandbox/connect.
template <>
struct Fields<sandbox::ServerConnection> {
  using S = sandbox::ServerConnection;
  static constexpr std::string_view name = "ServerConnection";
  static constexpr auto list = field_list(
      field("url", &S::url, "base address of the server").length(1, 512),
      field("admin_key", &S::admin_key, "key with role admin: moves the server's clock")
          .length(0, 256)
          .optional(),
      field("ingest_key", &S::ingest_key, "key with role ingest: sends events")
          .length(0, 256)
          .optional(),
      field("account", &S::account, "the server's id of the account").length(0, 64).optional(),
      field("companions", &S::companions, "accounts that get callbacks too: mini, corp")
          .length(0, 2)
          .optional(),
      field("json", &S::json, "callbacks of the mini-program come as JSON").optional());
};

}  // namespace zhiyin
