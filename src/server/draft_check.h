#pragma once

#include <string>
#include <vector>

#include "base/json_binding.h"

namespace zhiyin::server {

/// A term that a text is looked through for, as lists of advertising law or of a platform have it.
struct DraftTerm {
  std::string term;
  std::string category;
  std::int64_t severity = 1;
};

/// Body of `POST /v1/generators/check`: a text that somebody wrote, and what it may state.
struct DraftCheckRequest {
  std::string text;
  std::vector<std::string> evidence;  ///< facts and documents that it may state from
  std::vector<std::string> names;     ///< that count as statements wherever they occur
  std::string instructions;           ///< that nobody is to read; empty: none
  std::vector<DraftTerm> terms;       ///< that it should not contain
  std::vector<std::string> allow;     ///< words inside which no term counts
  /// How they are looked for (text/term.h). Homophones and shapes find innocent words, too.
  std::string views = "plain,mixed_script,noise,repeats";
};

/// What the guard finds in a text, which it does not change: {"text" (the sentences that would
/// stay),"removed":[{"text","reason"}],"supported":[{"span","evidence","evidence_span"}] (spans of
/// the text that stays),"personal":[{"kind","text","span"}] (of the given text),"leak"
/// (instructions that it repeats; null),"terms":[{"term","category","severity","view","text",
/// "span"}] (of the given text)}. Spans are bytes. Pure. kInvalidArgument naming `terms[i].text` or
/// the view that does not exist.
Result<Json> check_draft(const DraftCheckRequest& request);

}  // namespace zhiyin::server

namespace zhiyin {
template <>
struct Fields<server::DraftTerm> {
  using D = server::DraftTerm;
  [[maybe_unused]] static constexpr std::string_view name = "DraftTerm";
  static constexpr auto list =
      field_list(field("term", &D::term, "what is looked for").length(1, 256),
                 field("category", &D::category, "free").length(0, 256).optional(),
                 field("severity", &D::severity, "1 (note it) to 5").range(1, 5).optional());
};

template <>
struct Fields<server::DraftCheckRequest> {
  using D = server::DraftCheckRequest;
  [[maybe_unused]] static constexpr std::string_view name = "DraftCheck";
  static constexpr auto list = field_list(
      field("text", &D::text, "to be checked").length(1, 64 << 10),
      field("evidence", &D::evidence, "what it may state from").length(0, 256).optional(),
      field("names", &D::names, "that count as statements wherever they occur")
          .length(0, 1000)
          .optional(),
      field("instructions", &D::instructions, "that nobody is to read").optional(),
      field("terms", &D::terms, "that it should not contain").length(0, 5000).optional(),
      field("allow", &D::allow, "words inside which no term counts").length(0, 5000).optional(),
      field("views", &D::views, "how terms are looked for: all, or names of views by commas")
          .length(0, 100)
          .optional());
};
}  // namespace zhiyin
