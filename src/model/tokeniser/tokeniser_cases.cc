// Tokens of texts, for oracle.py: tokeniser_cases KIND FILE, where KIND is vocab, vocab-cased,
// json, sentencepiece, xlm-roberta (its sentencepiece file) or package. Standard input: JSON lines
// {"a","b","max","specials","in_text"}; output: a line [ids, types, [[begin, end], …]] for each.
// With a third argument that file's lines are tokenised five times and the best number of tokens a
// second is printed.
#include <fmt/core.h>

#include <chrono>
#include <cstdlib>
#include <iostream>

#include "base/file.h"
#include "base/json.h"
#include "model/encoder/encoder_package.h"
#include "model/tokeniser/tokeniser.h"

namespace zhiyin::model {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "{}\n", result.error().text());
    std::exit(1);
  }
  return std::move(*result);
}

Tokeniser open(std::string_view kind, const char* path) {
  const std::string file = must(read_file(path));
  if (kind == "json") return must(tokeniser_from_json(file));
  if (kind == "sentencepiece") return must(tokeniser_from_sentencepiece(file));
  if (kind == "xlm-roberta") return must(tokeniser_from_sentencepiece(file, PieceIds::kXlmRoberta));
  if (kind == "package")
    return must(tokeniser_from_table(must(parse_encoder_package(file)).tokeniser));
  return must(tokeniser_from_vocab(file, {.lowercase = kind != "vocab-cased"}));
}

std::string line_of(const TokenRow& row) {
  Json ids = Json::array();
  Json types = Json::array();
  Json spans = Json::array();
  for (std::size_t i = 0; i < row.size(); ++i) {
    ids.push(row.ids[i]);
    types.push(row.types[i]);
    spans.push(Json(Json::Array{row.spans[i].begin, row.spans[i].end}));
  }
  return Json(Json::Array{std::move(ids), std::move(types), std::move(spans)}).dump() + "\n";
}

void answer(const Tokeniser& tokeniser) {
  Tokeniser::Scratch scratch;
  TokenRow row;
  for (std::string line; std::getline(std::cin, line);) {
    const Json json = must(parse_json(line));
    TokeniseOptions options;
    options.specials = json["specials"].bool_or(true);
    options.specials_in_text = json["in_text"].bool_or(false);
    if (const auto* most = json["max"].if_int())
      options.truncation = TruncationRule{.tokens_max = static_cast<std::size_t>(*most)};
    const std::string_view a = json["a"].string_or("");
    const auto done = json["b"].is_null()
                          ? tokeniser.encode(a, options, scratch, row)
                          : tokeniser.encode(a, json["b"].string_or(""), options, scratch, row);
    if (!done) std::exit(1);
    const std::string out = line_of(row);
    std::fwrite(out.data(), 1, out.size(), stdout);
  }
}

void measure(const Tokeniser& tokeniser, const char* path) {
  const std::string text = must(read_file(path));
  Tokeniser::Scratch scratch;
  TokenRow row;
  double best = 0;
  for (int run = 0; run < 5; ++run) {
    std::size_t tokens = 0;
    const auto begin = std::chrono::steady_clock::now();
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      if (!tokeniser.encode(rest.substr(0, end), {}, scratch, row)) std::exit(1);
      tokens += row.size();
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    best = std::max(best, static_cast<double>(tokens) / took.count());
  }
  fmt::print("{:.0f}\n", best);
}

}  // namespace
}  // namespace zhiyin::model

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const auto tokeniser = zhiyin::model::open(argv[1], argv[2]);
  if (argc > 3) {
    zhiyin::model::measure(tokeniser, argv[3]);
  } else {
    zhiyin::model::answer(tokeniser);
  }
  return 0;
}
