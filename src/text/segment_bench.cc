// How fast texts are cut into words, beside cppjieba on the same file, one thread, taking turns.
//
// usage: segment_bench FILE [ROUNDS]: a text a line
#include <fmt/core.h>

#include <chrono>
#include <cppjieba/Jieba.hpp>
#include <cstdlib>
#include <fstream>
#include <functional>

#include "base/file.h"
#include "text/keywords.h"
#include "text/segment.h"

namespace {

using namespace zhiyin;
using namespace zhiyin::text;
using SteadyClock = std::chrono::steady_clock;

double seconds(const std::function<void()>& work) {
  const auto begin = SteadyClock::now();
  work();
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

/// Pages in memory, in MB.
double resident_mb() {
  std::ifstream in("/proc/self/statm");
  long all = 0;
  long resident = 0;
  in >> all >> resident;
  return static_cast<double>(resident) * 4096 / 1e6;
}

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

void compare(std::string_view what, const Lines& lines, int rounds,
             const std::function<void(const std::string&)>& ours,
             const std::function<void(const std::string&)>& theirs) {
  double our_best = 1e9;
  double their_best = 1e9;
  for (int i = 0; i < rounds; ++i) {
    our_best = std::min(our_best, seconds([&] {
                          for (const auto& t : lines.texts) ours(t);
                        }));
    their_best = std::min(their_best, seconds([&] {
                            for (const auto& t : lines.texts) theirs(t);
                          }));
  }
  fmt::print("{:<28} {:>8.1f} MB/s   cppjieba {:>6.2f} MB/s   x{:.1f}\n", what, lines.mb / our_best,
             lines.mb / their_best, their_best / our_best);
  std::fflush(stdout);
}

int run(const char* path, int rounds) {
  const Lines lines = read_lines(path);
  const double before = resident_mb();
  Result<std::shared_ptr<const Dictionary>> dictionary = fail(ErrorCode::kInternal, "not yet");
  const double ready = seconds([&] { dictionary = Dictionary::open(ZHIYIN_DICTIONARY); });
  if (!dictionary) return fmt::print("{}\n", dictionary.error().text()), 1;
  const double after = resident_mb();
  const std::string folder = ZHIYIN_JIEBA;
  std::unique_ptr<cppjieba::Jieba> jieba;
  const TempFolder none;
  std::ofstream(none.path() / "none");
  const double their_ready = seconds([&] {
    jieba = std::make_unique<cppjieba::Jieba>(folder + "/jieba.dict.utf8",
                                              folder + "/hmm_model.utf8", none.path() / "none",
                                              folder + "/idf.utf8", folder + "/stop_words.utf8");
  });
  fmt::print(
      "{:.2f} MB in {} lines; ready in {:.1f} ms with {:.1f} MB (cppjieba {:.0f} ms, {:.0f} MB)\n",
      lines.mb, lines.texts.size(), ready * 1e3, after - before, their_ready * 1e3,
      resident_mb() - after);

  const Words words{*dictionary, nullptr};
  Segmenter segmenter(words);
  std::vector<ByteRange> found;
  std::vector<std::string> theirs;
  const auto ours_in = [&](SegmentMode mode) {
    return
        [&, mode](const std::string& text) { static_cast<void>(segmenter.cut(text, mode, found)); };
  };
  compare("mixed (HMM)", lines, rounds, ours_in(SegmentMode::kMix),
          [&](const std::string& text) { jieba->Cut(text, theirs, true); });
  compare("dictionary", lines, rounds, ours_in(SegmentMode::kDictionary),
          [&](const std::string& text) { jieba->Cut(text, theirs, false); });
  compare("search", lines, rounds, ours_in(SegmentMode::kSearch),
          [&](const std::string& text) { jieba->CutForSearch(text, theirs, true); });
  compare("full", lines, rounds, ours_in(SegmentMode::kFull),
          [&](const std::string& text) { jieba->CutAll(text, theirs); });
  compare(
      "tags", lines, rounds,
      [&](const std::string& text) {
        static_cast<void>(segmenter.cut(text, SegmentMode::kMix, found));
        for (const ByteRange w : found) {
          static_cast<void>(tag_of(words, std::string_view(text).substr(w.begin, w.end - w.begin)));
        }
      },
      [&](const std::string& text) {
        std::vector<std::pair<std::string, std::string>> tagged;
        jieba->Tag(text, tagged);
      });
  KeywordExtractor keywords(words);
  compare(
      "5 keywords", lines, rounds,
      [&](const std::string& text) { static_cast<void>(keywords.by_rarity(text, 5)); },
      [&](const std::string& text) {
        std::vector<cppjieba::KeywordExtractor::Word> top;
        jieba->extractor.Extract(text, top, 5);
      });
  return 0;
}

}  // namespace

int main(int count, char** argument) {
  if (count < 2) return 2;
  return run(argument[1], count > 2 ? std::atoi(argument[2]) : 5);
}
