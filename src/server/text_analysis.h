#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_binding.h"
#include "server/language.h"

namespace zhiyin::server {

/// Body of `POST /v1/analyze`.
struct AnalyzeRequest {
  std::vector<std::string> texts;
  std::optional<std::vector<std::string>> tasks;  ///< absent: all that there is
  std::int64_t keywords = 10;                     ///< most of a text
  std::int64_t explain = 0;  ///< n-grams that weigh most in each classifier's answer
};
inline constexpr std::size_t kAnalyzeTextsMax = 512;
inline constexpr std::size_t kAnalyzeBytesMax = 64 << 10;  ///< of a text
/// What of an answer would grow many times faster than its text; more is counted only.
inline constexpr std::size_t kKeywordSpansMax = 100;  ///< places of a keyword, the first
inline constexpr std::size_t kEntitiesMax = 500;      ///< of a text

/// What is to be found in each text: {"items":[…],"versions":{task: version},"missing":[tasks that
/// were not asked for by name and have no model]}. An item has a member per task, or
/// "error":{code,message,field} where the text is empty or too long; others are not affected.
/// Tasks: language, keywords, entities, masked, words, and names of classifiers; kNotFound, naming
/// `tasks[i]`, where one that was asked for has no model. docs/language.md describes the members.
Result<Json> analyze(Language& language, const AnalyzeRequest& request, std::string_view caller);

/// Whether a task is one of the rules (language, keywords, …) and no classifier's name.
bool is_analysis_rule(std::string_view task);

}  // namespace zhiyin::server

namespace zhiyin {
template <>
struct Fields<server::AnalyzeRequest> {
  using B = server::AnalyzeRequest;
  [[maybe_unused]] static constexpr std::string_view name = "Analyze";
  static constexpr auto list = field_list(
      field("texts", &B::texts, "to be analysed").length(1, server::kAnalyzeTextsMax),
      field("tasks", &B::tasks, "language, keywords, entities, masked, words, names of classifiers")
          .length(1, 32),
      field("keywords", &B::keywords, "most of a text").range(1, 100).optional(),
      field("explain", &B::explain, "n-grams that weigh most in each classifier's answer")
          .range(0, 100)
          .optional());
};
}  // namespace zhiyin
