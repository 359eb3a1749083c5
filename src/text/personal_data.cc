#include "text/personal_data.h"

#include <algorithm>

#include "text/code_point.h"
#include "text/detail/personal.h"
#include "text/detail/view_keys.h"

namespace zhiyin::text {
namespace detail {

FoldedText::FoldedText(std::string_view text) {
  characters.reserve(text.size() / 2 + 1);
  offsets.reserve(text.size() / 2 + 2);
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    // Names and places are read as they are written; only signs, digits and letters are folded.
    characters += is_han(c.value) ? c.value : script_fold(c.value);
    offsets.push_back(at);
    at += c.bytes;
  }
  offsets.push_back(text.size());
}

}  // namespace detail

namespace {

constexpr std::string_view kLiteral = "LITERAL";

std::string upper(std::string_view name) {
  std::string out;
  for (const char c : name)
    out += c == '_' ? '-' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

/// Leaves `first` and `last` characters, what is between becomes four stars.
std::string starred(std::string_view value, std::size_t first, std::size_t last) {
  std::vector<std::size_t> at;
  for (std::size_t i = 0; i < value.size(); i += code_point_at(value, i).bytes) at.push_back(i);
  if (at.size() <= first + last) first = last = 0;
  const std::string_view head = value.substr(0, first < at.size() ? at[first] : value.size());
  const std::string_view tail = last == 0 ? "" : value.substr(at[at.size() - last]);
  return std::string(head) + "****" + std::string(tail);
}

std::string shortened_value(PersonalKind kind, std::string_view value) {
  switch (kind) {
    case PersonalKind::kPhone:
      return starred(value, 3, 4);
    case PersonalKind::kIdNumber:
      return starred(value, 3, 4);
    case PersonalKind::kBankCard:
      return starred(value, 0, 4);
    case PersonalKind::kEmail: {
      const std::size_t at = value.rfind('@');
      if (at == std::string_view::npos) return starred(value, 1, 0);
      return starred(value.substr(0, at), 1, 0) + std::string(value.substr(at));
    }
    case PersonalKind::kPlate:
      return starred(value, 2, 1);
    case PersonalKind::kAddress:
      return starred(value, 3, 0);
    case PersonalKind::kName:
      return starred(value, 1, 0);
    case PersonalKind::kWechatId:
    case PersonalKind::kQq:
      return starred(value, 2, 1);
  }
  return "****";
}

}  // namespace

std::vector<PersonalSpan> find_personal_data(std::string_view text) {
  const detail::FoldedText folded(text);
  detail::Findings findings;
  detail::find_numbers(folded, findings);
  detail::find_accounts(folded, findings);
  detail::find_addresses(folded, findings);
  detail::find_names(folded, findings);
  // Kinds are numbered by how sure they are; an e-mail's digits are no phone, so the longest of
  // what is written first counts among numbers and accounts.
  const auto rank = [](const detail::Finding& f) {
    return f.kind == PersonalKind::kEmail ? -1 : static_cast<int>(f.kind);
  };
  std::ranges::sort(findings, [&](const auto& a, const auto& b) {
    return std::tuple(rank(a), a.begin, b.end) < std::tuple(rank(b), b.begin, a.end);
  });
  std::vector<bool> taken(folded.size(), false);
  std::vector<PersonalSpan> spans;
  for (const detail::Finding& f : findings) {
    const auto begin = taken.begin() + static_cast<std::ptrdiff_t>(f.begin);
    const auto end = taken.begin() + static_cast<std::ptrdiff_t>(f.end);
    if (std::find(begin, end, true) != end) continue;
    std::fill(begin, end, true);
    spans.push_back({f.kind, folded.offsets[f.begin], folded.offsets[f.end], f.begin, f.end});
  }
  std::ranges::sort(spans, {}, &PersonalSpan::byte_begin);
  return spans;
}

std::string shortened(std::string_view text, std::span<const PersonalSpan> spans) {
  std::string out;
  std::size_t at = 0;
  for (const PersonalSpan& span : spans) {
    out += text.substr(at, span.byte_begin - at);
    out +=
        shortened_value(span.kind, text.substr(span.byte_begin, span.byte_end - span.byte_begin));
    at = span.byte_end;
  }
  out += text.substr(at);
  return out;
}

Result<PersonalMask> PersonalMask::create(std::string nonce) {
  const bool fits = nonce.size() >= 4 && nonce.size() <= 32;
  const auto is_allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (!fits || !std::ranges::all_of(nonce, is_allowed))
    return fail_field("nonce", "must be 4 to 32 of a-z and 0-9");
  return PersonalMask(std::move(nonce));
}

std::string PersonalMask::placeholder(std::string_view kind, std::string_view value) {
  const std::string name = upper(kind);
  const auto key = std::pair(name, std::string(value));
  if (const auto at = known_.find(key); at != known_.end()) return entries_[at->second].first;
  if (entries_.size() >= kPlaceholdersMax) return "[" + name + "]";
  const auto number = std::ranges::find(kPersonalKindNames, kind) - kPersonalKindNames.begin();
  const std::uint32_t count = ++counts_[static_cast<std::size_t>(number)];
  entries_.emplace_back(fmt::format("[{}-{}-{}]", name, count, nonce_), value);
  known_.emplace(key, entries_.size() - 1);
  return entries_.back().first;
}

std::string PersonalMask::mask(std::string_view text) {
  return mask(text, find_personal_data(text));
}

std::string PersonalMask::mask(std::string_view text, std::span<const PersonalSpan> spans) {
  std::string out;
  std::size_t at = 0;
  // The nonce in a text from outside, whoever typed it, is put away as data: no placeholder of ours
  // can be read into what was typed.
  const auto copy = [&](std::string_view part) {
    for (std::size_t found; (found = part.find(nonce_)) != std::string_view::npos;) {
      out += part.substr(0, found);
      out += placeholder(kLiteral, nonce_);
      part.remove_prefix(found + nonce_.size());
    }
    out += part;
  };
  for (const PersonalSpan& span : spans) {
    copy(text.substr(at, span.byte_begin - at));
    out += placeholder(kPersonalKindNames[static_cast<std::size_t>(span.kind)],
                       text.substr(span.byte_begin, span.byte_end - span.byte_begin));
    at = span.byte_end;
  }
  copy(text.substr(at));
  return out;
}

std::string PersonalMask::unmask(std::string_view text) const {
  std::map<std::string_view, std::string_view> values;
  for (const auto& [placeholder, value] : entries_) values.emplace(placeholder, value);
  const std::string tail = "-" + nonce_ + "]";
  std::string out;
  while (!text.empty()) {
    const std::size_t end = text.find(tail);
    if (end == std::string_view::npos) break;
    const std::size_t begin = text.rfind('[', end);
    const std::size_t after = end + tail.size();
    const auto known = begin == std::string_view::npos
                           ? values.end()
                           : values.find(text.substr(begin, after - begin));
    if (known == values.end()) {
      out += text.substr(0, after);
    } else {
      out += text.substr(0, begin);
      out += known->second;
    }
    text.remove_prefix(after);
  }
  return out += text;
}

}  // namespace zhiyin::text
