#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "campaign/campaign.h"

namespace zhiyin::campaign {

/// A text with variables: `{{name|fallback}}`, `{{name}}`, `{{link}}`. A pure value.
class TextTemplate {
 public:
  static constexpr std::size_t kNameBytesMax = 64;
  static constexpr std::string_view kLink = "link";

  /// Fails with kInvalidArgument on braces that do not close and on empty or overlong names.
  static Result<TextTemplate> create(std::string_view text);

  /// Appends to `missing` the variables that have neither value nor fallback.
  [[nodiscard]] std::string render(const std::map<std::string, std::string>& variables,
                                   std::string_view link, std::vector<std::string>& missing) const;
  /// The variables in it, without `link`, in order of appearance.
  [[nodiscard]] std::vector<std::string> variables() const;
  [[nodiscard]] bool uses_link() const;

 private:
  struct Piece {
    std::string text;  ///< literal, or the variable's name
    bool is_variable = false;
    bool has_fallback = false;
    std::string fallback;
  };
  std::vector<Piece> pieces_;
};

/// A message of a campaign, parsed. A pure value.
class MessageTemplate {
 public:
  /// kInvalidArgument with the field (`text`, `data.thing1`).
  static Result<MessageTemplate> create(const Message& message);

  struct Rendered {
    delivery::Content content;
    std::vector<std::string> missing;
  };
  /// `link` is the tracked address, or empty when the message has none.
  [[nodiscard]] Rendered render(const std::map<std::string, std::string>& variables,
                                std::string_view link) const;
  /// True when it differs from person to person.
  [[nodiscard]] bool has_variables() const;
  /// True when a tracked link goes out with it.
  [[nodiscard]] bool uses_link() const;
  [[nodiscard]] const std::string& link() const { return message_.link; }

 private:
  Message message_;
  TextTemplate text_;
  TextTemplate title_;
  TextTemplate description_;
  std::map<std::string, TextTemplate> data_;
};

/// What a person would read, as one text. Pure.
std::string preview_text(const delivery::Content& content);

}  // namespace zhiyin::campaign
