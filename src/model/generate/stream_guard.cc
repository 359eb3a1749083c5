#include "model/generate/stream_guard.h"

#include <algorithm>
#include <array>

namespace zhiyin::model {
namespace {

/// As long as an instruction that find_leak tells from chance, marks in between included.
constexpr std::size_t kBeforeBytes = 256;

std::string_view tail(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  text.remove_prefix(text.size() - bytes);
  while (!text.empty() && (static_cast<unsigned char>(text[0]) & 0xc0) == 0x80)
    text.remove_prefix(1);
  return text;
}

/// What may end a sentence is in it: only then is it worth while to look for one.
bool may_end(std::string_view piece) {
  constexpr std::array<std::string_view, 8> kEnds = {"。", "！", "？", "；", "!", "?", ";", "\n"};
  return std::ranges::any_of(kEnds, [&](std::string_view end) { return piece.contains(end); });
}

}  // namespace

std::string StreamGuard::judge(std::string_view sentence) {
  if (shut_) return {};
  const std::string with_before = before_ + std::string(sentence);
  if (!rules_.secret.empty() && !find_leak(with_before, rules_.secret, rules_.allowed).empty()) {
    shut_ = true;
    removed_.push_back({std::string(sentence), "repeats its instructions"});
    return {};
  }
  before_ = tail(with_before, kBeforeBytes);
  CheckedText checked = check_evidence(sentence, rules_.evidence, rules_.names);
  for (RemovedSentence& one : checked.removed) removed_.push_back(std::move(one));
  return std::move(checked.text);
}

std::string StreamGuard::feed(std::string_view piece) {
  if (shut_) return {};
  held_ += piece;
  may_be_whole_ = may_be_whole_ || may_end(piece);
  if (!may_be_whole_) return {};
  const auto sentences = split_answer(held_);
  // Behind the last one a closing mark may still come.
  std::string out;
  for (std::size_t i = 0; i + 1 < sentences.size(); ++i) out += judge(sentences[i]);
  if (sentences.size() > 1) held_ = std::string(sentences.back());
  may_be_whole_ = may_end(held_);
  return out;
}

std::string StreamGuard::finish() {
  std::string out;
  for (const std::string_view sentence : split_answer(held_)) out += judge(sentence);
  held_.clear();
  return out;
}

}  // namespace zhiyin::model
