#include "model/classify/pieces.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace zhiyin::model {

bool run_pieces(std::size_t pieces, std::size_t threads,
                const std::function<bool(double)>& progress,
                const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> cancelled = false;
  Mutex mutex;
  std::size_t done = 0;
  const auto take = [&] {
    for (std::size_t piece = next.fetch_add(1); piece < pieces && !cancelled;
         piece = next.fetch_add(1)) {
      work(piece);
      MutexLock lock(mutex);
      ++done;
      const double share = static_cast<double>(done) / static_cast<double>(pieces);
      if (progress && !progress(share)) cancelled = true;
    }
  };
  std::vector<std::jthread> others;
  for (std::size_t t = 1; t < std::min(threads, pieces); ++t) others.emplace_back(take);
  take();
  others.clear();
  return !cancelled;
}

}  // namespace zhiyin::model
