#include "text/compile_dictionary.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "base/crypto.h"
#include "base/utf8.h"
#include "text/code_point.h"
#include "text/detail/dictionary_file.h"
#include "text/detail/lines.h"
#include "text/dictionary.h"
#include "text/lexicon_tables.h"

namespace zhiyin::text {
namespace {

using detail::DictionaryHeader;
using detail::DictionaryPart;
using Words = std::map<std::string, LexiconWord>;

struct Numbers {
  double weight_min = 0;
  double weight_median = 0;
  double count_sum = 0;
  double rarity_average = 0;
};

Result<void> read_words(std::string_view text, Words& out, Numbers& numbers) {
  std::vector<std::pair<Words::iterator, double>> counts;
  ZHIYIN_TRY_VOID(
      detail::for_each_line(text, [&](std::string_view line, std::size_t number) -> Result<void> {
        const auto parts = detail::split(line, ' ');
        const auto count = parts.size() == 3 ? detail::to_number(parts[1]) : std::nullopt;
        if (!count || !(*count > 0) || !std::isfinite(*count)) {
          return fail_field("words",
                            "words, line {}: `{}` is not a word, a count above 0 and a tag", number,
                            utf8::truncate(utf8::cleaned(line), 80));
        }
        const auto [place, is_new] = out.try_emplace(std::string(parts[0]));
        if (!is_new) {
          return fail_field("words", "words, line {}: `{}` is there twice", number, parts[0]);
        }
        place->second.tag = parts[2];
        counts.emplace_back(place, *count);
        numbers.count_sum += *count;
        return {};
      }));
  if (counts.empty()) return fail_field("words", "words: there are none");
  std::vector<double> weights;
  for (const auto& [place, count] : counts) {
    place->second.has_weight = true;
    place->second.weight = std::log(count / numbers.count_sum);
    weights.push_back(place->second.weight);
  }
  std::sort(weights.begin(), weights.end());
  numbers.weight_min = weights.front();
  numbers.weight_median = weights[weights.size() / 2];
  return {};
}

Result<void> read_rarities(std::string_view text, Words& out, Numbers& numbers) {
  double sum = 0;
  double lines = 0;
  ZHIYIN_TRY_VOID(
      detail::for_each_line(text, [&](std::string_view line, std::size_t number) -> Result<void> {
        const auto parts = detail::split(line, ' ');
        const auto rarity = parts.size() == 2 ? detail::to_number(parts[1]) : std::nullopt;
        if (!rarity || !std::isfinite(*rarity)) {
          return fail_field("rarities", "rarities, line {}: `{}` is not a word and a number",
                            number, utf8::truncate(utf8::cleaned(line), 80));
        }
        LexiconWord& word = out[std::string(parts[0])];
        word.has_rarity = true;
        word.rarity = *rarity;
        sum += *rarity;
        ++lines;
        return {};
      }));
  if (lines == 0) return fail_field("rarities", "rarities: there are none");
  numbers.rarity_average = sum / lines;
  return {};
}

Result<void> read_stop_words(std::string_view text, Words& out) {
  return detail::for_each_line(text, [&](std::string_view line, std::size_t) -> Result<void> {
    if (!line.empty()) out[std::string(line)].is_stop_word = true;
    return {};
  });
}

/// The model's file as read: emissions by code point.
struct ReadModel {
  CharacterModel::ByState start{};
  std::array<CharacterModel::ByState, CharacterModel::kStates> step{};
  std::map<char32_t, CharacterModel::ByState> emission;
};

Result<CharacterModel::ByState> read_row(std::string_view line, std::size_t number) {
  CharacterModel::ByState out{};
  const auto parts = detail::split(line, ' ');
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto value = parts.size() == out.size() ? detail::to_number(parts[i]) : std::nullopt;
    if (!value) return fail_field("model", "model, line {}: not four numbers", number);
    out[i] = *value;
  }
  return out;
}

Result<void> read_emission(std::string_view line, std::size_t number, std::size_t state,
                           ReadModel& out) {
  for (const std::string_view entry : detail::split(line, ',')) {
    const std::size_t colon = entry.rfind(':');
    const auto value = colon == std::string_view::npos || colon == 0
                           ? std::nullopt
                           : detail::to_number(entry.substr(colon + 1));
    const CodePoint point = entry.empty() ? CodePoint{} : code_point_at(entry, 0);
    if (!value || !point.well_formed || point.bytes != colon) {
      return fail_field("model", "model, line {}: `{}` is not a character, a colon and a number",
                        number, utf8::truncate(utf8::cleaned(entry), 40));
    }
    auto [place, is_new] = out.emission.try_emplace(point.value);
    if (is_new) place->second.fill(CharacterModel::kNever);
    place->second[state] = *value;
  }
  return {};
}

Result<ReadModel> read_model(std::string_view text) {
  ReadModel out;
  std::size_t row = 0;
  constexpr std::size_t kRows = 1 + 2 * CharacterModel::kStates;
  ZHIYIN_TRY_VOID(
      detail::for_each_line(text, [&](std::string_view line, std::size_t number) -> Result<void> {
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
        if (line.empty() || line.front() == '#' || row == kRows) return {};
        if (row > CharacterModel::kStates) {
          ZHIYIN_TRY_VOID(read_emission(line, number, row - CharacterModel::kStates - 1, out));
        } else {
          ZHIYIN_TRY(auto values, read_row(line, number));
          (row == 0 ? out.start : out.step[row - 1]) = values;
        }
        ++row;
        return {};
      }));
  if (row != kRows) return fail_field("model", "model: {} rows of {}", row, kRows);
  return out;
}

class FileWriter {
 public:
  explicit FileWriter(DictionaryHeader& header) : header_(header), bytes_(sizeof(header), '\0') {}

