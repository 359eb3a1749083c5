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

}  // namespace zhiyin
