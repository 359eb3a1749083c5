#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "base/time.h"
#include "http/client.h"
#include "model/generate/chat_wire.h"
#include "model/generate/sse_parser.h"

namespace zhiyin::model {

/// How an exchange with an endpoint failed.
struct ExchangeFailure {
  Error error;
  bool repeatable = false;      ///< asking again may help
  bool blames_endpoint = true;  ///< counts for its circuit breaker
  bool may_cost = true;         ///< the endpoint may have worked, so it may bill
  std::optional<std::chrono::milliseconds> retry_after;
};

/// What the exchanges of one attempt tell the thread that waits for them. Thread-safe; shared by
/// that thread and the client's, whoever ends last frees it.
class ExchangeBoard {
 public:
  struct Event {
    int lane = 0;
    std::optional<chat_wire::Piece> piece;
    std::optional<ExchangeFailure> failure;  ///< neither: the answer is complete
  };
  void post(Event event) ZHIYIN_EXCLUDES(mutex_);
  /// Wakes whoever waits, without an event.
  void wake() ZHIYIN_EXCLUDES(mutex_);
  /// The next event; nothing when `until` came or it was woken.
  std::optional<Event> next(std::chrono::steady_clock::time_point until) ZHIYIN_EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  CondVar changed_;
  std::deque<Event> events_ ZHIYIN_GUARDED_BY(mutex_);
  bool woken_ ZHIYIN_GUARDED_BY(mutex_) = false;
};

/// Sends `request` and posts to `board`, as `lane`: pieces, then once a failure or the end.
/// `request` has everything but `on_piece`. An answer that is no event stream is read as a whole.
void start_exchange(http::Client& client, http::ClientRequest request,
                    std::shared_ptr<ExchangeBoard> board, int lane);

/// Retry-After in seconds or as an HTTP date, against `now`; at most a day.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text, Instant now);

}  // namespace zhiyin::model
