#include "catalogue/feed.h"

#include <iconv.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>
#include <pugixml.hpp>
#include <unordered_set>

#include "base/crypto.h"
#include "base/json.h"
#include "base/utf8.h"

namespace zhiyin::catalogue {
namespace {

constexpr std::string_view kBlanks = " \t\r\n\f\v";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

/// At most so many bytes, cut between characters.
std::string shortened(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end));
}

// Encodings

/// What iconv calls it; empty: not one of those read.
std::string_view encoding_named(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kEncodings[] = {
      {"utf-8", "UTF-8"},       {"utf8", "UTF-8"},        {"us-ascii", "UTF-8"},
      {"ascii", "UTF-8"},       {"gbk", "GB18030"},       {"gb2312", "GB18030"},
      {"gb18030", "GB18030"},   {"big5", "BIG5"},         {"big5-hkscs", "BIG5-HKSCS"},
      {"utf-16", "UTF-16"},     {"utf-16le", "UTF-16LE"}, {"utf-16be", "UTF-16BE"},
      {"iso-8859-1", "LATIN1"}, {"latin1", "LATIN1"},     {"windows-1252", "CP1252"},
  };
  for (const auto& [given, known] : kEncodings) {
    if (given == name) return known;
  }
  return {};
}

/// The encoding of the XML declaration; empty when there is none.
std::string declared(std::string_view bytes) {
  if (!bytes.starts_with("<?xml")) return {};
  std::string_view head = bytes.substr(0, bytes.find("?>"));
  constexpr std::string_view kName = "encoding";
  const std::size_t at = head.find(kName);
  if (at == std::string_view::npos) return {};
  const std::size_t open = head.find_first_of("\"'", at);
  if (open == std::string_view::npos) return {};
  const std::size_t close = head.find(head[open], open + 1);
  if (close == std::string_view::npos) return {};
  return lower(head.substr(open + 1, close - open - 1));
}

struct CloseConverter {
  void operator()(void* converter) const { iconv_close(static_cast<iconv_t>(converter)); }
};

Result<std::string> converted(std::string_view bytes, std::string_view encoding) {
  const iconv_t opened = iconv_open("UTF-8", std::string(encoding).c_str());
  if (opened == reinterpret_cast<iconv_t>(-1))  // NOLINT: what iconv_open returns
    return fail(ErrorCode::kUnsupported, "feed: this system does not read {}", encoding);
  const std::unique_ptr<void, CloseConverter> converter(opened);
  std::string out;
  std::string input(bytes);
  char* in = input.data();
  std::size_t left = input.size();
  while (left > 0) {
    char buffer[1 << 14];
    char* to = buffer;
    std::size_t room = sizeof buffer;
    const std::size_t code = iconv(opened, &in, &left, &to, &room);
    out.append(buffer, sizeof buffer - room);
    if (code == static_cast<std::size_t>(-1) && errno != E2BIG)
      return fail(ErrorCode::kInvalidArgument, "feed: is not {}, as it says, at byte {}", encoding,
                  input.size() - left);
    constexpr std::size_t kGrowth = 4;
    if (out.size() > kGrowth * kFeedBytesMax)
      return fail(ErrorCode::kLimitReached, "feed: is too large as UTF-8");
  }
  return out;
}

/// By the mark at the beginning, then the answer's charset, then what the feed says.
Result<std::string> as_utf8(std::string_view bytes, std::string_view charset) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  std::string name = lower(charset);
  if (bytes.starts_with(kMark)) {
    bytes.remove_prefix(kMark.size());
    name = "utf-8";
  } else if (bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF")) {
    name = "utf-16";
  } else if (name.empty()) {
    name = declared(bytes);
  }
  if (name.empty()) name = "utf-8";
  const std::string_view encoding = encoding_named(name);
  if (encoding.empty())
    return fail(ErrorCode::kUnsupported, "feed: its encoding '{}' is not one that is read",
                shortened(name, 40));
  if (encoding != "UTF-8") return converted(bytes, encoding);
  if (!utf8::is_valid(bytes))
    return fail(ErrorCode::kInvalidArgument, "feed: is not UTF-8, as it says");
  return std::string(bytes);
}

