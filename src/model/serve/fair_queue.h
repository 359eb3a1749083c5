#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.h"

namespace zhiyin::model {

/// Real time: what waits here waits for a processor, whatever the domain's clock says.
using Moment = std::chrono::steady_clock::time_point;

/// What may wait at once. Rows are counted too: each holds room for its vector.
struct QueueLimits {
  std::size_t tokens = 262'144;
  std::size_t rows = 16'384;
  std::size_t caller_tokens = 131'072;  ///< of one caller, so that others find room
};

/// Rows of tokens that wait for an encoder. Callers take turns by tokens (deficit round robin,
/// Shreedhar and Varghese 1995), so one who brings much delays others by a turn each, not by all
/// of theirs; a caller's own rows go in the order in which they came. Not thread-safe; time is an
/// argument.
class FairQueue {
 public:
  /// A row of a request.
  struct Row {
    std::uint64_t request = 0;
    std::uint32_t row = 0;
    bool operator==(const Row&) const = default;
  };
  struct Batch {
    std::vector<Row> rows;
    std::size_t tokens = 0;
    std::vector<std::uint64_t> late;  ///< requests that are no longer waited for; now forgotten
    Moment earliest = Moment::max();  ///< deadline of its rows

    /// Room for whatever `take` finds with that many tokens: it then needs no memory.
    void reserve(std::size_t tokens_max);
  };
  /// Late requests that one call of `take` forgets; with so many it takes no rows.
  static constexpr std::size_t kLateMax = 256;

  explicit FairQueue(const QueueLimits& limits) : limits_(limits) {}

  /// kInvalidArgument for no rows or a row without tokens, kLimitReached when the caller has too
  /// much waiting, kUnavailable when all together have; nothing is then queued, nor where memory is
  /// short (std::bad_alloc). Requires an id that is not waiting.
  Result<void> push(std::uint64_t request, std::string_view caller,
                    std::span<const std::uint32_t> row_tokens, Moment deadline);

  /// The next rows: at most `tokens_max` tokens, or one row if that has more. With `token_time`,
  /// what a token takes, no row is added that would make one of the batch miss its deadline, and a
  /// row that would miss its own even alone is late. `out` is reused; with room in it nothing is
  /// allocated.
  void take(std::size_t tokens_max, Moment now, Moment::duration token_time, Batch& out);

  /// Forgets what is left of a request; nothing when it is not waiting.
  void drop(std::uint64_t request);

  [[nodiscard]] std::size_t tokens() const { return tokens_; }
  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t callers() const { return callers_.size(); }

 private:
  struct Caller {
    std::list<std::uint64_t> requests;
    std::list<std::string>::iterator turn;
    std::size_t tokens = 0;  // that wait
    std::size_t credit = 0;  // that it may still take in this turn
    bool its_turn = false;   // credit was given
  };
  struct Entry {
    std::string caller;
    std::vector<std::uint32_t> row_tokens;
    std::size_t next = 0;
    std::size_t tokens = 0;  // of rows from `next` on
    Moment deadline;
    std::list<std::uint64_t>::iterator place;
  };
  using Callers = std::map<std::string, Caller, std::less<>>;

  Result<void> check_room(std::string_view caller, std::size_t rows, std::size_t tokens) const;
  struct Room {
    std::size_t tokens;
    Moment now;
    Moment::duration token_time;
  };
  void enqueue(Callers::iterator caller, std::uint64_t request, Entry entry);
  void give_up_late(const Room& room, Batch& out);
  bool take_turn(Caller& caller, const Room& room, Batch& out);
  void forget(std::unordered_map<std::uint64_t, Entry>::iterator entry);
  void end_turn(Callers::iterator caller);

  QueueLimits limits_;
  std::unordered_map<std::uint64_t, Entry> entries_;
  std::set<std::pair<Moment, std::uint64_t>> deadlines_;
  Callers callers_;               // those with something waiting
  std::list<std::string> turns_;  // the first is served next
  std::size_t tokens_ = 0;
  std::size_t rows_ = 0;
};

}  // namespace zhiyin::model
