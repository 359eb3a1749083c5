#pragma once

#include <string>
#include <vector>

#include "base/json_binding.h"

namespace zhiyin::server {

/// Body of `POST /v1/generators/check`: a text that somebody wrote, and what it may state.
struct DraftCheckRequest {
  std::string text;
  std::vector<std::string> evidence;  ///< facts and documents that it may state from
  std::vector<std::string> names;     ///< that count as statements wherever they occur
  std::string instructions;           ///< that nobody is to read; empty: none
};

/// What the guard finds in a text, which it does not change: {"text" (the sentences that would
/// stay),"removed":[{"text","reason"}],"supported":[{"span","evidence","evidence_span"}] (spans of
/// the text that stays),"personal":[{"kind","text","span"}] (of the given text),"leak"
/// (instructions that it repeats; null)}. Spans are bytes. Pure.
Json check_draft(const DraftCheckRequest& request);

}  // namespace zhiyin::server

namespace zhiyin {
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
      field("instructions", &D::instructions, "that nobody is to read").optional());
};
}  // namespace zhiyin
