// tokenizer.json of Hugging Face.
#include <algorithm>
#include <array>
#include <limits>
#include <unordered_map>

#include "base/json.h"
#include "model/tokeniser/character_classes.h"
#include "model/tokeniser/tokeniser.h"
#include "text/code_point.h"

namespace zhiyin::model {
namespace {

using Part = TokenRow::Part;

constexpr std::size_t kPiecesMax = 4'000'000;
constexpr std::size_t kAddedMax = 100'000;
constexpr std::size_t kPieceBytesMax = 4096;
constexpr std::size_t kStepsMax = 64;
constexpr std::size_t kTemplateMax = 64;

std::unexpected<Error> unsupported(std::string_view place, std::string_view what) {
  return std::unexpected(Error{ErrorCode::kUnsupported,
                               fmt::format("'{}' is not done here", what.substr(0, 60)),
                               std::string(place)});
}

Result<std::string> text_of(const Json& json, std::string_view place, std::string_view name) {
  const std::string* text = json[name].if_string();
  if (text == nullptr || text->size() > kPieceBytesMax)
    return fail_field(fmt::format("{}.{}", place, name), "is missing or no short text");
  return *text;
}

Result<std::int32_t> id_of(const Json& json, std::string_view place) {
  const std::int64_t* id = json.if_int();
  if (id == nullptr || *id < 0 || *id >= static_cast<std::int64_t>(kPiecesMax))
    return fail_field(place, "is no id between 0 and {}", kPiecesMax - 1);
  return static_cast<std::int32_t>(*id);
}

/// The value of the standard alphabet's base64.
Result<std::string> unbase64(std::string_view text, std::string_view place) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  while (text.ends_with('=')) text.remove_suffix(1);
  for (const char c : text) {
    std::uint32_t v = 0;
    if (c >= 'A' && c <= 'Z')
      v = static_cast<std::uint32_t>(c - 'A');
    else if (c >= 'a' && c <= 'z')
      v = static_cast<std::uint32_t>(c - 'a') + 26;
    else if (c >= '0' && c <= '9')
      v = static_cast<std::uint32_t>(c - '0') + 52;
    else if (c == '+')
      v = 62;
    else if (c == '/')
      v = 63;
    else
      return fail_field(place, "is not base64");
    bits = bits << 6 | v;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 255U);
  }
  return out;
}

/// Calls one(step, place) for a step or, one by one, for those of a Sequence, however nested
/// (JSON's depth is bounded).
template <class One>
Result<void> for_each_step(const Json& step, const std::string& place, std::string_view list,
                           std::size_t& seen, One one) {
  if (step.is_null()) return {};
  if (++seen > kStepsMax) return fail_field(place, "more than {} steps", kStepsMax);
  ZHIYIN_TRY(const std::string type, text_of(step, place, "type"));
  if (type != "Sequence") return one(step, type, place);
  const Json::Array* steps = step[list].if_array();
  if (steps == nullptr) return fail_field(fmt::format("{}.{}", place, list), "is missing");
  for (std::size_t i = 0; i < steps->size(); ++i) {
    ZHIYIN_TRY_VOID(
        for_each_step((*steps)[i], fmt::format("{}.{}[{}]", place, list, i), list, seen, one));
  }
  return {};
}

Result<steps::Step> replace_step(const Json& json, const std::string& place) {
  steps::Replace out;
  ZHIYIN_TRY(out.to, text_of(json, place, "content"));
  const Json& pattern = json["pattern"];
  if (const std::string* text = pattern["String"].if_string()) {
    out.from = *text;
    if (out.from.empty()) return fail_field(place + ".pattern", "is empty");
    return out;
  }
  const std::string_view regex = pattern["Regex"].string_or("");
  if (regex == " {2,}")
    out.spaces_from = 2;
  else if (regex == " +" || regex == " {1,}")
    out.spaces_from = 1;
  else
    return unsupported(place + ".pattern", regex.empty() ? "pattern" : regex);
  return out;
}

