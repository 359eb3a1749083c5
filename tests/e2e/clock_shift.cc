// Preloaded by tests: the system's clock as the program sees it is off by the microseconds that
// stand in the file CLOCK_SHIFT_FILE, which may change at any moment.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace {

const volatile std::int64_t* shift_us() {
  static const volatile std::int64_t* shift = []() -> const volatile std::int64_t* {
    static const std::int64_t none = 0;
    const char* file = std::getenv("CLOCK_SHIFT_FILE");
    const int fd = file == nullptr ? -1 : ::open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return &none;
    void* page = ::mmap(nullptr, sizeof none, PROT_READ, MAP_SHARED, fd, 0);
    ::close(fd);
    return page == MAP_FAILED ? &none : static_cast<const volatile std::int64_t*>(page);
  }
  ();
  return shift;
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  using Function = int (*)(clockid_t, timespec*);
  static const auto real = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "clock_gettime"));
  const int answer = real(clock, time);
  if (answer != 0 || clock != CLOCK_REALTIME) return answer;
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t ns = time->tv_nsec + *shift_us() % 1'000'000 * 1000;
  time->tv_sec += static_cast<time_t>(*shift_us() / 1'000'000 + (ns < 0 ? -1 : ns / kSecond));
  time->tv_nsec = static_cast<long>((ns + kSecond) % kSecond);
  return answer;
}
