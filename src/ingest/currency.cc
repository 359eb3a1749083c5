#include "ingest/currency.h"

#include <algorithm>

namespace zhiyin::ingest {
namespace {

struct Sign {
  std::string_view text;  // in lower case
  std::string_view code;
};

/// The longer before the shorter that it begins with.
constexpr Sign kSigns[] = {{"us$", "usd"},  {"hk$", "hkd"},  {"nt$", "twd"},    {"au$", "aud"},
                           {"a$", "aud"},   {"ca$", "cad"},  {"c$", "cad"},     {"s$", "sgd"},
                           {"$", "usd"},    {"€", "eur"},    {"£", "gbp"},      {"₩", "krw"},
                           {"₽", "rub"},    {"₹", "inr"},    {"฿", "thb"},      {"₫", "vnd"},
                           {"美元", "usd"}, {"港币", "hkd"}, {"港元", "hkd"},   {"欧元", "eur"},
                           {"英镑", "gbp"}, {"日元", "jpy"}, {"新台币", "twd"}, {"澳元", "aud"},
                           {"加元", "cad"}, {"韩元", "krw"}};

constexpr std::string_view kRenminbi[] = {"cny", "rmb", "cnh", "人民币", "元", "yuan", "¥", "￥"};

/// Codes that are taken for one where they stand beside a number.
constexpr std::string_view kCodes[] = {
    "aed", "aud", "brl", "cad", "chf", "czk", "dkk", "eur", "gbp", "hkd", "huf",
    "idr", "ils", "inr", "jpy", "krw", "mop", "mxn", "myr", "nok", "nzd", "php",
    "pln", "rub", "sar", "sek", "sgd", "thb", "try", "twd", "usd", "vnd", "zar"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

std::string_view without_blanks(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

bool is_code(std::string_view text) {
  return text.size() == 3 && std::ranges::all_of(text, [](char c) { return c >= 'a' && c <= 'z'; });
}

/// The sign or code of a foreign currency for which `stands` holds.
template <class Stands>
std::optional<Sign> sign_where(Stands stands) {
  for (const Sign& sign : kSigns) {
    if (stands(sign.text)) return sign;
  }
  for (const std::string_view code : kCodes) {
    if (stands(code)) return Sign{code, code};
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> currency_of(std::string_view text) {
  std::string plain = lower(without_blanks(text));
  if (plain.empty() || std::ranges::find(kRenminbi, plain) != std::end(kRenminbi))
    return std::string();
  for (const Sign& sign : kSigns) {
    if (sign.text == plain) return std::string(sign.code);
  }
  if (is_code(plain)) return plain;
  return std::nullopt;
}

WrittenMoney split_currency(std::string_view text) {
  text = without_blanks(text);
  const bool negative = text.starts_with('-');
  const std::string_view amount = without_blanks(text.substr(negative ? 1 : 0));
  const std::string plain = lower(amount);
  const auto written = [&](std::string_view code, std::string_view rest) {
    return WrittenMoney{std::string(code),
                        (negative ? "-" : "") + std::string(without_blanks(rest))};
  };
  if (const auto sign = sign_where([&](std::string_view s) { return plain.starts_with(s); }))
    return written(sign->code, amount.substr(sign->text.size()));
  if (const auto sign = sign_where([&](std::string_view s) { return plain.ends_with(s); }))
    return written(sign->code, amount.substr(0, amount.size() - sign->text.size()));
  return {{}, std::string(text)};
}

std::string kind_in(std::string_view kind, std::string_view currency) {
  std::string out(kind);
  if (!currency.empty()) out.append(".").append(currency);
  return out;
}

}  // namespace zhiyin::ingest
