// Memory and time of the index of near-duplicates: text_duplicate_bench [SHORT [LONG]] (texts in
// thousands; default 10000 and 1000). Texts are made from seeded random characters; one in a
// hundred is asked for again with a change.
#include <fmt/core.h>

#include <cstdlib>
#include <ctime>
#include <string>

#include "base/random.h"
#include "text/code_point.h"
#include "text/near_duplicate.h"

namespace zhiyin::text {
namespace {

/// Seconds that this thread has been on a processor: other programs on the machine take turns.
double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// The text with this number, always the same.
std::string made_text(std::uint64_t number, std::size_t characters) {
  Random random(number);
  std::string out;
  for (std::size_t i = 0; i < characters; ++i)
    append_utf8(out, U'一' + static_cast<char32_t>(random.below(3000)));
  return out;
}

void measure(std::string_view name, std::size_t texts, std::size_t characters) {
  NearDuplicateIndex index;
  double adding = 0;
  std::vector<std::string> batch;
  for (std::size_t done = 0; done < texts;) {
    batch.clear();
    for (; batch.size() < 10'000 && done + batch.size() < texts;)
      batch.push_back(made_text(done + batch.size(), characters));
    const double begin = thread_seconds();
    for (const std::string& text : batch) index.add(text);
    adding += thread_seconds() - begin;
    done += batch.size();
  }
  std::size_t asked = 0, found = 0, others = 0;
  double finding = 0;
  for (std::size_t i = 0; i < texts; i += std::max<std::size_t>(1, texts / 20'000), ++asked) {
    std::string text = made_text(i, characters);
    text.replace(characters / 2 * 3, 3, "甲");
    const double begin = thread_seconds();
    const auto near = index.find(text);
    finding += thread_seconds() - begin;
    for (const NearDuplicate& n : near) (n.text == i ? found : others) += 1;
  }
  const auto count = static_cast<double>(texts);
  fmt::print(
      "{}: {} texts of {} characters: add {:.2f} us, find {:.2f} us, {:.0f} MB ({:.0f} bytes a "
      "text), "
      "{:.2f} % of the changed found, {} others\n",
      name, texts, characters, adding / count * 1e6, finding / static_cast<double>(asked) * 1e6,
      static_cast<double>(index.memory()) / 1e6, static_cast<double>(index.memory()) / count,
      100.0 * static_cast<double>(found) / static_cast<double>(asked), others);
  std::fflush(stdout);
}

}  // namespace
}  // namespace zhiyin::text

int main(int argc, char** argv) {
  const auto thousands = [&](int i, long otherwise) {
    return 1000 * static_cast<std::size_t>(argc > i ? std::atol(argv[i]) : otherwise);
  };
  zhiyin::text::measure("short", thousands(1, 10'000), 25);
  zhiyin::text::measure("long", thousands(2, 1'000), 600);
  return 0;
}
