#pragma once

#include <vector>

#include "model/generate/detail/llama_library.h"
#include "model/generate/generator.h"

namespace zhiyin::model {

/// The tokens of a conversation in the model's own template (for base models without one: a plain
/// transcript). Only the template's part may become control tokens. kUnsupported when the template
/// is none that llama.cpp knows.
Result<std::vector<llama_token>> prompt_tokens(const LlamaLibrary& llama, const llama_model* model,
                                               const std::vector<ChatMessage>& messages);

}  // namespace zhiyin::model
