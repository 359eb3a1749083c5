#include "model/generate/circuit_breaker.h"

#include <algorithm>

namespace zhiyin::model {

bool CircuitBreaker::admit(Time now) {
  MutexLock lock(mutex_);
  if (openings_ == 0) return true;
  if (now < open_until_ || trying_) return false;
  trying_ = true;
  return true;
}

void CircuitBreaker::succeeded() {
  MutexLock lock(mutex_);
  failures_ = openings_ = 0;
  trying_ = false;
}

void CircuitBreaker::failed(Time now) {
  MutexLock lock(mutex_);
  trying_ = false;
  if (++failures_ < settings_.failures) return;
  constexpr int kDoublingsMax = 16;
  const auto pause = settings_.pause * (1LL << std::min(openings_, kDoublingsMax));
  ++openings_;
  open_until_ = now + std::min<std::chrono::milliseconds>(pause, settings_.pause_max);
}

void CircuitBreaker::abandoned() {
  MutexLock lock(mutex_);
  trying_ = false;
}

bool CircuitBreaker::open(Time now) const {
  MutexLock lock(mutex_);
  return openings_ > 0 && now < open_until_;
}

}  // namespace zhiyin::model
