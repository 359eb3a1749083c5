#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/log.h"
#include "model/generate/generator.h"

namespace zhiyin::model {

struct GgufSettings {
  std::filesystem::path model_file;      ///< *.gguf
  std::filesystem::path library_folder;  ///< with llama.cpp's shared libraries
  int requests = 2;           ///< that run at once, each with a context of its own; 1 to 64
  int waiting = 32;           ///< that wait for one; more: kLimitReached
  int context_tokens = 4096;  ///< of prompt and answer; at most what the model was trained with
  int batch_tokens = 512;     ///< of a prompt that are computed at once
  int threads = 1;            ///< for each request
};

/// Runs a GGUF model in this process through llama.cpp. Answers with a schema are held to it by a
/// grammar, token by token. Tools: kUnsupported. Control tokens are taken from the model's own
/// template only: a message that spells one is text. Thread-safe.
class GgufGenerator : public Generator {
 public:
  /// kUnsupported when the program was built without llama.cpp's headers, kNotFound without the
  /// libraries or the file, kDataLoss when the file is no model.
  static Result<std::unique_ptr<GgufGenerator>> create(const GgufSettings& settings,
                                                       Logger& logger);
};

}  // namespace zhiyin::model
