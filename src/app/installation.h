#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/options.h"
#include "base/secret.h"
#include "server/services.h"

namespace zhiyin::app {

/// Where an installation lives and how it is set.
struct Location {
  std::filesystem::path config_file;  ///< may be missing: then all defaults, relative to its folder
  std::map<std::string, std::string> flags;
};

/// Reads file, environment and flags; relative paths in the options become absolute.
Result<Options> load_options(const Location& location);

/// Every table of an installation, in the order in which they are made.
std::vector<storage::Migration> installation_migrations();

/// `secret_key`, or what stands in `data/secret.key`, which is made when there is none.
Result<Secret> installation_secret(const Options& options);

/// One installation, opened: stores, parts, projections. Holds `data/lock` while it lives, so one
/// process at a time. Built in one place, taken down in reverse order.
class Installation {
 public:
  /// `serving`: as a server, with the roles of the options; else it works only when no other
  /// process does. kConflict when another process holds the lock. `first_admin_key` (see
  /// `take_first_admin_key`) is made when there is no key yet.
  static Result<std::unique_ptr<Installation>> open(Options options, Logger& logger,
                                                    bool serving = false);
  virtual ~Installation() = default;

  [[nodiscard]] virtual server::Services& services() = 0;

  /// Starts the threads that follow the log and do timed work; without it work is done by `settle`
  /// only.
  virtual Result<void> start_workers() = 0;
  /// Nobody waits any longer for projections that are behind: who does gets an error. Before the
  /// installation ends.
  virtual void stop_waiting() = 0;

  /// The admin key made by this opening, once; empty otherwise.
  virtual std::string take_first_admin_key() = 0;

  /// Address under which others reach the server, once its port is known (before requests are
  /// served).
  virtual void set_public_url(const std::string& url) = 0;
};

}  // namespace zhiyin::app
