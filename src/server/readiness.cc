#include "server/readiness.h"

namespace zhiyin::server {
namespace {

class WatchedLog final : public storage::EventLog {
 public:
  WatchedLog(std::unique_ptr<storage::EventLog> inner, Readiness& readiness)
      : readiness_(readiness), inner_(std::move(inner)) {}

  void append(storage::Stream stream, std::vector<storage::NewRecord> records, Done done) override {
    if (records.empty()) {  // says nothing about the log
      inner_->append(stream, std::move(records), std::move(done));
      return;
    }
    inner_->append(stream, std::move(records),
                   [this, done = std::move(done)](Result<void> outcome) mutable {
                     readiness_.note_append(outcome);
                     done(std::move(outcome));
                   });
  }
  Result<std::vector<storage::StoredRecord>> read(storage::Stream stream,
                                                  const storage::Positions& after,
                                                  std::size_t records_max) override {
    return inner_->read(stream, after, records_max);
  }
  Result<storage::Positions> end(storage::Stream stream) override { return inner_->end(stream); }
  [[nodiscard]] storage::Positions advance(
      const storage::Positions& after,
      std::span<const storage::StoredRecord> batch) const override {
    return inner_->advance(after, batch);
  }
  Result<std::int64_t> behind(storage::Stream stream, const storage::Positions& after) override {
    return inner_->behind(stream, after);
  }
  Result<void> trim(storage::Stream stream, const storage::Positions& up_to) override {
    return inner_->trim(stream, up_to);
  }
  void show_position(storage::Stream stream, std::string_view consumer,
                     const storage::Positions& at) override {
    inner_->show_position(stream, consumer, at);
  }
  Result<void> copy_to(const std::filesystem::path& file) override { return inner_->copy_to(file); }
  void set_wake(std::function<void(storage::Stream)> wake) override {
    inner_->set_wake(std::move(wake));
  }

 private:
  Readiness& readiness_;
  const std::unique_ptr<storage::EventLog> inner_;  // the first to go: its thread ends with it
};

}  // namespace

void Readiness::note_append(const Result<void>& outcome, Time now) {
  if (outcome) {
    refused_at_.store(0, std::memory_order_relaxed);
  } else if (outcome.error().code != ErrorCode::kInvalidArgument) {
    refused_at_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
}

std::vector<std::string> Readiness::reasons(storage::State& state, storage::EventLog& log,
                                            Time now) const {
  std::vector<std::string> out;
  if (draining_.load()) out.emplace_back("server: is stopping");
  if (held_.load()) out.emplace_back("projections: are held back (POST /v1/projections)");
  if (without_workers_.load())
    out.emplace_back("projections: nobody does them (server.roles is without workers)");
  const auto refused_at = refused_at_.load(std::memory_order_relaxed);
  if (refused_at != 0 && now - Time(Time::duration(refused_at)) < kRefusalCounts)
    out.emplace_back("event log: refuses appends");
  if (!log.end(storage::Stream::kEvents)) out.emplace_back("event log: cannot be read");
  if (!state.query("SELECT COUNT(*) FROM schema_migration"))
    out.emplace_back("state: cannot be read");
  return out;
}

std::unique_ptr<storage::EventLog> watched(std::unique_ptr<storage::EventLog> log,
                                           Readiness& readiness) {
  return std::make_unique<WatchedLog>(std::move(log), readiness);
}

}  // namespace zhiyin::server
