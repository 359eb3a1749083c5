#include "model/serve/batch_server.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <new>

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

struct BatchServer::Meters {
  explicit Meters(MetricsRegistry* registry) : r(registry) {}
  void refused(ErrorCode code) {
    if (r != nullptr)
      r->counter("zhiyin_encode_refused_total", "Requests to encode that were refused, by reason.",
                 fmt::format("reason=\"{}\"", to_string(code)))
          .add();
  }
  void batch(std::size_t rows, std::size_t tokens, double time) {
    if (r == nullptr) return;
    // Powers of two above the count, as one series each.
    std::size_t below = 16;
    while (below <= tokens && below < 4096) below *= 2;
    r->counter("zhiyin_encode_batches_total", "Batches, by the power of two above their tokens.",
               fmt::format("tokens_below=\"{}\"", below))
        .add();
    r->counter("zhiyin_encode_texts_total", "Texts encoded.").add(static_cast<std::int64_t>(rows));
    r->counter("zhiyin_encode_tokens_total", "Tokens encoded.")
        .add(static_cast<std::int64_t>(tokens));
    r->latency("zhiyin_encode_batch_seconds", "Time of a batch.").observe(time);
  }
  void answered(double time) {
    if (r != nullptr)
      r->latency("zhiyin_encode_seconds", "Time of a request, waiting included.").observe(time);
  }
  MetricsRegistry* r;
  std::atomic<std::size_t> waiting{0};
};

BatchServer::BatchServer(const BatchSettings& settings, const Make& make)
    : settings_(settings),
      meters_(std::make_shared<Meters>(settings.metrics)),
      queue_(settings.queue) {
  for (std::size_t i = 0; i < std::max<std::size_t>(1, settings.threads); ++i)
    encoders_.push_back(make());
  if (settings.metrics != nullptr)
    settings.metrics->gauge(
        "zhiyin_encode_waiting_tokens", "Tokens that wait for the encoder.",
        [m = meters_] { return static_cast<double>(m->waiting.load(std::memory_order_relaxed)); });
  for (std::size_t i = 0; i < settings.threads; ++i)
    threads_.emplace_back([this, &encoder = *encoders_[i]] { work(encoder); });
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

void BatchServer::submit(EncodeRequest request, Done done) {
  const auto refuse = [&](Error error) {
    meters_->refused(error.code);
    done(std::unexpected(std::move(error)));
  };
  std::shared_ptr<Pending> pending;  // shared by the threads that have rows of it
  try {
    pending = std::make_shared<Pending>();
    std::size_t at = 0;
    for (const std::uint32_t tokens : request.row_tokens) {
      pending->starts.push_back(at);
      at += tokens;
    }
    if (at != request.ids.size())
      return refuse({ErrorCode::kInvalidArgument,
                     fmt::format("has {} tokens, the texts together {}", request.ids.size(), at),
                     "ids"});
    Result<void> taken;
    {
      const MutexLock lock(mutex_);
      if (stopping_) {
        taken = fail(ErrorCode::kUnavailable, "encoder: it is being stopped");
      } else {
        pending->id = ++last_id_;
        taken = queue_.push(pending->id, request.caller, request.row_tokens, request.deadline);
      }
      if (taken) {
        pending->left = request.row_tokens.size();
        pending->since = settings_.now();
        pending->request = std::move(request);
        try {
          pending->vectors.resize(pending->left * settings_.width);
          pending_.emplace(pending->id, pending);
        } catch (const std::bad_alloc&) {
          queue_.drop(pending->id);
          throw;
        }
        pending->done = std::move(done);
      }
      meters_->waiting.store(queue_.tokens(), std::memory_order_relaxed);
    }
    if (!taken) return refuse(std::move(taken.error()));
  } catch (const std::bad_alloc&) {
    return refuse({ErrorCode::kUnavailable, "encoder: no memory for this request", {}});
  }
  wake_.notify_one();
}

Result<std::vector<float>> BatchServer::encode(EncodeRequest request) {
  std::promise<Result<std::vector<float>>> promise;
  auto answer = promise.get_future();
  submit(std::move(request),
         [&promise](Result<std::vector<float>> vectors) { promise.set_value(std::move(vectors)); });
  return answer.get();
}

/// Rows for one thread; what is late leaves with them.
void BatchServer::take_batch(FairQueue::Batch& batch, Work& rows, Work& late) {
  // What waits is shared out, so that no thread is left without work while another has much.
  const std::size_t share = (queue_.tokens() + encoders_.size() - 1) / encoders_.size();
  queue_.take(std::min(settings_.batch_tokens, std::max(kShareTokens, share)), settings_.now(),
              token_time_ + token_time_ / kMargin, batch);
  // A stall is not to be held against those who come after it: without a batch nothing is learnt.
  if (batch.rows.empty() && !batch.late.empty()) token_time_ -= token_time_ / kMemory;
  rows.clear();
  for (const FairQueue::Row& row : batch.rows) rows.push_back(pending_.at(row.request));
  for (const std::uint64_t id : batch.late) {
    // Rows of it that are under way are finished by nobody.
    late.push_back(pending_.at(id));
    pending_.erase(id);
  }
  meters_->waiting.store(queue_.tokens(), std::memory_order_relaxed);
}

/// False when this shall stop.
bool BatchServer::next(FairQueue::Batch& batch, Work& rows) {
  Work late;
  {
    const MutexLock lock(mutex_);
    while (queue_.tokens() == 0 && !stopping_) wake_.wait(mutex_);
    if (stopping_) return false;
    take_batch(batch, rows, late);
    if (queue_.tokens() > 0) wake_.notify_one();
  }
  for (const auto& pending : late)
    finish(*pending, fail(ErrorCode::kDeadline, "encoder: the text's turn did not come in time"));
  return true;
}

Result<void> BatchServer::encode_rows(RowEncoder& encoder, const FairQueue::Batch& batch,
                                      const Work& rows) {
  try {
    std::vector<EncoderText> texts;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Pending& p = *rows[i];
      const std::size_t row = batch.rows[i].row;
      texts.push_back({std::span(p.request.ids).subspan(p.starts[row], p.request.row_tokens[row])});
    }
    std::vector<float> out(rows.size() * settings_.width);
    ZHIYIN_TRY_VOID(encoder.encode(texts, out));
    for (std::size_t i = 0; i < rows.size(); ++i)
      std::ranges::copy(row_of(out, i, settings_.width),
                        row_of(rows[i]->vectors, batch.rows[i].row, settings_.width).begin());
    return {};
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kUnavailable, "encoder: out of memory in a batch of {} tokens",
                batch.tokens);
  } catch (const std::exception& e) {
    return fail(ErrorCode::kInternal, "encoder: {}", e.what());
  }
}

