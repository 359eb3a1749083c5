#include "model/generate/evidence_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "model/generate/stated_values.h"

namespace zhiyin::model {
namespace {

std::size_t character_bytes(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

bool is_one_of(std::string_view character, std::initializer_list<std::string_view> list) {
  return std::ranges::find(list, character) != list.end();
}

bool ends_sentence(std::string_view character) {
  return is_one_of(character, {"。", "！", "？", "!", "?", "；", ";", "\n"});
}

bool closes(std::string_view character) {
  return is_one_of(character, {"”", "’", "」", "』", "）", ")", "\"", "。", "！", "？", "!", "?"});
}

struct Given {
  StatedValue value;
  std::size_t evidence;
};

std::vector<Given> given_values(const std::vector<std::string>& evidence,
                                const std::vector<std::string>& names) {
  std::vector<Given> out;
  for (std::size_t i = 0; i < evidence.size(); ++i) {
    for (StatedValue& value : stated_values(evidence[i], names)) {
      out.push_back({std::move(value), i});
    }
  }
  return out;
}

bool is_noise(std::string_view character) {
  const auto byte = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) {
    return !((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
             (byte >= 'A' && byte <= 'Z'));
  }
  // General, CJK and full-width punctuation.
  return character.starts_with("\xe2\x80") || character.starts_with("\xe3\x80") ||
         (character.starts_with("\xef\xbc") && static_cast<unsigned char>(character[2]) < 0x90);
}

/// The characters that count, joined, and where each began.
struct Plain {
  std::vector<std::string> characters;
  std::vector<std::size_t> begins;

  explicit Plain(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t n = std::min(text.size() - at, character_bytes(text[at]));
      std::string one(text.substr(at, n));
      if (!is_noise(one)) {
        if (n == 1 && one[0] >= 'A' && one[0] <= 'Z') one[0] = static_cast<char>(one[0] + 32);
        characters.push_back(std::move(one));
        begins.push_back(at);
      }
      at += n;
    }
  }
  [[nodiscard]] std::string run(std::size_t from) const {
    std::string out;
    for (std::size_t i = from; i < from + kLeakCharacters; ++i) out += characters[i];
    return out;
  }
  [[nodiscard]] std::size_t runs() const {
    return characters.size() < kLeakCharacters ? 0 : characters.size() - kLeakCharacters + 1;
  }
};

}  // namespace

std::vector<std::string_view> split_answer(std::string_view text) {
  std::vector<std::string_view> out;
  std::size_t from = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t n = std::min(text.size() - at, character_bytes(text[at]));
    const bool ends = ends_sentence(text.substr(at, n));
    at += n;
    if (!ends) continue;
    while (at < text.size()) {
      n = std::min(text.size() - at, character_bytes(text[at]));
      if (!closes(text.substr(at, n))) break;
      at += n;
    }
    out.push_back(text.substr(from, at - from));
    from = at;
  }
  if (from < text.size()) out.push_back(text.substr(from));
  return out;
}

CheckedText check_evidence(std::string_view text, const std::vector<std::string>& evidence,
                           const std::vector<std::string>& known_names) {
  const std::vector<Given> given = given_values(evidence, known_names);
  CheckedText out;
  for (const std::string_view sentence : split_answer(text)) {
    std::vector<EvidenceSpan> spans;
    std::string reason;
    for (const StatedValue& stated : stated_values(sentence, known_names)) {
      const auto support = std::ranges::find_if(
          given, [&](const Given& one) { return supports(one.value, stated); });
      // A name may also stand within a longer one of the evidence.
      std::size_t evidence_at = std::string::npos;
      std::size_t in = 0;
      const std::string_view said = sentence.substr(stated.begin, stated.end - stated.begin);
      if (support == given.end() && stated.kind == StatedValue::Kind::kName) {
        for (; in < evidence.size() && evidence_at == std::string::npos; ++in) {
          evidence_at = evidence[in].find(said);
        }
      }
      const std::size_t base = out.text.size();
      if (support != given.end()) {
        spans.push_back({base + stated.begin, base + stated.end, support->evidence,
                         support->value.begin, support->value.end});
      } else if (evidence_at != std::string::npos) {
        spans.push_back({base + stated.begin, base + stated.end, in - 1, evidence_at,
                         evidence_at + said.size()});
      } else {
        reason = fmt::format("{}: not in the evidence", said);
        break;
      }
    }
    if (!reason.empty()) {
      out.removed.push_back({std::string(sentence), std::move(reason)});
      continue;
    }
    out.text += sentence;
    out.spans.insert(out.spans.end(), spans.begin(), spans.end());
  }
  return out;
}

std::string find_leak(std::string_view text, std::string_view secret,
                      const std::vector<std::string>& allowed) {
  const Plain hidden(secret);
  std::set<std::string> runs;
  for (std::size_t i = 0; i < hidden.runs(); ++i) runs.insert(hidden.run(i));
  for (const std::string& one : allowed) {
    const Plain free(one);
    for (std::size_t i = 0; i < free.runs(); ++i) runs.erase(free.run(i));
  }
  const Plain said(text);
  for (std::size_t i = 0; i < said.runs(); ++i) {
    if (!runs.contains(said.run(i))) continue;
    const std::size_t last = i + kLeakCharacters - 1;
    const std::size_t end = said.begins[last] + character_bytes(text[said.begins[last]]);
    return std::string(text.substr(said.begins[i], end - said.begins[i]));
  }
  return {};
}

}  // namespace zhiyin::model
