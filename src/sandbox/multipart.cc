#include "sandbox/multipart.h"

#include <algorithm>
#include <cctype>

namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kPartsMax = 64;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

/// A parameter of a header's value, with or without quotes; empty when absent.
std::string parameter(std::string_view value, std::string_view name) {
  const std::string key = std::string(name) + "=";
  std::size_t at = 0;
  while ((at = lower(value).find(key, at)) != std::string::npos) {
    const bool is_whole = at == 0 || value[at - 1] == ' ' || value[at - 1] == ';';
    at += key.size();
    if (!is_whole) continue;  // `filename=` when `name=` is wanted
    std::string_view rest = value.substr(at);
    if (rest.starts_with('"')) return std::string(rest.substr(1, rest.find('"', 1) - 1));
    return std::string(rest.substr(0, rest.find_first_of("; \r\n")));
  }
  return {};
}

std::string header_of(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && lower(line.substr(0, colon)) == name) {
      std::string_view value = line.substr(colon + 1);
      value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
      return std::string(value);
    }
    head.remove_prefix(std::min(end + 2, head.size()));
  }
  return {};
}

}  // namespace

Result<Multipart> parse_multipart(std::string_view body, std::string_view content_type) {
  const std::string boundary = parameter(content_type, "boundary");
  if (!lower(content_type).starts_with("multipart/form-data") || boundary.empty())
    return fail(ErrorCode::kInvalidArgument, "multipart: no boundary in the content type");
  const std::string delimiter = "--" + boundary;
  Multipart form;
  std::size_t at = body.find(delimiter);
  for (std::size_t parts = 0; at != std::string_view::npos && parts < kPartsMax; ++parts) {
    std::string_view rest = body.substr(at + delimiter.size());
    if (rest.starts_with("--")) return form;
    if (!rest.starts_with("\r\n")) break;
    rest.remove_prefix(2);
    const std::size_t head_end = rest.find("\r\n\r\n");
    const std::size_t end = rest.find("\r\n" + delimiter);
    if (head_end == std::string_view::npos || end == std::string_view::npos || head_end > end)
      break;
    const std::string_view head = rest.substr(0, head_end);
    const std::string_view content =
        head_end + 4 <= end ? rest.substr(head_end + 4, end - head_end - 4) : std::string_view();
    const std::string disposition = header_of(head, "content-disposition");
    const std::string name = parameter(disposition, "name");
    if (const std::string file = parameter(disposition, "filename"); !file.empty()) {
      form.part = name;
      form.file_name = file;
      form.file_type = header_of(head, "content-type");
      form.bytes = content;
    } else {
      form.fields.insert_or_assign(name, std::string(content));
    }
    at = static_cast<std::size_t>(rest.data() - body.data()) + end + 2;
  }
  return fail(ErrorCode::kInvalidArgument, "multipart: a part has no end");
}

}  // namespace zhiyin::sandbox
