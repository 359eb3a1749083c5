#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "ingest/event.h"
#include "ingest/event_view.h"

namespace zhiyin::ingest {

class EventCatalogue;

/// What was refused, before it is stored in the quarantine.
struct RefusedEvent {
  std::string reason;
  std::string field;  ///< path, or empty
  std::string event;  ///< its JSON, or the raw text where that was no JSON
};

enum class Verdict { kAccepted, kDuplicate, kQuarantined };

struct Answer {
  std::string event_id;
  Verdict verdict = Verdict::kAccepted;
  std::string reason;  ///< why quarantined, with the field
};

/// The one way into the log: validates, seals, appends, answers per event. What is wrong goes into
/// the quarantine and never stops the rest. `duplicate` is best effort here (a bounded memory of
/// recent ids); the Deduplicator decides for good. Thread-safe.
class Intake {
 public:
  struct Settings {
    std::size_t events_max = 10'000;  ///< per call
    std::size_t recent_ids = 1 << 18;
    /// Whether an account exists; events for others are quarantined. Empty: every name is taken.
    /// Thread-safe, quick.
    std::function<bool(std::string_view)> account_known = {};
    /// Declared kinds, whose rules events must keep; null: none. Must outlive the intake.
    EventCatalogue* catalogue = nullptr;
    bool refuse_unknown_kinds =
        false;  ///< events of kinds that are neither declared nor ours go into the quarantine
    /// The zone of an account's times that come without one. Empty: Asia/Shanghai. Thread-safe,
    /// quick.
    std::function<TimeZone(std::string_view)> zone_of = {};
  };
  /// All must outlive the intake.
  Intake(storage::EventLog& log, storage::State& state, storage::Vault& vault, const Clock& clock,
         MetricsRegistry& metrics, Settings settings);
  ~Intake();

  using Done = std::move_only_function<void(Result<std::vector<Answer>>)>;

  /// `body` is a JSON array, one JSON object, or NDJSON. `accounts` limits whom the caller may
  /// write for (empty: all). A malformed array or object fails as a whole with the position; a
  /// malformed line of NDJSON is quarantined alone; more than `events_max` fail with kLimitReached.
  /// `done` runs once everything accepted is synced; on a thread of the log or the caller's.
  void accept_body(std::string body, std::string_view source, std::vector<std::string> accounts,
                   Done done);

  /// Who sends, for events of one call.
  struct Origin {
    std::string source;                 ///< api, page, link, tracking, …
    std::vector<std::string> accounts;  ///< limits whom the caller may write for; empty: all
    bool from_bot = false;              ///< kept as `bot.KIND`
  };
  /// As above.
  void accept_body(std::string body, const Origin& origin, Done done);
  /// Events that were read from another protocol, with what could not be read: that goes into the
  /// quarantine.
  void accept(std::vector<WireEvent> events, std::vector<RefusedEvent> refused,
              const Origin& origin, Done done);

  /// For callers inside (WeChat callbacks, importers, tracked links).
  void accept(std::vector<WireEvent> events, std::string_view source, Done done);
  Result<std::vector<Answer>> accept_and_wait(std::vector<WireEvent> events,
                                              std::string_view source);

  /// One event as JSON; what is wrong with it is returned (kInvalidArgument with the field) and not
  /// quarantined. `came_at`: when it came in first; that is what its client's clock is compared
  /// with, and when it happened if it has no time. `again`: the event was acknowledged before and
  /// nothing came of it, so that it is no duplicate for having been seen.
  Result<Answer> accept_corrected(std::string event_json, std::string_view source, Instant came_at,
                                  bool again = false);
  /// A record that was in the log before, and that its consumer could not deal with. kDataLoss when
  /// it is no event.
  Result<Answer> append_again(int partition, std::string bytes);

  struct Refused {
    std::size_t index = 0;
    Error error;
  };
  struct BatchOutcome {
    std::size_t accepted = 0;
    std::size_t duplicates = 0;
    std::vector<Refused> refused;  ///< not quarantined: the caller knows where they stood
  };
  using BatchDone = std::move_only_function<void(Result<void>)>;
  /// For importers: at most kBatchMax events whose texts need to live only until this returns. The
  /// outcome is settled when `done` says that the accepted ones are synced; after an error in
  /// either place repeat the batch. `check_stored` also looks ids up among those that the pipeline
  /// has seen: for files that may have come before.
  Result<BatchOutcome> accept_batch(std::span<const EventView> events, std::string_view source,
                                    bool check_stored, BatchDone done);
  static constexpr std::size_t kBatchMax = 50'000;
  /// Puts refused events into the quarantine: JSON (or raw text) with the reason.
  Result<void> quarantine(std::vector<RefusedEvent> events, std::string_view source);

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace zhiyin::ingest

namespace zhiyin {
template <>
struct EnumNames<ingest::Verdict> {
  static constexpr std::pair<ingest::Verdict, std::string_view> list[] = {
      {ingest::Verdict::kAccepted, "accepted"},
      {ingest::Verdict::kDuplicate, "duplicate"},
      {ingest::Verdict::kQuarantined, "quarantined"}};
};
template <>
struct Fields<ingest::Answer> {
  using A = ingest::Answer;
  static constexpr std::string_view name = "EventAnswer";
  static constexpr auto list = field_list(
      field("event_id", &A::event_id, "the event's id, made by the server when it had none"),
      field("status", &A::verdict, "what became of it"),
      field("reason", &A::reason, "why it was quarantined").optional());
};
}  // namespace zhiyin
