#include "server/markdown.h"

#include <array>

#include "base/html.h"

namespace zhiyin::server {
namespace {

bool is_web_address(std::string_view url) {
  return (url.starts_with("https://") || url.starts_with("http://")) &&
         url.find_first_of(" \"<>") == std::string_view::npos;
}

std::string inline_html(std::string_view text, int depth);

/// `[words](address)` at the beginning of `text`; how much of it that was, 0: none.
std::size_t append_link(std::string& out, std::string_view text, bool is_picture, int depth) {
  const std::size_t close = text.find("](");
  if (close == std::string_view::npos || !text.starts_with('[')) return 0;
  const std::size_t end = text.find(')', close);
  if (end == std::string_view::npos) return 0;
  const std::string_view words = text.substr(1, close - 1);
  const std::string_view url = text.substr(close + 2, end - close - 2);
  if (!is_web_address(url)) return 0;
  out += is_picture ? "<img src=\"" : "<a href=\"";
  out += html_escaped(url);
  if (is_picture) {
    out += "\" alt=\"";
    out += html_escaped(words);
    out += "\"/>";
  } else {
    out += "\">" + inline_html(words, depth + 1) + "</a>";
  }
  return end + 1;
}

/// `mark words mark` at the beginning of `text`; how much of it that was, 0: none.
std::size_t append_marked(std::string& out, std::string_view text, std::string_view mark,
                          std::string_view tag, int depth) {
  if (!text.starts_with(mark)) return 0;
  const std::size_t end = text.find(mark, mark.size());
  if (end == std::string_view::npos || end == mark.size()) return 0;
  const std::string_view words = text.substr(mark.size(), end - mark.size());
  out.append("<").append(tag).append(">");
  if (tag == "code") {
    out += html_escaped(words);
  } else {
    out += inline_html(words, depth + 1);
  }
  out.append("</").append(tag).append(">");
  return end + mark.size();
}

std::string inline_html(std::string_view text, int depth) {
  constexpr int kDepthMax = 8;
  std::string out;
  while (!text.empty()) {
    std::size_t taken = 0;
    if (depth < kDepthMax) {
      if (text.starts_with("![")) {
        taken = append_link(out, text.substr(1), true, depth);
        if (taken > 0) ++taken;
      }
      if (taken == 0) taken = append_link(out, text, false, depth);
      if (taken == 0) taken = append_marked(out, text, "`", "code", depth);
      if (taken == 0) taken = append_marked(out, text, "**", "strong", depth);
      if (taken == 0) taken = append_marked(out, text, "*", "em", depth);
    }
    if (taken == 0) {
      out += html_escaped(text.substr(0, 1));
      taken = 1;
    }
    text.remove_prefix(taken);
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

/// How a line begins, and what is left of it.
struct Line {
  std::string_view block;  ///< the element around it: p, h1 …, li of ul or ol, blockquote
  std::string_view list;
  std::string_view text;
};

Line line_of(std::string_view line) {
  constexpr std::array<std::string_view, 4> kHeadings = {"h1", "h2", "h3", "h4"};
  const std::size_t marks = line.find_first_not_of('#');
  if (marks != std::string_view::npos && marks >= 1 && marks <= kHeadings.size() &&
      line[marks] == ' ') {
    return {kHeadings.at(marks - 1), {}, trimmed(line.substr(marks))};
  }
  if (line.starts_with("- ") || line.starts_with("* "))
    return {"li", "ul", trimmed(line.substr(2))};
  const std::size_t digits = line.find_first_not_of("0123456789");
  if (digits != std::string_view::npos && digits >= 1 && line.substr(digits).starts_with(". "))
    return {"li", "ol", trimmed(line.substr(digits + 2))};
  if (line.starts_with(">")) return {"blockquote", {}, trimmed(line.substr(1))};
  if (line == "---" || line == "***") return {"hr", {}, {}};
  return {"p", {}, line};
}

/// Puts lines into elements; neighbouring lines of a paragraph or quote into one.
class Writer {
 public:
  void add(const Line& line) {
    const bool joins = line.block == open_ && (open_ == "p" || open_ == "blockquote");
    if (joins) {
      out_ += "<br/>";
    } else {
      end_block();
      change_list(line.list);
      if (line.block == "hr") {
        out_ += "<hr/>";
        return;
      }
      out_.append("<").append(line.block).append(">");
      open_ = line.block;
    }
    out_ += inline_html(line.text, 0);
  }
  void gap() {
    end_block();
    change_list({});
  }
  std::string take() {
    gap();
    return std::move(out_);
  }

 private:
  void end_block() {
    if (!open_.empty()) out_.append("</").append(open_).append(">");
    open_ = {};
  }
  void change_list(std::string_view list) {
    if (list == list_) return;
    if (!list_.empty()) out_.append("</").append(list_).append(">");
    if (!list.empty()) out_.append("<").append(list).append(">");
    list_ = list;
  }
  std::string out_;
  std::string_view open_;
  std::string_view list_;
};

}  // namespace

MarkdownArticle article_of_markdown(std::string_view markdown) {
  MarkdownArticle article;
  Writer writer;
  while (!markdown.empty()) {
    const std::size_t end = markdown.find('\n');
    const std::string_view text = trimmed(markdown.substr(0, end));
    markdown = end == std::string_view::npos ? std::string_view() : markdown.substr(end + 1);
    if (text.empty()) {
      writer.gap();
      continue;
    }
    const Line line = line_of(text);
    if (line.block == "h1" && article.title.empty()) {
      article.title = std::string(line.text);
      continue;
    }
    writer.add(line);
  }
  article.html = writer.take();
  return article;
}

}  // namespace zhiyin::server
