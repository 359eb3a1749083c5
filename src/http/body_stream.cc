#include "http/body_stream.h"

#include <utility>

namespace zhiyin::http {

bool BodyStream::write(std::string piece) {
  Taken taken;
  {
    MutexLock lock(mutex_);
    while (!closed_ && !finish_ && waiting_bytes_ > 0 &&
           waiting_bytes_ + piece.size() > waiting_bytes_max_) {
      room_.wait(mutex_);
    }
    if (closed_ || finish_) return false;
    if (piece.empty()) return true;
    if (!taken_) {
      waiting_bytes_ += piece.size();
      pieces_.push_back(std::move(piece));
      return true;
    }
    taken = std::exchange(taken_, {});
  }
  taken({Kind::kPiece, std::move(piece)});
  return true;
}

void BodyStream::end() { finish(Kind::kEnd); }
void BodyStream::cut() { finish(Kind::kCut); }

void BodyStream::finish(Kind kind) {
  Taken taken;
  {
    MutexLock lock(mutex_);
    if (finish_) return;
    finish_ = kind;
    taken = std::exchange(taken_, {});
    room_.notify_all();
  }
  if (taken) taken({kind, {}});
}

std::optional<BodyStream::Next> BodyStream::next() {
  if (finish_ == Kind::kCut) return Next{Kind::kCut, {}};
  if (!pieces_.empty()) {
    // What waits goes as one piece: fewer chunks when the peer is slower than we are.
    std::string all = std::move(pieces_.front());
    for (pieces_.pop_front(); !pieces_.empty(); pieces_.pop_front()) all += pieces_.front();
    waiting_bytes_ = 0;
    room_.notify_all();
    return Next{Kind::kPiece, std::move(all)};
  }
  if (finish_) return Next{*finish_, {}};
  return std::nullopt;
}

void BodyStream::take(Taken taken) {
  std::optional<Next> ready;
  {
    MutexLock lock(mutex_);
    ready = next();
    if (!ready) taken_ = std::move(taken);
  }
  if (ready) taken(std::move(*ready));
}

void BodyStream::close() {
  Taken dropped;
  {
    MutexLock lock(mutex_);
    closed_ = true;
    pieces_.clear();
    waiting_bytes_ = 0;
    dropped = std::exchange(taken_, {});
    room_.notify_all();
  }
  gone_.request_stop();
}

}  // namespace zhiyin::http
