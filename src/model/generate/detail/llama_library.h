#pragma once

#include <ggml-backend.h>
#include <llama.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/error.h"

/// Every function of llama.cpp that we call.
// clang-format off
#define ZHIYIN_LLAMA_FUNCTIONS(X) \
  X(llama_backend_init) X(llama_log_set) X(llama_model_default_params) \
  X(llama_model_load_from_file) X(llama_model_free) X(llama_model_get_vocab) \
  X(llama_model_n_ctx_train) X(llama_model_desc) X(llama_model_chat_template) \
  X(llama_chat_apply_template) X(llama_context_default_params) X(llama_init_from_model) \
  X(llama_free) X(llama_set_abort_callback) X(llama_get_memory) X(llama_memory_clear) \
  X(llama_n_ctx) X(llama_batch_get_one) X(llama_decode) X(llama_get_logits_ith) \
  X(llama_vocab_n_tokens) X(llama_vocab_is_eog) X(llama_vocab_get_add_bos) X(llama_tokenize) \
  X(llama_token_to_piece) X(llama_sampler_chain_default_params) X(llama_sampler_chain_init) \
  X(llama_sampler_chain_add) X(llama_sampler_free) X(llama_sampler_apply) \
  X(llama_sampler_accept) X(llama_sampler_init_greedy) X(llama_sampler_init_dist) \
  X(llama_sampler_init_top_k) X(llama_sampler_init_top_p) X(llama_sampler_init_min_p) \
  X(llama_sampler_init_temp) X(llama_sampler_init_grammar)
// clang-format on

namespace zhiyin::model {

/// llama.cpp's shared libraries, loaded when they are first needed, so that the program starts
/// without them. Read-only after loading; the functions keep to llama.cpp's own rules on threads.
class LlamaLibrary {
 public:
  /// `folder` holds libllama.v0.5.0.so and what it needs, with the kernels for several processors.
  /// kNotFound or kUnavailable with the loader's reason.
  static Result<std::shared_ptr<const LlamaLibrary>> open(const std::filesystem::path& folder);

#define ZHIYIN_DECLARE(name) decltype(&::name) name = nullptr;
  ZHIYIN_LLAMA_FUNCTIONS(ZHIYIN_DECLARE)
#undef ZHIYIN_DECLARE

  /// The last warnings or errors that llama.cpp reported, at most 300 bytes; for messages.
  static std::string last_report();
};

}  // namespace zhiyin::model
