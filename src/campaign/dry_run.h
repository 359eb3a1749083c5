#pragma once

#include <string>
#include <vector>

#include "base/ids.h"
#include "base/json_binding.h"
#include "base/time.h"

namespace zhiyin::campaign {

struct RefusedCount {
  std::string rule;
  std::int64_t count = 0;
  std::string zh;  ///< the rule in words
  std::string en;
};

struct QuotaNeed {
  std::int64_t needed = 0;  ///< calls of the platform
  std::int64_t left = 0;    ///< today, before this campaign
};

struct Preview {
  PersonId person;
  std::string text;
};

struct PersonDecision {
  PersonId person;
  std::string decision;  ///< send, refused or held_out
  std::string rule;      ///< empty for send
};

/// What starting the campaign would do: made by the code that then does it.
struct DryRun {
  Instant as_of;
  Instant send_at;  ///< the campaign's time, moved out of quiet hours
  std::int64_t audience = 0;
  std::int64_t holdout = 0;
  std::int64_t would_send = 0;
  std::vector<RefusedCount> refused;
  QuotaNeed quota;
  std::vector<Preview> previews;       ///< first 5 of those who would get it
  std::vector<PersonDecision> people;  ///< first 200
};

}  // namespace zhiyin::campaign

template <>
struct zhiyin::Fields<zhiyin::campaign::RefusedCount> {
  using T = campaign::RefusedCount;
  static constexpr std::string_view name = "RefusedCount";
  static constexpr auto list = field_list(
      field("rule", &T::rule, "which rule"), field("count", &T::count, "how many people"),
      field("zh", &T::zh, "the rule in words"), field("en", &T::en, "the rule in words"));
};
template <>
struct zhiyin::Fields<zhiyin::campaign::QuotaNeed> {
  using T = campaign::QuotaNeed;
  static constexpr std::string_view name = "QuotaNeed";
  static constexpr auto list =
      field_list(field("needed", &T::needed, "calls"), field("left", &T::left, "calls left today"));
};
template <>
struct zhiyin::Fields<zhiyin::campaign::Preview> {
  using T = campaign::Preview;
  static constexpr std::string_view name = "Preview";
  static constexpr auto list = field_list(field("person", &T::person, "who"),
                                          field("text", &T::text, "what they would read"));
};
template <>
struct zhiyin::Fields<zhiyin::campaign::PersonDecision> {
  using T = campaign::PersonDecision;
  static constexpr std::string_view name = "PersonDecision";
  static constexpr auto list =
      field_list(field("person", &T::person, "who"),
                 field("decision", &T::decision, "send, refused or held_out"),
                 field("rule", &T::rule, "which rule decided; empty for send"));
};
template <>
struct zhiyin::Fields<zhiyin::campaign::DryRun> {
  using T = campaign::DryRun;
  static constexpr std::string_view name = "DryRun";
  static constexpr auto list =
      field_list(field("as_of", &T::as_of, "when this was computed"),
                 field("send_at", &T::send_at, "when sending would begin"),
                 field("audience", &T::audience, "people in the segment"),
                 field("holdout", &T::holdout, "people kept back"),
                 field("would_send", &T::would_send, "people who would get it"),
                 field("refused", &T::refused, "people stopped, by rule"),
                 field("quota", &T::quota, "platform calls"),
                 field("previews", &T::previews, "for real people"),
                 field("people", &T::people, "the first 200 decisions"));
};
