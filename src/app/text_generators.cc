#include "app/text_generators.h"

#include <charconv>
#include <map>

#include "base/file.h"
#include "base/mutex.h"
#include "base/utf8.h"
#include "model/generate/copy_writer.h"
#include "model/generate/gguf_generator.h"
#include "model/generate/openai_generator.h"
#include "model/generate/scripted_generator.h"

namespace zhiyin::app {
namespace {

constexpr std::size_t kSpendFileMax = 1 << 20;
constexpr std::size_t kScriptFileMax = 16 << 20;
constexpr auto kSaveEvery = std::chrono::seconds(10);

std::chrono::milliseconds milliseconds_of(const Options& options, std::string_view name) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(options.duration(name));
}

model::Endpoint endpoint_of(const Options& options, std::string_view prefix) {
  const auto option = [&](std::string_view name) { return fmt::format("{}{}", prefix, name); };
  model::Endpoint endpoint;
  endpoint.url = options.text(option("url"));
  endpoint.key = Secret(options.text(option("key")));
  endpoint.model = options.text(option("model"));
  endpoint.prompt_fen_per_million = options.integer(option("prompt_price"));
  endpoint.answer_fen_per_million = options.integer(option("answer_price"));
  return endpoint;
}

model::GgufSettings gguf_of(const Options& options) {
  model::GgufSettings settings;
  settings.model_file = options.text("generate.gguf");
  settings.library_folder = options.text("generate.gguf_library");
  if (settings.library_folder.empty()) settings.library_folder = ZHIYIN_LLAMA;
  settings.requests = static_cast<int>(options.integer("generate.requests"));
  settings.context_tokens = static_cast<int>(options.integer("generate.context"));
  settings.threads = static_cast<int>(options.integer("generate.threads"));
  return settings;
}

/// Counts what is spent beyond this process's life.
class Kept final : public TextGenerators, private model::Generator {
 public:
  Kept(model::SpendLimit fallback, std::map<std::string, model::SpendLimit, std::less<>> limits,
       std::filesystem::path file, const Clock& clock, Logger& logger)
      : file_(std::move(file)),
        clock_(clock),
        logger_(logger),
        budget_(std::move(limits), fallback) {}
  ~Kept() override {
    if (used_) save();
  }

  model::Generator& generator() override { return *this; }
  model::SpendBudget& budget() override { return budget_; }

  Result<void> restore() {
    if (!std::filesystem::exists(file_)) return {};
    ZHIYIN_TRY(const std::string text, read_file(file_, kSpendFileMax));
    auto json = parse_json(text);
    if (!json) return std::unexpected(within(file_.filename().string(), json.error()));
    return budget_.restore(*json, clock_.now());
  }

  Result<void> build(const Options& options, http::Client& client, bool serving) {
    const std::string backend = serving ? options.text("generate.backend") : "grounded";
    if (backend == "openai") {
      model::OpenAiSettings settings;
      settings.first = endpoint_of(options, "generate.");
      if (!options.text("generate.second_url").empty()) {
        settings.second = endpoint_of(options, "generate.second_");
      }
      settings.hedge_after = milliseconds_of(options, "generate.hedge_after");
      settings.piece_timeout = milliseconds_of(options, "generate.silence");
      settings.attempts_max = static_cast<int>(options.integer("generate.attempts"));
      auto made = model::OpenAiGenerator::create(std::move(settings), client, budget_, clock_);
      if (!made) return std::unexpected(within("generate", made.error()));
      writer_ = std::move(*made);
    } else if (backend == "scripted") {
      ZHIYIN_TRY(const std::string text,
                 read_file(options.text("generate.scripts"), kScriptFileMax));
      ZHIYIN_TRY(const Json json, parse_json(text));
      ZHIYIN_TRY(writer_, model::ScriptedGenerator::from_json(json));
    } else if (backend == "gguf") {
      auto made = model::GgufGenerator::create(gguf_of(options), logger_);
      if (made) {
        writer_ = std::move(*made);
      } else {
        logger_.error("model", "generator_unavailable",
                      {{"reason", made.error().text()}, {"instead", "grounded"}});
      }
    } else if (backend != "grounded") {
      return fail_field("generate.backend", "'{}' is none of grounded, openai, gguf, scripted",
                        utf8::truncate(backend, 40));
    }
    if (!writer_) writer_ = std::make_unique<model::CopyGenerator>();
    return {};
  }

 private:
  Result<model::Generation> generate(const model::GenerateRequest& request,
                                     const model::OnText& on_text) override {
    auto generation = writer_->generate(request, on_text);
    bool due = false;
    {
      MutexLock lock(mutex_);
      used_ = true;
      const auto now = std::chrono::steady_clock::now();
      due = now - saved_at_ >= kSaveEvery;
      if (due) saved_at_ = now;
    }
    if (due) save();
    return generation;
  }
  [[nodiscard]] std::string name() const override { return writer_->name(); }

  void save() {
    if (const auto saved = write_file(file_, budget_.to_json().dump(), 0600); !saved) {
      logger_.warning("model", "spend_not_saved", {{"reason", saved.error().text()}});
    }
  }

  const std::filesystem::path file_;
  const Clock& clock_;
  Logger& logger_;
  model::SpendBudget budget_;
  std::unique_ptr<model::Generator> writer_;
  Mutex mutex_;
  std::chrono::steady_clock::time_point saved_at_ ZHIYIN_GUARDED_BY(mutex_);
  bool used_ = false;
};

Result<std::int64_t> amount(std::string_view text, std::string_view entry) {
  std::int64_t n = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (ec != std::errc() || end != text.data() + text.size() || n < 0) {
    return fail_field("generate.budgets", "'{}' is not PURPOSE=TOKENS/FEN", entry);
  }
  return n;
}

}  // namespace

Result<std::map<std::string, model::SpendLimit, std::less<>>> parse_budgets(std::string_view text) {
  std::map<std::string, model::SpendLimit, std::less<>> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    std::string_view entry = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (entry.starts_with(' ')) entry.remove_prefix(1);
    while (entry.ends_with(' ')) entry.remove_suffix(1);
    if (entry.empty()) continue;
    const std::size_t equals = entry.find('=');
    const std::size_t slash = entry.find('/');
    if (equals == entry.npos || slash == entry.npos || equals == 0 || slash < equals) {
      return fail_field("generate.budgets", "'{}' is not PURPOSE=TOKENS/FEN", entry);
    }
    model::SpendLimit limit;
    ZHIYIN_TRY(limit.tokens_a_day, amount(entry.substr(equals + 1, slash - equals - 1), entry));
    ZHIYIN_TRY(limit.fen_a_day, amount(entry.substr(slash + 1), entry));
    out[std::string(entry.substr(0, equals))] = limit;
  }
  return out;
}

Result<std::unique_ptr<TextGenerators>> TextGenerators::create(const Options& options,
                                                               http::Client& client,
                                                               const Clock& clock, Logger& logger,
                                                               bool serving) {
  ZHIYIN_TRY(auto limits, parse_budgets(options.text("generate.budgets")));
  const model::SpendLimit fallback{options.integer("generate.tokens_a_day"),
                                   options.integer("generate.fen_a_day")};
  auto kept = std::make_unique<Kept>(fallback, std::move(limits),
                                     std::filesystem::path(options.text("data_dir")) / "spend.json",
                                     clock, logger);
  if (auto restored = kept->restore(); !restored) {
    logger.warning("model", "spend_not_restored", {{"reason", restored.error().text()}});
  }
  ZHIYIN_TRY_VOID(kept->build(options, client, serving));
  return kept;
}

}  // namespace zhiyin::app
