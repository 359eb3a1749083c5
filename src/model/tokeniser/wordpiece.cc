#include "model/tokeniser/wordpiece.h"

#include <algorithm>

#include "text/code_point.h"

namespace zhiyin::model {

Result<WordPiece> WordPiece::create(const std::vector<std::string_view>& pieces,
                                    const Settings& settings) {
  if (settings.unknown < 0 || static_cast<std::size_t>(settings.unknown) >= pieces.size())
    return fail(ErrorCode::kInvalidArgument, "tokeniser: the unknown piece {} is not among {}",
                settings.unknown, pieces.size());
  WordPiece out;
  out.settings_ = settings;
  std::vector<PieceTrie::Entry> first;
  std::vector<PieceTrie::Entry> later;
  const std::string& prefix = settings.continuing_prefix;
  for (std::size_t id = 0; id < pieces.size(); ++id) {
    if (pieces[id].empty()) continue;
    const auto number = static_cast<std::int32_t>(id);
    first.push_back({pieces[id], number});
    if (pieces[id].starts_with(prefix) && pieces[id].size() > prefix.size())
      later.push_back({pieces[id].substr(prefix.size()), number});
  }
  out.first_ = PieceTrie(std::move(first));
  out.later_ = PieceTrie(std::move(later));
  return out;
}

void WordPiece::cut(std::string_view word, std::vector<CutPiece>& out) const {
  const auto all = static_cast<std::uint32_t>(word.size());
  const std::size_t before = out.size();
  const auto characters = static_cast<std::size_t>(
      std::ranges::count_if(word, [](char c) { return !text::is_continuation_byte(c); }));
  std::size_t at = characters > settings_.word_characters_max ? 1 : 0;
  bool whole = at == 0;
  while (whole && at < word.size()) {
    std::size_t longest = 0;
    std::int32_t id = 0;
    (at == 0 ? first_ : later_)
        .for_each_prefix(word.substr(at), [&](std::size_t n, std::int32_t v) {
          longest = n;
          id = v;
        });
    whole = longest > 0;
    if (whole)
      out.push_back({id, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at + longest)});
    at += longest;
  }
  if (whole) return;
  out.resize(before);
  out.push_back({settings_.unknown, 0, all});
}

}  // namespace zhiyin::model
