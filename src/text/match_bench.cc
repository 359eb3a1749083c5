// Speed of the term matcher: text_match_bench TERMS TEXTS [VIEWS]
// TERMS: one term a line (tab, category, severity allowed); TEXTS: one text a line. One thread; for
// each set of views the best of several passes, in millions of characters a second.
#include <fmt/core.h>

#include <chrono>
#include <cstdlib>
#include <ctime>

#include "base/file.h"
#include "text/code_point.h"
#include "text/term_matcher.h"

namespace zhiyin::text {
namespace {

using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

/// Seconds that this thread has been on a processor: other programs on the machine take turns.
double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

template <class T>
T value_or_exit(Result<T> result) {
  if (result) return std::move(*result);
  fmt::print(stderr, "{}\n", result.error().text());
  std::exit(1);
}

std::vector<std::string_view> lines_of(std::string_view file) {
  std::vector<std::string_view> out;
  while (!file.empty()) {
    const std::size_t end = std::min(file.find('\n'), file.size());
    out.push_back(file.substr(0, end));
    file.remove_prefix(std::min(end + 1, file.size()));
  }
  return out;
}

void measure(TermScanner& scanner, const std::vector<std::string_view>& texts,
             std::size_t characters, MatchViews views, std::string_view name) {
  constexpr int kPasses = 7;
  double best = 1e9, best_together = 1e9;
  std::vector<TermHit> hits;
  std::vector<std::size_t> ends;
  for (int pass = 0; pass < kPasses; ++pass) {
    hits.clear();
    double begin = thread_seconds();
    for (const std::string_view text : texts) scanner.find(text, {.views = views}, hits);
    best = std::min(best, thread_seconds() - begin);
    begin = thread_seconds();
    scanner.find_all(texts, {.views = views}, hits, ends);
    best_together = std::min(best_together, thread_seconds() - begin);
  }
  const auto speed = [&](double seconds) {
    return static_cast<double>(characters) / seconds / 1e6;
  };
  fmt::print("{:<16} {:>7.1f} one by one  {:>7.1f} together  M characters/s  {:>8} hits\n", name,
             speed(best), speed(best_together), hits.size());
  std::fflush(stdout);
}

/// Compiled from a list, with the time that this and mapping its file takes; or what
/// `zhiyin text compile` made of one.
TermMatcher matcher_of(const char* path) {
  if (auto compiled = TermMatcher::load(path)) return std::move(*compiled);
  const std::string file = value_or_exit(read_file(path));
  const auto terms = value_or_exit(parse_terms(file));
  auto begin = SteadyClock::now();
  const auto built = value_or_exit(TermMatcher::build(terms));
  fmt::print("{} terms compiled in {:.2f} s, {:.1f} MB\n", built.size(), seconds_since(begin),
             static_cast<double>(built.bytes().size()) / 1e6);
  const TempFolder folder;
  if (auto saved = built.save(folder.path() / "terms"); !saved)
    value_or_exit<int>(std::unexpected(saved.error()));
  begin = SteadyClock::now();
  auto loaded = value_or_exit(TermMatcher::load(folder.path() / "terms"));
  fmt::print("loaded from its file in {:.1f} ms\n", seconds_since(begin) * 1e3);
  return loaded;
}

int run(const char* terms_path, const char* texts_path, const char* only) {
  TermScanner scanner(matcher_of(terms_path));
  const std::string texts_file = value_or_exit(read_file(texts_path));
  const auto texts = lines_of(texts_file);
  std::size_t characters = 0;
  for (const std::string_view text : texts)
    for (std::size_t at = 0; at < text.size(); ++characters) at += code_point_at(text, at).bytes;
  fmt::print("{} texts, {} characters, {} bytes\n", texts.size(), characters, texts_file.size());
  if (only != nullptr) {
    measure(scanner, texts, characters, value_or_exit(parse_views(only)), only);
    return 0;
  }
  for (std::size_t v = 0; v < kMatchViews; ++v)
    measure(scanner, texts, characters, view_bit(static_cast<MatchView>(v)), kMatchViewNames[v]);
  measure(scanner, texts, characters, kAllViews, "all views");
  return 0;
}

}  // namespace
}  // namespace zhiyin::text

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    fmt::print(stderr, "usage: text_match_bench TERMS TEXTS [VIEWS]\n");
    return 2;
  }
  return zhiyin::text::run(argv[1], argv[2], argc == 4 ? argv[3] : nullptr);
}
