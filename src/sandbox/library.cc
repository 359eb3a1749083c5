#include "sandbox/library.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "sandbox/words.h"

namespace zhiyin::sandbox {
namespace {

constexpr double kAppealSpread = 0.7;
constexpr std::int64_t kAgeDaysMax = 120;

std::string_view pick(Random& random, std::span<const std::string_view> from) {
  return from[random.below(from.size())];
}

std::string fill(std::string_view pattern, const Topic& topic, const Style& style,
                 std::string_view noun, std::uint64_t number) {
  return fmt::format(fmt::runtime(pattern), style.name, noun, topic.scene, topic.name, number);
}

/// 9.90, 129.00, … : prices end in 90 fen or whole yuan.
Fen shelf_price(Random& random, std::int64_t typical_fen) {
  const double fen = static_cast<double>(typical_fen) * std::exp(0.6 * random.normal());
  const auto yuan = std::max<std::int64_t>(9, static_cast<std::int64_t>(fen / 100));
  return {yuan * 100 + (random.uniform() < 0.5 ? 90 : 0)};
}

std::string write_text(Random& random, const Topic& topic, const Style& style,
                       std::string_view noun) {
  std::string text;
  const std::uint64_t count = 3 + random.below(3);
  const std::uint64_t first = random.below(sentences().size());
  for (std::uint64_t i = 0; i < count; ++i) {
    text += fill(sentences()[(first + i * 3) % sentences().size()], topic, style, noun, 0);
  }
  return text;
}

LibraryItem make_item(std::uint64_t seed, Instant start, bool product, std::size_t index) {
  Random random(seed * 0x9e3779b97f4a7c15ULL + index * 2 + (product ? 1 : 0));
  random.next();
  LibraryItem item;
  item.kind = product ? "product" : "article";
  item.id = fmt::format("{}{:03}", product ? 'p' : 'a', index);
  // Round the topics, so that none is empty however small the library.
  item.topic = index % kTopicCount;
  item.style = random.below(kStyleCount);
  const Topic& topic = topics()[item.topic];
  const Style& style = topic.styles[item.style];
  const std::string_view noun = style.nouns[random.below(kNounCount)];
  const auto titles = product ? product_titles() : article_titles();
  item.title = fill(pick(random, titles), topic, style, noun, 3 + random.below(8));
  item.text = write_text(random, topic, style, noun);
  item.tags = {std::string(topic.name), std::string(style.name), std::string(noun)};
  item.category = topic.name;
  if (product) {
    item.price = shelf_price(random, topic.price_fen);
  } else {
    item.author = pick(random, authors());
  }
  const auto age_minutes = static_cast<std::int64_t>(random.below(kAgeDaysMax * 24 * 60));
  item.published_at = start - std::chrono::minutes(age_minutes + 1);
  item.appeal = std::exp(kAppealSpread * random.normal() - kAppealSpread * kAppealSpread / 2);
  return item;
}

std::string in_quotes(std::string_view cell) {
  if (cell.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(cell);
  std::string out = "\"";
  for (const char c : cell) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::vector<LibraryItem> make_library(std::uint64_t seed, Instant start, std::size_t articles,
                                      std::size_t products) {
  std::vector<LibraryItem> library;
  library.reserve(articles + products);
  for (std::size_t i = 0; i < articles; ++i) library.push_back(make_item(seed, start, false, i));
  for (std::size_t i = 0; i < products; ++i) library.push_back(make_item(seed, start, true, i));
  return library;
}

std::string library_csv(const std::vector<LibraryItem>& library, std::string_view page_base) {
  std::string csv = "kind,id,title,text,tags,category,author,price,published_at,url\n";
  for (const LibraryItem& item : library) {
    const std::string price = item.is_product() ? std::to_string(item.price.value) : "";
    fmt::format_to(std::back_inserter(csv), "{},{},{},{},{},{},{},{},{},{}\n", item.kind, item.id,
                   in_quotes(item.title), in_quotes(item.text),
                   in_quotes(fmt::format("{}", fmt::join(item.tags, "|"))), item.category,
                   item.author, price, format_time(item.published_at, TimeZone::shanghai()),
                   in_quotes(fmt::format("{}{}", page_base, item.id)));
  }
  return csv;
}

}  // namespace zhiyin::sandbox
