#include "storage/detail/faulty_disk.h"

#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <limits>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/random.h"

namespace zhiyin::storage::detail {
namespace {

constexpr std::int64_t kSector = 512;
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

std::string next_name() {
  static std::atomic<int> number{0};
  return fmt::format("faulty-disk-{}", ++number);
}

}  // namespace

struct FaultyVfs {
  sqlite3_vfs base{};
  sqlite3_vfs* real = nullptr;
  FaultyDisk* disk = nullptr;
};

struct FaultyDisk::Tracked {
  std::map<std::int64_t, std::string> unsynced;  // sector number: what was there at the last sync
  std::int64_t synced_size = 0;
  std::int64_t size = 0;
};

/// Lies in memory that SQLite gives; the real file follows it.
struct FaultyDisk::File {
  sqlite3_file base;
  FaultyDisk* disk;
  Tracked* tracked;  // null for temporary files
  [[nodiscard]] sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

namespace {

FaultyDisk::File& file_of(sqlite3_file* file) { return *reinterpret_cast<FaultyDisk::File*>(file); }
sqlite3_file* real_of(sqlite3_file* file) { return file_of(file).real(); }

const sqlite3_io_methods kMethods = {
    2,  // with shared memory, without memory mapping
    [](sqlite3_file* f) { return real_of(f)->pMethods->xClose(real_of(f)); },
    [](sqlite3_file* f, void* data, int size, sqlite3_int64 offset) {
      return real_of(f)->pMethods->xRead(real_of(f), data, size, offset);
    },
    [](sqlite3_file* f, const void* data, int size, sqlite3_int64 offset) {
      return file_of(f).disk->write(file_of(f), data, size, offset);
    },
    [](sqlite3_file* f, sqlite3_int64 size) { return file_of(f).disk->truncate(file_of(f), size); },
    [](sqlite3_file* f, int) { return file_of(f).disk->sync(file_of(f)); },
    [](sqlite3_file* f, sqlite3_int64* size) {
      return real_of(f)->pMethods->xFileSize(real_of(f), size);
    },
    [](sqlite3_file* f, int level) { return real_of(f)->pMethods->xLock(real_of(f), level); },
    [](sqlite3_file* f, int level) { return real_of(f)->pMethods->xUnlock(real_of(f), level); },
    [](sqlite3_file* f, int* out) {
      return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
    },
    [](sqlite3_file* f, int op, void* arg) {
      return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
    },
    [](sqlite3_file* f) { return real_of(f)->pMethods->xSectorSize(real_of(f)); },
    [](sqlite3_file* f) { return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f)); },
    [](sqlite3_file* f, int region, int size, int extend, void volatile** out) {
      return real_of(f)->pMethods->xShmMap(real_of(f), region, size, extend, out);
    },
    [](sqlite3_file* f, int offset, int n, int flags) {
      return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
    },
    [](sqlite3_file* f) { real_of(f)->pMethods->xShmBarrier(real_of(f)); },
    [](sqlite3_file* f, int remove) { return real_of(f)->pMethods->xShmUnmap(real_of(f), remove); },
    nullptr,
    nullptr,
};

}  // namespace

FaultyDisk::FaultyDisk()
    : name_(next_name()),
      vfs_(std::make_unique<FaultyVfs>()),
      power_until_(kNever),
      bytes_max_(kNever) {
  vfs_->real = sqlite3_vfs_find(nullptr);
  vfs_->disk = this;
  vfs_->base = *vfs_->real;  // what is not replaced below works as in the real one
  vfs_->base.pNext = nullptr;
  vfs_->base.zName = name_.c_str();
  vfs_->base.szOsFile += static_cast<int>(sizeof(File));
  vfs_->base.xOpen = [](sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags,
                        int* out) {
    return open_file(*reinterpret_cast<FaultyVfs*>(vfs), path, file, flags, out);
  };
  vfs_->base.xDelete = [](sqlite3_vfs* vfs, const char* path, int sync_folder) {
    return reinterpret_cast<FaultyVfs*>(vfs)->disk->remove(path, sync_folder);
  };
  ZHIYIN_CHECK(sqlite3_vfs_register(&vfs_->base, 0) == SQLITE_OK);
}

FaultyDisk::~FaultyDisk() { sqlite3_vfs_unregister(&vfs_->base); }

