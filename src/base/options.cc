#include "base/options.h"

#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "base/check.h"
#include "base/nearest.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX leaves it to us

namespace zhiyin {
namespace {

const OptionSpec* find_spec(std::span<const OptionSpec> specs, std::string_view name) {
  for (const OptionSpec& spec : specs) {
    if (spec.name == name) return &spec;
  }
  return nullptr;
}

std::unexpected<Error> unknown_key(std::span<const OptionSpec> specs, std::string_view shown,
                                   std::string_view name) {
  std::vector<std::string_view> names;
  for (const OptionSpec& spec : specs) names.push_back(spec.name);
  std::string near(nearest_name(name, names));
  if (near.empty()) {  // `prot` at the top of the file, ZHIYIN_SERVER_PROT
    std::vector<std::string> others;
    for (const OptionSpec& spec : specs) {
      others.emplace_back(spec.name.substr(spec.name.rfind('.') + 1));
      others.push_back(option_environment_name(spec.name));
    }
    const std::vector<std::string_view> views(others.begin(), others.end());
    const std::string_view other = nearest_name(name, views);
    const auto at =
        static_cast<std::size_t>(std::find(others.begin(), others.end(), other) - others.begin());
    if (!other.empty()) near = at % 2 == 0 ? std::string(specs[at / 2].name) : others[at];
  }
  if (near.empty()) return fail(ErrorCode::kInvalidArgument, "{}: no option has this name", shown);
  return fail(ErrorCode::kInvalidArgument, "{}: no option has this name; did you mean '{}'?", shown,
              near);
}

Result<void> check_value(const OptionSpec& spec, std::string_view source,
                         const std::string& value) {
  const std::string_view shown = spec.secret ? "(hidden)" : std::string_view(value);
  switch (spec.type) {
    case OptionType::kString:
      return {};
    case OptionType::kBool:
      if (value == "true" || value == "false") return {};
      return fail(ErrorCode::kInvalidArgument, "{}: '{}' is neither true nor false", source, shown);
    case OptionType::kDuration:
      if (parse_duration(value)) return {};
      return fail(ErrorCode::kInvalidArgument, "{}: '{}' is no duration such as 90s, 15m or 7d",
                  source, shown);
    case OptionType::kInt: {
      std::int64_t n = 0;
      const char* end = value.data() + value.size();
      const auto [p, ec] = std::from_chars(value.data(), end, n);
      if (ec == std::errc() && p == end && n >= spec.minimum && n <= spec.maximum) return {};
      return fail(ErrorCode::kInvalidArgument, "{}: '{}' is no integer between {} and {}", source,
                  shown, spec.minimum, spec.maximum);
    }
  }
  return {};
}

void flatten(const toml::table& table, const std::string& prefix,
             std::vector<std::pair<std::string, std::string>>& out) {
  for (const auto& [key, node] : table) {
    const std::string name =
        prefix.empty() ? std::string(key.str()) : prefix + "." + std::string(key.str());
    if (const auto* child = node.as_table()) {
      flatten(*child, name, out);
    } else if (const auto* s = node.as_string()) {
      out.emplace_back(name, s->get());
    } else {
      std::ostringstream text;
      node.visit([&](const auto& n) { text << n; });
      out.emplace_back(name, text.str());
    }
  }
}

std::string_view type_name(OptionType type) {
  switch (type) {
    case OptionType::kString:
      return "text";
    case OptionType::kInt:
      return "integer";
    case OptionType::kBool:
      return "true or false";
    case OptionType::kDuration:
      return "duration";
  }
  return "";
}

std::string toml_value(const OptionSpec& spec) {
  const bool quoted = spec.type == OptionType::kString || spec.type == OptionType::kDuration;
  return quoted ? fmt::format("\"{}\"", spec.default_value) : std::string(spec.default_value);
}

}  // namespace

std::string option_environment_name(std::string_view name) {
  std::string out = "ZHIYIN_";
  for (const char c : name) out += c == '.' ? '_' : static_cast<char>(std::toupper(c));
  return out;
}

std::map<std::string, std::string> zhiyin_environment() {
  std::map<std::string, std::string> out;
  for (char** p = environ; *p != nullptr; ++p) {
    const std::string_view entry(*p);
    const std::size_t eq = entry.find('=');
    if (entry.starts_with("ZHIYIN_") && eq != std::string_view::npos) {
      out.emplace(entry.substr(0, eq), entry.substr(eq + 1));
    }
  }
  return out;
}

Result<Options> Options::load(std::span<const OptionSpec> specs, std::string_view file_text,
                              std::string_view file_name,
                              const std::map<std::string, std::string>& environment,
                              const std::map<std::string, std::string>& flags) {
  Options options;
  for (const OptionSpec& spec : specs) {
    options.values_.emplace(spec.name, spec.default_value);
  }
  auto set = [&](std::string_view source, std::string_view name,
                 const std::string& value) -> Result<void> {
    const OptionSpec* spec = find_spec(specs, name);
    if (spec == nullptr) return unknown_key(specs, source, name);
    ZHIYIN_TRY_VOID(check_value(*spec, source, value));
    options.values_.find(name)->second = value;
    return {};
  };
  std::vector<std::pair<std::string, std::string>> entries;
  try {
    flatten(toml::parse(file_text, file_name), "", entries);
  } catch (const toml::parse_error& error) {
    return fail(ErrorCode::kInvalidArgument, "{}:{}: {}", file_name, error.source().begin.line,
                error.description());
  }
  for (const auto& [name, value] : entries) {
    ZHIYIN_TRY_VOID(set(fmt::format("{}: {}", file_name, name), name, value));
  }
  for (const auto& [variable, value] : environment) {
    const auto spec = std::find_if(specs.begin(), specs.end(), [&](const OptionSpec& s) {
      return option_environment_name(s.name) == variable;
    });
    if (spec == specs.end()) return unknown_key(specs, variable, variable);
    ZHIYIN_TRY_VOID(set(variable, spec->name, value));
  }
  for (const auto& [name, value] : flags) ZHIYIN_TRY_VOID(set("--" + name, name, value));
  return options;
}

const std::string& Options::text(std::string_view name) const {
  const auto found = values_.find(name);
  ZHIYIN_CHECK(found != values_.end());
  return found->second;
}

std::int64_t Options::integer(std::string_view name) const { return std::stoll(text(name)); }
bool Options::boolean(std::string_view name) const { return text(name) == "true"; }
Duration Options::duration(std::string_view name) const {
  const auto d = parse_duration(text(name));
  ZHIYIN_CHECK(d.has_value());
  return *d;
}

std::string options_document(std::span<const OptionSpec> specs) {
  std::string out =
      "# Options\n\nGenerated by `zhiyin options`; edit the table in the code instead.\n\n"
      "Default, then the file `zhiyin.toml`, then the environment, then the flag `--NAME VALUE`. "
      "Unknown keys stop the start.\n\n"
      "| option | type | default | environment | meaning |\n|---|---|---|---|---|\n";
  for (const OptionSpec& spec : specs) {
    std::string type(type_name(spec.type));
    if (spec.type == OptionType::kInt)
      type += fmt::format(", {} to {}", spec.minimum, spec.maximum);
    out += fmt::format("| `{}` | {} | {} | `{}` | {}{} |\n", spec.name, type,
                       spec.default_value.empty() ? "" : fmt::format("`{}`", spec.default_value),
                       option_environment_name(spec.name), spec.help,
                       spec.example.empty() ? "" : fmt::format(" Example: `{}`", spec.example));
  }
  return out;
}

std::string options_template(std::span<const OptionSpec> specs) {
  std::string out =
      "# Zhiyin settings. Every option is listed with its default, commented out; change what you "
      "need.\n"
      "# Paths are relative to this file. Unknown keys stop the start.\n";
  std::string section;
  auto write = [&](bool top_level) {
    for (const OptionSpec& spec : specs) {
      const std::size_t dot = spec.name.find('.');
      if ((dot == std::string_view::npos) != top_level) continue;
      if (!top_level && spec.name.substr(0, dot) != section) {
        section = spec.name.substr(0, dot);
        out += fmt::format("\n[{}]\n", section);
      }
      const std::string_view key = top_level ? spec.name : spec.name.substr(dot + 1);
      out += fmt::format("\n# {}\n", spec.help);
      if (!spec.example.empty()) out += fmt::format("# Example: {}\n", spec.example);
      out += fmt::format("# {} = {}\n", key, toml_value(spec));
    }
  };
  write(true);
  write(false);
  return out;
}

}  // namespace zhiyin
