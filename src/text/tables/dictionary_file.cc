// Writes the dictionary that comes with the program. Runs while building.
//
// usage: dictionary_file WORDS MODEL RARITIES STOP_WORDS OUT
#include <fmt/core.h>

#include "base/file.h"
#include "text/compile_dictionary.h"

namespace {

using namespace zhiyin;

Result<void> run(char** argument) {
  ZHIYIN_TRY(const std::string words, read_file(argument[1]));
  ZHIYIN_TRY(const std::string model, read_file(argument[2]));
  ZHIYIN_TRY(const std::string rarities, read_file(argument[3]));
  ZHIYIN_TRY(const std::string stop_words, read_file(argument[4]));
  ZHIYIN_TRY(const std::string bytes,
             text::compile_dictionary({words, model, rarities, stop_words}));
  return write_file(argument[5], bytes);
}

}  // namespace

int main(int count, char** argument) {
  if (count != 6) return 2;
  const auto written = run(argument);
  if (!written) fmt::print(stderr, "dictionary_file: {}\n", written.error().text());
  return written ? 0 : 1;
}
