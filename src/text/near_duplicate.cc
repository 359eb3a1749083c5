#include "text/near_duplicate.h"

#include <algorithm>
#include <bit>

#include "text/code_point.h"
#include "text/detail/shingles.h"
#include "text/detail/signature_bands.h"

namespace zhiyin::text {
namespace {

constexpr std::size_t kFirstHeads = 1024;

}  // namespace

namespace detail {

void best_first(std::vector<NearDuplicate>& found, std::size_t most) {
  std::ranges::sort(found, [](const NearDuplicate& a, const NearDuplicate& b) {
    return a.text != b.text ? a.text < b.text : a.similarity > b.similarity;
  });
  const auto again = std::ranges::unique(found, {}, &NearDuplicate::text);
  found.erase(again.begin(), again.end());
  std::ranges::sort(found, [](const NearDuplicate& a, const NearDuplicate& b) {
    return a.similarity != b.similarity ? a.similarity > b.similarity : a.text < b.text;
  });
  if (found.size() > most) found.resize(most);
}

NearDuplicateOptions within_range(NearDuplicateOptions options) {
  options.similarity_min = std::clamp(options.similarity_min, 0.3, 1.0);
  options.bits_max = std::clamp(options.bits_max, 0, 3);
  return options;
}

}  // namespace detail

TextSignature signature_of(std::string_view text) {
  TextSignature out;
  const std::size_t characters = detail::bare_characters(text).size();
  if (characters == 0) return out;
  if (characters <= NearDuplicateIndex::kShortCharactersMax) out.minhash = min_hash(text);
  if (characters >= NearDuplicateIndex::kLongCharactersMin) out.fingerprint = simhash(text);
  return out;
}

std::optional<double> near_similarity(const TextSignature& a, const TextSignature& b,
                                      const NearDuplicateOptions& options) {
  std::optional<double> out;
  if (a.minhash && b.minhash) {
    const double alike = similarity(*a.minhash, *b.minhash);
    if (alike >= options.similarity_min) out = alike;
  }
  if (a.fingerprint && b.fingerprint) {
    const int bits = bits_apart(*a.fingerprint, *b.fingerprint);
    if (bits <= options.bits_max) out = std::max(out.value_or(0), 1 - bits / 64.0);
  }
  return out;
}

NearDuplicateIndex::NearDuplicateIndex(const NearDuplicateOptions& options)
    : options_(detail::within_range(options)) {}

std::uint32_t NearDuplicateIndex::add(const TextSignature& signature) {
  const auto number = static_cast<std::uint32_t>(size_++);
  if (signature.minhash) short_.add(*signature.minhash, number);
  if (signature.fingerprint) long_.add(*signature.fingerprint, number);
  return number;
}

std::vector<NearDuplicate> NearDuplicateIndex::find(std::string_view text, std::size_t most) const {
  return find(signature_of(text), options_, most);
}

std::vector<NearDuplicate> NearDuplicateIndex::find(const TextSignature& signature,
                                                    const NearDuplicateOptions& options,
                                                    std::size_t most) const {
  std::vector<NearDuplicate> found;
  const NearDuplicateOptions within = detail::within_range(options);
  if (signature.minhash) find_short(*signature.minhash, within, found);
  if (signature.fingerprint) find_long(*signature.fingerprint, within, found);
  detail::best_first(found, most);
  return found;
}

void NearDuplicateIndex::ShortTexts::link(std::uint32_t place) {
  for (std::size_t band = 0; band < kBands; ++band) {
    const std::uint64_t mask = heads[band].size() - 1;
    std::uint32_t& head = heads[band][detail::band_key(signatures[place], band) & mask];
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

void NearDuplicateIndex::find_short(const MinHash& signature, const NearDuplicateOptions& options,
                                    std::vector<NearDuplicate>& out) const {
  if (short_.signatures.empty()) return;
  for (std::size_t band = 0; band < ShortTexts::kBands; ++band) {
    const std::uint64_t mask = short_.heads[band].size() - 1;
    std::uint32_t at = short_.heads[band][detail::band_key(signature, band) & mask];
    for (std::size_t tried = 0; at != 0 && tried < options.candidates_max; ++tried) {
      const double alike = similarity(signature, short_.signatures[at - 1]);
      if (alike >= options.similarity_min) out.push_back({short_.numbers[at - 1], alike});
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
    auto& bucket = tables[t][detail::fingerprint_part(fingerprint, t)];
    bucket.push_back(
        {detail::fingerprint_part(fingerprint, t + 1),
         {static_cast<std::uint16_t>(place), static_cast<std::uint16_t>(place >> 16)}});
  }
}

void NearDuplicateIndex::find_long(std::uint64_t fingerprint, const NearDuplicateOptions& options,
                                   std::vector<NearDuplicate>& out) const {
  if (long_.fingerprints.empty()) return;
  for (std::size_t t = 0; t < LongTexts::kTables; ++t) {
    const auto& bucket = long_.tables[t][detail::fingerprint_part(fingerprint, t)];
    const std::uint16_t beside = detail::fingerprint_part(fingerprint, t + 1);
    const std::size_t first = bucket.size() - std::min(bucket.size(), options.candidates_max);
    for (std::size_t i = first; i < bucket.size(); ++i) {
      const LongTexts::Entry& entry = bucket[i];
      if (std::popcount(static_cast<unsigned>(entry.beside ^ beside)) > options.bits_max) continue;
      const std::size_t place = entry.place[0] | std::size_t{entry.place[1]} << 16;
      const int bits = bits_apart(fingerprint, long_.fingerprints[place]);
      if (bits <= options.bits_max) out.push_back({long_.numbers[place], 1 - bits / 64.0});
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
