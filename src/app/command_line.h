#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace zhiyin::app {

/// One flag of a command.
struct FlagSpec {
  std::string_view name;   ///< without dashes
  std::string_view value;  ///< what stands for its value in help; empty: a switch
  std::string_view help;
  bool repeated = false;  ///< may come several times
};

/// One command: its words, what follows them, and its help.
struct CommandSpec {
  std::string_view words;     ///< `campaign dry-run`
  std::string_view operands;  ///< `FILE`, `ID`; each word is one operand and becomes a member of
                              ///< that name in lower case
  std::string_view summary;
  std::string_view example;
  std::vector<FlagSpec> flags;
  bool takes_options = false;  ///< options of docs/options.md as flags (`--server.port 9000`)
};

/// All commands, in the order of the help page.
const std::vector<CommandSpec>& command_table();

/// What was typed, taken apart.
struct Invocation {
  const CommandSpec* command = nullptr;  ///< null: none was named
  Json args =
      Json::object();  ///< operands and flags by name; repeated flags are arrays, switches true
  std::map<std::string, std::string> options;  ///< dotted flags
  std::string config;                          ///< --config, or empty
  bool json = false;
  bool help = false;
  bool version = false;
};

/// Fails with kInvalidArgument, naming the nearest command or flag.
Result<Invocation> parse_command_line(std::span<const std::string> arguments);

/// `zhiyin --help`.
std::string general_help();
/// `zhiyin COMMAND --help`.
std::string command_help(const CommandSpec& command);
/// docs/command-line.md.
std::string command_document();

}  // namespace zhiyin::app
