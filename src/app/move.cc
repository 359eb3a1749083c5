#include "app/move.h"

#include <fmt/core.h>

#include "app/data_lock.h"
#include "app/installation.h"
#include "base/crypto.h"
#include "base/file.h"
#include "campaign/engine.h"
#include "server/move.h"
#include "storage/key_state.h"
#include "storage/membership.h"
#include "storage/move_mark.h"
#include "storage/open.h"

namespace zhiyin::app {
namespace {

namespace fs = std::filesystem;

/// Without what a password may stand in.
std::string shown(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t at = url.rfind('@');
  if (scheme == std::string_view::npos || at == std::string_view::npos || at < scheme)
    return std::string(url);
  return fmt::format("{}://…{}", url.substr(0, scheme), url.substr(at));
}

std::string text_of(const Options& options) {
  return fmt::format("{}, {}, {}", shown(options.text("storage.state")),
                     shown(options.text("storage.log")), shown(options.text("storage.warehouse")));
}

fs::path id_file(const Options& options) {
  return fs::path(options.text("data_dir")) / "installation.id";
}

/// What is sealed must be readable there, too.
Result<void> bring_secret(const Options& from, const Options& to) {
  ZHIYIN_TRY(const Secret secret, installation_secret(from));
  const fs::path file = fs::path(to.text("data_dir")) / "secret.key";
  std::error_code error;
  if (to.text("secret_key").empty() && !fs::exists(file, error)) {
    ZHIYIN_TRY_VOID(write_file(file, crypto::hex(secret.reveal()) + "\n", 0600));
  }
  ZHIYIN_TRY(const Secret there, installation_secret(to));
  if (there.reveal() != secret.reveal()) {
    return fail(ErrorCode::kPermissionDenied,
                "migrate: {} holds another secret than this installation's; move it away",
                file.string());
  }
  return {};
}

Result<void> check_apart(const Options& from, const Options& to) {
  for (const char* name : {"storage.log", "storage.state", "storage.warehouse"}) {
    if (from.text(name) == to.text(name)) {
      return fail_field(
          name, "is the same in both settings ({}); a move takes all three stores elsewhere",
          shown(to.text(name)));
    }
  }
  return {};
}

bool names_new_file(std::string_view url) {
  std::error_code missing;
  return url.starts_with("sqlite:") && !fs::exists(url.substr(url.find(':') + 1), missing);
}

/// A dry run leaves nothing in the new place: empty stores elsewhere stand for its own.
Result<Json> look(server::Services& services, const Options& to, const ProgressSink& progress) {
  const TempFolder folder;
  const std::string path = folder.path().string();
  ZHIYIN_TRY(const auto state,
             storage::open_state("sqlite:" + path + "/state.db", services.logger));
  ZHIYIN_TRY_VOID(state->migrate(installation_migrations()));
  ZHIYIN_TRY(const auto log,
             storage::open_event_log("sqlite:" + path + "/log.db", services.logger));
  constexpr int kMemoryMb = 64;
  ZHIYIN_TRY(const auto warehouse,
             storage::open_warehouse("duckdb:" + path + "/w.duckdb", kMemoryMb, services.logger));
  const server::MoveTarget target{
      *log, *state, nullptr, *warehouse, text_of(to), text_of(services.options), [] {
        return Result<void>();
      }};
  return server::move_installation(services, target, true, progress);
}

/// From the identity in the data folder on, the target may be started.
Result<void> write_id(const Options& to, storage::State& state) {
  ZHIYIN_TRY(const std::string id, state.identity());
  return write_file(id_file(to), id + "\n", 0600);
}

/// From now on nobody can go on in the place that `moved` speaks of.
Result<void> end_target(const Options& from, storage::State& source, const storage::MoveMark& moved,
                        const fs::path& to) {
  ZHIYIN_TRY(const Options options, load_options({to, {}}));
  std::unique_ptr<DataLock> lock;
  if (options.text("data_dir") != from.text("data_dir")) {
    ZHIYIN_TRY(lock, DataLock::take(options.text("data_dir")));
  }
  ZHIYIN_TRY(const auto state, storage::open_state(options.text("storage.state"), null_logger()));
  ZHIYIN_TRY(const std::string there, state->identity());
  if (there != moved.other)
    return fail_field("to", "{} is not where this installation moved to ({})",
                      shown(options.text("storage.state")), moved.text);
  ZHIYIN_TRY_VOID(state->migrate(installation_migrations()));
  ZHIYIN_TRY(const std::string here, source.identity());
  return state->write_alone([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY(const auto mark, storage::move_mark(db));
    if (mark && mark->role == storage::MoveRole::kMoved) {
      if (mark->other == here) return {};  // an earlier attempt was cut off
      return fail(ErrorCode::kUnsupported,
                  "migrate: from there the installation has moved on to {}: end it there, then "
                  "undo with --without-target",
                  mark->text);
    }
    ZHIYIN_TRY(const Instant now, db.now());
    ZHIYIN_TRY(const auto processes, storage::Membership::list(db, now));
    if (!processes.empty())
      return fail(ErrorCode::kUnsupported,
                  "migrate: {} works on the installation in its new place; stop it first",
                  processes.front().name);
    return storage::set_move_mark(
        db, storage::MoveMark{storage::MoveRole::kMoved, here, text_of(from), now});
  });
}

}  // namespace

Result<Json> migrate(server::Services& services, const fs::path& to, bool dry_run,
                     const ProgressSink& progress) {
  std::error_code error;
  if (!fs::exists(to, error))
    return fail_field(
        "to",
        "{} does not exist: a settings file (zhiyin init makes one) that names the new stores",
        to.string());
  ZHIYIN_TRY(const Options options, load_options({to, {}}));
  ZHIYIN_TRY_VOID(check_apart(services.options, options));
  // Others would go on writing: this process closes its own gate only.
  ZHIYIN_TRY(const Json processes, services.processes());
  if (const auto* items = processes["items"].if_array(); items != nullptr && items->size() > 1) {
    return fail(ErrorCode::kUnsupported,
                "migrate: {} processes work on this installation; stop all but this one first",
                items->size());
  }
  const std::string& data_dir = options.text("data_dir");
  std::unique_ptr<DataLock> lock;
  if (dry_run && names_new_file(options.text("storage.state")))
    return look(services, options, progress);
  if (data_dir != services.options.text("data_dir") && !dry_run) {
    ZHIYIN_TRY(lock, DataLock::take(data_dir));
  }
  ZHIYIN_TRY(const auto state, storage::open_state(options.text("storage.state"), services.logger));
  ZHIYIN_TRY(const std::string there, state->identity());
  if (!there.empty()) {
    // Before its tables are touched: it may be a live installation, of whatever version.
    ZHIYIN_TRY(const bool empty, server::is_empty(*state));
    const auto mark = storage::move_mark(*state);
    if (!empty && (!mark || !*mark))
      return fail(ErrorCode::kUnsupported,
                  "migrate: {} holds an installation already; only empty stores are filled",
                  shown(options.text("storage.state")));
  }
  if (dry_run) return look(services, options, progress);
  ZHIYIN_TRY_VOID(state->migrate(installation_migrations()));
  ZHIYIN_TRY(const auto keys, storage::open_key_state(options.text("storage.state")));
  if (keys) ZHIYIN_TRY_VOID(storage::adopt_keys(*state, *keys));
  ZHIYIN_TRY(const auto log, storage::open_event_log(options.text("storage.log"), services.logger));
  ZHIYIN_TRY(
      const auto warehouse,
      storage::open_warehouse(options.text("storage.warehouse"),
                              static_cast<int>(options.integer("storage.warehouse_memory_mb")),
                              services.logger));
  ZHIYIN_TRY_VOID(bring_secret(services.options, options));
  const server::MoveTarget target{
      *log, *state, keys.get(), *warehouse, text_of(options), text_of(services.options), [&] {
        return write_id(options, *state);
      }};
  return server::move_installation(services, target, false, progress);
}

Result<Json> finish_move(const Options& from, const fs::path& to) {
  const auto none = [] {
    return fail(ErrorCode::kNotFound, "migrate: there is no move to finish");
  };
  ZHIYIN_TRY(const Options options, load_options({to, {}}));
  ZHIYIN_TRY(const auto source, storage::open_state(from.text("storage.state"), null_logger()));
  const auto moved = storage::move_mark(*source);
  if (!moved || !*moved || (*moved)->role != storage::MoveRole::kMoved) return none();
  ZHIYIN_TRY(const auto state, storage::open_state(options.text("storage.state"), null_logger()));
  ZHIYIN_TRY(const std::string id, state->identity());
  if (id != (*moved)->other) return none();
  ZHIYIN_TRY(const auto ready, storage::move_mark(*state));
  if (!ready || ready->role != storage::MoveRole::kReady) return none();
  ZHIYIN_TRY_VOID(write_id(options, *state));
  ZHIYIN_TRY_VOID(
      state->write([](storage::Session& db) { return storage::set_move_mark(db, std::nullopt); }));
  return Json().set("to", text_of(options)).set("finished", true);
}

Result<Json> undo_move(const Options& from, const fs::path& to, bool without_target) {
  if (to.empty() && !without_target)
    return fail_field("to",
                      "is missing: the settings of the new place, which is ended first; when it is "
                      "gone for good: --without-target");
  ZHIYIN_TRY(const auto lock, DataLock::take(from.text("data_dir")));
  ZHIYIN_TRY(const auto state, storage::open_state(from.text("storage.state"), null_logger()));
  const auto mark = storage::move_mark(*state);
  if (!mark || !*mark || (*mark)->role != storage::MoveRole::kMoved)
    return fail(ErrorCode::kNotFound, "migrate: this installation has not moved");
  if (!without_target) ZHIYIN_TRY_VOID(end_target(from, *state, **mark, to));
  ZHIYIN_TRY(const auto paused,
             campaign::pause_all(
                 *state, fmt::format("the move to {} was undone: what was sent there is not known",
                                     (*mark)->text)));
  ZHIYIN_TRY_VOID(write_id(from, *state));
  ZHIYIN_TRY_VOID(
      state->write([](storage::Session& db) { return storage::set_move_mark(db, std::nullopt); }));
  return Json()
      .set("undone", (*mark)->text)
      .set("target_ended", !without_target)
      .set("paused", to_json(paused));
}

}  // namespace zhiyin::app
