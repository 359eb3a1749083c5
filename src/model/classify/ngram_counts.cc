#include "model/classify/ngram_counts.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace zhiyin::model {
namespace {

/// All n-grams of all texts under numbers in order of appearance.
struct Raw {
  std::vector<NgramKey> keys;            // by number
  std::vector<std::uint32_t> documents;  // by number
  std::vector<std::uint64_t> starts = {0};
  std::vector<std::uint32_t> numbers;
  std::vector<std::uint32_t> counts;
};

Result<Raw> count_all(std::span<const std::string> texts, std::size_t size_max) {
  Raw raw;
  NgramTable table;
  FoldedText folded;
  std::vector<std::uint64_t> place;  // by number: where this text's count lies, if it has one
  for (const std::string& text : texts) {
    fold_text(text, folded);
    const std::uint64_t begin = raw.starts.back();
    for_each_ngram(folded.points, size_max, [&](NgramKey key, std::size_t) {
      const std::uint32_t number = table.add(key);
      if (number == raw.keys.size()) {
        raw.keys.push_back(key);
        raw.documents.push_back(0);
        place.push_back(UINT64_MAX);
      }
      if (place[number] != UINT64_MAX && place[number] >= begin) {
        ++raw.counts[place[number]];
        return;
      }
      place[number] = raw.numbers.size();
      ++raw.documents[number];
      raw.numbers.push_back(number);
      raw.counts.push_back(1);
    });
    raw.starts.push_back(raw.numbers.size());
    if (raw.numbers.size() > kNgramsCountedMax)
      return fail(ErrorCode::kLimitReached, "texts: more than {} n-grams, counted per text",
                  kNgramsCountedMax);
  }
  return raw;
}

constexpr std::uint32_t kGone = UINT32_MAX;

/// New places of the numbers: ascending by key, kGone where too few texts have it.
std::vector<std::uint32_t> places_of(const Raw& raw, std::size_t document_min,
                                     std::vector<NgramKey>& keys) {
  std::vector<std::uint32_t> order;
  for (std::uint32_t n = 0; n < raw.keys.size(); ++n) {
    if (raw.documents[n] >= document_min) order.push_back(n);
  }
  std::ranges::sort(order, {}, [&](std::uint32_t n) { return raw.keys[n]; });
  std::vector<std::uint32_t> places(raw.keys.size(), kGone);
  for (const std::uint32_t n : order) {
    places[n] = static_cast<std::uint32_t>(keys.size());
    keys.push_back(raw.keys[n]);
  }
  return places;
}

}  // namespace

Result<NgramCounts> count_ngrams(std::span<const std::string> texts, std::size_t size_max,
                                 std::size_t document_min) {
  ZHIYIN_TRY(const Raw raw, count_all(texts, size_max));
  NgramCounts out;
  const std::vector<std::uint32_t> places = places_of(raw, document_min, out.keys);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> row;
  for (std::size_t r = 0; r < texts.size(); ++r) {
    row.clear();
    for (std::uint64_t i = raw.starts[r]; i < raw.starts[r + 1]; ++i) {
      const std::uint32_t place = places[raw.numbers[i]];
      if (place != kGone) row.emplace_back(place, raw.counts[i]);
    }
    std::ranges::sort(row);
    for (const auto& [column, count] : row) {
      out.columns.push_back(column);
      out.weights.push_back(1 + static_cast<float>(std::log(static_cast<double>(count))));
    }
    out.starts.push_back(out.columns.size());
  }
  return out;
}

NgramCounts keep_columns(const NgramCounts& counts, std::span<const std::uint32_t> columns) {
  NgramCounts out;
  std::vector<std::uint32_t> place(counts.keys.size(), kGone);
  for (const std::uint32_t column : columns) {
    place[column] = static_cast<std::uint32_t>(out.keys.size());
    out.keys.push_back(counts.keys[column]);
  }
  for (std::size_t r = 0; r < counts.rows(); ++r) {
    for (std::uint64_t i = counts.starts[r]; i < counts.starts[r + 1]; ++i) {
      if (place[counts.columns[i]] == kGone) continue;
      out.columns.push_back(place[counts.columns[i]]);
      out.weights.push_back(counts.weights[i]);
    }
    out.starts.push_back(out.columns.size());
  }
  return out;
}

std::vector<std::uint32_t> document_counts(const NgramCounts& counts,
                                           std::span<const std::uint32_t> which) {
  std::vector<std::uint32_t> out(counts.keys.size(), 0);
  for (const std::uint32_t row : which) {
    for (std::uint64_t i = counts.starts[row]; i < counts.starts[row + 1]; ++i)
      ++out[counts.columns[i]];
  }
  return out;
}

std::vector<float> inverse_frequencies(std::span<const std::uint32_t> documents, std::size_t rows,
                                       std::size_t document_min) {
  std::vector<float> out(documents.size(), 0);
  for (std::size_t c = 0; c < out.size(); ++c) {
    if (documents[c] < document_min) continue;
    out[c] =
        static_cast<float>(std::log((1.0 + static_cast<double>(rows)) / (1.0 + documents[c])) + 1);
  }
  return out;
}

std::vector<float> tf_idf(const NgramCounts& counts, std::span<const float> idf) {
  std::vector<float> out(counts.columns.size());
  for (std::size_t r = 0; r < counts.rows(); ++r) {
    double squares = 0;
    for (std::uint64_t i = counts.starts[r]; i < counts.starts[r + 1]; ++i) {
      out[i] = counts.weights[i] * idf[counts.columns[i]];
      squares += static_cast<double>(out[i]) * out[i];
    }
    if (squares == 0) continue;
    const auto factor = static_cast<float>(1 / std::sqrt(squares));
    for (std::uint64_t i = counts.starts[r]; i < counts.starts[r + 1]; ++i) out[i] *= factor;
  }
  return out;
}

}  // namespace zhiyin::model
