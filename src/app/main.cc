#include <malloc.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <thread>

#include "app/analyze_command.h"
#include "app/command_line.h"
#include "app/commands.h"
#include "app/demo.h"
#include "app/evaluate_arguments.h"
#include "app/exit_code.h"
#include "app/move.h"
#include "app/number_argument.h"
#include "app/option_table.h"
#include "app/render.h"
#include "app/serve.h"
#include "app/stats_commands.h"
#include "app/text_commands.h"
#include "app/text_model_commands.h"
#include "base/file.h"
#include "base/visible_text.h"
#include "ingest/import.h"
#include "model/evaluate_response.h"
#include "recommend/evaluate.h"
#include "sandbox/openapi.h"
#include "sandbox/run.h"
#include "server/backup.h"
#include "server/doctor.h"

namespace zhiyin::app {
namespace {

namespace fs = std::filesystem;

/// Why results could not be written, by errno; 0 while nothing is lost.
int& lost_output() {
  static int reason = 0;
  return reason;
}

void print(std::FILE* out, std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), out) != text.size() && out == stdout)
    lost_output() = errno;
}

int failed(const Error& error, bool json) {
  if (json) {
    Json out;
    out.set("code", to_string(error.code)).set("message", error.message);
    if (!error.field.empty()) out.set("field", error.field);
    print(stdout, Json().set("error", std::move(out)).dump() + "\n");
  }
  print(stderr, "zhiyin: " + visible_text(error.text(), true) + "\n");
  return exit_code_of(error.code);
}

/// What is to be said beside an import's report: why it stopped, and that portraits come later.
int imported(const Json& report) {
  const std::string_view state = report["state"].string_or("");
  if (state != "done" && ::isatty(STDERR_FILENO) != 0) print(stderr, "\n");  // behind the bar
  if (const std::int64_t behind = report["behind"].int_or(0); behind > 0) {
    print(stderr, fmt::format("画像还差 {0} 条记录，服务运行时自动补齐 / portraits are {0} records "
                              "behind; they catch up while the server runs\n",
                              behind));
  }
  if (state == "cancelled") return exit_code_of(ErrorCode::kConflict);
  if (state != "failed") return 0;
  const ingest::ImportFailure failure{std::string(report["error"]["code"].string_or("")),
                                      std::string(report["error"]["message"].string_or(""))};
  print(stderr, "zhiyin: import: stopped half way: " + visible_text(failure.message) + "\n");
  return exit_code_of(ingest::code_of(failure));
}

int answered(const Invocation& invocation, const Result<Json>& result) {
  if (!result) return failed(result.error(), invocation.json);
  print(stdout, invocation.json ? result->dump() + "\n"
                                : render_for_people(invocation.command->words, *result));
  if (invocation.command->words == "import") return imported(*result);
  const bool unwell =
      invocation.command->words.starts_with("doctor") && !(*result)["ok"].bool_or(false);
  return unwell ? exit_code_of(ErrorCode::kUnavailable) : 0;
}

/// A bar on a terminal, a line now and then elsewhere.
ProgressSink progress_on_stderr() {
  struct Shown {
    std::chrono::steady_clock::time_point at;
    bool bar = false;
  };
  auto shown = std::make_shared<Shown>();  // shared by the copies of the sink
  return [shown](std::optional<double> share, const std::string& detail) {
    const bool terminal = ::isatty(STDERR_FILENO) != 0;
    const auto now = std::chrono::steady_clock::now();
    const auto pause = terminal ? std::chrono::milliseconds(100) : std::chrono::milliseconds(5000);
    if (now - shown->at < pause && share.value_or(0) < 1) return true;
    shown->at = now;
    constexpr int kWidth = 30;
    const int full = static_cast<int>(share.value_or(0) * kWidth);
    std::string bar =
        share ? fmt::format("[{}{}] {:3.0f} % ", std::string(static_cast<std::size_t>(full), '#'),
                            std::string(static_cast<std::size_t>(kWidth - full), ' '), *share * 100)
              : std::string();
    print(stderr,
          terminal ? fmt::format("\r\033[K{}{}{}", bar, detail, share.value_or(0) >= 1 ? "\n" : "")
                   : bar + detail + "\n");
    return true;
  };
}

/// kNotFound when --config names no file: a mistyped path must not start another installation.
Result<Location> location_of(const Invocation& invocation) {
  if (invocation.config.empty()) return Location{"zhiyin.toml", invocation.options};
  std::error_code ec;
  if (!fs::is_regular_file(invocation.config, ec)) {
    return fail(ErrorCode::kNotFound, "--config: there is no file {}; zhiyin init DIR writes one",
                invocation.config);
  }
  return Location{invocation.config, invocation.options};
}

