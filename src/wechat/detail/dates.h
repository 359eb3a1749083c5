#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

/// Dates as the platform writes them. Pure.
namespace zhiyin::wechat {

/// Days since 1970-01-01 of `2026-01-31` or `20260131`; nothing when there is no such day.
std::optional<std::int64_t> parse_day(std::string_view text);

}  // namespace zhiyin::wechat
