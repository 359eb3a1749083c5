#include "server/training_notes.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <charconv>
#include <utility>

#include "base/file.h"

namespace zhiyin::server {
namespace {

namespace fs = std::filesystem;

/// An open lock, or -1 where another holds it.
int locked(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  ::close(fd);
  return -1;
}

/// When the training in the folder began; none where it is unknown or long ago.
std::optional<Instant> began(const fs::path& folder, Instant now) {
  const auto text = read_file(folder / "as_of", 64);
  if (!text) return std::nullopt;
  Instant out;
  const auto read = std::from_chars(text->data(), text->data() + text->size(), out.us);
  if (read.ec != std::errc() || out > now || now - out >= kDay) return std::nullopt;
  return out;
}

void clear(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().filename() != "lock") fs::remove_all(entry.path(), ignored);
  }
}

}  // namespace

std::optional<TrainingNotes> TrainingNotes::open(const fs::path& trainings, std::string_view name,
                                                 Instant now) {
  const fs::path folder = trainings / name;
  std::error_code ignored;
  fs::create_directories(folder, ignored);
  const int lock = locked(folder / "lock");
  if (lock < 0) return std::nullopt;
  for (const auto& entry : fs::directory_iterator(trainings, ignored)) {
    if (entry.path() == folder || began(entry.path(), now)) continue;
    const int other = locked(entry.path() / "lock");
    if (other < 0) continue;
    fs::remove_all(entry.path(), ignored);
    ::close(other);
  }
  auto as_of = began(folder, now);
  if (!as_of) {
    clear(folder);
    as_of = now;
    if (!write_file(folder / "as_of", std::to_string(now.us), 0600)) {
      ::close(lock);
      return std::nullopt;
    }
  }
  return TrainingNotes(folder, lock, *as_of);
}

TrainingNotes::TrainingNotes(TrainingNotes&& other) noexcept
    : folder_(std::move(other.folder_)),
      lock_(std::exchange(other.lock_, -1)),
      as_of_(other.as_of_) {}

TrainingNotes::~TrainingNotes() {
  if (lock_ >= 0) ::close(lock_);
}

void TrainingNotes::remove() {
  std::error_code ignored;
  clear(folder_);
  fs::remove_all(folder_, ignored);
}

}  // namespace zhiyin::server