// HTML

void append_code_point(std::string& out, std::uint32_t c) {
  if (c == 0 || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return;
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

/// Appends the entity that `rest` begins with; returns its bytes, 0 when it is none.
std::size_t append_entity(std::string& out, std::string_view rest) {
  constexpr std::size_t kLongest = 12;
  const std::size_t end = rest.substr(0, kLongest).find(';');
  if (end == std::string_view::npos || end < 2) return 0;
  std::string_view name = rest.substr(1, end - 1);
  if (name.starts_with('#')) {
    name.remove_prefix(1);
    const bool hex = name.starts_with('x') || name.starts_with('X');
    if (hex) name.remove_prefix(1);
    std::uint32_t code = 0;
    const auto found = std::from_chars(name.data(), name.data() + name.size(), code, hex ? 16 : 10);
    if (found.ec != std::errc() || found.ptr != name.data() + name.size()) return 0;
    append_code_point(out, code);
    return end + 1;
  }
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"amp", "&"},   {"lt", "<"},    {"gt", ">"},     {"quot", "\""},  {"apos", "'"},
      {"nbsp", " "},  {"ldquo", "“"}, {"rdquo", "”"},  {"lsquo", "‘"},  {"rsquo", "’"},
      {"mdash", "—"}, {"ndash", "–"}, {"hellip", "…"}, {"middot", "·"}, {"copy", "©"},
      {"ensp", " "},  {"emsp", " "},  {"times", "×"},  {"yen", "¥"}};
  for (const auto& [known, text] : kNames) {
    if (known != name) continue;
    out += text;
    return end + 1;
  }
  return 0;
}

bool is_block(std::string_view tag) {
  constexpr std::string_view kBlocks[] = {
      "p",  "br", "div", "li",    "tr",      "h1",      "h2",         "h3",  "h4", "h5",
      "h6", "ul", "ol",  "table", "section", "article", "blockquote", "pre", "hr"};
  return std::ranges::find(kBlocks, tag) != std::end(kBlocks);
}

std::string_view tag_name(std::string_view tag) {
  if (tag.starts_with('/')) tag.remove_prefix(1);
  std::size_t end = 0;
  while (end < tag.size() &&
         ((tag[end] >= 'a' && tag[end] <= 'z') || (tag[end] >= 'A' && tag[end] <= 'Z') ||
          (tag[end] >= '0' && tag[end] <= '9')))
    ++end;
  return tag.substr(0, end);
}

/// Where the text goes on after `<script …>` or `<style …>`.
std::size_t past_raw(std::string_view html, std::size_t at, const std::string& tag) {
  const std::string close = "</" + tag;
  for (std::size_t i = html.find("</", at); i != std::string_view::npos;
       i = html.find("</", i + 2)) {
    if (lower(html.substr(i, close.size())) != close) continue;
    const std::size_t end = html.find('>', i);
    return end == std::string_view::npos ? html.size() : end + 1;
  }
  return html.size();
}

/// One blank between words, one line break between blocks.
class TextLines {
 public:
  void add(char c) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      blank_ = true;
      return;
    }
    put_gap();
    out_ += c;
  }
  void add(std::string_view text) {
    for (const char c : text) add(c);
  }
  void end_line() { line_ = true; }
  std::string take() { return std::move(out_); }

 private:
  void put_gap() {
    if (!out_.empty() && line_) {
      out_ += '\n';
    } else if (!out_.empty() && blank_) {
      out_ += ' ';
    }
    line_ = blank_ = false;
  }
  std::string out_;
  bool blank_ = false;
  bool line_ = false;
};

// Entries

/// An entry of any of the formats, before it is an item.
struct Entry {
  std::string id, title, text, link, author, category, cover, published;
  std::vector<std::string> tags;
};

