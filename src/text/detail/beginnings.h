#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "text/detail/automaton.h"

namespace zhiyin::text::detail {

/// Symbols behind the last that are read, and places behind those found that are written.
constexpr std::size_t kBeginningsMargin = 32;

/// Which places count whatever the filter says: those whose flag has one of `wanted`.
struct PlaceFlags {
  const std::uint8_t* flags = nullptr;
  std::uint8_t wanted = 0;
};

/// Writes down, ascending, the places in [from, to) at which a term may begin as the filter has it,
/// or that count anyway; returns how many. `symbols`, the flags where some are wanted, and `places`
/// go on for kBeginningsMargin. `only`: a bit for each place from 0 on, to look at no others; then
/// `from` is 0. Uses AVX-512 where the processor has it.
std::size_t find_beginnings(const PrefixFilter& filter, const Symbol* symbols, std::size_t from,
                            std::size_t to, const PlaceFlags& also, std::uint32_t* places,
                            const std::uint64_t* only = nullptr);

/// The same in portable C++.
std::size_t find_beginnings_portable(const PrefixFilter& filter, const Symbol* symbols,
                                     std::size_t from, std::size_t to, const PlaceFlags& also,
                                     std::uint32_t* places, const std::uint64_t* only = nullptr);

}  // namespace zhiyin::text::detail
