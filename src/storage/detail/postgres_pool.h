#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "storage/detail/postgres_session.h"

namespace zhiyin::storage::detail {

/// At most `size_max` connections, made when first needed and lent to one user at a time. Whoever
/// comes when all are lent waits, at most `wait`. One that is lost or still inside a transaction
/// when it comes back is closed and makes room for a new one. Thread-safe. Must outlive its leases.
class PostgresPool {
 public:
  using Make = std::function<Result<std::unique_ptr<PostgresSession>>()>;
  PostgresPool(std::size_t size_max, std::chrono::milliseconds wait, Make make)
      : size_max_(size_max), wait_(wait), make_(std::move(make)) {}

  class Lease {
   public:
    Lease(PostgresPool& pool, std::unique_ptr<PostgresSession> session)
        : pool_(&pool), session_(std::move(session)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (session_) pool_->put_back(std::move(session_));
    }
    PostgresSession* operator->() const { return session_.get(); }
    PostgresSession& operator*() const { return *session_; }

   private:
    PostgresPool* pool_;
    std::unique_ptr<PostgresSession> session_;
  };

  /// kUnavailable when none came back in time or the server cannot be reached.
  Result<Lease> take() {
    const auto until = std::chrono::steady_clock::now() + wait_;
    {
      MutexLock lock(mutex_);
      while (idle_.empty() && made_ == size_max_) {
        if (!returned_.wait_for(mutex_, until - std::chrono::steady_clock::now()) &&
            std::chrono::steady_clock::now() >= until) {
          return fail(ErrorCode::kUnavailable, "state: all {} connections were busy for {} ms",
                      size_max_, wait_.count());
        }
      }
      if (!idle_.empty()) {
        std::unique_ptr<PostgresSession> session = std::move(idle_.back());
        idle_.pop_back();
        return Lease(*this, std::move(session));
      }
      ++made_;
    }
    auto session = make_();
    if (!session) {
      forget(1);
      return std::unexpected(std::move(session.error()));
    }
    return Lease(*this, std::move(*session));
  }

  /// Closes what is not lent: after a server went away all of them are of the past.
  void drop_idle() {
    std::vector<std::unique_ptr<PostgresSession>> dropped;
    {
      MutexLock lock(mutex_);
      dropped.swap(idle_);
    }
    forget(dropped.size());
  }

 private:
  void put_back(std::unique_ptr<PostgresSession> session) {
    if (!session->is_idle()) {
      session.reset();
      return forget(1);
    }
    {
      MutexLock lock(mutex_);
      idle_.push_back(std::move(session));
    }
    returned_.notify_one();
  }
  void forget(std::size_t count) {
    {
      MutexLock lock(mutex_);
      made_ -= count;
    }
    returned_.notify_all();
  }

  const std::size_t size_max_;
  const std::chrono::milliseconds wait_;
  const Make make_;
  Mutex mutex_;
  CondVar returned_;
  std::vector<std::unique_ptr<PostgresSession>> idle_ ZHIYIN_GUARDED_BY(mutex_);
  std::size_t made_ ZHIYIN_GUARDED_BY(mutex_) = 0;
};

}  // namespace zhiyin::storage::detail
