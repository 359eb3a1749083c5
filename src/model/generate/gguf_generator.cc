#include "model/generate/gguf_generator.h"

#include <algorithm>
#include <new>

#include "base/mutex.h"
#include "model/generate/detail/gguf_prompt.h"
#include "model/generate/detail/gguf_sampler.h"
#include "model/generate/schema_grammar.h"
#include "model/generate/text_sink.h"

namespace zhiyin::model {
namespace {

using Time = std::chrono::steady_clock::time_point;
using ModelPtr = std::unique_ptr<llama_model, void (*)(llama_model*)>;
using ContextPtr = std::unique_ptr<llama_context, void (*)(llama_context*)>;

/// What ends a computation from outside; looked at by llama.cpp's threads.
struct Limits {
  Time deadline;
  std::stop_token cancel;
  [[nodiscard]] bool reached() const {
    return cancel.stop_requested() || std::chrono::steady_clock::now() >= deadline;
  }
};

bool limit_reached(void* limits) { return static_cast<const Limits*>(limits)->reached(); }

Error too_late() { return {ErrorCode::kDeadline, "GGUF model: no complete answer in time", {}}; }

class LoadedModel final : public GgufGenerator {
 public:
  LoadedModel(GgufSettings settings, std::shared_ptr<const LlamaLibrary> llama, ModelPtr model,
              std::vector<ContextPtr> contexts)
      : settings_(std::move(settings)),
        llama_(std::move(llama)),
        model_(std::move(model)),
        vocab_(llama_->llama_model_get_vocab(model_.get())),
        pieces_(*llama_, vocab_),
        contexts_(std::move(contexts)) {
    for (const ContextPtr& context : contexts_) free_.push_back(context.get());
    std::string text(256, '\0');
    const auto n = llama_->llama_model_desc(model_.get(), text.data(), text.size());
    description_ = text.substr(
        0, static_cast<std::size_t>(std::clamp(n, 0, static_cast<int>(text.size()) - 1)));
  }

  using Generator::generate;
  [[nodiscard]] std::string name() const override { return settings_.model_file.stem().string(); }

  Result<Generation> generate(const GenerateRequest& request, const OnText& on_text) override {
    ZHIYIN_TRY_VOID(check(request));
    if (!request.tools.empty()) {
      return fail(ErrorCode::kUnsupported, "GGUF model: tools are not supported");
    }
    const Limits limits{std::chrono::steady_clock::now() + request.deadline, request.cancel};
    ZHIYIN_TRY(const std::string gbnf, grammar_for(request));
    ZHIYIN_TRY(auto prompt, prompt_tokens(*llama_, model_.get(), request.messages));
    ZHIYIN_TRY(llama_context* const context, take(limits));
    Result<Generation> result = fail(ErrorCode::kInternal, "GGUF model: not run");
    try {
      result = run(context, request, on_text, limits, gbnf, prompt);
    } catch (const std::bad_alloc&) {
      result = fail(ErrorCode::kUnavailable, "GGUF model: out of memory");
    } catch (const std::exception& e) {
      result = fail(ErrorCode::kInternal, "GGUF model: {}", e.what());
    }
    give_back(context);
    if (result) {
      ZHIYIN_TRY_VOID(check_format(request, *result));
    }
    return result;
  }

 private:
  static Result<std::string> grammar_for(const GenerateRequest& request) {
    if (request.format.kind == OutputFormat::Kind::kText) return std::string();
    JsonSchema schema = JsonSchema::any_object();
    if (request.format.kind == OutputFormat::Kind::kJsonSchema) {
      ZHIYIN_TRY(schema, JsonSchema::parse(request.format.schema));
    }
    ZHIYIN_TRY(const Grammar grammar, grammar_of(schema));
    return grammar.to_gbnf();
  }