Result<steps::Step> normalise_step(const Json& json, const std::string& type,
                                   const std::string& place) {
  if (type == "BertNormalizer") {
    const bool lowercase = json["lowercase"].bool_or(true);
    return steps::Bert{json["clean_text"].bool_or(true), json["handle_chinese_chars"].bool_or(true),
                       json["strip_accents"].bool_or(lowercase), lowercase};
  }
  if (type == "Lowercase") return steps::Lowercase{};
  if (type == "StripAccents") return steps::StripAccents{};
  if (type == "NFD" || type == "NFC" || type == "NFKD" || type == "NFKC")
    return steps::NormalForm{type.starts_with("NFK"), type.ends_with('C')};
  if (type == "Nmt") return steps::Nmt{};
  if (type == "Strip")
    return steps::Strip{json["strip_left"].bool_or(true), json["strip_right"].bool_or(true)};
  if (type == "Prepend") {
    ZHIYIN_TRY(std::string text, text_of(json, place, "prepend"));
    return steps::Prepend{std::move(text)};
  }
  if (type == "Replace") return replace_step(json, place);
  if (type == "Precompiled") {
    const std::string at = place + ".precompiled_charsmap";
    const std::string* text = json["precompiled_charsmap"].if_string();
    if (text == nullptr) return fail_field(at, "is missing");
    ZHIYIN_TRY(const std::string bytes, unbase64(*text, at));
    ZHIYIN_TRY(PrecompiledMap map, PrecompiledMap::create(bytes));
    return std::make_shared<const steps::Precompiled>(std::move(map));
  }
  return unsupported(place, type);
}

Result<words::Step> word_step(const Json& json, const std::string& type, const std::string& place) {
  if (type == "BertPreTokenizer") return words::Bert{};
  if (type == "WhitespaceSplit") return words::WhitespaceSplit{};
  if (type == "Whitespace") return words::Whitespace{};
  if (type == "Punctuation") {
    if (json["behavior"].string_or("Isolated") != "Isolated")
      return unsupported(place + ".behavior", json["behavior"].string_or(""));
    return words::Punctuation{};
  }
  if (type != "Metaspace") return unsupported(place, type);
  words::Metaspace out;
  out.replacement = json["replacement"].string_or("\u2581");
  if (out.replacement.empty() || out.replacement.size() > 4)
    return fail_field(place + ".replacement", "is not one character");
  using Prepend = words::Metaspace::Prepend;
  // Older files say add_prefix_space.
  const std::string_view scheme =
      json["prepend_scheme"].string_or(json["add_prefix_space"].bool_or(true) ? "always" : "never");
  if (scheme == "always")
    out.prepend = Prepend::kAlways;
  else if (scheme == "first")
    out.prepend = Prepend::kFirst;
  else if (scheme == "never")
    out.prepend = Prepend::kNever;
  else
    return unsupported(place + ".prepend_scheme", scheme);
  out.split = json["split"].bool_or(true);
  return out;
}

/// Pieces of the model by id, for specials that are named by their text.
using Ids = std::unordered_map<std::string_view, std::int32_t>;

Result<Unigram> unigram_of(const Json& model, Ids& ids, std::size_t& vocabulary) {
  const Json::Array* vocab = model["vocab"].if_array();
  if (vocab == nullptr || vocab->empty() || vocab->size() > kPiecesMax)
    return fail_field("model.vocab", "is missing, empty or too long");
  UnigramPieces pieces;
  pieces.byte_fallback = model["byte_fallback"].bool_or(false);
  if (model["unk_id"].is_null()) return unsupported("model.unk_id", "a unigram model without one");
  ZHIYIN_TRY(pieces.unknown, id_of(model["unk_id"], "model.unk_id"));
  for (std::size_t i = 0; i < vocab->size(); ++i) {
    const Json::Array* entry = (*vocab)[i].if_array();
    const std::string* text =
        entry != nullptr && entry->size() == 2 ? (*entry)[0].if_string() : nullptr;
    if (text == nullptr || !(*entry)[1].is_number() || text->size() > kPieceBytesMax)
      return fail_field(fmt::format("model.vocab[{}]", i), "is not [text, score]");
    pieces.pieces.push_back({*text, (*entry)[1].number_or(0)});
    ids[*text] = static_cast<std::int32_t>(i);
  }
  vocabulary = vocab->size();
  return Unigram::create(pieces);
}

