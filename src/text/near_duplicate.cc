#include "text/near_duplicate.h"

#include <algorithm>
#include <bit>

#include "text/code_point.h"
#include "text/detail/shingles.h"

namespace zhiyin::text {
namespace {

constexpr std::size_t kFirstHeads = 1024;

std::uint64_t band_key(const MinHash& signature, std::size_t band, std::size_t rows) {
  std::uint64_t key = band + 1;
  for (std::size_t row = 0; row < rows; ++row) key = key << 16 | signature.slots[band * rows + row];
  return detail::mixed(key);
}

std::uint16_t part(std::uint64_t fingerprint, std::size_t number) {
  return static_cast<std::uint16_t>(fingerprint >> (16 * (number % 4)));
}

/// Candidates come several times, once for each table that knows them.
void best_first(std::vector<NearDuplicate>& found, std::size_t most) {
  std::ranges::sort(found, [](const NearDuplicate& a, const NearDuplicate& b) {
    return a.similarity != b.similarity ? a.similarity > b.similarity : a.text < b.text;
  });
  const auto again = std::ranges::unique(found);
  found.erase(again.begin(), again.end());
  if (found.size() > most) found.resize(most);
}

}  // namespace

NearDuplicateIndex::NearDuplicateIndex(const NearDuplicateOptions& options) : options_(options) {
  options_.similarity_min = std::clamp(options.similarity_min, 0.3, 1.0);
  options_.bits_max = std::clamp(options.bits_max, 0, 3);
}

std::uint32_t NearDuplicateIndex::add(std::string_view text) {
  const auto number = static_cast<std::uint32_t>(size_++);
  const std::size_t characters = detail::bare_characters(text).size();
  if (characters == 0) return number;
  if (characters <= kShortCharactersMax) short_.add(min_hash(text), number);
  if (characters >= kLongCharactersMin) long_.add(simhash(text), number);
  return number;
}

std::vector<NearDuplicate> NearDuplicateIndex::find(std::string_view text, std::size_t most) const {
  std::vector<NearDuplicate> found;
  const std::size_t characters = detail::bare_characters(text).size();
  if (characters == 0) return found;
  if (characters <= kShortCharactersMax) find_short(min_hash(text), found);
  if (characters >= kLongCharactersMin) find_long(simhash(text), found);
  // A text that both ways found counts with the better.
  std::ranges::sort(found, [](const NearDuplicate& a, const NearDuplicate& b) {
    return a.text != b.text ? a.text < b.text : a.similarity > b.similarity;
  });
  const auto again = std::ranges::unique(found, {}, &NearDuplicate::text);
  found.erase(again.begin(), again.end());
  best_first(found, most);
  return found;
}

void NearDuplicateIndex::ShortTexts::link(std::uint32_t place) {
  for (std::size_t band = 0; band < kBands; ++band) {
    const std::uint64_t mask = heads[band].size() - 1;
    std::uint32_t& head = heads[band][band_key(signatures[place], band, kRows) & mask];
    next[band][place] = head;
    head = place + 1;
  }
}

void NearDuplicateIndex::ShortTexts::add(const MinHash& signature, std::uint32_t number) {
  const auto place = static_cast<std::uint32_t>(signatures.size());
  signatures.push_back(signature);
  numbers.push_back(number);
  for (auto& links : next) links.push_back(0);
  if (signatures.size() <= heads[0].size()) return link(place);
  link_all();
}

/// As many chains as keep them about one long: a power of two.
void NearDuplicateIndex::ShortTexts::link_all() {
  const std::size_t size = std::max(kFirstHeads, std::bit_ceil(signatures.size()));
  for (auto& chains : heads) chains.assign(size, 0);
  for (auto& links : next) links.assign(signatures.size(), 0);
  for (std::uint32_t at = 0; at < signatures.size(); ++at) link(at);
}

void NearDuplicateIndex::find_short(const MinHash& signature,
                                    std::vector<NearDuplicate>& out) const {
  if (short_.signatures.empty()) return;
  for (std::size_t band = 0; band < ShortTexts::kBands; ++band) {
    const std::uint64_t mask = short_.heads[band].size() - 1;
    std::uint32_t at = short_.heads[band][band_key(signature, band, ShortTexts::kRows) & mask];
    for (std::size_t tried = 0; at != 0 && tried < options_.candidates_max; ++tried) {
      const double alike = similarity(signature, short_.signatures[at - 1]);
      if (alike >= options_.similarity_min) out.push_back({short_.numbers[at - 1], alike});
      at = short_.next[band][at - 1];
    }
  }
}

void NearDuplicateIndex::LongTexts::add(std::uint64_t fingerprint, std::uint32_t number) {
  const auto place = static_cast<std::uint32_t>(fingerprints.size());
  fingerprints.push_back(fingerprint);
  numbers.push_back(number);
  for (std::size_t t = 0; t < kTables; ++t) {
    if (tables[t].empty()) tables[t].resize(1 << 16);
    auto& bucket = tables[t][part(fingerprint, t)];
    bucket.push_back(
        {part(fingerprint, t + 1),
         {static_cast<std::uint16_t>(place), static_cast<std::uint16_t>(place >> 16)}});
  }
}

void NearDuplicateIndex::find_long(std::uint64_t fingerprint,
                                   std::vector<NearDuplicate>& out) const {
  if (long_.fingerprints.empty()) return;
  for (std::size_t t = 0; t < LongTexts::kTables; ++t) {
    const auto& bucket = long_.tables[t][part(fingerprint, t)];
    const std::uint16_t beside = part(fingerprint, t + 1);
    const std::size_t first = bucket.size() - std::min(bucket.size(), options_.candidates_max);
    for (std::size_t i = first; i < bucket.size(); ++i) {
      const LongTexts::Entry& entry = bucket[i];
      if (std::popcount(static_cast<unsigned>(entry.beside ^ beside)) > options_.bits_max) continue;
      const std::size_t place = entry.place[0] | std::size_t{entry.place[1]} << 16;
      const int bits = bits_apart(fingerprint, long_.fingerprints[place]);
      if (bits <= options_.bits_max) out.push_back({long_.numbers[place], 1 - bits / 64.0});
    }
  }
}

std::size_t NearDuplicateIndex::memory() const {
  std::size_t bytes =
      short_.signatures.capacity() * sizeof(MinHash) +
      (short_.numbers.capacity() + long_.numbers.capacity()) * sizeof(std::uint32_t) +
      long_.fingerprints.capacity() * sizeof(std::uint64_t);
  for (std::size_t band = 0; band < ShortTexts::kBands; ++band)
    bytes += (short_.heads[band].capacity() + short_.next[band].capacity()) * sizeof(std::uint32_t);
  for (const auto& table : long_.tables) {
    bytes += table.capacity() * sizeof(std::vector<LongTexts::Entry>);
    for (const auto& bucket : table) bytes += bucket.capacity() * sizeof(LongTexts::Entry);
  }
  return bytes;
}

}  // namespace zhiyin::text
