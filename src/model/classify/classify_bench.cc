// How fast the n-gram classifier is, normaliser included (bench/run classify):
// classify_bench TRAIN.tsv TEST.tsv prints training time, accuracy, and texts a second.
#include <fmt/core.h>

#include <chrono>
#include <cstdlib>

#include "model/classify/measure_text.h"
#include "model/classify/train_text.h"

namespace zhiyin::model {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

[[noreturn]] void stop(const Error& error) {
  fmt::print(stderr, "{}\n", error.text());
  std::exit(1);
}

LabelledTexts read(const char* path) {
  auto data = read_labelled_texts(path);
  if (!data) stop(data.error());
  return std::move(*data);
}

/// Best of several runs over at least `texts_min` texts each.
double texts_per_second(const TextClassifier& model, std::span<const std::string_view> texts,
                        std::size_t threads) {
  constexpr int kRuns = 5;
  double best = 0;
  for (int run = 0; run < kRuns; ++run) {
    const auto begin = Clock::now();
    const auto out = classify_all(model, texts, {}, threads);
    best = std::max(best, static_cast<double>(out.size()) / seconds_since(begin));
  }
  return best;
}

int run(const char* train_path, const char* test_path) {
  const LabelledTexts train = read(train_path);
  const LabelledTexts test = read(test_path);
  const auto begin = Clock::now();
  const auto model = train_text(train, {});
  if (!model) stop(model.error());
  fmt::print("train: {} texts, {} classes, {} n-grams, {:.2f} s on two threads, file {:.2f} MB\n",
             train.rows(), train.classes.size(), model->features(), seconds_since(begin),
             static_cast<double>(encode_artefact(model->to_artefact()).size()) / 1e6);
  const std::vector<std::string_view> once(test.texts.begin(), test.texts.end());
  const auto predictions = classify_all(*model, once, {}, 2);
  std::size_t right = 0;
  for (std::size_t i = 0; i < once.size(); ++i)
    right += model->classes()[predictions[i].label] == test.classes[test.labels[i]] ? 1 : 0;
  fmt::print("accuracy {:.4f}, held-out in training {}\n",
             static_cast<double>(right) / static_cast<double>(once.size()),
             model->metrics()["metrics"].dump());
  constexpr std::size_t kTextsMin = 100'000;
  std::vector<std::string_view> many;
  while (many.size() < kTextsMin) many.insert(many.end(), once.begin(), once.end());
  for (const std::size_t threads : {1U, 2U})
    fmt::print("classify: {:.0f} texts/s on {} threads\n", texts_per_second(*model, many, threads),
               threads);
  return 0;
}

}  // namespace
}  // namespace zhiyin::model

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: classify_bench TRAIN.tsv TEST.tsv\n");
    return 2;
  }
  return zhiyin::model::run(argv[1], argv[2]);
}
