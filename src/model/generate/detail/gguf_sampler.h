#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/generate/detail/llama_library.h"
#include "model/generate/generator.h"
#include "model/generate/utf8_assembler.h"

namespace zhiyin::model {

/// Texts of all tokens of a vocabulary. Read-only after construction.
class TokenPieces {
 public:
  TokenPieces(const LlamaLibrary& llama, const llama_vocab* vocab);
  [[nodiscard]] const std::string& text(llama_token token) const {
    return texts_[static_cast<std::size_t>(token)];
  }
  [[nodiscard]] bool is_whole(llama_token token) const {
    return whole_[static_cast<std::size_t>(token)];
  }
  [[nodiscard]] std::size_t size() const { return texts_.size(); }

 private:
  std::vector<std::string> texts_;
  std::vector<bool> whole_;  // well-formed UTF-8 by itself
};

/// Chooses tokens for one answer: the likely ones by temperature, and with a grammar only such as
/// it and UTF-8 allow. Not thread-safe.
class GgufSampler {
 public:
  /// kUnsupported when llama.cpp does not take the grammar. `gbnf` empty: none.
  static Result<GgufSampler> create(const LlamaLibrary& llama, const llama_vocab* vocab,
                                    const TokenPieces& pieces, const GenerateRequest& request,
                                    const std::string& gbnf);

  /// The next token by the logits of the context's last one; kDataLoss when none is allowed.
  Result<llama_token> next(llama_context* context);

 private:
  using Sampler = std::unique_ptr<llama_sampler, void (*)(llama_sampler*)>;
  GgufSampler(const LlamaLibrary& llama, const llama_vocab* vocab, const TokenPieces& pieces,
              Sampler chain, Sampler grammar)
      : llama_(llama),
        vocab_(vocab),
        pieces_(pieces),
        chain_(std::move(chain)),
        grammar_(std::move(grammar)) {}

  std::optional<llama_token> choose(const float* logits, bool grammar_first);
  [[nodiscard]] bool allowed(llama_token token);
  [[nodiscard]] bool keeps_utf8(llama_token token) const;

  const LlamaLibrary& llama_;
  const llama_vocab* vocab_;
  const TokenPieces& pieces_;
  Sampler chain_;
  Sampler grammar_;  // null: none
  Utf8Assembler characters_;
  std::vector<llama_token_data> candidates_;
};

}  // namespace zhiyin::model
