// Makes the engine's file of an encoder; run by the build for the default one.
//
//   encoder_compiler PACKAGE_OR_FOLDER OUTPUT [--all] [--float32 | --nearest] [--mean | --cls]
//
// --all keeps the whole vocabulary instead of what Chinese texts need. int8 is fitted to made texts
// (detail/fitted_weights.h); --nearest rounds each weight by itself, which is quicker and changes
// more. --mean and --cls are poolings instead of the one that the checkpoint names. Models name the
// encoder that they were trained with: with another one they answer by characters alone.
#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/file.h"
#include "model/encoder/compile_encoder.h"
#include "model/encoder/vocabulary_trim.h"

namespace {

using namespace zhiyin;

Result<void> run(const std::filesystem::path& input, const std::filesystem::path& output, bool all,
                 model::CompileOptions options) {
  std::error_code ignored;
  ZHIYIN_TRY(const auto source, std::filesystem::is_directory(input, ignored)
                                    ? model::open_checkpoint_source(input)
                                    : model::open_package_source(input));
  options.source = input.filename();
  if (!all && source->unigram() != nullptr)
    options.kept = model::chinese_pieces(*source->unigram(), model::english_pieces());
  ZHIYIN_TRY(const std::string bytes, model::compile_encoder(*source, options));
  fmt::print("{}: {} pieces, {} bytes\n", output.filename().string(),
             all ? source->shape().vocabulary : options.kept.size(), bytes.size());
  return write_file(output, bytes);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto has = [&](std::string_view word) {
    return std::ranges::find(words, word) != words.end();
  };
  if (words.size() < 2) {
    fmt::print(stderr,
               "usage: encoder_compiler PACKAGE_OR_FOLDER OUTPUT [--all] [--float32 | --nearest] "
               "[--mean | --cls]\n");
    return 2;
  }
  model::CompileOptions options{
      .precision = has("--float32") ? model::Precision::kFloat : model::Precision::kInt8,
      .fitted = !has("--nearest")};
  if (has("--mean")) options.pooling = model::Pooling::kMean;
  if (has("--cls")) options.pooling = model::Pooling::kFirst;
  const auto done = run(words[0], words[1], has("--all"), std::move(options));
  if (done) return 0;
  fmt::print(stderr, "{}\n", done.error().text());
  return 1;
}
