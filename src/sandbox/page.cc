#include "sandbox/page.h"

#include <fmt/format.h>

#include "base/html.h"
#include "base/json.h"

namespace zhiyin::sandbox {
namespace {

/// A JavaScript string that cannot close the script element.
std::string script_string(std::string_view text) {
  std::string json;
  append_json_string(json, text);
  std::string out;
  for (const char c : json) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

std::string snippet(const LibraryItem& item, const SnippetSettings& settings) {
  if (settings.server_url.empty()) return {};
  std::string out = fmt::format(
      "<script src=\"{}/zhiyin.js\" data-key=\"{}\" data-account=\"{}\" "
      "data-item=\"{}:{}\"></script>\n",
      html_escaped(settings.server_url), html_escaped(settings.key), html_escaped(settings.account),
      html_escaped(item.kind), html_escaped(item.id));
  if (!settings.openid.empty()) {
    out += fmt::format(
        "<script>if (window.zhiyin) zhiyin.identify({{account: {}, openid: {}}});</script>\n",
        script_string(settings.account), script_string(settings.openid));
  }
  return out;
}

}  // namespace

std::string render_page(const LibraryItem& item, const SnippetSettings& settings) {
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"zh-CN\"><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<title>{0} - 知音小店</title>\n"
      "<style>body{{font:16px/1.8 sans-serif;max-width:42em;margin:2em auto;padding:0 "
      "1em;color:#223}}"
      ".tag{{background:#eef3ee;border-radius:4px;padding:.1em .5em;margin-right:.5em}}"
      "button{{font:inherit;padding:.4em 1em;margin-right:.6em}}</style>\n<h1>{0}</h1>\n<p>",
      html_escaped(item.title));
  for (const std::string& tag : item.tags)
    out += fmt::format("<span class=\"tag\">{}</span>", html_escaped(tag));
  out += fmt::format("</p>\n<p>{}</p>\n", html_escaped(item.text));
  if (item.is_product()) {
    out += fmt::format("<p><strong>¥{}.{:02}</strong></p>\n", item.price.value / 100,
                       item.price.value % 100);
  }
  out +=
      "<p><button data-zy-click=\"like\">点赞</button><button "
      "data-zy-click=\"buy\">去看看</button></p>\n";
  return out + snippet(item, settings) + "</html>\n";
}

}  // namespace zhiyin::sandbox