Result<WordPiece> wordpiece_of(const Json& model, Ids& ids, std::size_t& vocabulary) {
  const Json::Object* vocab = model["vocab"].if_object();
  if (vocab == nullptr || vocab->empty() || vocab->size() > kPiecesMax)
    return fail_field("model.vocab", "is missing, empty or too long");
  std::vector<std::string_view> pieces;
  for (const auto& [text, json] : *vocab) {
    ZHIYIN_TRY(const std::int32_t id, id_of(json, "model.vocab." + text.substr(0, 40)));
    if (text.size() > kPieceBytesMax) return fail_field("model.vocab", "a piece is too long");
    const auto place = static_cast<std::size_t>(id);
    if (pieces.size() <= place) pieces.resize(place + 1);
    if (!pieces[place].empty()) return fail_field("model.vocab", "id {} is there twice", id);
    pieces[place] = text;
    ids[text] = id;
  }
  vocabulary = pieces.size();
  WordPiece::Settings settings;
  ZHIYIN_TRY(const std::string unknown, text_of(model, "model", "unk_token"));
  const auto found = ids.find(unknown);
  if (found == ids.end())
    return fail_field("model.unk_token", "'{}' is no piece", unknown.substr(0, 40));
  settings.unknown = found->second;
  settings.continuing_prefix = model["continuing_subword_prefix"].string_or("##");
  const std::int64_t most = model["max_input_chars_per_word"].int_or(100);
  if (most < 0) return fail_field("model.max_input_chars_per_word", "is negative");
  settings.word_characters_max = static_cast<std::size_t>(most);
  return WordPiece::create(pieces, settings);
}

Result<std::vector<AddedToken>> added_of(const Json& json, Ids& ids) {
  std::vector<AddedToken> out;
  if (json.is_null()) return out;
  const Json::Array* list = json.if_array();
  if (list == nullptr || list->size() > kAddedMax)
    return fail_field("added_tokens", "is no list, or too long");
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Json& entry = (*list)[i];
    const std::string place = fmt::format("added_tokens[{}]", i);
    AddedToken token;
    ZHIYIN_TRY(token.text, text_of(entry, place, "content"));
    ZHIYIN_TRY(token.id, id_of(entry["id"], place + ".id"));
    token.special = entry["special"].bool_or(false);
    token.normalised = entry["normalized"].bool_or(!token.special);
    token.strip_left = entry["lstrip"].bool_or(false);
    token.strip_right = entry["rstrip"].bool_or(false);
    token.single_word = entry["single_word"].bool_or(false);
    if (token.text.empty()) return fail_field(place + ".content", "is empty");
    ids.try_emplace(*entry["content"].if_string(), token.id);
    out.push_back(std::move(token));
  }
  return out;
}

Result<std::uint8_t> type_of(const Json& json, const std::string& place) {
  const std::int64_t type = json["type_id"].int_or(0);
  if (type < 0 || type > 1) return fail_field(place + ".type_id", "is neither 0 nor 1");
  return static_cast<std::uint8_t>(type);
}

Result<std::vector<TemplatePiece>> template_of(const Json& post, const std::string& at,
                                               std::string_view name) {
  std::vector<TemplatePiece> out;
  const Json::Array* list = post[name].if_array();
  if (list == nullptr || list->size() > kTemplateMax)
    return fail_field(fmt::format("{}.{}", at, name), "is no list, or too long");
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string place = fmt::format("{}.{}[{}]", at, name, i);
    if (const Json* sequence = (*list)[i].find("Sequence")) {
      ZHIYIN_TRY(const std::uint8_t type, type_of(*sequence, place));
      const bool second = (*sequence)["id"].string_or("A") == "B";
      out.push_back({second ? Part::kSecond : Part::kFirst, 0, type});
      continue;
    }
    const Json& special = (*list)[i]["SpecialToken"];
    ZHIYIN_TRY(const std::uint8_t type, type_of(special, place));
    ZHIYIN_TRY(const std::string id, text_of(special, place, "id"));
    const Json::Array* numbers = post["special_tokens"][id]["ids"].if_array();
    if (numbers == nullptr || numbers->size() > kTemplateMax)
      return fail_field(place, "'{}' is not among special_tokens", id.substr(0, 40));
    for (const Json& number : *numbers) {
      ZHIYIN_TRY(const std::int32_t token, id_of(number, place));
      out.push_back({Part::kSpecial, token, type});
    }
  }
  return out;
}

