// How fast texts are normalised, beside what the same costs with ICU (NFKC and case folding) and
// OpenCC (to simplified), one thread, taking turns.
//
// usage: normalise_bench FILE [ROUNDS]: a text a line
#include <fmt/core.h>
#include <unicode/normalizer2.h>
#include <unicode/unistr.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <opencc/SimpleConverter.hpp>

#include "text/language.h"
#include "text/normalise.h"
#include "text/sentence.h"

namespace {

using namespace zhiyin::text;
using SteadyClock = std::chrono::steady_clock;

struct Lines {
  std::vector<std::string> texts;
  double mb = 0;
};

Lines read_lines(const char* path) {
  Lines out;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    out.mb += static_cast<double>(line.size()) / 1e6;
    out.texts.push_back(line);
  }
  return out;
}

/// The best of the rounds, in MB/s.
double measure(const Lines& lines, int rounds,
               const std::function<void(const std::string&)>& work) {
  double best = 0;
  for (int i = 0; i < rounds; ++i) {
    const auto begin = SteadyClock::now();
    for (const std::string& text : lines.texts) work(text);
    const std::chrono::duration<double> took = SteadyClock::now() - begin;
    best = std::max(best, lines.mb / took.count());
  }
  return best;
}

int run(const char* path, int rounds) {
  const Lines lines = read_lines(path);
  Normalised made;
  const auto ours = [&](const NormaliseOptions& options) {
    const Normaliser normaliser(options);
    return measure(lines, rounds,
                   [&](const std::string& text) { static_cast<void>(normaliser.run(text, made)); });
  };
  NormaliseOptions all{.unit_styles = true, .join_spaces = true};
  all.emoji = NormaliseOptions::Emoji::kName;

  UErrorCode status = U_ZERO_ERROR;
  const auto* nfkc = icu::Normalizer2::getNFKCCasefoldInstance(status);
  const opencc::SimpleConverter converter("t2s.json");
  std::string folded;
  const double icu = measure(lines, rounds, [&](const std::string& text) {
    folded.clear();
    nfkc->normalize(icu::UnicodeString::fromUTF8(text), status).toUTF8String(folded);
  });
  const double opencc = measure(
      lines, 1, [&](const std::string& text) { static_cast<void>(converter.Convert(text)); });

  fmt::print("{:.2f} MB in {} lines, one thread, best of {}\n", lines.mb, lines.texts.size(),
             rounds);
  fmt::print("normalised, default            {:>8.1f} MB/s\n", ours({}));
  fmt::print("normalised, everything         {:>8.1f} MB/s\n", ours(all));
  fmt::print("  ICU (NFKC, case)             {:>8.1f} MB/s\n", icu);
  fmt::print("  OpenCC (to simplified)       {:>8.1f} MB/s\n", opencc);
  fmt::print("sentences                      {:>8.1f} MB/s\n",
             measure(lines, rounds,
                     [](const std::string& text) { static_cast<void>(split_sentences(text)); }));
  fmt::print("language                       {:>8.1f} MB/s\n",
             measure(lines, rounds,
                     [](const std::string& text) { static_cast<void>(guess_language(text)); }));
  return 0;
}

}  // namespace

int main(int count, char** argument) {
  if (count < 2) return 2;
  return run(argument[1], count > 2 ? std::atoi(argument[2]) : 5);
}
