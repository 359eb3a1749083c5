#pragma once

#include <cstdint>
#include <string_view>

namespace zhiyin::ingest {

/// Where a name stands: among what somebody is, or what somebody did. A product or a page has a
/// `name`, too.
enum class NamedIn : std::uint8_t { kTraits, kProperties };

/// True for names (of traits, properties, columns of tables) whose values say who somebody is or
/// where to find them: phone, e-mail, names of people, addresses, identity papers, birthday,
/// `微信号` …, in English and Chinese, with capitals, blanks and `_` in any form, also behind
/// another word (`customer_phone`, `收货地址`). Whoever takes events in seals such values unless
/// told otherwise. Pure.
bool is_personal_name(std::string_view name, NamedIn where);

}  // namespace zhiyin::ingest
