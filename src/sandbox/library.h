#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace zhiyin::sandbox {

/// An article or a product of the shop, with what the population (not the server) knows about it.
struct LibraryItem {
  std::string kind;  ///< `article` or `product`
  std::string id;    ///< `a017`, `p042`
  std::string title;
  std::string text;
  std::vector<std::string> tags;  ///< the topic, the style, the noun
  std::string category;           ///< the topic
  std::string author;             ///< of articles
  Fen price;                      ///< of products
  Instant published_at;
  std::size_t topic = 0;
  std::size_t style = 0;
  double appeal = 1;  ///< how it draws people beyond its topic; mean 1

  [[nodiscard]] bool is_product() const { return kind == "product"; }
};

/// All that the shop has: every item was published within 120 days before `start`. The same
/// arguments give the same library.
std::vector<LibraryItem> make_library(std::uint64_t seed, Instant start, std::size_t articles = 200,
                                      std::size_t products = 100);

/// RFC 4180 with the header kind,id,title,text,tags,category,author,price,published_at,url: tags
/// are separated by `|`, the price is in fen (empty for articles), `url` is `page_base` + id.
std::string library_csv(const std::vector<LibraryItem>& library, std::string_view page_base);

}  // namespace zhiyin::sandbox
