#pragma once

#include <memory>

#include "base/mutex.h"
#include "text/dictionary.h"
#include "text/user_words.h"

namespace zhiyin::text {

/// A dictionary with the user words on top: what a segmenter works with. Copies share both; a
/// snapshot stays as it is while a newer one is put in its place.
struct Words {
  std::shared_ptr<const Dictionary> dictionary;  // never null; shared by all snapshots
  std::shared_ptr<const UserWords> user;  // null: none; shared by segmenters of this snapshot
};

/// The words in use, which can be swapped while others segment. Thread-safe.
class LiveWords {
 public:
  explicit LiveWords(Words words) : words_(std::move(words)) {}

  [[nodiscard]] Words now() const {
    const MutexLock lock(mutex_);
    return words_;
  }
  /// From now on. Who holds an older snapshot keeps it.
  void set_user_words(std::shared_ptr<const UserWords> user) {
    const MutexLock lock(mutex_);
    words_.user.swap(user);
  }

 private:
  mutable Mutex mutex_;
  Words words_ ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace zhiyin::text
