#include "model/serve/batch_server.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <new>
#include <utility>

#include "base/check.h"

namespace zhiyin::model {
namespace {

/// Fewer are not worth leaving to another thread: products of few rows read all weights too.
constexpr std::size_t kShareTokens = 64;

/// Batches that the pace is a mean of, and how much slower than it one may be at most to count.
constexpr int kMemory = 8;
constexpr int kSlowest = 2;
/// One part in so many is added to the pace before a deadline is promised.
constexpr int kMargin = 6;

std::span<float> row_of(std::vector<float>& values, std::size_t row, std::size_t width) {
  return std::span(values).subspan(row * width, width);
}

double seconds(Moment::duration d) { return std::chrono::duration<double>(d).count(); }

/// Where memory is short for the words of an error, too. So few letters lie in the string itself.
constexpr const char* kNoMemory = "no memory";

template <class... Args>
Error error_of(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  try {
    return {code, fmt::format(format, std::forward<Args>(args)...), {}};
  } catch (const std::bad_alloc&) {
    return {code, kNoMemory, {}};
  }
}

Error copy_of(const Error& error) {
  try {
    return error;
  } catch (const std::bad_alloc&) {
    return {error.code, kNoMemory, {}};
  }
}

}  // namespace

struct BatchServer::Pending {
  std::uint64_t id = 0;
  EncodeRequest request;
  std::vector<std::size_t> starts;  // of each row in ids
  std::vector<float> vectors;       // each row written by the thread that encodes it
  std::size_t left = 0;             // rows; under the server's mutex
  Moment since;
  Done done;
};

/// All series are there from the start: to count needs no memory.
struct BatchServer::Meters {
  explicit Meters(MetricsRegistry* r) {
    if (r == nullptr) return;
    for (std::size_t i = 0; i < std::size(kReasons); ++i)
      refusals[i] = &r->counter("zhiyin_encode_refused_total",
                                "Requests to encode that were refused, by reason.",
                                fmt::format("reason=\"{}\"", to_string(kReasons[i])));
    for (std::size_t i = 0; i < kSizes; ++i)
      batches[i] = &r->counter("zhiyin_encode_batches_total",
                               "Batches, by the power of two above their tokens.",
                               fmt::format("tokens_below=\"{}\"", kSizeMin << i));
    texts = &r->counter("zhiyin_encode_texts_total", "Texts encoded.");
    tokens = &r->counter("zhiyin_encode_tokens_total", "Tokens encoded.");
    helped = &r->counter("zhiyin_encode_helped_total", "Batches that idle threads helped with.");
    batch_time = &r->latency("zhiyin_encode_batch_seconds", "Time of a batch.");
    time = &r->latency("zhiyin_encode_seconds", "Time of a request, waiting included.");
  }
  void refused(ErrorCode code) {
    const auto reason = std::ranges::find(kReasons, code);
    if (texts != nullptr && reason != std::end(kReasons))
      refusals[static_cast<std::size_t>(reason - std::begin(kReasons))]->add();
  }
  void batch(std::size_t rows, std::size_t count, double took, bool with_help) {
    if (texts == nullptr) return;
    std::size_t size = 0;
    while (size + 1 < kSizes && kSizeMin << size <= count) ++size;
    batches[size]->add();
    texts->add(static_cast<std::int64_t>(rows));
    tokens->add(static_cast<std::int64_t>(count));
    if (with_help) helped->add();
    batch_time->observe(took);
  }
  void answered(double took) {
    if (time != nullptr) time->observe(took);
  }

