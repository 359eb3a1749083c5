#pragma once

#include <filesystem>

#include "app/control_socket.h"
#include "base/options.h"
#include "server/services.h"

namespace zhiyin::app {

/// `zhiyin migrate`: moves the installation behind `services` into the stores that the settings
/// file `to` names. Runs where the installation is open, beside the server's work.
Result<Json> migrate(server::Services& services, const std::filesystem::path& to, bool dry_run,
                     const ProgressSink& progress);

/// For an installation that says that it has moved: finishes a move that was cut off between its
/// last two steps. kNotFound when there is none to finish.
Result<Json> finish_move(const Options& from, const std::filesystem::path& to);

/// Makes an installation that has moved usable again where it was, with its running campaigns
/// paused: what came since, and what was sent, is not known here. First it ends the one in the new
/// place, whose settings file `to` names; kUnsupported while somebody works there.
/// `without_target`: the new place is gone for good. kNotFound when it has not moved.
Result<Json> undo_move(const Options& from, const std::filesystem::path& to, bool without_target);

}  // namespace zhiyin::app
