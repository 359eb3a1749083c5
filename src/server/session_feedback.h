#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/time.h"
#include "recommend/recommend_model.h"
#include "storage/grouped_writes.h"
#include "storage/state.h"

/// What visitors of whom only a session is known did with what they were shown: counted in
/// learning, under the name that the page gave the session, and kept for kSessionsKept. Nobody's
/// person, and in no report about people.
namespace zhiyin::server {

inline constexpr std::size_t kSessionBytesMax = 64;
inline constexpr Duration kSessionsKept = 90 * kDay;

std::span<const storage::Migration> session_feedback_migrations();

/// One act of a session. Twice the same counts once, with its last value.
struct SessionFeedback {
  std::string session;
  recommend::ItemRef item;
  std::string kind;
  std::int64_t value = 0;
  Instant at;
};
Result<void> note(storage::GroupedWrites& writes, const SessionFeedback& act);
/// Acts in (after, as_of], by session; `person` of the rows is `session_name`.
recommend::RowSource session_rows(storage::State& state, Instant after, Instant as_of);
/// Removes what is older than kSessionsKept.
Result<void> trim_session_feedback(storage::State& state, Instant now);

/// Under which a session stands where a person's id would: in impressions and in learning.
std::string session_name(std::string_view session);
bool is_session(std::string_view name);

}  // namespace zhiyin::server
