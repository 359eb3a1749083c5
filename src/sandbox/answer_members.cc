#include "sandbox/answer_members.h"

#include <algorithm>

namespace zhiyin::sandbox {
namespace {

Json of_type(std::string_view name) {
  Json schema = Json::object();
  schema.set("type", name);
  return schema;
}

Json nothing() {
  Json schema = Json::object();
  schema.set("not", Json::object());
  return schema;
}

Json schema_of(std::string_view letter) {
  if (letter == "n") return of_type("integer");
  if (letter == "d") return of_type("number");
  if (letter == "b") return of_type("boolean");
  if (letter == "o") return of_type("object");
  return nothing();
}

/// Reads from the front of the text.
class Reader {
 public:
  explicit Reader(std::string_view text) : left_(text) {}

  [[nodiscard]] bool is_done() const { return left_.empty(); }
  /// Members up to a closing brace or the end.
  Json members() {
    Json properties = Json::object();
    while (!left_.empty() && !left_.starts_with('}')) {
      const std::string_view name = word();
      properties.set(name, name.empty() ? nothing() : value());
      // A stray character would stand here for ever.
      if (name.empty()) left_.remove_prefix(std::min<std::size_t>(1, left_.size()));
      while (left_.starts_with(' ')) left_.remove_prefix(1);
    }
    Json schema = of_type("object");
    if (!properties.if_object()->empty()) schema.set("properties", std::move(properties));
    return schema;
  }

 private:
  std::string_view word() {
    const std::string_view found = left_.substr(0, left_.find_first_of(" []{}:"));
    left_.remove_prefix(found.size());
    return found;
  }
  bool take(std::string_view sign) {
    if (!left_.starts_with(sign)) return false;
    left_.remove_prefix(sign.size());
    return true;
  }
  Json value() {
    if (take("[]")) {
      Json schema = of_type("array");
      schema.set("items", value());
      return schema;
    }
    if (take("{")) {
      Json schema = members();
      return take("}") ? schema : nothing();
    }
    return take(":") ? schema_of(word()) : of_type("string");
  }

  std::string_view left_;
};

}  // namespace

Json answer_schema(std::string_view members) {
  Reader reader(members);
  Json schema = reader.members();
  return reader.is_done() ? schema : nothing();
}

}  // namespace zhiyin::sandbox