/// BertProcessing and RobertaProcessing: {"sep":["[SEP]",102],"cls":["[CLS]",101]}.
Result<void> old_template(const Json& post, const std::string& at, bool roberta,
                          TokeniserParts& out) {
  const auto special = [&](std::string_view name) -> Result<std::int32_t> {
    const Json::Array* pair = post[name].if_array();
    if (pair == nullptr || pair->size() != 2)
      return fail_field(fmt::format("{}.{}", at, name), "is not [text, id]");
    return id_of((*pair)[1], fmt::format("{}.{}", at, name));
  };
  ZHIYIN_TRY(const std::int32_t cls, special("cls"));
  ZHIYIN_TRY(const std::int32_t sep, special("sep"));
  const std::uint8_t second = roberta ? 0 : 1;
  out.single = {{Part::kSpecial, cls, 0}, {Part::kFirst, 0, 0}, {Part::kSpecial, sep, 0}};
  out.pair = out.single;
  if (roberta) out.pair.push_back({Part::kSpecial, sep, second});
  out.pair.push_back({Part::kSecond, 0, second});
  out.pair.push_back({Part::kSpecial, sep, second});
  return {};
}

/// Whether a piece begins or ends with what ByteLevel takes for a blank: its Ġ, or white space.
bool has_blank_edge(std::string_view piece, bool spaces_too) {
  if (piece.empty()) return false;
  std::size_t last = piece.size() - 1;
  while (last > 0 && text::is_continuation_byte(piece[last])) --last;
  return std::ranges::any_of(std::array{std::size_t{0}, last}, [&](std::size_t at) {
    constexpr char32_t kBlank = 0x120;
    const char32_t c = text::code_point_at(piece, at).value;
    return c == kBlank || (spaces_too && is_white_space(c));
  });
}

bool drops_spaces(const words::Step& step) {
  return std::holds_alternative<words::Bert>(step) ||
         std::holds_alternative<words::Whitespace>(step) ||
         std::holds_alternative<words::WhitespaceSplit>(step);
}

/// ByteLevel as a post-processor only takes blanks off the offsets of tokens that have some. Done
/// here where none can: words of WordPiece have none, unless a piece is odd.
Result<void> check_byte_level(const Json& post, const std::string& place, const Ids& ids,
                              const TokeniserParts& parts) {
  if (!post["trim_offsets"].bool_or(true)) return {};
  if (!std::holds_alternative<WordPiece>(parts.model))
    return unsupported(place, "ByteLevel with trim_offsets beside Unigram");
  const bool spaces_in_words = std::ranges::none_of(parts.words, drops_spaces);
  const bool odd =
      std::ranges::any_of(
          ids, [&](const auto& piece) { return has_blank_edge(piece.first, spaces_in_words); }) ||
      // Their tokens hold the spaces that they take along.
      std::ranges::any_of(parts.added, [](const AddedToken& token) {
        return token.strip_left || token.strip_right || has_blank_edge(token.text, true);
      });
  if (odd) return unsupported(place, "ByteLevel with trim_offsets over pieces with blanks");
  return {};
}

/// No specials, types 0 and 1.
void plain_template(TokeniserParts& out) {
  out.single = {{Part::kFirst, 0, 0}};
  out.pair = {{Part::kFirst, 0, 0}, {Part::kSecond, 0, 1}};
}

