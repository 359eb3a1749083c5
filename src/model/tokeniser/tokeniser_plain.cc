// Tokenisers from vocab.txt and from the default encoder's table.
#include <algorithm>
#include <unordered_map>

#include "base/utf8.h"
#include "model/tokeniser/tokeniser.h"

namespace zhiyin::model {
namespace {

using Part = TokenRow::Part;

std::unexpected<Error> bad_vocab(std::string_view what) {
  return fail(ErrorCode::kInvalidArgument, "vocab.txt: {}", what);
}

/// CLS A SEP and CLS A SEP B SEP.
void bert_template(std::int32_t cls, std::int32_t sep, std::uint8_t second_type, bool two_seps,
                   TokeniserParts& out) {
  out.single = {{Part::kSpecial, cls, 0}, {Part::kFirst, 0, 0}, {Part::kSpecial, sep, 0}};
  out.pair = out.single;
  if (two_seps) out.pair.push_back({Part::kSpecial, sep, second_type});
  out.pair.push_back({Part::kSecond, 0, second_type});
  out.pair.push_back({Part::kSpecial, sep, second_type});
}

}  // namespace

Result<Tokeniser> tokeniser_from_vocab(std::string_view vocab, const BertSettings& settings) {
  if (vocab.size() > kTokeniserFileBytesMax) return bad_vocab("is too large");
  if (!utf8::is_valid(vocab)) return bad_vocab("is not UTF-8");
  std::vector<std::string_view> pieces;
  std::unordered_map<std::string_view, std::int32_t> ids;
  while (!vocab.empty()) {
    const std::size_t end = std::min(vocab.find('\n'), vocab.size());
    std::string_view piece = vocab.substr(0, end);
    if (end < vocab.size() && piece.ends_with('\r')) piece.remove_suffix(1);  // CRLF
    pieces.push_back(piece);
    ids[pieces.back()] = static_cast<std::int32_t>(pieces.size() - 1);
    vocab.remove_prefix(std::min(end + 1, vocab.size()));
  }
  for (const std::string_view needed :
       {std::string_view(settings.unknown), std::string_view(settings.first),
        std::string_view(settings.last)}) {
    if (!ids.contains(needed)) return bad_vocab(fmt::format("has no {}", needed));
  }
  TokeniserParts parts{
      .model = WordPiece(*WordPiece::create(pieces, {.unknown = ids[settings.unknown]}))};
  parts.normalise.emplace_back(steps::Bert{true, settings.isolate_han,
                                           settings.strip_accents.value_or(settings.lowercase),
                                           settings.lowercase});
  parts.words.emplace_back(words::Bert());
  for (const std::string* special :
       {&settings.pad, &settings.unknown, &settings.first, &settings.last, &settings.mask}) {
    if (const auto found = ids.find(*special); found != ids.end())
      parts.added.push_back({*special, found->second, true});
  }
  bert_template(ids[settings.first], ids[settings.last], 1, false, parts);
  parts.vocabulary = pieces.size();
  return Tokeniser::create(std::move(parts));
}

Result<Tokeniser> tokeniser_from_table(const UnigramTable& table, std::optional<double> score_min,
                                       std::span<const std::int32_t> forbidden) {
  UnigramPieces pieces{.unknown = table.unknown, .score_min = score_min};
  std::vector<AddedToken> added;
  for (std::size_t id = 0; id < table.pieces.size(); ++id) {
    const auto number = static_cast<std::int32_t>(id);
    // Specials have the score 0, better than any piece: typed texts must not become them.
    const bool special = number == table.bos || number == table.eos || number == table.pad ||
                         number == table.unknown || table.pieces[id] == "<mask>" ||
                         std::ranges::find(forbidden, number) != forbidden.end();
    pieces.pieces.push_back({table.pieces[id], table.scores[id], !special});
    if (special) added.push_back({std::string(table.pieces[id]), number, true});
  }
  auto map = std::make_shared<steps::CharacterMap>();
  for (const MappedCharacter& c : table.characters)
    map->entries.emplace_back(c.from, std::u32string(c.to.begin(), c.to.end()));
  ZHIYIN_TRY(Unigram unigram, Unigram::create(pieces));
  TokeniserParts parts{.model = std::move(unigram), .added = std::move(added)};
  parts.normalise.emplace_back(std::shared_ptr<const steps::CharacterMap>(std::move(map)));
  parts.words.emplace_back(words::Metaspace{.split = false});
  bert_template(table.bos, table.eos, 0, true, parts);
  parts.vocabulary = table.pieces.size();
  return Tokeniser::create(std::move(parts));
}

}  // namespace zhiyin::model
