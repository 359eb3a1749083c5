#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace zhiyin::server {

struct MarkdownArticle {
  std::string title;  ///< of the first heading of the first level, which is left out of the body
  std::string html;
  std::vector<std::string> pictures;  ///< addresses as they are written, each once, in order
};
/// Where the pictures of an article are, by the address that is written in it.
using PictureAddresses = std::map<std::string, std::string, std::less<>>;

/// Markdown as HTML that an article takes: headings, paragraphs, lists, quotes, rules, code, bold,
/// italic, links, pictures. Everything else of the text is escaped, so no tag of the author's gets
/// through. Links go to http and https only; a picture may be a file, too, and stands in the HTML
/// under its address in `addresses`, else as written. Pure.
MarkdownArticle article_of_markdown(std::string_view markdown,
                                    const PictureAddresses& addresses = {});

}  // namespace zhiyin::server