/// As an item may be named; the same for what is added and what is gone.
std::string fitting_id(std::string_view given) {
  const std::string id(trimmed(given));
  const bool fits = id.size() <= ingest::kItemIdBytesMax && std::ranges::none_of(id, [](char c) {
                      const auto u = static_cast<unsigned char>(c);
                      return u < 0x20 || u == 0x7F;
                    });
  constexpr std::size_t kShown = 32;
  return fits ? id : "h_" + crypto::hex(crypto::sha256(id)).substr(0, kShown);
}

std::string id_of(const Entry& entry, const std::string& url) {
  if (const std::string id = fitting_id(entry.id); !id.empty()) return id;
  return fitting_id(url.empty() ? entry.title + "\n" + entry.published : url);
}

std::string first_line(std::string_view text) {
  constexpr std::size_t kTitleShown = 120;
  return shortened(text.substr(0, text.find('\n')), kTitleShown);
}

Result<Item> item_of(const Entry& entry, const FeedSettings& settings, std::string_view base) {
  Item out;
  out.kind = settings.kind;
  constexpr std::size_t kTextBytesMax = 200'000;
  constexpr std::size_t kNameBytesMax = 128;
  constexpr std::size_t kUrlBytesMax = 2048;
  out.text = shortened(html_text(entry.text), kTextBytesMax);
  out.title = shortened(html_text(entry.title), kTitleBytesMax);
  if (out.title.empty()) out.title = first_line(out.text);
  if (out.title.empty()) return fail(ErrorCode::kInvalidArgument, "neither title nor text");
  std::ranges::replace(out.title, '\n', ' ');
  out.url = resolved_url(base, entry.link);
  if (out.url.size() > kUrlBytesMax) out.url.clear();
  out.id = id_of(entry, out.url);
  out.cover = resolved_url(base, entry.cover);
  if (out.cover.size() > kUrlBytesMax) out.cover.clear();
  out.author = shortened(trimmed(entry.author), kNameBytesMax);
  out.category = shortened(trimmed(entry.category), kNameBytesMax);
  for (const std::string& tag : entry.tags) {
    const std::string word = shortened(trimmed(tag), kTagBytesMax);
    if (!word.empty() && out.tags.size() < kTagsMax &&
        std::ranges::find(out.tags, word) == out.tags.end())
      out.tags.push_back(word);
  }
  out.published_at = feed_time(entry.published);
  ZHIYIN_TRY_VOID(validate(out));
  return out;
}

class Collector {
 public:
  Collector(const FeedSettings& settings, std::string base)
      : settings_(settings), base_(std::move(base)) {}

  void add(const Entry& entry) {
    if (++entries_ > kFeedEntriesMax) return;
    auto item = item_of(entry, settings_, base_);
    if (!item) {
      feed_.skipped.push_back(fmt::format("entry {}: {}", entries_, item.error().text()));
      return;
    }
    if (ids_.insert(item->id).second) feed_.items.push_back(std::move(*item));
  }
  void remove(std::string_view id) {
    if (std::string known = fitting_id(id);
        !known.empty() && feed_.deleted.size() < kFeedEntriesMax)
      feed_.deleted.push_back(std::move(known));
  }
  Feed take(std::string_view title) {
    feed_.title = shortened(html_text(title), kTitleBytesMax);
    if (entries_ > kFeedEntriesMax)
      feed_.skipped.push_back(fmt::format("{} entries beyond the first {}",
                                          entries_ - kFeedEntriesMax, kFeedEntriesMax));
    return std::move(feed_);
  }

 private:
  const FeedSettings& settings_;
  const std::string base_;
  Feed feed_;
  std::unordered_set<std::string> ids_;
  std::size_t entries_ = 0;
};

