// What int8 changes: vectors and labels of the encoder in int8 beside the same
// encoder in float32.
//   precision_bench INT8.zyen FLOAT32.zyen TEXTS [MODEL.zym]...
// TEXTS has one text a line. The encoders' files come from encoder_compiler, with and without
// --float32. Prints cosines of the vectors of each text's first 128 tokens (what classifiers read),
// and for each joined model the share of texts with the same label. BENCH_CACHE names a folder that
// keeps vectors.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <numeric>

#include "base/file.h"
#include "model/classify/text_classifier.h"
#include "model/text_encoder.h"
#include "model/text_file.h"
#include "model/vector_cache.h"

namespace zhiyin::model {
namespace {

constexpr std::size_t kTokensMax = 128;

[[noreturn]] void stop(const Error& error) {
  fmt::print(stderr, "{}\n", error.text());
  std::exit(1);
}
template <class T>
T must(Result<T> result) {
  if (!result) stop(result.error());
  return std::move(*result);
}

std::vector<float> vectors_of(const char* path, std::span<const std::string_view> texts) {
  const TextEncoder encoder = must(TextEncoder::open(path));
  std::vector<float> out(texts.size() * encoder.width());
  const char* const folder = std::getenv("BENCH_CACHE");
  const VectorCache kept = must(VectorCache::open(folder == nullptr ? "" : folder));
  const auto done = kept.encode(encoder, texts, {.tokens_max = kTokensMax}, {}, out);
  if (!done) stop(done.error());
  return out;
}

void print_cosines(std::span<const float> small, std::span<const float> exact, std::size_t width) {
  std::vector<double> cosines;
  for (std::size_t at = 0; at < small.size(); at += width)
    cosines.push_back(std::inner_product(small.begin() + static_cast<std::ptrdiff_t>(at),
                                         small.begin() + static_cast<std::ptrdiff_t>(at + width),
                                         exact.begin() + static_cast<std::ptrdiff_t>(at), 0.0));
  const double mean =
      std::accumulate(cosines.begin(), cosines.end(), 0.0) / static_cast<double>(cosines.size());
  std::ranges::sort(cosines);
  fmt::print(
      "cosine of {} texts: mean {:.5f}, lowest hundredth {:.5f}, lowest "
      "{:.5f}\n",
      cosines.size(), mean, cosines[cosines.size() / 100], cosines.front());
}

void print_labels(const char* path, std::span<const std::string_view> texts,
                  std::span<const float> small, std::span<const float> exact, std::size_t width) {
  const TextClassifier model =
      must(TextClassifier::from_artefact(must(decode_artefact(must(read_file(path))))));
  if (model.dense_columns() != width) {
    fmt::print("{}: reads no vectors of {} numbers\n", path, width);
    return;
  }
  const auto a = classify_all(model, texts, small, 1);
  const auto b = classify_all(model, texts, exact, 1);
  std::size_t same = 0;
  double apart = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    same += a[i].label == b[i].label ? 1 : 0;
    apart = std::max(apart, std::abs(a[i].scores[b[i].label] - b[i].confidence));
  }
  fmt::print(
      "{}: {} classes, same label {:.3f} % ({} differ), probabilities "
      "at most {:.3f} apart\n",
      path, model.classes().size(), 100 * static_cast<double>(same) / static_cast<double>(a.size()),
      a.size() - same, apart);
}

void run(std::span<char* const> words) {
  const std::string file = must(read_text_file(words[2]));
  std::vector<std::string_view> texts = lines_of(file);
  std::erase_if(texts, [](std::string_view text) { return text.empty(); });
  const std::vector<float> small = vectors_of(words[0], texts);
  const std::vector<float> exact = vectors_of(words[1], texts);
  const std::size_t width = small.size() / std::max<std::size_t>(1, texts.size());
  if (texts.empty() || small.size() != exact.size())
    stop({ErrorCode::kInvalidArgument, "no texts, or encoders of different widths", {}});
  print_cosines(small, exact, width);
  for (char* const path : words.subspan(3)) print_labels(path, texts, small, exact, width);
}

}  // namespace
}  // namespace zhiyin::model

int main(int argc, char** argv) {
  if (argc < 4) {
    fmt::print(stderr, "usage: precision_bench INT8.zyen FLOAT32.zyen TEXTS [MODEL.zym]...\n");
    return 2;
  }
  zhiyin::model::run(std::span(argv + 1, static_cast<std::size_t>(argc - 1)));
  return 0;
}