  template <class T>
  void add(DictionaryPart which, std::span<const T> values) {
    bytes_.resize((bytes_.size() + 7) / 8 * 8);
    header_.parts[static_cast<std::size_t>(which)] = {bytes_.size(), values.size_bytes()};
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  }

  std::string finish() {
    constexpr std::size_t kChecked = offsetof(DictionaryHeader, checksum) + sizeof(std::uint64_t);
    std::memcpy(bytes_.data(), &header_, sizeof(header_));
    header_.checksum = crypto::xxh64(std::string_view(bytes_).substr(kChecked));
    std::memcpy(bytes_.data(), &header_, sizeof(header_));
    return std::move(bytes_);
  }

 private:
  DictionaryHeader& header_;
  std::string bytes_;
};

std::string write_file(const Lexicon& lexicon, const ReadModel& model, const Numbers& numbers) {
  DictionaryHeader header{};
  header.magic = DictionaryHeader::kMagic;
  header.version = DictionaryHeader::kVersion;
  header.code_count = lexicon.code_count;
  header.weight_min = numbers.weight_min;
  header.weight_median = numbers.weight_median;
  header.count_sum = numbers.count_sum;
  header.rarity_average = numbers.rarity_average;
  header.start = model.start;
  header.step = model.step;
  CharacterModel::ByState never;
  never.fill(CharacterModel::kNever);
  std::vector<CharacterModel::ByState> emission(lexicon.code_count, never);
  for (const auto& [point, by_state] : model.emission)
    emission[lexicon.codes.code(point)] = by_state;

  FileWriter writer(header);
  writer.add(DictionaryPart::kPlane, lexicon.codes.plane);
  writer.add(DictionaryPart::kRare, lexicon.codes.rare);
  writer.add(DictionaryPart::kCells, lexicon.trie.cells);
  writer.add(DictionaryPart::kFacts, lexicon.facts);
  writer.add(DictionaryPart::kWeights, lexicon.weights);
  writer.add(DictionaryPart::kTags, lexicon.tags);
  writer.add(DictionaryPart::kRarities, lexicon.rarities);
  writer.add(DictionaryPart::kEmission, std::span<const CharacterModel::ByState>(emission));
  return writer.finish();
}

}  // namespace

Result<std::string> compile_dictionary(const DictionarySources& sources) {
  Words words;
  Numbers numbers;
  ZHIYIN_TRY_VOID(read_words(sources.words, words, numbers));
  ZHIYIN_TRY_VOID(read_rarities(sources.rarities, words, numbers));
  ZHIYIN_TRY_VOID(read_stop_words(sources.stop_words, words));
  ZHIYIN_TRY(const ReadModel model, read_model(sources.model));
  std::u32string characters;
  for (const auto& [point, by_state] : model.emission) characters += point;
  ZHIYIN_TRY(const LexiconTables tables, LexiconTables::build(words, characters));
  return write_file(tables.view(), model, numbers);
}

}  // namespace zhiyin::text