  Result<llama_context*> take(const Limits& limits) {
    constexpr auto kLook = std::chrono::milliseconds(20);  // for cancelling
    MutexLock lock(mutex_);
    if (free_.empty() && waiting_ >= settings_.waiting) {
      return fail(ErrorCode::kLimitReached, "GGUF model: {} requests wait already", waiting_);
    }
    ++waiting_;
    while (free_.empty() && !limits.reached()) freed_.wait_for(mutex_, kLook);
    --waiting_;
    if (free_.empty()) return std::unexpected(too_late());
    llama_context* context = free_.back();
    free_.pop_back();
    return context;
  }

  void give_back(llama_context* context) {
    llama_->llama_set_abort_callback(context, nullptr, nullptr);
    llama_->llama_memory_clear(llama_->llama_get_memory(context), true);
    MutexLock lock(mutex_);
    free_.push_back(context);
    freed_.notify_one();
  }

  enum class Decoded { kDone, kFull, kStopped };
  Result<Decoded> decode(llama_context* context, llama_token* tokens, std::size_t n) const {
    const int code = llama_->llama_decode(
        context, llama_->llama_batch_get_one(tokens, static_cast<std::int32_t>(n)));
    if (code == 0) return Decoded::kDone;
    if (code == 1) return Decoded::kFull;
    if (code == 2) return Decoded::kStopped;
    return fail(ErrorCode::kInternal, "GGUF model: llama_decode returned {}: {}", code,
                LlamaLibrary::last_report());
  }

  Result<Generation> run(llama_context* context, const GenerateRequest& request,
                         const OnText& on_text, const Limits& limits, const std::string& gbnf,
                         std::vector<llama_token>& prompt) const {
    const std::size_t room = llama_->llama_n_ctx(context);
    if (prompt.empty() || prompt.size() >= room) {
      return fail(ErrorCode::kUnsupported, "GGUF model: a prompt of {} tokens; 1 to {} fit",
                  prompt.size(), room - 1);
    }
    ZHIYIN_TRY(GgufSampler sampler, GgufSampler::create(*llama_, vocab_, pieces_, request, gbnf));
    // llama.cpp only reads through the pointer.
    llama_->llama_set_abort_callback(context, limit_reached, const_cast<Limits*>(&limits));
    TextSink sink(request, on_text);
    Usage usage{static_cast<std::int64_t>(prompt.size()), 0, false};
    ZHIYIN_TRY(const auto reason, write(context, request, limits, prompt, sampler, sink, usage));
    if (!reason && !limits.cancel.stop_requested()) return std::unexpected(too_late());
    Generation generation = sink.finish(reason.value_or(FinishReason::kCancelled));
    generation.usage = usage;
    generation.model = name();
    generation.version = description_;
    return generation;
  }

  /// Why it ended; nothing when a limit from outside was reached.
  Result<std::optional<FinishReason>> write(llama_context* context, const GenerateRequest& request,
                                            const Limits& limits, std::vector<llama_token>& prompt,
                                            GgufSampler& sampler, TextSink& sink,
                                            Usage& usage) const {
    const auto batch = static_cast<std::size_t>(settings_.batch_tokens);
    for (std::size_t at = 0; at < prompt.size(); at += batch) {
      ZHIYIN_TRY(const Decoded done,
                 decode(context, prompt.data() + at, std::min(batch, prompt.size() - at)));
      if (done == Decoded::kFull) return FinishReason::kLength;
      if (done == Decoded::kStopped) return std::nullopt;
    }
    const std::size_t room = llama_->llama_n_ctx(context);
    for (;;) {
      if (limits.reached()) return std::nullopt;
      const auto used = static_cast<std::size_t>(usage.prompt_tokens + usage.answer_tokens);
      if (usage.answer_tokens >= request.tokens_max || used >= room) return FinishReason::kLength;
      ZHIYIN_TRY(llama_token token, sampler.next(context));
      if (llama_->llama_vocab_is_eog(vocab_, token)) return FinishReason::kStop;
      ++usage.answer_tokens;
      if (!sink.feed(pieces_.text(token))) return FinishReason::kStop;
      ZHIYIN_TRY(const Decoded done, decode(context, &token, 1));
      if (done == Decoded::kFull) return FinishReason::kLength;
      if (done == Decoded::kStopped) return std::nullopt;
    }
  }

