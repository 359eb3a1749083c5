#include "ingest/intake.h"

#include <algorithm>
#include <atomic>
#include <future>

#include "base/check.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/utf8.h"
#include "ingest/detail/json_events.h"
#include "ingest/detail/kind_rules.h"
#include "ingest/detail/quarantine_writer.h"
#include "ingest/detail/recent_ids.h"
#include "ingest/detail/record_batch.h"
#include "ingest/detail/seen_events.h"
#include "ingest/detail/wire_text.h"

namespace zhiyin::ingest {
namespace {

using detail::Hash128;

// A body larger than this gets a parser of its own, so that threads do not keep its memory.
constexpr std::size_t kKeptParserBytesMax = 4 << 20;

// What one event of a call turned into.
struct Draft {
  EventView view;
  std::optional<Error> error;
  Verdict verdict = Verdict::kAccepted;
};

std::string reason_of(const Error& error) { return error.text(); }

/// Moves the event to our time where its client's clock is wrong, and notes by how much.
void correct_clock(EventView& event, Instant now, detail::TextArena& arena) {
  if (!event.sent_at || !event.occurred_at) return;
  const Duration error = clock_error(*event.occurred_at, *event.sent_at, now);
  if (error == Duration{0}) return;
  event.occurred_at = *event.occurred_at + error;
  const bool none = event.properties.size() <= 2;
  event.properties =
      arena.keep(fmt::format("{}{}\"clock_error_ms\":{}}}",
                             none ? "{" : event.properties.substr(0, event.properties.size() - 1),
                             none ? "" : ",", error.count() / 1000));
}

// What `source` of a bot's events ends in.
constexpr std::string_view kBotSource = ":bot";

/// `bot.KIND`, cut to what a kind may have.
std::string_view bot_kind(std::string_view kind, detail::TextArena& arena) {
  return arena.keep(
      fmt::format("{}{}", kBotPrefix, kind.substr(0, kKindBytesMax - kBotPrefix.size())));
}

void mark_bots(std::span<Draft> drafts, detail::TextArena& arena) {
  for (Draft& draft : drafts) {
    if (draft.verdict == Verdict::kAccepted) draft.view.kind = bot_kind(draft.view.kind, arena);
  }
}

// The answer to one call, which comes when both the log and the quarantine have spoken.
struct Reply {
  std::vector<Answer> answers;
  std::vector<Hash128> keys;  // ids to remember once they are synced
  Intake::Done done;
  std::atomic<int> waiting{0};
  Mutex mutex;
  Result<void> outcome ZHIYIN_GUARDED_BY(mutex);
};

}  // namespace

struct Intake::Inner {
  Inner(storage::EventLog& log_in, storage::State& state_in, storage::Vault& vault_in,
        const Clock& clock_in, MetricsRegistry& metrics, Settings settings_in)
      : log(log_in),
        state(state_in),
        vault(vault_in),
        clock(clock_in),
        settings(std::move(settings_in)),
        recent(settings.recent_ids),
        quarantine(state_in, vault_in),
        accepted(counter(metrics, "accepted")),
        duplicates(counter(metrics, "duplicate")),
        quarantined(counter(metrics, "quarantined")) {}

  ~Inner() {  // the log may still call back
    const MutexLock lock(mutex);
    while (in_flight != 0) idle.wait(mutex);
  }

  static Counter& counter(MetricsRegistry& metrics, std::string_view verdict) {
    return metrics.counter("zhiyin_events_received_total",
                           "Events by what became of them at intake",
                           fmt::format("verdict=\"{}\"", verdict));
  }

  void begin_work() {
    const MutexLock lock(mutex);
    ++in_flight;
  }
  void end_work() {
    const MutexLock lock(mutex);
    if (--in_flight == 0) idle.notify_all();
  }

  storage::EventLog& log;
  storage::State& state;
  storage::Vault& vault;
  const Clock& clock;
  const Settings settings;
  detail::RecentIds recent;
  Mutex mutex;
  CondVar idle;
  int in_flight ZHIYIN_GUARDED_BY(mutex) = 0;
  detail::QuarantineWriter quarantine;  // after what its callbacks use: its thread is joined first
  Counter& accepted;
  Counter& duplicates;
  Counter& quarantined;

