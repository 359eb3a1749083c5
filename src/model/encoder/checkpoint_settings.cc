#include "model/encoder/checkpoint_settings.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/strict_json.h"

namespace zhiyin::model {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFileBytesMax = 16 << 20;  // tokenizer_config.json lists added tokens
constexpr std::size_t kPieceBytesMax = 4096;

/// Numbers of more than 18 digits get a point: they are read as floats instead of refused.
std::string with_points(std::string_view json) {
  constexpr std::size_t kDigitsMax = 18;
  const auto numeric = [](char c) {
    return (c >= '0' && c <= '9') || c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-';
  };
  std::string out;
  bool quoted = false;
  for (std::size_t at = 0; at < json.size();) {
    const char c = json[at];
    std::size_t end = at + 1;
    if (quoted && c == '\\') {
      end = std::min(at + 2, json.size());
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && numeric(c)) {
      while (end < json.size() && numeric(json[end])) ++end;
    }
    const std::string_view part = json.substr(at, end - at);
    out += part;
    if (part.size() > kDigitsMax && part.find_first_of(".eE") == std::string_view::npos)
      out += ".0";
    at = end;
  }
  return out;
}

template <class... Args>
std::unexpected<Error> wrong(std::string_view file, std::string_view member,
                             fmt::format_string<Args...> format, Args&&... args) {
  return fail_field(member, "{}: {}", file, fmt::format(format, std::forward<Args>(args)...));
}

/// A truth of the file under our name, where it is there.
Result<void> take_truth(const Json& json, std::string_view file, std::string_view theirs,
                        std::string_view ours, Json& out) {
  if (json[theirs].is_null()) return {};
  const bool* const value = json[theirs].if_bool();
  if (value == nullptr) return wrong(file, theirs, "is neither true nor false");
  out.set(std::string(ours), *value);
  return {};
}

/// The most tokens of a text, where the file says so; whatever is larger than any model is none.
Result<void> take_most(const Json& json, std::string_view file, std::string_view member,
                       Json& out) {
  const Json& value = json[member];
  if (value.is_null()) return {};
  constexpr double kNoLimit = 1e9;
  if (!value.is_number() || value.number_or(0) < 1)
    return wrong(file, member, "is not a number of tokens above 0");
  if (value.number_or(0) >= kNoLimit) return {};
  const auto most = static_cast<std::int64_t>(value.number_or(0));
  const std::int64_t before = out["tokens_max"].int_or(most);
  out.set("tokens_max", std::min(most, before));
  return {};
}

/// Specials are texts, or objects that describe an added token.
Result<void> take_special(const Json& json, std::string_view file, std::string_view theirs,
                          std::string_view ours, Json& out) {
  const Json& value = json[theirs];
  if (value.is_null() || !out[ours].is_null()) return {};
  const std::string* const text =
      value.if_object() != nullptr ? value["content"].if_string() : value.if_string();
  if (text == nullptr || text->empty() || text->size() > kPieceBytesMax)
    return wrong(file, theirs, "is not a token");
  out.set(std::string(ours), *text);
  return {};
}

Result<void> take_specials(const Json& json, std::string_view file, Json& out) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {{"unk_token", "unknown"},
                                                                      {"cls_token", "first"},
                                                                      {"sep_token", "last"},
                                                                      {"pad_token", "pad"},
                                                                      {"mask_token", "mask"}};
  for (const auto& [theirs, ours] : kNames)
    ZHIYIN_TRY_VOID(take_special(json, file, theirs, ours, out));
  return {};
}

/// Where the pooling is described; empty where nothing is said about it.
Result<std::string> pooling_file(const fs::path& folder) {
  ZHIYIN_TRY(const Json modules, read_checkpoint_json(folder, "modules.json"));
  if (modules.is_null()) return std::string("1_Pooling/config.json");
  const Json::Array* const list = modules.if_array();
  if (list == nullptr) return wrong("modules.json", "", "is no list");
  std::string out;
  for (const Json& module : *list) {
    const std::string_view type = module["type"].string_or("");
    const std::string_view kind = type.substr(type.rfind('.') + 1);
    if (kind == "Transformer" || kind == "Normalize") continue;  // vectors are of length 1 anyway
    if (kind != "Pooling" || !out.empty())
      return fail(ErrorCode::kUnsupported,
                  "modules.json: a module '{}' is not done here; a pooling that is given instead "
                  "(--pooling mean or cls) leaves the modules out",
                  type.substr(0, 80));
    const fs::path path(std::string(module["path"].string_or("1_Pooling")));
    if (path.is_absolute() || std::ranges::find(path, fs::path("..")) != path.end())
      return wrong("modules.json", "path", "'{}' leads out of the folder", path.string());
    out = (path / "config.json").string();
  }
  return out;
}

}  // namespace

