#pragma once

#include <functional>

namespace zhiyin::model {

/// Threads that may come to help with one batch, for as long as they have nothing better to do. One
/// batch at a time; the three functions may be called from any thread.
class Helpers {
 public:
  virtual ~Helpers() = default;

  /// Until `withdraw`, other threads may call `help`, several at once and whenever they like. It
  /// returns when there is nothing left to do, or between two pieces of work once `wanted` says so;
  /// called after `withdraw` it returns at once.
  virtual void invite(std::function<void()> help) = 0;
  /// Also where `invite` failed (std::bad_alloc).
  virtual void withdraw() = 0;
  /// Whether those who help have something better to do.
  [[nodiscard]] virtual bool wanted() const = 0;
};

}  // namespace zhiyin::model