  // Judges each draft: error, duplicate or accepted; gives ids and times to those without. `keys`
  // are those of accepted events that brought an id of their own.
  void judge(std::span<Draft> drafts, std::span<const std::string> accounts, bool ids_may_repeat,
             Instant now, Instant came_at, detail::TextArena& arena, std::vector<Hash128>& keys);
  Result<void> check_account(const EventView& event, std::span<const std::string> accounts) const;
  Result<void> check_kind(EventView& event, const detail::KindRules& rules,
                          detail::TextArena& arena) const;
  Result<std::vector<storage::NewRecord>> encode(std::span<const Draft> drafts,
                                                 std::string_view source, Instant now);
  void submit(std::span<Draft> drafts, std::vector<RefusedEvent> refused,
              const std::function<std::string(std::size_t)>& json_of, const Origin& origin,
              detail::TextArena& arena, Done done);
  void part_done(const std::shared_ptr<Reply>& reply, Result<void> outcome);
};

Result<void> Intake::Inner::check_account(const EventView& event,
                                          std::span<const std::string> accounts) const {
  auto allowed = [&](std::string_view account) {
    return accounts.empty() || std::ranges::find(accounts, account) != accounts.end();
  };
  if (!allowed(event.account))
    return fail_field("account", "this key may not write for '{}'", event.account);
  if (settings.account_known && !settings.account_known(event.account)) {
    return fail_field("account", "there is no account '{}'", event.account);
  }
  for (const IdentityView& identity : event.identities) {
    if (!identity.account.empty() && identity.account != event.account &&
        !allowed(identity.account)) {
      return fail_field("identities", "this key may not write for '{}'", identity.account);
    }
  }
  return {};
}

Result<void> Intake::Inner::check_kind(EventView& event, const detail::KindRules& rules,
                                       detail::TextArena& arena) const {
  if (settings.refuse_unknown_kinds && !rules.knows(event.kind))
    return fail_field("kind", "'{}' is not declared (zhiyin kinds apply)", event.kind);
  return rules.empty() ? Result<void>() : rules.check(event, arena);
}

void Intake::Inner::judge(std::span<Draft> drafts, std::span<const std::string> accounts,
                          bool ids_may_repeat, Instant now, Instant came_at,
                          detail::TextArena& arena, std::vector<Hash128>& keys) {
  detail::HashSet in_this_call(ids_may_repeat ? drafts.size() : 0);
  const auto rules = settings.catalogue != nullptr ? settings.catalogue->rules() : nullptr;
  for (Draft& draft : drafts) {
    EventView& event = draft.view;
    if (!draft.error) {
      correct_clock(event, came_at, arena);
      auto ok = check_event(event, now);
      if (ok) ok = check_account(event, accounts);
      if (ok && rules) ok = check_kind(event, *rules, arena);
      if (!ok) draft.error = std::move(ok.error());
    }
    if (draft.error) {
      draft.verdict = Verdict::kQuarantined;
      continue;
    }
    if (!event.occurred_at) event.occurred_at = came_at;
    if (event.event_id.empty()) {
      event.event_id = arena.keep(uuid_v7(now));
    } else if (ids_may_repeat) {
      const Hash128 key = detail::event_key(event.account, event.event_id);
      if (recent.contains(key) || !in_this_call.insert(key)) {
        draft.verdict = Verdict::kDuplicate;
      } else {
        keys.push_back(key);
      }
    }
  }
}

Result<std::vector<storage::NewRecord>> Intake::Inner::encode(std::span<const Draft> drafts,
                                                              std::string_view source,
                                                              Instant now) {
  thread_local std::vector<const EventView*> events;
  events.clear();
  for (const Draft& draft : drafts) {
    if (draft.verdict == Verdict::kAccepted) events.push_back(&draft.view);
  }
  if (events.empty()) return std::vector<storage::NewRecord>();
  detail::RecordBatch batch(vault);
  return batch.encode(events, source, now);
}

void Intake::Inner::part_done(const std::shared_ptr<Reply>& reply, Result<void> outcome) {
  if (!outcome) {
    const MutexLock lock(reply->mutex);
    if (reply->outcome) reply->outcome = std::move(outcome);
  }
  if (reply->waiting.fetch_sub(1) != 1) return;
  Result<void> all;
  {
    const MutexLock lock(reply->mutex);
    all = std::move(reply->outcome);
  }
  if (all) {
    reply->done(std::move(reply->answers));
  } else {
    reply->done(std::unexpected(std::move(all.error())));
  }
}

void Intake::Inner::submit(std::span<Draft> drafts, std::vector<RefusedEvent> refused,
                           const std::function<std::string(std::size_t)>& json_of,
                           const Origin& origin, detail::TextArena& arena, Done done) {
  const Instant now = clock.now();
  // In the quarantine the source keeps the mark, so that what is sent again has it too.
  const std::string source =
      origin.from_bot ? origin.source + std::string(kBotSource) : origin.source;
  auto reply = std::make_shared<Reply>();  // shared by the callbacks of log and quarantine
  judge(drafts, origin.accounts, true, now, now, arena, reply->keys);
  if (origin.from_bot) mark_bots(drafts, arena);
  auto records = encode(drafts, source, now);
  if (!records) return done(std::unexpected(std::move(records.error())));

  std::int64_t duplicate_count = 0;
  reply->answers.reserve(drafts.size() + refused.size());
  for (const RefusedEvent& event : refused) {
    reply->answers.push_back(
        {{},
         Verdict::kQuarantined,
         Error{ErrorCode::kInvalidArgument, event.reason, event.field}.text()});
  }
  for (std::size_t i = 0; i < drafts.size(); ++i) {
    Draft& draft = drafts[i];
    Answer& answer = reply->answers.emplace_back();
    answer.event_id = draft.view.event_id;
    answer.verdict = draft.verdict;
    if (draft.verdict == Verdict::kDuplicate) ++duplicate_count;
    if (!draft.error) continue;
    answer.event_id = utf8::truncate(draft.view.event_id, kEventIdBytesMax);
    answer.reason = reason_of(*draft.error);
    refused.push_back({std::move(draft.error->message), std::move(draft.error->field), json_of(i)});
  }
  const auto taken = static_cast<std::int64_t>(records->size());
  duplicates.add(duplicate_count);
  quarantined.add(static_cast<std::int64_t>(refused.size()));

  reply->done = std::move(done);
  reply->waiting = 1 + (records->empty() ? 0 : 1) + (refused.empty() ? 0 : 1);
  if (!records->empty()) {
    begin_work();
    log.append(storage::Stream::kEvents, std::move(*records),
               [this, reply, taken](Result<void> outcome) {
                 if (outcome) recent.add(reply->keys);
                 if (outcome) accepted.add(taken);
                 part_done(reply, std::move(outcome));
                 end_work();
               });
  }
  if (!refused.empty()) {
    quarantine.add(std::move(refused), source, now,
                   [this, reply](Result<void> outcome) { part_done(reply, std::move(outcome)); });
  }
  part_done(reply, {});
}

Intake::Intake(storage::EventLog& log, storage::State& state, storage::Vault& vault,
               const Clock& clock, MetricsRegistry& metrics, Settings settings)
    : inner_(std::make_unique<Inner>(log, state, vault, clock, metrics, std::move(settings))) {}

Intake::~Intake() = default;

void Intake::accept_body(std::string body, std::string_view source,
                         std::vector<std::string> accounts, Done done) {
  accept_body(std::move(body), {std::string(source), std::move(accounts), false}, std::move(done));
}

void Intake::accept_body(std::string body, const Origin& origin, Done done) {
  thread_local detail::JsonEvents kept;
  std::optional<detail::JsonEvents> own;
  if (body.size() > kKeptParserBytesMax) own.emplace();
  detail::JsonEvents& json = own ? *own : kept;
  if (auto read = json.read(body, inner_->settings.events_max, inner_->settings.zone_of); !read) {
    return done(std::unexpected(std::move(read.error())));
  }
  std::vector<Draft> drafts;
  drafts.reserve(json.events().size());
  for (detail::JsonEvent& event : json.events())
    drafts.push_back({event.view, std::move(event.error)});
  inner_->submit(
      drafts, {}, [&](std::size_t i) { return json.json_of(i); }, origin, json.arena(),
      std::move(done));
}

void Intake::accept(std::vector<WireEvent> events, std::string_view source, Done done) {
  accept(std::move(events), {}, {std::string(source), {}, false}, std::move(done));
}

void Intake::accept(std::vector<WireEvent> events, std::vector<RefusedEvent> refused,
                    const Origin& origin, Done done) {
  if (events.size() > inner_->settings.events_max) {
    return done(fail(ErrorCode::kLimitReached, "events: {} at once, at most {} are taken",
                     events.size(), inner_->settings.events_max));
  }
  std::vector<detail::WireText> texts;
  texts.reserve(events.size());  // views into it must stay where they are
  std::vector<Draft> drafts;
  drafts.reserve(events.size());
  for (const WireEvent& event : events) {
    auto text = detail::WireText::create(event);
    if (!text) {
      drafts.push_back({EventView{.event_id = event.event_id}, std::move(text.error())});
      continue;
    }
    texts.push_back(std::move(*text));
    drafts.push_back({texts.back().view(), std::nullopt});
  }
  detail::TextArena arena;
  inner_->submit(
      drafts, std::move(refused), [&](std::size_t i) { return to_json(events[i]).dump(); }, origin,
      arena, std::move(done));
}

Result<std::vector<Answer>> Intake::accept_and_wait(std::vector<WireEvent> events,
                                                    std::string_view source) {
  std::promise<Result<std::vector<Answer>>> promise;
  auto future = promise.get_future();
  accept(std::move(events), source,
         [&](Result<std::vector<Answer>> answers) { promise.set_value(std::move(answers)); });
  return future.get();
}

Result<Answer> Intake::append_again(int partition, std::string bytes) {
  ZHIYIN_TRY(const Event event, decode_event(bytes));
  std::vector<storage::NewRecord> records;
  records.push_back({partition, std::move(bytes)});
  ZHIYIN_TRY_VOID(inner_->log.append_and_wait(storage::Stream::kEvents, std::move(records)));
  return Answer{event.event_id, Verdict::kAccepted, {}};
}

Result<Answer> Intake::accept_corrected(std::string event_json, std::string_view source,
                                        Instant came_at, bool again) {
  detail::JsonEvents json;
  ZHIYIN_TRY_VOID(json.read(event_json, 1, inner_->settings.zone_of));
  if (json.events().size() != 1)
    return fail(ErrorCode::kInvalidArgument, "event: expected one object");
  detail::JsonEvent& event = json.events().front();
  if (event.error) return std::unexpected(std::move(*event.error));
  Draft draft{event.view, std::nullopt};
  const Instant now = inner_->clock.now();
  std::vector<Hash128> keys;
  inner_->judge(std::span(&draft, 1), {}, !again, now, came_at, json.arena(), keys);
  if (draft.error) return std::unexpected(std::move(*draft.error));
  Answer answer{std::string(draft.view.event_id), draft.verdict, {}};
  if (draft.verdict == Verdict::kDuplicate) return answer;
  if (source.ends_with(kBotSource)) mark_bots(std::span(&draft, 1), json.arena());
  ZHIYIN_TRY(auto records, inner_->encode(std::span(&draft, 1), source, now));
  ZHIYIN_TRY_VOID(inner_->log.append_and_wait(storage::Stream::kEvents, std::move(records)));
  inner_->recent.add(keys);
  inner_->accepted.add();
  return answer;
}

Result<Intake::BatchOutcome> Intake::accept_batch(std::span<const EventView> events,
                                                  std::string_view source, bool check_stored,
                                                  BatchDone done) {
  ZHIYIN_CHECK(events.size() <= kBatchMax);
  const Instant now = inner_->clock.now();
  detail::TextArena arena;
  std::vector<Draft> drafts;
  drafts.reserve(events.size());
  for (const EventView& event : events) drafts.push_back({event, std::nullopt});
  std::vector<Hash128> keys;
  inner_->judge(drafts, {}, check_stored, now, now, arena, keys);
  if (check_stored) {
    ZHIYIN_TRY(const detail::HashSet stored, detail::find_seen(inner_->state, keys));
    for (Draft& draft : drafts) {
      if (draft.verdict == Verdict::kAccepted &&
          stored.contains(detail::event_key(draft.view.account, draft.view.event_id))) {
        draft.verdict = Verdict::kDuplicate;
      }
    }
  }
  ZHIYIN_TRY(auto records, inner_->encode(drafts, source, now));
  BatchOutcome outcome;
  outcome.accepted = records.size();
  for (std::size_t i = 0; i < drafts.size(); ++i) {
    if (drafts[i].error) outcome.refused.push_back({i, std::move(*drafts[i].error)});
  }
  outcome.duplicates = events.size() - outcome.accepted - outcome.refused.size();
  inner_->accepted.add(static_cast<std::int64_t>(outcome.accepted));
  inner_->duplicates.add(static_cast<std::int64_t>(outcome.duplicates));
  if (records.empty()) {
    done({});
    return outcome;
  }
  inner_->begin_work();
  inner_->log.append(storage::Stream::kEvents, std::move(records),
                     [inner = inner_.get(), keys = std::move(keys),
                      done = std::move(done)](Result<void> synced) mutable {
                       if (synced) inner->recent.add(keys);
                       done(std::move(synced));
                       inner->end_work();
                     });
  return outcome;
}

Result<void> Intake::quarantine(std::vector<RefusedEvent> events, std::string_view source) {
  if (events.empty()) return {};
  inner_->quarantined.add(static_cast<std::int64_t>(events.size()));
  std::promise<Result<void>> promise;
  auto future = promise.get_future();
  inner_->quarantine.add(std::move(events), source, inner_->clock.now(),
                         [&](Result<void> outcome) { promise.set_value(std::move(outcome)); });
  return future.get();
}

}  // namespace zhiyin::ingest
