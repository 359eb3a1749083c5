#pragma once

#include <string>
#include <string_view>

namespace zhiyin::server {

struct MarkdownArticle {
  std::string title;  ///< of the first heading of the first level, which is left out of the body
  std::string html;
};

/// Markdown as HTML that an article takes: headings, paragraphs, lists, quotes, rules, code, bold,
/// italic, links, pictures. Everything else of the text is escaped, so no tag of the author's gets
/// through. Links go to http and https only. Pure.
MarkdownArticle article_of_markdown(std::string_view markdown);

}  // namespace zhiyin::server
