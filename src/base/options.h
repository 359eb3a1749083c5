#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace zhiyin {

enum class OptionType { kString, kInt, kBool, kDuration };

/// One entry per option: the loader, `--help` and docs/options.md come from it.
struct OptionSpec {
  std::string_view name;  ///< dotted, `server.port`; in the file `[server] port = …`
  OptionType type = OptionType::kString;
  std::string_view default_value;
  std::string_view help;
  std::string_view example = {};
  std::int64_t minimum = 0;        ///< of kInt
  std::int64_t maximum = 1 << 30;  ///< of kInt
  bool secret = false;             ///< never shown
};

/// The settings of a process, checked. Later sources win: default, file, environment, flag.
/// A pure value.
class Options {
 public:
  /// `file_text` is TOML (`file_name` for messages); `environment` holds `ZHIYIN_SERVER_PORT` style
  /// names (others are ignored, unknown ZHIYIN_ names are refused); `flags` holds `server.port`
  /// style names. Unknown keys fail with kInvalidArgument and the nearest valid name.
  static Result<Options> load(std::span<const OptionSpec> specs, std::string_view file_text,
                              std::string_view file_name,
                              const std::map<std::string, std::string>& environment,
                              const std::map<std::string, std::string>& flags);

  /// The name must be in the specs and of that type.
  [[nodiscard]] const std::string& text(std::string_view name) const;
  [[nodiscard]] std::int64_t integer(std::string_view name) const;
  [[nodiscard]] bool boolean(std::string_view name) const;
  [[nodiscard]] Duration duration(std::string_view name) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

/// `ZHIYIN_SERVER_PORT` for `server.port`.
std::string option_environment_name(std::string_view name);
/// The ZHIYIN_ variables of this process.
std::map<std::string, std::string> zhiyin_environment();
/// docs/options.md.
std::string options_document(std::span<const OptionSpec> specs);
/// The commented file that `zhiyin init` writes: every option with its default, commented out.
std::string options_template(std::span<const OptionSpec> specs);

}  // namespace zhiyin