Result<Json> read_checkpoint_json(const fs::path& folder, std::string_view name) {
  std::error_code ignored;
  if (!fs::exists(folder / name, ignored)) return Json();
  ZHIYIN_TRY(const std::string text, read_file(folder / name, kFileBytesMax));
  auto json = parse_strict_json(with_points(text), 2 * kFileBytesMax);
  if (!json) {
    json.error().message = fmt::format("{}: {}", name, json.error().message);
    return std::unexpected(json.error());
  }
  return json;
}

Result<Pooling> read_checkpoint_pooling(const fs::path& folder) {
  ZHIYIN_TRY(const std::string file, pooling_file(folder));
  if (file.empty()) return Pooling::kMean;
  ZHIYIN_TRY(const Json json, read_checkpoint_json(folder, file));
  if (json.is_null()) return Pooling::kMean;
  if (json.if_object() == nullptr) return wrong(file, "", "is no object");
  constexpr std::string_view kPrefix = "pooling_mode";
  std::vector<std::string> chosen;
  for (const auto& [name, value] : *json.if_object()) {
    if (!name.starts_with(kPrefix)) continue;
    if (name == kPrefix && value.if_string() != nullptr) {
      chosen.push_back(*value.if_string());
    } else if (value.if_bool() == nullptr) {
      return wrong(file, name, "is neither true nor false");
    } else if (*value.if_bool()) {
      chosen.push_back(name.substr(kPrefix.size() + 1));
    }
  }
  if (chosen.empty() || (chosen.size() == 1 && chosen[0].starts_with("mean") &&
                         (chosen[0] == "mean" || chosen[0] == "mean_tokens")))
    return Pooling::kMean;
  if (chosen.size() == 1 && (chosen[0] == "cls" || chosen[0] == "cls_token"))
    return Pooling::kFirst;
  std::string all;
  for (const std::string& one : chosen) all += (all.empty() ? "" : " and ") + one;
  return fail(ErrorCode::kUnsupported, "{}: pooling by {} (mean and cls are done here)", file,
              all.substr(0, 200));
}

Result<Json> read_tokeniser_settings(const fs::path& folder, bool only_vocab) {
  Json out = Json::object();
  constexpr std::string_view kFile = "tokenizer_config.json";
  ZHIYIN_TRY(const Json config, read_checkpoint_json(folder, kFile));
  if (!config.is_null() && config.if_object() == nullptr) return wrong(kFile, "", "is no object");
  ZHIYIN_TRY_VOID(take_most(config, kFile, "model_max_length", out));
  if (const Json& side = config["truncation_side"]; !side.is_null()) {
    const std::string_view text = side.string_or("");
    if (text != "left" && text != "right")
      return wrong(kFile, "truncation_side", "is neither left nor right");
    out.set("from_left", text == "left");
  }
  constexpr std::string_view kSentences = "sentence_bert_config.json";
  ZHIYIN_TRY(const Json sentences, read_checkpoint_json(folder, kSentences));
  ZHIYIN_TRY_VOID(take_most(sentences, kSentences, "max_seq_length", out));
  if (!only_vocab) return out;
  ZHIYIN_TRY_VOID(take_truth(config, kFile, "do_lower_case", "lowercase", out));
  ZHIYIN_TRY_VOID(take_truth(config, kFile, "strip_accents", "strip_accents", out));
  ZHIYIN_TRY_VOID(take_truth(config, kFile, "tokenize_chinese_chars", "isolate_han", out));
  ZHIYIN_TRY_VOID(take_specials(config, kFile, out));
  constexpr std::string_view kSpecials = "special_tokens_map.json";
  ZHIYIN_TRY(const Json specials, read_checkpoint_json(folder, kSpecials));
  ZHIYIN_TRY_VOID(take_specials(specials, kSpecials, out));
  return out;
}

}  // namespace zhiyin::model
