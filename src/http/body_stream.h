#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "base/mutex.h"

namespace zhiyin::http {

/// The body of an answer that is made while it is sent: one thread writes pieces, the server sends
/// each as a chunk as soon as it is there. Thread-safe. Shared by the two: whoever comes last frees
/// it.
class BodyStream {
 public:
  /// `waiting_bytes_max`: of pieces that are written and not yet sent.
  explicit BodyStream(std::size_t waiting_bytes_max = 256 << 10)
      : waiting_bytes_max_(waiting_bytes_max) {}

  /// Blocks while as much waits as may; one piece always fits. False, and the piece is dropped,
  /// when the peer has gone or the body has ended. An empty piece is nothing.
  bool write(std::string piece) ZHIYIN_EXCLUDES(mutex_);
  /// The body is complete.
  void end() ZHIYIN_EXCLUDES(mutex_);
  /// The body cannot be completed: the connection is closed in the middle, so that the peer knows.
  void cut() ZHIYIN_EXCLUDES(mutex_);
  /// Requested when the peer has gone: whoever makes the body may stop.
  [[nodiscard]] std::stop_token gone() const { return gone_.get_token(); }

  enum class Kind { kPiece, kEnd, kCut };
  struct Next {
    Kind kind = Kind::kEnd;
    std::string piece;
  };
  using Taken = std::move_only_function<void(Next)>;
  /// For the server: `taken` is called once, at once or by the thread that writes next. Requires
  /// that none is under way.
  void take(Taken taken) ZHIYIN_EXCLUDES(mutex_);
  /// For the server: nobody takes any more.
  void close() ZHIYIN_EXCLUDES(mutex_);

 private:
  [[nodiscard]] std::optional<Next> next() ZHIYIN_REQUIRES(mutex_);
  void finish(Kind kind) ZHIYIN_EXCLUDES(mutex_);

  const std::size_t waiting_bytes_max_;
  std::stop_source gone_;
  Mutex mutex_;
  CondVar room_;
  std::deque<std::string> pieces_ ZHIYIN_GUARDED_BY(mutex_);
  std::size_t waiting_bytes_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  std::optional<Kind> finish_ ZHIYIN_GUARDED_BY(mutex_);
  bool closed_ ZHIYIN_GUARDED_BY(mutex_) = false;
  Taken taken_ ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace zhiyin::http
