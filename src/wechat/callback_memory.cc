#include "wechat/callback_memory.h"

#include <algorithm>

namespace zhiyin::wechat {

/// One callback. Shared by its keys and by the writer.
struct CallbackMemory::Hand {
  std::vector<Key> keys;
  std::vector<std::function<void()>> waiting;
  std::optional<SeenCallback> answered;
};

CallbackMemory::CallbackMemory(CallbackStore& store, Logger& logger, Settings settings)
    : store_(store), logger_(logger), settings_(settings), thread_([this] { run(); }) {}

CallbackMemory::~CallbackMemory() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  came_.notify_all();
  thread_.join();
}

std::vector<CallbackMemory::Key> CallbackMemory::keys_of(const Callback& callback) {
  std::vector<Key> keys = {{callback.account, "d:" + callback.dedup_key}};
  if (binds_request(callback)) keys.emplace_back(callback.account, "r:" + callback.request_key);
  return keys;
}

CallbackMemory::Standing CallbackMemory::take(const Callback& callback, GivenAnswer& given) {
  auto keys = keys_of(callback);
  const MutexLock lock(mutex_);
  for (const Key& key : keys) {
    const auto found = hands_.find(key);
    if (found == hands_.end()) continue;
    if (!found->second->answered) return Standing::kBusy;
    given = found->second->answered->given;
    return Standing::kAnswered;
  }
  const auto hand = std::make_shared<Hand>();
  for (const Key& key : keys) hands_[key] = hand;
  hand->keys = std::move(keys);
  return Standing::kTaken;
}

void CallbackMemory::wait(const Callback& callback, std::function<void()> again) {
  {
    const MutexLock lock(mutex_);
    for (const Key& key : keys_of(callback)) {
      const auto found = hands_.find(key);
      if (found == hands_.end() || found->second->answered) continue;
      found->second->waiting.push_back(std::move(again));
      return;
    }
  }
  again();
}

void CallbackMemory::let_go(const std::shared_ptr<Hand>& hand,
                            std::vector<std::function<void()>>& again) {
  std::ranges::move(hand->waiting, std::back_inserter(again));
  hand->waiting.clear();
}

void CallbackMemory::release(const Callback& callback) {
  std::vector<std::function<void()>> again;
  {
    const MutexLock lock(mutex_);
    const auto found = hands_.find(keys_of(callback).front());
    if (found == hands_.end() || found->second->answered) return;
    const std::shared_ptr<Hand> hand = found->second;
    for (const Key& key : hand->keys) hands_.erase(key);
    let_go(hand, again);
  }
  for (const auto& one : again) one();
}

void CallbackMemory::answered(const ProcessedCallback& processed, Instant now) {
  SeenCallback seen = seen_callback(processed, now);
  std::vector<std::function<void()>> again;
  bool wakes = false;
  {
    const MutexLock lock(mutex_);
    const auto keys = keys_of(*processed.callback);
    std::shared_ptr<Hand>& at = hands_[keys.front()];
    if (!at) {
      // Taken and released before, while its answer was still to come.
      at = std::make_shared<Hand>();
      at->keys = {keys.front()};
    }
    const std::shared_ptr<Hand> hand = at;
    if (!hand->answered) {
      hand->answered = std::move(seen);
      wakes = unwritten_.empty();
      unwritten_.push_back(hand);
    }
    let_go(hand, again);
  }
  if (wakes) came_.notify_one();
  for (const auto& one : again) one();
}

bool CallbackMemory::is_full() const {
  const MutexLock lock(mutex_);
  return unwritten_.size() + writing_ >= settings_.unwritten_max;
}

void CallbackMemory::settle() {
  const MutexLock lock(mutex_);
  const std::uint64_t failures = failures_;
  while (!(unwritten_.empty() && writing_ == 0) && failures_ == failures) written_.wait(mutex_);
}

void CallbackMemory::run() {
  bool is_well = true;
  while (true) {
    {
      const MutexLock lock(mutex_);
      while (unwritten_.empty() && !stopping_) came_.wait(mutex_);
      if (unwritten_.empty()) return;
      // Others come meanwhile, and share the commit.
      const auto until = std::chrono::steady_clock::now() +
                         (is_well ? settings_.gather_for : settings_.retry_after);
      while (!stopping_) {
        const auto left = until - std::chrono::steady_clock::now();
        if (left <= left.zero()) break;
        (void)came_.wait_for(mutex_, std::chrono::duration_cast<Duration>(left));
      }
    }
    is_well = write_some();
    const MutexLock lock(mutex_);
    if (!is_well && stopping_) return;
  }
}

bool CallbackMemory::write_some() {
  std::vector<std::shared_ptr<Hand>> group;
  {
    const MutexLock lock(mutex_);
    const std::size_t n = std::min(unwritten_.size(), settings_.together_max);
    const auto end = unwritten_.begin() + static_cast<std::ptrdiff_t>(n);
    group.assign(unwritten_.begin(), end);
    unwritten_.erase(unwritten_.begin(), end);
    writing_ = n;
  }
  std::vector<const SeenCallback*> seen;
  for (const auto& hand : group) seen.push_back(&*hand->answered);
  Result<void> written = store_.write(seen);
  if (!written && written.error().code == ErrorCode::kInvalidArgument) written = write_each(seen);
  {
    const MutexLock lock(mutex_);
    writing_ = 0;
    if (written) {
      for (const auto& hand : group) {
        for (const Key& key : hand->keys) hands_.erase(key);
      }
    } else {
      unwritten_.insert(unwritten_.begin(), group.begin(), group.end());
      ++failures_;
    }
  }
  written_.notify_all();
  if (!written) {
    logger_.error("wechat", "answers_not_recorded",
                  {{"waiting", group.size()}, {"error", written.error().text()}});
  }
  return written.has_value();
}

/// One by one, after state has refused something in them: what it refuses is given up.
Result<void> CallbackMemory::write_each(std::span<const SeenCallback* const> seen) {
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const Result<void> written = store_.write(seen.subspan(i, 1));
    if (written) continue;
    if (written.error().code != ErrorCode::kInvalidArgument) return written;
    logger_.error("wechat", "answer_not_recorded",
                  {{"account", seen[i]->account}, {"error", written.error().text()}});
  }
  return {};
}

}  // namespace zhiyin::wechat