  static constexpr ErrorCode kReasons[] = {ErrorCode::kInvalidArgument, ErrorCode::kLimitReached,
                                           ErrorCode::kUnavailable, ErrorCode::kDeadline,
                                           ErrorCode::kInternal};
  static constexpr std::size_t kSizeMin = 16, kSizes = 9;  // up to 4,096
  Counter* refusals[std::size(kReasons)] = {};
  Counter* batches[kSizes] = {};
  Counter* texts = nullptr;
  Counter* tokens = nullptr;
  Counter* helped = nullptr;
  Histogram* batch_time = nullptr;
  Histogram* time = nullptr;
  std::atomic<std::size_t> waiting{0};
};

/// The server's threads that have nothing to do, for the batch of one that has.
class BatchServer::Idle final : public Helpers {
 public:
  explicit Idle(BatchServer& server) : server_(server) {}

  void invite(std::function<void()> help) override {
    auto shared = std::make_shared<const std::function<void()>>(std::move(help));
    {
      const MutexLock lock(server_.mutex_);
      help_ = std::move(shared);
      came_ = 0;
      server_.invitations_.push_back(this);
    }
    server_.wake_.notify_all();
  }
  void withdraw() override {
    const MutexLock lock(server_.mutex_);
    std::erase(server_.invitations_, this);
    help_.reset();
  }
  [[nodiscard]] bool wanted() const override {
    return server_.meters_->waiting.load(std::memory_order_relaxed) > 0;
  }

  using Help = std::shared_ptr<const std::function<void()>>;  // shared with those who help
  /// Under the server's mutex, while this is among its invitations.
  Help come() {
    ++came_;
    return help_;
  }
  /// How many came to the last batch that invited; 0 from then on.
  std::size_t take_came() {
    const MutexLock lock(server_.mutex_);
    return std::exchange(came_, 0);
  }

