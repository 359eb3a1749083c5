#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/log.h"

/// Commands beside a running server: one JSON line in (`{"command","args"}`), lines out: any number
/// of
/// `{"progress","detail"}`, then `{"result"}` or `{"error":{"code","message","field"}}`. The socket
/// lies in the data folder with mode 0600: who can open it owns the installation.
namespace zhiyin::app {

/// Told how far a command is; `progress` in [0, 1] where it is known. Returns false to cancel.
using ProgressSink = std::function<bool(std::optional<double> progress, const std::string& detail)>;
using CommandRunner = std::function<Result<Json>(const std::string& command, const Json& args,
                                                 const ProgressSink& progress)>;

/// The server's side: a thread per connection, at most kConnectionsMax. Stops and joins in the
/// destructor.
class ControlServer {
 public:
  static constexpr int kConnectionsMax = 8;
  static Result<std::unique_ptr<ControlServer>> start(const std::filesystem::path& data_dir,
                                                      CommandRunner runner, Logger& logger);
  virtual ~ControlServer() = default;
};

/// Runs a command in the process that holds the data folder; kUnavailable when none listens.
Result<Json> call_server(const std::filesystem::path& data_dir, const std::string& command,
                         const Json& args, const ProgressSink& progress);

}  // namespace zhiyin::app
