#include "campaign/message_template.h"

#include <algorithm>

#include "base/utf8.h"

namespace zhiyin::campaign {

namespace {

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

Result<TextTemplate> parsed(std::string_view field, std::string_view text) {
  Result<TextTemplate> out = TextTemplate::create(text);
  if (!out) return std::unexpected(within(field, std::move(out.error())));
  return out;
}

}  // namespace

Result<TextTemplate> TextTemplate::create(std::string_view text) {
  TextTemplate out;
  while (true) {
    const std::size_t open = text.find("{{");
    if (open != 0) out.pieces_.push_back({std::string(text.substr(0, open)), false, false, {}});
    if (open == std::string_view::npos) return out;
    const std::size_t close = text.find("}}", open);
    if (close == std::string_view::npos) {
      return fail(ErrorCode::kInvalidArgument, "'{}' is not closed by }}}}",
                  utf8::truncate(text.substr(open), 40));
    }
    const std::string_view inside = text.substr(open + 2, close - open - 2);
    const std::size_t bar = inside.find('|');
    const std::string_view name = trimmed(inside.substr(0, bar));
    if (name.empty() || name.size() > kNameBytesMax || name.find('{') != std::string_view::npos) {
      return fail(ErrorCode::kInvalidArgument, "'{{{{{}}}}}' does not name a variable",
                  utf8::truncate(inside, 40));
    }
    Piece piece{std::string(name), true, bar != std::string_view::npos, {}};
    if (piece.has_fallback) piece.fallback = std::string(inside.substr(bar + 1));
    out.pieces_.push_back(std::move(piece));
    text.remove_prefix(close + 2);
    if (text.empty()) return out;
  }
}

std::string TextTemplate::render(const std::map<std::string, std::string>& variables,
                                 std::string_view link, std::vector<std::string>& missing) const {
  std::string out;
  for (const Piece& piece : pieces_) {
    if (!piece.is_variable) {
      out += piece.text;
    } else if (piece.text == kLink) {
      out += link;
    } else if (const auto found = variables.find(piece.text); found != variables.end()) {
      out += found->second;
    } else if (piece.has_fallback) {
      out += piece.fallback;
    } else {
      missing.push_back(piece.text);
    }
  }
  return out;
}

std::vector<std::string> TextTemplate::variables() const {
  std::vector<std::string> out;
  for (const Piece& piece : pieces_) {
    if (piece.is_variable && piece.text != kLink) out.push_back(piece.text);
  }
  return out;
}

bool TextTemplate::uses_link() const {
  return std::any_of(pieces_.begin(), pieces_.end(),
                     [](const Piece& p) { return p.is_variable && p.text == kLink; });
}

Result<MessageTemplate> MessageTemplate::create(const Message& message) {
  MessageTemplate out;
  out.message_ = message;
  ZHIYIN_TRY(out.text_, parsed("text", message.text));
  ZHIYIN_TRY(out.title_, parsed("title", message.title));
  ZHIYIN_TRY(out.description_, parsed("description", message.description));
  for (const auto& [keyword, text] : message.data) {
    ZHIYIN_TRY(out.data_[keyword], parsed("data." + keyword, text));
  }
  return out;
}

MessageTemplate::Rendered MessageTemplate::render(
    const std::map<std::string, std::string>& variables, std::string_view link) const {
  Rendered out;
  delivery::Content& content = out.content;
  content.type = message_.type;
  content.text = text_.render(variables, link, out.missing);
  content.title = title_.render(variables, link, out.missing);
  content.description = description_.render(variables, link, out.missing);
  content.picture_url = message_.picture_url;
  content.template_id = message_.template_id;
  for (const auto& [keyword, text] : data_) {
    content.data[keyword] = text.render(variables, link, out.missing);
  }
  if (message_.type != ContentType::kText) content.url = std::string(link);
  return out;
}

bool MessageTemplate::has_variables() const {
  return !text_.variables().empty() || !title_.variables().empty() ||
         !description_.variables().empty() ||
         std::any_of(data_.begin(), data_.end(),
                     [](const auto& entry) { return !entry.second.variables().empty(); });
}

bool MessageTemplate::uses_link() const { return !message_.link.empty(); }

std::string preview_text(const delivery::Content& content) {
  switch (content.type) {
    case ContentType::kText:
      return content.text;
    case ContentType::kNews:
      return fmt::format("{}\n{}\n{}", content.title, content.description, content.url);
    case ContentType::kTemplate:
      break;
  }
  std::string out;
  for (const auto& [keyword, value] : content.data) out += fmt::format("{}: {}\n", keyword, value);
  return out + content.url;
}

}  // namespace zhiyin::campaign