/// Requested by SIGINT or SIGTERM.
std::stop_source& stop_signal() {
  static std::stop_source source;
  return source;
}

/// Signals are taken by a thread of their own, so that stopping may do anything.
void stop_on_signals() {
  static sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::thread([] {
    int signal = 0;
    sigwait(&set, &signal);
    stop_signal().request_stop();
    sigwait(&set, &signal);  // a second one means it
    std::_Exit(130);
  }).detach();
}

int run_init(const Invocation& invocation) {
  const fs::path folder(std::string(invocation.args["dir"].string_or(".")));
  const fs::path file =
      invocation.config.empty() ? folder / "zhiyin.toml" : fs::path(invocation.config);
  std::error_code ec;
  if (fs::exists(file, ec))
    return failed({ErrorCode::kConflict, fmt::format("{}: exists already", file.string()), {}},
                  invocation.json);
  fs::create_directories(fs::absolute(file).parent_path() / "data", ec);
  if (auto written = write_file(file, options_template(option_table())); !written)
    return failed(written.error(), invocation.json);
  if (invocation.json) {
    print(stdout, Json().set("config", file.string()).dump() + "\n");
  } else {
    print(stdout,
          fmt::format("Wrote {}.\nNext: zhiyin serve --config {}\n", file.string(), file.string()));
  }
  return 0;
}

int run_serve(const Invocation& invocation) {
  stop_on_signals();
  const auto location = location_of(invocation);
  if (!location) return failed(location.error(), invocation.json);
  const auto options = load_options(*location);
  if (!options) return failed(options.error(), invocation.json);
  LogLevel level = LogLevel::kInfo;
  const std::string& name = options->text("log_level");
  if (name == "debug") level = LogLevel::kDebug;
  if (name == "warning") level = LogLevel::kWarning;
  if (name == "error") level = LogLevel::kError;
  Logger logger(stderr, level);
  const auto served = serve(
      *location, logger, stop_signal().get_token(),
      [&](const std::string& url, const std::string& key) {
        if (invocation.json) {
          print(stdout,
                Json().set("url", url).set("admin_key", key.empty() ? Json() : Json(key)).dump() +
                    "\n");
        } else {
          print(stdout, fmt::format("Zhiyin is ready: {}\n", url));
          if (!key.empty())
            print(stdout, fmt::format("Admin key, shown only this once: {}\nSign in at {} with it "
                                      "and create users there.\n",
                                      key, url));
        }
        std::fflush(stdout);
      });
  return served ? 0 : failed(served.error(), invocation.json);
}

Result<Json> evaluate_recommend_files(const Invocation& invocation) {
  ZHIYIN_TRY(recommend::EvaluateArgs e, evaluate_arguments(invocation.args));
  const auto sink = progress_on_stderr();
  e.progress = [&](double share) { return sink(share, "evaluating"); };
  return recommend::evaluate_recommend(e);
}

Result<Json> evaluate_response(const Invocation& invocation) {
  const Json& args = invocation.args;
  model::EvaluateResponseArgs e;
  e.data = std::string(args["data"].string_or(""));
  e.label = args["label"].string_or("");
  if (e.data.empty()) return fail_field("data", "is missing");
  if (e.label.empty()) return fail_field("label", "is missing");
  ZHIYIN_TRY(const auto seed, number_argument<std::uint64_t>(args, "seed"));
  e.seed = seed.value_or(e.seed);
  e.positive = args["positive"].string_or("");
  if (const auto* exclude = args["exclude"].if_array()) {
    for (const Json& column : *exclude) e.exclude.emplace_back(column.string_or(""));
  }
  const auto sink = progress_on_stderr();
  e.progress = [&](double share) { return sink(share, "evaluating"); };
  return model::evaluate_response(e);
}

