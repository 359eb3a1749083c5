#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Money of other currencies than the renminbi. It is never added to it: what was bought in dollars
/// is an event `purchase.usd`, whose value is in hundredths of the currency's main unit (of yen,
/// too). Pure.
namespace zhiyin::ingest {

/// The lower-case code (ISO 4217) that a code, sign or name stands for; empty for the renminbi.
/// Nothing when the text is none. `$` alone is the US dollar, `¥` the renminbi.
std::optional<std::string> currency_of(std::string_view text);

/// An amount as people write it: the currency that stands before or behind it, and the rest.
struct WrittenMoney {
  std::string currency;  ///< as `currency_of`; empty also when none is written
  std::string amount;    ///< without a foreign currency's sign
};
WrittenMoney split_currency(std::string_view text);

/// `purchase.usd`; the kind itself for the renminbi.
std::string kind_in(std::string_view kind, std::string_view currency);

}  // namespace zhiyin::ingest
