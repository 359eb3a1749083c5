#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/command_line.h"
#include "base/error.h"
#include "base/json.h"

namespace zhiyin::app {

/// What a text command does with each text: an object for machines, and how people read it.
struct TextTask {
  std::function<Result<Json>(std::string_view text)> run;
  std::function<std::string(const Json& result)> show;
  std::function<Result<void>()> end;  ///< after the last text; may be empty
};

/// `zhiyin text …`, for the table of commands.
std::vector<CommandSpec> text_command_specs();

/// Runs one of them: on the operand TEXT, else on each line of --input (- and nothing: standard
/// input), or on all of it with --whole. `out` gets a line or several for each text as soon as it
/// is done: JSON with `json`. A text that fails ends the run, naming its line.
Result<void> run_text_command(std::string_view words, const Json& args, bool json,
                              const std::function<void(std::string_view)>& out);

/// What is wrong in a file that a flag names: `--terms: words.tsv: line 3.severity: is 9, …`.
Error of_file(std::string_view flag, std::string_view path, Error error);

/// Those about words and sentences (text_word_commands.cc).
Result<TextTask> text_word_task(std::string_view words, const Json& args);

}  // namespace zhiyin::app