int run_sandbox(const Invocation& invocation) {
  if (const Json* described = invocation.args.find("describe"); described != nullptr) {
    const auto family = sandbox::family_named(described->string_or(""));
    if (!family) return failed(family.error(), invocation.json);
    print(stdout, sandbox::describe_platform(*family).dump_pretty() + "\n");
    return 0;
  }
  stop_on_signals();
  sandbox::SandboxSettings settings;
  const Json& args = invocation.args;
  const auto number = [&](std::string_view name, auto& target) -> Result<void> {
    ZHIYIN_TRY(const auto value,
               number_argument<std::remove_cvref_t<decltype(target)>>(args, name));
    target = value.value_or(target);
    return {};
  };
  for (const auto& outcome :
       {number("port", settings.port), number("people", settings.people),
        number("seed", settings.seed), number("effect", settings.message_effect)}) {
    if (!outcome) return failed(outcome.error(), invocation.json);
  }
  if (const Json::Array* faults = args["fault"].if_array()) {
    for (const Json& text : *faults) {
      auto fault = sandbox::parse_fault(text.string_or(""));
      if (!fault) return failed(fault.error(), invocation.json);
      settings.faults.push_back(std::move(*fault));
    }
  }
  const auto start =
      parse_time(args["start"].string_or("2026-01-05T00:00:00+08:00"), TimeZone::shanghai());
  if (!start) return failed(within("start", start.error()), invocation.json);
  settings.start = *start;
  settings.state = args["state"].string_or("");
  settings.server.url = args["server"].string_or("");
  settings.server.admin_key = args["admin-key"].string_or("");
  settings.server.ingest_key = args["ingest-key"].string_or("");
  Logger logger(stderr, LogLevel::kInfo);
  const auto ran =
      sandbox::run_sandbox(settings, logger, stop_signal().get_token(), [&](std::uint16_t port) {
        print(stdout, invocation.json
                          ? Json().set("port", port).dump() + "\n"
                          : fmt::format("The sandbox is ready: http://127.0.0.1:{}\n", port));
        std::fflush(stdout);
      });
  return ran ? 0 : failed(ran.error(), invocation.json);
}

/// File operands are meant from where the caller stands, not from where the server runs.
Json with_absolute_paths(Json args) {
  for (const char* name : {"file", "report", "to", "input", "notes"}) {
    if (const auto* text = args[name].if_string()) args.set(name, fs::absolute(*text).string());
  }
  std::error_code ec;
  for (const char* name : {"mapping", "cover", "feed"}) {  // a name, an address, or a file
    if (const auto* text = args[name].if_string(); text != nullptr && fs::exists(*text, ec))
      args.set(name, fs::absolute(*text).string());
  }
  return args;
}

