#pragma once

#include <functional>
#include <string_view>

#include "app/text_model_commands.h"

namespace zhiyin::app {

/// `analyze`: what `POST /v1/analyze` says of each line of `--input`, as JSON lines in their order
/// to `write`, each with its `line`; the last says which versions answered. A line that is empty or
/// not UTF-8 gets `error`. A task with a `/` is a classifier's file and answers under the file's
/// name; other classifiers are sought as `classify` does. True when every line could be read.
Result<bool> analyze_lines(const Json& args, const TextModelContext& context,
                           const std::function<void(std::string_view)>& write);

}  // namespace zhiyin::app
