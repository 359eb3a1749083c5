#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "app/control_socket.h"
#include "base/json.h"

namespace zhiyin::app {

/// What the commands about classifiers of texts need from outside.
struct TextModelContext {
  /// Runs a command on the installation around the caller; kNotFound where there is none.
  std::function<Result<Json>(const std::string& command, const Json& args)> on_installation;
  ProgressSink progress;
  std::function<void(std::string_view)> note;  ///< what the caller is told beside the answers
};

/// All of a command's `--input`: a file, unpacked when its name ends in .gz or .zst, or with `-`
/// standard input.
Result<std::string> read_input(const std::string& path);

/// A MODEL with a `/` is a path; any other name is the active version of that name in the
/// installation's registry, or its version `NAME-3`, or else a model that comes with the program.

/// `train text`: trains, stores at `--output`, and answers with the report.
Result<Json> train_text(const Json& args, const TextModelContext& context);
/// `evaluate classify`.
Result<Json> evaluate_classify(const Json& args, const TextModelContext& context);
/// `embed`: vectors of the lines of `--input` as a NumPy file.
Result<Json> embed(const Json& args, const TextModelContext& context);
/// `classify`: one answer per line of the input goes to `write`, in order. True when every line
/// could be read; a line that is not UTF-8 gets an answer with `error` instead of a label.
Result<bool> classify_lines(const Json& args, const TextModelContext& context, bool json,
                            const std::function<void(std::string_view)>& write);

}  // namespace zhiyin::app