int FaultyDisk::open_file(FaultyVfs& vfs, const char* path, void* memory, int flags, int* out) {
  File& file = *static_cast<File*>(memory);
  file.base.pMethods = nullptr;
  file.disk = vfs.disk;
  file.tracked = nullptr;
  const int rc = vfs.real->xOpen(vfs.real, path, file.real(), flags, out);
  if (rc != SQLITE_OK) return rc;
  file.base.pMethods = &kMethods;
  if (path == nullptr) return rc;
  MutexLock lock(vfs.disk->mutex_);
  const auto [at, is_new] = vfs.disk->tracked_.try_emplace(path);
  file.tracked = &at->second;
  if (is_new) {
    sqlite3_int64 size = 0;
    file.real()->pMethods->xFileSize(file.real(), &size);
    at->second.synced_size = at->second.size = size;
  }
  return rc;
}

std::int64_t FaultyDisk::operations() const {
  MutexLock lock(mutex_);
  return operations_;
}

void FaultyDisk::lose_power_after(std::int64_t operations) {
  MutexLock lock(mutex_);
  power_until_ = operations_ + operations;
}

void FaultyDisk::fail_next_sync() {
  MutexLock lock(mutex_);
  next_sync_fails_ = true;
}

void FaultyDisk::limit_bytes(std::int64_t bytes) {
  MutexLock lock(mutex_);
  bytes_max_ = bytes;
}

bool FaultyDisk::operation_fails() { return ++operations_ >= power_until_; }

/// Keeps what the sectors of a range held at the last sync.
void FaultyDisk::remember(File& file, std::int64_t from, std::int64_t to) {
  if (from >= to) return;
  for (std::int64_t sector = from / kSector; sector <= (to - 1) / kSector; ++sector) {
    if (file.tracked->unsynced.contains(sector)) continue;
    std::string before(kSector, '\0');
    // A short read leaves zeros, which is what a hole holds.
    file.real()->pMethods->xRead(file.real(), before.data(), kSector, sector * kSector);
    file.tracked->unsynced.emplace(sector, std::move(before));
  }
}

int FaultyDisk::write(File& file, const void* data, int size, std::int64_t offset) {
  MutexLock lock(mutex_);
  if (operation_fails()) return SQLITE_IOERR_WRITE;
  if (file.tracked != nullptr) {
    const std::int64_t grown = std::max(file.tracked->size, offset + size);
    std::int64_t total = grown - file.tracked->size;
    for (const auto& [path, tracked] : tracked_) total += tracked.size;
    if (grown > file.tracked->size && total > bytes_max_) return SQLITE_FULL;
    remember(file, offset, offset + size);
    file.tracked->size = grown;
  }
  return file.real()->pMethods->xWrite(file.real(), data, size, offset);
}

int FaultyDisk::truncate(File& file, std::int64_t size) {
  MutexLock lock(mutex_);
  if (operation_fails()) return SQLITE_IOERR_TRUNCATE;
  if (file.tracked != nullptr) {
    remember(file, size, file.tracked->size);
    file.tracked->size = size;
  }
  return file.real()->pMethods->xTruncate(file.real(), size);
}

int FaultyDisk::sync(File& file) {
  MutexLock lock(mutex_);
  if (operation_fails() || std::exchange(next_sync_fails_, false)) return SQLITE_IOERR_FSYNC;
  if (file.tracked != nullptr) {
    file.tracked->unsynced.clear();
    file.tracked->synced_size = file.tracked->size;
  }
  return SQLITE_OK;  // the real disk need not be bothered
}

int FaultyDisk::remove(const char* path, int sync_folder) {
  MutexLock lock(mutex_);
  if (operation_fails()) return SQLITE_IOERR_DELETE;
  if (const auto found = tracked_.find(path); found != tracked_.end()) found->second = {};
  return vfs_->real->xDelete(vfs_->real, path, sync_folder);
}

void FaultyDisk::revert(const std::string& path, const Tracked& tracked, std::uint64_t seed) {
  Random random(seed);
  std::int64_t size = tracked.synced_size;
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  for (const auto& [sector, before] : tracked.unsynced) {
    if (seed != 0 && random.below(2) == 1) {
      size = std::max(size, std::min(tracked.size, (sector + 1) * kSector));
      continue;
    }
    file.seekp(sector * kSector);
    file.write(before.data(), kSector);
  }
  file.close();
  ZHIYIN_CHECK(file.good());
  std::filesystem::resize_file(path, static_cast<std::uintmax_t>(size));
}

void FaultyDisk::restart(std::uint64_t seed) {
  MutexLock lock(mutex_);
  for (const auto& [path, tracked] : tracked_) {
    if (!std::filesystem::exists(path)) continue;
    if (!tracked.unsynced.empty()) revert(path, tracked, seed == 0 ? 0 : seed + tracked.size);
    std::filesystem::remove(path + "-shm");  // shared memory does not outlive a machine
  }
  tracked_.clear();
  power_until_ = kNever;
}

}  // namespace zhiyin::storage::detail
