#include "base/machine.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace zhiyin {

std::optional<std::int64_t> group_memory_max(const std::filesystem::path& root,
                                             std::string_view group) {
  std::optional<std::int64_t> least;
  std::filesystem::path below = std::filesystem::path(group).lexically_normal().relative_path();
  for (;;) {
    std::ifstream file(root / below / "memory.max");
    std::int64_t bytes = 0;  // the file may say "max", which is no number
    if (file >> bytes && bytes > 0) least = std::min(least.value_or(bytes), bytes);
    if (below.empty()) return least;
    below = below.parent_path();
  }
}

std::int64_t memory_bytes() {
  const std::int64_t all = std::int64_t{::sysconf(_SC_PHYS_PAGES)} * ::sysconf(_SC_PAGESIZE);
  std::ifstream groups("/proc/self/cgroup");
  constexpr std::string_view kUnified = "0::";
  for (std::string line; std::getline(groups, line);) {
    if (!line.starts_with(kUnified)) continue;
    return std::min(all,
                    group_memory_max("/sys/fs/cgroup", line.substr(kUnified.size())).value_or(all));
  }
  return all;
}

void give_way() {
  constexpr int kNice = 10;
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
}

}  // namespace zhiyin
