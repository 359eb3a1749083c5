// Files of counts from any bytes: refused, or followed and made to forget without harm. The
// checksums are made to fit, so that what lies behind them is reached.
#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/check.h"
#include "recommend/kept_counts.h"

using namespace zhiyin;
using recommend::PairCountsView;

namespace {

constexpr std::size_t kHeader = PairCountsView::kHeaderBytes, kBodySum = 40, kHeaderSum = 48;

std::uint64_t word_at(const std::string& bytes, std::size_t at) {
  std::uint64_t out = 0;
  std::memcpy(&out, bytes.data() + at, sizeof out);
  return out;
}

/// As docs/formats/pair-counts.md says.
void put_sums_right(std::string& bytes) {
  std::memcpy(bytes.data(), "ZYPAIRS\n\1\0\0\0", 12);
  std::uint64_t sum = 0;
  for (std::size_t at = kHeader; at + sizeof sum <= bytes.size(); at += sizeof sum) {
    std::uint64_t x =
        word_at(bytes, at) + ((at - kHeader) / sizeof sum + 1) * 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    sum += x ^ (x >> 31);
  }
  std::memcpy(bytes.data() + kBodySum, &sum, sizeof sum);
  sum = XXH64(bytes.data(), kHeaderSum, 0);
  std::memcpy(bytes.data() + kHeaderSum, &sum, sizeof sum);
}

void use(const std::string& bytes) {
  const auto view = PairCountsView::read(bytes);
  if (!view) return;
  std::vector<recommend::Interaction> entries;
  std::vector<recommend::PersonKey> keys;
  const std::vector<std::string> items{"a", "b", "c"};
  for (std::uint32_t r = 0; r < view->rows() && r < 64; ++r) {
    keys.push_back(view->key(r));
    entries.push_back({r, r % 3, 1});
  }
  const auto matrix = recommend::Interactions::build(std::move(entries), keys.size(), items.size());
  const recommend::CountedRows now(matrix, keys, items);
  const auto changes = recommend::difference(*view, now);
  if (const auto counts = recommend::follow(*view, now, changes, {}))
    ZHIYIN_CHECK(counts->items() == items.size());
  for (const recommend::PersonKey& key : keys) {
    const auto edits = view->edits_to_forget(key);
    if (!edits || edits->empty()) continue;
    std::string after = bytes;
    for (const auto& edit : *edits)
      std::memcpy(after.data() + edit.offset, &edit.word, sizeof edit.word);
    ZHIYIN_CHECK(PairCountsView::read(after).has_value());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  bytes.reserve(kHeader);  // not within the string itself: at a multiple of 8
  use(bytes);
  if (bytes.size() < kHeader) return 0;
  put_sums_right(bytes);
  use(bytes);
  return 0;
}
