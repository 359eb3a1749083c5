#include "app/analyze_command.h"

#include <thread>

#include "app/number_argument.h"
#include "base/file.h"
#include "base/utf8.h"
#include "model/classify/text_task.h"
#include "model/pairs/pair_model.h"
#include "model/registry.h"
#include "model/text_file.h"
#include "server/model_catalogue.h"
#include "server/text_analysis.h"
#include "storage/migrations.h"
#include "storage/sqlite_state.h"

namespace zhiyin::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kChunk = 256;

/// Language models without an installation: an empty registry in a file that goes away, and what
/// the caller provides.
struct Workbench {
  TempFolder folder;
  MetricsRegistry metrics;
  std::unique_ptr<storage::State> state;
  std::unique_ptr<model::Registry> registry;
  std::unique_ptr<server::Language> language;  // uses the others, goes first
};

Result<std::unique_ptr<Workbench>> workbench(const Json& args) {
  auto out = std::make_unique<Workbench>();
  ZHIYIN_TRY(out->state, storage::open_sqlite_state(out->folder.path() / "state.db"));
  auto tables = storage::migrations();
  for (const auto& table : model::Registry::migrations()) tables.push_back(table);
  ZHIYIN_TRY_VOID(out->state->migrate(tables));
  out->registry = std::make_unique<model::Registry>(*out->state);
  server::Language::Settings settings;
  settings.encoder = args["encoder"].if_string() != nullptr ? fs::path(*args["encoder"].if_string())
                                                            : server::Language::default_encoder();
  settings.threads = std::max(1U, std::thread::hardware_concurrency());
  settings.patience = std::chrono::minutes(10);
  out->language =
      std::make_unique<server::Language>(settings, *out->registry, out->metrics, null_logger());
  return out;
}

/// From the registry of the installation around the caller; false where that has none.
Result<bool> provide_registered(const std::string& name, const TextModelContext& context,
                                server::Language& language) {
  const TempFolder folder;
  const fs::path file = folder.path() / "model.zym";
  const auto record =
      context.on_installation("model export", Json().set("id", name).set("to", file.string()));
  if (!record && record.error().code == ErrorCode::kNotFound) return false;
  if (!record) return std::unexpected(record.error());
  ZHIYIN_TRY(const auto artefact, model::read_artefact(file));
  if (artefact.kind == model::PairModel::kKind)
    return fail(ErrorCode::kUnsupported,
                "model '{}': it compares two texts (zhiyin classify), and gives none a class",
                name);
  ZHIYIN_TRY(auto classifier, model::TextClassifier::from_artefact(artefact));
  language.provide(name, {std::string((*record)["id"].string_or(name)), std::move(classifier)});
  return true;
}

std::vector<std::string> names_of(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    if (end > 0) out.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return out;
}

/// Brings in what the tasks name and answers with how they are called then.
Result<std::vector<std::string>> provide(const std::vector<std::string>& tasks,
                                         const TextModelContext& context,
                                         server::Language& language) {
  std::vector<std::string> out;
  for (const std::string& task : tasks) {
    if (task.contains('/')) {
      ZHIYIN_TRY(auto classifier, model::read_text_model(task));
      out.push_back(fs::path(task).stem().string());
      language.provide(out.back(), {task, std::move(classifier)});
      continue;
    }
    out.push_back(task);
    if (server::is_analysis_rule(task)) continue;
    ZHIYIN_TRY_VOID(provide_registered(task, context, language));
  }
  return out;
}

std::string fault(std::size_t line, std::string_view message) {
  return Json()
             .set("line", line)
             .set("error", Json()
                               .set("code", to_string(ErrorCode::kInvalidArgument))
                               .set("message", message)
                               .set("field", fmt::format("line {}", line)))
             .dump() +
         "\n";
}

/// One chunk's answers, in the order of its lines.
Result<std::string> answers_of(std::span<const std::string_view> lines, std::size_t first,
                               server::AnalyzeRequest& request, server::Language& language,
                               Json& versions, bool& all_read) {
  request.texts.clear();
  for (const std::string_view line : lines)
    if (utf8::is_valid(line) && !line.empty()) request.texts.emplace_back(line);
  Json found;
  if (!request.texts.empty()) {
    ZHIYIN_TRY(found, server::analyze(language, request, "analyze"));
    versions = found["versions"];
  }
  std::string out;
  std::size_t next = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::size_t line = first + i + 1;
    if (lines[i].empty() || !utf8::is_valid(lines[i])) {
      out += fault(line, lines[i].empty() ? "is empty" : "is not UTF-8");
      all_read = false;
      continue;
    }
    Json answer = Json().set("line", line);
    for (const auto& [name, value] : *(*found["items"].if_array())[next++].if_object())
      answer.set(name, value);
    if (const Json* error = answer.find("error"); error != nullptr) {
      all_read = false;
      answer.set("error", Json(*error).set("field", fmt::format("line {}", line)));
    }
    out += answer.dump() + "\n";
  }
  return out;
}

}  // namespace

Result<bool> analyze_lines(const Json& args, const TextModelContext& context,
                           const std::function<void(std::string_view)>& write) {
  const std::string input(args["input"].string_or(""));
  if (input.empty()) return fail_field("--input", "is missing: a file with one text a line");
  ZHIYIN_TRY(const auto bench, workbench(args));
  server::AnalyzeRequest request;
  ZHIYIN_TRY(const auto keywords, number_argument<std::int64_t>(args, "keywords"));
  ZHIYIN_TRY(const auto explain, number_argument<std::int64_t>(args, "explain"));
  request.keywords = keywords.value_or(request.keywords);
  request.explain = explain.value_or(0);
  if (request.keywords < 1 || request.keywords > 100)
    return fail_field("--keywords", "is {}, it goes from 1 to 100", request.keywords);
  if (request.explain < 0 || request.explain > 100)
    return fail_field("--explain", "is {}, it goes from 0 to 100", request.explain);
  if (const auto* tasks = args["tasks"].if_string()) {
    auto named = provide(names_of(*tasks), context, *bench->language);
    if (!named) return std::unexpected(within("--tasks", named.error()));
    if (named->empty()) return fail_field("--tasks", "names none");
    request.tasks = std::move(*named);
  } else {
    // What the installation has of the usual names goes before what comes with the program.
    for (const std::string_view name : server::kShippedNames) {
      ZHIYIN_TRY_VOID(provide_registered(std::string(name), context, *bench->language));
    }
  }
  ZHIYIN_TRY(const std::string bytes, read_input(input));
  const auto lines = model::lines_of(bytes);
  Json versions = Json::object();
  bool all_read = true;
  for (std::size_t begin = 0; begin < lines.size(); begin += kChunk) {
    const auto chunk = std::span(lines).subspan(begin, std::min(kChunk, lines.size() - begin));
    const auto out = answers_of(chunk, begin, request, *bench->language, versions, all_read);
    if (!out) return std::unexpected(within("--tasks", out.error()));
    write(*out);
    const auto done = static_cast<double>(begin + chunk.size());
    context.progress(done / static_cast<double>(lines.size()), "analysing");
  }
  write(Json().set("lines", lines.size()).set("versions", std::move(versions)).dump() + "\n");
  bench->language->stop();
  return all_read;
}

}  // namespace zhiyin::app