/// All text beneath a node, without recursion: foreign trees may be deep.
std::string deep_text(const pugi::xml_node& node) {
  struct Walker : pugi::xml_tree_walker {
    std::string out;
    bool for_each(pugi::xml_node& n) override {
      if (n.type() == pugi::node_pcdata || n.type() == pugi::node_cdata) out += n.value();
      if (n.type() == pugi::node_element && is_block(lower(n.name()))) out += '\n';
      return true;
    }
  } walker;
  pugi::xml_node(node).traverse(walker);
  return std::move(walker.out);
}

std::string text_in(const pugi::xml_node& node, const char* child) {
  return node.child(child).text().get();
}

Entry rss_entry(const pugi::xml_node& node) {
  Entry out;
  out.id = text_in(node, "guid");
  if (out.id.empty()) out.id = node.attribute("rdf:about").value();
  out.title = text_in(node, "title");
  out.link = trimmed(text_in(node, "link"));
  out.text = text_in(node, "content:encoded");
  if (out.text.empty()) out.text = text_in(node, "description");
  out.author = text_in(node, "dc:creator");
  if (out.author.empty()) out.author = text_in(node, "author");
  out.published = text_in(node, "pubDate");
  if (out.published.empty()) out.published = text_in(node, "dc:date");
  for (const auto& category : node.children("category")) out.tags.push_back(category.text().get());
  if (!out.tags.empty()) out.category = out.tags[0];
  for (const char* name : {"enclosure", "media:content"}) {
    for (const auto& file : node.children(name)) {
      const std::string_view type = file.attribute("type").value();
      const std::string_view medium = file.attribute("medium").value();
      if (out.cover.empty() && (type.starts_with("image/") || medium == "image"))
        out.cover = file.attribute("url").value();
    }
  }
  if (out.cover.empty()) out.cover = node.child("media:thumbnail").attribute("url").value();
  return out;
}

