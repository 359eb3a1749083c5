#include "storage/gate.h"

namespace zhiyin::storage {
namespace {

thread_local int passes = 0;

std::unexpected<Error> closed_error(std::string_view what) {
  return fail(ErrorCode::kUnavailable,
              "{}: the installation is being moved; nothing is taken at the moment", what);
}

std::unexpected<Error> not_counted_on() {
  return fail(ErrorCode::kUnavailable,
              "event log: this process has given the others no sign of life in time; it takes "
              "nothing until it does");
}

}  // namespace

Gate::Pass::Pass() { ++passes; }
Gate::Pass::~Pass() { --passes; }

bool Gate::enter(Side Gate::* side) {
  MutexLock lock(mutex_);
  if ((this->*side).closed && passes == 0) return false;
  ++(this->*side).under_way;
  return true;
}

void Gate::leave(Side Gate::* side) {
  MutexLock lock(mutex_);
  if (--(this->*side).under_way == 0) left_.notify_all();
}

void Gate::close(Side Gate::* side) {
  MutexLock lock(mutex_);
  (this->*side).closed = true;
  while ((this->*side).under_way != 0) left_.wait(mutex_);
}

void Gate::close_log() { close(&Gate::log_); }
void Gate::close_state() { close(&Gate::state_); }

void Gate::open() {
  MutexLock lock(mutex_);
  log_.closed = state_.closed = false;
}

bool Gate::closed() const {
  MutexLock lock(mutex_);
  return log_.closed || state_.closed;
}

class GatedState final : public State {
 public:
  GatedState(std::unique_ptr<State> inner, Gate& gate) : gate_(gate), inner_(std::move(inner)) {}

  Result<void> write(const std::function<Result<void>(Session&)>& work) override {
    return through(&State::write, work);
  }
  [[nodiscard]] std::optional<std::uint64_t> waits() const override { return inner_->waits(); }
  Result<void> write_in_turn(const std::function<Result<void>(Session&)>& work) override {
    return through(&State::write_in_turn, work);
  }
  Result<void> write_alone(const std::function<Result<void>(Session&)>& work) override {
    return through(&State::write_alone, work);
  }
  Result<void> read(const std::function<Result<void>(Session&)>& work) override {
    return inner_->read(work);
  }
  Result<Rows> query(std::string_view sql, std::initializer_list<Value> parameters) override {
    return inner_->query(sql, parameters);
  }
  Result<std::string> identity() override { return inner_->identity(); }
  Result<void> migrate(std::span<const Migration> migrations) override {
    return inner_->migrate(migrations);
  }
  std::vector<Finding> examine() override { return inner_->examine(); }
  Result<std::vector<StateTable>> tables() override { return inner_->tables(); }
  Result<void> copy_to(const std::filesystem::path& file) override { return inner_->copy_to(file); }

 private:
  using Work = std::function<Result<void>(Session&)>;
  Result<void> through(Result<void> (State::*how)(const Work&), const Work& work) {
    if (!gate_.enter(&Gate::state_)) return closed_error("state");
    const auto& check = gate_.guard_.check;
    auto outcome = check ? (inner_.get()->*how)([&](Session& session) -> Result<void> {
      ZHIYIN_TRY_VOID(check(session));
      return work(session);
    })
                         : (inner_.get()->*how)(work);
    gate_.leave(&Gate::state_);
    return outcome;
  }

  Gate& gate_;
  const std::unique_ptr<State> inner_;
};

class GatedLog final : public EventLog {
 public:
  GatedLog(std::unique_ptr<EventLog> inner, Gate& gate) : gate_(gate), inner_(std::move(inner)) {}

  void append(Stream stream, std::vector<NewRecord> records, Done done) override {
    if (!gate_.lives()) return done(not_counted_on());
    if (!gate_.enter(&Gate::log_)) return done(closed_error("event log"));
    inner_->append(stream, std::move(records),
                   [this, done = std::move(done)](Result<void> outcome) mutable {
                     // Between the question above and this answer it may have been suspended, and
                     // the log copied to another place without what it has just appended.
                     if (outcome && !gate_.lives()) outcome = not_counted_on();
                     done(std::move(outcome));
                     gate_.leave(&Gate::log_);
                   });
  }
  Result<std::vector<StoredRecord>> read(Stream stream, const Positions& after,
                                         std::size_t records_max) override {
    return inner_->read(stream, after, records_max);
  }
  Result<Positions> end(Stream stream) override { return inner_->end(stream); }
  [[nodiscard]] Positions advance(const Positions& after,
                                  std::span<const StoredRecord> batch) const override {
    return inner_->advance(after, batch);
  }
  Result<std::int64_t> behind(Stream stream, const Positions& after) override {
    return inner_->behind(stream, after);
  }
  Result<void> trim(Stream stream, const Positions& up_to) override {
    return inner_->trim(stream, up_to);
  }
  void show_position(Stream stream, std::string_view consumer, const Positions& at) override {
    inner_->show_position(stream, consumer, at);
  }
  Result<void> copy_to(const std::filesystem::path& file) override { return inner_->copy_to(file); }
  void set_wake(std::function<void(Stream)> wake) override { inner_->set_wake(std::move(wake)); }

 private:
  Gate& gate_;
  const std::unique_ptr<EventLog> inner_;  // the first to go: its threads still answer
};

std::unique_ptr<State> gated(std::unique_ptr<State> state, Gate& gate) {
  return std::make_unique<GatedState>(std::move(state), gate);
}
std::unique_ptr<EventLog> gated(std::unique_ptr<EventLog> log, Gate& gate) {
  return std::make_unique<GatedLog>(std::move(log), gate);
}

}  // namespace zhiyin::storage
