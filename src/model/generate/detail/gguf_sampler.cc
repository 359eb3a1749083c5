#include "model/generate/detail/gguf_sampler.h"

#include <cmath>
#include <exception>
#include <limits>
#include <random>

#include "base/utf8.h"

namespace zhiyin::model {
namespace {
constexpr int kTopK = 64;
constexpr float kMinP = 0.02F;
constexpr float kImpossible = -std::numeric_limits<float>::infinity();
}  // namespace

TokenPieces::TokenPieces(const LlamaLibrary& llama, const llama_vocab* vocab) {
  const int n = llama.llama_vocab_n_tokens(vocab);
  texts_.resize(static_cast<std::size_t>(n));
  whole_.resize(static_cast<std::size_t>(n));
  std::string buffer(64, '\0');
  for (llama_token token = 0; token < n; ++token) {
    auto size = llama.llama_token_to_piece(vocab, token, buffer.data(),
                                           static_cast<std::int32_t>(buffer.size()), 0, false);
    if (size < 0) {
      buffer.resize(static_cast<std::size_t>(-size));
      size = llama.llama_token_to_piece(vocab, token, buffer.data(),
                                        static_cast<std::int32_t>(buffer.size()), 0, false);
    }
    const auto at = static_cast<std::size_t>(token);
    texts_[at] = buffer.substr(0, static_cast<std::size_t>(std::max(0, size)));
    whole_[at] = !texts_[at].empty() && utf8::is_valid(texts_[at]);
  }
}

Result<GgufSampler> GgufSampler::create(const LlamaLibrary& llama, const llama_vocab* vocab,
                                        const TokenPieces& pieces, const GenerateRequest& request,
                                        const std::string& gbnf) {
  Sampler grammar(nullptr, llama.llama_sampler_free);
  if (!gbnf.empty()) {
    grammar.reset(llama.llama_sampler_init_grammar(vocab, gbnf.c_str(), "root"));
    if (!grammar) {
      return fail(ErrorCode::kUnsupported, "GGUF model: the schema's grammar was refused: {}",
                  LlamaLibrary::last_report());
    }
  }
  Sampler chain(llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params()),
                llama.llama_sampler_free);
  const auto add = [&](llama_sampler* one) { llama.llama_sampler_chain_add(chain.get(), one); };
  if (request.temperature == 0) {
    add(llama.llama_sampler_init_greedy());
  } else {
    add(llama.llama_sampler_init_top_k(kTopK));
    add(llama.llama_sampler_init_top_p(static_cast<float>(request.top_p), 1));
    add(llama.llama_sampler_init_min_p(kMinP, 1));
    add(llama.llama_sampler_init_temp(static_cast<float>(request.temperature)));
    const auto seed = request.seed ? static_cast<std::uint32_t>(*request.seed)
                                   : std::uint32_t{std::random_device()()};
    add(llama.llama_sampler_init_dist(seed));
  }
  return GgufSampler(llama, vocab, pieces, std::move(chain), std::move(grammar));
}

/// Control tokens have no text of their own, while llama.cpp's grammar sees their names.
bool GgufSampler::keeps_utf8(llama_token token) const {
  if (pieces_.text(token).empty()) return false;
  Utf8Assembler next = characters_;
  (void)next.feed(pieces_.text(token));
  return next.bad_bytes() == characters_.bad_bytes();
}

/// Whether the grammar lets this token follow.
bool GgufSampler::allowed(llama_token token) {
  if (!llama_.llama_vocab_is_eog(vocab_, token) && !keeps_utf8(token)) return false;
  llama_token_data one{token, 1, 0};
  llama_token_data_array alone{&one, 1, -1, false};
  llama_.llama_sampler_apply(grammar_.get(), &alone);
  return std::isfinite(one.logit);
}

std::optional<llama_token> GgufSampler::choose(const float* logits, bool grammar_first) {
  candidates_.resize(pieces_.size());
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    candidates_[i] = {static_cast<llama_token>(i), logits[i], 0};
  }
  if (grammar_first) {
    Utf8Assembler probe = characters_;
    const bool between = !probe.finish();  // no character is half written
    for (llama_token_data& one : candidates_) {
      if (between && pieces_.is_whole(one.id)) continue;
      const bool ends = llama_.llama_vocab_is_eog(vocab_, one.id);
      if (!ends && !keeps_utf8(one.id)) one.logit = kImpossible;
    }
  }
  llama_token_data_array all{candidates_.data(), candidates_.size(), -1, false};
  if (grammar_first) {
    llama_.llama_sampler_apply(grammar_.get(), &all);
    std::size_t kept = 0;  // samplers expect finite logits
    for (std::size_t i = 0; i < all.size; ++i) {
      if (std::isfinite(all.data[i].logit)) all.data[kept++] = all.data[i];
    }
    all.size = kept;
    if (kept == 0) return std::nullopt;
  }
  llama_.llama_sampler_apply(chain_.get(), &all);
  if (all.selected < 0 || all.selected >= static_cast<std::int64_t>(all.size)) return std::nullopt;
  return all.data[all.selected].id;
}

Result<llama_token> GgufSampler::next(llama_context* context) {
  const float* logits = llama_.llama_get_logits_ith(context, -1);
  if (logits == nullptr) return fail(ErrorCode::kInternal, "GGUF model: it gave no logits");
  try {
    // First without the grammar, which is dear over a whole vocabulary and mostly agrees.
    auto token = choose(logits, false);
    if (token && grammar_ && !allowed(*token)) token = choose(logits, true);
    if (!token) {
      return fail(ErrorCode::kDataLoss, "GGUF model: no token can follow within the schema");
    }
    if (grammar_) {
      llama_.llama_sampler_accept(grammar_.get(), *token);
      (void)characters_.feed(pieces_.text(*token));
    }
    llama_.llama_sampler_accept(chain_.get(), *token);
    return *token;
  } catch (const std::exception& e) {  // llama.cpp throws through its C interface
    return fail(ErrorCode::kDataLoss, "GGUF model: the grammar failed: {}", e.what());
  }
}

}  // namespace zhiyin::model