/// The first line of standard input; a terminal is asked, without showing what is typed.
Result<std::string> read_password() {
  const bool terminal = ::isatty(STDIN_FILENO) != 0;
  termios before{};
  if (terminal) {
    print(stderr, "Password: ");
    ::tcgetattr(STDIN_FILENO, &before);
    termios silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  std::string line;
  const bool got = static_cast<bool>(std::getline(std::cin, line));
  if (terminal) {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    print(stderr, "\n");
  }
  if (!got || line.empty())
    return fail_field("password",
                      "is missing: give --password, type it, or send it to standard input");
  return line;
}

int run_on_installation(const Invocation& invocation) {
  auto location = location_of(invocation);
  if (!location) return failed(location.error(), invocation.json);
  const bool moving = invocation.command->words == "migrate";
  if (const auto* from = invocation.args["from"].if_string(); moving && from != nullptr)
    location->config_file = *from;
  const auto options = load_options(*location);
  if (!options) return failed(options.error(), invocation.json);
  std::error_code ec;
  if (!fs::exists(location->config_file, ec) && !fs::exists(options->text("data_dir"), ec)) {
    return failed({ErrorCode::kNotFound,
                   "there is no installation here (no zhiyin.toml, no data folder): go to its "
                   "folder, name it by --config FILE, or make one with zhiyin init",
                   {}},
                  invocation.json);
  }
  const std::string command(invocation.command->words);
  Json args = with_absolute_paths(invocation.args);
  if (const auto* output = args["output"].if_string(); output != nullptr && command == "recommend")
    args.set("output", fs::absolute(*output).string());
  if (command == "backup") args.set("config-file", fs::absolute(location->config_file).string());
  if (command == "user create" && args["password"].is_null()) {
    auto password = read_password();
    if (!password) return failed(password.error(), invocation.json);
    args.set("password", std::move(*password));
  }
  if (moving && args["undo"].bool_or(false)) {
    return answered(invocation, undo_move(*options, std::string(args["to"].string_or("")),
                                          args["without-target"].bool_or(false)));
  }
  const ProgressSink sink = progress_on_stderr();
  const auto opened = Installation::open(*options, null_logger());
  if (!opened && opened.error().code == ErrorCode::kConflict) {
    return answered(invocation, call_server(options->text("data_dir"), command, args, sink));
  }
  if (!opened && moving) {
    const auto finished = finish_move(*options, std::string(args["to"].string_or("")));
    if (finished) return answered(invocation, Json(*finished));
  }
  if (!opened && command == "doctor")
    return answered(invocation, server::examine_failure(opened.error()));
  if (!opened) return failed(opened.error(), invocation.json);
  if (const std::string key = (*opened)->take_first_admin_key(); !key.empty()) {
    print(stderr, fmt::format("First admin key, shown only this once: {}\n", key));
  }
  return answered(invocation, run_installation_command((*opened)->services(), command, args, sink));
}

/// What commands that need no installation ask of the one around the caller, if there is one.
Result<Json> ask_installation(const Invocation& invocation, const std::string& command,
                              const Json& args) {
  ZHIYIN_TRY(const auto location, location_of(invocation));
  ZHIYIN_TRY(const auto options, load_options(location));
  std::error_code ec;
  if (!fs::exists(location.config_file, ec) && !fs::exists(options.text("data_dir"), ec))
    return fail(ErrorCode::kNotFound, "there is no installation here");
  const ProgressSink sink = progress_on_stderr();
  const auto opened = Installation::open(options, null_logger());
  if (opened) return run_installation_command((*opened)->services(), command, args, sink);
  if (opened.error().code != ErrorCode::kConflict) return std::unexpected(opened.error());
  return call_server(options.text("data_dir"), command, args, sink);
}

TextModelContext text_model_context(const Invocation& invocation) {
  return {[&](const std::string& command, const Json& args) {
            return ask_installation(invocation, command, args);
          },
          progress_on_stderr(),
          [](std::string_view text) {
            print(stderr, fmt::format("zhiyin: {}\n", visible_text(text)));
          }};
}

int run_classify(const Invocation& invocation) {
  const auto all_read =
      classify_lines(invocation.args, text_model_context(invocation), invocation.json,
                     [](std::string_view text) { print(stdout, text); });
  if (!all_read) return failed(all_read.error(), invocation.json);
  return *all_read ? 0 : exit_code_of(ErrorCode::kInvalidArgument);
}

int run_analyze(const Invocation& invocation) {
  const auto all_read = analyze_lines(invocation.args, text_model_context(invocation),
                                      [](std::string_view text) { print(stdout, text); });
  if (!all_read) return failed(all_read.error(), invocation.json);
  return *all_read ? 0 : exit_code_of(ErrorCode::kInvalidArgument);
}

std::string text_arg(const Invocation& invocation, std::string_view name) {
  return std::string(invocation.args[name].string_or(""));
}

Result<Json> backup_list(const Invocation& invocation) {
  ZHIYIN_TRY(const auto store, storage::BackupStore::open(text_arg(invocation, "dir"), false));
  ZHIYIN_TRY(const auto all, store.list());
  Json items = Json::array();
  for (const auto& manifest : all) items.push(server::backup_json(manifest));
  return Json().set("items", std::move(items));
}

Result<Json> backup_verify(const Invocation& invocation) {
  ZHIYIN_TRY(const auto store, storage::BackupStore::open(text_arg(invocation, "dir"), false));
  ZHIYIN_TRY(const auto manifest, store.find(text_arg(invocation, "backup")));
  const auto sink = progress_on_stderr();
  ZHIYIN_TRY_VOID(store.verify(manifest, [&](double share) { return sink(share, "checking"); }));
  return server::backup_json(manifest).set("verified", true);
}

Result<Json> restore(const Invocation& invocation) {
  const std::string into = text_arg(invocation, "into");
  if (into.empty())
    return fail_field("into", "is missing: an empty folder for the new installation");
  const auto sink = progress_on_stderr();
  const fs::path target = fs::absolute(into).lexically_normal();
  ZHIYIN_TRY(Json out, server::restore_backup(
                           text_arg(invocation, "dir"), text_arg(invocation, "backup"), target,
                           [&](double share) { return sink(share, "restoring"); }));
  // Settings that keep the stores elsewhere would open those of the installation that was backed
  // up.
  const fs::path config = target / "zhiyin.toml";
  std::error_code error;
  const auto options = load_options(Location{config, {}});
  const bool elsewhere =
      !options ||
      options->text("storage.state") != "sqlite:" + (target / "data/state.db").string() ||
      options->text("storage.log") != "sqlite:" + (target / "data/log.db").string() ||
      options->text("storage.warehouse") != "duckdb:" + (target / "data/warehouse.duckdb").string();
  if (fs::exists(config, error) && elsewhere) {
    fs::rename(config, target / "zhiyin.toml.from-backup", error);
    ZHIYIN_TRY_VOID(write_file(config, options_template(option_table()), 0600));
    out.set("settings",
            "the backup's settings keep the stores elsewhere: they are in zhiyin.toml.from-backup");
  }
  ZHIYIN_TRY_VOID(server::finish_restore(target));
  return out;
}

int run_demo(const Invocation& invocation) {
  stop_on_signals();
  const auto ran = demo(invocation.args, stop_signal().get_token());
  return ran ? 0 : failed(ran.error(), invocation.json);
}

int run_text(const Invocation& invocation) {
  const auto ran = run_text_command(invocation.command->words, invocation.args, invocation.json,
                                    [](std::string_view lines) { print(stdout, lines); });
  return ran ? 0 : failed(ran.error(), invocation.json);
}

int run(std::span<const std::string> arguments) {
  const auto invocation = parse_command_line(arguments);
  if (!invocation) return failed(invocation.error(), false);
  if (invocation->version) {
    print(stdout, invocation->json ? Json().set("version", ZHIYIN_VERSION).dump() + "\n"
                                   : "zhiyin " ZHIYIN_VERSION "\n");
    return 0;
  }
  if (invocation->help) {
    print(stdout,
          invocation->command == nullptr ? general_help() : command_help(*invocation->command));
    return 0;
  }
  const std::string_view words = invocation->command->words;
  if (words == "init") return run_init(*invocation);
  if (words == "serve") return run_serve(*invocation);
  if (words == "sandbox") return run_sandbox(*invocation);
  if (words == "demo") return run_demo(*invocation);
  if (words.starts_with("text ")) return run_text(*invocation);
  if (words == "backup list") return answered(*invocation, backup_list(*invocation));
  if (words == "backup verify") return answered(*invocation, backup_verify(*invocation));
  if (words == "restore") return answered(*invocation, restore(*invocation));
  if (words == "evaluate recommend" && !evaluates_installation(invocation->args))
    return answered(*invocation, evaluate_recommend_files(*invocation));
  if (words == "evaluate response") return answered(*invocation, evaluate_response(*invocation));
  // These ask the installation only where there is one; a mistyped --config is none.
  const bool by_models = words == "train text" || words == "evaluate classify" ||
                         words == "classify" || words == "analyze" || words == "embed";
  if (const auto location = location_of(*invocation); by_models && !location)
    return failed(location.error(), invocation->json);
  if (words == "train text")
    return answered(*invocation, train_text(invocation->args, text_model_context(*invocation)));
  if (words == "evaluate classify")
    return answered(*invocation,
                    evaluate_classify(invocation->args, text_model_context(*invocation)));
  if (words == "classify") return run_classify(*invocation);
  if (words == "analyze") return run_analyze(*invocation);
  if (words == "embed")
    return answered(*invocation, embed(invocation->args, text_model_context(*invocation)));
  if (is_stats_command(words))
    return answered(*invocation, run_stats_command(words, invocation->args));
  if (words == "options") {
    print(stdout, invocation->args["commands"].bool_or(false) ? command_document()
                                                              : options_document(option_table()));
    return 0;
  }
  return run_on_installation(*invocation);
}

/// A full disk must not look like success. Whoever closed the pipe has read enough.
int finished(int code) {
  if (std::fflush(stdout) != 0 && lost_output() == 0) lost_output() = errno;
  if (lost_output() == 0 || lost_output() == EPIPE) return code;
  const Error error{
      ErrorCode::kUnavailable,
      fmt::format("the output could not be written: {}", std::strerror(lost_output())),
      {}};
  return code != 0 ? code : failed(error, false);
}

}  // namespace
}  // namespace zhiyin::app

namespace {

/// The C library gives each of our many threads its own part of the memory, up to eight for a
/// processor, and what one of them has freed the others do not find. Two are enough.
void share_memory() {
  constexpr unsigned kLeast = 4;
  if (std::getenv("MALLOC_ARENA_MAX") != nullptr) return;
  const unsigned most = std::max(kLeast, 2 * std::thread::hardware_concurrency());
  ::mallopt(M_ARENA_MAX, static_cast<int>(most));
}

}  // namespace

int main(int argc, char** argv) {
  share_memory();  // before there is a thread
  std::signal(SIGPIPE, SIG_IGN);
  ::umask(077);  // stores, uploads and logs hold personal data: for the user of the process alone
  ::prctl(PR_SET_DUMPABLE, 0);  // memory holds secrets and keys: a crash leaves no image of it
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return zhiyin::app::finished(zhiyin::app::run(arguments));
}
