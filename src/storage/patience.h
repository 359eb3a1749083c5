#pragma once

namespace zhiyin::storage {

/// While one lives on a thread, the thread's writes wait their turn without asking anybody to
/// hurry: `State::waits` does not count them. For work behind the projections (the outbox's relay,
/// the warehouse's writer), which would otherwise make their batches small, and both slower.
class Patience {
 public:
  Patience();
  ~Patience();
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;

  /// Of this thread.
  static bool is_patient();
};

}  // namespace zhiyin::storage
