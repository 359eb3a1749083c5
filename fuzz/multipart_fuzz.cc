// Uploads to the sandbox: the first line is the content type, the rest the body. Never crashes,
// takes no more out than came in (the head of the file twice), and reads back a form that holds the
// body as its file.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "sandbox/multipart.h"

using namespace zhiyin;

namespace {

constexpr std::string_view kBoundary = "zhiyin-fuzz-boundary";

void check_bounds(const sandbox::Multipart& form, std::size_t size) {
  std::size_t taken = form.part.size() + form.file_name.size() + form.bytes.size();
  ZHIYIN_CHECK(form.fields.size() <= sandbox::kFormPartsMax);
  for (const auto& [name, value] : form.fields) taken += name.size() + value.size();
  ZHIYIN_CHECK(taken <= 2 * size);  // a name without an end covers what follows
}

void check_round_trip(std::string_view bytes) {
  if (bytes.find(kBoundary) != std::string_view::npos) return;
  std::string body;
  body.append("--").append(kBoundary);
  body.append("\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--").append(kBoundary);
  body.append("\r\nContent-Disposition: form-data; name=\"media\"; filename=\"f.mp4\"\r\n");
  body.append("Content-Type: video/mp4\r\n\r\n").append(bytes);
  body.append("\r\n--").append(kBoundary).append("--\r\n");
  const auto form = sandbox::parse_multipart(
      body, std::string("multipart/form-data; boundary=").append(kBoundary));
  ZHIYIN_CHECK(form.has_value());
  ZHIYIN_CHECK(form->bytes == bytes && form->fields.at("a") == "1" && form->part == "media");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(text.find('\n'), size);
  const std::string_view body = text.substr(std::min(line + 1, size));
  if (const auto form = sandbox::parse_multipart(body, text.substr(0, line)))
    check_bounds(*form, body.size());
  check_round_trip(body);
  return 0;
}