/// Its text, whether it is text, html (escaped) or xhtml (elements). Text is no mark-up.
std::string atom_text(const pugi::xml_node& node) {
  const std::string_view type = node.attribute("type").value();
  std::string out = type == "xhtml" ? deep_text(node) : std::string(node.text().get());
  if (type == "html" || type.starts_with("text/html")) return out;
  std::string escaped;
  for (const char c : out) {
    if (c == '&') {
      escaped += "&amp;";
    } else if (c == '<') {
      escaped += "&lt;";
    } else if (c == '\n' && type == "xhtml") {
      escaped += "<br>";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

Entry atom_entry(const pugi::xml_node& node) {
  Entry out;
  out.id = text_in(node, "id");
  out.title = atom_text(node.child("title"));
  for (const auto& link : node.children("link")) {
    const std::string_view rel = link.attribute("rel").value();
    if (out.link.empty() && (rel.empty() || rel == "alternate"))
      out.link = link.attribute("href").value();
    if (rel == "enclosure" &&
        std::string_view(link.attribute("type").value()).starts_with("image/"))
      out.cover = link.attribute("href").value();
  }
  out.text = atom_text(node.child("content"));
  if (out.text.empty()) out.text = atom_text(node.child("summary"));
  out.author = text_in(node.child("author"), "name");
  out.published = text_in(node, "published");
  if (out.published.empty()) out.published = text_in(node, "updated");
  for (const auto& category : node.children("category")) {
    const std::string label = category.attribute("label").value();
    out.tags.push_back(label.empty() ? category.attribute("term").value() : label);
  }
  if (!out.tags.empty()) out.category = out.tags[0];
  return out;
}

Result<Feed> parse_xml_feed(const std::string& text, const FeedSettings& settings) {
  const auto tags = static_cast<std::size_t>(std::ranges::count(text, '<'));
  if (tags > kFeedTagsMax)
    return fail(ErrorCode::kLimitReached, "feed: more than {} tags", kFeedTagsMax);
  pugi::xml_document document;
  // No DOCTYPE: its entities stay what they are.
  constexpr unsigned kOptions = pugi::parse_cdata | pugi::parse_escapes | pugi::parse_eol |
                                pugi::parse_wconv_attribute | pugi::parse_ws_pcdata_single;
  const auto parsed = document.load_buffer(text.data(), text.size(), kOptions, pugi::encoding_utf8);
  if (!parsed)
    return fail(ErrorCode::kInvalidArgument, "feed: {} at byte {}", parsed.description(),
                parsed.offset);
  const pugi::xml_node root = document.document_element();
  const std::string_view name = root.name();
  const auto base_of = [&](const std::string& link) {
    const std::string_view own = root.attribute("xml:base").value();
    const std::string from = resolved_url(settings.url, link);
    return !own.empty()           ? resolved_url(settings.url, own)
           : settings.url.empty() ? from
                                  : settings.url;
  };
  if (name == "rss" || name == "rdf:RDF") {
    const pugi::xml_node channel = root.child("channel");
    Collector out(settings, base_of(text_in(channel, "link")));
    for (const auto& item : channel.children("item")) out.add(rss_entry(item));
    for (const auto& item : root.children("item")) out.add(rss_entry(item));
    return out.take(text_in(channel, "title"));
  }
  if (name == "feed") {
    std::string link;
    for (const auto& one : root.children("link")) {
      const std::string_view rel = one.attribute("rel").value();
      if (rel.empty() || rel == "alternate") link = one.attribute("href").value();
    }
    Collector out(settings, base_of(link));
    for (const auto& entry : root.children("entry")) out.add(atom_entry(entry));
    for (const auto& gone : root.children("at:deleted-entry"))
      out.remove(gone.attribute("ref").value());
    return out.take(atom_text(root.child("title")));
  }
  return fail(ErrorCode::kInvalidArgument, "feed: <{}> is neither rss, rdf:RDF nor feed",
              shortened(name, 64));
}

Entry json_entry(const Json& item) {
  Entry out;
  const auto text = [&](std::string_view key) { return std::string(item[key].string_or("")); };
  out.id = item["id"].if_int() != nullptr ? std::to_string(item["id"].int_or(0)) : text("id");
  const auto plain = [](std::string value) {
    std::string escaped;
    for (const char c : value) {
      if (c == '&')
        escaped += "&amp;";
      else if (c == '<')
        escaped += "&lt;";
      else if (c == '\n')
        escaped += "<br>";
      else
        escaped += c;
    }
    return escaped;
  };
  out.title = plain(text("title"));
  out.link = text("url");
  if (out.link.empty()) out.link = text("external_url");
  out.text = text("content_html");
  if (out.text.empty()) out.text = plain(text("content_text"));
  if (out.text.empty()) out.text = plain(text("summary"));
  out.cover = text("image");
  if (out.cover.empty()) out.cover = text("banner_image");
  out.published = text("date_published");
  if (out.published.empty()) out.published = text("date_modified");
  if (const Json::Array* authors = item["authors"].if_array(); authors && !authors->empty())
    out.author = (*authors)[0]["name"].string_or("");
  if (out.author.empty()) out.author = item["author"]["name"].string_or("");
  if (const Json::Array* tags = item["tags"].if_array()) {
    for (const Json& tag : *tags) out.tags.emplace_back(tag.string_or(""));
  }
  if (!out.tags.empty()) out.category = out.tags[0];
  return out;
}

Result<Feed> parse_json_feed(const std::string& text, const FeedSettings& settings) {
  ZHIYIN_TRY(const Json json, parse_json(text, 4 * kFeedBytesMax));
  if (!json["version"].string_or("").starts_with("https://jsonfeed.org/version/"))
    return fail(ErrorCode::kInvalidArgument,
                "feed: JSON without \"version\": \"https://jsonfeed.org/version/1…\"");
  const std::string home(json["home_page_url"].string_or(""));
  Collector out(settings, settings.url.empty() ? home : settings.url);
  if (const Json::Array* items = json["items"].if_array()) {
    for (const Json& item : *items) out.add(json_entry(item));
  }
  return out.take(json["title"].string_or(""));
}

/// Minutes east of UTC; nothing for what is no zone.
std::optional<int> zone_minutes(std::string_view zone) {
  constexpr std::pair<std::string_view, int> kZones[] = {
      {"GMT", 0},    {"UT", 0},     {"UTC", 0},    {"Z", 0},      {"EST", -300}, {"EDT", -240},
      {"CST", -360}, {"CDT", -300}, {"MST", -420}, {"MDT", -360}, {"PST", -480}, {"PDT", -420}};
  for (const auto& [name, minutes] : kZones) {
    if (name == zone) return minutes;
  }
  int number = 0;
  constexpr std::size_t kSize = 5;
  if (zone.size() != kSize || (zone[0] != '+' && zone[0] != '-')) return std::nullopt;
  const auto found = std::from_chars(zone.data() + 1, zone.data() + zone.size(), number);
  if (found.ec != std::errc() || found.ptr != zone.data() + zone.size()) return std::nullopt;
  const int minutes = number / 100 * 60 + number % 100;
  return zone[0] == '-' ? -minutes : minutes;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!(text = trimmed(text)).empty()) {
    const std::size_t end = std::min(text.find_first_of(kBlanks), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out;
}

std::optional<Instant> rfc822_time(std::string_view text) {
  if (const std::size_t comma = text.find(','); comma != std::string_view::npos)
    text.remove_prefix(comma + 1);
  const auto words = words_of(text);
  if (words.size() < 4) return std::nullopt;
  const auto number = [](std::string_view word) {
    int out = -1;
    const auto found = std::from_chars(word.data(), word.data() + word.size(), out);
    return found.ec == std::errc() && found.ptr == word.data() + word.size() ? out : -1;
  };
  constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                          "jul", "aug", "sep", "oct", "nov", "dec"};
  const auto month = std::ranges::find(kMonths, lower(words[1].substr(0, 3)));
  int year = number(words[2]);
  if (words[2].size() == 2 && year >= 0) year += year < 50 ? 2000 : 1900;
  const std::string_view time = words[3];
  constexpr std::size_t kWithoutSeconds = 5;
  constexpr std::size_t kWithSeconds = 8;
  if (time.size() != kWithoutSeconds && time.size() != kWithSeconds) return std::nullopt;
  const int hour = number(time.substr(0, 2));
  const int minute = number(time.substr(3, 2));
  const int second = time.size() == kWithSeconds ? number(time.substr(6, 2)) : 0;
  const auto zone = zone_minutes(words.size() > 4 ? words[4] : "GMT");
  const int day = number(words[0]);
  if (month == std::end(kMonths) || !zone || day < 1 || hour < 0 || hour > 23 || minute < 0 ||
      minute > 59 || second < 0 || second > 60 || year < 1970 || year > 2999 || time[2] != ':')
    return std::nullopt;
  using namespace std::chrono;
  const year_month_day date{std::chrono::year(year),
                            std::chrono::month(static_cast<unsigned>(month - kMonths) + 1),
                            std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  const std::int64_t seconds = sys_days(date).time_since_epoch().count() * std::int64_t{86400} +
                               hour * 3600 + (minute - *zone) * 60 + second;
  return Instant{seconds * 1'000'000};
}

/// `a/./b/../c` without its dots.
std::string without_dots(std::string_view path) {
  std::vector<std::string_view> parts;
  const std::string_view query = path.substr(std::min(path.find_first_of("?#"), path.size()));
  path.remove_suffix(query.size());
  bool ends_in_folder = false;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    ends_in_folder = end < path.size() || part == "." || part == "..";
    path.remove_prefix(std::min(end + 1, path.size()));
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
  }
  std::string out;
  for (const std::string_view part : parts) {
    out += '/';
    out += part;
  }
  if (ends_in_folder || out.empty()) out += '/';
  return out + std::string(query);
}

}  // namespace

std::string html_text(std::string_view html) {
  TextLines out;
  for (std::size_t i = 0; i < html.size();) {
    if (html[i] == '&') {
      std::string text;
      if (const std::size_t bytes = append_entity(text, html.substr(i)); bytes > 0) {
        out.add(text);
        i += bytes;
        continue;
      }
    }
    const bool is_tag = html[i] == '<' && i + 1 < html.size() &&
                        (std::isalpha(static_cast<unsigned char>(html[i + 1])) != 0 ||
                         html[i + 1] == '/' || html[i + 1] == '!');
    if (!is_tag) {
      out.add(html[i++]);
      continue;
    }
    if (html.substr(i).starts_with("<!--")) {
      const std::size_t end = html.find("-->", i);
      i = end == std::string_view::npos ? html.size() : end + 3;
      continue;
    }
    const std::size_t end = html.find('>', i);
    if (end == std::string_view::npos) break;
    const std::string tag = lower(tag_name(html.substr(i + 1, end - i - 1)));
    const bool closes = html[i + 1] == '/';
    i = end + 1;
    if (is_block(tag)) out.end_line();
    if (!closes && (tag == "script" || tag == "style")) i = past_raw(html, i, tag);
  }
  return out.take();
}

std::optional<Instant> feed_time(std::string_view text) {
  text = trimmed(text);
  if (text.empty()) return std::nullopt;
  constexpr std::size_t kDate = 10;
  if (text.size() >= kDate && text[4] == '-') {
    const auto found = parse_time(text, TimeZone::shanghai());
    return found ? std::optional(*found) : std::nullopt;
  }
  return rfc822_time(text);
}

std::string resolved_url(std::string_view base, std::string_view link) {
  link = trimmed(link);
  const auto is_web = [](std::string_view url) {
    const std::string head = lower(url.substr(0, 8));
    return head.starts_with("http://") || head.starts_with("https://");
  };
  if (link.empty() || std::ranges::any_of(link, [](char c) {
        return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F;
      }))
    return {};
  if (is_web(link)) return std::string(link);
  const std::size_t colon = link.find(':');
  if (colon != std::string_view::npos && colon < std::min(link.find_first_of("/?#"), link.size()))
    return {};  // another scheme
  if (!is_web(base)) return {};
  const std::size_t scheme = base.find("//") + 2;
  if (link.starts_with("//")) return std::string(base.substr(0, scheme - 2)) + std::string(link);
  const std::size_t host_end = std::min(base.find_first_of("/?#", scheme), base.size());
  const std::string_view origin = base.substr(0, host_end);
  if (origin.size() == scheme) return {};
  std::string_view path = base.substr(host_end);
  path = path.substr(0, std::min(path.find_first_of("?#"), path.size()));
  if (link.starts_with('#') || link.starts_with('?'))
    return std::string(origin) + std::string(path) + std::string(link);
  if (link.starts_with('/')) return std::string(origin) + without_dots(link);
  const std::size_t folder = path.rfind('/');
  const std::string_view head = folder == std::string_view::npos ? "/" : path.substr(0, folder + 1);
  return std::string(origin) + without_dots(std::string(head) + std::string(link));
}

Result<Feed> parse_feed(std::string_view bytes, const FeedSettings& settings) {
  if (bytes.size() > kFeedBytesMax)
    return fail(ErrorCode::kLimitReached, "feed: {} bytes, at most {}", bytes.size(),
                kFeedBytesMax);
  ZHIYIN_TRY(const std::string text, as_utf8(bytes, settings.charset));
  const std::string_view begin = trimmed(text);
  if (begin.starts_with('{')) return parse_json_feed(text, settings);
  if (begin.starts_with('<')) return parse_xml_feed(text, settings);
  if (begin.starts_with('['))
    return fail(ErrorCode::kInvalidArgument,
                "feed: is a JSON array, not a JSON Feed; items of the catalogue come in by `zhiyin "
                "import FILE --mapping items` (.csv, .jsonl) or POST /v1/items");
  return fail(ErrorCode::kInvalidArgument, "feed: is neither XML nor JSON");
}

}  // namespace zhiyin::catalogue
