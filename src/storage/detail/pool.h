#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"

namespace zhiyin::storage::detail {

/// At most `size_max` things of a kind (connections), made when first needed and lent to one user
/// at a time; who comes when all are lent waits. Thread-safe. Must outlive its leases.
template <class T>
class Pool {
 public:
  using Make = std::function<Result<std::unique_ptr<T>>()>;
  Pool(std::size_t size_max, Make make) : size_max_(size_max), make_(std::move(make)) {}

  class Lease {
   public:
    Lease(Pool& pool, std::unique_ptr<T> thing) : pool_(&pool), thing_(std::move(thing)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (thing_) pool_->put_back(std::move(thing_));
    }
    T* operator->() const { return thing_.get(); }
    T& operator*() const { return *thing_; }

   private:
    Pool* pool_;
    std::unique_ptr<T> thing_;
  };

  Result<Lease> take() {
    {
      MutexLock lock(mutex_);
      while (idle_.empty() && made_ == size_max_) returned_.wait(mutex_);
      if (!idle_.empty()) {
        std::unique_ptr<T> thing = std::move(idle_.back());
        idle_.pop_back();
        return Lease(*this, std::move(thing));
      }
      ++made_;
    }
    auto thing = make_();
    if (!thing) {
      forget();
      return std::unexpected(std::move(thing.error()));
    }
    return Lease(*this, std::move(*thing));
  }

 private:
  void put_back(std::unique_ptr<T> thing) {
    {
      MutexLock lock(mutex_);
      idle_.push_back(std::move(thing));
    }
    returned_.notify_one();
  }
  void forget() {
    {
      MutexLock lock(mutex_);
      --made_;
    }
    returned_.notify_one();
  }

  const std::size_t size_max_;
  const Make make_;
  Mutex mutex_;
  CondVar returned_;
  std::vector<std::unique_ptr<T>> idle_ ZHIYIN_GUARDED_BY(mutex_);
  std::size_t made_ ZHIYIN_GUARDED_BY(mutex_) = 0;
};

}  // namespace zhiyin::storage::detail
