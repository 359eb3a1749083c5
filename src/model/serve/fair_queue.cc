#include "model/serve/fair_queue.h"

#include <algorithm>
#include <numeric>

namespace zhiyin::model {
namespace {

/// Tokens of one turn: a few short texts.
constexpr std::size_t kTurn = 128;

Moment ends(Moment now, Moment::duration token_time, std::size_t tokens) {
  return now + token_time * static_cast<Moment::rep>(tokens);
}

}  // namespace

Result<void> FairQueue::check_room(std::string_view caller, std::size_t rows,
                                   std::size_t tokens) const {
  const auto known = callers_.find(caller);
  const std::size_t waiting = known == callers_.end() ? 0 : known->second.tokens;
  if (waiting + tokens > limits_.caller_tokens)
    return fail(ErrorCode::kLimitReached,
                "encoder: {} tokens of this caller wait and {} would come, at most {}", waiting,
                tokens, limits_.caller_tokens);
  if (tokens_ + tokens > limits_.tokens || rows_ + rows > limits_.rows)
    return fail(ErrorCode::kUnavailable,
                "encoder: too much waits ({} tokens in {} texts); try again later", tokens_, rows_);
  return {};
}

Result<void> FairQueue::push(std::uint64_t request, std::string_view caller,
                             std::span<const std::uint32_t> row_tokens, Moment deadline) {
  if (row_tokens.empty()) return fail_field("texts", "are none");
  for (std::size_t i = 0; i < row_tokens.size(); ++i) {
    if (row_tokens[i] == 0) return fail_field(fmt::format("texts[{}]", i), "has no tokens");
  }
  const std::size_t tokens = std::accumulate(row_tokens.begin(), row_tokens.end(), std::size_t{0});
  ZHIYIN_TRY_VOID(check_room(caller, row_tokens.size(), tokens));
  Entry entry;  // first what may need much memory: without it nothing has changed
  entry.caller = caller;
  entry.row_tokens.assign(row_tokens.begin(), row_tokens.end());
  entry.tokens = tokens;
  entry.deadline = deadline;
  auto known = callers_.find(caller);
  const bool is_new = known == callers_.end();
  if (is_new) {
    const auto turn = turns_.insert(turns_.end(), entry.caller);
    try {
      known = callers_.try_emplace(entry.caller).first;
    } catch (...) {
      turns_.erase(turn);
      throw;
    }
    known->second.turn = turn;
  }
  try {
    enqueue(known, request, std::move(entry));
  } catch (...) {
    if (is_new) {
      turns_.erase(known->second.turn);
      callers_.erase(known);
    }
    throw;
  }
  known->second.tokens += tokens;
  tokens_ += tokens;
  rows_ += row_tokens.size();
  return {};
}

/// The three lists that a request is in: in all of them, or in none.
void FairQueue::enqueue(Callers::iterator caller, std::uint64_t request, Entry entry) {
  auto& requests = caller->second.requests;
  const Moment deadline = entry.deadline;
  entry.place = requests.insert(requests.end(), request);
  try {
    entries_.emplace(request, std::move(entry));
    deadlines_.emplace(deadline, request);
  } catch (...) {
    entries_.erase(request);
    requests.pop_back();
    throw;
  }
}

void FairQueue::Batch::reserve(std::size_t tokens_max) {
  rows.reserve(std::max<std::size_t>(tokens_max, 1));
  late.reserve(kLateMax);
}

void FairQueue::forget(std::unordered_map<std::uint64_t, Entry>::iterator entry) {
  Entry& e = entry->second;
  const auto caller = callers_.find(e.caller);
  caller->second.tokens -= e.tokens;
  caller->second.requests.erase(e.place);
  tokens_ -= e.tokens;
  rows_ -= e.row_tokens.size() - e.next;
  deadlines_.erase({e.deadline, entry->first});
  entries_.erase(entry);
  if (!caller->second.requests.empty()) return;
  turns_.erase(caller->second.turn);
  callers_.erase(caller);
}

void FairQueue::drop(std::uint64_t request) {
  const auto entry = entries_.find(request);
  if (entry != entries_.end()) forget(entry);
}

void FairQueue::end_turn(Callers::iterator caller) {
  caller->second.its_turn = false;
  turns_.splice(turns_.end(), turns_, caller->second.turn);
}

/// Rows of the caller's first request, as far as credit and room go. False when there is no room.
bool FairQueue::take_turn(Caller& caller, const Room& room, Batch& out) {
  const auto entry = entries_.find(caller.requests.front());
  Entry& e = entry->second;
  while (e.next < e.row_tokens.size()) {
    const std::size_t need = e.row_tokens[e.next];
    if (!out.rows.empty() && out.tokens + need > room.tokens) return false;
    if (need > caller.credit) return true;
    const Moment earliest = std::min(out.earliest, e.deadline);
    if (!out.rows.empty() && ends(room.now, room.token_time, out.tokens + need) > earliest)
      return false;
    out.earliest = earliest;
    out.rows.push_back({entry->first, static_cast<std::uint32_t>(e.next)});
    out.tokens += need;
    ++e.next;
    e.tokens -= need;
    caller.credit -= need;
    caller.tokens -= need;
    tokens_ -= need;
    --rows_;
  }
  forget(entry);
  return true;
}

/// Requests whose next row could not be done in time even if it were the next batch. Where a
/// request with a later deadline has so long a row, it is tried all the same.
void FairQueue::give_up_late(const Room& room, Batch& out) {
  while (!deadlines_.empty() && out.late.size() < kLateMax) {
    const auto [deadline, request] = *deadlines_.begin();
    const Entry& e = entries_.at(request);
    if (deadline > room.now && ends(room.now, room.token_time, e.row_tokens[e.next]) <= deadline)
      return;
    out.late.push_back(request);
    drop(request);
  }
}

void FairQueue::take(std::size_t tokens_max, Moment now, Moment::duration token_time, Batch& out) {
  out.rows.clear();
  out.late.clear();
  out.tokens = 0;
  out.earliest = Moment::max();
  const Room room{.tokens = tokens_max, .now = now, .token_time = token_time};
  give_up_late(room, out);
  if (out.late.size() == kLateMax) return;
  // Each round either takes a row or gives credit to a caller whose next row is longer than it, so
  // this ends.
  while (!turns_.empty() && (out.rows.empty() || out.tokens < tokens_max)) {
    const auto caller = callers_.find(turns_.front());
    if (!caller->second.its_turn) {
      caller->second.its_turn = true;
      caller->second.credit += kTurn;
    }
    const std::size_t callers = callers_.size();
    const std::size_t before = caller->second.requests.size();
    if (!take_turn(caller->second, room, out)) return;  // goes on in the next batch
    if (callers_.size() < callers) continue;            // nothing of it is left: it is forgotten
    if (caller->second.requests.size() == before) end_turn(caller);  // the credit is used up
  }
}

}  // namespace zhiyin::model
