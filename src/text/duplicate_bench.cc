// Memory and time of the index of near-duplicates: text_duplicate_bench [SHORT [LONG]] (texts in
// thousands; default 10000 and 1000); the same as a table in a mapped file. Texts are made from
// seeded random characters; one in a hundred is asked for again with a change.
#include <fmt/core.h>

#include <cstdlib>
#include <ctime>
#include <string>

#include "base/file.h"
#include "base/random.h"
#include "text/code_point.h"
#include "text/near_duplicate_table.h"

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
  NearDuplicateTableBuilder builder;
  double adding = 0, building = 0;
  std::vector<std::string> batch;
  for (std::size_t done = 0; done < texts;) {
    batch.clear();
    for (; batch.size() < 10'000 && done + batch.size() < texts;)
      batch.push_back(made_text(done + batch.size(), characters));
    const double begin = thread_seconds();
    for (const std::string& text : batch) index.add(text);
    const double between = thread_seconds();
    for (std::size_t i = 0; i < batch.size(); ++i)
      builder.add(static_cast<std::uint32_t>(done + i), signature_of(batch[i]));
    adding += between - begin;
    building += thread_seconds() - between;
    done += batch.size();
  }
  const TempFolder folder;
  double begun = thread_seconds();
  const auto written = builder.write(folder.path() / "table", 1, texts);
  const double writing = thread_seconds() - begun;
  begun = thread_seconds();
  const auto table = NearDuplicateTable::open(folder.path() / "table");
  const double opening = thread_seconds() - begun;
  if (!written || !table) return;
  std::size_t asked = 0, found = 0, others = 0, differ = 0;
  double finding = 0, in_table = 0;
  for (std::size_t i = 0; i < texts; i += std::max<std::size_t>(1, texts / 20'000), ++asked) {
    std::string text = made_text(i, characters);
    text.replace(characters / 2 * 3, 3, "甲");
    const double begin = thread_seconds();
    const auto near = index.find(text);
    const double between = thread_seconds();
    finding += between - begin;
    const auto mapped = table->find(signature_of(text), {}, 100);
    in_table += thread_seconds() - between;
    differ += mapped == near ? 0 : 1;
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
  fmt::print(
      "{} table: gather {:.2f} us a text, write {:.2f} s, open {:.2f} s, {:.0f} MB ({:.0f} bytes a "
      "text), find {:.2f} us, {} of {} answers differ\n",
      name, building / count * 1e6, writing, opening, static_cast<double>(table->bytes()) / 1e6,
      static_cast<double>(table->bytes()) / count, in_table / static_cast<double>(asked) * 1e6,
      differ, asked);
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
