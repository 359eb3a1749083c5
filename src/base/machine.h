#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace zhiyin {

/// Memory that this process may use, in bytes: the machine's, or less where a control group
/// (version 2; a container, say) allows less.
std::int64_t memory_bytes();

/// The least `memory.max` of the control group `group` ("/a/b") and those around it, below `root`.
/// Nothing where none limits it.
std::optional<std::int64_t> group_memory_max(const std::filesystem::path& root,
                                             std::string_view group);

/// From here on the calling thread, and the threads that it starts, stand behind others where the
/// processors do not do for all (nice 10). For good: a process may not take that back.
void give_way();

}  // namespace zhiyin
