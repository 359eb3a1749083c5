#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/metrics.h"
#include "base/mutex.h"
#include "model/serve/fair_queue.h"
#include "model/serve/row_encoder.h"

namespace zhiyin::model {

/// Texts as tokens, to be encoded for somebody.
struct EncodeRequest {
  std::string caller;                     ///< whose turn it uses up
  std::vector<std::int32_t> ids;          ///< of all texts, one after the other
  std::vector<std::uint32_t> row_tokens;  ///< how many are each text's; at least 1
  Moment deadline = Moment::max();        ///< will not be done by then, as it goes now: kDeadline
};

struct BatchSettings {
  std::size_t width = 0;           ///< of a vector
  std::size_t threads = 1;         ///< 0: whoever calls `run_batch` works. For tests
  std::size_t batch_tokens = 512;  ///< most of a batch, except a text that has more
  QueueLimits queue;
  std::function<Moment()> now = [] { return std::chrono::steady_clock::now(); };
  MetricsRegistry* metrics = nullptr;  ///< may be null; else outlives the server
};

/// One encoder for many who ask at the same time. Texts that wait are encoded in batches of up to
/// `batch_tokens` tokens; nobody waits for a batch to fill: an idle thread begins with what is
/// there, and leaves the others their share. Where nothing waits, idle threads help with a long
/// batch under way, and leave it as soon as something comes. Batches are no larger than the
/// deadlines in them allow, at the pace of the batches before. Memory is bounded by the queue's
/// limits; what is beyond them is refused and counted, and so is what would come too late. A batch
/// that fails (out of memory, too) fails the requests in it and nothing else: wherever memory is
/// missing, each request is still answered, with kUnavailable. Thread-safe.
class BatchServer {
 public:
  using Make = std::function<std::unique_ptr<RowEncoder>()>;
  /// Vectors, one after the other, or why there are none.
  using Done = std::move_only_function<void(Result<std::vector<float>>)>;

  /// `make` gives each thread its own.
  BatchServer(const BatchSettings& settings, const Make& make);
  /// Stops.
  ~BatchServer();
  BatchServer(const BatchServer&) = delete;
  BatchServer& operator=(const BatchServer&) = delete;

  /// `done` is called once: here when the request is refused (kLimitReached: the caller has too
  /// much waiting; kUnavailable: all together have, memory is short, or this has stopped;
  /// kInvalidArgument: no text, or one without tokens), else on one of the threads. It must not
  /// throw and should be quick.
  void submit(EncodeRequest request, Done done);
  /// Waits for the vectors. Not to be called by `Done`, and not with 0 threads.
  Result<std::vector<float>> encode(EncodeRequest request);

  /// One batch on this thread, with the first encoder; false when nothing waits. Requires 0
  /// threads.
  bool run_batch();

  /// What waits is refused (kUnavailable), threads are joined. Again: does nothing.
  void stop();

  [[nodiscard]] std::size_t waiting_tokens() const;

 private:
  struct Pending;
  struct Meters;
  class Idle;
  struct Worker;
  using Work = std::vector<std::shared_ptr<Pending>>;

  Result<void> accept(EncodeRequest& request, Done& done);
  void work(Worker& own);
  bool next(Worker& own);
  void run(Worker& own);
  Result<void> encode_rows(Worker& own);
  void settle(Worker& own, const Result<void>& outcome, Moment::duration took);
  void learn_pace(std::size_t tokens, Moment::duration took) ZHIYIN_REQUIRES(mutex_);
  void take_batch(Worker& own) ZHIYIN_REQUIRES(mutex_);
  void finish(Pending& pending, Result<std::vector<float>> answer);

  const BatchSettings settings_;
  const std::shared_ptr<Meters> meters_;  // shared with gauges, which may outlive this
  std::vector<std::unique_ptr<Worker>> workers_;
  mutable Mutex mutex_;
  CondVar wake_;
  FairQueue queue_ ZHIYIN_GUARDED_BY(mutex_);
  std::unordered_map<std::uint64_t, std::shared_ptr<Pending>> pending_ ZHIYIN_GUARDED_BY(mutex_);
  std::uint64_t last_id_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  std::vector<Idle*> invitations_ ZHIYIN_GUARDED_BY(mutex_);  // batches that take helpers
  Moment::duration token_time_ ZHIYIN_GUARDED_BY(mutex_){};   // of late; 0: not known yet
  bool stopping_ ZHIYIN_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace zhiyin::model
