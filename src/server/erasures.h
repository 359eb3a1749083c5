#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "audience/people.h"
#include "audience/recent_people.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "ingest/projection.h"
#include "storage/state.h"

/// What WeChat asks to be forgotten about people, by callback: queued with the event's place in the
/// log, carried out behind it, tried again until it is done, kept as a list with certificates.
///
/// `user_authorization_cancellation`: the person has closed their account, and is erased.
/// `user_info_modified`: the platform has cleaned nickname and picture; the traits that hold them
/// are taken away.
namespace zhiyin::server {

/// Queues the requests of the platform; events of these kinds from elsewhere ask for nothing.
class ErasureRequests final : public ingest::EventProjection {
 public:
  static std::span<const storage::Migration> migrations();
  Result<void> apply(storage::Session& session,
                     std::span<const ingest::LoggedEvent> events) override;
};

/// What the work needs. All must outlive the call.
struct ErasureParts {
  storage::State& state;
  const audience::People& people;
  const Clock& clock;
  Logger& logger;
  /// Brings everything that was acknowledged so far into state and warehouse.
  const std::function<Result<void>()>& settle;
  /// What others keep of a person that is about to be erased; may be empty. Repeatable.
  std::function<Result<void>(const PersonId&)> forget = {};
  audience::RecentPeople* recent = nullptr;  ///< null: there are none
};

inline constexpr std::size_t kErasuresAtOnce = 100;

/// Carries out what is due, at most kErasuresAtOnce; returns how many are done. What fails is tried
/// again after a minute, then ever later, up to a day. Repeatable: begun again after a crash it
/// ends in the same.
Result<std::size_t> carry_out_erasures(const ErasureParts& parts);

/// Newest first; `after` is the `next` of the page before, or empty:
/// {"items":[{"id","account","what","asked_at","done_at","tries","error","certificate"}],"next"}.
/// `what` is person or profile; `certificate` as of an erasure by hand, null while it waits, or
/// where there was nothing to forget.
Result<Json> list_erasures(storage::State& state, std::string_view after, std::size_t limit);

}  // namespace zhiyin::server