  const GgufSettings settings_;
  const std::shared_ptr<const LlamaLibrary> llama_;  // by all that were made with it
  const ModelPtr model_;
  const llama_vocab* const vocab_;
  const TokenPieces pieces_;
  const std::vector<ContextPtr> contexts_;  // freed before the model
  std::string description_;
  Mutex mutex_;
  CondVar freed_;
  std::vector<llama_context*> free_ ZHIYIN_GUARDED_BY(mutex_);
  int waiting_ ZHIYIN_GUARDED_BY(mutex_) = 0;
};

Result<void> check_settings(const GgufSettings& settings) {
  constexpr int kContextMost = 1 << 20;
  const auto within_bounds = [](std::string_view field, int value, int lo, int hi) -> Result<void> {
    if (value >= lo && value <= hi) return {};
    return fail_field(field, "{} is not between {} and {}", value, lo, hi);
  };
  ZHIYIN_TRY_VOID(within_bounds("requests", settings.requests, 1, 64));
  ZHIYIN_TRY_VOID(within_bounds("waiting", settings.waiting, 0, 100'000));
  ZHIYIN_TRY_VOID(within_bounds("context_tokens", settings.context_tokens, 16, kContextMost));
  ZHIYIN_TRY_VOID(within_bounds("batch_tokens", settings.batch_tokens, 1, 1 << 16));
  ZHIYIN_TRY_VOID(within_bounds("threads", settings.threads, 1, 256));
  std::error_code ec;
  if (!std::filesystem::is_regular_file(settings.model_file, ec)) {
    return fail(ErrorCode::kNotFound, "GGUF model: {} does not exist",
                settings.model_file.string());
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<GgufGenerator>> GgufGenerator::create(const GgufSettings& settings,
                                                             Logger& logger) {
  ZHIYIN_TRY_VOID(check_settings(settings));
  ZHIYIN_TRY(auto llama, LlamaLibrary::open(settings.library_folder));
  llama_model_params params = llama->llama_model_default_params();
  params.n_gpu_layers = 0;
  params.check_tensors = true;
  ModelPtr model(llama->llama_model_load_from_file(settings.model_file.c_str(), params),
                 llama->llama_model_free);
  if (!model) {
    return fail(ErrorCode::kDataLoss, "GGUF model: {} was refused: {}",
                settings.model_file.string(), LlamaLibrary::last_report());
  }
  const int trained = llama->llama_model_n_ctx_train(model.get());
  if (settings.context_tokens > trained) {
    logger.warning("model", "gguf_context_shortened",
                   {{"wanted", settings.context_tokens}, {"trained", trained}});
  }
  llama_context_params context_params = llama->llama_context_default_params();
  context_params.n_ctx = static_cast<std::uint32_t>(std::min(settings.context_tokens, trained));
  context_params.n_batch = static_cast<std::uint32_t>(settings.batch_tokens);
  context_params.n_ubatch = context_params.n_batch;
  context_params.n_threads = context_params.n_threads_batch = settings.threads;
  context_params.no_perf = true;
  std::vector<ContextPtr> contexts;
  for (int i = 0; i < settings.requests; ++i) {
    contexts.emplace_back(llama->llama_init_from_model(model.get(), context_params),
                          llama->llama_free);
    if (!contexts.back()) {
      return fail(ErrorCode::kUnavailable, "GGUF model: no memory for {} contexts: {}",
                  settings.requests, LlamaLibrary::last_report());
    }
  }
  return std::make_unique<LoadedModel>(settings, std::move(llama), std::move(model),
                                       std::move(contexts));
}

}  // namespace zhiyin::model
