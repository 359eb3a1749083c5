#include "sandbox/multipart.h"

#include <algorithm>
#include <cctype>

namespace zhiyin::sandbox {
namespace {

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

namespace {

/// The next part of `rest`, which begins behind its delimiter; `rest` then begins at the following
/// one.
Result<void> read_part(std::string_view& rest, const std::string& delimiter, Multipart& form) {
  const auto wrong = [](std::string_view what) {
    return fail(ErrorCode::kInvalidArgument, "multipart: {}", what);
  };
  if (!rest.starts_with("\r\n")) return wrong("no line ends behind a boundary");
  rest.remove_prefix(2);
  const std::size_t end = rest.find("\r\n" + delimiter);
  if (end == std::string_view::npos) return wrong("a part has no end");
  const std::string_view part = rest.substr(0, end);
  const std::size_t head_end = part.substr(0, kPartHeadBytesMax + 4).find("\r\n\r\n");
  if (head_end == std::string_view::npos)
    return wrong(part.size() > kPartHeadBytesMax ? "the head of a part is too long"
                                                 : "a part has no head");
  const std::string_view head = part.substr(0, head_end);
  const std::string_view content = part.substr(head_end + 4);
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
  rest.remove_prefix(end + 2);
  return {};
}

}  // namespace

Result<Multipart> parse_multipart(std::string_view body, std::string_view content_type) {
  const std::string boundary = parameter(content_type, "boundary");
  if (!lower(content_type).starts_with("multipart/form-data") || boundary.empty())
    return fail(ErrorCode::kInvalidArgument, "multipart: no boundary in the content type");
  if (boundary.size() > kBoundaryBytesMax)
    return fail(ErrorCode::kInvalidArgument, "multipart: boundary has {} bytes, {} are allowed",
                boundary.size(), kBoundaryBytesMax);
  if (body.size() > kFormBytesMax)
    return fail(ErrorCode::kInvalidArgument, "multipart: {} bytes, {} are allowed", body.size(),
                kFormBytesMax);
  const std::string delimiter = "--" + boundary;
  const std::size_t begin = body.find(delimiter);
  if (begin == std::string_view::npos)
    return fail(ErrorCode::kInvalidArgument, "multipart: the boundary does not occur");
  Multipart form;
  std::string_view rest = body.substr(begin);
  for (std::size_t parts = 0;; ++parts) {
    rest.remove_prefix(delimiter.size());
    if (rest.starts_with("--")) return form;
    if (parts == kFormPartsMax)
      return fail(ErrorCode::kInvalidArgument, "multipart: more than {} parts", kFormPartsMax);
    ZHIYIN_TRY_VOID(read_part(rest, delimiter, form));
  }
}

}  // namespace zhiyin::sandbox