void BatchServer::learn_pace(std::size_t tokens, Moment::duration took) {
  const auto seen = took / static_cast<Moment::rep>(tokens);
  token_time_ =
      token_time_.count() == 0
          ? seen
          : token_time_ + (std::min(seen, token_time_ * kSlowest) - token_time_) / kMemory;
}

/// Answers the requests whose last row this was; all of them when the batch failed.
void BatchServer::settle(const FairQueue::Batch& batch, const Work& rows,
                         const Result<void>& outcome, Moment::duration took) {
  Work ended;
  {
    const MutexLock lock(mutex_);
    if (outcome) learn_pace(batch.tokens, took);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto known = pending_.find(batch.rows[i].request);
      if (known == pending_.end()) continue;  // answered before: late, or failed in another batch
      if (outcome && --rows[i]->left > 0) continue;
      if (!outcome) queue_.drop(known->first);
      ended.push_back(rows[i]);
      pending_.erase(known);
    }
    meters_->waiting.store(queue_.tokens(), std::memory_order_relaxed);
  }
  for (const auto& pending : ended) {
    if (!outcome) {
      finish(*pending, std::unexpected(outcome.error()));
    } else {
      finish(*pending, std::move(pending->vectors));
    }
  }
}

void BatchServer::run(RowEncoder& encoder, const FairQueue::Batch& batch, const Work& rows) {
  if (rows.empty()) return;
  const Moment begin = settings_.now();
  const auto outcome = encode_rows(encoder, batch, rows);
  const Moment::duration took = settings_.now() - begin;
  meters_->batch(rows.size(), batch.tokens, seconds(took));
  settle(batch, rows, outcome, took);
}

void BatchServer::work(RowEncoder& encoder) {
  FairQueue::Batch batch;
  Work rows;
  while (next(batch, rows)) {
    run(encoder, batch, rows);
    rows.clear();
  }
}

bool BatchServer::run_batch() {
  ZHIYIN_CHECK(threads_.empty());
  if (waiting_tokens() == 0) return false;
  FairQueue::Batch batch;
  Work rows;
  if (!next(batch, rows)) return false;
  run(*encoders_[0], batch, rows);
  return true;
}

void BatchServer::stop() {
  Work left;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  {
    const MutexLock lock(mutex_);
    for (auto& [id, pending] : pending_) {
      queue_.drop(id);
      left.push_back(pending);
    }
    pending_.clear();
  }
  for (const auto& pending : left)
    finish(*pending, fail(ErrorCode::kUnavailable, "encoder: it is being stopped"));
}

}  // namespace zhiyin::model
