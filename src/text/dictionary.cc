#include "text/dictionary.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/crypto.h"
#include "base/program_file.h"
#include "text/detail/dictionary_file.h"

namespace zhiyin::text {

using detail::DictionaryHeader;
using detail::DictionaryPart;

namespace {

constexpr std::size_t kChecked = offsetof(DictionaryHeader, checksum) + sizeof(std::uint64_t);

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::kDataLoss, "dictionary: {}", what);
}

/// A part as values of `T`; its place must have been checked.
template <class T>
std::span<const T> part(std::string_view bytes, const DictionaryHeader& header,
                        DictionaryPart which) {
  const detail::PartPlace& place = header.parts[static_cast<std::size_t>(which)];
  return {reinterpret_cast<const T*>(bytes.data() + place.at), place.bytes / sizeof(T)};
}

/// Bytes of one value in each part, in the order of DictionaryPart.
constexpr std::size_t kValueBytes[DictionaryHeader::kParts] = {
    2, sizeof(detail::RareCode),       sizeof(detail::TrieCell), 4, 8, Lexicon::kTagBytes,
    8, sizeof(CharacterModel::ByState)};

bool places_are_good(const DictionaryHeader& header, std::size_t size) {
  for (std::size_t i = 0; i < DictionaryHeader::kParts; ++i) {
    const detail::PartPlace& place = header.parts[i];
    if (place.at % 8 != 0 || place.at < sizeof(DictionaryHeader) || place.at > size ||
        place.bytes > size - place.at || place.bytes % kValueBytes[i] != 0) {
      return false;
    }
  }
  return true;
}

/// Only from a word's end (E, S) to a beginning (B, S), and from B, M to M, E; no probability above
/// one. The fast Viterbi relies on it.
bool model_is_sound(const CharacterModel& model) {
  using M = CharacterModel;
  const auto is_share = [](double value) { return value <= 0 && value >= M::kNever; };
  for (std::size_t from = 0; from < M::kStates; ++from) {
    for (std::size_t to = 0; to < M::kStates; ++to) {
      const bool ends = from == M::kEnd || from == M::kSingle;
      const bool begins = to == M::kBegin || to == M::kSingle;
      if (!is_share(model.step[from][to])) return false;
      if (ends != begins && model.step[from][to] != M::kNever) return false;
    }
    if (!is_share(model.start[from])) return false;
  }
  return std::all_of(model.emission.begin(), model.emission.end(), [&](const M::ByState& by) {
    return std::all_of(by.begin(), by.end(), is_share);
  });
}

}  // namespace

Result<void> Dictionary::read(std::string_view bytes) {
  DictionaryHeader header;
  if (bytes.size() < sizeof(header)) return damaged("the file is too short");
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.magic != DictionaryHeader::kMagic) return damaged("the file is no dictionary");
  if (header.version != DictionaryHeader::kVersion) {
    return fail(ErrorCode::kUnsupported, "dictionary: version {}, this program reads {}",
                header.version, DictionaryHeader::kVersion);
  }
  if (crypto::xxh64(bytes.substr(kChecked)) != header.checksum)
    return damaged("the checksum is wrong");
  if (!places_are_good(header, bytes.size())) return damaged("a part lies outside the file");

  lexicon_.codes = {part<std::uint16_t>(bytes, header, DictionaryPart::kPlane),
                    part<detail::RareCode>(bytes, header, DictionaryPart::kRare)};
  lexicon_.code_count = header.code_count;
  lexicon_.trie.cells = part<detail::TrieCell>(bytes, header, DictionaryPart::kCells);
  lexicon_.facts = part<std::uint32_t>(bytes, header, DictionaryPart::kFacts);
  lexicon_.weights = part<double>(bytes, header, DictionaryPart::kWeights);
  lexicon_.tags = part<Lexicon::Tag>(bytes, header, DictionaryPart::kTags);
  lexicon_.rarities = part<double>(bytes, header, DictionaryPart::kRarities);
  model_ = {header.start, header.step,
            part<CharacterModel::ByState>(bytes, header, DictionaryPart::kEmission)};
  weight_min_ = header.weight_min;
  weight_median_ = header.weight_median;
  count_sum_ = header.count_sum;
  rarity_average_ = header.rarity_average;

  if (!lexicon_.is_closed() || model_.emission.size() != header.code_count) {
    return damaged("a table points outside another");
  }
  const auto finite = [](double value) { return std::isfinite(value); };
  const bool good = std::all_of(lexicon_.weights.begin(), lexicon_.weights.end(), finite) &&
                    std::all_of(lexicon_.rarities.begin(), lexicon_.rarities.end(), finite) &&
                    finite(weight_min_) && finite(weight_median_) && finite(rarity_average_) &&
                    finite(count_sum_) && count_sum_ > 0 && model_is_sound(model_);
  return good ? Result<void>{} : damaged("a number is out of its range");
}

Result<std::shared_ptr<const Dictionary>> Dictionary::from_bytes(std::string_view bytes) {
  std::shared_ptr<Dictionary> made(new Dictionary);  // shared: private constructor
  ZHIYIN_TRY_VOID(made->read(bytes));
  return made;
}

Result<std::shared_ptr<const Dictionary>> Dictionary::open_default() {
  ZHIYIN_TRY(const std::filesystem::path path, program_file("words.dictionary"));
  return open(path);
}

Result<std::shared_ptr<const Dictionary>> Dictionary::open(const std::filesystem::path& path) {
  std::shared_ptr<Dictionary> made(new Dictionary);
  ZHIYIN_TRY(made->file_, MappedFile::open(path, kFileBytesMax));
  if (auto read = made->read(made->file_.bytes()); !read) {
    Error error = std::move(read.error());
    error.message = path.string() + ": " + error.message;
    return std::unexpected(std::move(error));
  }
  return made;
}

}  // namespace zhiyin::text