Result<void> read_post(const Json& post, const Ids& ids, TokeniserParts& out) {
  plain_template(out);
  std::string places_specials;  // the step that does, of which there is one
  std::size_t seen = 0;
  return for_each_step(
      post, "post_processor", "processors", seen,
      [&](const Json& step, const std::string& type, const std::string& place) -> Result<void> {
        if (type == "ByteLevel") return check_byte_level(step, place, ids, out);
        const bool is_old = type == "BertProcessing" || type == "RobertaProcessing";
        if (!is_old && type != "TemplateProcessing") return unsupported(place, type);
        // A second one would put its specials around those of the first.
        if (!places_specials.empty())
          return unsupported(place, fmt::format("{} behind {}", type, places_specials));
        places_specials = type;
        if (is_old) return old_template(step, place, type == "RobertaProcessing", out);
        ZHIYIN_TRY(out.single, template_of(step, place, "single"));
        ZHIYIN_TRY(out.pair, template_of(step, place, "pair"));
        return {};
      });
}

Result<std::optional<TruncationRule>> truncation_of(const Json& json) {
  if (json.is_null()) return std::optional<TruncationRule>();
  TruncationRule out;
  const std::int64_t most = json["max_length"].int_or(-1);
  if (most < 0) return fail_field("truncation.max_length", "is missing or negative");
  out.tokens_max = static_cast<std::size_t>(most);
  const std::string_view strategy = json["strategy"].string_or("LongestFirst");
  using Strategy = TruncationRule::Strategy;
  if (strategy == "OnlyFirst")
    out.strategy = Strategy::kOnlyFirst;
  else if (strategy == "OnlySecond")
    out.strategy = Strategy::kOnlySecond;
  else if (strategy != "LongestFirst")
    return unsupported("truncation.strategy", strategy);
  out.from_left = json["direction"].string_or("Right") == "Left";
  if (json["stride"].int_or(0) != 0) return unsupported("truncation.stride", "overlapping parts");
  return std::optional(out);
}

}  // namespace

Result<Tokeniser> tokeniser_from_json(std::string_view text) {
  ZHIYIN_TRY(const Json json, parse_json(text, kTokeniserFileBytesMax));
  if (json.if_object() == nullptr)
    return fail(ErrorCode::kInvalidArgument, "tokenizer.json: is no object");
  const Json& model = json["model"];
  // Files from before version 0.13 leave the type out; what they hold tells it.
  const std::string_view type =
      model["type"].string_or(model["vocab"].if_array() != nullptr ? "Unigram" : "WordPiece");
  Ids ids;
  std::size_t vocabulary = 0;
  std::optional<std::variant<Unigram, WordPiece>> cutter;
  if (type == "Unigram") {
    ZHIYIN_TRY(cutter, unigram_of(model, ids, vocabulary));
  } else if (type == "WordPiece") {
    ZHIYIN_TRY(cutter, wordpiece_of(model, ids, vocabulary));
  } else {
    return unsupported("model.type", type);
  }
  TokeniserParts parts{.model = std::move(*cutter)};
  ZHIYIN_TRY(parts.added, added_of(json["added_tokens"], ids));
  for (const AddedToken& token : parts.added)
    vocabulary = std::max(vocabulary, static_cast<std::size_t>(token.id) + 1);
  parts.vocabulary = vocabulary;
  std::size_t seen = 0;
  ZHIYIN_TRY_VOID(for_each_step(
      json["normalizer"], "normalizer", "normalizers", seen,
      [&](const Json& step, const std::string& kind, const std::string& place) -> Result<void> {
        ZHIYIN_TRY(auto made, normalise_step(step, kind, place));
        parts.normalise.push_back(std::move(made));
        return {};
      }));
  seen = 0;
  ZHIYIN_TRY_VOID(for_each_step(
      json["pre_tokenizer"], "pre_tokenizer", "pretokenizers", seen,
      [&](const Json& step, const std::string& kind, const std::string& place) -> Result<void> {
        ZHIYIN_TRY(auto made, word_step(step, kind, place));
        parts.words.push_back(std::move(made));
        return {};
      }));
  ZHIYIN_TRY_VOID(read_post(json["post_processor"], ids, parts));
  ZHIYIN_TRY(parts.truncation, truncation_of(json["truncation"]));
  return Tokeniser::create(std::move(parts));
}

}  // namespace zhiyin::model
