#include "server/markdown.h"

#include <algorithm>
#include <array>

#include "base/html.h"

namespace zhiyin::server {
namespace {

bool is_one_word(std::string_view address) {
  return !address.empty() && address.find_first_of(" \t\"<>") == std::string_view::npos;
}

bool is_web_address(std::string_view url) {
  return (url.starts_with("https://") || url.starts_with("http://")) && is_one_word(url);
}

/// What stands within a line.
class Inline {
 public:
  explicit Inline(const PictureAddresses& addresses) : addresses_(addresses) {}

  std::string html(std::string_view text, int depth) {
    constexpr int kDepthMax = 8;
    std::string out;
    while (!text.empty()) {
      std::size_t taken = 0;
      if (depth < kDepthMax) {
        if (text.starts_with("![")) taken = append_picture(out, text);
        if (taken == 0) taken = append_link(out, text, depth);
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
  std::vector<std::string> take_pictures() { return std::move(pictures_); }

 private:
  /// `[words](address)` at the beginning of a text.
  struct Pointer {
    std::string_view words, address;
    std::size_t size = 0;  ///< 0: there is none
  };
  static Pointer pointer_at(std::string_view text) {
    const std::size_t close = text.find("](");
    if (close == std::string_view::npos || !text.starts_with('[')) return {};
    const std::size_t end = text.find(')', close);
    if (end == std::string_view::npos) return {};
    return {text.substr(1, close - 1), text.substr(close + 2, end - close - 2), end + 1};
  }

  // Each gives back how much of `text` it took; 0: it did not begin so.
  std::size_t append_picture(std::string& out, std::string_view text) {
    const Pointer picture = pointer_at(text.substr(1));
    if (picture.size == 0 || !is_one_word(picture.address)) return 0;
    if (std::ranges::find(pictures_, picture.address) == pictures_.end())
      pictures_.emplace_back(picture.address);
    const auto found = addresses_.find(picture.address);
    out += "<img src=\"";
    out +=
        html_escaped(found == addresses_.end() ? picture.address : std::string_view(found->second));
    out += "\" alt=\"";
    out += html_escaped(picture.words);
    out += "\"/>";
    return picture.size + 1;
  }

  std::size_t append_link(std::string& out, std::string_view text, int depth) {
    const Pointer link = pointer_at(text);
    if (link.size == 0 || !is_web_address(link.address)) return 0;
    out += "<a href=\"";
    out += html_escaped(link.address);
    out += "\">" + html(link.words, depth + 1) + "</a>";
    return link.size;
  }

  std::size_t append_marked(std::string& out, std::string_view text, std::string_view mark,
                            std::string_view tag, int depth) {
    if (!text.starts_with(mark)) return 0;
    const std::size_t end = text.find(mark, mark.size());
    if (end == std::string_view::npos || end == mark.size()) return 0;
    const std::string_view words = text.substr(mark.size(), end - mark.size());
    out.append("<").append(tag).append(">");
    out += tag == "code" ? html_escaped(words) : html(words, depth + 1);
    out.append("</").append(tag).append(">");
    return end + mark.size();
  }

  const PictureAddresses& addresses_;
  std::vector<std::string> pictures_;
};

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
  explicit Writer(Inline& words) : words_(words) {}
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
    out_ += words_.html(line.text, 0);
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
  Inline& words_;
  std::string out_;
  std::string_view open_;
  std::string_view list_;
};

}  // namespace

MarkdownArticle article_of_markdown(std::string_view markdown, const PictureAddresses& addresses) {
  MarkdownArticle article;
  Inline words(addresses);
  Writer writer(words);
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
  article.pictures = words.take_pictures();
  return article;
}

}  // namespace zhiyin::server