 private:
  BatchServer& server_;
  Help help_;             // under the server's mutex
  std::size_t came_ = 0;  // likewise
};

/// What one thread works with. Its lists have room for all that a batch may be, so that nothing but
/// the encoding itself needs memory that could be missing half-way.
struct BatchServer::Worker {
  Worker(std::unique_ptr<RowEncoder> e, std::size_t batch_tokens) : encoder(std::move(e)) {
    batch.reserve(batch_tokens);
    rows.reserve(batch.rows.capacity());
    ended.reserve(batch.rows.capacity());
    late.reserve(FairQueue::kLateMax);
  }
  std::unique_ptr<RowEncoder> encoder;
  std::unique_ptr<Idle> helpers;  // null: there are no others
  FairQueue::Batch batch;
  Work rows;   // whose the rows of the batch are
  Work late;   // not waited for any longer
  Work ended;  // to be answered
};

BatchServer::BatchServer(const BatchSettings& settings, const Make& make)
    : settings_(settings),
      meters_(std::make_shared<Meters>(settings.metrics)),
      queue_(settings.queue) {
  for (std::size_t i = 0; i < std::max<std::size_t>(1, settings.threads); ++i) {
    workers_.push_back(std::make_unique<Worker>(make(), settings.batch_tokens));
    if (settings.threads > 1) workers_[i]->helpers = std::make_unique<Idle>(*this);
  }
  if (settings.metrics != nullptr)
    settings.metrics->gauge(
        "zhiyin_encode_waiting_tokens", "Tokens that wait for the encoder.",
        [m = meters_] { return static_cast<double>(m->waiting.load(std::memory_order_relaxed)); });
  {
    const MutexLock lock(mutex_);
    invitations_.reserve(workers_.size());
  }
  for (std::size_t i = 0; i < settings.threads; ++i)
    threads_.emplace_back([this, &own = *workers_[i]] { work(own); });
}

BatchServer::~BatchServer() { stop(); }

std::size_t BatchServer::waiting_tokens() const {
  const MutexLock lock(mutex_);
  return queue_.tokens();
}

void BatchServer::finish(Pending& pending, Result<std::vector<float>> answer) {
  if (!answer) meters_->refused(answer.error().code);
  meters_->answered(seconds(settings_.now() - pending.since));
  pending.done(std::move(answer));
}

/// Takes a request, or leaves `done` to whoever says why not.
Result<void> BatchServer::accept(EncodeRequest& request, Done& done) {
  auto pending = std::make_shared<Pending>();  // shared by the threads that have rows of it
  std::size_t at = 0;
  pending->starts.reserve(request.row_tokens.size());
  for (const std::uint32_t tokens : request.row_tokens) {
    pending->starts.push_back(at);
    at += tokens;
  }
  if (at != request.ids.size())
    return fail_field("ids", "has {} tokens, the texts together {}", request.ids.size(), at);
  const MutexLock lock(mutex_);
  if (stopping_) return fail(ErrorCode::kUnavailable, "encoder: it is being stopped");
  pending->id = ++last_id_;
  ZHIYIN_TRY_VOID(queue_.push(pending->id, request.caller, request.row_tokens, request.deadline));
  try {
    pending->vectors.resize(request.row_tokens.size() * settings_.width);
    pending_.emplace(pending->id, pending);
  } catch (const std::bad_alloc&) {
    queue_.drop(pending->id);
    throw;
  }
  pending->left = request.row_tokens.size();
  pending->since = settings_.now();
  pending->request = std::move(request);
  pending->done = std::move(done);
  meters_->waiting.store(queue_.tokens(), std::memory_order_relaxed);
  return {};
}

void BatchServer::submit(EncodeRequest request, Done done) {
  Result<void> taken;
  try {
    taken = accept(request, done);
  } catch (const std::bad_alloc&) {
    taken =
        std::unexpected(error_of(ErrorCode::kUnavailable, "encoder: no memory for this request"));
  }
  if (taken) return wake_.notify_one();
  meters_->refused(taken.error().code);
  done(std::unexpected(std::move(taken.error())));
}

Result<std::vector<float>> BatchServer::encode(EncodeRequest request) {
  std::promise<Result<std::vector<float>>> promise;
  auto answer = promise.get_future();
  submit(std::move(request),
         [&promise](Result<std::vector<float>> vectors) { promise.set_value(std::move(vectors)); });
  return answer.get();
}

/// Rows for one thread; what is late leaves with them.
void BatchServer::take_batch(Worker& own) {
  // What waits is shared out, so that no thread is left without work while another has much.
  const std::size_t share = (queue_.tokens() + workers_.size() - 1) / workers_.size();
  queue_.take(std::min(settings_.batch_tokens, std::max(kShareTokens, share)), settings_.now(),
              token_time_ + token_time_ / kMargin, own.batch);
  // A stall is not to be held against those who come after it: without a batch nothing is learnt.
  if (own.batch.rows.empty() && !own.batch.late.empty()) token_time_ -= token_time_ / kMemory;
  for (const FairQueue::Row& row : own.batch.rows) own.rows.push_back(pending_.at(row.request));
  for (const std::uint64_t id : own.batch.late) {
    // Rows of it that are under way are finished by nobody.
    own.late.push_back(pending_.at(id));
    pending_.erase(id);
  }
  meters_->waiting.store(queue_.tokens(), std::memory_order_relaxed);
}

/// A batch, after helping others with theirs where nothing waits. False when this shall stop.
bool BatchServer::next(Worker& own) {
  for (;;) {
    Idle::Help help;
    {
      const MutexLock lock(mutex_);
      while (queue_.tokens() == 0 && invitations_.empty() && !stopping_) wake_.wait(mutex_);
      if (stopping_) return false;
      if (queue_.tokens() > 0) {
        take_batch(own);
        if (queue_.tokens() > 0) wake_.notify_one();
        break;
      }
      help = invitations_.front()->come();
    }
    (*help)();
  }
  for (const auto& pending : own.late)
    finish(*pending, std::unexpected(error_of(ErrorCode::kDeadline,
                                              "encoder: the text's turn did not come in time")));
  own.late.clear();
  return true;
}

Result<void> BatchServer::encode_rows(Worker& own) {
  try {
    std::vector<EncoderText> texts;
    for (std::size_t i = 0; i < own.rows.size(); ++i) {
      const Pending& p = *own.rows[i];
      const std::size_t row = own.batch.rows[i].row;
      texts.push_back({std::span(p.request.ids).subspan(p.starts[row], p.request.row_tokens[row])});
    }
    std::vector<float> out(own.rows.size() * settings_.width);
    ZHIYIN_TRY_VOID(own.encoder->encode(texts, own.helpers.get(), out));
    for (std::size_t i = 0; i < own.rows.size(); ++i)
      std::ranges::copy(
          row_of(out, i, settings_.width),
          row_of(own.rows[i]->vectors, own.batch.rows[i].row, settings_.width).begin());
    return {};
  } catch (const std::bad_alloc&) {
    return std::unexpected(error_of(ErrorCode::kUnavailable,
                                    "encoder: out of memory in a batch of {} tokens",
                                    own.batch.tokens));
  } catch (const std::exception& e) {
    return std::unexpected(error_of(ErrorCode::kInternal, "encoder: {}", e.what()));
  }
}

void BatchServer::learn_pace(std::size_t tokens, Moment::duration took) {
  const auto seen = took / static_cast<Moment::rep>(tokens);
  token_time_ =
      token_time_.count() == 0
          ? seen
          : token_time_ + (std::min(seen, token_time_ * kSlowest) - token_time_) / kMemory;
}

/// Answers the requests whose last row this was; all of them when the batch failed. `took`: with
/// one thread.
void BatchServer::settle(Worker& own, const Result<void>& outcome, Moment::duration took) {
  {
    const MutexLock lock(mutex_);
    if (outcome) learn_pace(own.batch.tokens, took);
    for (std::size_t i = 0; i < own.rows.size(); ++i) {
      const auto known = pending_.find(own.batch.rows[i].request);
      if (known == pending_.end()) continue;  // answered before: late, or failed in another batch
      if (outcome && --own.rows[i]->left > 0) continue;
      if (!outcome) queue_.drop(known->first);
      own.ended.push_back(own.rows[i]);
      pending_.erase(known);
    }
    meters_->waiting.store(queue_.tokens(), std::memory_order_relaxed);
  }
  for (const auto& pending : own.ended) {
    if (!outcome) {
      finish(*pending, std::unexpected(copy_of(outcome.error())));
    } else {
      finish(*pending, std::move(pending->vectors));
    }
  }
  own.ended.clear();
}

void BatchServer::run(Worker& own) {
  if (own.rows.empty()) return;
  const Moment begin = settings_.now();
  const auto outcome = encode_rows(own);
  const Moment::duration took = settings_.now() - begin;
  const std::size_t came = own.helpers == nullptr ? 0 : own.helpers->take_came();
  meters_->batch(own.rows.size(), own.batch.tokens, seconds(took), came > 0);
  // What is promised must hold without help, too: as if each of them had done as much.
  const std::size_t crew = 1 + std::min(came, workers_.size() - 1);
  settle(own, outcome, took * static_cast<Moment::rep>(crew));
  own.rows.clear();
}

void BatchServer::work(Worker& own) {
  while (next(own)) run(own);
}

bool BatchServer::run_batch() {
  ZHIYIN_CHECK(threads_.empty());
  if (waiting_tokens() == 0 || !next(*workers_[0])) return false;
  run(*workers_[0]);
  return true;
}

void BatchServer::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  std::unordered_map<std::uint64_t, std::shared_ptr<Pending>> left;
  {
    const MutexLock lock(mutex_);
    left.swap(pending_);
    for (const auto& [id, pending] : left) queue_.drop(id);
  }
  for (const auto& [id, pending] : left)
    finish(*pending,
           std::unexpected(error_of(ErrorCode::kUnavailable, "encoder: it is being stopped")));
}

}  // namespace zhiyin::model
