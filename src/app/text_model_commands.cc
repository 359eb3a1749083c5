#include "app/text_model_commands.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <thread>

#include "app/number_argument.h"
#include "base/file.h"
#include "base/program_file.h"
#include "base/utf8.h"
#include "base/visible_text.h"
#include "model/artefact.h"
#include "model/classify/text_task.h"
#include "model/pairs/pair_task.h"
#include "model/text_encoder.h"
#include "model/text_file.h"
#include "model/vector_cache.h"
#include "server/assets.h"
#include "server/model_catalogue.h"

namespace zhiyin::app {
namespace {

namespace fs = std::filesystem;
using model::TextClassifier;

std::size_t threads_here() { return std::max(1U, std::thread::hardware_concurrency()); }

Result<std::string> needed(const Json& args, std::string_view name) {
  std::string text(args[name].string_or(""));
  if (text.empty()) return fail_field(fmt::format("--{}", name), "is missing");
  return text;
}

/// Said before hours of work, not after them: whether a file can be written there.
Result<void> check_output(const fs::path& path) {
  std::error_code ignored;
  if (!path.has_filename() || fs::is_directory(path, ignored))
    return fail_field("--output", "{} is a folder; the name of a file is expected", path.string());
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (!fs::is_directory(folder, ignored))
    return fail(ErrorCode::kNotFound, "--output: there is no folder {}", folder.string());
  // Into a device or a pipe nothing is renamed.
  const bool special = fs::exists(path, ignored) && !fs::is_regular_file(path, ignored);
  if (::access((special ? path : folder).c_str(), W_OK) != 0)
    return fail(ErrorCode::kPermissionDenied, "--output: {} cannot be written: {}", path.string(),
                std::strerror(errno));
  return {};
}

bool is_path(std::string_view model) { return model.contains('/'); }

/// From the installation's registry, by way of a file.
Result<model::Artefact> from_registry(const std::string& name, const TextModelContext& context) {
  const TempFolder folder;
  const fs::path file = folder.path() / "model.zym";
  ZHIYIN_TRY_VOID(
      context.on_installation("model export", Json().set("id", name).set("to", file.string())));
  return model::read_artefact(file);
}

Result<model::Artefact> from_program(const std::string& name) {
  ZHIYIN_TRY(const std::string bytes, server::read_asset("models/" + name + ".zym"));
  return model::decode_artefact(bytes);
}

Result<model::Artefact> open_artefact(const std::string& name, const TextModelContext& context) {
  if (is_path(name)) return model::read_artefact(name);
  auto stored = from_registry(name, context);
  if (stored || stored.error().code != ErrorCode::kNotFound) return stored;
  auto shipped = from_program(name);
  if (shipped || shipped.error().code != ErrorCode::kNotFound) return shipped;
  return fail(ErrorCode::kNotFound,
              "model '{}': neither in the registry nor among those that come with the program; a "
              "path has a '/', for instance ./{}",
              name.substr(0, 100), name.substr(0, 100));
}

template <class Model>
Result<Model> model_of(const model::Artefact& artefact, const std::string& name) {
  auto out = Model::from_artefact(artefact);
  if (!out) return fail(out.error().code, "{}: {}", name.substr(0, 200), out.error().message);
  return out;
}

std::string line_for_people(const TextClassifier& model, const model::TextPrediction& p,
                            std::string_view text) {
  if (model.several()) {
    std::string labels;
    for (const std::uint32_t c : p.labels)
      labels += (labels.empty() ? "" : "|") + visible_text(model.classes()[c]);
    return fmt::format("{}{}\t{}\n", labels, p.rejected ? " ?" : "", visible_text(text));
  }
  return fmt::format("{}\t{:.3f}{}\t{}\n", visible_text(model.classes()[p.label]), p.confidence,
                     p.rejected ? " ?" : "", visible_text(text));
}

std::string fault_line(std::size_t number, std::string_view what, bool json) {
  if (!json) return fmt::format("!\t\tline {} {}\n", number, what);
  return Json()
             .set("error", Json()
                               .set("code", to_string(ErrorCode::kInvalidArgument))
                               .set("message", what)
                               .set("field", fmt::format("line {}", number)))
             .dump() +
         "\n";
}

/// The file of the encoder: `--encoder`, or the default one beside the program.
Result<fs::path> encoder_path(const Json& args) {
  if (const auto* given = args["encoder"].if_string()) return fs::path(*given);
  auto found = program_file("models/encoder.zyen");
  if (found) return found;
  return fail(
      ErrorCode::kNotFound,
      "encoder: none beside the program (./dev setup and ./dev build make the default one)");
}

/// Tokens of a text that classifiers look at: most reviews end before, and time grows with them.
constexpr std::size_t kClassifierTokensMax = 128;

/// Opens the encoder once it is needed; empty where there is none. It sees `prefix`, which lives as
/// long as the program, before every text.
model::OpenEncoder encoder_opener(const Json& args, std::string_view prefix = {}) {
  const auto path = encoder_path(args);
  if (!path) return {};
  const std::string cache(args["cache"].string_or(""));
  return [path = *path, cache, prefix]() -> Result<model::Vectorise> {
    ZHIYIN_TRY(auto opened, model::TextEncoder::open(path));
    ZHIYIN_TRY(auto kept, model::VectorCache::open(cache));
    model::Vectorise out{.encoder = opened.checksum()};
    out.run = [encoder = std::move(opened), vectors = std::move(kept), prefix](
                  std::span<const std::string_view> texts,
                  const std::function<bool(double)>& progress) -> Result<model::TextVectors> {
      model::TextVectors made{std::vector<float>(texts.size() * encoder.width()), encoder.width()};
      const model::TextEncoder::Settings settings{
          .tokens_max = kClassifierTokensMax, .prefix = prefix, .threads = threads_here()};
      ZHIYIN_TRY_VOID(vectors.encode(encoder, texts, settings, progress, made.values));
      return made;
    };
    return out;
  };
}

Result<Json> store(const model::Artefact& artefact, const std::string& output,
                   const TextModelContext& context) {
  const std::string bytes = encode_artefact(artefact);
  if (is_path(output)) {
    ZHIYIN_TRY_VOID(write_file(output, bytes));
    return Json(output);
  }
  const TempFolder folder;
  const fs::path file = folder.path() / "model.zym";
  ZHIYIN_TRY_VOID(write_file(file, bytes, 0600));
  ZHIYIN_TRY(const Json record,
             context.on_installation("model import",
                                     Json().set("file", file.string()).set("name", output)));
  return record["id"];
}

/// The report of a training, behind where its model lies.
Result<Json> stored_report(const model::Artefact& artefact, const Json& report,
                           const std::string& output, const TextModelContext& context) {
  ZHIYIN_TRY(Json stored, store(artefact, output, context));
  Json out = Json::object();
  out.set("model", std::move(stored));
  for (const auto& [name, value] : *report.if_object()) out.set(name, value);
  return out;
}

Result<Json> train_classes(const Json& args, const std::string& file, const std::string& output,
                           const TextModelContext& context) {
  model::TrainTextArgs train;
  const std::string_view labels = args["labels"].string_or("one");
  if (labels != "one" && labels != "several")
    return fail_field("--labels", "'{}' is neither one nor several", labels.substr(0, 40));
  train.several = labels == "several";
  for (const std::string_view other : {"scope-loss", "reject-loss"}) {
    if (train.several && !args[other].is_null())
      return fail_field(fmt::format("--{}", other), "is not for --labels several");
  }
  train.train = file;
  train.validation = std::string(args["validation"].string_or(""));
  train.features = args["features"].string_or("");
  ZHIYIN_TRY(const auto seed, number_argument<std::uint64_t>(args, "seed"));
  ZHIYIN_TRY(const auto loss, number_argument<double>(args, "reject-loss"));
  ZHIYIN_TRY(const auto most, number_argument<std::size_t>(args, "features-max"));
  ZHIYIN_TRY(const auto scope, number_argument<double>(args, "scope-loss"));
  train.scope_loss = scope.value_or(train.scope_loss);
  train.calibration = args["calibration"].string_or("");
  train.seed = seed.value_or(train.seed);
  train.reject_loss = loss.value_or(train.reject_loss);
  train.features_max = most.value_or(0);
  train.threads = threads_here();
  train.open_encoder = encoder_opener(args);
  train.encoder_here = static_cast<bool>(train.open_encoder);
  train.progress = [&](double share) { return context.progress(share, "training"); };
  ZHIYIN_TRY(const model::TrainedText trained, model::train_text_task(train));
  return stored_report(trained.model.to_artefact(), trained.report, output, context);
}

Result<Json> train_pairs(const Json& args, const std::string& file, const std::string& output,
                         const TextModelContext& context) {
  for (const std::string_view other : {"scope-loss", "calibration", "labels"}) {
    if (!args[other].is_null())
      return fail_field(fmt::format("--{}", other), "is not for --task pair");
  }
  model::TrainPairArgs train;
  train.train = file;
  train.validation = std::string(args["validation"].string_or(""));
  train.features = args["features"].string_or("");
  ZHIYIN_TRY(const auto seed, number_argument<std::uint64_t>(args, "seed"));
  ZHIYIN_TRY(const auto loss, number_argument<double>(args, "reject-loss"));
  ZHIYIN_TRY(const auto most, number_argument<std::size_t>(args, "features-max"));
  train.seed = seed.value_or(train.seed);
  train.reject_loss = loss.value_or(train.reject_loss);
  train.features_max = most.value_or(0);
  train.threads = threads_here();
  train.open_encoder = encoder_opener(args, model::PairModel::kPrefix);
  train.progress = [&](double share) { return context.progress(share, "training"); };
  ZHIYIN_TRY(const model::TrainedPair trained, model::train_pair_task(train));
  return stored_report(trained.model.to_artefact(), trained.report, output, context);
}

constexpr std::size_t kTermsMax = 100;

/// Why the pair at that place among the vectors' is said to mean the same.
Json why_of(const model::PairModel& pairs, const model::TextPair& pair,
            std::span<const float> vectors, std::size_t place, std::size_t terms) {
  const std::size_t width = vectors.empty() ? 0 : pairs.dense_columns();
  return model::explanation_json(
      pairs.explain(pair.first, pair.second, vectors.subspan(2 * place * width, width),
                    vectors.subspan((2 * place + 1) * width, width), terms));
}

/// One answer per line of two texts.
Result<bool> classify_pairs(const Json& args, const TextModelContext& context, bool json,
                            const model::PairModel& pairs, const std::string& file,
                            const std::function<void(std::string_view)>& write) {
  constexpr std::size_t kChunk = 1024;
  ZHIYIN_TRY(const auto terms, number_argument<std::size_t>(args, "explain"));
  if (terms && *terms > kTermsMax)
    return fail_field("--explain", "{} is above {}", *terms, kTermsMax);
  ZHIYIN_TRY(const std::string bytes, read_input(file));
  const std::vector<std::string_view> lines = model::lines_of(bytes);
  ZHIYIN_TRY(const auto usable,
             model::encoder_or_floor(pairs, encoder_opener(args, model::PairModel::kPrefix)));
  if (!usable.instead.empty() && context.note) context.note(usable.instead);
  bool all_read = true;
  for (std::size_t begin = 0; begin < lines.size(); begin += kChunk) {
    const auto chunk = std::span(lines).subspan(begin, std::min(kChunk, lines.size() - begin));
    std::vector<Result<model::TextPair>> parsed;
    std::vector<model::TextPair> sound;
    for (const std::string_view line : chunk) {
      parsed.push_back(model::parse_pair(line));
      if (parsed.back()) sound.push_back(*parsed.back());
    }
    ZHIYIN_TRY(const auto vectors, model::vectors_for(pairs, usable.vectorise, sound));
    const auto answers = model::predict_pairs(pairs, sound, vectors, threads_here());
    std::string out;
    std::size_t next = 0;
    for (std::size_t i = 0; i < chunk.size(); ++i) {
      if (!parsed[i]) {
        out += fault_line(begin + i + 1, parsed[i].error().message, json);
        all_read = false;
        continue;
      }
      const std::size_t place = next++;
      const model::PairPrediction& p = answers[place];
      Json said = model::prediction_json(p);
      if (terms) said.set("why", why_of(pairs, *parsed[i], vectors, place, *terms));
      out +=
          json ? said.dump() + "\n"
               : fmt::format("{}\t{:.3f}{}\t{}\n",
                             p.same >= 0.5 ? model::PairModel::kSame : model::PairModel::kDifferent,
                             p.confidence(), p.rejected ? " ?" : "", visible_text(chunk[i]));
    }
    write(out);
  }
  return all_read;
}

}  // namespace

Result<std::string> read_input(const std::string& path) {
  constexpr std::size_t kBytesMax = std::size_t{1} << 30;
  if (path != "-") return model::read_text_file(path);
  std::string bytes;
  char buffer[1 << 16];
  while (std::cin.read(buffer, sizeof buffer) || std::cin.gcount() > 0) {
    bytes.append(buffer, static_cast<std::size_t>(std::cin.gcount()));
    if (bytes.size() > kBytesMax)
      return fail(ErrorCode::kLimitReached, "--input: more than {} bytes", kBytesMax);
  }
  return bytes;
}

Result<Json> train_text(const Json& args, const TextModelContext& context) {
  ZHIYIN_TRY(const std::string task, needed(args, "task"));
  if (task != "classify" && task != "pair")
    return fail_field("--task", "'{}' is neither classify nor pair", task.substr(0, 40));
  ZHIYIN_TRY(const std::string file, needed(args, "train"));
  ZHIYIN_TRY(const std::string output, needed(args, "output"));
  if (is_path(output)) {
    ZHIYIN_TRY_VOID(check_output(output));
  } else {
    ZHIYIN_TRY_VOID(server::check_classifier_name(output, "--output"));
    // Where there is none the model would be lost after the training.
    ZHIYIN_TRY_VOID(context.on_installation("model list", Json::object()));
  }
  return task == "pair" ? train_pairs(args, file, output, context)
                        : train_classes(args, file, output, context);
}

Result<Json> evaluate_classify(const Json& args, const TextModelContext& context) {
  ZHIYIN_TRY(const std::string name, needed(args, "model"));
  ZHIYIN_TRY(const std::string file, needed(args, "data"));
  ZHIYIN_TRY(const model::Artefact artefact, open_artefact(name, context));
  if (artefact.kind == model::PairModel::kKind) {
    ZHIYIN_TRY(const auto pairs, model_of<model::PairModel>(artefact, name));
    ZHIYIN_TRY(const auto data, model::read_labelled_pairs(file));
    return model::evaluate_pair_task(
        pairs, name, data, encoder_opener(args, model::PairModel::kPrefix), threads_here());
  }
  ZHIYIN_TRY(const auto classifier, model_of<TextClassifier>(artefact, name));
  if (classifier.several()) {
    ZHIYIN_TRY(const auto data, model::read_multi_labelled_texts(file));
    return model::evaluate_labels_task(classifier, name, data, encoder_opener(args),
                                       threads_here());
  }
  ZHIYIN_TRY(const auto data, model::read_labelled_texts(file));
  return model::evaluate_text_task(classifier, name, data, encoder_opener(args), threads_here());
}

Result<bool> classify_lines(const Json& args, const TextModelContext& context, bool json,
                            const std::function<void(std::string_view)>& write) {
  ZHIYIN_TRY(const std::string name, needed(args, "model"));
  ZHIYIN_TRY(const std::string file, needed(args, "input"));
  ZHIYIN_TRY(const auto terms, number_argument<std::size_t>(args, "explain"));
  if (terms.value_or(0) > kTermsMax)
    return fail_field("--explain", "{} is above {}", *terms, kTermsMax);
  ZHIYIN_TRY(const model::Artefact artefact, open_artefact(name, context));
  if (artefact.kind == model::PairModel::kKind) {
    ZHIYIN_TRY(const auto pairs, model_of<model::PairModel>(artefact, name));
    return classify_pairs(args, context, json, pairs, file, write);
  }
  ZHIYIN_TRY(const auto classifier, model_of<TextClassifier>(artefact, name));
  ZHIYIN_TRY(const std::string bytes, read_input(file));
  const std::vector<std::string_view> lines = model::lines_of(bytes);
  ZHIYIN_TRY(const auto usable, model::encoder_or_floor(classifier, encoder_opener(args)));
  if (!usable.instead.empty() && context.note) context.note(usable.instead);
  const model::Vectorise& vectorise = usable.vectorise;
  const std::size_t width = usable.instead.empty() ? classifier.dense_columns() : 0;
  const std::size_t kChunk = width > 0 ? 1024 : 16'384;
  bool all_read = true;
  for (std::size_t begin = 0; begin < lines.size(); begin += kChunk) {
    const auto chunk = std::span(lines).subspan(begin, std::min(kChunk, lines.size() - begin));
    ZHIYIN_TRY(const auto dense, model::vectors_for(classifier, vectorise, chunk));
    const auto predictions = model::classify_all(classifier, chunk, dense, threads_here());
    std::string out;
    for (std::size_t i = 0; i < chunk.size(); ++i) {
      if (!utf8::is_valid(chunk[i])) {
        out += fault_line(begin + i + 1, "is not UTF-8", json);
        all_read = false;
        continue;
      }
      if (!json) {
        out += line_for_people(classifier, predictions[i], chunk[i]);
        continue;
      }
      Json answer = model::prediction_json(classifier, predictions[i]);
      if (terms.value_or(0) > 0)
        answer.set("why", model::explanation_json(classifier.explain(
                              chunk[i], std::span(dense).subspan(i * width, width),
                              predictions[i].label, *terms)));
      out += answer.dump() + "\n";
    }
    write(out);
  }
  return all_read;
}

Result<Json> embed(const Json& args, const TextModelContext& context) {
  ZHIYIN_TRY(const std::string input, needed(args, "input"));
  ZHIYIN_TRY(const std::string output, needed(args, "output"));
  const std::string_view prefix = args["prefix"].string_or("none");
  if (prefix != "query" && prefix != "passage" && prefix != "none")
    return fail_field("--prefix", "'{}' is none of query, passage, none", prefix.substr(0, 40));
  ZHIYIN_TRY_VOID(check_output(output));
  ZHIYIN_TRY(const fs::path path, encoder_path(args));
  ZHIYIN_TRY(const std::string bytes, read_input(input));
  const std::vector<std::string_view> lines = model::lines_of(bytes);
  if (lines.empty()) return fail_field("--input", "{} has no lines", input);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!utf8::is_valid(lines[i])) return fail_field("--input", "line {} is not UTF-8", i + 1);
  }
  model::EncoderOptions options;
  if (const auto* word = args["pooling"].if_string()) {
    const auto pooling = model::pooling_of(*word);
    if (!pooling) return fail_field("--pooling", "{}", pooling.error().message);
    options.pooling = *pooling;
  }
  ZHIYIN_TRY(const auto encoder, model::TextEncoder::open(path, options));
  std::vector<float> vectors(lines.size() * encoder.width());
  const model::TextEncoder::Settings settings{.prefix = prefix == "none"    ? ""
                                                        : prefix == "query" ? "query: "
                                                                            : "passage: ",
                                              .threads = threads_here()};
  ZHIYIN_TRY_VOID(encoder.encode(
      lines, settings, [&](double share) { return context.progress(share, "encoding"); }, vectors));
  ZHIYIN_TRY_VOID(write_file(output, model::npy_bytes(vectors, lines.size(), encoder.width())));
  return Json()
      .set("output", output)
      .set("rows", lines.size())
      .set("columns", encoder.width())
      .set("encoder", encoder.checksum());
}

}  // namespace zhiyin::app
