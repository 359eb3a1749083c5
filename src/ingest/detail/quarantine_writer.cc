#include "ingest/detail/quarantine_writer.h"

#include "base/utf8.h"
#include "ingest/quarantine.h"

namespace zhiyin::ingest::detail {
namespace {

constexpr std::size_t kReasonBytesMax = 500;

Result<void> write_one(storage::Session& session, storage::Vault& vault, std::int64_t id,
                       Instant at, std::string_view source, const RefusedEvent& event) {
  const std::string_view kept = utf8::truncate(event.event, kQuarantineEventBytesMax);
  const std::string sealed = vault.seal_secret(Secret(std::string(kept)), "quarantine");
  ZHIYIN_TRY_VOID(session.execute(
      "INSERT INTO quarantine (id, received_at, source, reason, field, event) VALUES (?1, ?2, ?3, "
      "?4, ?5, ?6)",
      {id, at.us, utf8::cleaned(source),
       utf8::cleaned(utf8::truncate(event.reason, kReasonBytesMax)),
       utf8::cleaned(utf8::truncate(event.field, kReasonBytesMax)), storage::Blob{sealed}}));
  return {};
}

}  // namespace

Result<void> write_quarantine(storage::Session& session, storage::Vault& vault,
                              std::span<const RefusedEvent> events, std::string_view source,
                              Instant at) {
  // The counter only grows, also when entries are removed: an id is never given out twice.
  ZHIYIN_TRY(const auto last,
             session.query("SELECT last_id FROM quarantine_counter WHERE name = 'quarantine'"));
  std::int64_t id = last.rows.empty() ? 0 : storage::as_int(last.rows[0][0]);
  for (const RefusedEvent& event : events)
    ZHIYIN_TRY_VOID(write_one(session, vault, ++id, at, source, event));
  ZHIYIN_TRY_VOID(
      session.execute("INSERT INTO quarantine_counter (name, last_id) VALUES ('quarantine', ?1) "
                      "ON CONFLICT (name) DO UPDATE SET last_id = excluded.last_id",
                      {id}));
  ZHIYIN_TRY_VOID(session.execute("DELETE FROM quarantine WHERE id <= ?1", {id - kQuarantineMax}));
  return {};
}

QuarantineWriter::QuarantineWriter(storage::State& state, storage::Vault& vault)
    : state_(state), vault_(vault), thread_([this] { run(); }) {}

QuarantineWriter::~QuarantineWriter() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void QuarantineWriter::add(std::vector<RefusedEvent> events, std::string_view source, Instant now,
                           Done done) {
  {
    const MutexLock lock(mutex_);
    if (waiting_ + events.size() <= kWaitingMax) {
      waiting_ += events.size();
      jobs_.push_back({std::move(events), std::string(source), now, std::move(done)});
      wake_.notify_one();
      return;
    }
  }
  done(fail(ErrorCode::kLimitReached,
            "quarantine: {} refused events wait to be written; try again later", kWaitingMax));
}

void QuarantineWriter::run() {
  while (true) {
    std::deque<Job> jobs;
    {
      const MutexLock lock(mutex_);
      while (jobs_.empty() && !stopping_) wake_.wait(mutex_);
      if (jobs_.empty()) return;
      jobs.swap(jobs_);
      waiting_ = 0;
    }
    const Result<void> written = write(jobs);
    for (Job& job : jobs) job.done(written);
  }
}

Result<void> QuarantineWriter::write(const std::deque<Job>& jobs) {
  return state_.write([&](storage::Session& session) -> Result<void> {
    for (const Job& job : jobs)
      ZHIYIN_TRY_VOID(write_quarantine(session, vault_, job.events, job.source, job.at));
    return {};
  });
}

}  // namespace zhiyin::ingest::detail
